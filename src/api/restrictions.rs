//! `POST /restrictions`, `GET /restrictions`, `DELETE /restrictions/{record}`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::id_text::EpochNumber;
use crate::api::{IdText, Moment, Word};
use crate::purpose::RecordId;
use crate::trail::Reason;

/// Which record nobody may use, or which of whoever has an address, until when, why: exactly one of `id`, `email` and `phone`.
// It may hold an address: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restrict {
    /// The record's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<IdText>,
    /// Each record that holds this e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Each record that holds this telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The last day (UTC) on which it is restricted, as in `2026-12-31`: today at the earliest, twelve months from now at the
    /// latest.
    pub until: String,
    /// Why; it stands in the trail and with the restriction. Absent: what `Tamis-Reason` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Word<Reason>>,
}

/// A restriction that stands.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Restricted {
    /// The record.
    pub id: RecordId,
    /// Why; null: that cannot be read any more, and the record stays restricted until somebody lifts that.
    #[schema(required = true, value_type = Option<Reason>)]
    pub reason: Option<Word<Reason>>,
    /// Since when, renewed or not.
    pub since: Moment,
    /// The last day (UTC) on which it is restricted.
    #[schema(value_type = String, pattern = "^[0-9]{4,6}-[0-9]{2}-[0-9]{2}$")]
    pub until: String,
    /// The erasure that the record waits for: its person is told first, and nobody lifts it. It is carried out by the end of the day in `until`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = EpochNumber, required = false)]
    pub erasure: Option<String>,
}

/// What came of it by an address.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct RestrictedAll {
    /// Each record that holds the address and is restricted now, by purpose and number; none: no record holds it.
    pub restrictions: Vec<Restricted>,
    /// How many submissions were not read yet, so that nobody knew whose they were.
    pub unread: u64,
    /// How many records do not open, and may hold the address.
    pub unreadable: u64,
}

/// Every restriction that stands, by record.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct RestrictionList {
    /// At most 10,000.
    pub restrictions: Vec<Restricted>,
}
