//! Erasures that wait for a letter to their person: begun, told, carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

use crate::clock::{Day, after};
use crate::forget::{TellingState, Untold};
use crate::purpose::RecordId;
use crate::store::erasures::lines_of_erasure;
use crate::store::restrictions::is_the_person_s;
use crate::store::sled::SledStore;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::erasure_rows::{self, ErasureRow, RepeatRow};
use crate::store::sled::layout::{self, Place, record_key};
use crate::store::sled::ledger::Forgotten;
use crate::store::sled::papers;
use crate::store::sled::shared::Shared;
use crate::store::sled::telling_rows;
use crate::store::sled::verbs::erasing::{self, Drafted};
use crate::store::sled::verbs::erasure_targets::{Target, targets};
use crate::store::sled::verbs::leaving::{leave, put, read};
use crate::store::sled::verbs::taking::records_of;
use crate::store::sled::verbs::{outbox, restrictions, seen, vigils};
use crate::store::tellings::KeptTelling;
use crate::store::{
    Asked, Erasure, ErasureEnd, ErasureId, ErasureRequest, Extent, MailId, MailKind, StoreCode, StoreError,
    TELL_WITHIN, Telling, Tellings, ToTell, ToldFirst, Traces, Wanted,
};
use crate::trail::{Action, Entry};

#[async_trait]
impl Tellings for SledStore {
    async fn erase_once_told(&self, request: ErasureRequest, entry: Entry) -> Result<ToldFirst, StoreError> {
        request.require_bound()?;
        let what = request.what.clone();
        let targets = self.beside(move |shared| targets(shared, &what)).await?;
        let weight = targets.len().max(1) + papers::weight(&request.papers);
        self.writer.write_and_puncture(weight, move |draft| begin(draft, &targets, &request, &entry)).await
    }

    async fn telling(&self, id: ErasureId) -> Result<Option<Telling>, StoreError> {
        self.beside(move |shared| {
            let kept = shared.reading(|engine| kept(shared, engine, id))?;
            Ok(kept.map(|kept| kept.shown()))
        })
        .await
    }

    async fn to_tell(&self, record: RecordId) -> Result<Option<ToTell>, StoreError> {
        self.beside(move |shared| {
            let restriction = shared.restriction(&record, &shared.look());
            let Some(erasure) = restriction.and_then(|found| found.erasure) else { return Ok(None) };
            let kept = shared.reading(|engine| waiting(shared, engine, erasure))?;
            let mut records = kept.open();
            // That one first.
            records.sort_by_key(|id| *id != record);
            Ok(Some(ToTell { erasure, reason: kept.reason, until: kept.until, records }))
        })
        .await
    }

    async fn end_telling(
        &self,
        records: Vec<RecordId>,
        told: Result<(), Untold>,
        entry: Entry,
    ) -> Result<Option<Erasure>, StoreError> {
        let look = self.shared.look();
        let waits = |id: &RecordId| self.shared.restriction(id, &look).and_then(|found| found.erasure);
        let Some(id) = records.iter().find_map(waits) else { return Ok(None) };
        let found = self.beside(move |shared| {
            let kept = shared.reading(|engine| waiting(shared, engine, id))?;
            let what: Vec<Wanted> = kept.records.into_iter().map(|(id, _)| Wanted::Record(id)).collect();
            targets(shared, &what)
        });
        let targets = found.await?;
        let drafted = self
            .writer
            .write_and_puncture(targets.len().max(1) + records.len(), move |draft| {
                end(draft, (id, &targets), (&records, told), &entry)
            })
            .await?;
        Ok(drafted.and_then(|Drafted { asked, ended }| match asked {
            Asked::Erasure(erasure) => {
                let done = erasure.done.or(ended.get().copied());
                Some(Erasure { done, ..erasure })
            }
            Asked::KeyTaken => None,
        }))
    }

    async fn tellings_over(&self) -> Result<Vec<Vec<RecordId>>, StoreError> {
        self.beside(|shared| {
            let now = shared.look().now();
            let mut over = Vec::new();
            for (id, records) in waiting_by_erasure(shared) {
                let kept = shared.reading(|engine| waiting(shared, engine, id))?;
                let has_letter =
                    |record: RecordId| shared.mails().waits(&MailId { record, kind: MailKind::Erasing });
                if kept.until <= now || !kept.open().into_iter().any(has_letter) {
                    over.push(records);
                }
            }
            Ok(over)
        })
        .await
    }

    fn tellings_waiting(&self) -> u64 {
        waiting_by_erasure(&self.shared).len() as u64
    }
}

impl SledStore {
    /// The same of each that waits.
    ///
    /// # Errors
    /// As [`SledStore::carry_out_untold`].
    pub(in crate::store::sled) async fn carry_out_what_waits(&self) -> Result<(), StoreError> {
        for id in waiting_by_erasure(&self.shared).into_keys() {
            self.carry_out_untold(id).await?;
        }
        Ok(())
    }

    /// Carries an erasure out that waits for its letter, without it: a restore does not send what may have been sent before.
    ///
    /// # Errors
    /// As [`crate::store::Erasures::erase`].
    pub(in crate::store::sled) async fn carry_out_untold(&self, id: ErasureId) -> Result<(), StoreError> {
        if let Some(records) = waiting_by_erasure(&self.shared).remove(&id) {
            let entry = Entry::by_system(Action::ErasureUntold);
            self.end_telling(records, Err(Untold::NotInTime), entry).await?;
        }
        Ok(())
    }
}

/// The records that wait, by their erasure.
fn waiting_by_erasure(shared: &Shared) -> BTreeMap<ErasureId, Vec<RecordId>> {
    let mut waiting: BTreeMap<ErasureId, Vec<RecordId>> = BTreeMap::new();
    for restriction in shared.restrictions(|restriction, _| restriction.erasure.is_some()) {
        if let Some(id) = restriction.erasure {
            waiting.entry(id).or_default().push(restriction.id);
        }
    }
    waiting
}

/// What is kept of the letter about an erasure.
fn kept(shared: &Shared, engine: &Engine, id: ErasureId) -> Result<Option<KeptTelling>, StoreError> {
    let key = telling_rows::key(id);
    let Some(bytes) = engine.read(&Place::Erasures, &key)? else { return Ok(None) };
    Ok(shared.unreadable().or_passed_over(&Place::Erasures, &key, telling_rows::read(&bytes)))
}

/// The same of one that waits; where it cannot be read, what is known to wait for it goes at once.
fn waiting(shared: &Shared, engine: &Engine, id: ErasureId) -> Result<KeptTelling, StoreError> {
    Ok(kept(shared, engine, id)?.unwrap_or_else(|| by_restrictions(shared, id)))
}

fn by_restrictions(shared: &Shared, id: ErasureId) -> KeptTelling {
    let waiting = shared.restrictions(|restriction, _| restriction.erasure == Some(id));
    let records: Vec<RecordId> = waiting.iter().map(|restriction| restriction.id.clone()).collect();
    KeptTelling::unreadable(waiting.first().and_then(|restriction| restriction.reason), &records)
}

/// Has the records that a request names wait for their letters.
fn begin(
    draft: &mut Draft<'_>,
    targets: &[Target],
    request: &ErasureRequest,
    entry: &Entry,
) -> Result<ToldFirst, StoreError> {
    let ended = Arc::<OnceLock<ErasureEnd>>::default();
    let repeat = erasing::repeat_of(draft.shared, request, entry);
    if let Some((at, hash)) = &repeat
        && let Some(asked) = erasing::repeated(draft, at, hash, &ended)?
    {
        let Asked::Erasure(erasure) = asked else { return Ok(ToldFirst::KeyTaken) };
        let telling = read(draft, erasure.id)?.map(|kept| kept.shown());
        return Ok(match telling.filter(|telling| telling.state == TellingState::Waiting) {
            Some(telling) => ToldFirst::Waits(erasure.id, telling),
            None => ToldFirst::Known(Erasure { done: erasure.done.or(ended.get().copied()), ..erasure }),
        });
    }
    let records = named(draft, targets, request)?;
    if records.is_empty() {
        return Ok(ToldFirst::NoRecord);
    }
    let (mut until, mut extent) = (after(draft.now, TELL_WITHIN), Extent::default());
    for record in &records {
        if restrictions::bars_erasing(draft, record)? && !is_the_person_s(entry.reason()) {
            return Err(StoreError::of(StoreCode::RecordRestricted));
        }
        extent.count(&record.purpose);
        // Whoever asks once more has nobody wait for longer.
        if let Some(earlier) = restrictions::of(draft, record)?.and_then(|found| found.erasure)
            && let Some(kept) = read(draft, earlier)?
        {
            until = until.min(kept.until);
        }
        leave(draft, record)?;
    }
    let id = erasing::next_number(draft)?;
    let seen = targets.iter().filter_map(|target| target.seen).collect();
    draft.forget(Forgotten::of(id, entry.reason(), &request.purposes, seen, &records));
    let line = draft.next_line()?;
    for mut line in lines_of_erasure(&records, &extent, entry) {
        line.erasure = Some((id.epoch, id.number));
        draft.append_line(line)?;
    }
    for record in &records {
        restrictions::wait_for(draft, record, (id, Day::of(until)), entry.reason())?;
        // One that waits for an earlier erasure goes for this one. Where there is no room for more, it goes without.
        outbox::queue(draft, record, MailKind::Erasing, None)?;
    }
    let (asked, reason, traces) = (draft.now, entry.reason(), Traces::default());
    let (papers, done, follows, followed_by) = (request.papers.of(&extent), None, None, None);
    let erasure = Erasure { id, asked, reason, extent, line, traces, papers, done, follows, followed_by };
    let row = ErasureRow::of(&papers::write(draft, &erasure)?);
    draft.write(Place::Erasures, &erasure_rows::row_key(id), layout::encode(&row))?;
    let kept = KeptTelling::new(reason, until, &request.purposes, &records);
    put(draft, id, &kept)?;
    if let Some((at, hash)) = repeat {
        draft.write(Place::Erasures, &at, layout::encode(&RepeatRow::of(id, hash)))?;
    }
    if let Some(vigil) = request.vigil {
        vigils::follow(draft, vigil, id)?;
    }
    Ok(ToldFirst::Waits(id, kept.shown()))
}

/// The records that are there of what a request names.
fn named(
    draft: &Draft<'_>,
    targets: &[Target],
    request: &ErasureRequest,
) -> Result<Vec<RecordId>, StoreError> {
    let mut named = BTreeSet::new();
    for target in targets {
        let row = match &target.seen {
            Some(key) => draft.read(&Place::Seen, key)?.and_then(|bytes| seen::note(&bytes).ok()),
            None => None,
        };
        let fates = row.as_ref().map_or(&[][..], |row| row.fates.as_slice());
        for id in records_of(fates, target, &request.purposes)? {
            let place = Place::Vault(id.purpose.clone());
            let is_there = match draft.read(&place, &record_key(id.epoch, id.number)) {
                Err(error) if error.code == StoreCode::PurposeUnknown => false,
                value => value?.is_some(),
            };
            if is_there {
                named.insert(id);
            }
        }
    }
    Ok(named.into_iter().collect())
}

/// Notes what became of letters, and carries the erasure out if they were the last.
fn end(
    draft: &mut Draft<'_>,
    (id, targets): (ErasureId, &[Target]),
    (records, told): (&[RecordId], Result<(), Untold>),
    entry: &Entry,
) -> Result<Option<Drafted>, StoreError> {
    let kept = read(draft, id)?;
    let mut kept = kept.unwrap_or_else(|| by_restrictions(draft.shared, id));
    for record in records {
        if !kept.settle(record, told) {
            continue;
        }
        outbox::let_go(draft, record, MailKind::Erasing)?;
        let mut entry = entry.clone();
        entry.about(record);
        entry.erasure = Some((id.epoch, id.number));
        draft.append_line(entry)?;
    }
    if !kept.is_settled() {
        put(draft, id, &kept)?;
        return Ok(None);
    }
    // What left it meanwhile is another's.
    let is_of_it = |target: &&Target| {
        target.record.as_ref().is_some_and(|record| kept.records.iter().any(|(id, _)| id == record))
    };
    let targets: Vec<Target> = targets.iter().filter(is_of_it).cloned().collect();
    // It is not in its own way, and leaves nobody else.
    for (record, _) in std::mem::take(&mut kept.records) {
        restrictions::forget(draft, &record)?;
    }
    put(draft, id, &kept)?;
    let key = erasure_rows::row_key(id);
    let row = erasing::read_row::<ErasureRow>(draft, &key)?.map(|row| row.erasure(id));
    let row = row.and_then(|read| draft.shared.unreadable().or_passed_over(&Place::Erasures, &key, read));
    let row =
        row.map(|row| papers::with(draft.shared.unreadable(), |key| draft.read(&Place::Erasures, key), row));
    let asked = row.as_ref().map_or(draft.now, |row| row.asked);
    let papers = row.map(|row| row.papers).unwrap_or_default();
    let request = ErasureRequest { purposes: kept.purposes.clone(), papers, ..ErasureRequest::default() };
    let entry = Entry::by_system_because(Action::ErasureAsked, kept.reason);
    erasing::carry_out(draft, &targets, &request, (id, asked), &entry).map(Some)
}
