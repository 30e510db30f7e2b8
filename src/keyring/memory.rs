//! A keyring in memory, for the tests of every room that seals: it outlives what a test closes and opens again, as the
//! file would.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::clock::{Day, Month};
use crate::keyring::{Bucket, InstanceId, Keyring, KeyringCode, KeyringError};
use crate::lead::BucketKey;
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
    buckets: Mutex<BTreeMap<Bucket, Key>>,
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
            buckets: Mutex::default(),
        })
    }

    /// How many buckets have a key.
    pub(crate) fn buckets(&self) -> usize {
        self.buckets.lock().expect("not poisoned").len()
    }

    fn held(&self, bucket: &Bucket, generation: u32) -> Result<BucketKey, KeyringError> {
        let held = self.buckets.lock().expect("not poisoned");
        let key = held.get(bucket).filter(|_| generation == 0).cloned().ok_or(ABSENT)?;
        Ok(BucketKey { generation, key })
    }

    /// Keys follow from what they are for, so that a killed process's successor has them as it would from a file.
    fn key_of(&self, parts: &[&[u8]]) -> Key {
        Key::new(hmac_sha256(self.seed, parts))
    }

    fn change(&self, change: impl FnOnce()) -> Result<(), KeyringError> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err(KeyringError::io(ErrorKind::StorageFull));
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
    fn log_key(&self, _: Month) -> Result<Key, KeyringError> {
        Ok(Key::new([3; 32]))
    }
    fn day_key(&self, day: Day) -> Result<Key, KeyringError> {
        self.days.lock().expect("not poisoned").get(&day).cloned().ok_or(ABSENT)
    }
    fn make_days(&self, days: &[Day]) -> Result<(), KeyringError> {
        self.change(|| {
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
    fn bucket_key(&self, bucket: &Bucket) -> Result<BucketKey, KeyringError> {
        self.held(bucket, 0)
    }
    fn bucket_key_of(&self, bucket: &Bucket, generation: u32) -> Result<BucketKey, KeyringError> {
        assert!(!self.panics.load(Ordering::SeqCst), "as told");
        self.held(bucket, generation)
    }
    fn make_buckets(&self, buckets: &[Bucket]) -> Result<(), KeyringError> {
        self.change(|| {
            let mut held = self.buckets.lock().expect("not poisoned");
            for bucket in buckets {
                let (epoch, index) = (bucket.epoch.to_be_bytes(), bucket.index.to_be_bytes());
                let key = self.key_of(&[b"bucket", bucket.purpose.as_str().as_bytes(), &epoch, &index]);
                held.entry(bucket.clone()).or_insert(key);
            }
        })
    }
}
