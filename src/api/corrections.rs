//! `POST /corrections`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::{IdText, Pairs, Word};
use crate::purpose::RecordId;
use crate::trail::Reason;

/// What a record should hold in some of its fields.
// It holds answers: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// The record's id.
    pub id: IdText,
    /// By the names of the config: the answers of a field in the place of those that it had; none: the field goes.
    pub fields: Pairs<Vec<String>>,
    /// Why; it stands in the trail. Absent, also as `Tamis-Reason`: `person-request`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Word<Reason>>,
}

/// What came of it.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Corrected {
    /// The record: its id stays.
    pub id: RecordId,
    /// False: it was so already, and nothing was done.
    pub changed: bool,
    /// The fields that were corrected, and those that are worked out from them.
    pub fields: Vec<String>,
}
