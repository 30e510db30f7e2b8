//! Records: settling them, pages of an export, single look-ups.

use std::collections::HashMap;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::OwnedSemaphorePermit;

use crate::clock::Day;
use crate::keyring::Bucket;
use crate::lead::{BucketKey, OpenedLead, SealedRecord, open};
use crate::purpose::{Cursor, PurposeId, RecordId};
use crate::store::sled::engine::guarded;
use crate::store::sled::layout::{Place, record_id, record_key};
use crate::store::sled::shared::Shared;
use crate::store::sled::wait::wait_for;
use crate::store::sled::{SledStore, seen, settle};
use crate::store::{
    Found, Page, PageRequest, RecordsFeed, SeenState, Settled, Settlement, StoreCode, StoreError, TestFilter,
    Vault, Wanted, records,
};
use crate::trail::{Entry, Outcome};

/// Keys looked at for one page, however few of them are eligible.
const SCAN_KEYS_MAX: u64 = 50_000;
/// Records read, opened and handed over at a time.
const CHUNK_RECORDS: usize = 32;
/// Opened chunks that wait for a slow reader, beside the one that it has and the one that is being opened.
const CHUNKS_WAITING_MAX: usize = 1;
/// How long a reader may take nothing before its page ends, with an error: it holds a thread and a place.
const SEND_WITHIN: Duration = if cfg!(test) { Duration::from_secs(3) } else { Duration::from_secs(60) };

#[async_trait]
impl Vault for SledStore {
    async fn settle(&self, batch: Vec<Settlement>) -> Result<Vec<Settled>, StoreError> {
        self.writer.write(batch.len(), move |draft| settle::settle(draft, batch)).await
    }

    async fn open_page(&self, mut request: PageRequest, mut entry: Entry) -> Result<Page, StoreError> {
        if request.after.as_ref().is_some_and(|after| after.purpose != request.purpose) {
            return Err(StoreError::of(StoreCode::CursorForeign));
        }
        let missing = self.shared.missing(&request.purpose);
        if missing > 0 && !request.incomplete {
            return Err(StoreError::of(StoreCode::CountMismatch));
        }
        self.shared.require_clock()?;
        let place = Arc::clone(&self.readings).try_acquire_owned();
        let place = place.map_err(|_| StoreError::of(StoreCode::Busy))?;
        // A clock set back brings no expired record back.
        request.today = request.today.max(self.shared.today());
        let purpose = request.purpose.clone();
        let (request, bound) = self
            .beside(move |shared| {
                let bound = shared.reading(|engine| bound(shared, engine, &request))?;
                Ok((request, bound))
            })
            .await?;
        entry.purpose = Some(purpose);
        entry.count = bound.count;
        entry.from = bound.range.as_ref().map(|(first, _)| first.clone());
        entry.to = bound.range.as_ref().map(|(_, last)| last.clone());
        entry.result = if bound.count == 0 { Outcome::Nothing } else { Outcome::Done };
        // The line's sync makes every record that the scan saw durable as well: the writer applied them before.
        self.writer.write(1, move |draft| draft.append_line(entry)).await?;

        let (feed, opened) = records(CHUNKS_WAITING_MAX);
        let Bound { next, more, count, range } = bound;
        let page = Page { next, more, count, missing, records: opened };
        match range {
            None => feed.end().await,
            Some((first, last)) => {
                let reading = Reading {
                    shared: Arc::clone(&self.shared),
                    request,
                    left: count,
                    last,
                    keys: HashMap::new(),
                    _place: place,
                };
                // Ends by itself when nobody listens, or with the last record.
                tokio::task::spawn_blocking(move || reading.feed(&first, feed));
            }
        }
        Ok(page)
    }

    async fn find(&self, wanted: Wanted, mut entry: Entry) -> Result<Vec<Found>, StoreError> {
        let state = self
            .beside(move |shared| {
                shared.reading(|engine| match &wanted {
                    Wanted::Leadgen(leadgen) => seen::look_up(shared, engine, leadgen),
                    Wanted::Record(id) => {
                        let there = read(engine, id)?.is_some();
                        Ok(there.then(|| SeenState::Stored(id.clone())))
                    }
                })
            })
            .await?;
        let record = match &state {
            Some(SeenState::Stored(id)) => Some(id.clone()),
            _ => None,
        };
        entry.count = u64::from(state.is_some());
        entry.result = if state.is_some() { Outcome::Done } else { Outcome::Nothing };
        entry.purpose = record.as_ref().map(|id| id.purpose.clone());
        (entry.from, entry.to) = (record.clone(), record.clone());
        self.writer.write(1, move |draft| draft.append_line(entry)).await?;

        let Some(state) = state else { return Ok(Vec::new()) };
        let lead = match record {
            None => None,
            Some(id) => self.beside(move |shared| open_one(shared, &id)).await?,
        };
        Ok(vec![Found { state, lead }])
    }

    async fn admit(&self, purposes: Vec<PurposeId>) -> Result<(), StoreError> {
        self.beside(move |shared| shared.admit(&purposes)).await
    }

    fn stored(&self) -> HashMap<PurposeId, u64> {
        self.shared.stored().clone()
    }

    fn halted(&self) -> Option<StoreCode> {
        let stalled = self.shared.is_stalled().then_some(StoreCode::Stalled);
        self.shared.halted().map(|halt| halt.code).or(stalled)
    }

    fn ready(&self) -> bool {
        Vault::halted(self).is_none()
            && self.shared.engine().is_ok()
            && self.shared.keyring.failed().is_none()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.shut().await
    }
}

/// What a scan of keys found a page to be.
struct Bound {
    next: Cursor,
    more: bool,
    count: u64,
    range: Option<(RecordId, RecordId)>,
}

fn bound(
    shared: &Shared,
    engine: &super::engine::Engine,
    request: &PageRequest,
) -> Result<Bound, StoreError> {
    let place = Place::Vault(request.purpose.clone());
    let start = RecordId { purpose: request.purpose.clone(), epoch: shared.epoch, number: 0 };
    let after = request.after.as_ref().map(|after| record_key(after.epoch, after.number));
    let from = after.as_ref().map_or(Unbounded, |key| Excluded(key.as_slice()));
    let next = request.after.clone().unwrap_or(start);
    let mut bound = Bound { next, more: false, count: 0, range: None };
    let mut looked_at = 0;
    engine.visit(&place, (from, Unbounded), |key, value| {
        if bound.count >= request.limit as u64 || looked_at >= SCAN_KEYS_MAX {
            bound.more = true;
            return Ok(false);
        }
        looked_at += 1;
        let id = record_id(&request.purpose, key)?;
        if eligible(request, value)? {
            bound.count += 1;
            let first = bound.range.take().map_or_else(|| id.clone(), |(first, _)| first);
            bound.range = Some((first, id.clone()));
        }
        bound.next = id;
        Ok(true)
    })?;
    Ok(bound)
}

/// By what stands in clear; a record that was changed there does not open.
fn eligible(request: &PageRequest, value: &[u8]) -> Result<bool, StoreError> {
    let (_, expiry, test) = SealedRecord::peek(value).ok_or(StoreError::of(StoreCode::RecordUnreadable))?;
    let of_kind = match request.test {
        TestFilter::Exclude => !test,
        TestFilter::Include => true,
        TestFilter::Only => test,
    };
    Ok(of_kind && !expired(expiry, request.today))
}

fn expired(expiry: Day, today: Day) -> bool {
    expiry <= today
}

/// A page being read. It holds the engine for one chunk at a time, never while its reader is slow.
struct Reading {
    shared: Arc<Shared>,
    request: PageRequest,
    left: u64,
    last: RecordId,
    keys: HashMap<(Bucket, u32), BucketKey>,
    _place: OwnedSemaphorePermit,
}

/// How a reading ended that did not fail.
enum End {
    /// With the last record.
    Whole,
    /// Nobody listens, or nothing was taken for too long.
    Abandoned,
}

impl Reading {
    /// Reads to the end and says so; whatever fails is said too, a panic of ours included.
    fn feed(mut self, first: &RecordId, mut feed: RecordsFeed) {
        match guarded(|| self.run(first, &mut feed)) {
            Ok(End::Whole) => {
                wait_for(feed.end(), SEND_WITHIN);
            }
            Ok(End::Abandoned) => {}
            Err(error) => {
                wait_for(feed.fail(error), SEND_WITHIN);
            }
        }
    }

    fn run(&mut self, first: &RecordId, feed: &mut RecordsFeed) -> Result<End, StoreError> {
        let mut from = Included(record_key(first.epoch, first.number));
        loop {
            let chunk = self.chunk(&from)?;
            let Some((last, _)) = chunk.last() else { return Ok(End::Whole) };
            from = Excluded(record_key(last.epoch, last.number));
            let at_end = *last == self.last;
            // What was opened before one that does not open goes out first: the error then says where it ends.
            let (opened, read) = self.open_all(chunk);
            if !opened.is_empty() {
                match wait_for(feed.send(opened), SEND_WITHIN) {
                    Some(true) => {}
                    Some(false) => return Ok(End::Abandoned),
                    None => {
                        tracing::warn!(purpose = %self.request.purpose, "store.reading-given-up");
                        return Ok(End::Abandoned);
                    }
                }
            }
            read?;
            if at_end || self.left == 0 {
                return Ok(End::Whole);
            }
        }
    }

    /// The eligible records of a chunk, opened, as far as the page reaches; and what stopped it, if something did.
    fn open_all(
        &mut self,
        chunk: Vec<(RecordId, ::sled::IVec)>,
    ) -> (Vec<OpenedLead>, Result<(), StoreError>) {
        let mut opened = Vec::with_capacity(chunk.len());
        for (id, value) in chunk {
            match self.open_eligible(&id, &value) {
                Ok(Some(lead)) => opened.push(lead),
                Ok(None) => {}
                Err(error) => return (opened, Err(error)),
            }
        }
        (opened, Ok(()))
    }

    fn open_eligible(&mut self, id: &RecordId, value: &[u8]) -> Result<Option<OpenedLead>, StoreError> {
        if self.left == 0 || !eligible(&self.request, value)? {
            return Ok(None);
        }
        self.left -= 1;
        self.open(id, value).map(Some)
    }

    fn chunk(&self, from: &std::ops::Bound<[u8; 12]>) -> Result<Vec<(RecordId, ::sled::IVec)>, StoreError> {
        let purpose = &self.request.purpose;
        let last = record_key(self.last.epoch, self.last.number);
        let from = from.as_ref().map(<[u8; 12]>::as_slice);
        let place = Place::Vault(purpose.clone());
        let rows =
            self.shared.reading(|engine| engine.scan(&place, (from, Included(&last)), CHUNK_RECORDS))?;
        rows.into_iter().map(|(key, value)| Ok((record_id(purpose, &key)?, value))).collect()
    }

    fn open(&mut self, id: &RecordId, value: &[u8]) -> Result<OpenedLead, StoreError> {
        let unreadable = StoreError::of(StoreCode::RecordUnreadable);
        let record = SealedRecord::decode(value).ok_or(unreadable)?;
        let bucket = Bucket::of(id);
        let key = match self.keys.entry((bucket.clone(), record.generation)) {
            std::collections::hash_map::Entry::Occupied(held) => held.into_mut(),
            std::collections::hash_map::Entry::Vacant(free) => {
                let key = self.shared.keyring.bucket_key_of(&bucket, record.generation);
                free.insert(key.map_err(|_| unreadable)?)
            }
        };
        open(&record, id, key).map_err(|_| unreadable)
    }
}

fn read(engine: &super::engine::Engine, id: &RecordId) -> Result<Option<::sled::IVec>, StoreError> {
    match engine.read(&Place::Vault(id.purpose.clone()), &record_key(id.epoch, id.number)) {
        Err(error) if error.code == StoreCode::PurposeUnknown => Ok(None),
        found => found,
    }
}

/// A record, if it is there and not past its expiry.
fn open_one(shared: &Shared, id: &RecordId) -> Result<Option<OpenedLead>, StoreError> {
    let unreadable = StoreError::of(StoreCode::RecordUnreadable);
    let Some(value) = shared.reading(|engine| read(engine, id))? else { return Ok(None) };
    let record = SealedRecord::decode(&value).ok_or(unreadable)?;
    let look = shared.look();
    match (expired(record.expiry_day, Day::of(look.mark)), expired(record.expiry_day, Day::of(look.now))) {
        (true, _) => return Ok(None),
        // Whether it is past its expiry depends on whether the clock is right.
        (false, true) => return Err(StoreError::of(StoreCode::ClockJumped)),
        (false, false) => {}
    }
    let key = shared.keyring.bucket_key_of(&Bucket::of(id), record.generation).map_err(|_| unreadable)?;
    open(&record, id, &key).map(Some).map_err(|_| unreadable)
}
