//! `GET /trail` and `GET /trail/checkpoint`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::id_text::EpochNumber;
use crate::api::{Moment, Word};
use crate::purpose::{PurposeId, RecordId};
use crate::trail::{Action, Outcome, Reason, Role};

/// One line of the trail: who did what. Nothing of what a person wrote.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct TrailLine {
    /// Its number; the first is 1, none is missing.
    pub seq: u64,
    /// When.
    pub time: Moment,
    /// Who: `token:ID`, `local:UID` (the command line), `system` (tamis itself).
    pub actor: String,
    /// In what role.
    #[schema(value_type = Role)]
    pub role: Word<Role>,
    /// On whose behalf.
    #[schema(required = true)]
    pub recipient: Option<String>,
    /// What.
    #[schema(value_type = Action)]
    pub action: Word<Action>,
    /// Of which purpose.
    #[schema(required = true)]
    pub purpose: Option<PurposeId>,
    /// How many records (for an export: up to how many); of a revoked token, how many calls were cut.
    pub count: u64,
    /// The first record.
    #[schema(required = true)]
    pub from: Option<RecordId>,
    /// The last record.
    #[schema(required = true)]
    pub to: Option<RecordId>,
    /// Which fields were changed, where some were: names in the config, never a value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// Of which erasure: of one whose person is told first what was done (`erasure-to-tell`, `erasure-told`, `erasure-untold`), of any its
    /// end (`erased`). Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = EpochNumber, required = false)]
    pub erasure: Option<String>,
    /// Why.
    #[schema(required = true, value_type = Option<Reason>)]
    pub reason: Option<Word<Reason>>,
    /// How it ended.
    #[schema(value_type = Outcome)]
    pub result: Word<Outcome>,
}

/// Where the trail stands, signed: to be kept where nobody can write who can write the store.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct TrailCheckpoint {
    /// The number of the line that it is of: of the last one, unless another was asked for. 0: there is none yet.
    pub lines: u64,
    /// The checkpoint (a C2SP signed note and checkpoint), as `tamis trail verify --since` takes it.
    pub note: String,
    /// The public key that it is checked by, as `NAME+ID+KEY`.
    pub key: String,
}
