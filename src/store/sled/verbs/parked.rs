//! References that are not stored: claiming them, what an operator sees, requeue and the end of 90 days.

use std::ops::Bound::{Excluded, Unbounded};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::clock::Day;
use crate::id::{FormId, LeadgenId};
use crate::keyring::DAY_KEY_SERVES_DAYS;
use crate::notification::{Lane, Lanes, META_KEEPS_DAYS, ParkCode, Why};
use crate::store::parked::{BURIED_SHOWN, comes_back};
use crate::store::several::parts;
use crate::store::sled::SledStore;
use crate::store::sled::draft::{Draft, OUTCOMES_MAX};
use crate::store::sled::engine::Engine;
use crate::store::sled::index::{Position, UNREADABLE};
use crate::store::sled::layout::{self, Place};
use crate::store::sled::reference;
use crate::store::sled::rows::{EndRow, FateRow, OpenRow, ParkedRow, WhyRow};
use crate::store::sled::shared::{Effect, Shared};
use crate::store::sled::verbs::oldest::oldest;
use crate::store::sled::verbs::parking::{Before, before, end};
use crate::store::sled::verbs::resealing;
use crate::store::{
    BuriedRef, DueBy, HeldCounts, Oldest, Parked, ParkedClaim, ParkedOverview, Requeue, StoreError,
};
use crate::trail::{Entry, Outcome};

/// Rows read at a time by scans beside the writer.
const SCAN_ROWS: usize = 1_024;

/// The arrivals whose row passes `wanted`, by a scan beside the writer; the writer looks at each again. Rows that cannot
/// be decoded are passed over.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn arrivals(
    shared: &Shared,
    wanted: impl Fn(u64, &ParkedRow) -> bool,
) -> Result<Vec<u64>, StoreError> {
    let mut found = Vec::new();
    let mut after: Option<::sled::IVec> = None;
    loop {
        let rows = shared.reading(|engine| {
            let from = after.as_ref().map_or(Unbounded, |key| Excluded(key.as_ref()));
            engine.scan(&Place::Parked, (from, Unbounded), SCAN_ROWS)
        })?;
        for (key, value) in &rows {
            after = Some(key.clone());
            let Ok(arrival) = layout::number(key) else { continue };
            if ParkedRow::read(value).is_ok_and(|row| wanted(arrival, &row)) {
                found.push(arrival);
            }
        }
        if rows.len() < SCAN_ROWS {
            return Ok(found);
        }
    }
}

/// Makes these wait anew, if they are still what comes back and nobody holds them; one trail line for them all.
fn requeue(draft: &mut Draft<'_>, arrivals: &[u64], mut entry: Entry) -> Result<u64, StoreError> {
    let mut count = 0;
    // Due by both clocks, that which is told and that which is believed.
    let now = draft.look().told().min(draft.now);
    for arrival in arrivals {
        let Some(before) = before(draft, *arrival)? else { continue };
        let why = before.position.why;
        let is_readable = before.position.of.is_some();
        // What cannot be read would only be set aside again.
        if !is_readable || !comes_back(&why, now) {
            continue;
        }
        // A leased one is being fetched: its outcome decides.
        if draft.shared.index().is_leased(*arrival) {
            continue;
        }
        let waiting = Why::Waiting { not_before: now, attempts: 0, code: why.code() };
        let mut open = before.position.open.clone();
        open.iter_mut().for_each(|open| open.why = waiting);
        let row = ParkedRow {
            why: WhyRow::of(&waiting),
            open: open.iter().map(|open| OpenRow::of(open, &waiting)).collect(),
            since_ms: draft.now.as_millisecond(),
            ..before.row
        };
        draft.write(Place::Parked, &arrival.to_be_bytes(), row.bytes())?;
        let after = Position { why: waiting, open, since: draft.now, ..before.position.clone() };
        draft.effect(Effect::Unparked(before.position));
        draft.effect(Effect::Parked(after));
        count += 1;
    }
    entry.count = count;
    entry.result = if count == 0 { Outcome::Nothing } else { Outcome::Done };
    draft.append_line(entry)?;
    Ok(count)
}

/// Lets these go, if they are still held, of this form, and nobody has claimed them; one trail line for them all.
fn drop_held(
    draft: &mut Draft<'_>,
    arrivals: &[u64],
    form: FormId,
    mut entry: Entry,
) -> Result<u64, StoreError> {
    let mut count = 0;
    for arrival in arrivals {
        if draft.shared.index().is_leased(*arrival) {
            continue;
        }
        let Some(before) = before(draft, *arrival)? else { continue };
        let is_of_form = before.position.of.is_some_and(|lane| lane.form == form);
        if !is_of_form || !matches!(before.position.why, Why::Held { .. }) {
            continue;
        }
        let Ok(reference) = reference::open(draft.shared.keyring(), *arrival, &before.row) else { continue };
        let dropped = EndRow::Dropped { received_ms: reference.received.as_millisecond() };
        end(draft, &before, dropped, Vec::new())?;
        count += 1;
    }
    entry.count = count;
    entry.result = if count == 0 { Outcome::Nothing } else { Outcome::Done };
    draft.append_line(entry)?;
    Ok(count)
}

/// Ends these, if they are still parked and nobody holds them.
fn expire(draft: &mut Draft<'_>, arrivals: &[u64]) -> Result<u64, StoreError> {
    let mut count = 0;
    for arrival in arrivals {
        // A leased one is being fetched: its outcome decides, or it expires the next time.
        if draft.shared.index().is_leased(*arrival) {
            continue;
        }
        let Some(before) = before(draft, *arrival)? else { continue };
        let fates = before.open().iter().map(|open| FateRow::refused(&open.purpose, ParkCode::TooOld));
        let fates = fates.collect();
        end(draft, &before, EndRow::Refused { code: ParkCode::TooOld.as_str().to_owned() }, fates)?;
        count += 1;
    }
    Ok(count)
}

/// Seals these again that were sealed on this day or before it, if they are still parked and nobody holds them.
pub(in crate::store::sled) fn reseal(
    draft: &mut Draft<'_>,
    arrivals: &[u64],
    last: Day,
) -> Result<u64, StoreError> {
    let mut count = 0;
    for arrival in arrivals {
        // A leased one is being fetched: its outcome decides, or it is sealed again the next time.
        if draft.shared.index().is_leased(*arrival) {
            continue;
        }
        let Some(Before { row, position, .. }) = before(draft, *arrival)? else { continue };
        count += u64::from(resealing::reseal(draft, *arrival, (row, position), last)?);
    }
    Ok(count)
}

#[async_trait]
impl Parked for SledStore {
    async fn claim_due(
        &self,
        by: DueBy,
        max: usize,
        lanes: &Lanes,
    ) -> Result<Option<(Lane, Vec<ParkedClaim>)>, StoreError> {
        let shared = &self.shared;
        let leased = shared.index().lease_due(by, max, lanes);
        let Some((lane, arrivals)) = leased else { return Ok(None) };
        let claims = shared.reading(|engine| {
            arrivals.iter().filter_map(|arrival| claim(shared, engine, *arrival).transpose()).collect()
        });
        if claims.is_err() {
            let mut index = shared.index();
            arrivals.iter().for_each(|arrival| index.release_arrival(*arrival));
        }
        let claims: Vec<ParkedClaim> = claims?;
        Ok((!claims.is_empty()).then_some((lane, claims)))
    }

    async fn release(&self, lane: &Lane, leadgens: &[LeadgenId]) {
        self.shared.index().release(lane, leadgens);
    }

    async fn next_due(&self, by: DueBy) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.shared.index().next_due(by))
    }

    async fn parked(&self) -> Result<u64, StoreError> {
        Ok(self.shared.index().count())
    }

    async fn held(&self, forms: &[FormId]) -> Result<HeldCounts, StoreError> {
        Ok(self.shared.index().held(forms))
    }

    async fn oldest(&self) -> Result<Oldest, StoreError> {
        self.beside(oldest).await
    }

    async fn overview(&self) -> Result<ParkedOverview, StoreError> {
        self.beside(|shared| {
            let (mut overview, mut shown, unreadable) = {
                let index = shared.index();
                (index.overview(), index.buried(BURIED_SHOWN), index.unreadable(BURIED_SHOWN))
            };
            shown.extend(&unreadable);
            shown.truncate(BURIED_SHOWN);
            let rows = shared.reading(|engine| {
                let row =
                    |arrival: &u64| Ok((*arrival, engine.read(&Place::Parked, &arrival.to_be_bytes())?));
                shown.iter().map(row).collect::<Result<Vec<_>, StoreError>>()
            })?;
            for (arrival, bytes) in rows {
                let Some(bytes) = bytes else { continue };
                let row = ParkedRow::read(&bytes).ok();
                let position = row.map(|row| Position::of_row(shared.keyring(), arrival, &row));
                let position = position.unwrap_or_else(|| {
                    Position::new(arrival, Day(0), UNREADABLE, Timestamp::UNIX_EPOCH, None)
                });
                let (since, form) = (position.since, position.of.map(|lane| lane.form));
                for (purpose, why) in parts(position.why, &position.open) {
                    if let Why::Buried { code, attempts } = why {
                        overview.buried.push(BuriedRef { arrival, form, purpose, code, attempts, since });
                    }
                }
            }
            Ok(overview)
        })
        .await
    }

    async fn requeue(&self, which: Requeue, entry: Entry) -> Result<u64, StoreError> {
        let found = match which {
            Requeue::Ref(arrival) => vec![arrival],
            which => {
                self.beside(move |shared| arrivals(shared, |at, row| matches(shared, &which, at, row)))
                    .await?
            }
        };
        if found.is_empty() {
            return self.writer.write(1, move |draft| requeue(draft, &[], entry)).await;
        }
        let mut count = 0;
        for chunk in found.chunks(OUTCOMES_MAX) {
            let (chunk, entry) = (chunk.to_vec(), entry.clone());
            count += self.writer.write(chunk.len(), move |draft| requeue(draft, &chunk, entry)).await?;
        }
        Ok(count)
    }

    async fn drop_held(&self, form: FormId, entry: Entry) -> Result<u64, StoreError> {
        let found = self.shared.index().held_of(&form);
        if found.is_empty() {
            return self.writer.write(1, move |draft| drop_held(draft, &[], form, entry)).await;
        }
        let mut count = 0;
        for chunk in found.chunks(OUTCOMES_MAX) {
            let (chunk, entry) = (chunk.to_vec(), entry.clone());
            let weight = chunk.len();
            count += self.writer.write(weight, move |draft| drop_held(draft, &chunk, form, entry)).await?;
        }
        Ok(count)
    }

    async fn expire_parked(&self) -> Result<u64, StoreError> {
        let today = self.shared.confirmed_day()?;
        let last = today.minus(META_KEEPS_DAYS).0;
        let old = self.beside(move |shared| arrivals(shared, |_, row| row.submitted_day < last)).await?;
        let mut count = 0;
        for chunk in old.chunks(OUTCOMES_MAX) {
            let chunk = chunk.to_vec();
            count += self.writer.write(chunk.len(), move |draft| expire(draft, &chunk)).await?;
        }
        Ok(count)
    }

    async fn reseal_parked(&self) -> Result<u64, StoreError> {
        self.shared.engine()?;
        let last = self.shared.confirmed_day()?.minus(DAY_KEY_SERVES_DAYS);
        if !self.shared.index().is_sealed_by(last) {
            return Ok(0);
        }
        let old = self.beside(move |shared| arrivals(shared, |_, row| row.day() <= last)).await?;
        let mut count = 0;
        for chunk in old.chunks(OUTCOMES_MAX) {
            let chunk = chunk.to_vec();
            count += self.writer.write(chunk.len(), move |draft| reseal(draft, &chunk, last)).await?;
        }
        Ok(count)
    }

    async fn sealed_days(&self) -> Result<Vec<Day>, StoreError> {
        // A closed or halted store does not know what is parked: no key may be destroyed on its word.
        self.shared.engine()?;
        let today = self.shared.confirmed_day()?;
        let sealed = self.shared.index().sealed_days();
        // Nor does one with a row that does not say; but no row is needed for longer than Meta has what it names.
        let needed = || {
            let oldest = today.minus(META_KEEPS_DAYS);
            self.shared.keyring().days().into_iter().filter(|day| *day >= oldest).collect()
        };
        Ok(sealed.unwrap_or_else(needed))
    }
}

fn claim(shared: &Shared, engine: &Engine, arrival: u64) -> Result<Option<ParkedClaim>, StoreError> {
    let Some(bytes) = engine.read(&Place::Parked, &arrival.to_be_bytes())? else {
        shared.index().release_arrival(arrival);
        return Ok(None);
    };
    let opened = ParkedRow::read(&bytes).and_then(|row| {
        let (attempts, code) = match row.why.why()? {
            Why::Waiting { attempts, code, .. } => (attempts, Some(code)),
            _ => (0, None),
        };
        let purposes = row.open()?.into_iter().map(|open| open.purpose).collect();
        let reference = reference::open(shared.keyring(), arrival, &row)?;
        Ok(ParkedClaim { reference, attempts, code, purposes, others_ended: row.others_ended })
    });
    let Ok(claim) = opened else {
        // Its key is gone, or the row was changed: it must not keep the others from being claimed.
        shared.index().set_unreadable(arrival);
        tracing::error!(refs.unreadable = 1, ref.arrival = arrival, "store.reference-unreadable");
        return Ok(None);
    };
    shared.index().name_lease(arrival, claim.reference.leadgen);
    Ok(Some(claim))
}

fn matches(shared: &Shared, which: &Requeue, arrival: u64, row: &ParkedRow) -> bool {
    let Ok(why @ (Why::Waiting { .. } | Why::Refused { .. } | Why::Buried { .. })) = row.why.why() else {
        return false;
    };
    match which {
        Requeue::Ref(wanted) => arrival == *wanted,
        Requeue::Code(code) => {
            row.open().is_ok_and(|open| parts(why, &open).iter().any(|(_, why)| why.code() == *code))
        }
        Requeue::Form(form) => {
            reference::open(shared.keyring(), arrival, row).is_ok_and(|found| found.form == *form)
        }
        Requeue::WaitingOf(page) => {
            matches!(why, Why::Waiting { .. })
                && reference::open(shared.keyring(), arrival, row).is_ok_and(|found| found.page == *page)
        }
    }
}
