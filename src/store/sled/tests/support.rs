//! A world for these tests: directories, a keyring in memory, a clock that is set, stores opened and closed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use crate::clock::{Day, ManualClock, Month};
use crate::id::{FormId, LeadgenId, PageId};
use crate::keyring::{Bucket, InstanceId, Keyring, KeyringCode, KeyringError};
use crate::lead::{BucketKey, Dropped, OpenedLead, sample};
use crate::notification::{Lanes, LeadRef, ParkCode, Why};
use crate::purpose::{Cursor, PurposeId};
use crate::random::SystemRandom;
use crate::secret::{Key, hmac_sha256};
use crate::store::sled::{Settings, SledStore};
use crate::store::{
    Leads, Outcome, Page, PageRequest, Scan, Scanned, Scanning, Settled, Settlement, StoreCode, StoreError,
    TestFilter,
};
use crate::trail::{Action, Entry, Operator, Reason, Role};

/// 24 November 2025, 16:00 UTC.
pub(super) const START_S: i64 = 1_764_000_000;
pub(super) const DAY_MS: i64 = 86_400_000;
pub(super) const MIB: u64 = 1024 * 1024;

/// Keys in memory; what is on disk for the real one outlives a store here as well.
pub(super) struct TestKeyring {
    pub(super) instance: Mutex<InstanceId>,
    pub(super) generation: AtomicU64,
    /// The file can be changed no more.
    pub(super) failed: AtomicBool,
    /// Whoever opens a record panics.
    pub(super) panics: AtomicBool,
    days: Mutex<BTreeMap<Day, Key>>,
    buckets: Mutex<BTreeMap<Bucket, Key>>,
}

impl TestKeyring {
    pub(super) fn new(instance: u8) -> Arc<Self> {
        Arc::new(Self {
            instance: Mutex::new(InstanceId([instance; 16])),
            generation: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            panics: AtomicBool::new(false),
            days: Mutex::default(),
            buckets: Mutex::default(),
        })
    }

    fn held(&self, bucket: &Bucket, generation: u32) -> Result<BucketKey, KeyringError> {
        let held = self.buckets.lock().expect("not poisoned");
        let key = held.get(bucket).filter(|_| generation == 0).cloned().ok_or(ABSENT)?;
        Ok(BucketKey { generation, key })
    }

    pub(super) fn buckets(&self) -> usize {
        self.buckets.lock().expect("not poisoned").len()
    }
}

/// Keys follow from what they are for, so that a killed process's successor has them as it would from a file.
fn key_of(parts: &[&[u8]]) -> Key {
    Key::new(hmac_sha256(b"a keyring for tests", parts))
}

const ABSENT: KeyringError = KeyringError { code: KeyringCode::KeyAbsent, io: None };

impl Keyring for TestKeyring {
    fn instance(&self) -> InstanceId {
        *self.instance.lock().expect("not poisoned")
    }
    fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }
    fn failed(&self) -> Option<KeyringError> {
        let failed = self.failed.load(Ordering::SeqCst);
        failed.then_some(KeyringError::io(std::io::ErrorKind::Other))
    }
    fn seen_key(&self) -> Key {
        Key::new([1; 32])
    }
    fn trail_key(&self) -> Key {
        Key::new([2; 32])
    }
    fn log_key(&self, _: Month) -> Result<Key, KeyringError> {
        Ok(Key::new([3; 32]))
    }
    fn day_key(&self, day: Day) -> Result<Key, KeyringError> {
        self.days.lock().expect("not poisoned").get(&day).cloned().ok_or(ABSENT)
    }
    fn make_days(&self, days: &[Day]) -> Result<(), KeyringError> {
        let mut held = self.days.lock().expect("not poisoned");
        for day in days {
            held.entry(*day).or_insert_with(|| key_of(&[b"day", &day.0.to_be_bytes()]));
        }
        self.generation.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
    fn days(&self) -> Vec<Day> {
        self.days.lock().expect("not poisoned").keys().copied().collect()
    }
    fn destroy_days(&self, days: &[Day]) -> Result<(), KeyringError> {
        self.days.lock().expect("not poisoned").retain(|day, _| !days.contains(day));
        Ok(())
    }
    fn bucket_key(&self, bucket: &Bucket) -> Result<BucketKey, KeyringError> {
        self.held(bucket, 0)
    }
    fn bucket_key_of(&self, bucket: &Bucket, generation: u32) -> Result<BucketKey, KeyringError> {
        assert!(!self.panics.load(Ordering::SeqCst), "as told");
        self.held(bucket, generation)
    }
    fn make_buckets(&self, buckets: &[Bucket]) -> Result<(), KeyringError> {
        let mut held = self.buckets.lock().expect("not poisoned");
        for bucket in buckets {
            let purpose = bucket.purpose.as_str().as_bytes();
            let key = key_of(&[b"bucket", purpose, &bucket.epoch.to_be_bytes(), &bucket.index.to_be_bytes()]);
            held.entry(bucket.clone()).or_insert(key);
        }
        self.generation.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Everything that outlives a store.
pub(super) struct World {
    pub(super) dir: tempfile::TempDir,
    pub(super) keyring: Arc<TestKeyring>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) free_disk_min_bytes: u64,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a directory"),
            keyring: TestKeyring::new(7),
            clock: Arc::new(ManualClock::new(Timestamp::from_second(START_S).expect("in range"))),
            free_disk_min_bytes: 0,
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    pub(super) fn witness(&self) -> PathBuf {
        self.dir.path().join("witness")
    }

    pub(super) fn db(&self) -> PathBuf {
        self.path().join("db/db")
    }

    pub(super) fn try_open(&self) -> Result<Arc<SledStore>, StoreError> {
        let settings = Settings {
            path: self.path(),
            witness: self.witness(),
            cache_mb: 8,
            free_disk_min_bytes: self.free_disk_min_bytes,
        };
        let purposes = ["devis", "lettre"].iter().filter_map(|name| PurposeId::parse(name)).collect();
        SledStore::open(settings, self.keyring.clone(), purposes, self.clock.clone(), Arc::new(SystemRandom))
    }

    pub(super) fn open(&self) -> Arc<SledStore> {
        self.try_open().expect("opens")
    }

    pub(super) fn refusal(&self) -> StoreCode {
        self.try_open().err().expect("a refusal").code
    }
}

pub(super) fn purpose(name: &str) -> PurposeId {
    PurposeId::parse(name).expect("a name")
}

pub(super) fn leadgen(number: u64) -> LeadgenId {
    LeadgenId::parse(&(7_700_000_000_000 + number).to_string()).expect("digits")
}

pub(super) fn start() -> Timestamp {
    Timestamp::from_second(START_S).expect("in range")
}

pub(super) fn page_id() -> PageId {
    PageId::parse("104000000000001").expect("digits")
}

pub(super) fn form_id(number: u64) -> FormId {
    FormId::parse(&(901_000_000_000_000 + number).to_string()).expect("digits")
}

pub(super) fn reference(number: u64) -> LeadRef {
    reference_of(number, 1)
}

pub(super) fn reference_of(number: u64, form: u64) -> LeadRef {
    LeadRef {
        leadgen: leadgen(number),
        form: form_id(form),
        page: page_id(),
        created: Some(start()),
        received: start(),
    }
}

pub(super) fn email_of(number: u64) -> String {
    format!("amelie.{number}@canary.example")
}

/// A lead of `devis` that lives for ten days.
pub(super) fn stored(number: u64) -> Settlement {
    stored_in("devis", number, false, 10)
}

pub(super) fn stored_in(purpose: &str, number: u64, test: bool, days: i64) -> Settlement {
    let expires = Timestamp::from_second(START_S + days * 86_400).expect("in range");
    let lead = sample::lead(purpose, &email_of(number), test, expires);
    let outcome = Outcome::Stored(Box::new(lead));
    Settlement { reference: reference(number), outcome, dropped: Dropped::default() }
}

pub(super) fn parked(number: u64, form: u64, why: Why) -> Settlement {
    Settlement {
        reference: reference_of(number, form),
        outcome: Outcome::Parked(why),
        dropped: Dropped::default(),
    }
}

pub(super) fn waiting(seconds: i64, attempts: u32) -> Why {
    let not_before = Timestamp::from_second(START_S + seconds).expect("in range");
    Why::Waiting { not_before, attempts, code: ParkCode::GraphUnavailable }
}

pub(super) const HELD: Why = Why::Held { code: ParkCode::FormUnclaimed };
pub(super) const REFUSED: Why = Why::Refused { code: ParkCode::ConsentMissing };
pub(super) const BURIED: Why = Why::Buried { code: ParkCode::AttemptsSpent, attempts: 8 };

/// Settles this many leads of `devis`, numbered from `from`, in batches of 50.
pub(super) async fn store_many(store: &SledStore, from: u64, count: u64) {
    let mut next = from;
    while next < from + count {
        let end = (next + 50).min(from + count);
        let settled = store.settle((next..end).map(stored).collect()).await.expect("settled");
        assert!(settled.iter().all(|settled| matches!(settled, Settled::Stored(_))));
        next = end;
    }
}

pub(super) fn exporting() -> Entry {
    let (id, purposes) = ("0011223344556677".to_owned(), vec![purpose("devis")]);
    let (recipient, reason) = (Some("crm".to_owned()), Some(Reason::CrmSync));
    let operator = Operator::recognised_by_token(id, Role::Exporter, purposes, recipient, reason);
    Entry::by(&operator, Action::Exported)
}

pub(super) fn by_officer(action: Action) -> Entry {
    let operator = Operator::recognised_by_kernel(1000).because(Reason::PersonRequest);
    Entry::by(&operator, action)
}

/// By whoever holds this token.
pub(super) fn by_token(id: &str, action: Action) -> Entry {
    let operator = Operator::recognised_by_token(id.to_owned(), Role::Officer, Vec::new(), None, None);
    Entry::by(&operator.because(Reason::PersonRequest), action)
}

pub(super) fn request(after: Option<Cursor>, limit: usize) -> PageRequest {
    let today = Day::of(start());
    let (purpose, test) = (purpose("devis"), TestFilter::Exclude);
    PageRequest { purpose, after, limit, test, today, incomplete: false }
}

pub(super) fn read_all(page: &mut Page) -> Result<Vec<OpenedLead>, StoreError> {
    page.records.by_ref().map(|lead| Ok(lead?.read().expect("of our layout"))).collect()
}

/// Everything of a purpose, page by page: values in order.
pub(super) async fn export(store: &SledStore, limit: usize) -> Result<Vec<String>, StoreError> {
    let mut values = Vec::new();
    let mut after = None;
    loop {
        let mut page = store.open_page(request(after, limit), exporting()).await?;
        values.extend(read_all(&mut page)?.iter().map(sample::email));
        if !page.more {
            return Ok(values);
        }
        after = Some(page.next);
    }
}

/// A whole scan, in slices of this many entries.
pub(super) async fn scan(store: &SledStore, slice: usize) -> Result<Scanned, StoreError> {
    for _ in 0..1_000_000 {
        if let Scanning::Over(scanned) = store.scan(slice).await? {
            return Ok(scanned);
        }
    }
    panic!("it never ends");
}

/// A purpose claims these forms, and their page may be read.
pub(super) fn claimed(forms: impl IntoIterator<Item = u64>) -> Lanes {
    let forms = std::sync::Arc::new(forms.into_iter().map(form_id).collect());
    Lanes { forms, pages: std::collections::HashMap::from([(page_id(), true)]) }
}

/// Every form that these tests use is claimed.
pub(super) fn all_claimed() -> Lanes {
    claimed(1..=10)
}

/// No purpose claims any form.
pub(super) fn unclaimed() -> Lanes {
    claimed([])
}

/// Waits until the condition holds; panics after ten seconds.
pub(super) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    for _ in 0..500 {
        if condition().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("ten seconds, and still not: {what}");
}

/// Every file below a directory.
pub(super) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Works on sled's files directly, while the store is closed.
pub(super) fn tamper(world: &World, change: impl FnOnce(&::sled::Db)) {
    let config = ::sled::Config::new().path(world.path().join("db")).segment_size(2 * MIB as usize);
    let mut tries = 0;
    let db = loop {
        match config.clone().open() {
            Ok(db) => break db,
            Err(_) if tries < 50 => {
                tries += 1;
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            Err(_) => panic!("sled does not open"),
        }
    };
    change(&db);
    db.flush().expect("flushed");
}

/// Copies a directory with all that is in it.
pub(super) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("readable") {
        let path = entry.expect("readable").path();
        let copy = to.join(path.file_name().expect("named"));
        if path.is_dir() {
            copy_dir(&path, &copy);
        } else {
            std::fs::copy(&path, &copy).expect("copied");
        }
    }
}
