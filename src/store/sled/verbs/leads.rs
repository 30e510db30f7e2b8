//! Records: settling them, pages of an export, single look-ups.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Day;
use crate::lead::{OpenedLead, SealedRecord, open};
use crate::purpose::{Cursor, PurposeId, RecordId};
use crate::store::handed::PageHanded;
use crate::store::leads::lines_of_find;
use crate::store::leaves::Leaves;
use crate::store::sled::SledStore;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::epochs;
use crate::store::sled::evidence_rows;
use crate::store::sled::layout::{Place, record_key};
use crate::store::sled::page_rows;
use crate::store::sled::shared::Shared;
use crate::store::sled::verbs::absent::{Absent, absent};
use crate::store::sled::verbs::reading::{self, Bounds, Reading, keyed};
use crate::store::sled::verbs::withholding::withhold;
use crate::store::sled::verbs::{restrictions, seen, settle};
use crate::store::trail::kind_of;
use crate::store::{
    DayLook, Fate, Found, Leads, MayLeave, One, Page, PageRequest, SeenState, Settled, Settlement, StoreCode,
    StoreError, Wanted,
};
use crate::trail::{Entry, Outcome};

#[async_trait]
impl Leads for SledStore {
    async fn settle(&self, batch: Vec<Settlement>) -> Result<Vec<Settled>, StoreError> {
        let weight = batch.iter().map(Settlement::weight).sum();
        self.writer.write(weight, move |draft| settle::settle(draft, batch)).await
    }

    async fn open_page(&self, mut request: PageRequest, mut entry: Entry) -> Result<Page, StoreError> {
        if request.after.as_ref().is_some_and(|after| after.purpose != request.purpose) {
            return Err(StoreError::of(StoreCode::CursorForeign));
        }
        let missing = self.shared.missing(&request.purpose);
        if missing > 0 && !request.incomplete {
            return Err(StoreError::of(StoreCode::CountMismatch));
        }
        let look = self.shared.believed_look()?;
        let place = Arc::clone(&self.readings).try_acquire_owned();
        let place = place.map_err(|_| StoreError::of(StoreCode::Busy))?;
        // A clock set back brings no expired record back.
        request.today = request.today.max(Day::of(look.now()));
        let purpose = request.purpose.clone();
        let (request, mut bounds) = self
            .beside(move |shared| {
                let mut bounds = shared.reading(|engine| {
                    let bounds = Bounds::of(shared, engine, &request, &look)?;
                    let ahead = StoreError::of(StoreCode::CursorAhead);
                    match &request.after {
                        Some(after) if is_ahead(shared, engine, after)? => Err(ahead),
                        _ => Ok(bounds),
                    }
                })?;
                if let Some(may_leave) = &request.may_leave {
                    withhold(shared, &request.purpose, may_leave, DayLook(look), &mut bounds)?;
                }
                Ok((request, bounds))
            })
            .await?;
        entry.purpose = Some(purpose.clone());
        entry.count = bounds.count;
        entry.from = bounds.range.as_ref().map(|(first, _)| first.clone());
        entry.to = bounds.range.as_ref().map(|(_, last)| last.clone());
        entry.result = if bounds.count == 0 { Outcome::Nothing } else { Outcome::Done };
        // A poll that saw nothing, not even what it passed over, says so once a day.
        let is_idle = bounds.count == 0 && request.after.as_ref() == Some(&bounds.next);
        let (kind, today) = (kind_of(&entry), Day::of(look.now()));
        if !is_idle || !self.polls.are_told(&kind, today) {
            // The line's sync makes every record that the scan saw durable as well: the writer applied them before.
            let handed = PageHanded {
                leaving: std::mem::take(&mut bounds.runs),
                withheld: bounds.withheld.clone(),
                passed: std::mem::take(&mut bounds.restricted_spots),
            };
            let recipient = entry.recipient().map(str::to_owned);
            self.writer
                .write(1, move |draft| {
                    page_rows::note_page(draft, &purpose, recipient.as_deref(), &handed)?;
                    draft.append_line(entry)
                })
                .await?;
            if is_idle {
                self.polls.told(kind, today);
            }
        }

        let reading = Reading::new(Arc::clone(&self.shared), request, &mut bounds, place);
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
        entry: Entry,
    ) -> Result<One, StoreError> {
        let look = self.shared.believed_look()?;
        let of = id.clone();
        let work = move |draft: &mut Draft<'_>| hand_one(draft, &of, may_leave.as_ref(), entry);
        if let Some(absent) = self.writer.write(1, work).await? {
            return Ok(absent);
        }
        let of = id.clone();
        let lead = self.beside(move |shared| open_one(shared, &of)).await?;
        // Since it was noted.
        if self.shared.is_restricted(&id, &self.shared.look()) {
            return Ok(One::Restricted);
        }
        Ok(lead.map_or(One::Gone, |lead| One::There(Box::new(lead), DayLook(look))))
    }

    async fn resume_after(&self, cursor: Cursor) -> Result<Cursor, StoreError> {
        self.beside(move |shared| {
            shared.reading(|engine| {
                Ok(match epochs::highest_given(shared, engine, &cursor.purpose, cursor.epoch)? {
                    Some(highest) => Cursor { number: cursor.number.min(highest), ..cursor },
                    // Nothing is known of it: from the first record on.
                    None => Cursor { epoch: epochs::oldest(shared, engine)?, number: 0, ..cursor },
                })
            })
        })
        .await
    }

    async fn find(&self, wanted: Wanted, entry: Entry) -> Result<Vec<Found>, StoreError> {
        let fates = fates_of(self, wanted).await?;
        noted_and_opened(self, fates, entry).await
    }

    async fn find_to_end(&self, wanted: Wanted, entry: Entry) -> Result<Vec<Found>, StoreError> {
        let fates = fates_of(self, wanted).await?;
        let lines = lines_of_find(&fates, &entry);
        // As far below the disk's floor as what comes of it.
        self.writer
            .write_and_puncture(lines.len(), move |draft| {
                lines.into_iter().try_for_each(|line| draft.append_line(line))
            })
            .await?;
        opened(self, fates).await
    }

    async fn stored(&self) -> Result<HashMap<PurposeId, u64>, StoreError> {
        Ok(self.shared.stored())
    }
}

/// Notes that a record leaves, and to whom, unless it does not: then why.
fn hand_one(
    draft: &mut Draft<'_>,
    id: &RecordId,
    may_leave: Option<&MayLeave>,
    mut entry: Entry,
) -> Result<Option<One>, StoreError> {
    let value = match draft.read(&Place::Vault(id.purpose.clone()), &record_key(id.epoch, id.number)) {
        Err(error) if error.code == StoreCode::PurposeUnknown => None,
        value => value?,
    };
    let look = draft.look();
    let absent = match &value {
        None => Some(match absent(draft, id)? {
            Absent::Gone => One::Gone,
            Absent::Never => One::Unknown,
        }),
        Some(_) if restrictions::is_restricted(draft, id)? => Some(One::Restricted),
        Some(value) => {
            let head = SealedRecord::peek(value).ok_or(StoreError::of(StoreCode::RecordUnreadable))?;
            match look.has_come(head.1).ok_or(look.doubt())? {
                true => Some(One::Gone),
                false => may_leave.map_or(Ok(None), |ask| withheld(draft, id, value, ask))?,
            }
        }
    };
    entry.purpose = Some(id.purpose.clone());
    match absent {
        // What was asked for and never was is the caller's words, and stays out of the trail.
        Some(One::Unknown) => entry.result = Outcome::Nothing,
        Some(_) => {
            entry.result = Outcome::Nothing;
            (entry.from, entry.to) = (Some(id.clone()), Some(id.clone()));
        }
        None => {
            (entry.count, entry.from, entry.to) = (1, Some(id.clone()), Some(id.clone()));
            let (spot, recipient) = ((id.epoch, id.number), entry.recipient().map(str::to_owned));
            let alone = PageHanded { leaving: vec![(spot, spot)], ..PageHanded::default() };
            page_rows::note_page(draft, &id.purpose, recipient.as_deref(), &alone)?;
        }
    }
    draft.append_line(entry)?;
    Ok(absent)
}

/// Whether a record is withheld, as it lies there by now.
fn withheld(
    draft: &mut Draft<'_>,
    id: &RecordId,
    value: &[u8],
    may_leave: &MayLeave,
) -> Result<Option<One>, StoreError> {
    let unreadable = StoreError::of(StoreCode::RecordUnreadable);
    let record = SealedRecord::decode(value).ok_or(unreadable)?;
    let key = draft.leaves.key(draft.shared.keyring(), &id.purpose, record.under).map_err(|_| unreadable)?;
    let lead = open(&record, id, key.key()).map_err(|_| unreadable)?;
    Ok((!may_leave(&lead, DayLook(draft.look()))?).then_some(One::Withheld))
}

/// Writes down who looks, and then opens what was found.
pub(in crate::store::sled) async fn noted_and_opened(
    store: &SledStore,
    fates: Vec<Fate>,
    entry: Entry,
) -> Result<Vec<Found>, StoreError> {
    let lines = lines_of_find(&fates, &entry);
    store
        .writer
        .write(lines.len(), move |draft| lines.into_iter().try_for_each(|line| draft.append_line(line)))
        .await?;
    opened(store, fates).await
}

/// What is looked up stands for which fates.
async fn fates_of(store: &SledStore, wanted: Wanted) -> Result<Vec<Fate>, StoreError> {
    store
        .beside(move |shared| {
            shared.reading(|engine| match &wanted {
                Wanted::Leadgen(leadgen) => seen::look_up(shared, engine, leadgen),
                Wanted::Record(id) => {
                    let there = reading::record(engine, id)?.map(|_| Fate::stored(id.clone()));
                    Ok(there.into_iter().collect())
                }
            })
        })
        .await
}

/// Opens what was found, once its lines stand in the trail.
async fn opened(store: &SledStore, fates: Vec<Fate>) -> Result<Vec<Found>, StoreError> {
    let days = DayLook(store.shared.look());
    let mut found = Vec::with_capacity(fates.len());
    for Fate { purpose, state } in fates {
        let (lead, restriction) = match &state {
            SeenState::Stored(id) => {
                let restriction = store.shared.restriction(id, &days.0);
                let id = id.clone();
                (store.beside(move |shared| open_one(shared, &id)).await?, restriction)
            }
            _ => (None, None),
        };
        found.push(Found { purpose, state, lead, restriction, days });
    }
    Ok(found)
}

/// A record, if it is there and not past its expiry; one that is restricted lives on past it.
fn open_one(shared: &Shared, id: &RecordId) -> Result<Option<OpenedLead>, StoreError> {
    let unreadable = StoreError::of(StoreCode::RecordUnreadable);
    let Some(value) = shared.reading(|engine| reading::record(engine, id))? else { return Ok(None) };
    let (_, expiry_day, _) = SealedRecord::peek(&value).ok_or(unreadable)?;
    let look = shared.look();
    if !shared.is_restricted(id, &look) && look.has_come(expiry_day).ok_or(look.doubt())? {
        return Ok(None);
    }
    let mut leaves = Leaves::default();
    let Some((value, key)) = keyed(shared, &mut leaves, id, value)? else { return Ok(None) };
    let record = SealedRecord::decode(&value).ok_or(unreadable)?;
    let lead = open(&record, id, key.key()).map_err(|_| unreadable)?;
    let events = evidence_rows::of(shared, &mut leaves, id, record.under)?;
    Ok(Some(lead.with_events(events)))
}

/// True of a cursor that this store never gave: whoever follows it would pass over what comes until then.
fn is_ahead(shared: &Shared, engine: &Engine, cursor: &Cursor) -> Result<bool, StoreError> {
    let highest = epochs::highest_given(shared, engine, &cursor.purpose, cursor.epoch)?;
    Ok(highest.is_none_or(|highest| cursor.number > highest))
}
