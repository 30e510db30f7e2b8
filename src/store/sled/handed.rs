//! The rows of `handed`: of each purpose and recipient one, with the ranges that it was handed; and of each erasure that took
//! away what somebody had, who that was.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included, Unbounded};

use serde::{Deserialize, Serialize};

use crate::clock::Day;
use crate::machine::disk::free_bytes;
use crate::purpose::{PurposeId, RecordId};
use crate::store::handed::{Holders, Ranges, Run, Spot};
use crate::store::sled::aside;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::opening::testify;
use crate::store::sled::engine::witness::Witness;
use crate::store::sled::engine::{Changes, Engine, SyncError};
use crate::store::sled::erasure_rows;
use crate::store::sled::handed_marks::{self, Mark, Marks};
use crate::store::sled::layout::{self, InTree, Place, meta, record_id, record_key};
use crate::store::sled::pieces::{self, PIECE_BYTES};
use crate::store::sled::shared::Shared;
use crate::store::{ErasureId, HandedTo, StoreCode, StoreError};
use crate::trail::{Action, Entry, KeptLine};

impl InTree for Ranges {
    const TREES: &'static [Place] = &[Place::Handed];
}

/// Between purpose and recipient in a key; in no name of either.
const BETWEEN: u8 = 0;
/// The longest name of a recipient that is kept, in bytes: longer than the config allows.
const RECIPIENT_BYTES_MAX: usize = 128;
/// Pieces of who had what one erasure took away, at the most: some twenty thousand recipients.
const PIECES_MAX: u8 = u8::MAX;

/// Who had what an erasure took away: recipient, first and last day.
#[derive(Serialize, Deserialize)]
struct HandedOfRow(Vec<(Option<String>, u32, u32)>);

impl InTree for HandedOfRow {
    const TREES: &'static [Place] = &[Place::Erasures];
}

/// The key of a row; none: of exports on behalf of nobody outside.
fn key(purpose: &PurposeId, recipient: Option<&str>) -> Vec<u8> {
    [purpose.as_str().as_bytes(), &[BETWEEN], recipient.unwrap_or("").as_bytes()].concat()
}

/// Purpose and recipient of a row's key.
fn names(key: &[u8]) -> Option<(PurposeId, Option<String>)> {
    let at = key.iter().position(|byte| *byte == BETWEEN)?;
    let purpose = PurposeId::parse(std::str::from_utf8(&key[..at]).ok()?)?;
    let recipient = std::str::from_utf8(&key[at + 1..]).ok()?;
    Some((purpose, (!recipient.is_empty()).then(|| recipient.to_owned())))
}

/// A row that cannot be read says that everything was handed over.
fn read(shared: &Shared, key: &[u8], bytes: &[u8]) -> Ranges {
    let read = layout::decode::<Ranges>(bytes);
    shared.unreadable().or_passed_over(&Place::Handed, key, read).unwrap_or_else(Ranges::unknown)
}

/// A row that is about to be written: of one that cannot be read the bytes are kept aside.
fn read_to_write(draft: &mut Draft<'_>, key: &[u8]) -> Result<Option<Ranges>, StoreError> {
    let Some(bytes) = draft.read(&Place::Handed, key)? else { return Ok(None) };
    match layout::decode(&bytes) {
        Ok(ranges) => Ok(Some(ranges)),
        Err(error) => {
            aside::keep(draft, &Place::Handed, key, bytes, error)?;
            Ok(Some(Ranges::unknown()))
        }
    }
}

/// Notes that these runs of a purpose leave for a recipient, or for nobody outside. In the transaction of the page's line.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn note(
    draft: &mut Draft<'_>,
    purpose: &PurposeId,
    recipient: Option<&str>,
    runs: &[Run],
) -> Result<(), StoreError> {
    if runs.is_empty() {
        return Ok(());
    }
    let key = key(purpose, recipient);
    let mut ranges = read_to_write(draft, &key)?.unwrap_or_default();
    ranges.add(runs, Day::of(draft.now));
    draft.write(Place::Handed, &key, layout::encode(&ranges))
}

/// What a recipient was handed of a purpose; of a row that cannot be read the bytes are kept aside.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn ranges_of(
    draft: &mut Draft<'_>,
    purpose: &PurposeId,
    recipient: &str,
) -> Result<Ranges, StoreError> {
    Ok(read_to_write(draft, &key(purpose, Some(recipient)))?.unwrap_or_default())
}

/// Which of these a recipient was handed, this transaction included.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn had(
    draft: &Draft<'_>,
    (purpose, recipient): (&PurposeId, &str),
    ranges: &Ranges,
    spots: impl Iterator<Item = Spot>,
) -> Result<Vec<Spot>, StoreError> {
    let (mut marks, mut had) = (Marks::default(), Vec::new());
    for spot in spots.filter(|spot| ranges.days_of(*spot).is_some()) {
        let row = |key: &[u8]| draft.read(&Place::Handed, key);
        if !marks.is_set(row, (Mark::Withheld, purpose, recipient), spot)? {
            had.push(spot);
        }
    }
    Ok(had)
}

/// After a restore nobody knows what left since the backup was made, on `since`: whatever was given a number up to this epoch counts as
/// handed to whoever may have asked for it, these and all that ever did, so that what becomes of it is told to all of them.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn note_possible(
    draft: &mut Draft<'_>,
    purpose: &PurposeId,
    recipients: &BTreeSet<String>,
    (epoch, since): (u32, Day),
) -> Result<(), StoreError> {
    let mut all: BTreeSet<Option<String>> = recipients.iter().cloned().map(Some).collect();
    all.extend(rows_now(draft, purpose)?.into_iter().map(|(_, recipient, _)| recipient));
    // The reaper makes it no wider than the records that are there.
    let run = ((0, 0), (epoch, u64::MAX));
    for recipient in
        all.iter().filter(|name| name.as_ref().is_none_or(|name| name.len() <= RECIPIENT_BYTES_MAX))
    {
        let key = key(purpose, recipient.as_deref());
        let mut ranges = read_to_write(draft, &key)?.unwrap_or_default();
        ranges.add(&[run], since);
        ranges.add(&[run], Day::of(draft.now));
        draft.write(Place::Handed, &key, layout::encode(&ranges))?;
    }
    Ok(())
}

/// Who was handed any of these, as of what the engine holds.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn holders(
    shared: &Shared,
    engine: &Engine,
    records: &[RecordId],
    today: Day,
) -> Result<Vec<HandedTo>, StoreError> {
    let mut holders = Holders::default();
    for purpose in purposes_of(records) {
        let (first, end) = rows_of(purpose);
        engine.visit(&Place::Handed, (Included(&first), Excluded(&end)), |key, bytes| {
            let row = |key: &[u8]| engine.read(&Place::Handed, key);
            note_holder(&mut holders, (records, purpose, key), &read(shared, key, bytes), today, row)?;
            Ok(true)
        })?;
    }
    Ok(holders.all())
}

/// The same as of this transaction, which the pages of the same group are part of.
fn holders_now(draft: &Draft<'_>, records: &[RecordId]) -> Result<Vec<HandedTo>, StoreError> {
    let (mut holders, today) = (Holders::default(), Day::of(draft.now));
    for purpose in purposes_of(records) {
        for (key, _, ranges) in rows_now(draft, purpose)? {
            let row = |key: &[u8]| draft.read(&Place::Handed, key);
            note_holder(&mut holders, (records, purpose, &key), &ranges, today, row)?;
        }
    }
    Ok(holders.all())
}

/// A row's key, its recipient (none: nobody outside), and what they were handed.
pub(super) type HandedRow = (Vec<u8>, Option<String>, Ranges);

/// What each recipient was handed of a purpose, this transaction included.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn rows_now(draft: &Draft<'_>, purpose: &PurposeId) -> Result<Vec<HandedRow>, StoreError> {
    let (first, end) = rows_of(purpose);
    let mut keys: BTreeSet<Vec<u8>> = BTreeSet::new();
    draft.engine.visit(&Place::Handed, (Included(&first), Excluded(&end)), |key, _| {
        keys.insert(key.to_vec());
        Ok(true)
    })?;
    let written = draft.keys_written(&Place::Handed);
    keys.extend(written.into_iter().filter(|key| *key >= first && *key < end));
    let mut rows = Vec::with_capacity(keys.len());
    for key in keys {
        let Some(bytes) = draft.read(&Place::Handed, &key)? else { continue };
        let Some((_, recipient)) = names(&key) else { continue };
        let ranges = read(draft.shared, &key, &bytes);
        rows.push((key, recipient, ranges));
    }
    Ok(rows)
}

/// Of which purposes these are.
pub(super) fn purposes_of(records: &[RecordId]) -> BTreeSet<&PurposeId> {
    records.iter().map(|id| &id.purpose).collect()
}

/// Between which keys the rows of a purpose lie.
fn rows_of(purpose: &PurposeId) -> (Vec<u8>, Vec<u8>) {
    let name = purpose.as_str().as_bytes();
    ([name, &[BETWEEN]].concat(), [name, &[BETWEEN + 1]].concat())
}

fn note_holder<V: AsRef<[u8]>>(
    holders: &mut Holders,
    (records, purpose, key): (&[RecordId], &PurposeId, &[u8]),
    ranges: &Ranges,
    today: Day,
    row: impl Fn(&[u8]) -> Result<Option<V>, StoreError>,
) -> Result<(), StoreError> {
    let Some((_, recipient)) = names(key) else { return Ok(()) };
    let mut marks = Marks::default();
    for id in records.iter().filter(|id| id.purpose == *purpose) {
        let spot = (id.epoch, id.number);
        let Some(days) = ranges.days_of(spot) else { continue };
        let is_withheld = match &recipient {
            Some(recipient) => marks.is_set(&row, (Mark::Withheld, purpose, recipient.as_str()), spot)?,
            None => false,
        };
        if !is_withheld {
            holders.note(recipient.as_deref(), days, today);
        }
    }
    Ok(())
}

/// Keeps with an erasure who had what it takes away. In its transaction: a page that was opened before it is noted by then, and
/// one that is opened later finds nothing.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn note_erasure(
    draft: &mut Draft<'_>,
    erasure: ErasureId,
    records: &[RecordId],
) -> Result<(), StoreError> {
    let holders = holders_now(draft, records)?;
    if holders.is_empty() {
        return Ok(());
    }
    let row = |holder: HandedTo| (holder.recipient, holder.first.0, holder.last.0);
    let row = layout::encode(&HandedOfRow(holders.into_iter().map(row).collect()));
    if row.len() <= PIECE_BYTES {
        return draft.write(Place::Erasures, &erasure_rows::handed_key(erasure), row);
    }
    // Some hundreds of recipients: more than a row may be.
    pieces::write(draft, &Place::Erasures, &erasure_rows::handed_pieces(erasure), &row, PIECES_MAX)
}

/// Who had what an erasure took away.
///
/// # Errors
/// [`StoreCode::Damaged`] of a row that cannot be read: nobody may be told that there was none. Otherwise see [`StoreCode`].
pub(super) fn of_erasure(engine: &Engine, erasure: ErasureId) -> Result<Vec<HandedTo>, StoreError> {
    // Not `Damaged`, by which a store halts: one row is one row.
    let unreadable = StoreError::of(StoreCode::RecordUnreadable);
    let bytes = match engine.read(&Place::Erasures, &erasure_rows::handed_key(erasure))? {
        Some(bytes) => bytes.to_vec(),
        None => {
            let row = |key: &[u8]| engine.read(&Place::Erasures, key);
            match pieces::read(row, &erasure_rows::handed_pieces(erasure), PIECES_MAX) {
                Ok(None) => return Ok(Vec::new()),
                Ok(Some(bytes)) => bytes,
                Err(error) if error.code == StoreCode::Damaged => return Err(unreadable),
                Err(error) => return Err(error),
            }
        }
    };
    let HandedOfRow(rows) = layout::decode(&bytes).map_err(|_| unreadable)?;
    let holder = |(recipient, first, last)| HandedTo { recipient, first: Day(first), last: Day(last) };
    Ok(rows.into_iter().map(holder).collect())
}

/// The keys of all rows.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn keys(engine: &Engine) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut keys = Vec::new();
    engine.visit(&Place::Handed, (Unbounded, Unbounded), |key, _| {
        keys.push(key.to_vec());
        Ok(true)
    })?;
    Ok(keys)
}

/// How much of a row has no record any more, looked at beside the writer.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn would_trim(shared: &Shared, engine: &Engine, key: &[u8]) -> Result<u64, StoreError> {
    let Some(bytes) = engine.read(&Place::Handed, key)? else { return Ok(0) };
    let Some((purpose, _)) = names(key) else {
        return Ok(u64::from(handed_marks::is_over(engine, key)?));
    };
    trimmed(engine, &purpose, &mut read(shared, key, &bytes), |_| false)
}

/// Lets go of what a row says of records that are there no more.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn trim(draft: &mut Draft<'_>, key: &[u8]) -> Result<u64, StoreError> {
    let Some((purpose, _)) = names(key) else { return trim_marks(draft, key) };
    let Some(mut ranges) = read_to_write(draft, key)? else { return Ok(0) };
    let vault = Place::Vault(purpose.clone());
    let is_taken = |at: &[u8]| matches!(draft.written(&vault, at), Some(None));
    let changed = trimmed(draft.engine, &purpose, &mut ranges, is_taken)?;
    match (changed, ranges.is_empty()) {
        (0, _) => {}
        (_, true) => draft.remove(Place::Handed, key),
        (_, false) => draft.write(Place::Handed, key, layout::encode(&ranges))?,
    }
    Ok(changed)
}

fn trim_marks(draft: &mut Draft<'_>, key: &[u8]) -> Result<u64, StoreError> {
    let is_over = handed_marks::is_over(draft.engine, key)?;
    if is_over {
        draft.remove(Place::Handed, key);
    }
    Ok(u64::from(is_over))
}

fn trimmed(
    engine: &Engine,
    purpose: &PurposeId,
    ranges: &mut Ranges,
    is_taken: impl Fn(&[u8]) -> bool,
) -> Result<u64, StoreError> {
    let vault = Place::Vault(purpose.clone());
    let end = |(first, last): Run, is_last: bool| -> Result<Option<Spot>, StoreError> {
        let (first, last) = (record_key(first.0, first.1), record_key(last.0, last.1));
        let range = (Included(first.as_slice()), Included(last.as_slice()));
        let found = engine.first_where(&vault, range, is_last, |key| !is_taken(key));
        let found = match found {
            // No vault, no records.
            Err(error) if error.code == StoreCode::PurposeUnknown => None,
            found => found?,
        };
        found.map(|key| record_id(purpose, &key).map(|id| (id.epoch, id.number))).transpose()
    };
    ranges.trim(|run| end(run, false), |run| end(run, true))
}

/// Takes over what the trail says of exports, once: a store of an earlier version noted them nowhere else. It is done before
/// anybody exports; below the disk's floor it waits for the next start.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn fill(shared: &Shared, engine: &Engine, witness: &mut Witness) -> Result<(), StoreError> {
    if engine.read(&Place::Meta, meta::HANDED_FILLED)?.is_some() {
        return Ok(());
    }
    let free = free_bytes(&shared.settings().path).map_err(StoreError::io)?;
    if free < shared.settings().free_disk_min_bytes {
        tracing::warn!(disk.free_bytes = free, "store.handed-not-filled");
        return Ok(());
    }
    let mut rows: BTreeMap<Vec<u8>, Ranges> = BTreeMap::new();
    engine.visit(&Place::Trail, (Unbounded, Unbounded), |key, bytes| {
        let line = layout::number(key).ok().zip(KeptLine::new(bytes));
        // A line that cannot be read is told by whoever reads the trail.
        let Some(line) = line.and_then(|(seq, kept)| kept.read(seq).ok()) else { return Ok(true) };
        if let Some((key, run)) = exported(&line.entry) {
            if !rows.contains_key(&key) {
                let known = engine.read(&Place::Handed, &key)?;
                let known = known.map_or_else(Ranges::default, |bytes| read(shared, &key, &bytes));
                rows.insert(key.clone(), known);
            }
            if let Some(ranges) = rows.get_mut(&key) {
                ranges.add(&[run], Day::of(line.time));
            }
        }
        Ok(true)
    })?;
    let commit = engine.counter(&Place::Meta, meta::COMMIT)? + 1;
    let mut changes = Changes::default();
    let recipients = rows.len();
    let rows = rows.into_iter().map(|(key, ranges)| (key, Some(layout::encode(&ranges))));
    changes.0.insert(Place::Handed, rows.collect());
    let values = changes.0.entry(Place::Meta).or_default();
    values.insert(meta::HANDED_FILLED.to_vec(), Some(vec![1]));
    values.insert(meta::COMMIT.to_vec(), Some(commit.to_be_bytes().to_vec()));
    engine.apply(&changes)?;
    engine.sync().map_err(|error| match error {
        SyncError::Flush(error) | SyncError::Sync(error) => error,
    })?;
    testify(witness, engine, commit)?;
    shared.learn(Vec::new(), commit);
    if recipients > 0 {
        tracing::info!(handed.rows = recipients, "store.handed-filled");
    }
    Ok(())
}

/// The row and the run of a line of an export that gave something.
fn exported(entry: &Entry) -> Option<(Vec<u8>, Run)> {
    if entry.action() != Action::Exported || entry.count == 0 {
        return None;
    }
    let (purpose, from, to) = (entry.purpose.as_ref()?, entry.from.as_ref()?, entry.to.as_ref()?);
    let run = ((from.epoch, from.number), (to.epoch, to.number));
    let is_name = entry.recipient().is_none_or(|name| name.len() <= RECIPIENT_BYTES_MAX);
    (is_name && run.0 <= run.1).then(|| (key(purpose, entry.recipient()), run))
}
