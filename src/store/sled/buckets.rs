//! The tree `buckets`: how many records live under each tree of the keyring, and between which days they expire. So whoever
//! looks for what is due touches only what can be, and knows when a tree has served.

use serde::{Deserialize, Serialize};

use crate::clock::Day;
use crate::keyring::Bucket;
use crate::purpose::PurposeId;
use crate::store::StoreError;
use crate::store::sled::layout::{self, InTree, Place};

/// What is known of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BucketRow {
    /// How many records are sealed under its leaves.
    pub(super) live: u32,
    /// The first day on which one of them expires.
    pub(super) earliest: u32,
    /// The last.
    pub(super) latest: u32,
}

impl InTree for BucketRow {
    const TREES: &'static [Place] = &[Place::Buckets];
}

impl BucketRow {
    /// A bucket of one record.
    pub(super) fn of(expiry: Day) -> Self {
        Self { live: 1, earliest: expiry.0, latest: expiry.0 }
    }

    /// The same with one record more.
    pub(super) fn with(self, expiry: Day) -> Self {
        Self {
            live: self.live.saturating_add(1),
            earliest: self.earliest.min(expiry.0),
            latest: self.latest.max(expiry.0),
        }
    }

    /// The same where one of its records ends on this day from now on.
    pub(super) fn down_to(self, expiry: Day) -> Self {
        Self { earliest: self.earliest.min(expiry.0), ..self }
    }

    /// The same with one record less; none: nothing lives in it that is known. The days stay: they may be wider than what is
    /// left, never narrower.
    pub(super) fn without(self) -> Option<Self> {
        let live = self.live.saturating_sub(1);
        (live > 0 || !self.is_known()).then_some(Self { live, ..self })
    }

    /// False of what stands for a row that cannot be read.
    pub(super) fn is_known(&self) -> bool {
        (self.earliest, self.latest) != (Self::UNKNOWN.earliest, Self::UNKNOWN.latest)
    }

    /// What stands for a row that cannot be read: something may be due in it on any day, and nothing says that all is over.
    pub(super) const UNKNOWN: Self = Self { live: 0, earliest: 0, latest: u32::MAX };

    /// The bytes of the row.
    pub(super) fn bytes(&self) -> Vec<u8> {
        layout::encode(self)
    }

    /// Reads them.
    ///
    /// # Errors
    /// It is no such row.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        layout::decode(bytes)
    }
}

/// Reads what [`key`] wrote; none: it is no bucket's.
pub(super) fn bucket(key: &[u8]) -> Option<Bucket> {
    let end = key.iter().position(|byte| *byte == 0)?;
    let purpose = PurposeId::parse(std::str::from_utf8(&key[..end]).ok()?)?;
    let (epoch, index) = key[end + 1..].split_first_chunk()?;
    let (epoch, index) = (u32::from_be_bytes(*epoch), u64::from_be_bytes(index.try_into().ok()?));
    Some(Bucket { purpose, epoch, index })
}

/// The key of a bucket's row: those of a purpose lie together, in the order of their numbers.
pub(super) fn key(bucket: &Bucket) -> Vec<u8> {
    let Bucket { purpose, epoch, index } = bucket;
    [purpose.as_str().as_bytes(), b"\0", &epoch.to_be_bytes(), &index.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_s_key_says_whose_it_is_and_nothing_else_does() {
        let of = |purpose: &str| Bucket {
            purpose: PurposeId::parse(purpose).expect("a purpose"),
            epoch: 7,
            index: u64::from(u32::MAX),
        };
        for bucket in [of("devis"), of("x")] {
            let key = key(&bucket);
            assert!(super::bucket(&key) == Some(bucket));
            assert!(
                super::bucket(&key[..key.len() - 1]).is_none()
                    && super::bucket(&[&key[..], &[0]].concat()).is_none()
            );
        }
        assert!(super::bucket(b"").is_none() && super::bucket(b"devis").is_none());
    }

    #[test]
    fn a_row_goes_with_its_last_record_unless_nobody_knows_what_lives_there() {
        let two = BucketRow::of(Day(7)).with(Day(3));
        assert_eq!(two, BucketRow { live: 2, earliest: 3, latest: 7 });
        assert_eq!(two.without(), Some(BucketRow { live: 1, earliest: 3, latest: 7 }));
        assert_eq!(two.without().and_then(BucketRow::without), None);
        let unknown = BucketRow::UNKNOWN.with(Day(5));
        assert_eq!(unknown.without(), Some(BucketRow::UNKNOWN));
        assert_eq!(BucketRow::UNKNOWN.without(), Some(BucketRow::UNKNOWN));
    }
}
