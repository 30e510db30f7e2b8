//! Looks at one row and at what belongs to it, each twice where something is in doubt: what was found may have changed meanwhile.

use crate::lead::{SealedRecord, check};
use crate::purpose::RecordId;
use crate::store::StoreError;
use crate::store::leaves::{Leaves, NoKey};
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{Place, record_key};
use crate::store::sled::reference;
use crate::store::sled::rows::{ParkedRow, SeenRow};
use crate::store::sled::shared::Shared;

/// True if a leadgen is still noted as stored there: looked at again after the record, which was erased since if it is not.
pub(super) fn still_notes(engine: &Engine, seen: &[u8], record: &RecordId) -> Result<bool, StoreError> {
    let Some(bytes) = engine.read(&Place::Seen, seen)? else { return Ok(false) };
    let fates = SeenRow::read(&bytes).map(|row| row.fates).unwrap_or_default();
    Ok(fates.iter().any(|fate| fate.record().is_ok_and(|noted| noted.as_ref() == Some(record))))
}

/// Checks a record's seal; nothing of its inside is read. Where its leaf is dead or its bucket gone the row is looked at again:
/// once it is gone, or under another leaf, that is how it must be.
pub(super) fn opens(
    shared: &Shared,
    engine: &Engine,
    leaves: &mut Leaves,
    id: &RecordId,
    value: &[u8],
) -> Result<bool, StoreError> {
    let Some(record) = SealedRecord::decode(value) else { return Ok(false) };
    match leaves.key(shared.keyring(), &id.purpose, record.under) {
        Ok(key) => Ok(check(&record, id, key.key()).is_ok()),
        Err(NoKey::Dead | NoKey::Absent) => {
            let again = engine.read(&Place::Vault(id.purpose.clone()), &record_key(id.epoch, id.number))?;
            Ok(again.is_none_or(|again| again.as_ref() != value))
        }
    }
}

/// A leadgen is noted as parked in a row that is not there. The note is looked at again after the row: no arrival number
/// is given twice.
pub(super) fn is_row_absent(engine: &Engine, key: &[u8], arrival: u64) -> Result<bool, StoreError> {
    if engine.read(&Place::Parked, &arrival.to_be_bytes())?.is_some() {
        return Ok(false);
    }
    let Some(again) = engine.read(&Place::Seen, key)? else { return Ok(false) };
    Ok(SeenRow::read(&again).is_ok_and(|row| row.arrivals.contains(&arrival)))
}

/// A row is there that no note leads to. The row is looked at again after the note.
pub(super) fn is_note_absent(engine: &Engine, arrival: u64, row: &ParkedRow) -> Result<bool, StoreError> {
    let note = engine.read(&Place::Seen, &row.seen)?;
    let note = note.and_then(|bytes| SeenRow::read(&bytes).ok());
    if note.is_some_and(|note| note.arrivals.contains(&arrival)) {
        return Ok(false);
    }
    Ok(engine.read(&Place::Parked, &arrival.to_be_bytes())?.is_some())
}

/// A row's seal. If it does not open, the row is looked at again: once a row is gone its day's key may go too.
pub(super) fn reference_opens(
    shared: &Shared,
    engine: &Engine,
    arrival: u64,
    row: &ParkedRow,
    value: &[u8],
) -> Result<bool, StoreError> {
    if reference::open(shared.keyring(), arrival, row).is_ok() {
        return Ok(true);
    }
    let again = engine.read(&Place::Parked, &arrival.to_be_bytes())?;
    Ok(again.is_none_or(|again| again.as_ref() != value))
}
