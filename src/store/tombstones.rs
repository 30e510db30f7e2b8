//! What remembers that a submission was erased, so that it does not come back: a keyed hash under the key of the month in
//! which it was erased, which is destroyed 120 to 150 days later. They are few and lie in memory as well: whoever accepts
//! pays a hash a month, and no look at the disk.

use std::collections::{BTreeMap, HashMap};

use crate::clock::{Day, Month};
use crate::keyring::Keyring;
use crate::purpose::PurposeId;
use crate::secret::Key;
use crate::store::StoreError;

/// So long after the end of their month tombstones serve. Meta keeps a submission for 90 days, and repeats a call for 36
/// hours.
const SERVES_DAYS: u32 = 120;
/// So many are held in memory; while there are more, a look goes to the disk as well.
const HELD_MAX: usize = 500_000;

/// For which of its purposes a submission was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErasedFor {
    /// For all, those included that will claim its form.
    All,
    /// For these, in their order.
    Some(Vec<PurposeId>),
}

impl ErasedFor {
    /// For these purposes; none named: for all.
    pub(super) fn of(purposes: &[PurposeId]) -> Self {
        if purposes.is_empty() {
            return Self::All;
        }
        let mut purposes = purposes.to_vec();
        purposes.sort();
        purposes.dedup();
        Self::Some(purposes)
    }

    /// The purposes by name; none: all.
    pub(super) fn purposes(&self) -> &[PurposeId] {
        match self {
            Self::All => &[],
            Self::Some(purposes) => purposes,
        }
    }

    /// For what either says.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Some(one), Self::Some(other)) => Self::of(&[one, other].concat()),
            _ => Self::All,
        }
    }

    /// For what either says that says something.
    pub(super) fn join(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(one.and(other)),
            (one, other) => one.or(other),
        }
    }
}

/// The hash of a submission among the tombstones of a month, of its key in `seen`.
pub(super) fn tombstone_key(key: &Key, seen: &[u8; 32]) -> [u8; 32] {
    key.hmac(&[b"tamis/tombstone", seen])
}

/// True if the tombstones of a month have served.
pub(super) fn has_served(month: Month, today: Day) -> bool {
    serves_until(month) <= today
}

/// The day before which the tombstones of a month are there, and in the course of which their key goes.
pub(super) fn serves_until(month: Month) -> Day {
    month.end().plus(SERVES_DAYS)
}

/// Those that are held in memory.
#[derive(Default)]
pub(super) struct Tombstones {
    months: BTreeMap<Month, HashMap<[u8; 32], ErasedFor>>,
    held: usize,
    /// There are more than are held.
    is_short: bool,
}

impl Tombstones {
    /// One more is kept, or says more than it did.
    pub(super) fn insert(&mut self, month: Month, hash: [u8; 32], erased: ErasedFor) {
        let stones = self.months.entry(month).or_default();
        if let Some(held) = stones.get_mut(&hash) {
            *held = held.clone().and(erased);
        } else if self.held < HELD_MAX {
            stones.insert(hash, erased);
            self.held += 1;
        } else {
            self.is_short = true;
        }
    }

    /// Those of a month are gone.
    pub(super) fn forget(&mut self, month: Month) {
        self.held -= self.months.remove(&month).map_or(0, |stones| stones.len());
    }

    /// The months of which there are any, oldest first.
    pub(super) fn months(&self) -> Vec<Month> {
        self.months.keys().copied().collect()
    }

    /// For which purposes a submission was erased; none: for none. `read` looks one up where they do not all lie here.
    ///
    /// # Errors
    /// What `read` says.
    pub(super) fn find(
        &self,
        keyring: &dyn Keyring,
        seen: &[u8; 32],
        read: impl Fn(Month, &[u8; 32]) -> Result<Option<ErasedFor>, StoreError>,
    ) -> Result<Option<ErasedFor>, StoreError> {
        let mut found = None;
        for (month, stones) in &self.months {
            // Without their key they say nothing of anybody.
            let Ok(key) = keyring.tombstone_key(*month) else { continue };
            let hash = tombstone_key(&key, seen);
            let stone = match stones.get(&hash) {
                None if self.is_short => read(*month, &hash)?,
                stone => stone.cloned(),
            };
            found = ErasedFor::join(found, stone);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::memory::MemoryKeyring;

    fn purposes(names: &[&str]) -> Vec<PurposeId> {
        names.iter().map(|name| PurposeId::parse(name).expect("a name")).collect()
    }

    fn some(names: &[&str]) -> ErasedFor {
        ErasedFor::of(&purposes(names))
    }

    #[test]
    fn what_was_erased_for_some_and_then_for_others_was_erased_for_both() {
        let both = some(&["b", "a", "b"]).and(some(&["c"]));
        assert_eq!(both, ErasedFor::Some(purposes(&["a", "b", "c"])));
        assert_eq!(both.clone().and(ErasedFor::All), ErasedFor::All);
        assert_eq!(ErasedFor::of(&[]), ErasedFor::All);
        assert_eq!(ErasedFor::join(None, Some(both.clone())), Some(both.clone()));
        assert_eq!(ErasedFor::join(Some(both), Some(some(&["d"]))), Some(some(&["a", "b", "c", "d"])));
        assert_eq!(ErasedFor::join(None, None), None);
    }

    #[test]
    fn a_month_has_served_120_days_after_its_end() {
        let month = Month(671);
        assert_eq!(month.end().to_string(), "2026-01-01");
        assert_eq!(serves_until(month).to_string(), "2026-05-01");
        assert!(!has_served(month, serves_until(month).minus(1)) && has_served(month, serves_until(month)));
    }

    #[test]
    fn a_tombstone_is_found_in_any_month_while_its_key_lives_and_under_no_other() {
        let keyring = MemoryKeyring::of_instance(7);
        let (early, late) = (Month(1), Month(2));
        let mut stones = Tombstones::default();
        for month in [early, late] {
            keyring.make_tombstone_month(month).expect("made");
            let key = keyring.tombstone_key(month).expect("made");
            stones.insert(month, tombstone_key(&key, &[month.0 as u8; 32]), some(&["a"]));
            stones.insert(month, tombstone_key(&key, &[9; 32]), some(&[["", "b", "c"][month.0 as usize]]));
        }
        let none = |_: Month, _: &[u8; 32]| Ok(None);
        let find = |stones: &Tombstones, seen: u8| stones.find(&*keyring, &[seen; 32], none).expect("found");
        assert_eq!((find(&stones, 1), find(&stones, 2)), (Some(some(&["a"])), Some(some(&["a"]))));
        assert_eq!((find(&stones, 9), find(&stones, 3)), (Some(some(&["b", "c"])), None));
        keyring.destroy_tombstone_months(&[early]).expect("destroyed");
        assert_eq!((find(&stones, 1), find(&stones, 9)), (None, Some(some(&["c"]))));
        stones.forget(late);
        assert_eq!((find(&stones, 9), stones.months()), (None, vec![early]));
    }

    #[test]
    fn those_that_are_not_held_are_looked_for_on_the_disk() {
        let keyring = MemoryKeyring::of_instance(7);
        keyring.make_tombstone_month(Month(1)).expect("made");
        let key = keyring.tombstone_key(Month(1)).expect("made");
        let mut stones = Tombstones { held: HELD_MAX, ..Tombstones::default() };
        let beyond = tombstone_key(&key, &[4; 32]);
        stones.insert(Month(1), beyond, ErasedFor::All);
        let disk = |_: Month, hash: &[u8; 32]| Ok((*hash == beyond).then_some(ErasedFor::All));
        assert_eq!(stones.find(&*keyring, &[4; 32], disk), Ok(Some(ErasedFor::All)));
        assert_eq!(stones.find(&*keyring, &[5; 32], disk), Ok(None));
    }
}
