//! The tree `leaves`: which record lies under a leaf that does not have its number; of a leaf that was left, that one did. A record that was written anew is found
//! by it where one begins with the leaf: its number lies in one bucket, its leaf in another.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound::{Excluded, Included};

use crate::keyring::{BUCKET_RECORDS, Bucket};
use crate::lead::Leaf;
use crate::purpose::{PurposeId, RecordId};
use crate::store::StoreError;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{Place, record_id, record_key};

/// Of a leaf that was left: the number of no record.
const LEFT: &[u8] = &[];

/// Notes it, where the leaf is not the record's own.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn note(draft: &mut Draft<'_>, leaf: Leaf, id: &RecordId) -> Result<(), StoreError> {
    if leaf == Leaf::of(id) {
        return Ok(());
    }
    draft.write(Place::Leaves, &key(&id.purpose, leaf), record_key(id.epoch, id.number).to_vec())
}

/// No record lies under it any more. That one did stays, and not which, until nothing lives in its bucket: its number was never a
/// record's.
pub(super) fn forget(draft: &mut Draft<'_>, leaf: Leaf, id: &RecordId) -> Result<(), StoreError> {
    if leaf == Leaf::of(id) {
        return Ok(());
    }
    draft.write(Place::Leaves, &key(&id.purpose, leaf), LEFT.to_vec())
}

/// True if a record of another number lies under this leaf, or lay.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn is_noted(draft: &Draft<'_>, purpose: &PurposeId, leaf: Leaf) -> Result<bool, StoreError> {
    Ok(draft.read(&Place::Leaves, &key(purpose, leaf))?.is_some())
}

/// Purpose ‖ 0 ‖ epoch ‖ number: those of a bucket lie together, in their order.
fn key(purpose: &PurposeId, leaf: Leaf) -> Vec<u8> {
    [purpose.as_str().as_bytes(), b"\0", &record_key(leaf.epoch, leaf.number)].concat()
}

/// The records that lie under leaves of this bucket and have other numbers: whoever goes through a bucket finds them so.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn in_bucket(engine: &Engine, bucket: &Bucket) -> Result<Vec<RecordId>, StoreError> {
    let (first, last) = range(bucket);
    let mut records = Vec::new();
    engine.visit(&Place::Leaves, (Included(&first), Included(&last)), |_, value| {
        // What never was a record's key is passed over.
        records.extend(record_id(&bucket.purpose, value));
        Ok(true)
    })?;
    Ok(records)
}

/// Forgets all of them: nothing lives in this bucket any more.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn forget_bucket(draft: &mut Draft<'_>, bucket: &Bucket) -> Result<(), StoreError> {
    let (first, last) = range(bucket);
    let mut keys = Vec::new();
    draft.engine.visit(&Place::Leaves, (Included(&first), Included(&last)), |key, _| {
        keys.push(key.to_vec());
        Ok(true)
    })?;
    keys.iter().for_each(|key| draft.remove(Place::Leaves, key));
    Ok(())
}

/// The first and the last key of a bucket.
fn range(bucket: &Bucket) -> (Vec<u8>, Vec<u8>) {
    let first = Leaf { epoch: bucket.epoch, number: bucket.index.saturating_mul(BUCKET_RECORDS) };
    let last = Leaf { number: first.number.saturating_add(BUCKET_RECORDS - 1), ..first };
    (key(&bucket.purpose, first), key(&bucket.purpose, last))
}

/// Under which leaves of other numbers records of a purpose lie, or lay when they were lost; at most so many are told.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn of_purpose(
    engine: &Engine,
    purpose: &PurposeId,
    max: usize,
) -> Result<HashMap<RecordId, Leaf>, StoreError> {
    let name = purpose.as_str().as_bytes();
    let (first, end) = ([name, b"\0"].concat(), [name, b"\x01"].concat());
    let mut found = HashMap::new();
    engine.visit(&Place::Leaves, (Included(&first), Excluded(&end)), |key, value| {
        if let Ok(id) = record_id(purpose, value)
            && let Some(place) = key.get(first.len()..)
            && let Ok(leaf) = record_id(purpose, place)
        {
            found.insert(id, Leaf { epoch: leaf.epoch, number: leaf.number });
        }
        Ok(found.len() < max)
    })?;
    Ok(found)
}

/// The leaves of other numbers under which records of a purpose lie, or lay when they were lost: by one look at all its rows.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn of_records(
    engine: &Engine,
    purpose: &PurposeId,
    wanted: &BTreeSet<RecordId>,
) -> Result<Vec<(RecordId, Leaf)>, StoreError> {
    let name = purpose.as_str().as_bytes();
    let (first, end) = ([name, b"\0"].concat(), [name, b"\x01"].concat());
    let mut found = Vec::new();
    engine.visit(&Place::Leaves, (Included(&first), Excluded(&end)), |key, value| {
        if let Ok(id) = record_id(purpose, value)
            && wanted.contains(&id)
            && let Some(place) = key.get(first.len()..)
            && let Ok(leaf) = record_id(purpose, place)
        {
            found.push((id, Leaf { epoch: leaf.epoch, number: leaf.number }));
        }
        Ok(true)
    })?;
    Ok(found)
}
