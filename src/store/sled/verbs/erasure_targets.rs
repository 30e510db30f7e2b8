//! Which submissions an erasure means, looked up beside the writer.

use std::collections::HashMap;
use std::ops::Bound::{Excluded, Unbounded};

use crate::lead::{SealedRecord, seen_of};
use crate::purpose::RecordId;
use crate::store::leaves::Leaves;
use crate::store::sled::layout::Place;
use crate::store::sled::rows::SeenRow;
use crate::store::sled::shared::Shared;
use crate::store::sled::verbs::reading;
use crate::store::{StoreError, Wanted};

/// Rows of `seen` that are read at a time, where a record does not say which is its own.
const SCAN_ROWS: usize = 1_024;

/// A submission that is to be erased.
#[derive(Clone)]
pub(in crate::store::sled) struct Target {
    /// Its key in `seen`; none: nothing says which.
    pub(in crate::store::sled) seen: Option<[u8; 32]>,
    /// The record by which it was named.
    pub(in crate::store::sled) record: Option<RecordId>,
}

/// Looks up which submissions are meant. A record that is not there means none.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(in crate::store::sled) fn targets(shared: &Shared, what: &[Wanted]) -> Result<Vec<Target>, StoreError> {
    let mut leaves = Leaves::default();
    let mut targets = Vec::with_capacity(what.len());
    let mut unknown: HashMap<RecordId, usize> = HashMap::new();
    for wanted in what {
        match wanted {
            Wanted::Leadgen(leadgen) => {
                targets.push(Target { seen: Some(shared.seen_key(leadgen)), record: None });
            }
            Wanted::Record(id) => {
                let found = shared.reading(|engine| reading::record(engine, id))?;
                let Some(value) = found else { continue };
                let seen = own_seen(shared, &mut leaves, id, &value);
                if seen.is_none() {
                    unknown.insert(id.clone(), targets.len());
                }
                targets.push(Target { seen, record: Some(id.clone()) });
            }
        }
    }
    if !unknown.is_empty() {
        for (at, seen) in noted_where(shared, &unknown)? {
            targets[at].seen = Some(seen);
        }
    }
    Ok(targets)
}

/// The key in `seen` that a record has inside its seal; none: an earlier version stored it, or it does not open.
fn own_seen(shared: &Shared, leaves: &mut Leaves, id: &RecordId, value: &[u8]) -> Option<[u8; 32]> {
    let record = SealedRecord::decode(value)?;
    let key = leaves.key(shared.keyring(), &id.purpose, record.under).ok()?;
    seen_of(&record, id, key.key()).ok().flatten()
}

/// Where these records are noted: by a look at all that is.
fn noted_where(
    shared: &Shared,
    wanted: &HashMap<RecordId, usize>,
) -> Result<Vec<(usize, [u8; 32])>, StoreError> {
    let mut found = Vec::new();
    let mut after: Option<::sled::IVec> = None;
    loop {
        let rows = shared.reading(|engine| {
            let from = after.as_ref().map_or(Unbounded, |key| Excluded(key.as_ref()));
            engine.scan(&Place::Seen, (from, Unbounded), SCAN_ROWS)
        })?;
        for (key, value) in &rows {
            let (Ok(row), Ok(key)) = (SeenRow::read(value), <[u8; 32]>::try_from(key.as_ref())) else {
                continue;
            };
            let records = row.fates.iter().filter_map(|fate| fate.record().ok().flatten());
            found.extend(records.filter_map(|id| wanted.get(&id)).map(|at| (*at, key)));
        }
        after = rows.last().map(|(key, _)| key.clone());
        if rows.len() < SCAN_ROWS {
            return Ok(found);
        }
    }
}
