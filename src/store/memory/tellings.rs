//! Erasures that wait for a letter to their person.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::clock::{Day, after};
use crate::forget::{ChangeKind, TellingState, Untold};
use crate::purpose::RecordId;
use crate::store::erasures::lines_of_erasure;
use crate::store::memory::MemoryStore;
use crate::store::memory::draft::{Draft, EPOCH};
use crate::store::memory::rows::Rows;
use crate::store::restrictions::{RESTRICTIONS_MAX, is_the_person_s};
use crate::store::tellings::KeptTelling;
use crate::store::{
    Asked, Erasure, ErasureEnd, ErasureId, ErasureRequest, Extent, Fate, MailEnd, MailId, MailKind,
    Restriction, SeenState, StoreCode, StoreError, TELL_WITHIN, Telling, Tellings, ToTell, ToldFirst, Traces,
    Wanted,
};
use crate::trail::{Action, Entry, Reason};

#[async_trait]
impl Tellings for MemoryStore {
    async fn erase_once_told(&self, request: ErasureRequest, entry: Entry) -> Result<ToldFirst, StoreError> {
        request.require_bound()?;
        self.0.write(|draft| draft.begin_telling(&request, &entry))
    }

    async fn telling(&self, id: ErasureId) -> Result<Option<Telling>, StoreError> {
        Ok(self.0.rows()?.tellings.get(&id).map(KeptTelling::shown))
    }

    async fn to_tell(&self, record: RecordId) -> Result<Option<ToTell>, StoreError> {
        let rows = self.0.rows()?;
        let Some(erasure) = rows.waits_for(&record) else { return Ok(None) };
        let Some(kept) = rows.tellings.get(&erasure) else { return Ok(None) };
        let mut records = kept.open();
        records.sort_by_key(|id| *id != record);
        Ok(Some(ToTell { erasure, reason: kept.reason, until: kept.until, records }))
    }

    async fn end_telling(
        &self,
        records: Vec<RecordId>,
        told: Result<(), Untold>,
        entry: Entry,
    ) -> Result<Option<Erasure>, StoreError> {
        let erasure = self.0.write(|draft| draft.end_telling(&records, told, &entry))?;
        let Some(erasure) = erasure else { return Ok(None) };
        // What fails is tried again with the next one, and at the next start.
        let _ = self.0.finish_erasures();
        Ok(Some(self.0.rows()?.erasures.get(&erasure.id).cloned().unwrap_or(erasure)))
    }

    async fn tellings_over(&self) -> Result<Vec<Vec<RecordId>>, StoreError> {
        let (now, rows) = (self.0.mark.look().now(), self.0.rows()?);
        let has_letter =
            |record: RecordId| rows.held_mails().waits(&MailId { record, kind: MailKind::Erasing });
        let is_over = |id: &ErasureId| {
            let kept = rows.tellings.get(id);
            kept.is_none_or(|kept| kept.until <= now || !kept.open().into_iter().any(has_letter))
        };
        Ok(rows.waiting().into_iter().filter(|(id, _)| is_over(id)).map(|(_, records)| records).collect())
    }

    fn tellings_waiting(&self) -> u64 {
        self.0.rows().map_or(0, |rows| rows.waiting().len() as u64)
    }
}

impl Rows {
    fn waits_for(&self, record: &RecordId) -> Option<ErasureId> {
        self.restrictions.get(record).and_then(|found| found.erasure)
    }

    /// The records that wait, by their erasure.
    fn waiting(&self) -> BTreeMap<ErasureId, Vec<RecordId>> {
        let mut waiting: BTreeMap<ErasureId, Vec<RecordId>> = BTreeMap::new();
        for (record, restriction) in &self.restrictions {
            if let Some(id) = restriction.erasure {
                waiting.entry(id).or_default().push(record.clone());
            }
        }
        waiting
    }
}

impl Draft<'_> {
    fn begin_telling(&mut self, request: &ErasureRequest, entry: &Entry) -> Result<ToldFirst, StoreError> {
        if let Some(asked) = self.repeated(request, entry) {
            let Asked::Erasure(erasure) = asked else { return Ok(ToldFirst::KeyTaken) };
            let telling = self.rows.tellings.get(&erasure.id).map(KeptTelling::shown);
            return Ok(match telling.filter(|telling| telling.state == TellingState::Waiting) {
                Some(telling) => ToldFirst::Waits(erasure.id, telling),
                None => ToldFirst::Known(erasure),
            });
        }
        let taken = Draft::begin(self.shared, &self.rows).take(request).records;
        let records: Vec<RecordId> = taken.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        if records.is_empty() {
            return Ok(ToldFirst::NoRecord);
        }
        let now = self.look.now();
        let (mut until, mut extent) = (after(now, TELL_WITHIN), Extent::default());
        for record in &records {
            if self.bars_erasing(record) && !is_the_person_s(entry.reason()) {
                return Err(StoreError::of(StoreCode::RecordRestricted));
            }
            extent.count(&record.purpose);
            let earlier = self.rows.waits_for(record).and_then(|id| self.rows.tellings.get(&id));
            until = earlier.map_or(until, |kept| until.min(kept.until));
            self.leave_telling(record, self.rows.waits_for(record));
        }
        self.rows.last_erasure += 1;
        let id = ErasureId { epoch: EPOCH, number: self.rows.last_erasure };
        let line = self.rows.trail_head.0 + 1;
        for mut line in lines_of_erasure(&records, &extent, entry) {
            line.erasure = Some((id.epoch, id.number));
            self.append_line(line);
        }
        for record in &records {
            self.wait_for(record, (id, Day::of(until)), entry.reason())?;
            self.queue_mail(record, MailKind::Erasing, None)?;
        }
        let (asked, reason, traces, papers) =
            (now, entry.reason(), Traces::default(), request.papers.of(&extent));
        let (follows, followed_by, done) = (None, None, None);
        let erasure = Erasure { id, asked, reason, extent, line, traces, papers, follows, followed_by, done };
        self.rows.erasures.insert(id, erasure);
        let kept = KeptTelling::new(reason, until, &request.purposes, &records);
        let telling = kept.shown();
        self.rows.tellings.insert(id, kept);
        if let Some((hash, of)) = self.repeat_of(request, entry) {
            self.rows.repeats.insert(hash, (id, of));
        }
        if let Some(vigil) = request.vigil.and_then(|vigil| self.rows.vigils.get_mut(&vigil)) {
            vigil.follows = Some(id);
        }
        Ok(ToldFirst::Waits(id, telling))
    }

    fn wait_for(
        &mut self,
        record: &RecordId,
        (id, until): (ErasureId, Day),
        reason: Option<Reason>,
    ) -> Result<(), StoreError> {
        let before = self.rows.restrictions.get(record).cloned();
        if before.is_none() && self.rows.restrictions.len() >= RESTRICTIONS_MAX {
            return Err(StoreError::of(StoreCode::TooManyRestrictions));
        }
        let before = before.filter(|before| before.stands(&self.look));
        if before.is_none() {
            self.note_one(ChangeKind::Restricted, record);
        }
        let reason = before.as_ref().map_or(reason, |before| before.reason);
        let since = before.map_or(self.look.now(), |before| before.since);
        let restriction = Restriction { id: record.clone(), reason, since, until, erasure: Some(id) };
        self.rows.restrictions.insert(record.clone(), restriction);
        Ok(())
    }

    fn end_telling(
        &mut self,
        records: &[RecordId],
        told: Result<(), Untold>,
        entry: &Entry,
    ) -> Result<Option<Erasure>, StoreError> {
        let Some(id) = records.iter().find_map(|record| self.rows.waits_for(record)) else {
            return Ok(None);
        };
        let Some(mut kept) = self.rows.tellings.remove(&id) else { return Ok(None) };
        let now = self.look.now();
        for record in records {
            if !kept.settle(record, told) {
                continue;
            }
            if let Some(letters) = self.rows.letters.get_mut(record) {
                letters.end(MailKind::Erasing, MailEnd::PutOff, now);
            }
            let mut entry = entry.clone();
            entry.about(record);
            entry.erasure = Some((id.epoch, id.number));
            self.append_line(entry);
        }
        if !kept.is_settled() {
            self.rows.tellings.insert(id, kept);
            return Ok(None);
        }
        let waited = std::mem::take(&mut kept.records);
        waited.iter().for_each(|(record, _)| drop(self.rows.restrictions.remove(record)));
        let entry = Entry::by_system_because(Action::ErasureAsked, kept.reason);
        let request = ErasureRequest {
            what: waited.into_iter().map(|(record, _)| Wanted::Record(record)).collect(),
            purposes: kept.purposes.clone(),
            papers: self.rows.erasures.get(&id).map(|erasure| erasure.papers.clone()).unwrap_or_default(),
            ..ErasureRequest::default()
        };
        self.rows.tellings.insert(id, kept);
        self.carry_out(&request, id, &entry).map(Some)
    }

    /// A record is stored for a further purpose of a submission whose other records wait for an erasure that means it too.
    pub(super) fn join_telling(&mut self, others: &[Fate], record: &RecordId) -> Result<(), StoreError> {
        for other in others {
            let SeenState::Stored(other) = &other.state else { continue };
            let Some(id) = self.rows.waits_for(other) else { continue };
            let Some(kept) = self.rows.tellings.get_mut(&id) else { continue };
            if !kept.join(record) {
                continue;
            }
            let (until, reason) = (Day::of(kept.until), kept.reason);
            self.wait_for(record, (id, until), reason)?;
            self.queue_mail(record, MailKind::Erasing, None)?;
            return Ok(());
        }
        Ok(())
    }

    /// A record goes otherwise, or for another erasure, than the one that it waited for.
    pub(super) fn leave_telling(&mut self, record: &RecordId, waited_for: Option<ErasureId>) {
        let Some(id) = waited_for else { return };
        let Some(kept) = self.rows.tellings.get_mut(&id) else { return };
        kept.leave(record);
        if kept.records.is_empty()
            && let Some(erasure) = self.rows.erasures.get_mut(&id)
        {
            let generation = self.shared.keyring.generation();
            erasure.extent = Extent::default();
            erasure.done = Some(ErasureEnd { at: self.look.now(), generation });
        }
    }
}
