//! What recipients must follow (GDPR art. 19): of each recipient a feed of what became of the records that it was handed, and how far
//! it has followed.
//!
//! A change is written in the transaction of the act itself, for whoever was handed the record by then ([`crate::store::Handed`]), and
//! lies there until its recipient says that it has applied it (docs/decisions, 236). Records that follow one another and became the
//! same at once lie in one block: an expiry of thousands is a few rows.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::clock::plus_months;
use crate::forget::ChangeKind;
use crate::purpose::{ConsentKey, PurposeId, RecordId};
use crate::store::handed::Spot;
use crate::store::{ErasureId, StoreCode, StoreError};
use crate::trail::Entry;

/// So many changes are given at once.
pub const CHANGES_LISTED_MAX: usize = 1_000;
/// A change that nobody applies is kept for so many calendar months.
pub const CHANGES_KEPT_MONTHS: u32 = 24;
/// So many blocks wait for one recipient; beyond them the oldest go, counted and told.
pub(super) const BLOCKS_MAX: u64 = 100_000;
/// So many runs of records lie in one block: less than a row may be.
const RUNS_MAX: usize = 512;

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

/// Changes that lie together: the same of several records of a purpose, with numbers that follow one another. The kind is kept as
/// text: a later list still reads old blocks.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Block {
    first: u64,
    at_ms: i64,
    kind: String,
    purpose: String,
    /// Epoch, first number, how many.
    runs: Vec<(u32, u64, u32)>,
    consent: Option<String>,
    expires_ms: Option<i64>,
    erasure: Option<(u32, u64)>,
}

impl Block {
    /// How many changes it is.
    fn count(&self) -> u64 {
        self.runs.iter().fold(0, |sum, (_, _, many)| sum.saturating_add(u64::from(*many)))
    }

    /// The number of its last change.
    pub(super) fn last(&self) -> u64 {
        self.first.saturating_add(self.count()).saturating_sub(1)
    }

    /// How many of its changes lie between these numbers, the first not among them, the last one so.
    pub(super) fn between(&self, after: u64, up_to: u64) -> u64 {
        up_to.min(self.last()).saturating_sub(after.max(self.first.saturating_sub(1)))
    }

    /// Since when it lies there.
    ///
    /// # Errors
    /// It is no moment.
    pub(super) fn since(&self) -> Result<Timestamp, StoreError> {
        moment(self.at_ms)
    }

    /// By which erasure it came.
    pub(super) fn erasure(&self) -> Option<ErasureId> {
        self.erasure.map(|(epoch, number)| ErasureId { epoch, number })
    }

    /// Adds its changes after this number, until there are so many.
    ///
    /// # Errors
    /// A word of it is a later version's, or none at all.
    pub(super) fn list(&self, after: u64, max: usize, into: &mut Vec<Change>) -> Result<(), StoreError> {
        let kind = ChangeKind::from_code(&self.kind).ok_or(StoreError::of(StoreCode::Format))?;
        let purpose = PurposeId::parse(&self.purpose).ok_or(StoreError::of(StoreCode::Damaged))?;
        let expires = self.expires_ms.map(moment).transpose()?;
        let beyond = StoreError::of(StoreCode::Damaged);
        let mut n = self.first;
        for (epoch, first, many) in &self.runs {
            let many = u64::from(*many);
            let passed = after.saturating_add(1).saturating_sub(n).min(many);
            for number in passed..many {
                if into.len() >= max {
                    return Ok(());
                }
                let of_record = first.checked_add(number).ok_or(beyond)?;
                let id = RecordId { purpose: purpose.clone(), epoch: *epoch, number: of_record };
                let n = n.checked_add(number).ok_or(beyond)?;
                into.push(Change { n, kind, id, consent: self.consent.clone(), expires });
            }
            n = n.checked_add(many).ok_or(beyond)?;
        }
        Ok(())
    }

    /// True unless it was not applied for too long by now.
    pub(super) fn is_kept(&self, now: Timestamp) -> bool {
        moment(self.at_ms).is_ok_and(|at| plus_months(at, CHANGES_KEPT_MONTHS) > now)
    }
}

/// A feed without its changes: which numbers were given, and how far its recipient is.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Feed {
    /// The last number that was given.
    pub(super) last: u64,
    /// Blocks that lie there.
    pub(super) blocks: u64,
    /// Changes that wait.
    pub(super) waiting: u64,
    told: u64,
    told_ms: Option<i64>,
    pub(super) applied: u64,
    applied_ms: Option<i64>,
    dropped: u64,
    pub(super) dropped_to: u64,
}

impl Feed {
    /// What stands in the place of one that cannot be read, where a change with this number still lies there: no number is given
    /// again.
    pub(super) fn unreadable(last: u64, epoch: u32, blocks: u64) -> Self {
        let last = last.max(floor(epoch)).saturating_add(PASSED_OVER);
        Self { last, blocks, waiting: blocks, ..Self::default() }
    }

    /// Numbers what became of records of one purpose, and gives it as blocks, in order.
    pub(super) fn add(
        &mut self,
        became: &Became<'_>,
        purpose: &PurposeId,
        mut spots: Vec<Spot>,
        epoch: u32,
        now: Timestamp,
    ) -> Vec<Block> {
        spots.sort_unstable();
        spots.dedup();
        let mut runs: Vec<(u32, u64, u32)> = Vec::new();
        for (epoch, number) in spots {
            match runs.last_mut() {
                Some((of, first, many)) if *of == epoch && *first + u64::from(*many) == number => *many += 1,
                _ => runs.push((epoch, number, 1)),
            }
        }
        let mut blocks = Vec::new();
        for runs in runs.chunks(RUNS_MAX) {
            let block = Block {
                first: self.last.max(floor(epoch)).saturating_add(1),
                at_ms: now.as_millisecond(),
                kind: became.kind.as_str().to_owned(),
                purpose: purpose.as_str().to_owned(),
                runs: runs.to_vec(),
                consent: became.consent.map(|consent| consent.as_str().to_owned()),
                expires_ms: became.expires.map(Timestamp::as_millisecond),
                erasure: became.erasure.map(|erasure| (erasure.epoch, erasure.number)),
            };
            self.last = block.last();
            self.blocks = self.blocks.saturating_add(1);
            self.waiting = self.waiting.saturating_add(block.count());
            blocks.push(block);
        }
        blocks
    }

    /// True of a number that no change has, or ever had.
    pub(super) fn is_ahead(&self, n: u64, epoch: u32) -> bool {
        n > self.last.max(floor(epoch))
    }

    /// It has read its changes up to this one. True: further than before.
    pub(super) fn tell(&mut self, up_to: u64, now: Timestamp) -> bool {
        let is_new = up_to > self.told;
        if is_new {
            (self.told, self.told_ms) = (up_to, Some(now.as_millisecond()));
        }
        is_new
    }

    /// It has applied its changes up to this one.
    pub(super) fn apply(&mut self, up_to: u64, now: Timestamp) {
        (self.applied, self.applied_ms) = (up_to, Some(now.as_millisecond()));
        if up_to >= self.last {
            self.waiting = 0;
        }
    }

    /// A block goes of which so many changes were not applied.
    pub(super) fn drop(&mut self, last: u64, changes: u64) {
        self.blocks = self.blocks.saturating_sub(1);
        self.waiting = self.waiting.saturating_sub(changes);
        self.dropped = self.dropped.saturating_add(changes);
        self.dropped_to = self.dropped_to.max(last);
    }

    /// How it stands, with the moment since when its oldest change lies there.
    pub(super) fn standing(&self, recipient: String, oldest: Option<Timestamp>) -> FeedStanding {
        let at = |ms: Option<i64>| ms.and_then(|ms| moment(ms).ok());
        FeedStanding {
            recipient,
            waiting: self.waiting,
            oldest,
            last: self.last,
            told: (self.told, at(self.told_ms)),
            applied: (self.applied, at(self.applied_ms)),
            dropped: self.dropped,
        }
    }
}

/// So many numbers are passed over where nobody knows which were given.
const PASSED_OVER: u64 = 1 << 31;

/// The number before the first that is given in an epoch: whatever a store gave after the backup from which it was restored lies below.
fn floor(epoch: u32) -> u64 {
    u64::from(epoch.saturating_sub(1)) << 32
}

/// How far a recipient has followed one erasure.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Follow {
    /// The number of its last change.
    last: u64,
    told_ms: Option<i64>,
    confirmed_ms: Option<i64>,
}

impl Follow {
    /// A change of it has this number.
    pub(super) fn await_until(&mut self, last: u64) {
        self.last = self.last.max(last);
    }

    /// Its recipient has read up to there.
    pub(super) fn tell(&mut self, up_to: u64, now: Timestamp) {
        if up_to >= self.last {
            self.told_ms.get_or_insert(now.as_millisecond());
        }
    }

    /// Its recipient has applied up to there.
    pub(super) fn apply(&mut self, up_to: u64, now: Timestamp) {
        if up_to >= self.last {
            self.tell(up_to, now);
            self.confirmed_ms.get_or_insert(now.as_millisecond());
        }
    }

    /// For whoever asks.
    pub(super) fn followed(&self, recipient: String) -> Followed {
        let at = |ms: Option<i64>| ms.and_then(|ms| moment(ms).ok());
        Followed { recipient, told: at(self.told_ms), confirmed: at(self.confirmed_ms) }
    }
}

fn moment(ms: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(ms).map_err(|_| StoreError::of(StoreCode::Damaged))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_764_000_000 + second).expect("in range")
    }

    fn purpose() -> PurposeId {
        PurposeId::parse("devis").expect("a purpose")
    }

    fn add(feed: &mut Feed, numbers: impl IntoIterator<Item = u64>, epoch: u32) -> Vec<Block> {
        let spots = numbers.into_iter().map(|number| (1, number)).collect();
        feed.add(&Became::of(ChangeKind::Expired, &[]), &purpose(), spots, epoch, at(0))
    }

    fn listed(block: &Block, after: u64, max: usize) -> Vec<(u64, u64)> {
        let mut changes = Vec::new();
        block.list(after, max, &mut changes).expect("of our words");
        changes.iter().map(|change| (change.n, change.id.number)).collect()
    }

    #[test]
    fn records_that_follow_one_another_are_one_run_and_each_has_its_number() {
        let mut feed = Feed::default();
        let blocks = add(&mut feed, [7, 5, 6, 9, 5], 1);
        let [block] = blocks.as_slice() else { panic!("one block") };
        assert_eq!(block.runs, [(1, 5, 3), (1, 9, 1)]);
        assert_eq!((block.last(), feed.last, feed.blocks, feed.waiting), (4, 4, 1, 4));
        assert_eq!(listed(block, 0, 10), [(1, 5), (2, 6), (3, 7), (4, 9)]);
        assert_eq!(listed(block, 2, 10), [(3, 7), (4, 9)]);
        assert_eq!(listed(block, 1, 2), [(2, 6), (3, 7)]);
        assert_eq!((listed(block, 4, 10), listed(block, 9, 10)), (vec![], vec![]));
        assert_eq!([block.between(0, 9), block.between(1, 3), block.between(4, 9)], [4, 2, 0]);
    }

    #[test]
    fn a_damaged_block_or_feed_is_said_and_makes_nobody_count_beyond_the_end() {
        let mut feed = Feed::default();
        let whole = add(&mut feed, 1..=3, 1).remove(0);
        for bad in [
            Block { first: u64::MAX - 1, ..whole.clone() },
            Block { runs: vec![(1, u64::MAX, 2)], ..whole.clone() },
            Block {
                runs: vec![(1, 1, u32::MAX), (1, 1, 2)],
                first: u64::MAX - u64::from(u32::MAX),
                ..whole.clone()
            },
        ] {
            let mut listed = Vec::new();
            let said = bad.list(0, CHANGES_LISTED_MAX, &mut listed).map_err(|error| error.code);
            assert!(said == Err(StoreCode::Damaged) || listed.len() == CHANGES_LISTED_MAX, "{said:?}");
            // Nor after the last number that there is.
            let _ = bad.list(u64::MAX, 5, &mut Vec::new());
        }
        let (all, full) =
            (u64::MAX, Feed { last: u64::MAX, blocks: u64::MAX, waiting: u64::MAX, ..Feed::default() });
        let mut full = Feed { dropped: all, ..full };
        let block = add(&mut full, 1..=3, 1).remove(0);
        full.drop(block.last(), 3);
        assert_eq!((full.dropped, Feed::unreadable(all, 1, 0).last), (all, all));
    }

    #[test]
    fn a_block_is_less_than_a_row_may_be_and_numbers_run_on_over_blocks() {
        let mut feed = Feed::default();
        let blocks = add(&mut feed, (0..3_000).map(|number| number * 2), 1);
        assert_eq!(blocks.len(), 6);
        assert!(blocks.iter().all(|block| block.runs.len() <= RUNS_MAX));
        let all: Vec<u64> = blocks.iter().flat_map(|block| listed(block, 0, 9_999)).map(|(n, _)| n).collect();
        assert_eq!(all, (1..=3_000).collect::<Vec<_>>());
        assert_eq!((feed.last, feed.waiting), (3_000, 3_000));
    }

    /// Whoever applied numbers that a restored store forgot meets none of them again, and is not ahead of it.
    #[test]
    fn a_restored_store_gives_no_number_again() {
        let mut feed = Feed::default();
        add(&mut feed, 1..=50, 1);
        assert!(feed.is_ahead(51, 1) && !feed.is_ahead(50, 1) && !feed.is_ahead(0, 1));
        assert!(!feed.is_ahead(70, 8_000), "it was given after the backup");
        let blocks = add(&mut feed, [99], 8_000);
        assert_eq!(blocks.first().map(|block| block.first), Some((7_999 << 32) + 1));
        assert!(feed.last < 1 << 53, "a number that JSON readers keep whole");
        assert_eq!(feed.waiting, 51);
        assert!(Feed::unreadable(50, 1, 3).last > 50 && Feed::unreadable(0, 8_000, 0).last > 7_999 << 32);
    }

    #[test]
    fn an_erasure_is_followed_once_its_last_change_is_applied() {
        let mut follow = Follow::default();
        follow.await_until(7);
        follow.await_until(3);
        follow.tell(6, at(1));
        assert_eq!(follow.followed(String::new()).told, None);
        follow.tell(7, at(2));
        follow.tell(8, at(3));
        follow.apply(6, at(4));
        assert_eq!(follow.followed(String::new()).confirmed, None);
        follow.apply(9, at(5));
        follow.apply(10, at(6));
        let followed = follow.followed("crm".to_owned());
        assert_eq!((followed.told, followed.confirmed), (Some(at(2)), Some(at(5))));
    }

    #[test]
    fn a_change_that_nobody_applies_is_kept_for_two_years() {
        let mut feed = Feed::default();
        let blocks = add(&mut feed, [1], 1);
        let end = plus_months(at(0), 24);
        assert!(blocks[0].is_kept(end - jiff::SignedDuration::from_secs(1)) && !blocks[0].is_kept(end));
    }
}
