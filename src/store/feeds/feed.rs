//! How far a recipient is: which numbers its feed gave, and what of them it has read and applied.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::purpose::PurposeId;
use crate::store::feeds::block::{Block, RUNS_MAX};
use crate::store::feeds::{Became, FeedStanding, Followed, moment};
use crate::store::handed::Spot;

/// A feed without its changes: which numbers were given, and how far its recipient is.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(in crate::store) struct Feed {
    /// The last number that was given.
    pub(in crate::store) last: u64,
    /// Blocks that lie there.
    pub(in crate::store) blocks: u64,
    /// Changes that wait.
    pub(in crate::store) waiting: u64,
    pub(super) told: u64,
    pub(super) told_ms: Option<i64>,
    pub(in crate::store) applied: u64,
    pub(super) applied_ms: Option<i64>,
    pub(super) dropped: u64,
    pub(in crate::store) dropped_to: u64,
}

impl Feed {
    /// What stands in the place of one that cannot be read, where a change with this number still lies there: no number is given
    /// again.
    pub(in crate::store) fn unreadable(last: u64, epoch: u32, blocks: u64) -> Self {
        let last = last.max(floor(epoch)).saturating_add(PASSED_OVER);
        Self { last, blocks, waiting: blocks, ..Self::default() }
    }

    /// Numbers what became of records of one purpose, and gives it as blocks, in order.
    pub(in crate::store) fn add(
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
    pub(in crate::store) fn is_ahead(&self, n: u64, epoch: u32) -> bool {
        n > self.last.max(floor(epoch))
    }

    /// It has read its changes up to this one. True: further than before.
    pub(in crate::store) fn tell(&mut self, up_to: u64, now: Timestamp) -> bool {
        let is_new = up_to > self.told;
        if is_new {
            (self.told, self.told_ms) = (up_to, Some(now.as_millisecond()));
        }
        is_new
    }

    /// It has applied its changes up to this one.
    pub(in crate::store) fn apply(&mut self, up_to: u64, now: Timestamp) {
        (self.applied, self.applied_ms) = (up_to, Some(now.as_millisecond()));
        if up_to >= self.last {
            self.waiting = 0;
        }
    }

    /// A block goes of which so many changes were not applied.
    pub(in crate::store) fn drop(&mut self, last: u64, changes: u64) {
        self.blocks = self.blocks.saturating_sub(1);
        self.waiting = self.waiting.saturating_sub(changes);
        self.dropped = self.dropped.saturating_add(changes);
        self.dropped_to = self.dropped_to.max(last);
    }

    /// How it stands, with the moment since when its oldest change lies there.
    pub(in crate::store) fn standing(&self, recipient: String, oldest: Option<Timestamp>) -> FeedStanding {
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
pub(in crate::store) struct Follow {
    /// The number of its last change.
    last: u64,
    told_ms: Option<i64>,
    confirmed_ms: Option<i64>,
}

impl Follow {
    /// A change of it has this number.
    pub(in crate::store) fn await_until(&mut self, last: u64) {
        self.last = self.last.max(last);
    }

    /// Its recipient has read up to there.
    pub(in crate::store) fn tell(&mut self, up_to: u64, now: Timestamp) {
        if up_to >= self.last {
            self.told_ms.get_or_insert(now.as_millisecond());
        }
    }

    /// Its recipient has applied up to there.
    pub(in crate::store) fn apply(&mut self, up_to: u64, now: Timestamp) {
        if up_to >= self.last {
            self.tell(up_to, now);
            self.confirmed_ms.get_or_insert(now.as_millisecond());
        }
    }

    /// For whoever asks.
    pub(in crate::store) fn followed(&self, recipient: String) -> Followed {
        let at = |ms: Option<i64>| ms.and_then(|ms| moment(ms).ok());
        Followed { recipient, told: at(self.told_ms), confirmed: at(self.confirmed_ms) }
    }
}
