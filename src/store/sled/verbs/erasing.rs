//! What an erasure does within a transaction: records and references go, tombstones come, the erasure is noted as pending; and
//! at its end, that it is done. Between the two the writer has the leaves punctured.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::clock::Day;
use crate::forget::ChangeKind;
use crate::notification::LeadRef;
use crate::purpose::PurposeId;
use crate::store::erasures::lines_of_erasure;
use crate::store::feeds::Became;
use crate::store::restrictions::is_the_person_s;
use crate::store::sled::draft::{Draft, Puncture};
use crate::store::sled::engine::Engine;
use crate::store::sled::erasure_rows::{self, Act, ErasureRow, RepeatRow, UntilRow};
use crate::store::sled::feed_rows;
use crate::store::sled::handed;
use crate::store::sled::layout::{self, Place, meta};
use crate::store::sled::ledger::Forgotten;
use crate::store::sled::papers;
use crate::store::sled::shared::Shared;
use crate::store::sled::unreadable::Unreadable;
use crate::store::sled::verbs::erasure_targets::Target;
use crate::store::sled::verbs::taking::{Taken, take_absent, take_submission};
use crate::store::stubs::Parting;
use crate::store::{Asked, Erasure, ErasureEnd, ErasureId, ErasureRequest, Extent, StoreError, Traces};
use crate::trail::{Action, Entry, Reason};

/// What became of a request within a transaction.
pub(in crate::store::sled) struct Drafted {
    /// What the caller is told, but for an end that is still to come.
    pub(in crate::store::sled) asked: Asked,
    /// Where that stands.
    pub(in crate::store::sled) ended: Arc<OnceLock<ErasureEnd>>,
}

/// Takes away what a request names, and notes it.
///
/// # Errors
/// See [`StoreCode`](crate::store::StoreCode): nothing of it is done.
pub(in crate::store::sled) fn erase(
    draft: &mut Draft<'_>,
    targets: &[Target],
    request: &ErasureRequest,
    entry: &Entry,
) -> Result<Drafted, StoreError> {
    let ended = Arc::<OnceLock<ErasureEnd>>::default();
    let repeat = repeat_of(draft.shared, request, entry);
    if let Some((at, hash)) = &repeat
        && let Some(asked) = repeated(draft, at, hash, &ended)?
    {
        return Ok(Drafted { asked, ended });
    }
    let erasure = take(draft, targets, request, (None, is_the_person_s(entry.reason()), entry), &ended)?;
    if let Some((at, hash)) = repeat {
        draft.write(Place::Erasures, &at, layout::encode(&RepeatRow::of(erasure.id, hash)))?;
    }
    Ok(Drafted { asked: Asked::Erasure(erasure), ended })
}

/// Carries an erasure out that has its number, and was asked for then: nothing is in its way any more.
///
/// # Errors
/// See [`StoreCode`](crate::store::StoreCode): nothing of it is done.
pub(super) fn carry_out(
    draft: &mut Draft<'_>,
    targets: &[Target],
    request: &ErasureRequest,
    known: (ErasureId, Timestamp),
    entry: &Entry,
) -> Result<Drafted, StoreError> {
    let ended = Arc::<OnceLock<ErasureEnd>>::default();
    let erasure = take(draft, targets, request, (Some(known), true, entry), &ended)?;
    Ok(Drafted { asked: Asked::Erasure(erasure), ended })
}

/// `known`: its number, and when it was asked for; none: it is asked for now.
fn take(
    draft: &mut Draft<'_>,
    targets: &[Target],
    request: &ErasureRequest,
    (known, is_the_person_s, entry): (Option<(ErasureId, Timestamp)>, bool, &Entry),
    ended: &Arc<OnceLock<ErasureEnd>>,
) -> Result<Erasure, StoreError> {
    let queued = request.queued.iter().map(|leadgen| draft.shared.seen_key(leadgen)).collect();
    let parting = Parting::by(entry);
    let mut taken = Taken { queued, is_the_person_s, parting, ..Taken::default() };
    for target in targets {
        take_submission(draft, target, &request.purposes, &mut taken)?;
    }
    taken.seen = targets.iter().filter_map(|target| target.seen).collect();
    taken.named = taken.records.iter().chain(taken.absent.values().flatten()).cloned().collect();
    take_absent(draft, &mut taken)?;
    note(draft, taken, request, (known, entry), ended)
}

/// A number that no erasure had.
///
/// # Errors
/// See [`StoreCode`](crate::store::StoreCode).
pub(super) fn next_number(draft: &mut Draft<'_>) -> Result<ErasureId, StoreError> {
    let number = draft.counter(&Place::Meta, meta::NEXT_ERASURE)?.max(1);
    draft.write(Place::Meta, meta::NEXT_ERASURE, (number + 1).to_be_bytes().to_vec())?;
    Ok(ErasureId { epoch: draft.shared.epoch(), number })
}

/// Notes what was taken away as an erasure, with its lines, and has the leaves punctured.
fn note(
    draft: &mut Draft<'_>,
    mut taken: Taken,
    request: &ErasureRequest,
    (known, entry): (Option<(ErasureId, Timestamp)>, &Entry),
    ended: &Arc<OnceLock<ErasureEnd>>,
) -> Result<Erasure, StoreError> {
    let (id, asked) = match known {
        Some(known) => known,
        None => (next_number(draft)?, draft.now),
    };
    let seen = std::mem::take(&mut taken.seen);
    draft.forget(Forgotten::of(id, entry.reason(), &request.purposes, seen, &taken.named));
    handed::note_erasure(draft, id, &taken.records)?;
    let erased = Became { erasure: Some(id), ..Became::of(ChangeKind::Erased, &taken.records) };
    feed_rows::note(draft, &erased)?;
    let line = draft.next_line()?;
    for line in lines_of_erasure(&taken.records, &taken.extent, entry) {
        draft.append_line(line)?;
    }
    let reason = entry.reason();
    // Without a key there is nothing to wait for.
    let generation = draft.shared.keyring().generation();
    let done = taken.leaves.is_empty().then_some(ErasureEnd { at: draft.now, generation });
    let papers = request.papers.of(&taken.extent);
    let (extent, traces, follows, followed_by) = (taken.extent, taken.traces, None, None);
    let erasure = Erasure { id, asked, reason, extent, line, traces, papers, done, follows, followed_by };
    let row = ErasureRow::of(&papers::write(draft, &erasure)?);
    draft.write(Place::Erasures, &erasure_rows::row_key(id), layout::encode(&row))?;
    if let Some(until) = erasure.traces.evidence_until {
        draft.write(Place::Erasures, &erasure_rows::evidence_key(id), layout::encode(&UntilRow(until.0)))?;
    }
    if done.is_none() {
        let pending = erasure_rows::pending_bytes(&taken.leaves);
        draft.write(Place::Erasures, &erasure_rows::pending_key(id), pending)?;
        draft.puncture(Puncture { act: Act::Erasure(id), leaves: taken.leaves, ended: Arc::clone(ended) });
    }
    Ok(erasure)
}

/// Takes a submission away that was not stored yet and is not going to be: a tombstone takes its place. Gives what is left of it.
///
/// # Errors
/// See [`StoreCode`](crate::store::StoreCode).
pub(super) fn take_unread(
    draft: &mut Draft<'_>,
    target: &Target,
    purposes: &[PurposeId],
    reference: &LeadRef,
    reason: Option<Reason>,
) -> Result<Traces, StoreError> {
    if let Some(seen) = target.seen {
        draft.forget(Forgotten::awaited(reason, purposes, seen));
    }
    let mut taken = Taken::default();
    take_submission(draft, target, purposes, &mut taken)?;
    let today = Day::of(draft.now);
    let submitted = reference.created.map_or(today, |created| Day::of(created).min(today));
    taken.traces.note_submitted(submitted);
    // In the journal, under yesterday's key or today's.
    taken.traces.note_sealed(today);
    Ok(taken.traces)
}

/// Notes as an erasure, which is done, that so many submissions were met that had not been read.
///
/// # Errors
/// See [`StoreCode`](crate::store::StoreCode).
pub(super) fn note_unread(
    draft: &mut Draft<'_>,
    (met, traces): (u64, Traces),
    request: &ErasureRequest,
    entry: &Entry,
) -> Result<ErasureId, StoreError> {
    let extent = Extent { references: met, ..Extent::default() };
    let taken = Taken { extent, traces, ..Taken::default() };
    Ok(note(draft, taken, request, (None, entry), &Arc::default())?.id)
}

/// Notes that an erasure follows another.
///
/// # Errors
/// See [`StoreCode`](crate::store::StoreCode).
pub(super) fn note_follows(
    draft: &mut Draft<'_>,
    erasure: ErasureId,
    first: ErasureId,
) -> Result<(), StoreError> {
    draft.write(Place::Erasures, &erasure_rows::follows_key(erasure), erasure_rows::id_bytes(first))?;
    draft.write(Place::Erasures, &erasure_rows::followed_key(first), erasure_rows::id_bytes(erasure))
}

/// The erasure with what is said beside its row: those that it follows and is followed by (of more than one that follows, the last), and
/// until when evidence is left of it.
pub(super) fn with_neighbours<V: AsRef<[u8]>>(
    unreadable: &Unreadable,
    mut row: impl FnMut(&[u8]) -> Result<Option<V>, StoreError>,
    erasure: Erasure,
) -> Erasure {
    let mut one = |key: Vec<u8>| {
        let read =
            row(&key).and_then(|bytes| bytes.map(|bytes| erasure_rows::id(bytes.as_ref())).transpose());
        unreadable.or_passed_over(&Place::Erasures, &key, read).flatten()
    };
    let follows = one(erasure_rows::follows_key(erasure.id));
    let followed_by = one(erasure_rows::followed_key(erasure.id));
    let key = erasure_rows::evidence_key(erasure.id);
    let read =
        row(&key).and_then(|bytes| bytes.map(|bytes| layout::decode::<u32>(bytes.as_ref())).transpose());
    let evidence_until = unreadable.or_passed_over(&Place::Erasures, &key, read).flatten().map(Day);
    let traces = Traces { evidence_until, ..erasure.traces };
    Erasure { follows, followed_by, traces, ..erasure }
}

/// Under what its key is kept, and what tells it from another request under that key.
pub(super) fn repeat_of(
    shared: &Shared,
    request: &ErasureRequest,
    entry: &Entry,
) -> Option<(Vec<u8>, [u8; 32])> {
    let key = shared.keyring().seen_key();
    let repeat = request.repeat.as_ref()?;
    let at = erasure_rows::repeat_key(&repeat.hash(&key, entry.actor()));
    Some((at, repeat.hash_of_request(&key, request, entry)))
}

/// Which erasure came of the request that had its key before: none within, where that was another request.
///
/// # Errors
/// See [`StoreCode`](crate::store::StoreCode).
pub(in crate::store::sled) fn known_before(
    shared: &Shared,
    engine: &Engine,
    request: &ErasureRequest,
    entry: &Entry,
) -> Result<Option<Option<ErasureId>>, StoreError> {
    let Some((at, hash)) = repeat_of(shared, request, entry) else { return Ok(None) };
    let Some(bytes) = engine.read(&Place::Erasures, &at)? else { return Ok(None) };
    let read = layout::decode::<RepeatRow>(&bytes);
    let row = shared.unreadable().or_passed_over(&Place::Erasures, &at, read);
    Ok(row.map(|row| (row.request == hash).then(|| row.erasure())))
}

/// What came of the request that had this key before; one that has no end yet is tried again.
///
/// # Errors
/// See [`StoreCode`](crate::store::StoreCode).
pub(super) fn repeated(
    draft: &mut Draft<'_>,
    at: &[u8],
    request: &[u8; 32],
    ended: &Arc<OnceLock<ErasureEnd>>,
) -> Result<Option<Asked>, StoreError> {
    let Some(repeat) = read_row::<RepeatRow>(draft, at)? else { return Ok(None) };
    if repeat.request != *request {
        return Ok(Some(Asked::KeyTaken));
    }
    let id = repeat.erasure();
    let key = erasure_rows::row_key(id);
    let Some(row) = read_row::<ErasureRow>(draft, &key)? else { return Ok(None) };
    let unreadable = draft.shared.unreadable();
    let Some(erasure) = unreadable.or_passed_over(&Place::Erasures, &key, row.erasure(id)) else {
        return Ok(None);
    };
    let erasure = papers::with(unreadable, |key| draft.read(&Place::Erasures, key), erasure);
    let erasure = with_neighbours(unreadable, |key| draft.read(&Place::Erasures, key), erasure);
    let key = erasure_rows::pending_key(id);
    let pending = draft.read(&Place::Erasures, &key)?.map(|bytes| erasure_rows::pending_leaves(&bytes));
    if let Some(leaves) = pending.and_then(|read| unreadable.or_passed_over(&Place::Erasures, &key, read)) {
        draft.puncture(Puncture { act: Act::Erasure(id), leaves, ended: Arc::clone(ended) });
    }
    Ok(Some(Asked::Erasure(erasure)))
}

/// A row of `erasures`; one that cannot be read is as good as none, and harms no other.
///
/// # Errors
/// See [`StoreCode`](crate::store::StoreCode).
pub(super) fn read_row<T: DeserializeOwned>(draft: &Draft<'_>, key: &[u8]) -> Result<Option<T>, StoreError> {
    let row = draft.read(&Place::Erasures, key)?.map(|bytes| layout::decode::<T>(&bytes));
    Ok(row.and_then(|read| draft.shared.unreadable().or_passed_over(&Place::Erasures, key, read)))
}

/// Notes that the keys of an erasure are destroyed.
///
/// # Errors
/// See [`StoreCode`](crate::store::StoreCode).
pub(in crate::store::sled) fn finish(
    draft: &mut Draft<'_>,
    id: ErasureId,
    end: ErasureEnd,
) -> Result<(), StoreError> {
    let pending = erasure_rows::pending_key(id);
    if draft.read(&Place::Erasures, &pending)?.is_none() {
        // It was asked for once more, and is done.
        return Ok(());
    }
    draft.remove(Place::Erasures, &pending);
    let key = erasure_rows::row_key(id);
    let mut entry = Entry::by_system(Action::Erased);
    entry.erasure = Some((id.epoch, id.number));
    if let Some(mut row) = read_row::<ErasureRow>(draft, &key)? {
        entry.count = row.records.iter().map(|(_, count)| count).sum();
        row.done = Some(end.into());
        draft.write(Place::Erasures, &key, layout::encode(&row))?;
    }
    draft.append_line(entry)
}
