//! What became of each leadgen.

use crate::id::LeadgenId;
use crate::notification::{ParkCode, Why};
use crate::purpose::RecordId;
use crate::store::StoreError;

/// What became of a leadgen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeenState {
    /// In the vault.
    Stored(RecordId),
    /// Parked.
    Parked(Why),
    /// Refused for good; its parked reference is gone.
    Refused(ParkCode),
    /// Erased.
    Erased,
}

/// What became of each leadgen, under keyed hashes.
pub trait Seen: Send + Sync {
    /// What became of it; none: never settled. Reads beside the writer; on the path of accepting.
    ///
    /// # Errors
    /// See [`StoreCode`].
    fn seen(&self, leadgen: &LeadgenId) -> Result<Option<SeenState>, StoreError>;
}
