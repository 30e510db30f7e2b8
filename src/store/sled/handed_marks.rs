//! Beside what a recipient was handed, two kinds of marks a record: that a page withheld it, for want of a consent to hand it on, and
//! that a page passed it by while nobody might use it. Exact, since a range that takes one more in would tell somebody of a record
//! that is none of theirs: of each 512 numbers a row with a bit each, under `handed`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound::{Excluded, Included};

use crate::purpose::{PurposeId, RecordId};
use crate::store::handed::{Run, Spot};
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{Place, record_key};
use crate::store::{StoreCode, StoreError};

/// Numbers of one row.
const SPAN: u64 = 512;
const ROW_BYTES: usize = 64;
/// Between recipient and place in a key; in no name.
const BETWEEN: u8 = 0;

/// What a mark says of a record. Its number stands behind the purpose in a key, in no name and after what stands there in a row of ranges.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// The recipient's cursor passed it while it was restricted.
    Passed = 1,
    /// It lay in a page, was withheld, and was never handed before.
    Withheld = 2,
}

/// Of each 512 numbers the bits, as far as they were looked at; where there is no row, none is set.
#[derive(Default)]
pub(super) struct Marks(BTreeMap<Spot, Option<[u8; ROW_BYTES]>>);

fn prefix(mark: Mark, purpose: &PurposeId, recipient: &str) -> Vec<u8> {
    [purpose.as_str().as_bytes(), &[mark as u8], recipient.as_bytes(), &[BETWEEN]].concat()
}

fn key(mark: Mark, purpose: &PurposeId, recipient: &str, (epoch, span): Spot) -> Vec<u8> {
    [prefix(mark, purpose, recipient).as_slice(), &record_key(epoch, span)].concat()
}

/// Purpose, recipient and span of a key of marks; none: it is none.
fn read_key(key: &[u8]) -> Option<(PurposeId, &str, Spot)> {
    let (names, span) = key.split_last_chunk::<12>()?;
    let at = names.iter().position(|byte| [Mark::Passed as u8, Mark::Withheld as u8].contains(byte))?;
    let (purpose, recipient) = (&names[..at], names[at + 1..].strip_suffix(&[BETWEEN])?);
    let (epoch, span) = span.split_first_chunk::<4>()?;
    let span = (u32::from_be_bytes(*epoch), u64::from_be_bytes(span.try_into().ok()?));
    Some((PurposeId::parse(std::str::from_utf8(purpose).ok()?)?, std::str::from_utf8(recipient).ok()?, span))
}

/// A row that cannot be read marks nothing: then somebody is told of a record that they never had, and nobody is left untold.
fn bits(row: &[u8]) -> [u8; ROW_BYTES] {
    row.try_into().unwrap_or([0; ROW_BYTES])
}

fn place_of((epoch, number): Spot) -> (Spot, usize, u8) {
    let at = number % SPAN;
    ((epoch, number / SPAN), (at / 8) as usize, 1 << (at % 8))
}

impl Marks {
    /// True of a record that is marked, as `row` gives the rows.
    ///
    /// # Errors
    /// What `row` says.
    pub(super) fn is_set<V: AsRef<[u8]>>(
        &mut self,
        row: impl Fn(&[u8]) -> Result<Option<V>, StoreError>,
        (mark, purpose, recipient): (Mark, &PurposeId, &str),
        spot: Spot,
    ) -> Result<bool, StoreError> {
        let (span, byte, bit) = place_of(spot);
        let known = match self.0.get(&span) {
            Some(known) => *known,
            None => {
                let read = row(&key(mark, purpose, recipient, span))?.map(|row| bits(row.as_ref()));
                self.0.insert(span, read);
                read
            }
        };
        Ok(known.is_some_and(|bits| bits[byte] & bit != 0))
    }
}

/// Marks records, and lets go of the marks of others.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn put(
    draft: &mut Draft<'_>,
    (mark, purpose, recipient): (Mark, &PurposeId, &str),
    set: &[Spot],
    clear: &[Run],
) -> Result<(), StoreError> {
    let mut rows: BTreeMap<Spot, [u8; ROW_BYTES]> = BTreeMap::new();
    // Most recipients have none, and their pages may have thousands of runs.
    let clear = if has_any(draft, (mark, purpose, recipient))? { clear } else { &[] };
    for (first, last) in clear {
        for span in spans_of(draft, (mark, purpose, recipient), (*first, *last))? {
            let row = draft.read(&Place::Handed, &key(mark, purpose, recipient, span))?;
            let Some(row) = rows.get(&span).copied().or(row.map(|row| bits(&row))) else { continue };
            rows.insert(span, without(row, span, (*first, *last)));
        }
    }
    for spot in set {
        let (span, byte, bit) = place_of(*spot);
        let row = match rows.entry(span) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let row = draft.read(&Place::Handed, &key(mark, purpose, recipient, span))?;
                new.insert(row.map_or([0; ROW_BYTES], |row| bits(&row)))
            }
        };
        row[byte] |= bit;
    }
    for (span, row) in rows {
        let key = key(mark, purpose, recipient, span);
        match row == [0; ROW_BYTES] {
            true => draft.remove(Place::Handed, &key),
            false => draft.write(Place::Handed, &key, row.to_vec())?,
        }
    }
    Ok(())
}

fn without(mut row: [u8; ROW_BYTES], (epoch, span): Spot, (first, last): Run) -> [u8; ROW_BYTES] {
    for at in 0..SPAN {
        let spot = (epoch, span.saturating_mul(SPAN).saturating_add(at));
        if first <= spot && spot <= last {
            let (_, byte, bit) = place_of(spot);
            row[byte] &= !bit;
        }
    }
    row
}

/// These records of a purpose (none: all of it) count no longer as withheld from anybody: nobody knows by now whether they left.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn withhold_no_more(
    draft: &mut Draft<'_>,
    purpose: &PurposeId,
    spots: Option<&[Spot]>,
) -> Result<(), StoreError> {
    let name = purpose.as_str().as_bytes();
    let (first, end) =
        ([name, &[Mark::Withheld as u8]].concat(), [name, &[Mark::Withheld as u8 + 1]].concat());
    let mut rows = Vec::new();
    draft.engine.visit(&Place::Handed, (Included(&first), Excluded(&end)), |key, _| {
        rows.push(key.to_vec());
        Ok(true)
    })?;
    for key in rows {
        let Some((_, _, span)) = read_key(&key) else { continue };
        let Some(row) = draft.read(&Place::Handed, &key)? else { continue };
        let (before, mut after) = (bits(&row), [0; ROW_BYTES]);
        if let Some(spots) = spots {
            after = before;
            for (_, byte, bit) in spots.iter().map(|spot| place_of(*spot)).filter(|(of, ..)| *of == span) {
                after[byte] &= !bit;
            }
        }
        match after == [0; ROW_BYTES] {
            true => draft.remove(Place::Handed, &key),
            false if after == before => {}
            false => draft.write(Place::Handed, &key, after.to_vec())?,
        }
    }
    Ok(())
}

/// True if a recipient has rows of this kind, this transaction included.
fn has_any(
    draft: &Draft<'_>,
    (mark, purpose, recipient): (Mark, &PurposeId, &str),
) -> Result<bool, StoreError> {
    let first = prefix(mark, purpose, recipient);
    let mut end = first.clone();
    if let Some(last) = end.last_mut() {
        *last = BETWEEN + 1;
    }
    let range = (Included(first.as_slice()), Excluded(end.as_slice()));
    let there = draft.engine.first_where(&Place::Handed, range, false, |_| true)?;
    Ok(there.is_some() || !draft.keys_written_in(&Place::Handed, (Included(first), Excluded(end))).is_empty())
}

/// Which rows a recipient has that a run touches, this transaction included.
fn spans_of(
    draft: &Draft<'_>,
    (mark, purpose, recipient): (Mark, &PurposeId, &str),
    (first, last): Run,
) -> Result<Vec<Spot>, StoreError> {
    let from = key(mark, purpose, recipient, place_of(first).0);
    let to = key(mark, purpose, recipient, place_of(last).0);
    let mut keys = Vec::new();
    draft.engine.visit(&Place::Handed, (Included(&from), Included(&to)), |key, _| {
        keys.push(key.to_vec());
        Ok(true)
    })?;
    keys.extend(draft.keys_written_in(&Place::Handed, (Included(from), Included(to))));
    keys.sort_unstable();
    keys.dedup();
    Ok(keys.iter().filter_map(|key| read_key(key)).map(|(_, _, span)| span).collect())
}

/// Whose cursors passed a record while nobody might use it, this transaction included.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn whoever_passed(draft: &Draft<'_>, id: &RecordId) -> Result<Vec<String>, StoreError> {
    let of = |mark: Mark| [id.purpose.as_str().as_bytes(), &[mark as u8]].concat();
    let (first, end) = (of(Mark::Passed), of(Mark::Withheld));
    let mut keys = Vec::new();
    draft.engine.visit(&Place::Handed, (Included(&first), Excluded(&end)), |key, _| {
        keys.push(key.to_vec());
        Ok(true)
    })?;
    keys.extend(draft.keys_written_in(&Place::Handed, (Included(first), Excluded(end))));
    let (own, byte, bit) = place_of((id.epoch, id.number));
    let mut recipients = Vec::new();
    for key in &keys {
        let Some((_, recipient, _)) = read_key(key).filter(|(_, _, span)| *span == own) else { continue };
        if draft.read(&Place::Handed, key)?.is_some_and(|row| bits(&row)[byte] & bit != 0) {
            recipients.push(recipient.to_owned());
        }
    }
    recipients.sort_unstable();
    recipients.dedup();
    Ok(recipients)
}

/// True of a row of marks of which no record is there any more.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn is_over(engine: &Engine, key: &[u8]) -> Result<bool, StoreError> {
    let Some((purpose, _, (epoch, span))) = read_key(key) else { return Ok(false) };
    let first = span.saturating_mul(SPAN);
    let (first, last) = (record_key(epoch, first), record_key(epoch, first.saturating_add(SPAN - 1)));
    let range = (Included(first.as_slice()), Included(last.as_slice()));
    match engine.first_where(&Place::Vault(purpose), range, false, |_| true) {
        Err(error) if error.code == StoreCode::PurposeUnknown => Ok(true),
        found => Ok(found?.is_none()),
    }
}
