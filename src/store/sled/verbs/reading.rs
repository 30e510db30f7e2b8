//! A page of an export: its bounds, and its records as they are asked for.

use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::sync::Arc;
use std::vec;

use sled::IVec;
use tokio::sync::OwnedSemaphorePermit;

use crate::keyring::tree::SubKey;
use crate::lead::{SealedRecord, UnsealedLead, unseal};
use crate::purpose::{Cursor, RecordId};
use crate::store::handed::{Run, Spot, extend_runs};
use crate::store::leaves::{Leaves, NoKey};
use crate::store::mark::ClockReading;
use crate::store::sled::engine::{Engine, guarded};
use crate::store::sled::evidence_rows;
use crate::store::sled::layout::{Place, record_id, record_key};
use crate::store::sled::shared::Shared;
use crate::store::{PageRequest, StoreCode, StoreError, TestFilter};

/// A record as it lies there.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn record(engine: &Engine, id: &RecordId) -> Result<Option<IVec>, StoreError> {
    match engine.read(&Place::Vault(id.purpose.clone()), &record_key(id.epoch, id.number)) {
        Err(error) if error.code == StoreCode::PurposeUnknown => Ok(None),
        found => found,
    }
}

/// Keys looked at for one page, however few of them are eligible.
const SCAN_KEYS_MAX: u64 = 50_000;
/// Sealed records read at a time, so that the engine is not held while one is unsealed or its reader is slow.
const CHUNK_RECORDS: usize = 256;

/// A record is looked at again so often because it was given another leaf meanwhile.
const CORRECTIONS_MAX: u32 = 8;

/// What a scan of keys found a page to be.
pub(in crate::store::sled) struct Bounds {
    /// The last record looked at.
    pub next: Cursor,
    /// True if something lies beyond.
    pub more: bool,
    /// How many records are eligible.
    pub count: u64,
    /// How many test leads were left out.
    pub tests_left_out: u64,
    /// How many were passed over since their expiry day has come.
    pub expired: u64,
    /// How many since they are restricted.
    pub restricted: u64,
    /// The keys of both, in their order: what becomes of one meanwhile does not bring it into the page, whose end would then
    /// be cut off.
    pub passed_over: Vec<[u8; 12]>,
    /// Which of those that are restricted would be read otherwise.
    pub restricted_spots: Vec<Spot>,
    /// Which may not leave.
    pub withheld: Vec<Spot>,
    /// The first and the last of them.
    pub range: Option<(RecordId, RecordId)>,
    /// All of them.
    pub runs: Vec<Run>,
}

impl Bounds {
    /// Scans for the page that was asked for.
    ///
    /// # Errors
    /// See [`StoreCode`].
    pub(in crate::store::sled) fn of(
        shared: &Shared,
        engine: &Engine,
        request: &PageRequest,
        look: &ClockReading,
    ) -> Result<Self, StoreError> {
        let place = Place::Vault(request.purpose.clone());
        let start = RecordId { purpose: request.purpose.clone(), epoch: shared.epoch(), number: 0 };
        let after = request.after.as_ref().map(|after| record_key(after.epoch, after.number));
        let from = after.as_ref().map_or(Unbounded, |key| Excluded(key.as_slice()));
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
        let (mut looked_at, mut follows) = (0, false);
        engine.visit(&place, (from, Unbounded), |key, value| {
            if bounds.count >= request.limit as u64 || looked_at >= SCAN_KEYS_MAX {
                bounds.more = true;
                return Ok(false);
            }
            looked_at += 1;
            let id = record_id(&request.purpose, key)?;
            let is_restricted = shared.is_restricted(&id, look);
            if !is_restricted && is_doubtful(request, value, look)? {
                return Err(look.doubt());
            }
            let fate = if is_restricted { Fate::Restricted } else { fate(request, value)? };
            bounds.restricted += u64::from(fate == Fate::Restricted);
            if is_restricted && would_be_read(request, value) {
                bounds.restricted_spots.push((id.epoch, id.number));
            }
            if matches!(fate, Fate::Restricted | Fate::Expired) {
                bounds.passed_over.push(record_key(id.epoch, id.number));
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
            Ok(true)
        })?;
        Ok(bounds)
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

/// The eligible records of a page in arrival order, each unsealed when it is asked for. It holds the engine for one chunk of
/// sealed records at a time, and its place among the readings until it is dropped.
pub(in crate::store::sled) struct Reading {
    shared: Arc<Shared>,
    request: PageRequest,
    /// From where on nothing was read yet.
    from: Bound<[u8; 12]>,
    last: [u8; 12],
    /// How many may still come.
    left: u64,
    /// What the bounds passed over.
    passed_over: Vec<[u8; 12]>,
    sealed: vec::IntoIter<(IVec, IVec)>,
    leaves: Leaves,
    _place: OwnedSemaphorePermit,
}

impl Reading {
    /// A page with these bounds.
    pub(in crate::store::sled) fn new(
        shared: Arc<Shared>,
        request: PageRequest,
        bounds: &mut Bounds,
        place: OwnedSemaphorePermit,
    ) -> Option<Self> {
        let (first, last) = bounds.range.take()?;
        let (left, passed_over) = (bounds.count, std::mem::take(&mut bounds.passed_over));
        let from = Included(record_key(first.epoch, first.number));
        let last = record_key(last.epoch, last.number);
        let sealed = Vec::new().into_iter();
        let leaves = Leaves::default();
        Some(Self { shared, request, from, last, left, passed_over, sealed, leaves, _place: place })
    }

    fn advance(&mut self) -> Result<Option<UnsealedLead>, StoreError> {
        while self.left > 0 {
            if self.sealed.as_slice().is_empty() {
                self.read_on()?;
            }
            let Some((key, value)) = self.sealed.next() else { return Ok(None) };
            // First what the bounds passed over: of that no head need be readable.
            if !self.is_passed_over(&key) && eligible(&self.request, &value)? {
                self.left -= 1;
                let id = record_id(&self.request.purpose, &key)?;
                // Since the bounds were fixed.
                if self.shared.is_restricted(&id, &self.shared.look()) {
                    continue;
                }
                if let Some(lead) = self.unseal(&id, value)? {
                    return Ok(Some(lead));
                }
            }
        }
        Ok(None)
    }

    fn is_passed_over(&self, key: &[u8]) -> bool {
        self.passed_over.binary_search_by(|passed| passed.as_slice().cmp(key)).is_ok()
    }

    fn read_on(&mut self) -> Result<(), StoreError> {
        if self.from == Excluded(self.last) {
            return Ok(());
        }
        let range = (self.from.as_ref().map(<[u8; 12]>::as_slice), Included(self.last.as_slice()));
        let place = Place::Vault(self.request.purpose.clone());
        let rows = self.shared.reading(|engine| engine.scan(&place, range, CHUNK_RECORDS))?;
        if let Some((key, _)) = rows.last() {
            let read_to: &[u8] = key;
            self.from =
                Excluded(read_to.try_into().map_err(|_| StoreError::of(StoreCode::RecordUnreadable))?);
        }
        self.sealed = rows.into_iter();
        Ok(())
    }

    fn unseal(&mut self, id: &RecordId, value: IVec) -> Result<Option<UnsealedLead>, StoreError> {
        let unreadable = StoreError::of(StoreCode::RecordUnreadable);
        let Some((value, key)) = keyed(&self.shared, &mut self.leaves, id, value)? else { return Ok(None) };
        let record = SealedRecord::decode(&value).ok_or(unreadable)?;
        let lead = unseal(&record, id, key.key()).map_err(|_| unreadable)?;
        if !self.request.evidence {
            return Ok(Some(lead));
        }
        let events = evidence_rows::of(&self.shared, &mut self.leaves, id, record.under)?;
        Ok(Some(lead.with_events(events)))
    }
}

/// The key of a record that was read, and the record as it is now. A leaf that is dead was erased since: then the record is
/// gone from the store, or lies under another leaf. None: it is gone.
///
/// # Errors
/// [`StoreCode::RecordUnreadable`]: there is no key for it, and nothing explains that.
pub(in crate::store::sled) fn keyed(
    shared: &Shared,
    leaves: &mut Leaves,
    id: &RecordId,
    mut value: IVec,
) -> Result<Option<(IVec, SubKey)>, StoreError> {
    let unreadable = StoreError::of(StoreCode::RecordUnreadable);
    for _ in 0..CORRECTIONS_MAX {
        let (under, _, _) = SealedRecord::peek(&value).ok_or(unreadable)?;
        match leaves.key(shared.keyring(), &id.purpose, under) {
            Ok(key) => return Ok(Some((value, key))),
            // A bucket in which all has had its time is there no more.
            Err(NoKey::Dead | NoKey::Absent) => {}
        }
        let place = Place::Vault(id.purpose.clone());
        let key = record_key(id.epoch, id.number);
        match shared.reading(|engine| engine.read(&place, &key))? {
            None => return Ok(None),
            Some(now) if now == value => return Err(unreadable),
            Some(now) => value = now,
        }
    }
    Err(unreadable)
}

impl Iterator for Reading {
    type Item = Result<UnsealedLead, StoreError>;

    /// Reads from disk and waits for it. A panic of ours is an error too; after an error nothing comes.
    fn next(&mut self) -> Option<Self::Item> {
        let next = guarded(|| self.advance());
        if next.is_err() {
            self.left = 0;
        }
        next.transpose()
    }
}
