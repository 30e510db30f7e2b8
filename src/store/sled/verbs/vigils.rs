//! Vigils: how one begins, what it meets when something is settled, and its end.

use std::cell::Cell;
use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::notification::LeadRef;
use crate::purpose::PurposeId;
use crate::store::restrictions::is_the_person_s;
use crate::store::sled::SledStore;
use crate::store::sled::draft::Draft;
use crate::store::sled::erasure_rows::PapersRow;
use crate::store::sled::layout::{self, Place, meta};
use crate::store::sled::papers;
use crate::store::sled::pieces;
use crate::store::sled::rows::SeenRow;
use crate::store::sled::shared::{Effect, Shared};
use crate::store::sled::verbs::erasing;
use crate::store::sled::verbs::erasure_targets::Target;
use crate::store::sled::verbs::{erased, parked, restrictions};
use crate::store::sled::vigil_rows::{self, VigilRow};
use crate::store::vigils::{VIGILS_MAX, hashes_of, is_over, was_accepted_by};
use crate::store::{
    ErasedFor, ErasureId, ErasureRequest, Papers, StoreCode, StoreError, ToAwait, Verdict, VigilEnded,
    VigilId, Vigils,
};
use crate::trail::{Action, Entry};

/// Pieces of what is kept for a receipt, at the most.
const PIECES_MAX: u8 = u8::MAX;

#[async_trait]
impl Vigils for SledStore {
    async fn await_unread(&self, what: ToAwait, entry: Entry) -> Result<Option<VigilId>, StoreError> {
        what.require_bound()?;
        let hashes = what.hashes(self.shared.keyring());
        let weight = hashes.len() + 1 + papers::weight(&what.papers);
        let ToAwait { purposes, unread, repeat, papers, .. } = what;
        let key = self.shared.keyring().seen_key();
        let repeat = repeat.map(|repeat| repeat.hash(&key, entry.actor()));
        self.writer
            .write_and_puncture(weight, move |draft| {
                if let Some(known) = known(draft, repeat)? {
                    return Ok(Some(known));
                }
                if draft.shared.vigils().count() >= VIGILS_MAX {
                    return Ok(None);
                }
                let asked = draft.look().latest();
                let reason = (asked.as_millisecond(), entry.reason());
                let row = VigilRow::new(reason, &purposes, hashes, repeat, unread);
                begin(draft, &row, &papers).map(Some)
            })
            .await
    }

    async fn end_vigils(&self, oldest_queued: Option<Timestamp>) -> Result<Vec<VigilEnded>, StoreError> {
        let all = self.shared.vigils().all();
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let confirmed = self.shared.look().confirmed().ok();
        // What is queued no more is parked by then, or has its end.
        let first = self.beside(first_parked).await?;
        let mut ended = Vec::new();
        for (id, asked) in all {
            if is_over(asked, oldest_queued, first, confirmed) {
                ended.extend(self.writer.write_and_puncture(1, move |draft| end(draft, id)).await?);
            }
        }
        Ok(ended)
    }

    fn vigils(&self) -> u64 {
        self.shared.vigils().count() as u64
    }
}

/// On which day the oldest that is parked was submitted.
fn first_parked(shared: &Shared) -> Result<Option<u32>, StoreError> {
    let first = Cell::new(None::<u32>);
    parked::arrivals(shared, |_, row| {
        first.set(Some(first.get().map_or(row.submitted_day, |first| first.min(row.submitted_day))));
        false
    })?;
    Ok(first.get())
}

/// The vigil of the request that had this key.
fn known(draft: &Draft<'_>, repeat: Option<[u8; 32]>) -> Result<Option<VigilId>, StoreError> {
    let Some(repeat) = repeat else { return Ok(None) };
    for (id, _) in draft.shared.vigils().all() {
        if read(draft, id)?.is_some_and(|row| row.repeat == Some(repeat)) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

fn begin(draft: &mut Draft<'_>, row: &VigilRow, papers: &Papers) -> Result<VigilId, StoreError> {
    let number = draft.counter(&Place::Meta, meta::NEXT_VIGIL)?.max(1);
    draft.write(Place::Meta, meta::NEXT_VIGIL, (number + 1).to_be_bytes().to_vec())?;
    let id = VigilId(number);
    for hash in &row.hashes {
        let mut owners = owners(draft, hash)?;
        owners.push(id);
        draft.write(Place::Vigils, &vigil_rows::hash_key(hash), vigil_rows::owners_bytes(&owners))?;
    }
    let bytes = layout::encode(&PapersRow::of(papers));
    pieces::write(draft, &Place::Vigils, &vigil_rows::papers_at(id), &bytes, PIECES_MAX)?;
    draft.effect(Effect::VigilBegan(id, layout::moment(row.asked_ms)?, row.hashes.clone()));
    draft.write(Place::Vigils, &vigil_rows::row_key(id), layout::encode(&row))?;
    Ok(id)
}

/// A vigil; none: it is over, or cannot be read.
fn read(draft: &Draft<'_>, id: VigilId) -> Result<Option<VigilRow>, StoreError> {
    let key = vigil_rows::row_key(id);
    let row = draft.read(&Place::Vigils, &key)?.map(|bytes| layout::decode::<VigilRow>(&bytes));
    Ok(row.and_then(|read| draft.shared.unreadable().or_passed_over(&Place::Vigils, &key, read)))
}

fn owners(draft: &Draft<'_>, hash: &[u8; 32]) -> Result<Vec<VigilId>, StoreError> {
    let key = vigil_rows::hash_key(hash);
    let read = draft.read(&Place::Vigils, &key)?.map(|bytes| vigil_rows::owners(&bytes));
    let read = read.and_then(|read| draft.shared.unreadable().or_passed_over(&Place::Vigils, &key, read));
    Ok(read.unwrap_or_default())
}

/// An erasure is what a vigil follows.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn follow(draft: &mut Draft<'_>, id: VigilId, erasure: ErasureId) -> Result<(), StoreError> {
    let Some(mut row) = read(draft, id)? else { return Ok(()) };
    row.follow(erasure);
    draft.write(Place::Vigils, &vigil_rows::row_key(id), layout::encode(&row))
}

/// Erases a submission that is about to be stored, if somebody who was erased is met in it. True: something of it is erased, and
/// stands in the draft as any erasure does.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn meet(
    draft: &mut Draft<'_>,
    reference: &LeadRef,
    (seen, noted): (&[u8; 32], Option<&SeenRow>),
    verdicts: &[Verdict],
) -> Result<bool, StoreError> {
    let writes = draft.writes_into(&Place::Vigils);
    if draft.shared.vigils().count() == 0 && !writes {
        return Ok(false);
    }
    let (mut met, mut stored_for) = (BTreeSet::new(), Vec::new());
    for verdict in verdicts {
        let Verdict::Stored(lead) = verdict else { continue };
        stored_for.push(lead.purpose().clone());
        for hash in hashes_of(lead, draft.shared.keyring()) {
            if writes || draft.shared.vigils().awaits(&hash) {
                met.extend(owners(draft, &hash)?);
            }
        }
    }
    let mut is_met = false;
    for id in met {
        let Some(row) = read(draft, id)? else { continue };
        let key = vigil_rows::row_key(id);
        let asked = layout::moment(row.asked_ms);
        let asked = draft.shared.unreadable().or_passed_over(&Place::Vigils, &key, asked);
        if asked.is_some_and(|asked| was_accepted_by(reference, asked)) {
            is_met |= take(draft, reference, (seen, noted), (id, row), &stored_for)?;
        }
    }
    Ok(is_met)
}

fn take(
    draft: &mut Draft<'_>,
    reference: &LeadRef,
    (seen, noted): (&[u8; 32], Option<&SeenRow>),
    (id, mut row): (VigilId, VigilRow),
    stored_for: &[PurposeId],
) -> Result<bool, StoreError> {
    let key = vigil_rows::row_key(id);
    let purposes = draft.shared.unreadable().or_passed_over(&Place::Vigils, &key, row.purposes());
    let Some(purposes) = purposes else { return Ok(false) };
    // It may have been met before, for these purposes or for all.
    let erased = erased::erased_for(draft, seen)?;
    let is_erased = erased.as_ref().is_some_and(|erased| match erased {
        ErasedFor::All => true,
        ErasedFor::Some(of) => !purposes.is_empty() && purposes.iter().all(|purpose| of.contains(purpose)),
    });
    if is_erased {
        return Ok(false);
    }
    let fates = noted.map_or(&[][..], |row| row.fates.as_slice());
    let mut has_records = false;
    for fate in fates {
        let Some(record) = fate.record()? else { continue };
        if !purposes.is_empty() && !purposes.contains(&record.purpose) {
            continue;
        }
        // Nobody but the person may have it erased: then nothing of it is.
        if restrictions::bars_erasing(draft, &record)? && !is_the_person_s(row.reason()) {
            return Ok(false);
        }
        has_records = true;
    }
    // For none of the purposes in which they were erased is anything of it stored, or about to be.
    let is_of_these = purposes.is_empty() || stored_for.iter().any(|purpose| purposes.contains(purpose));
    if !has_records && !is_of_these {
        return Ok(false);
    }
    let target = Target { seen: Some(*seen), record: None };
    let entry = Entry::by_system_because(Action::ErasureAsked, row.reason());
    if has_records {
        // Keys are to be destroyed: that is an erasure, with a receipt of its own.
        let papers = papers_of(draft, id);
        let papers =
            draft.shared.unreadable().or_passed_over(&Place::Vigils, &vigil_rows::papers_at(id), papers);
        let papers = papers.unwrap_or_default();
        let request = ErasureRequest { purposes, papers, ..ErasureRequest::default() };
        let erased = erasing::erase(draft, &[target], &request, &entry)?;
        if let (crate::store::Asked::Erasure(erasure), Some(first)) = (erased.asked, row.follows()) {
            erasing::note_follows(draft, erasure.id, first)?;
        }
        return Ok(true);
    }
    let traces = erasing::take_unread(draft, &target, &purposes, reference, row.reason())?;
    row.meet(1, traces);
    draft.write(Place::Vigils, &vigil_rows::row_key(id), layout::encode(&row))?;
    Ok(true)
}

fn papers_of(draft: &Draft<'_>, id: VigilId) -> Result<Papers, StoreError> {
    let at = vigil_rows::papers_at(id);
    let bytes = pieces::read(|key| draft.read(&Place::Vigils, key), &at, PIECES_MAX)?;
    let bytes = bytes.ok_or(StoreError::of(StoreCode::Damaged))?;
    layout::decode::<PapersRow>(&bytes)?.papers()
}

/// Ends a vigil. None: it was over.
fn end(draft: &mut Draft<'_>, id: VigilId) -> Result<Option<VigilEnded>, StoreError> {
    let Some(row) = read(draft, id)? else { return Ok(None) };
    let mut ended = VigilEnded { erasure: None, follows: row.follows() };
    let mut gone = Vec::with_capacity(row.hashes.len());
    for hash in &row.hashes {
        let mut owners = owners(draft, hash)?;
        owners.retain(|owner| *owner != id);
        let key = vigil_rows::hash_key(hash);
        match owners.is_empty() {
            true => {
                draft.remove(Place::Vigils, &key);
                gone.push(*hash);
            }
            false => draft.write(Place::Vigils, &key, vigil_rows::owners_bytes(&owners))?,
        }
    }
    if row.unread > 0 || row.met > 0 {
        let papers = papers_of(draft, id);
        // Where what was kept cannot be read there is nothing to make a receipt of; the trail has its line all the same.
        let papers =
            draft.shared.unreadable().or_passed_over(&Place::Vigils, &vigil_rows::papers_at(id), papers);
        let request = ErasureRequest { papers: papers.unwrap_or_default(), ..ErasureRequest::default() };
        let entry = Entry::by_system_because(Action::ErasureAsked, row.reason());
        let erasure = erasing::note_unread(draft, (row.met, row.traces()), &request, &entry)?;
        if let Some(first) = row.follows() {
            erasing::note_follows(draft, erasure, first)?;
        }
        ended.erasure = Some(erasure);
    }
    pieces::remove(draft, &Place::Vigils, &vigil_rows::papers_at(id), PIECES_MAX)?;
    draft.remove(Place::Vigils, &vigil_rows::row_key(id));
    draft.effect(Effect::VigilOver(id, gone));
    Ok(Some(ended))
}
