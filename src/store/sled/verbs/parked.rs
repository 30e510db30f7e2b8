//! References that are not stored: parking and claiming them, what an operator sees, requeue and the end of 90 days.

use std::ops::Bound::{Excluded, Unbounded};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::clock::Day;
use crate::id::{FormId, LeadgenId};
use crate::keyring::DAY_KEY_SERVES_DAYS;
use crate::notification::{Lane, Lanes, LeadRef, META_KEEPS_DAYS, ParkCode, Why};
use crate::store::beside::Beside;
use crate::store::parked::{BURIED_SHOWN, comes_back};
use crate::store::several::{OpenFor, parts};
use crate::store::sled::SledStore;
use crate::store::sled::draft::{Draft, OUTCOMES_MAX};
use crate::store::sled::engine::Engine;
use crate::store::sled::index::{Position, UNREADABLE};
use crate::store::sled::layout::{self, Place, meta};
use crate::store::sled::reference;
use crate::store::sled::rows::{EndRow, FateRow, OpenRow, ParkedRow, SeenRow, WhyRow};
use crate::store::sled::shared::{Effect, Shared};
use crate::store::sled::verbs::oldest::oldest;
use crate::store::sled::verbs::resealing;
use crate::store::{
    BuriedRef, DueBy, HeldCounts, Oldest, Parked, ParkedClaim, ParkedOverview, Requeue, StoreError,
};
use crate::trail::{Entry, Outcome};

/// Rows read at a time by scans beside the writer.
const SCAN_ROWS: usize = 1_024;

/// A parked reference as it was before a draft.
pub(in crate::store::sled) struct Before {
    pub(in crate::store::sled) arrival: u64,
    pub(in crate::store::sled) row: ParkedRow,
    position: Position,
}

impl Before {
    /// The purposes for which it was open.
    pub(in crate::store::sled) fn open(&self) -> &[OpenFor] {
        &self.position.open
    }

    /// Where it was.
    pub(in crate::store::sled) fn position(&self) -> &Position {
        &self.position
    }

    /// As the rule sees it.
    pub(in crate::store::sled) fn beside(&self) -> Beside {
        let Position { of, why, since, .. } = self.position;
        Beside { arrival: self.arrival, lane: of, why, since }
    }
}

/// The parked rows of these arrivals, as the draft has them.
pub(in crate::store::sled) fn all_before(
    draft: &Draft<'_>,
    arrivals: &[u64],
) -> Result<Vec<Before>, StoreError> {
    arrivals.iter().filter_map(|arrival| before(draft, *arrival).transpose()).collect()
}

/// The parked row of an arrival, as the draft has it.
pub(in crate::store::sled) fn before(draft: &Draft<'_>, arrival: u64) -> Result<Option<Before>, StoreError> {
    let Some(bytes) = draft.read(&Place::Parked, &arrival.to_be_bytes())? else { return Ok(None) };
    // A row that cannot be decoded is as good as none; it stays where it is, for a human to see.
    let Ok(row) = ParkedRow::read(&bytes) else { return Ok(None) };
    let position = Position::of_row(draft.shared.keyring(), arrival, &row);
    Ok(Some(Before { arrival, row, position }))
}

/// The parked row that a reference was claimed from, if its note does not lead there.
pub(in crate::store::sled) fn leased(
    draft: &Draft<'_>,
    reference: &LeadRef,
    seen: &[u8; 32],
) -> Result<Option<Before>, StoreError> {
    let Some(arrival) = draft.shared.index().leased_at(&reference.leadgen, &reference.lane()) else {
        return Ok(None);
    };
    Ok(before(draft, arrival)?.filter(|before| before.row.seen == *seen))
}

/// How a reference is to be parked.
pub(in crate::store::sled) struct Parking {
    /// In which way.
    pub(in crate::store::sled) why: Why,
    /// For which purposes it is open; none: its form was not matched yet.
    pub(in crate::store::sled) open: Vec<OpenFor>,
    /// For which it has its end.
    pub(in crate::store::sled) fates: Vec<FateRow>,
    /// The other rows of its submission.
    pub(in crate::store::sled) others: Vec<u64>,
    /// Some purpose has had its say of it.
    pub(in crate::store::sled) was_sieved: bool,
}

/// Parks a reference, in the place of its earlier row if there is one, and notes it as seen beside the others of its
/// submission.
pub(in crate::store::sled) fn park(
    draft: &mut Draft<'_>,
    reference: &LeadRef,
    parking: Parking,
    before: Option<Before>,
) -> Result<(), StoreError> {
    let Parking { why, open, fates, others: mut arrivals, was_sieved } = parking;
    let arrival = match &before {
        Some(before) => before.arrival,
        None => next_arrival(draft)?,
    };
    // Held again is held since it first was; what became of another kind is so since now.
    let since = before.as_ref().filter(|before| same_kind(&before.position.why, &why));
    let since = since.map_or(draft.now, |before| before.position.since);
    if let Some(before) = before {
        draft.effect(Effect::Unparked(before.position));
    }
    let day = Day::of(draft.now);
    let (nonce, sealed) =
        reference::seal(draft.shared.keyring(), draft.shared.random(), reference, arrival, day)?;
    let seen = draft.shared.seen_key(&reference.leadgen);
    let row = ParkedRow {
        seen,
        why: WhyRow::of(&why),
        open: open.iter().map(|open| OpenRow::of(open, &why)).collect(),
        others_ended: !fates.is_empty(),
        was_sieved,
        since_ms: since.as_millisecond(),
        submitted_day: submitted(reference).0,
        sealed_day: day.0,
        nonce,
        sealed,
    };
    draft.write(Place::Parked, &arrival.to_be_bytes(), row.bytes())?;
    arrivals.push(arrival);
    let row = SeenRow { fates, arrivals, end: None, day: day.0 };
    draft.write(Place::Seen, &seen, row.bytes())?;
    let position = Position { open, ..Position::new(arrival, day, why, since, Some(reference)) };
    draft.effect(Effect::Parked(position));
    Ok(())
}

/// Takes a reference out of `parked`; the caller says in `seen` what became of it.
pub(in crate::store::sled) fn unpark(draft: &mut Draft<'_>, before: &Before) {
    draft.remove(Place::Parked, &before.arrival.to_be_bytes());
    draft.effect(Effect::Unparked(before.position.clone()));
}

/// Takes a reference out of `parked` for good: this is what became of its submission, as a whole or for the purposes for
/// which it was open, unless others of it are parked.
fn end(draft: &mut Draft<'_>, before: &Before, end: EndRow, fates: Vec<FateRow>) -> Result<(), StoreError> {
    let noted = draft.read(&Place::Seen, &before.row.seen)?;
    let mut row = noted.and_then(|bytes| SeenRow::read(&bytes).ok()).unwrap_or_default();
    row.arrivals.retain(|arrival| *arrival != before.arrival);
    if row.arrivals.is_empty() {
        row.fates.extend(fates);
        row.end = row.fates.is_empty().then_some(end);
    }
    row.day = Day::of(draft.now).0;
    draft.write(Place::Seen, &before.row.seen, row.bytes())?;
    unpark(draft, before);
    Ok(())
}

fn next_arrival(draft: &mut Draft<'_>) -> Result<u64, StoreError> {
    let arrival = draft.counter(&Place::Meta, meta::NEXT_ARRIVAL)?.max(1);
    draft.write(Place::Meta, meta::NEXT_ARRIVAL, (arrival + 1).to_be_bytes().to_vec())?;
    Ok(arrival)
}

fn same_kind(before: &Why, after: &Why) -> bool {
    std::mem::discriminant(before) == std::mem::discriminant(after) && before.code() == after.code()
}

/// The day from which Meta's 90 days count. A moment in the future, or none, is the notification's.
fn submitted(reference: &LeadRef) -> Day {
    let received = Day::of(reference.received);
    reference.created.map_or(received, |created| Day::of(created).min(received))
}

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
