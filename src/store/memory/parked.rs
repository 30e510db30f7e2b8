//! References that are not stored: claiming them, what an operator sees, requeue and the end of 90 days.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::clock::Day;
use crate::id::{FormId, LeadgenId, PageId};
use crate::keyring::DAY_KEY_SERVES_DAYS;
use crate::notification::{Lane, Lanes, META_KEEPS_DAYS, Move, ParkCode, Why};
use crate::purpose::PurposeId;
use crate::store::memory::MemoryStore;
use crate::store::memory::draft::keyring_failed;
use crate::store::memory::rows::{End, ParkedRow};
use crate::store::parked::{BURIED_SHOWN, comes_back};
use crate::store::several::parts;
use crate::store::{
    BuriedRef, DueBy, HeldCounts, HeldForm, Oldest, OldestRef, Parked, ParkedClaim, ParkedOverview,
    RefusedForm, Requeue, StoreError,
};
use crate::trail::{Entry, Outcome};

#[async_trait]
impl Parked for MemoryStore {
    async fn claim_due(
        &self,
        by: DueBy,
        max: usize,
        lanes: &Lanes,
    ) -> Result<Option<(Lane, Vec<ParkedClaim>)>, StoreError> {
        let rows = self.0.rows()?;
        let mut process = self.0.process();
        let free = rows.parked.iter().filter(|(arrival, _)| !process.leases.contains_key(*arrival));
        let due = |(arrival, row): (&u64, &ParkedRow)| Some((due(row, by, lanes)?, *arrival));
        let due: BTreeSet<(Timestamp, u64)> = free.filter_map(due).collect();
        let Some(lane) =
            due.first().and_then(|(_, arrival)| Some(rows.parked.get(arrival)?.reference.lane()))
        else {
            return Ok(None);
        };
        let mut claims = Vec::new();
        for (_, arrival) in due {
            let Some(row) = rows.parked.get(&arrival).filter(|row| row.reference.lane() == lane) else {
                continue;
            };
            if claims.len() >= max {
                break;
            }
            let (attempts, code) = match row.why {
                Why::Waiting { attempts, code, .. } => (attempts, Some(code)),
                _ => (0, None),
            };
            process.leases.insert(arrival, (row.reference.leadgen, lane));
            let purposes = row.open.iter().map(|open| open.purpose.clone()).collect();
            let (reference, others_ended) = (row.reference.clone(), row.others_ended);
            claims.push(ParkedClaim { reference, attempts, code, purposes, others_ended });
        }
        Ok((!claims.is_empty()).then_some((lane, claims)))
    }

    async fn release(&self, lane: &Lane, leadgens: &[LeadgenId]) {
        let given = |(leadgen, of): &(LeadgenId, Lane)| of == lane && leadgens.contains(leadgen);
        self.0.process().leases.retain(|_, leased| !given(leased));
    }

    async fn next_due(&self, by: DueBy) -> Result<Option<Timestamp>, StoreError> {
        let rows = self.0.rows()?;
        let process = self.0.process();
        let free = rows.parked.iter().filter(|(arrival, _)| !process.leases.contains_key(*arrival));
        let moments = free.filter_map(|(_, row)| match row.why {
            Why::Waiting { not_before, .. } => Some(by.due_at(not_before)),
            _ => None,
        });
        Ok(moments.min())
    }

    async fn parked(&self) -> Result<u64, StoreError> {
        let rows = self.0.rows()?;
        let counts = |row: &&ParkedRow| matches!(row.why, Why::Waiting { .. } | Why::Held { .. });
        Ok(rows.parked.values().filter(counts).count() as u64)
    }

    async fn held(&self, forms: &[FormId]) -> Result<HeldCounts, StoreError> {
        let rows = self.0.rows()?;
        let held = || rows.parked.values().filter(|row| matches!(row.why, Why::Held { .. }));
        let of_form = |form: &FormId| held().filter(|row| row.reference.form == *form).count() as u64;
        Ok(HeldCounts { total: held().count() as u64, of_forms: forms.iter().map(of_form).collect() })
    }

    async fn oldest(&self) -> Result<Oldest, StoreError> {
        let rows = self.0.rows()?;
        let process = self.0.process();
        let mut oldest = Oldest::default();
        // In the order in which they were parked.
        for (arrival, ParkedRow { reference, why, since, .. }) in &rows.parked {
            let lane = reference.lane();
            match why {
                Why::Waiting { code, .. } if oldest.waiting.is_none() => {
                    oldest.waiting = Some(OldestRef { lane, since: reference.received, code: *code });
                }
                Why::Held { code } if !process.leases.contains_key(arrival) => {
                    let held = OldestRef { lane, since: *since, code: *code };
                    oldest.held = oldest.held.filter(|first| first.since <= *since).or(Some(held));
                }
                _ => {}
            }
        }
        Ok(oldest)
    }

    async fn overview(&self) -> Result<ParkedOverview, StoreError> {
        let rows = self.0.rows()?;
        let process = self.0.process();
        let mut overview = ParkedOverview::default();
        let mut held: BTreeMap<(FormId, PageId), (u64, Timestamp)> = BTreeMap::new();
        let mut refused: BTreeMap<(FormId, Option<PurposeId>, ParkCode), (u64, Timestamp)> = BTreeMap::new();
        for (arrival, ParkedRow { reference, why, open, since, .. }) in &rows.parked {
            let count = |tally: &mut (u64, Timestamp)| *tally = (tally.0 + 1, tally.1.min(*since));
            match why {
                Why::Waiting { .. } => overview.waiting += 1,
                Why::Held { .. } if process.leases.contains_key(arrival) => overview.in_flight += 1,
                Why::Held { .. } => {
                    count(held.entry((reference.form, reference.page)).or_insert((0, *since)));
                }
                Why::Refused { .. } | Why::Buried { .. } => {
                    for (purpose, why) in parts(*why, open) {
                        match why {
                            Why::Refused { code } => {
                                count(refused.entry((reference.form, purpose, code)).or_insert((0, *since)));
                            }
                            Why::Buried { .. } if overview.buried.len() >= BURIED_SHOWN => {
                                overview.buried_total += 1;
                            }
                            Why::Buried { code, attempts } => {
                                overview.buried_total += 1;
                                let (arrival, form, since) = (*arrival, Some(reference.form), *since);
                                overview.buried.push(BuriedRef {
                                    arrival,
                                    form,
                                    purpose,
                                    code,
                                    attempts,
                                    since,
                                });
                            }
                            _ => {}
                        }
                    }
                }
            }
        }
        let of_form = |((form, page), (count, oldest))| HeldForm { form, page, count, oldest };
        overview.held = held.into_iter().map(of_form).collect();
        let of_form =
            |((form, purpose, code), (count, oldest))| RefusedForm { form, purpose, code, count, oldest };
        overview.refused = refused.into_iter().map(of_form).collect();
        Ok(overview)
    }

    async fn requeue(&self, which: Requeue, mut entry: Entry) -> Result<u64, StoreError> {
        self.0.write(|draft| {
            // Due by both clocks, that which is told and that which is believed.
            let (now, since) = (draft.look.told().min(draft.look.now()), draft.look.now());
            let leases = self.0.process().leases.clone();
            let mut count = 0;
            for (arrival, row) in &mut draft.rows.parked {
                let wanted = match &which {
                    Requeue::Ref(wanted) => arrival == wanted,
                    Requeue::Code(code) => {
                        parts(row.why, &row.open).iter().any(|(_, why)| why.code() == *code)
                    }
                    Requeue::Form(form) => row.reference.form == *form,
                    Requeue::WaitingOf(page) => {
                        matches!(row.why, Why::Waiting { .. }) && row.reference.page == *page
                    }
                };
                if wanted && comes_back(&row.why, now) && !leases.contains_key(arrival) {
                    row.why = Why::Waiting { not_before: now, attempts: 0, code: row.why.code() };
                    row.open.iter_mut().for_each(|open| open.why = row.why);
                    row.since = since;
                    count += 1;
                }
            }
            entry.count = count;
            entry.result = if count == 0 { Outcome::Nothing } else { Outcome::Done };
            draft.append_line(entry);
            Ok(count)
        })
    }

    async fn drop_held(&self, form: FormId, mut entry: Entry) -> Result<u64, StoreError> {
        self.0.write(|draft| {
            let leases = self.0.process().leases.clone();
            let held = |(arrival, row): &(&u64, &ParkedRow)| {
                row.reference.form == form
                    && matches!(row.why, Why::Held { .. })
                    && !leases.contains_key(*arrival)
            };
            let held: Vec<u64> = draft.rows.parked.iter().filter(held).map(|(arrival, _)| *arrival).collect();
            for arrival in &held {
                draft.end(*arrival, |reference| End::Dropped(reference.received), None);
            }
            entry.count = held.len() as u64;
            entry.result = if held.is_empty() { Outcome::Nothing } else { Outcome::Done };
            draft.append_line(entry);
            Ok(held.len() as u64)
        })
    }

    async fn expire_parked(&self) -> Result<u64, StoreError> {
        self.0.write(|draft| {
            let last = Day::of(draft.look.confirmed()?).minus(META_KEEPS_DAYS);
            let leases = self.0.process().leases.clone();
            let old =
                |(arrival, row): &(&u64, &ParkedRow)| row.submitted < last && !leases.contains_key(*arrival);
            let old: Vec<u64> = draft.rows.parked.iter().filter(old).map(|(arrival, _)| *arrival).collect();
            for arrival in &old {
                draft.end(*arrival, |_| End::Refused(ParkCode::TooOld), Some(ParkCode::TooOld));
            }
            Ok(old.len() as u64)
        })
    }

    async fn reseal_parked(&self) -> Result<u64, StoreError> {
        self.0.write(|draft| {
            let today = Day::of(draft.look.confirmed()?);
            self.0.keyring.make_days(&[today]).map_err(keyring_failed)?;
            let leases = self.0.process().leases.clone();
            let last = today.minus(DAY_KEY_SERVES_DAYS);
            let mut count = 0;
            for (arrival, row) in &mut draft.rows.parked {
                if row.sealed <= last && !leases.contains_key(arrival) {
                    row.sealed = today;
                    count += 1;
                }
            }
            Ok(count)
        })
    }

    async fn sealed_days(&self) -> Result<Vec<Day>, StoreError> {
        let rows = self.0.rows()?;
        self.0.mark.look().confirmed()?;
        let days: BTreeSet<Day> = rows.parked.values().map(|row| row.sealed).collect();
        Ok(days.into_iter().collect())
    }
}

/// Since when it is due, if it may move.
fn due(row: &ParkedRow, by: DueBy, lanes: &Lanes) -> Option<Timestamp> {
    match (row.why, lanes.moves(&row.reference.lane())) {
        (Why::Waiting { not_before, .. }, Move::Read | Move::Hold) if by.is_due(not_before) => {
            Some(not_before)
        }
        (Why::Held { .. }, Move::Read) => Some(row.since),
        _ => None,
    }
}
