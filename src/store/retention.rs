//! What ends by its time: records whose expiry day has come, and lines of the trail.
//!
//! Records go the way of an erasure ([`crate::store::Erasures`]), a batch at a time: one transaction takes them away, then their
//! leaves are punctured in ranges (docs/decisions, 196). What remains of a submission is its row in `seen`, so that no call
//! brings it back.

use std::collections::HashMap;
use std::ops::Range;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::clock::Month;
use crate::keyring::{BUCKET_RECORDS, Bucket, Keyring};
use crate::purpose::{Cursor, Lifespan, PurposeId};
use crate::store::{Extent, StoreError};

/// So many records end at once: one transaction and one change of the keyring, of some tens of milliseconds.
pub const EXPIRED_AT_ONCE_MAX: usize = 4_096;

/// What a batch took away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// Records by purpose, in their order.
    pub records: Vec<(PurposeId, u64)>,
    /// So many of them are of people who were asked whether they still agree, and did not answer.
    pub lapsed: u64,
    /// More is due.
    pub more: bool,
    /// Their keys are destroyed; false: that is tried again each second, and at the next start before anybody has the store.
    pub done: bool,
}

impl Expired {
    /// Nothing was due.
    pub(super) const NOTHING: Self = Self { records: Vec::new(), lapsed: 0, more: false, done: true };

    /// How many records there were.
    pub fn total(&self) -> u64 {
        self.records.iter().map(|(_, count)| count).sum()
    }

    pub(super) fn of(extent: Extent, lapsed: u64, more: bool, done: bool) -> Self {
        Self { records: extent.records, lapsed, more, done }
    }
}

/// Ending what has had its time.
#[async_trait]
pub trait Retention: Send + Sync {
    /// Takes records away whose expiry day has come, a batch of at most [`EXPIRED_AT_ONCE_MAX`], also of a purpose that the
    /// config no longer names: counts them off, writes a trail line a purpose with their number and range, and another of those who were asked whether they still agree and did not answer, syncs, destroys
    /// their keys, and only then answers. A record that is restricted stays, whatever its day, until that is over. A bucket in which nothing lives any more leaves nothing in the keyring. No
    /// tombstone is made: what is noted of each submission stays, and keeps it from being taken in again.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::ClockJumped`], [`crate::store::StoreCode::ClockUnconfirmed`];
    /// [`crate::store::StoreCode::Keyring`]: the keys of the batch before are not destroyed yet. Otherwise see
    /// [`crate::store::StoreCode`].
    async fn expire(&self) -> Result<Expired, StoreError>;

    /// How many records can still be opened although their expiry day came more than a day ago: they are there, or their keys
    /// are. At least so many; 0: none. What is restricted is overdue by no clock.
    ///
    /// # Errors
    /// As [`Retention::expire`]: while nobody has confirmed the clock nothing counts as overdue.
    async fn overdue(&self) -> Result<u64, StoreError>;

    /// Takes the trail's lines away that were written before the month that is so many months before this one, from the beginning
    /// on, and writes a line that says up to where. The rest stays provable: that line is signed as all are, and without it a
    /// trail that begins later than with its first line is broken. Returns how many.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::ClockJumped`], [`crate::store::StoreCode::ClockUnconfirmed`];
    /// [`crate::store::StoreCode::TrailBroken`]: then nothing goes. Otherwise see [`crate::store::StoreCode`].
    async fn drop_lines(&self, months: u32) -> Result<u64, StoreError>;

    /// Gives the records of a purpose the end that this lifespan gives them, where it is earlier than theirs, a slice at a time.
    /// They are sealed again under their own leaves: what goes is what an older copy would have said of their end. Nothing ends
    /// by it before [`Retention::expire`] is asked.
    ///
    /// # Errors
    /// As [`Retention::expire`].
    async fn date_anew(&self, slice: DatingSlice) -> Result<Dated, StoreError>;

    /// By which lifespan the records of each purpose are dated, as was noted last.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn lifespans(&self) -> Result<HashMap<PurposeId, KeptLifespan>, StoreError>;

    /// Notes it.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn keep_lifespan(&self, purpose: PurposeId, kept: KeptLifespan) -> Result<(), StoreError>;
}

/// So many records are dated anew at once.
pub const DATED_AT_ONCE_MAX: usize = 256;

/// Which records are dated anew.
#[derive(Clone)]
pub struct DatingSlice {
    /// Of this purpose.
    pub purpose: PurposeId,
    /// By this.
    pub lifespan: Lifespan,
    /// The next `DATED_AT_ONCE_MAX` after this one; none: from the first.
    pub after: Option<Cursor>,
    /// Nothing is changed.
    pub dry_run: bool,
}

/// What a slice came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dated {
    /// Where the next slice begins; none: there is none.
    pub next: Option<Cursor>,
    /// Records that end earlier by it.
    pub earlier: u64,
    /// How many of these are over at once.
    pub over: u64,
}

/// By which lifespan a purpose's records are dated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptLifespan {
    /// No record ends later than by this; none: nobody knows.
    pub in_force: Option<Lifespan>,
    /// What is to be in force, and since when that is known.
    pub pending: Option<(Lifespan, Timestamp)>,
}

/// The first month whose lines stay.
pub(super) fn lines_kept_from(now: Timestamp, months: u32) -> Month {
    Month(Month::of(now).0.saturating_sub(months))
}

/// What goes of one bucket of the keyring.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct BucketCut {
    /// Which.
    pub(super) bucket: Bucket,
    /// Leaves, in order.
    pub(super) ranges: Vec<Range<u16>>,
    /// Nothing lives in it and no number of it will be given: it goes whole.
    pub(super) forget: bool,
}

impl BucketCut {
    /// These leaves of a bucket.
    pub(super) fn of(bucket: Bucket, mut leaves: Vec<u16>, forget: bool) -> Self {
        leaves.sort_unstable();
        let mut ranges: Vec<Range<u16>> = Vec::new();
        for leaf in leaves {
            match ranges.last_mut() {
                Some(last) if leaf <= last.end => last.end = last.end.max(leaf.saturating_add(1)),
                _ => ranges.push(leaf..leaf.saturating_add(1)),
            }
        }
        Self { bucket, ranges, forget }
    }

    /// True if this leaf goes.
    pub(super) fn takes(&self, bucket: &Bucket, leaf: u16) -> bool {
        self.bucket == *bucket && (self.forget || self.ranges.iter().any(|range| range.contains(&leaf)))
    }

    /// How many of its leaves live, at the most: a range counts whole.
    pub(super) fn living(&self, keyring: &dyn Keyring) -> u64 {
        let first = |from: u16| keyring.first_live(&self.bucket, from).ok().flatten();
        if self.forget {
            return if first(0).is_some() { self.leaves().max(1) } else { 0 };
        }
        let lives = |range: &&Range<u16>| first(range.start).is_some_and(|leaf| leaf < range.end);
        self.ranges.iter().filter(lives).map(|range| u64::from(range.end - range.start)).sum()
    }

    /// How many leaves it names.
    pub(super) fn leaves(&self) -> u64 {
        self.ranges.iter().map(|range| u64::from(range.end - range.start)).sum()
    }
}

/// True if every number of a bucket was given, where this one is the next: none of it will be.
pub(super) fn is_given_whole(bucket: &Bucket, epoch: u32, next: u64) -> bool {
    bucket.epoch < epoch || (bucket.epoch == epoch && bucket.index < next / BUCKET_RECORDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::support::purpose;

    #[test]
    fn leaves_in_a_row_are_one_range_in_whatever_order_they_come() {
        let bucket = || Bucket { purpose: purpose("devis"), epoch: 1, index: 2 };
        let cut = BucketCut::of(bucket(), vec![7, 5, 6, 511, 1, 5], false);
        assert_eq!((cut.ranges.clone(), cut.leaves()), (vec![1..2, 5..8, 511..512], 5));
        assert!([1, 5, 7, 511].iter().all(|leaf| cut.takes(&bucket(), *leaf)));
        assert!([0, 2, 8].iter().all(|leaf| !cut.takes(&bucket(), *leaf)));
        assert!(BucketCut::of(bucket(), Vec::new(), true).takes(&bucket(), 9));
        assert!(BucketCut::of(bucket(), Vec::new(), true).ranges.is_empty());
        let given = |epoch, next| is_given_whole(&bucket(), epoch, next);
        assert_eq!(
            [given(1, 1_535), given(1, 1_536), given(2, 1), given(0, 5_000)],
            [false, true, true, false]
        );
    }
}
