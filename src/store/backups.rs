//! Copies of a store while it runs, beside what it keeps: backups, and vacuums. An engine that is no file of ours has means of its
//! own for both ([decision 228](../../docs/decisions/0228-one-routine-that-copies.md)).

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::store::{StoreCode, StoreError};
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

/// A store that lies in a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vacuumed {
    /// What was removed before this moment lies nowhere in the store's directory.
    pub at: Timestamp,
    /// How many records it has.
    pub records: u64,
    /// The length of the database that was, in bytes.
    pub before_bytes: u64,
    /// The length of the one that is.
    pub store_bytes: u64,
}

/// Why a store was not vacuumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotVacuumed {
    /// There is not as much room as the new file may take while the old one is there.
    NoRoom {
        /// So many bytes must be free: as long as the database is, and the floor of the disk beside it.
        needed_bytes: u64,
        /// So many are.
        free_bytes: u64,
    },
    /// The store refuses.
    Refused(StoreError),
}

impl From<StoreError> for NotVacuumed {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl NotVacuumed {
    /// The same as a code.
    pub fn code(&self) -> StoreCode {
        match self {
            Self::NoRoom { .. } => StoreCode::DiskFull,
            Self::Refused(error) => error.code,
        }
    }
}

/// When a store was last copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastCopies {
    /// The moment of the last backup; none: none was ever made.
    pub backed_up: Option<Timestamp>,
    /// What was removed before this moment lies nowhere in the store's directory; none: since it was made nobody has seen to that.
    pub vacuumed: Option<Timestamp>,
    /// When it was last restored from a backup; none: never. What was handed to whom before is not known since.
    pub restored: Option<Timestamp>,
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

    /// Copies what is kept into a new file, holds each row against the old one, puts it into the store's place, and removes the old
    /// one with every copy that was set aside. Before the first byte the trail line (`by`) is synced. Meanwhile nothing is
    /// written, and what would be is refused; whoever reads does not notice.
    ///
    /// # Errors
    /// [`NotVacuumed::NoRoom`]: nothing was written. [`crate::store::StoreCode::CopyUnderWay`]: one at a time. Otherwise see
    /// [`crate::store::StoreCode`]: the store is as it was, unless it halted.
    async fn vacuum(&self, by: Entry) -> Result<Vacuumed, NotVacuumed>;

    /// From now on receipts of erasure say that the store is vacuumed within so many days. Returns how many it is in truth: the fewest
    /// that were ever said since the last vacuum, so that a number that was raised breaks no promise. Said again, nothing is written.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`]: what was promised before stays promised.
    async fn promise_vacuum(&self, days: u32) -> Result<u32, StoreError>;
}

/// Whoever makes them, for many.
pub type SharedBackups = Arc<dyn Backups>;
