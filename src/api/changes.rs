//! `GET /changes`, `POST /changes/{n}/applied` and `GET /changes/recipients`: what recipients must follow.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::{Moment, Word};
use crate::forget::ChangeKind;
use crate::purpose::{PurposeId, RecordId};

/// A page of a recipient's feed.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ChangeList {
    /// By number.
    pub changes: Vec<Change>,
    /// There is more: ask again at once, after the last of these.
    pub more: bool,
    /// Up to this number all are applied; 0: none is yet.
    pub applied: u64,
    /// Up to this number some went before they were applied, since nobody did for two years or too many waited. Whoever has not
    /// followed by then holds records that are gone: compare everything with an export. Absent: none ever did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub dropped_to: Option<u64>,
}

/// What became of one record.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// Its number in the feed. Numbers rise and have gaps.
    #[schema(minimum = 1)]
    pub n: u64,
    /// What became of it.
    #[schema(value_type = ChangeKind)]
    pub kind: Word<ChangeKind>,
    /// The record.
    pub id: RecordId,
    /// Its purpose.
    pub purpose: PurposeId,
    /// Which consent, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub consent: Option<String>,
    /// When the record ends from now on, where that is what changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires_at: Option<Moment>,
}

/// They are applied.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ChangesApplied {
    /// So many more than before; 0: all of them were already.
    pub changes: u64,
    /// Up to this number all are.
    pub applied: u64,
}

/// How far each recipient has followed.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct FeedList {
    /// Of each for whom there ever was a change, by name.
    pub recipients: Vec<Feed>,
}

/// How far one has.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Feed {
    /// As the config names it, or did.
    pub recipient: String,
    /// So many changes it has not applied.
    pub waiting: u64,
    /// Since when the oldest of them waits; null: none does.
    #[schema(required = true)]
    pub waiting_since: Option<Moment>,
    /// The number of its last change; 0: there was none.
    pub last: u64,
    /// Up to this number it has read them.
    pub read: u64,
    /// When it last read one that it had not read before; null: never.
    #[schema(required = true)]
    pub read_at: Option<Moment>,
    /// Up to this number it has applied them.
    pub applied: u64,
    /// When it last said so; null: never.
    #[schema(required = true)]
    pub applied_at: Option<Moment>,
    /// So many went before they were applied.
    pub dropped: u64,
}
