//! What became of each leadgen.

use async_trait::async_trait;

use crate::id::LeadgenId;
use crate::notification::{LeadRef, ParkCode, Why};
use crate::purpose::{PurposeId, RecordId};
use crate::secret::Key;
use crate::store::StoreError;

/// What became of a leadgen, for one of its purposes or as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeenState {
    /// In the vault.
    Stored(RecordId),
    /// Parked.
    Parked(Why),
    /// Refused for good; its parked reference is gone.
    Refused(ParkCode),
    /// The person did not tick the box for it, on a form that stands under other purposes too. Nothing was refused.
    NotAsked,
    /// Barred by a suppression: nothing of it is stored, and it is not asked for again.
    Suppressed,
    /// Erased.
    Erased,
}

/// The key of a leadgen in `seen`: a keyed hash. Its record has it inside the seal.
pub(super) fn seen_key(key: &Key, leadgen: &LeadgenId) -> [u8; 32] {
    key.hmac(&[b"tamis/seen", leadgen.expose().as_bytes()])
}

/// What became of a leadgen for one purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// The purpose; none: its form was not matched yet, so this is so as a whole.
    pub purpose: Option<PurposeId>,
    /// What.
    pub state: SeenState,
}

impl Fate {
    /// True if nothing more is stored for this purpose whatever is settled: it was erased for it or as a whole, or is barred.
    pub fn has_no_way_back_for(&self, purpose: &PurposeId) -> bool {
        matches!(self.state, SeenState::Erased | SeenState::Suppressed)
            && self.purpose.as_ref().is_none_or(|of| of == purpose)
    }

    /// A record.
    pub(super) fn stored(id: RecordId) -> Self {
        Self { purpose: Some(id.purpose.clone()), state: SeenState::Stored(id) }
    }
}

/// What became of each leadgen, under keyed hashes.
#[async_trait]
pub trait Seen: Send + Sync {
    /// Of each reference, in this order, whether anything is known of its leadgen, of whatever kind. What was dropped is
    /// not, save to the notification that was: another one is new. Nor is what was named with another form or page, while
    /// Graph has confirmed none; nor, an hour later, what was buried since Graph did not know it. On the path of accepting:
    /// one look for all, beside the writer. What was noted and cannot be read, or names parked references that are not
    /// there, is not known: it is fetched again, since a lead that is stored twice can be recognised, and one that is
    /// passed over is lost.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn known(&self, references: &[LeadRef]) -> Result<Vec<bool>, StoreError>;

    /// What became of it, by purpose and in their order; empty: never settled, or dropped since. What cannot be read is
    /// shown as buried, by [`ParkCode::ReferenceUnreadable`].
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn seen(&self, leadgen: &LeadgenId) -> Result<Vec<Fate>, StoreError>;
}
