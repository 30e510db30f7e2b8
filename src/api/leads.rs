//! `GET /purposes/{purpose}/leads`.
//!
//! The daemon writes records by its own hand, straight from what it opened (`http/admin/record.rs`), so that no answer is
//! copied; a test holds what it writes against these types.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::evidence::ConsentRecord;
use crate::api::{Moment, Pairs};
use crate::id::{FormId, PageId};
use crate::purpose::{PurposeId, RecordId};

/// A page as one JSON document (`format=json`).
// It holds answers: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct LeadPage {
    /// The records, in the order in which they arrived.
    pub leads: Vec<Lead>,
    /// The next `after`.
    pub next_cursor: RecordId,
    /// True if there is more: go on at once.
    pub more: bool,
}

/// A consent of a record.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct Consent {
    /// The person ticked the box, and nobody had ticked it before.
    pub given: bool,
    /// From this day on it holds no longer, and fields that hang on it are left out; null: it holds as long as the record,
    /// or was not given.
    #[schema(required = true)]
    pub valid_until: Option<Moment>,
}

/// One record: a line of NDJSON.
// It holds answers: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Lead {
    /// Its name, for good: give it to the recipient as the external key.
    pub id: RecordId,
    /// Why it is held.
    pub purpose: PurposeId,
    /// When the person submitted the form.
    pub created_time: Moment,
    /// When tamis was told.
    pub received_at: Moment,
    /// The form.
    pub form_id: FormId,
    /// The page.
    pub page_id: PageId,
    /// Answers by field, whitelisted now and when they were stored; a field without an answer is left out, and one that hangs
    /// on a consent that was not given or holds no longer.
    #[schema(value_type = std::collections::BTreeMap<String, Vec<String>>)]
    pub fields: Pairs<Vec<String>>,
    /// Consents by key; one that was not asked for when the record was stored is left out.
    #[schema(value_type = std::collections::BTreeMap<String, Consent>)]
    pub consents: Pairs<Consent>,
    /// The day on which it is exported no longer.
    pub expires_at: Moment,
    /// When the person is to be asked again; null: never.
    #[schema(required = true)]
    pub reconfirm_due: Option<Moment>,
    /// One of Meta's test leads.
    pub test: bool,
    /// How each consent was given and what became of it, where that is asked for (`evidence=true`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub evidence: Option<Vec<ConsentRecord>>,
    /// The ad, where the purpose keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ad_id: Option<String>,
    /// The ad set, where the purpose keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub adset_id: Option<String>,
    /// The campaign, where the purpose keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub campaign_id: Option<String>,
    /// `fb` or `ig`, where the purpose keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub platform: Option<String>,
    /// Meta's own id of the submission, where the purpose keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub leadgen_id: Option<String>,
    /// True of what no ad brought, where the purpose keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub is_organic: Option<bool>,
    /// The ad, in words, where the purpose keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ad_name: Option<String>,
    /// The campaign, in words, where the purpose keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub campaign_name: Option<String>,
    /// The form, in words, where the purpose keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub form_name: Option<String>,
    /// Through which partner it came, where the purpose keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub partner_name: Option<String>,
    /// Of what a shop sells, by the shop's id, where the purpose keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub retailer_item_id: Option<String>,
    /// A vehicle on offer, by Meta's id, where the purpose keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub vehicle: Option<String>,
    /// A home on offer, by Meta's id, where the purpose keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub home_listing: Option<String>,
}
