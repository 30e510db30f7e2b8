//! The rows of `evidence`: record ‖ number → a sealed event of a consent of it.

use std::ops::Bound::Included;

use crate::lead::{ConsentEvent, Leaf, SealedRecord, Under};
use crate::purpose::RecordId;
use crate::store::evidence::{opened, sealed, with};
use crate::store::leaves::Leaves;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{Place, record_key};
use crate::store::sled::shared::Shared;
use crate::store::{StoreCode, StoreError};

/// A record is looked at again so often because it was given another leaf meanwhile.
const MOVES_MAX: u32 = 8;

/// What the keys of a record's rows begin with: purpose ‖ 0 ‖ epoch ‖ number.
fn prefix(id: &RecordId) -> Vec<u8> {
    [id.purpose.as_str().as_bytes(), b"\0", &record_key(id.epoch, id.number)].concat()
}

fn key(id: &RecordId, n: u32) -> Vec<u8> {
    [prefix(id).as_slice(), &n.to_be_bytes()].concat()
}

/// The number that ends a key of this record.
fn number(id: &RecordId, key: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(key.strip_prefix(prefix(id).as_slice())?.try_into().ok()?))
}

/// The rows of a record as they lie there.
fn rows(engine: &Engine, id: &RecordId) -> Result<Vec<(u32, Vec<u8>)>, StoreError> {
    let (first, last) = (prefix(id), key(id, u32::MAX));
    let mut rows = Vec::new();
    engine.visit(&Place::Evidence, (Included(&first), Included(&last)), |key, value| {
        rows.extend(number(id, key).map(|n| (n, value.to_vec())));
        Ok(true)
    })?;
    Ok(rows)
}

/// The same, this transaction included.
fn drafted(draft: &Draft<'_>, id: &RecordId) -> Result<Vec<(u32, Vec<u8>)>, StoreError> {
    let mut numbers: Vec<u32> = rows(draft.engine, id)?.into_iter().map(|(n, _)| n).collect();
    let of_record = (Included(prefix(id)), Included(key(id, u32::MAX)));
    numbers
        .extend(draft.keys_written_in(&Place::Evidence, of_record).iter().filter_map(|key| number(id, key)));
    numbers.sort_unstable();
    numbers.dedup();
    let mut found = Vec::with_capacity(numbers.len());
    for n in numbers {
        found.extend(draft.read(&Place::Evidence, &key(id, n))?.map(|bytes| (n, bytes)));
    }
    Ok(found)
}

/// What became of the consents of a record that lies under this, this transaction included. What does not open is left out.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn drafted_of(
    draft: &mut Draft<'_>,
    id: &RecordId,
    under: Under,
) -> Result<Vec<ConsentEvent>, StoreError> {
    let Under::Leaf(leaf) = under else { return Ok(Vec::new()) };
    let rows = drafted(draft, id)?;
    let found = opened(&rows, (id, leaf), &mut draft.leaves, draft.shared.keyring());
    Ok(found.map(|found| found.events).unwrap_or_default())
}

/// A record goes, and with it what became of its consents.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn forget(draft: &mut Draft<'_>, id: &RecordId) -> Result<(), StoreError> {
    for (n, _) in drafted(draft, id)? {
        draft.remove(Place::Evidence, &key(id, n));
    }
    Ok(())
}

/// A record goes under another leaf: so does what became of its consents, and what became of them by this. A row that does not open
/// is left out and told: its key dies with the leaf.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn move_to(
    draft: &mut Draft<'_>,
    id: &RecordId,
    (before, leaf): (Leaf, Leaf),
    added: &[ConsentEvent],
) -> Result<(), StoreError> {
    let rows = drafted(draft, id)?;
    if rows.is_empty() && added.is_empty() {
        return Ok(());
    }
    let keyring = draft.shared.keyring();
    let known = opened(&rows, (id, before), &mut draft.leaves, keyring);
    let known = known.map_err(|_| StoreError::of(StoreCode::Keyring))?;
    for (n, error) in &known.unreadable {
        draft.shared.unreadable().say(&Place::Evidence, &key(id, *n), *error);
    }
    let events = with(known.events, added);
    let sealed = sealed(&events, (id, leaf), (&mut draft.leaves, keyring), draft.shared.random())?;
    for (n, _) in rows.iter().filter(|(n, _)| *n as usize >= sealed.len()) {
        draft.remove(Place::Evidence, &key(id, *n));
    }
    for (n, bytes) in (0_u32..).zip(sealed) {
        draft.write(Place::Evidence, &key(id, n), bytes)?;
    }
    Ok(())
}

/// What became of the consents of a record that was just opened under `under`; none: it lies under another leaf by now, or is gone.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn of(
    shared: &Shared,
    leaves: &mut Leaves,
    id: &RecordId,
    mut under: Under,
) -> Result<Vec<ConsentEvent>, StoreError> {
    for _ in 0..MOVES_MAX {
        let Under::Leaf(leaf) = under else { return Ok(Vec::new()) };
        let rows = shared.reading(|engine| rows(engine, id))?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let found = opened(&rows, (id, leaf), leaves, shared.keyring());
        let place = Place::Vault(id.purpose.clone());
        let now = shared.reading(|engine| engine.read(&place, &record_key(id.epoch, id.number)))?;
        let Some(now) = now else { return Ok(Vec::new()) };
        let unreadable = StoreError::of(StoreCode::RecordUnreadable);
        let (lies_under, _, _) = SealedRecord::peek(&now).ok_or(unreadable)?;
        // Between the two it was written anew: then these rows may be of one leaf and the key of another.
        if lies_under != under {
            under = lies_under;
            continue;
        }
        let found = found.map_err(|_| unreadable)?;
        for (n, error) in &found.unreadable {
            shared.unreadable().say(&Place::Evidence, &key(id, *n), *error);
        }
        return Ok(found.events);
    }
    Err(StoreError::of(StoreCode::RecordUnreadable))
}
