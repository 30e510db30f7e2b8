//! What became of each leadgen.

use async_trait::async_trait;

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
#[async_trait]
pub trait Seen: Send + Sync {
    /// Of each leadgen, in this order, whether anything is known of it, of whatever kind. On the path of accepting: one look for all, beside
    /// the writer. What was noted and cannot be read, or names a parked reference that is not there, is not known: it is
    /// fetched again, since a lead that is stored twice can be recognised, and one that is passed over is lost.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn known(&self, leadgens: &[LeadgenId]) -> Result<Vec<bool>, StoreError>;

    /// What became of it; none: never settled. What cannot be read is shown as buried, by [`ParkCode::ReferenceUnreadable`].
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn seen(&self, leadgen: &LeadgenId) -> Result<Option<SeenState>, StoreError>;
}
