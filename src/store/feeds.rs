//! What recipients must follow (GDPR art. 19): of each recipient a feed of what became of the records that it was handed, and how far
//! it has followed.
//!
//! A change is written in the transaction of the act itself, for whoever was handed the record by then ([`crate::store::Handed`]), and
//! lies there until its recipient says that it has applied it (docs/decisions, 236). Records that follow one another and became the
//! same at once lie in one block: an expiry of thousands is a few rows.

mod block;
mod feed;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::forget::ChangeKind;
use crate::purpose::{ConsentKey, RecordId};
use crate::store::{ErasureId, StoreCode, StoreError};
use crate::trail::Entry;

pub(super) use block::Block;
pub(super) use feed::{Feed, Follow};

/// So many changes are given at once.
pub const CHANGES_LISTED_MAX: usize = 1_000;
/// A change that nobody applies is kept for so many calendar months.
pub const CHANGES_KEPT_MONTHS: u32 = 24;
/// So many blocks wait for one recipient; beyond them the oldest go, counted and told.
pub(super) const BLOCKS_MAX: u64 = 100_000;
/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its number in the feed: they rise, with gaps where a store was restored.
    pub n: u64,
    /// What became of it.
    pub kind: ChangeKind,
    /// Of which record.
    pub id: RecordId,
    /// Which consent, where it is about one.
    pub consent: Option<String>,
    /// When the record ends from now on, where that is what changed.
    pub expires: Option<Timestamp>,
}

/// Changes, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangesPage {
    /// Those after what was asked for.
    pub changes: Vec<Change>,
    /// There are more.
    pub more: bool,
    /// Up to here they are applied.
    pub applied: u64,
    /// Up to here some went that nobody had applied; 0: none ever did.
    pub dropped_to: u64,
}

/// What came of saying that changes are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// So many more are.
    pub changes: u64,
    /// Up to here all are.
    pub applied: u64,
}

/// How far a recipient has followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedStanding {
    /// As the config names it, or did.
    pub recipient: String,
    /// So many changes it has not applied.
    pub waiting: u64,
    /// Since when the oldest of them lies there.
    pub oldest: Option<Timestamp>,
    /// The last number that a change of it was given; 0: there was none.
    pub last: u64,
    /// Up to here it has read them, and when it last read a new one.
    pub told: (u64, Option<Timestamp>),
    /// Up to here it has applied them, and when it last said so.
    pub applied: (u64, Option<Timestamp>),
    /// So many went that it had not applied.
    pub dropped: u64,
}

impl FeedStanding {
    /// True if a change has waited for longer than this.
    pub fn waits_longer_than(&self, wait: SignedDuration, now: Timestamp) -> bool {
        self.oldest.is_some_and(|oldest| now.duration_since(oldest) > wait)
    }
}

/// A recipient that had what an erasure took away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// As the config names it, or did.
    pub recipient: String,
    /// When it read the last change of the erasure; none: it has not.
    pub told: Option<Timestamp>,
    /// When it said that it had applied it; none: it has not.
    pub confirmed: Option<Timestamp>,
}

/// The feeds of the recipients.
#[async_trait]
pub trait Feeds: Send + Sync {
    /// The changes of a recipient after this number (none: after what it has applied), at most so many and at most
    /// [`CHANGES_LISTED_MAX`]. A page that gives some writes its line (`entry`, completed with how many) and syncs before it is
    /// answered; of those that find nothing there is one line a day. None: no change of this recipient has this number, or ever had.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn changes(
        &self,
        recipient: String,
        after: Option<u64>,
        limit: usize,
        entry: Entry,
    ) -> Result<Option<ChangesPage>, StoreError>;

    /// A recipient has applied all its changes up to this one: they go. With a line (`entry`, completed with how many); said again,
    /// nothing happens and there is none. None: no change of this recipient has this number, or ever had.
    ///
    /// # Errors
    /// See [`StoreCode`]: of many changes some may be confirmed already.
    async fn apply_changes(
        &self,
        recipient: String,
        up_to: u64,
        entry: Entry,
    ) -> Result<Option<Applied>, StoreError>;

    /// How far each recipient has followed of whom there ever was a change, by name.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn feeds(&self) -> Result<Vec<FeedStanding>, StoreError>;

    /// Who was to be told of an erasure by its feed, by name, and who has applied it. It stays when the changes go.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn followed(&self, erasure: ErasureId) -> Result<Vec<Followed>, StoreError>;

    /// Takes changes away that nobody has applied for [`CHANGES_KEPT_MONTHS`], with a line a recipient. Returns how many.
    ///
    /// # Errors
    /// [`StoreCode::ClockJumped`], [`StoreCode::ClockUnconfirmed`]; otherwise see [`StoreCode`].
    async fn drop_changes(&self) -> Result<u64, StoreError>;
}

/// What became of records, for whoever was handed them.
#[derive(Clone, Copy)]
pub(super) struct Became<'r> {
    pub(super) kind: ChangeKind,
    /// Of one or more purposes, in any order.
    pub(super) records: &'r [RecordId],
    pub(super) consent: Option<&'r ConsentKey>,
    pub(super) expires: Option<Timestamp>,
    /// By which erasure.
    pub(super) erasure: Option<ErasureId>,
}

impl<'r> Became<'r> {
    /// This became of these.
    pub(super) fn of(kind: ChangeKind, records: &'r [RecordId]) -> Self {
        Self { kind, records, consent: None, expires: None, erasure: None }
    }
}

/// # Errors
/// It is no moment.
fn moment(ms: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(ms).map_err(|_| StoreError::of(StoreCode::Damaged))
}
