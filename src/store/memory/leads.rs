//! Records: settling them, pages of an export, single look-ups.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Day;
use crate::keyring::Keyring;
use crate::lead::{OpenedLead, SealedRecord, open};
use crate::purpose::{Cursor, PurposeId, RecordId};
use crate::store::handed::PageHanded;
use crate::store::leads::lines_of_find;
use crate::store::leaves::Leaves;
use crate::store::memory::draft::EPOCH;
use crate::store::memory::reading::{Bounds, Reading};
use crate::store::memory::rows::Rows;
use crate::store::memory::{MemoryState, MemoryStore};
use crate::store::trail::kind_of;
use crate::store::{
    DayLook, Fate, Found, Leads, MayLeave, One, Page, PageRequest, Rewritten, SeenState, Settled, Settlement,
    StoreCode, StoreError, Wanted,
};
use crate::trail::{Entry, Outcome};

#[async_trait]
impl Leads for MemoryStore {
    async fn settle(&self, batch: Vec<Settlement>) -> Result<Vec<Settled>, StoreError> {
        let settled = self
            .0
            .write(|draft| batch.into_iter().map(|mut settlement| draft.settle(&mut settlement)).collect())?;
        // Something of it may have been erased: what fails is tried again with the next one, and at the next start.
        let _ = self.0.finish_erasures();
        Ok(settled)
    }

    async fn open_page(&self, mut request: PageRequest, mut entry: Entry) -> Result<Page, StoreError> {
        if request.after.as_ref().is_some_and(|after| after.purpose != request.purpose) {
            return Err(StoreError::of(StoreCode::CursorForeign));
        }
        let missing = self.0.rows()?.vaults.get(&request.purpose).map_or(0, |vault| vault.missing);
        if missing > 0 && !request.incomplete {
            return Err(StoreError::of(StoreCode::CountMismatch));
        }
        let look = self.0.mark.look();
        if look.is_ahead() {
            return Err(look.doubt());
        }
        let place = Arc::clone(&self.0.readings).try_acquire_owned();
        let place = place.map_err(|_| StoreError::of(StoreCode::Busy))?;
        let mut bounds = self.0.write(|draft| {
            // A clock set back brings no expired record back.
            request.today = request.today.max(Day::of(draft.look.now()));
            let mut bounds = Bounds::of(&draft.rows, &request, &draft.look)?;
            if let Some(may_leave) = &request.may_leave {
                bounds.withhold(
                    &draft.rows,
                    (&*self.0.keyring, &request.purpose),
                    may_leave,
                    DayLook(draft.look),
                )?;
            }
            entry.purpose = Some(request.purpose.clone());
            entry.count = bounds.count;
            (entry.from, entry.to) = match &bounds.range {
                Some((first, last)) => (Some(first.clone()), Some(last.clone())),
                None => (None, None),
            };
            entry.result = if bounds.count == 0 { Outcome::Nothing } else { Outcome::Done };
            let last = draft.rows.vaults.get(&request.purpose).map_or(0, |vault| vault.last_number);
            if request.after.as_ref().is_some_and(|after| after.epoch != EPOCH || after.number > last) {
                return Err(StoreError::of(StoreCode::CursorAhead));
            }
            let is_idle = bounds.count == 0 && request.after.as_ref() == Some(&bounds.next);
            let (kind, today) = (kind_of(&entry), Day::of(draft.look.now()));
            if !is_idle || !self.0.polls.are_told(&kind, today) {
                let handed = PageHanded {
                    leaving: std::mem::take(&mut bounds.runs),
                    withheld: bounds.withheld.clone(),
                    passed: std::mem::take(&mut bounds.restricted_spots),
                };
                draft.note_page(&request.purpose, entry.recipient(), &handed);
                draft.append_line(entry);
                if is_idle {
                    self.0.polls.told(kind, today);
                }
            }
            Ok(bounds)
        })?;
        let reading = Reading::new(Arc::clone(&self.0), request, &mut bounds, place);
        let Bounds { next, more, count, tests_left_out, expired, restricted, withheld, .. } = bounds;
        Ok(Page {
            withheld: withheld.len() as u64,
            next,
            more,
            count,
            tests_left_out,
            expired,
            restricted,
            missing,
            days: DayLook(look),
            records: Box::new(reading.into_iter().flatten()),
        })
    }

    async fn read_one(
        &self,
        id: RecordId,
        may_leave: Option<MayLeave>,
        mut entry: Entry,
    ) -> Result<One, StoreError> {
        let look = self.0.mark.look();
        if look.is_ahead() {
            return Err(look.doubt());
        }
        let absent = self.0.write(|draft| {
            let absent = match draft.rows.record(&id) {
                None => Some(match draft.absent(&id) {
                    Rewritten::Gone => One::Gone,
                    _ => One::Unknown,
                }),
                Some(_) if draft.is_restricted(&id) => Some(One::Restricted),
                Some(value) => {
                    let unreadable = StoreError::of(StoreCode::RecordUnreadable);
                    let (_, expiry, _) = SealedRecord::peek(value).ok_or(unreadable)?;
                    match (draft.look.has_come(expiry).ok_or(draft.look.doubt())?, &may_leave) {
                        (true, _) => Some(One::Gone),
                        (false, None) => None,
                        (false, Some(may_leave)) => {
                            let lead = opened(&*self.0.keyring, &id, value)?;
                            (!may_leave(&lead, DayLook(draft.look))?).then_some(One::Withheld)
                        }
                    }
                }
            };
            entry.purpose = Some(id.purpose.clone());
            if absent.is_some() {
                entry.result = Outcome::Nothing;
            }
            if !matches!(absent, Some(One::Unknown)) {
                (entry.from, entry.to) = (Some(id.clone()), Some(id.clone()));
            }
            if absent.is_none() {
                entry.count = 1;
                let spot = (id.epoch, id.number);
                let alone = PageHanded { leaving: vec![(spot, spot)], ..PageHanded::default() };
                draft.note_page(&id.purpose, entry.recipient(), &alone);
            }
            draft.append_line(entry);
            Ok(absent)
        })?;
        if let Some(absent) = absent {
            return Ok(absent);
        }
        let lead = open_one(&self.0, &*self.0.rows()?, &id)?;
        Ok(lead.map_or(One::Gone, |lead| One::There(Box::new(lead), DayLook(look))))
    }

    async fn resume_after(&self, cursor: Cursor) -> Result<Cursor, StoreError> {
        let last = self.0.rows()?.vaults.get(&cursor.purpose).map_or(0, |vault| vault.last_number);
        let number = if cursor.epoch == EPOCH { last.min(cursor.number) } else { 0 };
        Ok(Cursor { epoch: EPOCH, number, ..cursor })
    }

    async fn find(&self, wanted: Wanted, entry: Entry) -> Result<Vec<Found>, StoreError> {
        self.0.found(
            |rows| match &wanted {
                Wanted::Leadgen(leadgen) => rows.fates(&*self.0.keyring, leadgen),
                Wanted::Record(id) => rows.record(id).map(|_| Fate::stored(id.clone())).into_iter().collect(),
            },
            &entry,
        )
    }

    async fn find_to_end(&self, wanted: Wanted, entry: Entry) -> Result<Vec<Found>, StoreError> {
        // Memory has no floor.
        self.find(wanted, entry).await
    }

    async fn stored(&self) -> Result<HashMap<PurposeId, u64>, StoreError> {
        let rows = self.0.rows()?;
        Ok(rows.vaults.iter().map(|(purpose, vault)| (purpose.clone(), vault.counted)).collect())
    }
}

impl MemoryState {
    /// Writes down who looks for these, and then opens what was found.
    pub(super) fn found(
        &self,
        fates: impl FnOnce(&Rows) -> Vec<Fate>,
        entry: &Entry,
    ) -> Result<Vec<Found>, StoreError> {
        let fates = self.write(|draft| {
            let fates = fates(&draft.rows);
            lines_of_find(&fates, entry).into_iter().for_each(|line| draft.append_line(line));
            Ok(fates)
        })?;
        let days = DayLook(self.mark.look());
        let found = |Fate { purpose, state }| {
            let lead = match &state {
                SeenState::Stored(id) => open_one(self, &*self.rows()?, id)?,
                _ => None,
            };
            let restriction = match &state {
                SeenState::Stored(id) => self.restriction(id),
                _ => None,
            };
            Ok(Found { purpose, state, lead, restriction, days })
        };
        fates.into_iter().map(found).collect()
    }
}

/// What a sealed record holds.
pub(super) fn opened(keyring: &dyn Keyring, id: &RecordId, value: &[u8]) -> Result<OpenedLead, StoreError> {
    let unreadable = StoreError::of(StoreCode::RecordUnreadable);
    let record = SealedRecord::decode(value).ok_or(unreadable)?;
    let key = Leaves::default().key(keyring, &id.purpose, record.under).map_err(|_| unreadable)?;
    open(&record, id, key.key()).map_err(|_| unreadable)
}

/// A record, if it is there and not past its expiry; one that is restricted lives on past it.
fn open_one(shared: &MemoryState, rows: &Rows, id: &RecordId) -> Result<Option<OpenedLead>, StoreError> {
    let unreadable = StoreError::of(StoreCode::RecordUnreadable);
    let Some(value) = rows.record(id) else { return Ok(None) };
    let record = SealedRecord::decode(value).ok_or(unreadable)?;
    let look = shared.mark.look();
    if !rows.is_restricted(id, &look) && look.has_come(record.expiry_day).ok_or(look.doubt())? {
        return Ok(None);
    }
    let key = Leaves::default().key(&*shared.keyring, &id.purpose, record.under).map_err(|_| unreadable)?;
    let lead = open(&record, id, key.key()).map_err(|_| unreadable)?;
    Ok(Some(lead.with_events(rows.events(&*shared.keyring, id, record.under)?)))
}
