//! The scan: every record's seal, every note of a leadgen, every parked reference and every line of the trail, a slice at
//! a time beside the writer, against what the store counts.
//!
//! It is right while records arrive: numbers are those of one commit (looked up between two looks at the commit number),
//! records and notes from after it are passed over, what was erased meanwhile is counted by purpose, and where two trees are compared the first is looked at again before
//! anything is said. What is accused was wrong in two scans. A walk belongs to one engine: one that was opened anew after
//! a full disk may lack a commit for which nobody was answered.

mod buckets;
mod looks;
mod moved;

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::lead::{SealedRecord, Under};
use crate::purpose::{PurposeId, RecordId};
use crate::store::leaves::{Leaves, bucket_of, place_of};
use crate::store::sled::SledStore;
use crate::store::sled::aside;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::expiry_row;
use crate::store::sled::layout::{self, Place, meta, record_id, record_key};
use crate::store::sled::rows::{FateRow, ParkedRow, SeenRow};
use crate::store::sled::scan::buckets::{Counts, Wrong, put_right};
use crate::store::sled::scan::looks::{is_note_absent, is_row_absent, opens, reference_opens, still_notes};
use crate::store::sled::scan::moved::Moved;
use crate::store::sled::shared::Shared;
use crate::store::sled::verbs::trail;
use crate::store::{Fault, ParkedFault, RecordsFault, Scan, Scanned, Scanning, StoreCode, StoreError};

/// How often the numbers of one commit are looked up before it is given up: a commit takes milliseconds, a look none.
const LOOKS_MAX: usize = 100;

/// What is looked at next.
#[derive(Default)]
pub(super) struct UnderWay(Mutex<Next>);

#[derive(Default)]
enum Next {
    /// A first look at everything.
    #[default]
    First,
    /// The second look after one that found something.
    Second,
    /// More of the same.
    More(Box<Walk>),
}

impl UnderWay {
    fn replace(&self, next: Next) -> Next {
        std::mem::replace(&mut *self.0.lock(), next)
    }
}

#[async_trait]
impl Scan for SledStore {
    async fn scan(&self, max: usize) -> Result<Scanning, StoreError> {
        let next = self.scanning.replace(Next::First);
        let walk = self.beside(move |shared| proceed(shared, next, max)).await?;
        if !walk.is_over() {
            self.scanning.replace(Next::More(walk));
            return Ok(Scanning::More);
        }
        let mut scanned = walk.scanned();
        if !scanned.faults.is_empty() && !walk.is_second {
            self.scanning.replace(Next::Second);
            return Ok(Scanning::More);
        }
        let missing = walk.missing();
        self.shared.set_missing(&missing);
        let rows = walk.wrong.into_rows();
        // Where it cannot be written down now it holds until the next start, and the next scan tries again.
        let noted = self.writer.write(1, move |draft| {
            note_missing(draft, &missing)?;
            put_right(draft, &rows)
        });
        match noted.await {
            Ok(count) => scanned.note_repaired(count),
            Err(error) => tracing::warn!(code = %error.code, "store.scan-not-noted"),
        }
        self.shared.touches().end();
        Ok(Scanning::Over(scanned))
    }
}

/// Writes down how many records are missing, where that has changed.
fn note_missing(draft: &mut Draft<'_>, missing: &BTreeMap<PurposeId, u64>) -> Result<(), StoreError> {
    for (purpose, missing) in missing {
        let key = meta::missing(purpose);
        let noted = aside::row_counter(draft, &Place::Meta, &key)?;
        match missing {
            missing if *missing == noted => {}
            0 => draft.remove(Place::Meta, &key),
            missing => draft.write(Place::Meta, &key, missing.to_be_bytes().to_vec())?,
        }
    }
    Ok(())
}

fn proceed(shared: &Shared, next: Next, max: usize) -> Result<Box<Walk>, StoreError> {
    let engine = Arc::downgrade(&shared.engine()?);
    let is_second = match next {
        Next::First => false,
        Next::Second => true,
        // The weak handles keep the place of each engine taken, so that two never look the same.
        Next::More(mut walk) if Weak::ptr_eq(&walk.engine, &engine) => {
            shared.reading(|engine| walk.advance(shared, engine, max))?;
            return Ok(walk);
        }
        Next::More(walk) => walk.is_second,
    };
    let mut walk = Box::new(Walk::begin(shared, engine, is_second)?);
    shared.reading(|engine| walk.advance(shared, engine, max))?;
    Ok(walk)
}

/// What is known of a purpose's records.
#[derive(Default)]
struct Tally {
    /// The store knows of the purpose; false: a note does, and nothing else.
    is_known: bool,
    counted: u64,
    /// How many of its records had ever been erased then.
    erased_before: u64,
    /// How many were while the walk looked.
    erased: u64,
    /// The key of the first record from after the commit whose numbers these are.
    end: [u8; 12],
    found: u64,
    indexed: u64,
    absent: u64,
    unreadable: u64,
    first: Option<RecordId>,
}

/// Where the next slice begins: after this key.
enum Stage {
    Records(PurposeId, Option<[u8; 12]>),
    Seen(Option<Vec<u8>>),
    Parked(Option<u64>),
    Trail(u64),
    Over,
}

/// One look at everything.
struct Walk {
    engine: Weak<Engine>,
    is_second: bool,
    stage: Stage,
    tallies: BTreeMap<PurposeId, Tally>,
    seen: u64,
    seen_unreadable: u64,
    parked: ParkedFault,
    /// The commit at which the parked rows began to be counted.
    parked_since: u64,
    lines: u64,
    is_trail_broken: bool,
    leaves: Leaves,
    moved: Moved,
    /// What was found of the purpose that is looked at.
    counts: Counts,
    wrong: Wrong,
}

impl Walk {
    fn begin(shared: &Shared, engine: Weak<Engine>, is_second: bool) -> Result<Self, StoreError> {
        shared.touches().begin();
        let tallies = shared.reading(|engine| tallies(shared, engine))?;
        let first = tallies.keys().next().cloned();
        Ok(Self {
            engine,
            is_second,
            stage: first.map_or(Stage::Seen(None), |purpose| Stage::Records(purpose, None)),
            tallies,
            seen: 0,
            seen_unreadable: 0,
            parked: ParkedFault::default(),
            parked_since: 0,
            lines: 0,
            is_trail_broken: false,
            leaves: Leaves::default(),
            moved: Moved::default(),
            counts: Counts::default(),
            wrong: Wrong::default(),
        })
    }

    fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    fn advance(&mut self, shared: &Shared, engine: &Engine, max: usize) -> Result<(), StoreError> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Records(purpose, after) => self.records(shared, engine, purpose, after, max)?,
            Stage::Seen(after) => self.seen(shared, engine, after.as_deref(), max)?,
            Stage::Parked(after) => self.parked(shared, engine, after, max)?,
            Stage::Trail(after) => self.trail(shared, engine, after, max)?,
            Stage::Over => Stage::Over,
        };
        Ok(())
    }

    fn records(
        &mut self,
        shared: &Shared,
        engine: &Engine,
        purpose: PurposeId,
        after: Option<[u8; 12]>,
        max: usize,
    ) -> Result<Stage, StoreError> {
        let tally = self.tallies.entry(purpose.clone()).or_default();
        let from = after.as_ref().map_or(Unbounded, |key| Excluded(key.as_slice()));
        let rows = engine.scan(&Place::Vault(purpose.clone()), (from, Excluded(&tally.end)), max);
        let rows = match rows {
            // Its whole tree is gone, or was never needed.
            Err(error) if error.code == StoreCode::PurposeUnknown => Vec::new(),
            rows => rows?,
        };
        let mut last = after;
        for (key, value) in &rows {
            tally.found += 1;
            last = key.as_ref().try_into().ok().or(last);
            let id = record_id(&purpose, key).ok();
            let opens = match &id {
                Some(id) => opens(shared, engine, &mut self.leaves, id, value)?,
                None => false,
            };
            if let Some((Under::Leaf(leaf), expiry, _)) = SealedRecord::peek(value) {
                self.counts.note(&purpose, leaf, expiry);
            }
            if !opens {
                tally.unreadable += 1;
                tally.first = tally.first.take().or(id);
            }
        }
        if rows.len() >= max && last != after {
            return Ok(Stage::Records(purpose, last));
        }
        let counts = std::mem::take(&mut self.counts);
        if tally.is_whole() {
            self.wrong.join(counts.wrong(shared, engine, &purpose)?);
        }
        let next = self.tallies.range((Excluded(purpose), Unbounded)).next();
        Ok(next.map_or(Stage::Seen(None), |(purpose, _)| Stage::Records(purpose.clone(), None)))
    }

    fn seen(
        &mut self,
        shared: &Shared,
        engine: &Engine,
        after: Option<&[u8]>,
        max: usize,
    ) -> Result<Stage, StoreError> {
        let from = after.map_or(Unbounded, Excluded);
        let rows = engine.scan(&Place::Seen, (from, Unbounded), max)?;
        for (key, value) in &rows {
            self.seen += 1;
            let row = SeenRow::read(value);
            let records = row.as_ref().map(|row| row.fates.iter().map(FateRow::record).collect());
            let (Ok(row), Ok(Ok(records))) = (row.as_ref(), records) else {
                self.seen_unreadable += 1;
                continue;
            };
            let records: Vec<Option<RecordId>> = records;
            for record in records.into_iter().flatten() {
                self.noted(shared, engine, key, record)?;
            }
            for arrival in &row.arrivals {
                if is_row_absent(engine, key, *arrival)? {
                    self.parked.absent += 1;
                }
            }
        }
        if let Some((last, _)) = rows.last().filter(|_| rows.len() >= max) {
            return Ok(Stage::Seen(Some(last.to_vec())));
        }
        self.parked_since = engine.counter(&Place::Meta, meta::COMMIT)?;
        Ok(Stage::Parked(None))
    }

    /// A leadgen is noted as stored there.
    fn noted(
        &mut self,
        shared: &Shared,
        engine: &Engine,
        seen: &[u8],
        record: RecordId,
    ) -> Result<(), StoreError> {
        let purpose = record.purpose.clone();
        let key = record_key(record.epoch, record.number);
        let is_later = match self.tallies.get(&purpose) {
            Some(tally) => tally.is_known && key >= tally.end,
            // It was admitted after the commit, or nothing but this note is left of it.
            None => engine.read(&Place::Meta, &meta::stored(&purpose))?.is_some(),
        };
        if is_later {
            return Ok(());
        }
        let there = match engine.read(&Place::Vault(purpose.clone()), &key) {
            Err(error) if error.code == StoreCode::PurposeUnknown => None,
            there => there?,
        };
        if there.is_none() && self.has_had_its_time(shared, engine, &record)? {
            return Ok(());
        }
        let tally = self.tallies.entry(purpose.clone()).or_default();
        tally.indexed += 1;
        if there.is_none() && still_notes(engine, seen, &record)? {
            tally.absent += 1;
            tally.first.get_or_insert(record);
        }
        Ok(())
    }

    /// Of what has had its time the note stays. Its key is gone, or about to be: what was lost has one.
    fn has_had_its_time(
        &mut self,
        shared: &Shared,
        engine: &Engine,
        record: &RecordId,
    ) -> Result<bool, StoreError> {
        let own = self.moved.leaf_of(engine, record)?;
        if self.leaves.key(shared.keyring(), &record.purpose, Under::Leaf(own)).is_err() {
            return Ok(true);
        }
        let pending = expiry_row::pending(engine, shared.unreadable())?.unwrap_or_default();
        let bucket = bucket_of(&record.purpose, own);
        // Destroyed since it was looked at first.
        Ok(pending.iter().any(|cut| cut.takes(&bucket, place_of(own)))
            || self.leaves.key(shared.keyring(), &record.purpose, Under::Leaf(own)).is_err())
    }

    fn parked(
        &mut self,
        shared: &Shared,
        engine: &Engine,
        after: Option<u64>,
        max: usize,
    ) -> Result<Stage, StoreError> {
        let from = after.map(u64::to_be_bytes);
        let from = from.as_ref().map_or(Unbounded, |key| Excluded(key.as_slice()));
        let rows = engine.scan(&Place::Parked, (from, Unbounded), max)?;
        let mut last = after;
        for (key, value) in &rows {
            self.parked.found += 1;
            let Ok(arrival) = layout::number(key) else {
                self.parked.unreadable += 1;
                continue;
            };
            last = Some(arrival);
            // A row that says nothing is noted nowhere: its reference was parked again, in another one.
            let Ok(row) = ParkedRow::read(value) else {
                self.parked.unreadable += 1;
                continue;
            };
            if is_note_absent(engine, arrival, &row)? {
                self.parked.unnoted += 1;
            }
            if row.why.why().is_err()
                || row.open().is_err()
                || !reference_opens(shared, engine, arrival, &row, value)?
            {
                self.parked.unreadable += 1;
            }
        }
        if rows.len() >= max && last != after {
            return Ok(Stage::Parked(last));
        }
        // They can be compared if nothing was committed since the first row was counted.
        if engine.counter(&Place::Meta, meta::COMMIT)? == self.parked_since {
            self.parked.counted = shared.index().total_as_of(self.parked_since);
        }
        Ok(Stage::Trail(0))
    }

    fn trail(
        &mut self,
        shared: &Shared,
        engine: &Engine,
        after: u64,
        max: usize,
    ) -> Result<Stage, StoreError> {
        for (purpose, tally) in &mut self.tallies {
            let erased = engine.read(&Place::Meta, &meta::erased(purpose))?;
            let erased = erased.and_then(|bytes| layout::number(&bytes).ok()).unwrap_or(0);
            tally.erased = erased.saturating_sub(tally.erased_before);
        }
        let lines = match trail::read(shared, engine, after, max) {
            Err(error) if error.code == StoreCode::TrailBroken => {
                self.is_trail_broken = true;
                return Ok(Stage::Over);
            }
            lines => lines?,
        };
        self.lines += lines.len() as u64;
        Ok(lines.last().filter(|_| lines.len() >= max).map_or(Stage::Over, |last| Stage::Trail(last.seq)))
    }

    fn scanned(&self) -> Scanned {
        let mut faults = Vec::new();
        for (purpose, tally) in &self.tallies {
            let fault = tally.fault(purpose);
            if !fault.is_of_seals() || fault.unreadable > 0 {
                faults.push(Fault::Records(fault));
            }
        }
        if self.parked.is_of_counts() || self.parked.unreadable > 0 {
            faults.push(Fault::Parked(self.parked.clone()));
        }
        if self.seen_unreadable > 0 {
            faults.push(Fault::Seen(self.seen_unreadable));
        }
        if self.is_trail_broken {
            faults.push(Fault::Trail);
        }
        faults.extend(self.wrong.fault().map(Fault::Buckets));
        let records = self.tallies.values().map(|tally| tally.found).sum();
        Scanned { records, seen: self.seen, parked: self.parked.found, lines: self.lines, faults }
    }

    /// How many records of each purpose are missing; 0 where none are.
    fn missing(&self) -> BTreeMap<PurposeId, u64> {
        let missing =
            |(purpose, tally): (&PurposeId, &Tally)| (purpose.clone(), tally.fault(purpose).missing());
        self.tallies.iter().map(missing).collect()
    }
}

impl Tally {
    /// True if as many records were found as are counted, and all open. While some are being erased that is not known.
    fn is_whole(&self) -> bool {
        self.found == self.counted && self.unreadable == 0
    }

    fn fault(&self, purpose: &PurposeId) -> RecordsFault {
        // What was erased meanwhile was found, or it was not: both are right.
        let least = self.counted.saturating_sub(self.erased);
        let settled = |found: u64| if (least..self.counted).contains(&found) { self.counted } else { found };
        RecordsFault {
            purpose: purpose.clone(),
            counted: self.counted,
            found: settled(self.found),
            indexed: settled(self.indexed),
            absent: self.absent,
            unreadable: self.unreadable,
            first: self.first.clone(),
        }
    }
}

/// What is counted of each purpose, as of one commit.
fn tallies(shared: &Shared, engine: &Engine) -> Result<BTreeMap<PurposeId, Tally>, StoreError> {
    for _ in 0..LOOKS_MAX {
        let commit = engine.counter(&Place::Meta, meta::COMMIT)?;
        let mut purposes = engine.purposes();
        // Also one whose whole tree is gone.
        engine.visit(&Place::Meta, meta::STORED.range(), |key, _| {
            purposes.extend(meta::STORED.purpose(key));
            Ok(true)
        })?;
        let mut tallies = BTreeMap::new();
        for purpose in purposes {
            // One that cannot be read counts nothing, which is found.
            let counted = engine.read(&Place::Meta, &meta::stored(&purpose))?;
            let counted = counted.and_then(|bytes| layout::number(&bytes).ok()).unwrap_or(0);
            let next = engine.counter(&Place::Sequence, purpose.as_str().as_bytes())?.max(1);
            let end = record_key(shared.epoch(), next);
            let erased = meta::erased(&purpose);
            let erased = engine.read(&Place::Meta, &erased)?.and_then(|bytes| layout::number(&bytes).ok());
            let erased_before = erased.unwrap_or(0);
            let tally = Tally { is_known: true, counted, erased_before, end, ..Tally::default() };
            tallies.insert(purpose, tally);
        }
        if engine.counter(&Place::Meta, meta::COMMIT)? == commit {
            return Ok(tallies);
        }
    }
    Err(StoreError::of(StoreCode::Busy))
}
