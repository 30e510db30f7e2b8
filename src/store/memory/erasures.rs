//! Erasures: what is taken away, what remembers it, and the end once the keys are destroyed.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::clock::{Day, Month};
use crate::forget::ChangeKind;
use crate::id::LeadgenId;
use crate::lead::{Leaf, SealedRecord, Under, unseal};
use crate::purpose::{PurposeId, RecordId};
use crate::store::erasures::{line_of_extent, lines_of_erasure};
use crate::store::feeds::Became;
use crate::store::leaves::{Leaves, puncture};
use crate::store::memory::draft::{Draft, EPOCH, keyring_failed};
use crate::store::memory::rows::End;
use crate::store::memory::{MemoryState, MemoryStore};
use crate::store::restrictions::is_the_person_s;
use crate::store::seen::seen_key;
use crate::store::several::row_why;
use crate::store::stubs::Parting;
use crate::store::tombstones::{has_served, tombstone_key};
use crate::store::{
    Asked, ErasedFor, Erasure, ErasureEnd, ErasureId, ErasureRequest, Erasures, Extent, Papers, SeenState,
    StoreCode, StoreError, StuckErasures, Traces, Wanted,
};
use crate::trail::{Action, Entry};

#[async_trait]
impl Erasures for MemoryStore {
    async fn erase(&self, request: ErasureRequest, entry: Entry) -> Result<Asked, StoreError> {
        request.require_bound()?;
        let asked = self.0.write(|draft| draft.erase(&request, &entry))?;
        // What fails is tried again with the next one, and at the next start.
        let _ = self.0.finish_erasures();
        let Asked::Erasure(Erasure { id, .. }) = &asked else { return Ok(asked) };
        let now = self.0.rows()?.erasures.get(id).cloned();
        Ok(now.map_or(asked, Asked::Erasure))
    }

    async fn repeated(&self, request: ErasureRequest, entry: Entry) -> Result<Option<Asked>, StoreError> {
        let rows = self.0.rows()?;
        Ok(Draft::begin(&self.0, &rows).repeated(&request, &entry))
    }

    async fn extent(&self, request: ErasureRequest, entry: Entry) -> Result<Extent, StoreError> {
        request.require_bound()?;
        let looked = {
            let rows = self.0.rows()?;
            let mut draft = Draft::begin(&self.0, &rows);
            let Taken { records, extent, .. } = draft.take(&request);
            let is_restricted = records.iter().any(|id| rows.bars_erasing(id, &draft.look));
            match is_restricted && !is_the_person_s(entry.reason()) {
                true => Err(StoreError::of(StoreCode::RecordRestricted)),
                false => Ok(extent),
            }
        };
        let line = line_of_extent(looked.as_ref(), entry)?;
        self.0.write(|draft| {
            draft.append_line(line);
            Ok(())
        })?;
        looked
    }

    fn stuck_erasures(&self) -> StuckErasures {
        // Each that is pending was tried when it was asked for.
        let pending = self.0.rows().map_or(0, |rows| (rows.pending.len() + rows.rewritten.len()) as u64);
        StuckErasures { pending, damaged: 0 }
    }

    async fn erasure(&self, id: ErasureId) -> Result<Option<Erasure>, StoreError> {
        Ok(self.0.rows()?.erasures.get(&id).cloned())
    }

    async fn followed_by(&self, ids: Vec<ErasureId>) -> Result<Vec<Option<ErasureId>>, StoreError> {
        let rows = self.0.rows()?;
        Ok(ids.iter().map(|id| rows.erasures.get(id).and_then(|erasure| erasure.followed_by)).collect())
    }

    async fn drop_tombstones(&self) -> Result<u64, StoreError> {
        let (count, months) = self.0.write(|draft| {
            let today = Day::of(draft.look.confirmed()?);
            let before = draft.rows.tombstones.len();
            draft.rows.tombstones.retain(|(month, _), _| !has_served(*month, today));
            let mut months = self.0.keyring.tombstone_months();
            months.retain(|month| has_served(*month, today));
            Ok((before - draft.rows.tombstones.len(), months))
        })?;
        if !months.is_empty() {
            self.0.keyring.destroy_tombstone_months(&months).map_err(keyring_failed)?;
        }
        Ok(count as u64)
    }
}

impl MemoryState {
    /// Destroys the keys of what was taken away, and notes that it is done.
    pub(super) fn finish_erasures(&self) -> Result<(), StoreError> {
        let (pending, rewritten, sweep) = {
            let rows = self.rows()?;
            (rows.pending.clone(), rows.rewritten.clone(), rows.sweep.clone())
        };
        if pending.is_empty() && rewritten.is_empty() && sweep.is_none() {
            return Ok(());
        }
        let had = |(id, leaves): (&RecordId, &Vec<Leaf>)| -> Vec<(PurposeId, Leaf)> {
            leaves.iter().map(|leaf| (id.purpose.clone(), *leaf)).collect()
        };
        let had: Vec<(PurposeId, Leaf)> = rewritten.iter().flat_map(had).collect();
        let cuts = sweep.as_ref().map_or(&[][..], |(_, cuts)| cuts);
        puncture(&*self.keyring, pending.values().flatten().chain(&had), cuts).map_err(keyring_failed)?;
        self.write(|draft| {
            draft.rows.sweep = None;
            draft.rows.rewritten.retain(|id, leaves| rewritten.get(id) != Some(leaves));
            let end = ErasureEnd { at: draft.look.now(), generation: self.keyring.generation() };
            for id in pending.keys() {
                draft.rows.pending.remove(id);
                let Some(erasure) = draft.rows.erasures.get_mut(id) else { continue };
                erasure.done = Some(end);
                let mut entry = Entry::by_system(Action::Erased);
                entry.erasure = Some((id.epoch, id.number));
                entry.count = erasure.extent.total();
                draft.append_line(entry);
            }
            Ok(())
        })
    }
}

/// What is taken away.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) leadgens: BTreeSet<LeadgenId>,
    pub(super) records: Vec<RecordId>,
    pub(super) leaves: Vec<(PurposeId, Leaf)>,
    pub(super) extent: Extent,
    pub(super) traces: Traces,
}

impl Draft<'_> {
    /// What came of the request that had its key before.
    pub(super) fn repeated(&self, request: &ErasureRequest, entry: &Entry) -> Option<Asked> {
        let (hash, request) = self.repeat_of(request, entry)?;
        let (id, of) = self.rows.repeats.get(&hash)?;
        let known = self.rows.erasures.get(id).filter(|_| request == *of);
        Some(known.cloned().map_or(Asked::KeyTaken, Asked::Erasure))
    }

    /// Under what its key is kept, and what tells it from another request under that key.
    pub(super) fn repeat_of(&self, request: &ErasureRequest, entry: &Entry) -> Option<([u8; 32], [u8; 32])> {
        let (key, repeat) = (self.shared.keyring.seen_key(), request.repeat.as_ref()?);
        Some((repeat.hash(&key, entry.actor()), repeat.hash_of_request(&key, request, entry)))
    }

    pub(super) fn erase(&mut self, request: &ErasureRequest, entry: &Entry) -> Result<Asked, StoreError> {
        if let Some(asked) = self.repeated(request, entry) {
            return Ok(asked);
        }
        let repeat = self.repeat_of(request, entry);
        let erasure = self.taken_as(request, (None, is_the_person_s(entry.reason())), entry)?;
        repeat.map(|(hash, of)| self.rows.repeats.insert(hash, (erasure.id, of)));
        if let Some(vigil) = request.vigil.and_then(|vigil| self.rows.vigils.get_mut(&vigil)) {
            vigil.follows = Some(erasure.id);
        }
        Ok(Asked::Erasure(erasure))
    }

    /// Carries an erasure out that has its number: nothing is in its way any more.
    pub(super) fn carry_out(
        &mut self,
        request: &ErasureRequest,
        id: ErasureId,
        entry: &Entry,
    ) -> Result<Erasure, StoreError> {
        self.taken_as(request, (Some(id), true), entry)
    }

    fn taken_as(
        &mut self,
        request: &ErasureRequest,
        (known, is_the_person_s): (Option<ErasureId>, bool),
        entry: &Entry,
    ) -> Result<Erasure, StoreError> {
        let mut evidence_until = None;
        if let Some(parting) = Parting::by(entry) {
            // As the records are now: what is taken away cannot be opened any more.
            for id in Draft::begin(self.shared, &self.rows).take(request).records {
                evidence_until = evidence_until.max(self.leave_stub(&id, parting)?);
            }
        }
        let mut taken = self.take(request);
        taken.traces.evidence_until = evidence_until;
        for id in &taken.records {
            self.forget_passes(id);
            if let Some(restriction) = self.rows.restrictions.remove(id) {
                if restriction.bars_erasing(&self.look) && !is_the_person_s {
                    return Err(StoreError::of(StoreCode::RecordRestricted));
                }
                self.leave_telling(id, restriction.erasure);
            }
        }
        self.entomb(&taken.leadgens, &request.purposes, &mut taken.traces)?;
        let papers = request.papers.of(&taken.extent);
        Ok(self.note_erasure(taken, papers, (known, entry)))
    }

    /// Remembers that these were erased.
    pub(super) fn entomb(
        &mut self,
        leadgens: &BTreeSet<LeadgenId>,
        purposes: &[PurposeId],
        traces: &mut Traces,
    ) -> Result<(), StoreError> {
        let (keyring, key) = (&*self.shared.keyring, self.shared.keyring.seen_key());
        let (month, erased) = (Month::of(self.look.now()), ErasedFor::of(purposes));
        if !leadgens.is_empty() {
            traces.note_tombstone(month);
            keyring.make_tombstone_month(month).map_err(keyring_failed)?;
        }
        for leadgen in leadgens {
            let of_month = keyring.tombstone_key(month).map_err(keyring_failed)?;
            let at = (month, tombstone_key(&of_month, &seen_key(&key, leadgen)));
            let now = self.rows.tombstones.remove(&at).map_or(erased.clone(), |had| had.and(erased.clone()));
            self.rows.tombstones.insert(at, now);
        }
        Ok(())
    }

    /// Notes what was taken away as an erasure, with its lines.
    pub(super) fn note_erasure(
        &mut self,
        taken: Taken,
        papers: Papers,
        (known, entry): (Option<ErasureId>, &Entry),
    ) -> Erasure {
        let Taken { leadgens: _, records, leaves, extent, traces } = taken;
        let id = known.unwrap_or_else(|| {
            self.rows.last_erasure += 1;
            ErasureId { epoch: EPOCH, number: self.rows.last_erasure }
        });
        let handed = self.rows.holders(&records, Day::of(self.look.now()));
        if !handed.is_empty() {
            self.rows.handed_of.insert(id, handed);
        }
        let erased = Became { erasure: Some(id), ..Became::of(ChangeKind::Erased, &records) };
        self.note_change(&erased);
        let line = self.rows.trail_head.0 + 1;
        lines_of_erasure(&records, &extent, entry).into_iter().for_each(|line| self.append_line(line));
        let (now, reason) = (self.look.now(), entry.reason());
        let asked = self.rows.erasures.get(&id).map_or(now, |before| before.asked);
        let end = ErasureEnd { at: now, generation: self.shared.keyring.generation() };
        let done = leaves.is_empty().then_some(end);
        if done.is_none() {
            self.rows.pending.insert(id, leaves);
        }
        let (follows, followed_by) = (None, None);
        let erasure = Erasure { id, asked, reason, extent, line, traces, papers, follows, followed_by, done };
        self.rows.erasures.insert(id, erasure.clone());
        erasure
    }

    /// Takes what a request names away.
    pub(super) fn take(&mut self, request: &ErasureRequest) -> Taken {
        let mut taken = Taken::default();
        for what in &request.what {
            match what {
                Wanted::Leadgen(leadgen) => {
                    self.take_queued(leadgen, request, &mut taken);
                    self.take_noted(leadgen, &request.purposes, &mut taken);
                    taken.leadgens.insert(*leadgen);
                }
                Wanted::Record(id) => {
                    if self.rows.record(id).is_none() {
                        continue;
                    }
                    if let Some(leadgen) = self.leadgen_of(id) {
                        self.take_noted(&leadgen, &request.purposes, &mut taken);
                        taken.leadgens.insert(leadgen);
                    }
                    self.take_record(id, &request.purposes, &mut taken);
                }
            }
        }
        taken
    }

    /// The journal alone knows of it.
    fn take_queued(&self, leadgen: &LeadgenId, request: &ErasureRequest, taken: &mut Taken) {
        let is_known = self.rows.seen.get(leadgen).is_some_and(|note| {
            let is_let_go = matches!(note.end, None | Some(End::Dropped(_)));
            !(note.fates.is_empty() && note.arrivals.is_empty() && is_let_go)
        });
        let has_ended = taken.leadgens.contains(leadgen)
            || self.rows.erased_for(&*self.shared.keyring, leadgen) == Some(ErasedFor::All);
        let is_meant = request.purposes.is_empty() && request.queued.contains(leadgen);
        if is_meant && !is_known && !has_ended {
            let today = Day::of(self.look.now());
            taken.extent.references += 1;
            taken.traces.note_submitted(today);
            taken.traces.note_sealed(today);
        }
    }

    fn leadgen_of(&self, id: &RecordId) -> Option<LeadgenId> {
        let is_it = |state: &SeenState| matches!(state, SeenState::Stored(stored) if stored == id);
        let mut notes = self.rows.seen.iter();
        let note = notes.find(|(_, note)| note.fates.iter().any(|fate| is_it(&fate.state)))?;
        Some(*note.0)
    }

    fn take_noted(&mut self, leadgen: &LeadgenId, purposes: &[PurposeId], taken: &mut Taken) {
        let Some(mut note) = self.rows.seen.remove(leadgen) else { return };
        for fate in &note.fates {
            if let SeenState::Stored(id) = &fate.state {
                self.take_record(id, purposes, taken);
            }
        }
        let mut left = Vec::new();
        for arrival in std::mem::take(&mut note.arrivals) {
            let days = self.rows.parked.get(&arrival).map(|row| (row.submitted, row.sealed));
            match self.take_parked(arrival, purposes) {
                true => {
                    taken.extent.references += 1;
                    if let Some((submitted, sealed)) = days {
                        taken.traces.note_submitted(submitted.min(Day::of(self.look.now())));
                        taken.traces.note_sealed(sealed);
                    }
                }
                false => left.push(arrival),
            }
        }
        note.arrivals = left;
        note.fates.retain(|fate| fate.purpose.as_ref().is_some_and(|purpose| !purposes.contains(purpose)));
        let is_empty = note.fates.is_empty() && note.arrivals.is_empty() && note.end.is_none();
        if !purposes.is_empty() && !is_empty {
            self.rows.seen.insert(*leadgen, note);
        }
    }

    /// True if it ends: it is open for no other purpose.
    fn take_parked(&mut self, arrival: u64, purposes: &[PurposeId]) -> bool {
        let Some(row) = self.rows.parked.get_mut(&arrival) else { return false };
        if !purposes.is_empty() {
            if row.open.iter().all(|open| !purposes.contains(&open.purpose)) {
                return false;
            }
            row.open.retain(|open| !purposes.contains(&open.purpose));
            if let Some(why) = row_why(&mut row.open) {
                row.why = why;
                self.moved.push(arrival);
                return false;
            }
        }
        self.unpark(arrival);
        true
    }

    fn take_record(&mut self, id: &RecordId, purposes: &[PurposeId], taken: &mut Taken) {
        if !purposes.is_empty() && !purposes.contains(&id.purpose) {
            return;
        }
        self.rows.evidence.remove(id);
        let Some(vault) = self.rows.vaults.get_mut(&id.purpose) else { return };
        let Some(value) = vault.records.remove(&(id.epoch, id.number)) else { return };
        vault.counted = vault.counted.saturating_sub(1);
        let leaf = match SealedRecord::peek(&value) {
            Some((Under::Leaf(leaf), _, _)) => leaf,
            Some((Under::Bucket(_), _, _)) | None => Leaf::of(id),
        };
        let (today, keyring) = (self.look.now(), &*self.shared.keyring);
        let submitted = SealedRecord::decode(&value).and_then(|record| {
            let key = Leaves::default().key(keyring, &id.purpose, record.under).ok()?;
            let lead = unseal(&record, id, key.key()).ok()?.read().ok()?;
            Some(Day::of(lead.created().min(today)))
        });
        taken.traces.note_submitted(submitted.unwrap_or(Day::of(today)));
        taken.extent.count(&id.purpose);
        taken.leaves.push((id.purpose.clone(), leaf));
        taken.records.push(id.clone());
    }
}
