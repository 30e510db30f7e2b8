//! Parking within a transaction: the row of a reference as it was, parked anew in its place, taken out, ended.

use crate::clock::Day;
use crate::notification::{LeadRef, Why};
use crate::store::StoreError;
use crate::store::beside::Beside;
use crate::store::several::OpenFor;
use crate::store::sled::draft::Draft;
use crate::store::sled::index::Position;
use crate::store::sled::layout::{Place, meta};
use crate::store::sled::reference;
use crate::store::sled::rows::{EndRow, FateRow, OpenRow, ParkedRow, SeenRow, WhyRow};
use crate::store::sled::shared::Effect;

/// A parked reference as it was before a draft.
pub(in crate::store::sled) struct Before {
    pub(in crate::store::sled) arrival: u64,
    pub(in crate::store::sled) row: ParkedRow,
    pub(super) position: Position,
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
pub(super) fn end(
    draft: &mut Draft<'_>,
    before: &Before,
    end: EndRow,
    fates: Vec<FateRow>,
) -> Result<(), StoreError> {
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
