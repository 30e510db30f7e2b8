//! `POST /passes`: a link by which a person opens what is held of them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::IdText;
use crate::purpose::RecordId;

/// Of which record, or of which of whoever has an address, and for how long: exactly one of `id`, `email` and `phone`.
// It may hold an address: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivePass {
    /// The record's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<IdText>,
    /// Each record that holds this e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Each record that holds this telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// For how many days the link opens the page, today among them: 1 to 365; absent: 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// What came of it.
// It holds links: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct GivenPasses {
    /// One for each record, by purpose and number; none: no record holds the address.
    pub passes: Vec<GivenLink>,
    /// How many records hold the address, where that is more than were given a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub total: Option<u64>,
    /// How many submissions were not read yet, so that nobody knew whose they were.
    pub unread: u64,
    /// How many records do not open, and may hold the address.
    pub unreadable: u64,
}

/// A link to the page of one record.
// Whoever has it opens the page: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct GivenLink {
    /// The record.
    pub id: RecordId,
    /// The link. It cannot be had again: for the person alone.
    pub url: String,
    /// The last day (UTC) on which it opens the page, if the record lives so long.
    #[schema(pattern = "^[0-9]{4,6}-[0-9]{2}-[0-9]{2}$")]
    pub last_day: String,
}
