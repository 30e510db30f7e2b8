//! A keyring in memory, for the tests of every room that seals: it outlives what a test closes and opens again, as the
//! file would.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::clock::{Day, Month};
use crate::keyring::lease::{Held, Lease};
use crate::keyring::pages::Change;
use crate::keyring::pages::Edited;
use crate::keyring::tree::read_frontier;
use crate::keyring::{Before, Bucket, InstanceId, Keyring, KeyringCode, KeyringError};
use crate::random::{NoRandomness, Random};
use crate::secret::{Key, hmac_sha256};

/// Keys in memory.
pub(crate) struct MemoryKeyring {
    pub(crate) instance: Mutex<InstanceId>,
    pub(crate) generation: AtomicU64,
    /// The file can be changed no more.
    pub(crate) failed: AtomicBool,
    /// No key is made for now: the disk is full.
    pub(crate) refuses: AtomicBool,
    /// Whoever opens a record panics.
    pub(crate) panics: AtomicBool,
    /// What its keys are derived from.
    seed: &'static [u8],
    days: Mutex<BTreeMap<Day, Key>>,
    /// Whose key for the log's names there is.
    pub(crate) log_months: Mutex<BTreeSet<Month>>,
    tombstones: Mutex<BTreeMap<Month, Key>>,
    evidence: Mutex<BTreeMap<Month, Key>>,
    /// Of addresses that may not be stored; a test may lose or exchange it.
    pub(crate) suppressions: Mutex<Option<Key>>,
    buckets: Mutex<BTreeMap<Bucket, Held>>,
    /// Where it stands on the way from one key a bucket to trees.
    pub(crate) before: Mutex<Option<Before>>,
    /// After so many more changes none is possible.
    pub(crate) changes_left: Mutex<Option<u32>>,
}

/// What a bucket's tree grows from follows from what it is for, so that a killed process's successor has it as it would from
/// a file.
struct Derived([u8; 32]);

impl Random for Derived {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoRandomness> {
        for (chunk, at) in buffer.chunks_mut(32).zip(0_u32..) {
            chunk.copy_from_slice(&hmac_sha256(&self.0, &[&at.to_be_bytes()])[..chunk.len()]);
        }
        Ok(())
    }
}

const ABSENT: KeyringError = KeyringError::of(KeyringCode::KeyAbsent);

impl MemoryKeyring {
    pub(crate) fn of_instance(byte: u8) -> Arc<Self> {
        Self::derived(byte, b"a keyring for tests")
    }

    /// One that names the same instance and has other keys.
    pub(crate) fn with_other_keys(byte: u8) -> Arc<Self> {
        Self::derived(byte, b"another keyring for tests")
    }

    fn derived(byte: u8, seed: &'static [u8]) -> Arc<Self> {
        Arc::new(Self {
            instance: Mutex::new(InstanceId([byte; 16])),
            generation: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            refuses: AtomicBool::new(false),
            panics: AtomicBool::new(false),
            seed,
            days: Mutex::default(),
            log_months: Mutex::default(),
            tombstones: Mutex::default(),
            evidence: Mutex::default(),
            suppressions: Mutex::default(),
            buckets: Mutex::default(),
            before: Mutex::default(),
            changes_left: Mutex::default(),
        })
    }

    /// It as it is now, as the key part of a backup has it.
    pub(crate) fn copied(&self) -> Arc<Self> {
        let copied = |held: &Held| {
            let mut bytes = vec![0; held.frontier().encoded_bytes()];
            assert!(held.frontier().encode(&mut bytes).is_some(), "there is room");
            Held::new(read_frontier(&bytes).expect("of our own").0)
        };
        let buckets = self.buckets.lock().expect("not poisoned");
        let buckets = buckets.iter().map(|(bucket, held)| (bucket.clone(), copied(held))).collect();
        let copy = Self::derived(0, self.seed);
        *copy.instance.lock().expect("not poisoned") = self.instance();
        copy.generation.store(self.generation(), Ordering::SeqCst);
        *copy.days.lock().expect("not poisoned") = self.days.lock().expect("not poisoned").clone();
        *copy.tombstones.lock().expect("not poisoned") =
            self.tombstones.lock().expect("not poisoned").clone();
        *copy.evidence.lock().expect("not poisoned") = self.evidence.lock().expect("not poisoned").clone();
        *copy.suppressions.lock().expect("not poisoned") = self.suppression_key().ok();
        *copy.buckets.lock().expect("not poisoned") = buckets;
        copy
    }

    /// It has no trees, as before there were any.
    pub(crate) fn forget_trees(&self) {
        self.buckets.lock().expect("not poisoned").clear();
    }

    /// How many buckets have a tree.
    pub(crate) fn buckets(&self) -> usize {
        self.buckets.lock().expect("not poisoned").len()
    }

    /// The one key that a bucket had.
    pub(crate) fn key_of_before(&self, bucket: &Bucket) -> Key {
        let (epoch, index) = (bucket.epoch.to_be_bytes(), bucket.index.to_be_bytes());
        self.key_of(&[b"bucket", bucket.purpose.as_str().as_bytes(), &epoch, &index])
    }

    /// Keys follow from what they are for, so that a killed process's successor has them as it would from a file.
    fn key_of(&self, parts: &[&[u8]]) -> Key {
        Key::new(hmac_sha256(self.seed, parts))
    }

    fn changed(&self, change: impl FnOnce()) -> Result<(), KeyringError> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err(KeyringError::io(ErrorKind::StorageFull));
        }
        if let Some(left) = &mut *self.changes_left.lock().expect("not poisoned") {
            *left = left.checked_sub(1).ok_or(KeyringError::io(ErrorKind::Interrupted))?;
        }
        change();
        self.generation.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

impl Keyring for MemoryKeyring {
    fn instance(&self) -> InstanceId {
        *self.instance.lock().expect("not poisoned")
    }
    fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }
    fn failed(&self) -> Option<KeyringError> {
        let failed = self.failed.load(Ordering::SeqCst);
        failed.then_some(KeyringError::io(ErrorKind::Other))
    }
    fn seen_key(&self) -> Key {
        Key::new([1; 32])
    }
    fn trail_key(&self) -> Key {
        Key::new([2; 32])
    }
    fn log_key(&self, month: Month) -> Result<Key, KeyringError> {
        self.log_months.lock().expect("not poisoned").insert(month);
        Ok(Key::new([3; 32]))
    }
    fn drop_log_months(&self, now: Month) -> Result<usize, KeyringError> {
        let mut months = self.log_months.lock().expect("not poisoned");
        let before = months.len();
        months.retain(|month| month.0 + 1 >= now.0);
        Ok(before - months.len())
    }
    fn day_key(&self, day: Day) -> Result<Key, KeyringError> {
        self.days.lock().expect("not poisoned").get(&day).cloned().ok_or(ABSENT)
    }
    fn make_days(&self, days: &[Day]) -> Result<(), KeyringError> {
        self.changed(|| {
            let mut held = self.days.lock().expect("not poisoned");
            for day in days {
                held.entry(*day).or_insert_with(|| self.key_of(&[b"day", &day.0.to_be_bytes()]));
            }
        })
    }
    fn days(&self) -> Vec<Day> {
        self.days.lock().expect("not poisoned").keys().copied().collect()
    }
    fn destroy_days(&self, days: &[Day]) -> Result<(), KeyringError> {
        self.days.lock().expect("not poisoned").retain(|day, _| !days.contains(day));
        Ok(())
    }
    fn receipt_seed(&self) -> Result<Key, KeyringError> {
        Ok(Key::new([4; 32]))
    }
    fn suppression_key(&self) -> Result<Key, KeyringError> {
        self.suppressions.lock().expect("not poisoned").clone().ok_or(ABSENT)
    }
    fn make_suppression_key(&self) -> Result<(), KeyringError> {
        if self.suppression_key().is_ok() {
            return Ok(());
        }
        self.changed(|| {
            *self.suppressions.lock().expect("not poisoned") = Some(self.key_of(&[b"suppressions"]));
        })
    }
    fn tombstone_key(&self, month: Month) -> Result<Key, KeyringError> {
        self.tombstones.lock().expect("not poisoned").get(&month).cloned().ok_or(ABSENT)
    }
    fn make_tombstone_month(&self, month: Month) -> Result<(), KeyringError> {
        if self.tombstone_key(month).is_ok() {
            return Ok(());
        }
        self.changed(|| {
            let key = self.key_of(&[b"tombstones", &month.0.to_be_bytes()]);
            self.tombstones.lock().expect("not poisoned").insert(month, key);
        })
    }
    fn tombstone_months(&self) -> Vec<Month> {
        self.tombstones.lock().expect("not poisoned").keys().copied().collect()
    }
    fn destroy_tombstone_months(&self, months: &[Month]) -> Result<(), KeyringError> {
        self.changed(|| {
            self.tombstones.lock().expect("not poisoned").retain(|month, _| !months.contains(month));
        })
    }
    fn evidence_key(&self, month: Month) -> Result<Key, KeyringError> {
        self.evidence.lock().expect("not poisoned").get(&month).cloned().ok_or(ABSENT)
    }
    fn make_evidence_month(&self, month: Month) -> Result<(), KeyringError> {
        if self.evidence_key(month).is_ok() {
            return Ok(());
        }
        self.changed(|| {
            let key = self.key_of(&[b"evidence", &month.0.to_be_bytes()]);
            self.evidence.lock().expect("not poisoned").insert(month, key);
        })
    }
    fn evidence_months(&self) -> Vec<Month> {
        self.evidence.lock().expect("not poisoned").keys().copied().collect()
    }
    fn destroy_evidence_months(&self, months: &[Month]) -> Result<(), KeyringError> {
        self.changed(|| {
            self.evidence.lock().expect("not poisoned").retain(|month, _| !months.contains(month));
        })
    }
    fn lease(&self, bucket: &Bucket) -> Result<Lease, KeyringError> {
        assert!(!self.panics.load(Ordering::SeqCst), "as told");
        self.buckets.lock().expect("not poisoned").get(bucket).map(Held::lease).ok_or(ABSENT)
    }
    fn first_live(&self, bucket: &Bucket, from: u16) -> Result<Option<u16>, KeyringError> {
        let held = self.buckets.lock().expect("not poisoned");
        held.get(bucket).map(|held| held.frontier().first_live(from)).ok_or(ABSENT)
    }
    fn change(&self, change: &Change) -> Result<(), KeyringError> {
        if self.before() == Some(Before::Alone) {
            return Err(ABSENT);
        }
        self.changed(|| {
            let mut held = self.buckets.lock().expect("not poisoned");
            for (bucket, edit) in &change.buckets {
                let (epoch, index) = (bucket.epoch.to_be_bytes(), bucket.index.to_be_bytes());
                let root = self.key_of(&[b"tree", bucket.purpose.as_str().as_bytes(), &epoch, &index]);
                let before = held.get(bucket).map(Held::frontier);
                match edit.of(before, &Derived(*root.expose())).expect("randomness") {
                    Edited::Same => {}
                    Edited::Forgotten => drop(held.remove(bucket)),
                    Edited::Next(frontier) => match held.get_mut(bucket) {
                        Some(held) => held.replace(frontier),
                        None => drop(held.insert(bucket.clone(), Held::new(frontier))),
                    },
                }
            }
        })
    }
    /// What tells one state of it from another; its keys follow from what they are for.
    fn copy_to(&self, to: &Path) -> Result<(), KeyringError> {
        let told = [self.instance().0.as_slice(), &self.generation().to_be_bytes()].concat();
        std::fs::write(to, told).map_err(|error| KeyringError::io(error.kind()))
    }
    fn give_up_copy(&self, copy: &Path) -> Result<(), KeyringError> {
        std::fs::remove_file(copy).map_err(|error| KeyringError::io(error.kind()))
    }
    fn last_epoch(&self) -> u32 {
        self.buckets.lock().expect("not poisoned").keys().map(|bucket| bucket.epoch).max().unwrap_or(0)
    }
    fn before(&self) -> Option<Before> {
        *self.before.lock().expect("not poisoned")
    }
    fn begin_trees(&self) -> Result<(), KeyringError> {
        if self.before() == Some(Before::Alone) {
            self.changed(|| *self.before.lock().expect("not poisoned") = Some(Before::BesideTrees))?;
        }
        Ok(())
    }
    fn bucket_key(&self, bucket: &Bucket, generation: u32) -> Result<Key, KeyringError> {
        match self.before() {
            Some(Before::Alone | Before::BesideTrees) if generation == 0 => Ok(self.key_of_before(bucket)),
            _ => Err(ABSENT),
        }
    }
    fn end_before(&self) -> Result<(), KeyringError> {
        if self.before().is_some() {
            self.changed(|| *self.before.lock().expect("not poisoned") = None)?;
        }
        Ok(())
    }
}
