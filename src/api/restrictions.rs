//! `POST /restrictions`, `GET /restrictions`, `DELETE /restrictions/{record}`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::{IdText, Moment, Word};
use crate::purpose::RecordId;
use crate::trail::Reason;

/// Which record nobody may use, until when, why.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restrict {
    /// The record's id.
    pub id: IdText,
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
}

/// Every restriction that stands, by record.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct RestrictionList {
    /// At most 10,000.
    pub restrictions: Vec<Restricted>,
}
