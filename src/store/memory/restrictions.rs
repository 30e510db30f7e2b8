//! Restrictions: set, renewed, lifted, ended.

use async_trait::async_trait;

use crate::clock::Day;
use crate::forget::ChangeKind;
use crate::lead::SealedRecord;
use crate::purpose::RecordId;
use crate::store::mark::ClockReading;
use crate::store::memory::draft::Draft;
use crate::store::memory::rows::Rows;
use crate::store::memory::{MemoryState, MemoryStore};
use crate::store::restrictions::{RESTRICTIONS_MAX, last_day_of_restriction};
use crate::store::{Restricting, Restriction, Restrictions, Rewritten, StoreCode, StoreError};
use crate::trail::{Action, Entry, Outcome};

#[async_trait]
impl Restrictions for MemoryStore {
    async fn restrict(&self, id: RecordId, until: Day, mut entry: Entry) -> Result<Restricting, StoreError> {
        self.0.write(|draft| {
            let was_restricted = draft.is_restricted(&id);
            let restricting = draft.judged(&id, until, &entry)?;
            match &restricting {
                Restricting::Restricted(restriction) => {
                    if !was_restricted {
                        draft.note_one(ChangeKind::Restricted, &id);
                    }
                    draft.rows.restrictions.insert(id.clone(), restriction.clone());
                    entry.count = 1;
                    name(&mut entry, &id);
                }
                _ => entry.result = Outcome::Nothing,
            }
            draft.append_line(entry);
            Ok(restricting)
        })
    }

    async fn lift_restriction(&self, id: RecordId, mut entry: Entry) -> Result<bool, StoreError> {
        self.0.write(|draft| {
            let before = draft.rows.restrictions.get(&id);
            if before.is_some_and(|before| before.erasure.is_some()) {
                return Err(StoreError::of(StoreCode::ToBeErased));
            }
            let there = draft.rows.restrictions.remove(&id).is_some();
            match there {
                true => {
                    entry.count = 1;
                    draft.note_released(&id);
                }
                false => entry.result = Outcome::Nothing,
            }
            name(&mut entry, &id);
            draft.append_line(entry);
            Ok(there)
        })
    }

    fn restriction(&self, id: &RecordId) -> Option<Restriction> {
        self.0.restriction(id)
    }

    fn restrictions(&self) -> Vec<Restriction> {
        let look = self.0.mark.look();
        let Ok(rows) = self.0.rows() else { return Vec::new() };
        rows.restrictions.values().filter(|found| found.stands(&look)).cloned().collect()
    }

    async fn list_restrictions(&self, mut entry: Entry) -> Result<Vec<Restriction>, StoreError> {
        self.0.write(|draft| {
            let all = draft.rows.restrictions.values().filter(|found| found.stands(&draft.look));
            let all: Vec<Restriction> = all.cloned().collect();
            entry.count = all.len() as u64;
            draft.append_line(entry);
            Ok(all)
        })
    }

    async fn end_restrictions(&self) -> Result<u64, StoreError> {
        self.0.write(|draft| {
            draft.look.confirmed()?;
            let rows = draft.rows.restrictions.values();
            let over: Vec<RecordId> =
                rows.filter(|found| !found.stands(&draft.look)).map(|found| found.id.clone()).collect();
            for id in &over {
                draft.rows.restrictions.remove(id);
                draft.note_released(id);
                let mut entry = Entry::by_system(Action::RestrictionEnded);
                entry.count = 1;
                name(&mut entry, id);
                draft.append_line(entry);
            }
            Ok(over.len() as u64)
        })
    }
}

impl MemoryState {
    /// The restriction of a record, if one stands.
    pub(super) fn restriction(&self, id: &RecordId) -> Option<Restriction> {
        let look = self.mark.look();
        self.rows().ok()?.restrictions.get(id).filter(|found| found.stands(&look)).cloned()
    }
}

impl Rows {
    /// True if a record is restricted.
    pub(super) fn is_restricted(&self, id: &RecordId, look: &ClockReading) -> bool {
        self.restrictions.get(id).is_some_and(|found| found.stands(look))
    }
}

impl Rows {
    /// True if only what its person asked for erases a record.
    pub(super) fn bars_erasing(&self, id: &RecordId, look: &ClockReading) -> bool {
        self.restrictions.get(id).is_some_and(|found| found.bars_erasing(look))
    }
}

impl Draft<'_> {
    pub(super) fn bars_erasing(&self, id: &RecordId) -> bool {
        self.rows.bars_erasing(id, &self.look)
    }

    pub(super) fn is_restricted(&self, id: &RecordId) -> bool {
        self.rows.is_restricted(id, &self.look)
    }

    fn judged(&self, id: &RecordId, until: Day, entry: &Entry) -> Result<Restricting, StoreError> {
        let Some(value) = self.rows.record(id) else {
            return Ok(match self.absent(id) {
                Rewritten::Gone => Restricting::Gone,
                _ => Restricting::Unknown,
            });
        };
        if self.rows.restrictions.get(id).is_some_and(|before| before.erasure.is_some()) {
            return Err(StoreError::of(StoreCode::ToBeErased));
        }
        let now = self.look.now();
        let before = self.rows.restrictions.get(id).filter(|before| before.stands(&self.look));
        if before.is_none()
            && let Some((_, expiry, _)) = SealedRecord::peek(value)
            && self.look.has_come(expiry).ok_or(self.look.doubt())?
        {
            return Ok(Restricting::Gone);
        }
        if until < Day::of(now) || until > last_day_of_restriction(now) {
            return Ok(Restricting::DayOutOfRange);
        }
        if before.is_none() && self.rows.restrictions.len() >= RESTRICTIONS_MAX {
            return Err(StoreError::of(StoreCode::TooManyRestrictions));
        }
        let since = before.map_or(now, |before| before.since);
        let (id, reason, erasure) = (id.clone(), entry.reason(), None);
        Ok(Restricting::Restricted(Restriction { id, reason, since, until, erasure }))
    }
}

fn name(entry: &mut Entry, id: &RecordId) {
    entry.purpose = Some(id.purpose.clone());
    (entry.from, entry.to) = (Some(id.clone()), Some(id.clone()));
}
