//! Leaves of the keyring's trees, as a store gives them to records and opens records by them.

use crate::keyring::lease::{Lease, LeaseError};
use crate::keyring::pages::Change;
use crate::keyring::tree::{Kind, SubKey};
use crate::keyring::{BUCKET_RECORDS, Bucket, Keyring, KeyringCode, KeyringError};
use crate::lead::{Leaf, Under};
use crate::purpose::PurposeId;
use crate::store::retention::BucketCut;

/// So many buckets are passed over for a living leaf: more numbers than anybody erases ahead of the sequence.
const BUCKETS_PASSED_MAX: u32 = 4_096;
/// A lease is taken again so often: each time somebody punctured the bucket in between.
const LEASES_MAX: u32 = 64;

/// Why there is no key for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// Its leaf was erased: the record is gone from the store as well, or that is damage.
    Dead,
    /// There never was one, as far as the keyring knows.
    Absent,
}

/// Keys for one reader, by a lease on the bucket that was used last: records of a bucket lie side by side.
#[derive(Default)]
pub(crate) struct Leaves {
    held: Option<(Bucket, Lease)>,
}

impl Leaves {
    /// The key that a record of this purpose is sealed under.
    ///
    /// # Errors
    /// See [`NoKey`].
    pub(crate) fn key(
        &mut self,
        keyring: &dyn Keyring,
        purpose: &PurposeId,
        under: Under,
    ) -> Result<SubKey, NoKey> {
        // A record of before there were leaves: the store moved, and its bucket's key is gone.
        let Under::Leaf(leaf) = under else { return Err(NoKey::Absent) };
        self.text_key(keyring, purpose, leaf, Kind::Record, 0)
    }

    /// The key of a leaf for one text: the `n`th, from 0, of its kind.
    ///
    /// # Errors
    /// See [`NoKey`].
    pub(crate) fn text_key(
        &mut self,
        keyring: &dyn Keyring,
        purpose: &PurposeId,
        leaf: Leaf,
        kind: Kind,
        n: u64,
    ) -> Result<SubKey, NoKey> {
        let bucket = bucket_of(purpose, leaf);
        for _ in 0..LEASES_MAX {
            let lease = match &mut self.held {
                Some((of, lease)) if *of == bucket => lease,
                held => {
                    let lease = keyring.lease(&bucket).map_err(|_| NoKey::Absent)?;
                    &mut held.insert((bucket.clone(), lease)).1
                }
            };
            match lease.key(place_of(leaf), kind, n) {
                Ok(key) => return Ok(key),
                Err(LeaseError::Dead) => return Err(NoKey::Dead),
                Err(LeaseError::Revoked) => self.held = None,
            }
        }
        Err(NoKey::Absent)
    }
}

/// The bucket of a leaf.
pub(crate) fn bucket_of(purpose: &PurposeId, leaf: Leaf) -> Bucket {
    Bucket { purpose: purpose.clone(), epoch: leaf.epoch, index: leaf.number / BUCKET_RECORDS }
}

/// Its place in the bucket's tree.
pub(super) fn place_of(leaf: Leaf) -> u16 {
    (leaf.number % BUCKET_RECORDS) as u16
}

/// Destroys the keys of these leaves, and what these cuts name: when it returns the disk has it, and nobody reads by them. Asked again it does
/// nothing.
///
/// # Errors
/// It cannot be made durable.
pub(super) fn puncture<'l>(
    keyring: &dyn Keyring,
    leaves: impl IntoIterator<Item = &'l (PurposeId, Leaf)>,
    cuts: &[BucketCut],
) -> Result<(), KeyringError> {
    let mut change = Change::default();
    for (purpose, leaf) in leaves {
        let place = place_of(*leaf);
        change.puncture(bucket_of(purpose, *leaf), place..place + 1);
    }
    for BucketCut { bucket, ranges, forget } in cuts {
        ranges.iter().for_each(|range| change.puncture(bucket.clone(), range.clone()));
        if *forget {
            change.puncture(bucket.clone(), 0..BUCKET_RECORDS as u16);
            change.forget(bucket.clone());
        }
    }
    keyring.change(&change)
}

/// The first living leaf at or above this one, whose number is the next record's. A sequence that fell back below erased
/// numbers meets dead ones. A bucket that is not there is made.
///
/// # Errors
/// The keyring's; [`KeyringCode::KeyAbsent`]: none lives far and wide.
pub(crate) fn first_live(
    keyring: &dyn Keyring,
    purpose: &PurposeId,
    from: Leaf,
) -> Result<Leaf, KeyringError> {
    let mut leaf = from;
    for _ in 0..BUCKETS_PASSED_MAX {
        let bucket = bucket_of(purpose, leaf);
        let first = match keyring.first_live(&bucket, place_of(leaf)) {
            Err(error) if error.code == KeyringCode::KeyAbsent => {
                keyring.make_buckets(std::slice::from_ref(&bucket))?;
                keyring.first_live(&bucket, place_of(leaf))
            }
            first => first,
        };
        let begins = bucket.index * BUCKET_RECORDS;
        match first? {
            Some(place) => return Ok(Leaf { number: begins + u64::from(place), ..leaf }),
            None => leaf.number = begins.saturating_add(BUCKET_RECORDS),
        }
    }
    Err(KeyringError::of(KeyringCode::KeyAbsent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::memory::MemoryKeyring;

    fn devis() -> PurposeId {
        PurposeId::parse("devis").expect("a purpose")
    }

    fn leaf(number: u64) -> Leaf {
        Leaf { epoch: 1, number }
    }

    fn erase(keyring: &MemoryKeyring, numbers: std::ops::Range<u64>) {
        let leaves: Vec<_> = numbers.map(|number| (devis(), leaf(number))).collect();
        puncture(keyring, &leaves, &[]).expect("changed");
    }

    #[test]
    fn the_next_number_is_that_of_the_first_leaf_that_lives() {
        let keyring = MemoryKeyring::of_instance(7);
        let first = |from| first_live(&*keyring, &devis(), leaf(from)).map(|leaf| leaf.number);
        assert_eq!((first(1), first(511), first(512)), (Ok(1), Ok(511), Ok(512)), "and the buckets are made");
        erase(&keyring, 1..3);
        assert_eq!((first(1), first(3)), (Ok(3), Ok(3)));
        erase(&keyring, 500..600);
        assert_eq!((first(499), first(500), first(599)), (Ok(499), Ok(600), Ok(600)), "into the next bucket");
    }

    /// What a reader holds ends with the puncture; it goes on by another lease, and is told of the leaf that died.
    #[test]
    fn a_reader_goes_on_after_a_puncture_and_is_told_which_leaf_is_dead() {
        let keyring = MemoryKeyring::of_instance(7);
        keyring.make_buckets(&[bucket_of(&devis(), leaf(1))]).expect("made");
        let mut leaves = Leaves::default();
        let mut key = |number| {
            let key = leaves.key(&*keyring, &devis(), Under::Leaf(leaf(number)));
            key.map(|key| *key.key().expose())
        };
        let (second, third) = (key(2).expect("alive"), key(3).expect("alive"));
        assert!(second != third);
        erase(&keyring, 2..3);
        assert_eq!(key(2), Err(NoKey::Dead));
        assert_eq!(key(3), Ok(third));
        assert_eq!(key(512), Err(NoKey::Absent));
        assert_eq!(leaves.key(&*keyring, &devis(), Under::Bucket(0)).err(), Some(NoKey::Absent));
    }
}
