//! `POST /find`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::evidence::ConsentRecord;
use crate::api::leads::Consent;
use crate::api::restrictions::Restricted;
use crate::api::{IdText, Moment, Pairs, Word};
use crate::id::FormId;
use crate::notification::ParkCode;
use crate::purpose::{PurposeId, RecordId};

/// Which submission, by exactly one of the two ids; or which records, by an address that they hold.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Find {
    /// Meta's id of the submission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leadgen_id: Option<IdText>,
    /// The record's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<IdText>,
    /// An e-mail address, in any spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// A telephone number, in any spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Show answers whole instead of their first characters.
    #[serde(default)]
    pub unmask: bool,
}

/// What became of it, for each of its purposes; empty: nothing is known of this id, or no record holds this address. A record that
/// was erased is not known by its id any more; by the submission's it is `erased`, for as long as that is remembered.
// It holds answers: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Found {
    /// One for each purpose of a submission, by their names; one as a whole, where its form was not matched yet.
    pub records: Vec<Finding>,
    /// Of a look by an address: how many records hold it, where that is more than are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub total: Option<u64>,
    /// Of a look by an address: how many records do not open, and may hold it; left out where each opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub unreadable: Option<u64>,
    /// Of a look by an address: how many submissions are not read yet, so that nobody knows whose they are; left out where there is
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub unread: Option<u64>,
    /// Of a look by an address: of how many records that are gone evidence of consents is left (`POST /access` shows it); left out where
    /// it is of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub evidence: Option<u64>,
}

/// What is said of one submission, for one purpose.
// It holds answers: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// The record's id, where it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub id: Option<RecordId>,
    /// The purpose, once its form was matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub purpose: Option<PurposeId>,
    /// What it is now.
    #[schema(value_type = SubmissionState)]
    pub state: Word<SubmissionState>,
    /// Why it is not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<ParkCode>)]
    pub code: Option<Word<ParkCode>>,
    /// When the person submitted the form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub created_time: Option<Moment>,
    /// The day on which it is exported no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires_at: Option<Moment>,
    /// Left out where none stands: nobody may use the record, and no clock ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub restricted: Option<Restricted>,
    /// The form through which it came, where it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub form_id: Option<FormId>,
    /// The form's content as the person saw it, as hex (`GET /forms/{id}/revisions/{revision}`); left out where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub form_revision: Option<String>,
    /// The form of the config that its form counted as, a copy of it; left out where its form was named itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub copy_of: Option<FormId>,
    /// Answers by field, masked unless asked otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<std::collections::BTreeMap<String, Vec<String>>>)]
    pub fields: Option<Pairs<Vec<String>>>,
    /// Consents by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<std::collections::BTreeMap<String, Consent>>)]
    pub consents: Option<Pairs<Consent>>,
    /// How each was given and what became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub evidence: Option<Vec<ConsentRecord>>,
}

impl Finding {
    /// Of this state, and nothing else is said.
    pub fn of(state: SubmissionState) -> Self {
        Self {
            id: None,
            purpose: None,
            state: state.into(),
            code: None,
            created_time: None,
            expires_at: None,
            restricted: None,
            form_id: None,
            form_revision: None,
            copy_of: None,
            fields: None,
            consents: None,
            evidence: None,
        }
    }
}

crate::codes! {
    /// What a submission is now.
    pub enum SubmissionState {
        /// Accepted, and in the journal still.
        Queued = "queued",
        /// A record.
        Stored = "stored",
        /// A record past its expiry: it is not shown, destroyed or not.
        Expired = "expired",
        /// Read again later.
        Waiting = "waiting",
        /// No purpose or page claims it yet.
        Held = "held",
        /// The purpose's rules refused it.
        Refused = "refused",
        /// The person did not tick this purpose's box, on a form that stands under others too.
        NotAsked = "not-asked",
        /// Its last attempt failed.
        Buried = "buried",
        /// Barred: the person objected, and nothing of it was stored.
        Suppressed = "suppressed",
        /// It was erased.
        Erased = "erased",
    }
}
