//! Copies of a store while it runs, beside what it keeps: an engine that is no file of ours has means of its own for that
//! ([decision 228](../../docs/decisions/0228-one-routine-that-copies.md)).

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::store::StoreError;
use crate::trail::Entry;

/// A backup that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// What it holds is of this moment.
    pub at: Timestamp,
    /// How many records it has.
    pub records: u64,
    /// The length of its database, in bytes.
    pub store_bytes: u64,
    /// Which change of the keyring was the last that it has.
    pub generation: u64,
}

/// Makes them.
#[async_trait]
pub trait Backups: Send + Sync {
    /// Copies store and keyring, as they are at one moment, into a directory that is not there yet and appears whole: `store`
    /// and `keys` in it, for their owner alone. The root key is in neither. Before its first byte the trail line (`by`) is
    /// synced. Meanwhile nothing is written, and what would be is refused. At its end whatever is stored from now on is
    /// under keys that the copy does not have.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::CopyUnderWay`]: one at a time. [`crate::store::StoreCode::PlaceTaken`],
    /// [`crate::store::StoreCode::PlaceRefused`], [`crate::store::StoreCode::PlaceFull`]. Otherwise see [`crate::store::StoreCode`].
    /// Nothing is left then.
    async fn back_up(&self, to: PathBuf, by: Entry) -> Result<BackedUp, StoreError>;
}

/// Whoever makes them, for many.
pub type SharedBackups = Arc<dyn Backups>;
