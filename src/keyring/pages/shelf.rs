//! What a set of pages holds, in memory.

use std::collections::{BTreeMap, BTreeSet};

use crate::keyring::lease::Held;
use crate::keyring::pages::body::{Keys, MAP_BYTES_MAX, Sum};
use crate::keyring::pages::page::{Mark, Nonce};
use crate::keyring::tree::Frontier;
use crate::keyring::{Bucket, InstanceId};
use crate::secret::Key;

/// No keyring has more pages: 256 MB, the keys of twenty million leads of which every other was erased.
pub const PAGES_MAX: u32 = 8 * MAP_BYTES_MAX as u32;
/// As many buckets one change touches at most; what touches more is several changes.
pub const CHANGE_BUCKETS_MAX: usize = 32;
/// As many free pages are kept ahead: each bucket of the largest change in the page where it was and in one more, and a head.
pub const PAGES_AHEAD: u32 = 2 * CHANGE_BUCKETS_MAX as u32 + 1;

/// The two limits that tests make smaller.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) change_buckets: usize,
    pub(super) pages_ahead: u32,
}

impl Limits {
    pub(super) const STANDARD: Self = Self { change_buckets: CHANGE_BUCKETS_MAX, pages_ahead: PAGES_AHEAD };

    /// How many pages a change of so many buckets writes at most.
    pub(super) const fn pages_of(buckets: usize) -> usize {
        2 * buckets + 1
    }
}

/// What is known of one page of buckets.
pub(super) struct Sheet {
    pub(super) nonce: Nonce,
    pub(super) mark: Mark,
    /// In order.
    pub(super) buckets: Vec<Bucket>,
    /// Bytes that are not used.
    pub(super) room: usize,
}

/// A bucket's nodes, and the page that has them.
pub(super) struct Entry {
    pub(super) page: u32,
    pub(super) held: Held,
}

/// The set that is in force.
pub(super) struct Shelf {
    pub(super) instance: InstanceId,
    pub(super) change: u64,
    pub(super) keys: Keys,
    pub(super) sum_key: Key,
    pub(super) sum: Sum,
    pub(super) head: u32,
    pub(super) head_mark: Mark,
    pub(super) sheets: BTreeMap<u32, Sheet>,
    pub(super) buckets: BTreeMap<Bucket, Entry>,
    /// Pages of zeros, durable.
    pub(super) free: BTreeSet<u32>,
}

/// What a change makes of it.
pub(super) struct Next {
    pub(super) change: u64,
    pub(super) keys: Keys,
    pub(super) sum: Sum,
    pub(super) head: u32,
    pub(super) head_mark: Mark,
    pub(super) put: Vec<(u32, Sheet)>,
    pub(super) gone: Vec<u32>,
    /// None: forgotten.
    pub(super) frontiers: Vec<(Bucket, Option<Frontier>)>,
}

impl Shelf {
    /// Takes a change over that is durable. When it returns, what the change destroyed is wiped and no lease has it.
    pub(super) fn take(&mut self, next: Next) {
        self.change = next.change;
        self.keys = next.keys;
        self.sum = next.sum;
        for number in next.gone {
            self.sheets.remove(&number);
            self.free.insert(number);
        }
        self.free.insert(self.head);
        self.free.remove(&next.head);
        (self.head, self.head_mark) = (next.head, next.head_mark);
        for (bucket, frontier) in next.frontiers {
            match (self.buckets.get_mut(&bucket), frontier) {
                (Some(entry), Some(frontier)) => entry.held.replace(frontier),
                (None, Some(frontier)) => {
                    self.buckets.insert(bucket, Entry { page: 0, held: Held::new(frontier) });
                }
                (_, None) => {
                    self.buckets.remove(&bucket);
                }
            }
        }
        for (number, sheet) in next.put {
            for bucket in &sheet.buckets {
                if let Some(entry) = self.buckets.get_mut(bucket) {
                    entry.page = number;
                }
            }
            self.free.remove(&number);
            self.sheets.insert(number, sheet);
        }
    }

    /// Pages, the head among them, that another root key than this one sealed.
    pub(super) fn sealed_by_others(&self, mark: Mark) -> Vec<u32> {
        let sheets = self.sheets.iter().filter(|(_, sheet)| sheet.mark != mark).map(|(number, _)| *number);
        let head = (self.head_mark != mark).then_some(self.head);
        sheets.chain(head).collect()
    }
}
