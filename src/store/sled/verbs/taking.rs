//! What an erasure takes away within a transaction: records of the purposes that are meant, what is parked for them, what is noted;
//! a tombstone comes in the place of each submission. And how much that would be.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::clock::{Day, Month};
use crate::lead::{Leaf, SealedRecord, Under, unseal};
use crate::purpose::{PurposeId, RecordId};
use crate::store::leaves::{Leaves, bucket_of};
use crate::store::restrictions::is_the_person_s;
use crate::store::several::row_why;
use crate::store::sled::aside;
use crate::store::sled::bucket_rows;
use crate::store::sled::buckets;
use crate::store::sled::counts;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::erasure_rows::{self};
use crate::store::sled::evidence_rows;
use crate::store::sled::index::Position;
use crate::store::sled::layout::{Place, record_key};
use crate::store::sled::leaf_rows;
use crate::store::sled::reference::keyring_failed;
use crate::store::sled::rows::{EndRow, FateRow, OpenRow, ParkedRow, SeenRow, WhyRow};
use crate::store::sled::shared::{Effect, Shared};
use crate::store::sled::verbs::erased::{erased_before, erased_for};
use crate::store::sled::verbs::erasure_targets::Target;
use crate::store::sled::verbs::outbox;
use crate::store::sled::verbs::parking::{self, Before};
use crate::store::sled::verbs::reading;
use crate::store::sled::verbs::{leaving, passes, restrictions, seen, stubs};
use crate::store::stubs::Parting;
use crate::store::tombstones::tombstone_key;
use crate::store::{ErasedFor, ErasureRequest, Extent, StoreCode, StoreError, Traces};
use crate::trail::Reason;

/// What a transaction takes away.
#[derive(Default)]
pub(super) struct Taken {
    /// The person asked for it: it goes through a restriction.
    pub(super) is_the_person_s: bool,
    /// What shows of consents stays, where that is kept; none: it was stored wrongly.
    pub(super) parting: Option<Parting>,
    pub(super) records: Vec<RecordId>,
    /// Those that are not there, by purpose.
    pub(super) absent: BTreeMap<PurposeId, BTreeSet<RecordId>>,
    pub(super) leaves: Vec<(PurposeId, Leaf)>,
    pub(super) extent: Extent,
    pub(super) traces: Traces,
    /// Keys in `seen` of what lies in the journal.
    pub(super) queued: Vec<[u8; 32]>,
    /// Keys in `seen` of all that were named, and the records, also those that are not there: for the ledger.
    pub(super) seen: Vec<[u8; 32]>,
    pub(super) named: Vec<RecordId>,
    /// By which it is read when records were submitted.
    pub(super) keys: Leaves,
}

/// What becomes of a submission: its records of these purposes go, and what is parked for them.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn take_submission(
    draft: &mut Draft<'_>,
    target: &Target,
    purposes: &[PurposeId],
    taken: &mut Taken,
) -> Result<(), StoreError> {
    let noted = match &target.seen {
        Some(key) => draft.read(&Place::Seen, key)?.map(|bytes| (*key, bytes)),
        None => None,
    };
    let noted = match noted {
        None => None,
        Some((key, bytes)) => match seen::note(&bytes) {
            Ok(row) => Some((key, row)),
            Err(error) => {
                // Nothing of it is kept aside: it is of somebody who is to be forgotten.
                draft.shared.unreadable().say(&Place::Seen, &key, error);
                draft.remove(Place::Seen, &key);
                None
            }
        },
    };
    take_queued(draft, target, noted.as_ref().map(|(_, row)| row), purposes, taken)?;
    let fates = noted.as_ref().map_or(&[][..], |(_, row)| row.fates.as_slice());
    // What is noted was submitted before it was noted.
    let noted_on = noted.as_ref().map_or(Day::of(draft.now), |(_, row)| Day(row.day));
    for id in records_of(fates, target, purposes)? {
        take_record(draft, id, noted_on, taken)?;
    }
    if let Some((key, row)) = noted {
        take_note(draft, &key, row, purposes, taken)?;
    }
    if let Some(key) = &target.seen {
        aside::forget(draft, &Place::Seen, key)?;
        bury(draft, key, purposes)?;
        taken.traces.note_tombstone(Month::of(draft.now));
    }
    Ok(())
}

/// Counts a submission of which the journal alone knows: under yesterday's key or today's, and the fetcher ends it.
fn take_queued(
    draft: &Draft<'_>,
    target: &Target,
    noted: Option<&SeenRow>,
    purposes: &[PurposeId],
    taken: &mut Taken,
) -> Result<(), StoreError> {
    let Some(key) = target.seen.filter(|key| taken.queued.contains(key)) else { return Ok(()) };
    if ends_unread(noted, purposes, || erased_for(draft, &key))? {
        let today = Day::of(draft.now);
        taken.extent.references += 1;
        taken.traces.note_submitted(today);
        taken.traces.note_sealed(today);
    }
    Ok(())
}

/// True if a reference that lies in the journal ends by this: nothing is noted of its submission that says otherwise, and it did
/// not end before.
fn ends_unread(
    noted: Option<&SeenRow>,
    purposes: &[PurposeId],
    erased: impl FnOnce() -> Result<Option<ErasedFor>, StoreError>,
) -> Result<bool, StoreError> {
    let says_nothing = |row: &SeenRow| {
        let is_let_go = matches!(row.end, None | Some(EndRow::Dropped { .. }));
        row.fates.is_empty() && row.arrivals.is_empty() && is_let_go
    };
    Ok(purposes.is_empty() && noted.is_none_or(says_nothing) && erased()? != Some(ErasedFor::All))
}

/// The records of a submission under these purposes: those that are noted, and the one by which it was named.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn records_of(
    fates: &[FateRow],
    target: &Target,
    purposes: &[PurposeId],
) -> Result<Vec<RecordId>, StoreError> {
    let noted: Vec<Option<RecordId>> = fates.iter().map(FateRow::record).collect::<Result<_, _>>()?;
    let mut records: Vec<RecordId> = noted.into_iter().flatten().collect();
    if let Some(named) = &target.record
        && !records.contains(named)
    {
        records.push(named.clone());
    }
    records.retain(|id| is_meant(&id.purpose, purposes));
    Ok(records)
}

fn is_meant(purpose: &PurposeId, purposes: &[PurposeId]) -> bool {
    purposes.is_empty() || purposes.contains(purpose)
}

/// Takes a record away, and counts it off.
fn take_record(
    draft: &mut Draft<'_>,
    id: RecordId,
    noted_on: Day,
    taken: &mut Taken,
) -> Result<(), StoreError> {
    let (place, key) = (Place::Vault(id.purpose.clone()), record_key(id.epoch, id.number));
    let value = match draft.read(&place, &key) {
        Err(error) if error.code == StoreCode::PurposeUnknown => None,
        value => value?,
    };
    if restrictions::bars_erasing(draft, &id)? && !taken.is_the_person_s {
        return Err(StoreError::of(StoreCode::RecordRestricted));
    }
    leaving::leave(draft, &id)?;
    restrictions::forget(draft, &id)?;
    passes::forget(draft, &id)?;
    outbox::forget(draft, &id)?;
    if let Some((value, parting)) = value.as_ref().zip(taken.parting) {
        let until = stubs::leave(draft, &id, value, parting)?;
        taken.traces.evidence_until = taken.traces.evidence_until.max(until);
    }
    evidence_rows::forget(draft, &id)?;
    let Some(value) = value else {
        taken.absent.entry(id.purpose.clone()).or_default().insert(id);
        return Ok(());
    };
    // A head that cannot be read names no leaf: then it is the record's own, which is nobody else's in any case.
    let leaf = match SealedRecord::peek(&value) {
        Some((Under::Leaf(leaf), _, _)) => leaf,
        Some((Under::Bucket(_), _, _)) | None => Leaf::of(&id),
    };
    let submitted = submitted_on(draft, &mut taken.keys, &id, &value);
    taken.traces.note_submitted(submitted.unwrap_or(noted_on));
    aside::forget(draft, &place, &key)?;
    draft.remove(place, &key);
    uncount_in_bucket(draft, &id.purpose, leaf)?;
    leaf_rows::forget(draft, leaf, &id)?;
    counts::take_off(draft, &id.purpose, 1)?;
    taken.extent.count(&id.purpose);
    taken.leaves.push((id.purpose.clone(), leaf));
    taken.records.push(id);
    Ok(())
}

/// Records that were lost, or had their time, may come back from a backup: they do not open then.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn take_absent(draft: &mut Draft<'_>, taken: &mut Taken) -> Result<(), StoreError> {
    for (purpose, absent) in std::mem::take(&mut taken.absent) {
        taken.leaves.extend(absent.iter().map(|id| (purpose.clone(), Leaf::of(id))));
        for (id, leaf) in leaf_rows::of_records(draft.engine, &purpose, &absent)? {
            leaf_rows::forget(draft, leaf, &id)?;
            taken.leaves.push((purpose.clone(), leaf));
        }
    }
    Ok(())
}

/// On which day a record was submitted; none: it does not open.
fn submitted_on(draft: &Draft<'_>, leaves: &mut Leaves, id: &RecordId, value: &[u8]) -> Option<Day> {
    let record = SealedRecord::decode(value)?;
    let key = leaves.key(draft.shared.keyring(), &id.purpose, record.under).ok()?;
    let lead = unseal(&record, id, key.key()).ok()?.read().ok()?;
    // Nobody has sent a form in tomorrow.
    Some(Day::of(lead.created().min(draft.now)))
}

/// A record is no longer under this leaf.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn uncount_in_bucket(
    draft: &mut Draft<'_>,
    purpose: &PurposeId,
    leaf: Leaf,
) -> Result<(), StoreError> {
    let key = buckets::key(&bucket_of(purpose, leaf));
    match bucket_rows::read_or_aside(draft, &key)? {
        // One that is unknown stays so.
        Some(row) => bucket_rows::put(draft, &key, row.without()),
        None => Ok(()),
    }
}

/// Takes what is noted of a submission away, and what is parked of it, as far as these purposes go.
fn take_note(
    draft: &mut Draft<'_>,
    key: &[u8; 32],
    mut row: SeenRow,
    purposes: &[PurposeId],
    taken: &mut Taken,
) -> Result<(), StoreError> {
    for before in parking::all_before(draft, &row.arrivals)? {
        let (arrival, submitted, sealed) = (before.arrival, Day(before.row.submitted_day), before.row.day());
        if take_parked(draft, before, purposes)? {
            row.arrivals.retain(|other| *other != arrival);
            taken.extent.references += 1;
            taken.traces.note_submitted(submitted.min(Day::of(draft.now)));
            taken.traces.note_sealed(sealed);
        }
    }
    if purposes.is_empty() {
        draft.remove(Place::Seen, key);
        return Ok(());
    }
    row.fates.retain(|fate| fate.purpose().is_ok_and(|purpose| !purposes.contains(&purpose)));
    if row.fates.is_empty() && row.arrivals.is_empty() && row.end.is_none() {
        draft.remove(Place::Seen, key);
        return Ok(());
    }
    row.day = Day::of(draft.now).0;
    draft.write(Place::Seen, key, row.bytes())
}

/// True if a parked reference ends: it is open for no other purpose. One whose form was not matched yet stays where purposes
/// are named; what it is matched to is judged then.
fn take_parked(draft: &mut Draft<'_>, before: Before, purposes: &[PurposeId]) -> Result<bool, StoreError> {
    let mut open = before.open().to_vec();
    if !purposes.is_empty() {
        if open.iter().all(|open| !purposes.contains(&open.purpose)) {
            return Ok(false);
        }
        open.retain(|open| !purposes.contains(&open.purpose));
    }
    let why = if purposes.is_empty() { None } else { row_why(&mut open) };
    let Some(why) = why else {
        parking::unpark(draft, &before);
        return Ok(true);
    };
    let arrival = before.arrival;
    let after = Position { why, open: open.clone(), ..before.position().clone() };
    draft.effect(Effect::Unparked(before.position().clone()));
    draft.effect(Effect::Parked(after));
    let open = open.iter().map(|open| OpenRow::of(open, &why)).collect();
    let row = ParkedRow { why: WhyRow::of(&why), open, ..before.row };
    draft.write(Place::Parked, &arrival.to_be_bytes(), row.bytes())?;
    Ok(false)
}

/// Remembers that a submission was erased for these purposes.
fn bury(draft: &mut Draft<'_>, seen: &[u8; 32], purposes: &[PurposeId]) -> Result<(), StoreError> {
    let month = Month::of(draft.now);
    let keyring = draft.shared.keyring();
    let key = match keyring.tombstone_key(month) {
        Ok(key) => key,
        Err(_) => {
            keyring.make_tombstone_month(month).map_err(keyring_failed)?;
            keyring.tombstone_key(month).map_err(keyring_failed)?
        }
    };
    let hash = tombstone_key(&key, seen);
    let at = erasure_rows::tombstone_row_key(month, &hash);
    let before = draft.read(&Place::Tombstones, &at)?.map(|bytes| erasure_rows::tombstone(&bytes).0);
    let erased = ErasedFor::of(purposes);
    let erased = before.map_or(erased.clone(), |before| before.and(erased));
    draft.write(Place::Tombstones, &at, erasure_rows::tombstone_bytes(&erased))?;
    draft.effect(Effect::Tombstone(month, hash, erased));
    Ok(())
}

/// How much a request would take away.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn extent(
    shared: &Shared,
    engine: &Engine,
    targets: &[Target],
    request: &ErasureRequest,
    reason: Option<Reason>,
) -> Result<Extent, StoreError> {
    let purposes = request.purposes.as_slice();
    let queued: Vec<[u8; 32]> = request.queued.iter().map(|leadgen| shared.seen_key(leadgen)).collect();
    let look = shared.look();
    let (mut extent, mut counted, mut looked_at) = (Extent::default(), Vec::new(), HashSet::new());
    for target in targets {
        let row = match &target.seen {
            Some(key) => engine.read(&Place::Seen, key)?.and_then(|bytes| seen::note(&bytes).ok()),
            None => None,
        };
        let fates = row.as_ref().map_or(&[][..], |row| row.fates.as_slice());
        for id in records_of(fates, target, purposes)? {
            if shared.bars_erasing(&id, &look) && !is_the_person_s(reason) {
                return Err(StoreError::of(StoreCode::RecordRestricted));
            }
            if !counted.contains(&id) && reading::record(engine, &id)?.is_some() {
                extent.count(&id.purpose);
                counted.push(id);
            }
        }
        let is_new = target.seen.is_some_and(|key| looked_at.insert(key));
        if let Some(key) = target.seen.filter(|key| is_new && queued.contains(key)) {
            let erased = || erased_before(shared, engine, &key);
            extent.references += u64::from(ends_unread(row.as_ref(), purposes, erased)?);
        }
        for arrival in row.iter().filter(|_| is_new).flat_map(|row| &row.arrivals) {
            let Some(bytes) = engine.read(&Place::Parked, &arrival.to_be_bytes())? else { continue };
            let Ok(parked) = ParkedRow::read(&bytes) else { continue };
            let open = parked.open().unwrap_or_default();
            let is_other = |purpose: &PurposeId| !purposes.contains(purpose);
            let ends = !open.is_empty() && !open.iter().any(|open| is_other(&open.purpose));
            extent.references += u64::from(purposes.is_empty() || ends);
        }
    }
    Ok(extent)
}
