//! A world for these tests: directories, keys in memory, a clock that is set, stores opened and closed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::clock::{Day, ManualClock};
use crate::id::{FormId, LeadgenId, PageId};
pub(super) use crate::keyring::memory::MemoryKeyring;
use crate::lead::{Dropped, OpenedLead, sample};
use crate::notification::{Lanes, LeadRef, ParkCode, Why};
use crate::purpose::{Cursor, PurposeId};
use crate::random::SystemRandom;
use crate::store::sled::{Settings, SledStore};
use crate::store::{
    Leads, Outcome, Page, PageRequest, Scan, Scanned, Scanning, Settled, Settlement, StoreCode, StoreError,
    TestFilter,
};
use crate::trail::{Action, Actor, Entry, Operator, Reason, Role};

/// 24 November 2025, 16:00 UTC.
pub(super) const START_S: i64 = 1_764_000_000;
pub(super) const DAY_MS: i64 = 86_400_000;
pub(super) const MIB: u64 = 1024 * 1024;

/// Everything that outlives a store.
pub(super) struct World {
    pub(super) dir: tempfile::TempDir,
    pub(super) keyring: Arc<MemoryKeyring>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) free_disk_min_bytes: u64,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a directory"),
            keyring: MemoryKeyring::of_instance(7),
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
    let operator = Operator {
        actor: Actor::Token("0011223344556677".to_owned()),
        role: Role::Exporter,
        purposes: vec![purpose("devis")],
        recipient: Some("crm".to_owned()),
        reason: Some(Reason::CrmSync),
    };
    Entry::by(&operator, Action::Exported)
}

pub(super) fn by_officer(action: Action) -> Entry {
    let operator = Operator {
        actor: Actor::Local(1000),
        role: Role::Local,
        purposes: Vec::new(),
        recipient: None,
        reason: Some(Reason::PersonRequest),
    };
    Entry::by(&operator, action)
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
