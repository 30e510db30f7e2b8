//! A page of an export: its bounds, and its records as they are asked for.

use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::keyring::Keyring;
use crate::lead::{SealedRecord, UnsealedLead, unseal};
use crate::purpose::{Cursor, PurposeId, RecordId};
use crate::store::handed::{Run, Spot, extend_runs};
use crate::store::leaves::{Leaves, NoKey};
use crate::store::mark::ClockReading;
use crate::store::memory::MemoryState;
use crate::store::memory::draft::EPOCH;
use crate::store::memory::leads::opened;
use crate::store::memory::rows::Rows;
use crate::store::{DayLook, MayLeave, PageRequest, StoreCode, StoreError, TestFilter};

/// What a page was found to be.
pub(super) struct Bounds {
    pub(super) next: Cursor,
    pub(super) more: bool,
    pub(super) count: u64,
    /// How many test leads were left out.
    pub(super) tests_left_out: u64,
    /// How many were passed over since their expiry day has come.
    pub(super) expired: u64,
    /// How many since they are restricted.
    pub(super) restricted: u64,
    /// Both, in their order: what becomes of one meanwhile does not bring it into the page.
    pub(super) passed_over: Vec<(u32, u64)>,
    /// Which of those that are restricted would be read otherwise.
    pub(super) restricted_spots: Vec<Spot>,
    /// Which may not leave.
    pub(super) withheld: Vec<Spot>,
    /// The first and the last record.
    pub(super) range: Option<(RecordId, RecordId)>,
    /// All of them.
    pub(super) runs: Vec<Run>,
}

impl Bounds {
    /// Looks for the page that was asked for.
    pub(super) fn of(rows: &Rows, request: &PageRequest, look: &ClockReading) -> Result<Self, StoreError> {
        let vault = rows.vaults.get(&request.purpose).ok_or(StoreError::of(StoreCode::PurposeUnknown))?;
        let from = request.after.as_ref().map_or(Unbounded, |after| Excluded((after.epoch, after.number)));
        let start = RecordId { purpose: request.purpose.clone(), epoch: EPOCH, number: 0 };
        let next = request.after.clone().unwrap_or(start);
        let mut bounds = Self {
            next,
            more: false,
            count: 0,
            tests_left_out: 0,
            expired: 0,
            restricted: 0,
            passed_over: Vec::new(),
            restricted_spots: Vec::new(),
            withheld: Vec::new(),
            range: None,
            runs: Vec::new(),
        };
        let mut follows = false;
        for ((epoch, number), value) in vault.records.range((from, Unbounded)) {
            if bounds.count >= request.limit as u64 {
                bounds.more = true;
                break;
            }
            let id = RecordId { purpose: request.purpose.clone(), epoch: *epoch, number: *number };
            let is_restricted = rows.is_restricted(&id, look);
            if !is_restricted && is_doubtful(request, value, look)? {
                return Err(look.doubt());
            }
            let fate = if is_restricted { Fate::Restricted } else { fate(request, value)? };
            bounds.restricted += u64::from(fate == Fate::Restricted);
            if is_restricted && would_be_read(request, value) {
                bounds.restricted_spots.push((id.epoch, id.number));
            }
            if matches!(fate, Fate::Restricted | Fate::Expired) {
                bounds.passed_over.push((*epoch, *number));
            }
            bounds.tests_left_out += u64::from(fate == Fate::TestLeftOut);
            bounds.expired += u64::from(fate == Fate::Expired);
            if fate == Fate::Read {
                bounds.count += 1;
                let first = bounds.range.take().map_or_else(|| id.clone(), |(first, _)| first);
                bounds.range = Some((first, id.clone()));
                extend_runs(&mut bounds.runs, (id.epoch, id.number), follows);
            }
            follows = fate == Fate::Read;
            bounds.next = id;
        }
        Ok(bounds)
    }
}

impl Bounds {
    /// Takes out of them what may not leave.
    pub(super) fn withhold(
        &mut self,
        rows: &Rows,
        (keyring, purpose): (&dyn Keyring, &PurposeId),
        may_leave: &MayLeave,
        days: DayLook,
    ) -> Result<(), StoreError> {
        let id = |(epoch, number): Spot| RecordId { purpose: purpose.clone(), epoch, number };
        let asked = |spot: Spot| -> Result<bool, StoreError> {
            let id = id(spot);
            // What does not open ends the page where it is read.
            let lead = rows.record(&id).and_then(|value| opened(keyring, &id, value).ok());
            lead.as_ref().map_or(Ok(true), |lead| may_leave(lead, days))
        };
        let records = rows.vaults.get(purpose).map(|vault| &vault.records);
        let (mut leaving, mut count) = (Vec::new(), 0);
        for (first, last) in std::mem::take(&mut self.runs) {
            let mut follows = false;
            for spot in
                records.into_iter().flat_map(|records| records.range(first..=last)).map(|(spot, _)| *spot)
            {
                match asked(spot)? {
                    true => {
                        extend_runs(&mut leaving, spot, follows);
                        (count, follows) = (count + 1, true);
                    }
                    false => self.withheld.push(spot),
                }
            }
        }
        let mut passed = Vec::new();
        for spot in std::mem::take(&mut self.restricted_spots) {
            passed.extend(asked(spot)?.then_some(spot));
        }
        self.range = leaving.first().zip(leaving.last()).map(|(first, last)| (id(first.0), id(last.1)));
        self.passed_over.extend(&self.withheld);
        self.passed_over.sort_unstable();
        (self.runs, self.count, self.restricted_spots) = (leaving, count, passed);
        Ok(())
    }
}

/// What becomes of a record that a page meets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Read,
    /// One of Meta's test leads, which the request leaves out.
    TestLeftOut,
    /// Its expiry day has come.
    Expired,
    /// Nobody may use it.
    Restricted,
    /// Of no test lead, where only those are read.
    NotAsked,
}

/// By what stands in clear; a record that was changed there does not open.
fn fate(request: &PageRequest, value: &[u8]) -> Result<Fate, StoreError> {
    let (_, expiry, test) = SealedRecord::peek(value).ok_or(StoreError::of(StoreCode::RecordUnreadable))?;
    let is_over = expiry <= request.today;
    Ok(match request.test {
        _ if is_over => Fate::Expired,
        TestFilter::Exclude if test => Fate::TestLeftOut,
        TestFilter::Only if !test => Fate::NotAsked,
        TestFilter::Exclude | TestFilter::Include | TestFilter::Only => Fate::Read,
    })
}

/// True of a restricted record that would be in the page if it were not.
fn would_be_read(request: &PageRequest, value: &[u8]) -> bool {
    fate(request, value).is_ok_and(|fate| fate == Fate::Read)
}

fn eligible(request: &PageRequest, value: &[u8]) -> Result<bool, StoreError> {
    Ok(fate(request, value)? == Fate::Read)
}

/// True of what a page must neither give nor pass over: whether its expiry day has come depends on whether the clock is right.
/// Passed over, it would lie behind the reader's cursor for good.
fn is_doubtful(request: &PageRequest, value: &[u8], look: &ClockReading) -> Result<bool, StoreError> {
    let (_, expiry, test) = SealedRecord::peek(value).ok_or(StoreError::of(StoreCode::RecordUnreadable))?;
    let of_kind = match request.test {
        TestFilter::Exclude => !test,
        TestFilter::Include => true,
        TestFilter::Only => test,
    };
    Ok(of_kind && look.has_come(expiry).is_none())
}

/// The eligible records of a page in arrival order. It holds its place among the readings until it is dropped.
pub(super) struct Reading {
    shared: Arc<MemoryState>,
    request: PageRequest,
    /// From where on nothing was read yet.
    from: Bound<(u32, u64)>,
    last: (u32, u64),
    /// How many may still come.
    left: u64,
    /// What the bounds passed over.
    passed_over: Vec<(u32, u64)>,
    leaves: Leaves,
    _place: OwnedSemaphorePermit,
}

impl Reading {
    /// A page with these bounds.
    pub(super) fn new(
        shared: Arc<MemoryState>,
        request: PageRequest,
        bounds: &mut Bounds,
        place: OwnedSemaphorePermit,
    ) -> Option<Self> {
        let (first, last) = bounds.range.take()?;
        let passed_over = std::mem::take(&mut bounds.passed_over);
        let from = Included((first.epoch, first.number));
        Some(Self {
            shared,
            request,
            from,
            last: (last.epoch, last.number),
            left: bounds.count,
            passed_over,
            leaves: Leaves::default(),
            _place: place,
        })
    }

    fn advance(&mut self) -> Result<Option<UnsealedLead>, StoreError> {
        if self.left == 0 {
            return Ok(None);
        }
        let rows = self.shared.rows()?;
        let Some(vault) = rows.vaults.get(&self.request.purpose) else { return Ok(None) };
        for (key, value) in
            vault.records.range((self.from, Unbounded)).take_while(|(key, _)| **key <= self.last)
        {
            // First what the bounds passed over: of that no head need be readable.
            if self.passed_over.binary_search(key).is_err() && eligible(&self.request, value)? {
                self.left -= 1;
                self.from = Excluded(*key);
                let id = RecordId { purpose: self.request.purpose.clone(), epoch: key.0, number: key.1 };
                if rows.is_restricted(&id, &self.shared.mark.look()) {
                    continue;
                }
                let unreadable = StoreError::of(StoreCode::RecordUnreadable);
                let record = SealedRecord::decode(value).ok_or(unreadable)?;
                match self.leaves.key(&*self.shared.keyring, &id.purpose, record.under) {
                    Ok(key) => {
                        let lead = unseal(&record, &id, key.key()).map_err(|_| unreadable)?;
                        if !self.request.evidence {
                            return Ok(Some(lead));
                        }
                        let events = rows.events(&*self.shared.keyring, &id, record.under)?;
                        return Ok(Some(lead.with_events(events)));
                    }
                    // The rows are held: what was erased is gone from them.
                    Err(NoKey::Dead | NoKey::Absent) => return Err(unreadable),
                }
            }
        }
        Ok(None)
    }
}

impl Iterator for Reading {
    type Item = Result<UnsealedLead, StoreError>;

    /// After an error nothing comes.
    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance();
        if next.is_err() {
            self.left = 0;
        }
        next.transpose()
    }
}
