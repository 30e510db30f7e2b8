//! The rows of `buckets` against the records: what lives under each tree is counted anew, and a row that says otherwise is put
//! right.
//!
//! Records are what is so, a row only says it: too low, and a tree would go while records need it; too narrow, and what is due
//! would be passed over. Of a purpose of which records are missing, or do not open, nothing is put right: nobody knows what
//! would be. A bucket that was written into while the walk looked is left to the next one.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};

use crate::clock::Day;
use crate::lead::Leaf;
use crate::purpose::PurposeId;
use crate::store::leaves::bucket_of;
use crate::store::sled::bucket_rows;
use crate::store::sled::buckets::{self, BucketRow};
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::Place;
use crate::store::sled::shared::Shared;
use crate::store::{BucketsFault, StoreError};

/// What a walk found under each tree, by the key of its row.
#[derive(Default)]
pub(super) struct Counts(BTreeMap<Vec<u8>, BucketRow>);

impl Counts {
    /// A record of a purpose is sealed under this leaf.
    pub(super) fn note(&mut self, purpose: &PurposeId, leaf: Leaf, expiry: Day) {
        let key = buckets::key(&bucket_of(purpose, leaf));
        let row = self.0.get(&key).map_or_else(|| BucketRow::of(expiry), |row| row.with(expiry));
        self.0.insert(key, row);
    }

    /// The rows of a purpose that say something else, all of its records having been counted: each with what it must say; none:
    /// nothing lives there.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    pub(super) fn wrong(
        &self,
        shared: &Shared,
        engine: &Engine,
        purpose: &PurposeId,
    ) -> Result<Wrong, StoreError> {
        let name = purpose.as_str().as_bytes();
        let (first, end) = ([name, b"\0"].concat(), [name, b"\x01"].concat());
        let mut rows: BTreeMap<Vec<u8>, Option<BucketRow>> = BTreeMap::new();
        engine.visit(&Place::Buckets, (Included(&first), Excluded(&end)), |key, bytes| {
            rows.insert(key.to_vec(), BucketRow::read(bytes).ok());
            Ok(true)
        })?;
        let counted = self.0.range(first..end);
        let absent = counted.map(|(key, _)| key).filter(|key| !rows.contains_key(*key)).cloned();
        let absent: Vec<Vec<u8>> = absent.collect();
        rows.extend(absent.into_iter().map(|key| (key, None)));
        let mut wrong = Wrong::default();
        for (key, said) in rows {
            let found = self.0.get(&key).copied();
            if is_right(said, found) || shared.touches().has(&key) {
                continue;
            }
            wrong.counted += said.map_or(0, |row| u64::from(row.live));
            wrong.found += found.map_or(0, |row| u64::from(row.live));
            wrong.rows.push((key, found));
        }
        Ok(wrong)
    }
}

/// Days may be wider than what lives there, never narrower.
fn is_right(said: Option<BucketRow>, found: Option<BucketRow>) -> bool {
    match (said, found) {
        (Some(said), Some(found)) => {
            said.live == found.live && said.earliest <= found.earliest && found.latest <= said.latest
        }
        (None, None) => true,
        _ => false,
    }
}

/// Rows that say something else than what was found.
#[derive(Default)]
pub(super) struct Wrong {
    rows: Vec<(Vec<u8>, Option<BucketRow>)>,
    counted: u64,
    found: u64,
}

impl Wrong {
    /// Beside others.
    pub(super) fn join(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.counted += other.counted;
        self.found += other.found;
    }

    /// What is told of it; none: all is right.
    pub(super) fn fault(&self) -> Option<BucketsFault> {
        let Self { rows, counted, found } = self;
        let wrong = rows.len() as u64;
        (wrong > 0).then_some(BucketsFault { wrong, counted: *counted, found: *found, repaired: 0 })
    }

    /// The rows, to be put right.
    pub(super) fn into_rows(self) -> Vec<(Vec<u8>, Option<BucketRow>)> {
        self.rows
    }
}

/// Puts rows right that nobody has written into since they were found wrong. Returns how many.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn put_right(
    draft: &mut Draft<'_>,
    rows: &[(Vec<u8>, Option<BucketRow>)],
) -> Result<u64, StoreError> {
    let mut count = 0;
    for (key, row) in rows {
        // No other transaction is applied while this one is worked out.
        if draft.shared.touches().has(key) || draft.written(&Place::Buckets, key).is_some() {
            continue;
        }
        bucket_rows::read_or_aside(draft, key)?;
        bucket_rows::put(draft, key, *row)?;
        count += 1;
    }
    Ok(count)
}
