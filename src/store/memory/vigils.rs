//! Vigils: how one begins, what it meets when something is settled, and its end.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::notification::LeadRef;
use crate::purpose::PurposeId;
use crate::store::memory::MemoryStore;
use crate::store::memory::draft::Draft;
use crate::store::memory::erasures::Taken;
use crate::store::memory::rows::VigilRow;
use crate::store::restrictions::is_the_person_s;
use crate::store::vigils::{VIGILS_MAX, hashes_of, is_over, was_accepted_by};
use crate::store::{
    Asked, ErasedFor, ErasureId, ErasureRequest, Extent, Papers, SeenState, StoreError, ToAwait, Traces,
    Verdict, VigilEnded, VigilId, Vigils, Wanted,
};
use crate::trail::{Action, Entry};

#[async_trait]
impl Vigils for MemoryStore {
    async fn await_unread(&self, what: ToAwait, entry: Entry) -> Result<Option<VigilId>, StoreError> {
        what.require_bound()?;
        let hashes = what.hashes(&*self.0.keyring);
        let ToAwait { purposes, unread, repeat, papers, .. } = what;
        let repeat = repeat.map(|repeat| repeat.hash(&self.0.keyring.seen_key(), entry.actor()));
        self.0.write(|draft| {
            let mut known = draft.rows.vigils.iter();
            if let Some((id, _)) = known.find(|(_, row)| repeat.is_some() && row.repeat == repeat) {
                return Ok(Some(*id));
            }
            if draft.rows.vigils.len() >= VIGILS_MAX {
                return Ok(None);
            }
            draft.rows.last_vigil += 1;
            let id = VigilId(draft.rows.last_vigil);
            let (asked, reason) = (draft.look.latest(), entry.reason());
            let (follows, met, traces) = (None, 0, Traces::default());
            let row =
                VigilRow { asked, reason, purposes, hashes, repeat, unread, follows, papers, met, traces };
            draft.rows.vigils.insert(id, row);
            Ok(Some(id))
        })
    }

    async fn end_vigils(&self, oldest_queued: Option<Timestamp>) -> Result<Vec<VigilEnded>, StoreError> {
        self.0.write(|draft| {
            let first = draft.rows.parked.values().map(|row| row.submitted.0).min();
            let confirmed = draft.look.confirmed().ok();
            let over = |row: &VigilRow| is_over(row.asked, oldest_queued, first, confirmed);
            let over: Vec<VigilId> =
                draft.rows.vigils.iter().filter(|(_, row)| over(row)).map(|(id, _)| *id).collect();
            let mut ended = Vec::new();
            for id in &over {
                let Some(row) = draft.rows.vigils.remove(id) else { continue };
                let follows = row.follows;
                if row.unread == 0 && row.met == 0 {
                    ended.push(VigilEnded { erasure: None, follows });
                    continue;
                }
                let extent = Extent { references: row.met, ..Extent::default() };
                let taken = Taken { extent, traces: row.traces, ..Taken::default() };
                let entry = Entry::by_system_because(Action::ErasureAsked, row.reason);
                let erasure = draft.note_erasure(taken, row.papers, (None, &entry));
                draft.note_follows(erasure.id, follows);
                ended.push(VigilEnded { erasure: Some(erasure.id), follows });
            }
            Ok(ended)
        })
    }

    fn vigils(&self) -> u64 {
        self.0.rows().map_or(0, |rows| rows.vigils.len() as u64)
    }
}

impl Draft<'_> {
    /// Erases a submission that is about to be stored, if somebody who was erased is met in it.
    pub(super) fn meet(&mut self, reference: &LeadRef, verdicts: &[Verdict]) -> Result<bool, StoreError> {
        let leads = verdicts.iter().filter_map(|verdict| match verdict {
            Verdict::Stored(lead) => Some(lead),
            _ => None,
        });
        let stored_for: Vec<PurposeId> = leads.clone().map(|lead| lead.purpose().clone()).collect();
        let hashes: Vec<[u8; 32]> = leads.flat_map(|lead| hashes_of(lead, &*self.shared.keyring)).collect();
        let is_met = |row: &VigilRow| {
            was_accepted_by(reference, row.asked) && row.hashes.iter().any(|hash| hashes.contains(hash))
        };
        let met: Vec<VigilId> =
            self.rows.vigils.iter().filter(|(_, row)| is_met(row)).map(|(id, _)| *id).collect();
        let mut is_met = false;
        for id in met {
            is_met |= self.take_met(reference, id, &stored_for)?;
        }
        Ok(is_met)
    }

    fn take_met(
        &mut self,
        reference: &LeadRef,
        id: VigilId,
        stored_for: &[PurposeId],
    ) -> Result<bool, StoreError> {
        let Some(row) = self.rows.vigils.get(&id).cloned() else { return Ok(false) };
        let is_erased = match self.rows.erased_for(&*self.shared.keyring, &reference.leadgen) {
            Some(ErasedFor::All) => true,
            Some(ErasedFor::Some(of)) => {
                !row.purposes.is_empty() && row.purposes.iter().all(|purpose| of.contains(purpose))
            }
            None => false,
        };
        if is_erased {
            return Ok(false);
        }
        let fates = self.rows.seen.get(&reference.leadgen).map_or(Vec::new(), |note| note.fates.clone());
        let mut has_records = false;
        for fate in fates {
            let SeenState::Stored(record) = fate.state else { continue };
            if !row.purposes.is_empty() && !row.purposes.contains(&record.purpose) {
                continue;
            }
            if self.bars_erasing(&record) && !is_the_person_s(row.reason) {
                return Ok(false);
            }
            has_records = true;
        }
        let is_of_these =
            row.purposes.is_empty() || stored_for.iter().any(|purpose| row.purposes.contains(purpose));
        if !has_records && !is_of_these {
            return Ok(false);
        }
        let (what, purposes) = (vec![Wanted::Leadgen(reference.leadgen)], row.purposes.clone());
        let papers = if has_records { row.papers.clone() } else { Papers::default() };
        let request = ErasureRequest { what, purposes, papers, ..ErasureRequest::default() };
        if has_records {
            let entry = Entry::by_system_because(Action::ErasureAsked, row.reason);
            if let Asked::Erasure(erasure) = self.erase(&request, &entry)? {
                self.note_follows(erasure.id, row.follows);
            }
            return Ok(true);
        }
        let Taken { leadgens, mut traces, .. } = self.take(&request);
        self.entomb(&leadgens, &request.purposes, &mut traces)?;
        let today = crate::clock::Day::of(self.look.now());
        traces.note_submitted(reference.created.map_or(today, |at| crate::clock::Day::of(at).min(today)));
        traces.note_sealed(today);
        if let Some(row) = self.rows.vigils.get_mut(&id) {
            (row.met, row.traces) = (row.met + 1, row.traces.and(traces));
        }
        Ok(true)
    }

    fn note_follows(&mut self, erasure: ErasureId, first: Option<ErasureId>) {
        let Some(first) = first else { return };
        if let Some(erasure) = self.rows.erasures.get_mut(&erasure) {
            erasure.follows = Some(first);
        }
        if let Some(first) = self.rows.erasures.get_mut(&first) {
            first.followed_by = Some(erasure);
        }
    }
}
