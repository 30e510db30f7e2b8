//! Rows that cannot be read, and in whose place another is written: their bytes are kept aside, for a person to look at.

use std::ops::Bound::{Excluded, Included};

use crate::store::StoreError;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, Place, meta};

/// So many rows are kept aside; of what is beyond them the count alone is.
const ASIDE_MAX: u64 = 1_000;

/// Keeps the bytes of a row aside that another is about to replace.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn keep(
    draft: &mut Draft<'_>,
    place: &Place,
    key: &[u8],
    bytes: Vec<u8>,
    error: StoreError,
) -> Result<(), StoreError> {
    draft.shared.unreadable().say(place, key, error);
    let kept = row_counter(draft, &Place::Meta, meta::ASIDE)?;
    if kept < ASIDE_MAX {
        let mut at = at(place, key);
        // What was kept of the row before stays: it says something else.
        if draft.read(&Place::Aside, &at)?.is_some_and(|before| before != bytes) {
            at.push(0);
            at.extend_from_slice(&kept.to_be_bytes());
        }
        draft.write(Place::Aside, &at, bytes)?;
    }
    draft.write(Place::Meta, meta::ASIDE, (kept + 1).to_be_bytes().to_vec())
}

/// True if the bytes of a row are kept aside.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn is_kept(engine: &Engine, place: &Place, key: &[u8]) -> Result<bool, StoreError> {
    Ok(engine.read(&Place::Aside, &at(place, key))?.is_some())
}

/// Lets go of what is kept aside of a row: whoever it was of is to be forgotten.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn forget(draft: &mut Draft<'_>, place: &Place, key: &[u8]) -> Result<(), StoreError> {
    let at = at(place, key);
    // Whatever was kept of it, first or later. Keys of such rows are as long as each other: none begins with another and a zero.
    let (first, end) = ([at.as_slice(), b"\0"].concat(), [at.as_slice(), b"\x01"].concat());
    let mut keys: Vec<Vec<u8>> = vec![at];
    draft.engine.visit(&Place::Aside, (Included(first.as_slice()), Excluded(end.as_slice())), |key, _| {
        keys.push(key.to_vec());
        Ok(true)
    })?;
    let written = draft.keys_written(&Place::Aside);
    keys.extend(written.into_iter().filter(|key| *key >= first && *key < end));
    for key in keys {
        if draft.read(&Place::Aside, &key)?.is_some() {
            draft.remove(Place::Aside, &key);
        }
    }
    Ok(())
}

fn at(place: &Place, key: &[u8]) -> Vec<u8> {
    [place.name().as_bytes(), b"\0", key].concat()
}

/// A counter on which nothing is built but its being shown: one that cannot be read begins anew.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn row_counter(draft: &Draft<'_>, place: &Place, key: &[u8]) -> Result<u64, StoreError> {
    let Some(bytes) = draft.read(place, key)? else { return Ok(0) };
    Ok(draft.shared.unreadable().or_passed_over(place, key, layout::number(&bytes)).unwrap_or(0))
}
