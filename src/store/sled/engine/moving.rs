//! 2 → 3. Every record is sealed again under its own leaf ([decision 157](../../../../docs/decisions/0157-how-the-keys-move-to-leaves.md)).
//!
//! The unit is a bucket: its records, its row in `buckets`, the commit number and the keyring's generation are one
//! transaction, and a bucket of which all that stands is done. So the pass keeps no place to go on from, and may be cut short
//! anywhere: what a power cut takes back of it is under the old key again, which ends only when the whole is durable,
//! witnessed, and every record was opened once under its leaf.

use std::ops::Bound::{Excluded, Included, Unbounded};

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::keyring::lease::Lease;
use crate::keyring::tree::Kind;
use crate::keyring::{BUCKET_RECORDS, Before, Bucket, Keyring};
use crate::lead::{Leaf, SealError, SealedRecord, Under, check, move_to_leaf};
use crate::machine::disk::free_bytes;
use crate::machine::progress::Progress;
use crate::purpose::{PurposeId, RecordId};
use crate::random::Random;
use crate::store::leaves::Leaves;
use crate::store::sled::Settings;
use crate::store::sled::buckets::{self, BucketRow};
use crate::store::sled::engine::{Changes, Engine, SyncError};
use crate::store::sled::layout::{self, Place, meta, record_id, record_key};
use crate::store::sled::reference::keyring_failed;
use crate::store::{StoreCode, StoreError};

/// Trees that are made in one change of the keyring.
const BUCKETS_AHEAD: usize = 32;
/// Buckets between two syncs: 4,096 records.
const BUCKETS_UNSYNCED: usize = 8;
/// A line says how far it is, this often at most.
const TOLD_EVERY: SignedDuration = SignedDuration::from_secs(10);
/// So many records may be found that do not open, or one in a thousand: beyond it the keys are the wrong ones.
const UNREADABLE_MAX: u64 = 16;
const UNREADABLE_SHARE: u64 = 1_000;

/// What a pass is given beside the engine.
pub(in crate::store::sled) struct Pass<'p> {
    pub(in crate::store::sled) settings: &'p Settings,
    pub(in crate::store::sled) keyring: &'p dyn Keyring,
    pub(in crate::store::sled) random: &'p dyn Random,
    pub(in crate::store::sled) clock: &'p dyn Clock,
    pub(in crate::store::sled) progress: &'p Progress,
}

/// How far it is.
struct Tally<'p> {
    pass: &'p Pass<'p>,
    event: Event,
    done: u64,
    total: u64,
    told: Timestamp,
}

#[derive(Clone, Copy)]
enum Event {
    Moving,
    Checking,
}

impl<'p> Tally<'p> {
    fn begin(pass: &'p Pass<'p>, event: Event, engine: &Engine) -> Result<Self, StoreError> {
        let mut total = 0;
        for purpose in engine.purposes() {
            let counted = engine.read(&Place::Meta, &meta::stored(&purpose))?;
            total += counted.and_then(|bytes| layout::number(&bytes).ok()).unwrap_or(0);
        }
        let tally = Self { pass, event, done: 0, total, told: pass.clock.now() };
        tally.tell();
        Ok(tally)
    }

    fn add(&mut self, records: u64) {
        self.done += records;
        self.pass.progress.advance(records.max(1));
        let now = self.pass.clock.now();
        if now.duration_since(self.told) >= TOLD_EVERY {
            self.told = now;
            self.tell();
        }
    }

    fn tell(&self) {
        let (done, total) = (self.done, self.total);
        match self.event {
            Event::Moving => tracing::info!(store.moved = done, store.records = total, "store.moving"),
            Event::Checking => tracing::info!(store.checked = done, store.records = total, "store.checking"),
        }
    }
}

/// Seals every record under its leaf. Whatever it did is synced when it returns.
///
/// # Errors
/// [`StoreCode::KeysGone`]: nothing has the keys of the records that are here. [`StoreCode::RecordUnreadable`]: too many do
/// not open under the keys that are here; both keyrings stay. [`StoreCode::DiskFull`]: every record is written once more,
/// and there is no room for that. Otherwise see [`StoreCode`].
pub(super) fn move_to_leaves(engine: &Engine, pass: &Pass<'_>) -> Result<(), StoreError> {
    match pass.keyring.before() {
        // An older database beside a newer keyring.
        None | Some(Before::Ending) => return Err(StoreError::of(StoreCode::KeysGone)),
        Some(Before::Alone) => {
            require_room(engine, pass)?;
            pass.keyring.begin_trees().map_err(keyring_failed)?;
        }
        Some(Before::BesideTrees) => {}
    }
    let mut tally = Tally::begin(pass, Event::Moving, engine)?;
    for purpose in engine.purposes() {
        let mut after = None;
        loop {
            let ahead = buckets_from(engine, &purpose, after.as_ref(), BUCKETS_AHEAD)?;
            let Some(last) = ahead.last() else { break };
            after = Some(last.clone());
            pass.keyring.make_buckets(&ahead).map_err(keyring_failed)?;
            for unsynced in ahead.chunks(BUCKETS_UNSYNCED) {
                for bucket in unsynced {
                    let records = move_bucket(engine, pass, bucket, tally.total)?;
                    tally.add(records);
                }
                synced(engine)?;
            }
        }
    }
    tally.tell();
    Ok(())
}

/// Opens every record under its leaf, before the keys that it had are destroyed.
///
/// # Errors
/// [`StoreCode::RecordUnreadable`]: one does not open, which nothing that was written explains.
pub(super) fn check_leaves(engine: &Engine, pass: &Pass<'_>) -> Result<(), StoreError> {
    let mut tally = Tally::begin(pass, Event::Checking, engine)?;
    let mut leaves = Leaves::default();
    for purpose in engine.purposes() {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let from = after.as_deref().map_or(Unbounded, Excluded);
            let rows =
                engine.scan(&Place::Vault(purpose.clone()), (from, Unbounded), BUCKET_RECORDS as usize)?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(last.to_vec());
            for (key, value) in &rows {
                // What never was a record's key is no record's.
                let Ok(id) = record_id(&purpose, key) else { continue };
                let opens = SealedRecord::decode(value).is_some_and(|record| {
                    let key = leaves.key(pass.keyring, &purpose, record.under);
                    key.is_ok_and(|key| check(&record, &id, key.key()).is_ok())
                });
                if !opens {
                    return Err(StoreError::of(StoreCode::RecordUnreadable));
                }
            }
            tally.add(rows.len() as u64);
        }
    }
    tally.tell();
    Ok(())
}

fn require_room(engine: &Engine, pass: &Pass<'_>) -> Result<(), StoreError> {
    let free = free_bytes(&pass.settings.path).map_err(StoreError::io)?;
    let needed = engine.db_bytes()?.saturating_add(pass.settings.free_disk_min_bytes);
    if free < needed {
        tracing::error!(disk.free_bytes = free, disk.needed_bytes = needed, "store.no-room-to-move");
        return Err(StoreError::of(StoreCode::DiskFull));
    }
    Ok(())
}

/// The next buckets of a purpose in which something lies.
fn buckets_from(
    engine: &Engine,
    purpose: &PurposeId,
    after: Option<&Bucket>,
    max: usize,
) -> Result<Vec<Bucket>, StoreError> {
    let place = Place::Vault(purpose.clone());
    let mut found: Vec<Bucket> = Vec::new();
    let mut from = match after {
        Some(after) => beyond(after),
        None => Some(record_key(0, 0)),
    };
    while found.len() < max {
        // Behind the last bucket that there could be is nothing.
        let Some(start) = from else { break };
        let mut next = None;
        engine.visit(&place, (Included(&start[..]), Unbounded), |key, _| {
            next = record_id(purpose, key).ok().map(|id| Bucket::of(&id));
            // What never was a record's key is passed over.
            Ok(next.is_none())
        })?;
        let Some(bucket) = next else { break };
        from = beyond(&bucket);
        found.push(bucket);
    }
    Ok(found)
}

/// The first key beyond a bucket: behind the last one of an epoch the next epoch begins. So no number that a damaged key says
/// leads back to where it stands.
fn beyond(bucket: &Bucket) -> Option<[u8; 12]> {
    match bucket.index.saturating_add(1).checked_mul(BUCKET_RECORDS) {
        Some(number) => Some(record_key(bucket.epoch, number)),
        None => bucket.epoch.checked_add(1).map(|epoch| record_key(epoch, 0)),
    }
}

/// Moves a bucket, if it is not done; how many records it has.
fn move_bucket(engine: &Engine, pass: &Pass<'_>, bucket: &Bucket, total: u64) -> Result<u64, StoreError> {
    let place = Place::Vault(bucket.purpose.clone());
    let first = record_key(bucket.epoch, bucket.index * BUCKET_RECORDS);
    let beyond = beyond(bucket);
    let end = beyond.as_ref().map_or(Unbounded, |key| Excluded(&key[..]));
    let rows = engine.scan(&place, (Included(&first[..]), end), usize::MAX)?;
    let lease = pass.keyring.lease(bucket).map_err(keyring_failed)?;
    let mut moved = Changes::default();
    let mut row: Option<BucketRow> = None;
    let mut lost = Vec::new();
    for (key, value) in &rows {
        let Ok(id) = record_id(&bucket.purpose, key) else { continue };
        let Some(record) = SealedRecord::decode(value) else {
            lost.push((key, value));
            continue;
        };
        match under_leaf(pass, bucket, &lease, &id, &record) {
            Ok(Some(sealed)) => {
                moved.0.entry(place.clone()).or_default().insert(key.to_vec(), Some(sealed));
            }
            Ok(None) => {}
            Err(SealError::NoRandomness) => return Err(StoreError::of(StoreCode::Keyring)),
            Err(_) => {
                lost.push((key, value));
                continue;
            }
        }
        row = Some(row.map_or_else(|| BucketRow::of(record.expiry_day), |row| row.with(record.expiry_day)));
    }
    let row = row.map(|row| row.bytes());
    let row_key = buckets::key(bucket);
    let stands = engine.read(&Place::Buckets, &row_key)?.map(|bytes| bytes.to_vec()) == row;
    if moved.0.is_empty() && lost.is_empty() && stands {
        return Ok(rows.len() as u64);
    }
    moved.0.entry(Place::Buckets).or_default().insert(row_key, row);
    if !lost.is_empty() {
        set_aside(engine, &mut moved, &place, &lost, total)?;
    }
    let commit = engine.counter(&Place::Meta, meta::COMMIT)? + 1;
    let values = moved.0.entry(Place::Meta).or_default();
    values.insert(meta::COMMIT.to_vec(), Some(commit.to_be_bytes().to_vec()));
    let generation = pass.keyring.generation().to_be_bytes().to_vec();
    values.insert(meta::KEYRING_GENERATION.to_vec(), Some(generation));
    engine.apply(&moved)?;
    Ok(rows.len() as u64)
}

/// A record under its leaf; none: it is already.
fn under_leaf(
    pass: &Pass<'_>,
    bucket: &Bucket,
    lease: &Lease,
    id: &RecordId,
    record: &SealedRecord<'_>,
) -> Result<Option<Vec<u8>>, SealError> {
    let Under::Bucket(generation) = record.under else { return Ok(None) };
    let key = pass.keyring.bucket_key(bucket, generation).map_err(|_| SealError::DoesNotOpen)?;
    let leaf_key = lease.key((id.number % BUCKET_RECORDS) as u16, Kind::Record, 0);
    let leaf_key = leaf_key.map_err(|_| SealError::DoesNotOpen)?;
    let moved = move_to_leaf(record, id, &key, Leaf::of(id), leaf_key.key(), pass.random)?;
    Ok(Some(moved.encode()))
}

/// Takes rows that do not open out of the vault and keeps their bytes aside. They stay counted, so that what is missing is
/// said.
fn set_aside(
    engine: &Engine,
    moved: &mut Changes,
    place: &Place,
    lost: &[(&sled::IVec, &sled::IVec)],
    total: u64,
) -> Result<(), StoreError> {
    let before = engine.counter(&Place::Meta, meta::UNMOVED)?;
    let all = before + lost.len() as u64;
    let unreadable = StoreError::of(StoreCode::RecordUnreadable);
    tracing::error!(store.tree = %place.name(), code = %unreadable.code, rows.aside = all, "store.row-set-aside");
    if all > UNREADABLE_MAX.max(total / UNREADABLE_SHARE) {
        return Err(unreadable);
    }
    for (key, value) in lost {
        let at = [place.name().as_bytes(), b"\0", key].concat();
        moved.0.entry(Place::Aside).or_default().insert(at, Some(value.to_vec()));
        moved.0.entry(place.clone()).or_default().insert(key.to_vec(), None);
    }
    let aside = engine.counter(&Place::Meta, meta::ASIDE)? + lost.len() as u64;
    let values = moved.0.entry(Place::Meta).or_default();
    values.insert(meta::ASIDE.to_vec(), Some(aside.to_be_bytes().to_vec()));
    values.insert(meta::UNMOVED.to_vec(), Some(all.to_be_bytes().to_vec()));
    Ok(())
}

fn synced(engine: &Engine) -> Result<(), StoreError> {
    engine.sync().map_err(|error| match error {
        SyncError::Flush(error) | SyncError::Sync(error) => error,
    })
}
