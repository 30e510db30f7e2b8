//! The rows of `restrictions`: record → why nobody may use it, since when, until when.

use std::collections::BTreeMap;
use std::ops::Bound::Unbounded;

use serde::{Deserialize, Serialize};

use crate::clock::Day;
use crate::purpose::{PurposeId, RecordId};
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, InTree, Place, record_id, record_key};
use crate::store::sled::unreadable::Unreadable;
use crate::store::{ErasureId, Restriction, StoreCode, StoreError};
use crate::trail::Reason;

/// The version of a row whose record waits for its erasure: an earlier tamis cannot read it, and keeps the record restricted.
const TO_ERASE: u8 = 2;

/// A restriction as it is kept. The code is kept as text: a later list of codes still reads old rows.
#[derive(Serialize, Deserialize)]
struct RestrictionRow {
    reason: Option<String>,
    since_ms: i64,
    until_day: u32,
}

impl InTree for RestrictionRow {
    const TREES: &'static [Place] = &[Place::Restrictions];
}

/// One whose record waits for its erasure.
#[derive(Serialize, Deserialize)]
struct ToEraseRow {
    row: RestrictionRow,
    /// Epoch and number.
    erasure: (u32, u64),
}

impl InTree for ToEraseRow {
    const TREES: &'static [Place] = &[Place::Restrictions];
}

/// The key of a record's row: purpose ‖ 0 ‖ epoch ‖ number.
pub(super) fn key(id: &RecordId) -> Vec<u8> {
    [id.purpose.as_str().as_bytes(), b"\0", &record_key(id.epoch, id.number)].concat()
}

/// Reads it.
///
/// # Errors
/// [`StoreCode::Damaged`]: that is none.
pub(super) fn id(key: &[u8]) -> Result<RecordId, StoreError> {
    let damaged = StoreError::of(StoreCode::Damaged);
    let (head, number) = key.split_last_chunk::<12>().ok_or(damaged)?;
    let name = head.strip_suffix(b"\0").and_then(|name| std::str::from_utf8(name).ok());
    record_id(&name.and_then(PurposeId::parse).ok_or(damaged)?, number)
}

/// The bytes of a row.
pub(super) fn bytes(restriction: &Restriction) -> Vec<u8> {
    let row = RestrictionRow {
        reason: restriction.reason.map(|reason| reason.as_str().to_owned()),
        since_ms: restriction.since.as_millisecond(),
        until_day: restriction.until.0,
    };
    match restriction.erasure {
        Some(ErasureId { epoch, number }) => {
            layout::encode_as(TO_ERASE, &ToEraseRow { row, erasure: (epoch, number) })
        }
        None => layout::encode(&row),
    }
}

/// Reads them; what cannot be read restricts until somebody lifts it.
pub(super) fn read(id: &RecordId, bytes: &[u8]) -> (Restriction, Result<(), StoreError>) {
    let row = match layout::version(bytes) {
        Some(TO_ERASE) => {
            let row = layout::decode_as::<ToEraseRow>(TO_ERASE, bytes);
            row.map(|ToEraseRow { row, erasure }| (row, Some(erasure)))
        }
        _ => layout::decode::<RestrictionRow>(bytes).map(|row| (row, None)),
    };
    let read = row.and_then(|(row, erasure)| {
        let erasure = erasure.map(|(epoch, number)| ErasureId { epoch, number });
        let since = layout::moment(row.since_ms)?;
        // A later version's reason is no reason to use the record.
        let reason = row.reason.as_deref().and_then(Reason::from_code);
        Ok(Restriction { id: id.clone(), reason, since, until: Day(row.until_day), erasure })
    });
    match read {
        Ok(restriction) => (restriction, Ok(())),
        Err(error) => (Restriction::unreadable(id.clone()), Err(error)),
    }
}

/// All of them, for memory.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn all(
    engine: &Engine,
    unreadable: &Unreadable,
) -> Result<BTreeMap<RecordId, Restriction>, StoreError> {
    let mut found = BTreeMap::new();
    engine.visit(&Place::Restrictions, (Unbounded, Unbounded), |key, value| {
        // What never was a record's key restricts none.
        if let Some(id) = unreadable.or_passed_over(&Place::Restrictions, key, id(key)) {
            let (restriction, said) = read(&id, value);
            if let Err(error) = said {
                unreadable.say(&Place::Restrictions, key, error);
            }
            found.insert(id, restriction);
        }
        Ok(true)
    })?;
    Ok(found)
}
