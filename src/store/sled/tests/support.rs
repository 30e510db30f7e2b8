//! A world for these tests: directories, keys in memory, a clock that is set, stores opened and closed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

use crate::clock::ManualClock;
pub(super) use crate::keyring::memory::MemoryKeyring;
use crate::random::SeededRandom;
pub(super) use crate::store::contract::support::*;
use crate::store::contract::{Host, Row};
use crate::store::sled::layout::record_key;
use crate::store::sled::{Settings, SledStore};
use crate::store::{SharedStore, StoreCode, StoreError};

pub(super) const MIB: u64 = 1024 * 1024;

/// Everything that outlives a store.
pub(in crate::store::sled) struct World {
    pub(super) dir: tempfile::TempDir,
    pub(super) witness: PathBuf,
    pub(super) keyring: Arc<MemoryKeyring>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) free_disk_min_bytes: u64,
    pub(super) ledger: Option<PathBuf>,
    /// Nonces: never the same one twice, also after a restart.
    pub(super) random: Arc<SeededRandom>,
    pub(super) opened: Mutex<Weak<SledStore>>,
}

impl World {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        Self {
            witness: dir.path().join("witness"),
            dir,
            keyring: MemoryKeyring::of_instance(7),
            clock: Arc::new(ManualClock::new(start())),
            free_disk_min_bytes: 0,
            ledger: None,
            random: Arc::new(SeededRandom::new(7)),
            opened: Mutex::default(),
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    pub(super) fn witness(&self) -> PathBuf {
        self.witness.clone()
    }

    pub(super) fn db(&self) -> PathBuf {
        self.path().join("db/db")
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            path: self.path(),
            witness: self.witness(),
            cache_mb: 8,
            free_disk_min_bytes: self.free_disk_min_bytes,
            ledger: self.ledger.clone(),
        }
    }

    pub(super) fn try_open(&self) -> Result<Arc<SledStore>, StoreError> {
        self.try_open_for(&["devis", "lettre"])
    }

    pub(super) fn try_open_for(&self, purposes: &[&str]) -> Result<Arc<SledStore>, StoreError> {
        let purposes = purposes.iter().map(|name| purpose(name)).collect();
        let (keyring, clock, random) = (self.keyring.clone(), self.clock.clone(), self.random.clone());
        let store = SledStore::open(self.settings(), keyring, purposes, clock, random)?;
        *self.opened.lock().expect("not poisoned") = Arc::downgrade(&store);
        Ok(store)
    }

    pub(super) fn open(&self) -> Arc<SledStore> {
        self.try_open().expect("opens")
    }

    pub(super) fn refusal(&self) -> StoreCode {
        self.try_open().err().expect("a refusal").code
    }
}

impl Host for World {
    fn new() -> Self {
        Self::new()
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn keyring(&self) -> &MemoryKeyring {
        &self.keyring
    }

    fn try_open(&self, purposes: &[&str]) -> Result<SharedStore, StoreError> {
        Ok(self.try_open_for(purposes)?)
    }

    fn halt(&self) {
        let opened = self.opened.lock().expect("not poisoned").upgrade().expect("it is open");
        opened.shared.halt(StoreError::of(StoreCode::Io));
    }

    fn take(&self, row: &Row) -> Vec<u8> {
        let mut taken = None;
        tamper(self, |db| {
            let (tree, key) = place(row);
            taken = db.open_tree(tree).expect("a tree").remove(key).expect("removed");
        });
        taken.expect("it was there").to_vec()
    }

    fn put(&self, row: &Row, bytes: Vec<u8>) {
        tamper(self, |db| {
            let (tree, key) = place(row);
            db.open_tree(tree).expect("a tree").insert(key, bytes).expect("written");
        });
    }
}

/// The tree and the key of a row.
fn place(row: &Row) -> (String, Vec<u8>) {
    match row {
        Row::Record(id) => (format!("vault/{}", id.purpose), record_key(id.epoch, id.number).to_vec()),
        Row::Line(seq) => ("trail".to_owned(), seq.to_be_bytes().to_vec()),
    }
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
