//! `kill -9` within an operation: the daemon asks for time, randomness and keys at many places; at the chosen one the
//! disk is copied as it is. The copy is what the next start finds.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tamis::clock::{Clock, Day, ManualClock, Month};
use tamis::keyring::lease::Lease;
use tamis::keyring::pages::Change;
use tamis::keyring::{Before, Bucket, InstanceId, Keyring, KeyringError};
use tamis::random::{NoRandomness, Random};
use tamis::secret::Key;

/// How often a copy is tried while a thread of the daemon is still writing.
const TRIES: usize = 200;

/// Every file of a daemon's home, as bytes.
#[derive(Clone, Default, PartialEq)]
pub struct Image(Vec<(PathBuf, Vec<u8>)>);

impl Image {
    /// Reads everything, twice: what a kill leaves is one moment, so nothing may change in between.
    pub fn take(home: &Path) -> Self {
        for _ in 0..TRIES {
            let (first, second) = (Self::read(home), Self::read(home));
            if let (Some(first), Some(second)) = (first, second)
                && first == second
            {
                return first;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("the daemon does not stop writing")
    }

    fn read(home: &Path) -> Option<Self> {
        let mut files = Vec::new();
        let mut open = vec![home.to_owned()];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).ok()? {
                let path = entry.ok()?.path();
                match path.is_dir() {
                    true => open.push(path),
                    false => files.push((path.strip_prefix(home).ok()?.to_owned(), fs::read(&path).ok()?)),
                }
            }
        }
        files.sort();
        Some(Self(files))
    }

    /// Puts the files into a directory.
    pub fn write(&self, home: &Path) {
        for (path, bytes) in &self.0 {
            let path = home.join(path);
            if let Some(directory) = path.parent() {
                fs::create_dir_all(directory).expect("a directory");
            }
            fs::write(&path, bytes).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
        }
    }

    /// True if this stands somewhere in clear.
    pub fn holds(&self, text: &str) -> bool {
        self.0.iter().any(|(_, bytes)| memchr::memmem::find(bytes, text.as_bytes()).is_some())
    }
}

/// Counts down; when it is at its end it takes an image, once.
#[derive(Default)]
pub struct Fuse(Mutex<State>);

#[derive(Default)]
struct State {
    burning: Option<(u32, PathBuf)>,
    image: Option<Image>,
}

impl Fuse {
    pub fn arm(&self, ticks: u32, home: &Path) {
        *self.0.lock().expect("no panic") = State { burning: Some((ticks, home.to_owned())), image: None };
    }

    /// The image, if it came to that; disarmed from here on.
    pub fn take(&self) -> Option<Image> {
        std::mem::take(&mut *self.0.lock().expect("no panic")).image
    }

    fn tick(&self) {
        let mut state = self.0.lock().expect("no panic");
        let Some((ticks, home)) = &mut state.burning else { return };
        if *ticks > 0 {
            *ticks -= 1;
            return;
        }
        let home = std::mem::take(home);
        state.burning = None;
        state.image = Some(Image::take(&home));
    }
}

pub struct FusedClock(pub Arc<ManualClock>, pub Arc<Fuse>);

impl Clock for FusedClock {
    fn now(&self) -> Timestamp {
        self.1.tick();
        self.0.now()
    }
}

pub struct FusedRandom(pub Arc<dyn Random>, pub Arc<Fuse>);

impl Random for FusedRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoRandomness> {
        self.1.tick();
        self.0.fill(buffer)
    }
}

pub struct FusedKeyring<K>(pub K, pub Arc<Fuse>);

impl<K: Keyring> FusedKeyring<K> {
    fn keys(&self) -> &K {
        self.1.tick();
        &self.0
    }

    /// A change of the file has two sides.
    fn changing<T>(&self, change: impl FnOnce(&K) -> T) -> T {
        self.1.tick();
        let done = change(&self.0);
        self.1.tick();
        done
    }
}

impl<K: Keyring> Keyring for FusedKeyring<K> {
    fn instance(&self) -> InstanceId {
        self.0.instance()
    }
    fn generation(&self) -> u64 {
        self.0.generation()
    }
    fn seen_key(&self) -> Key {
        self.0.seen_key()
    }
    fn trail_key(&self) -> Key {
        self.0.trail_key()
    }
    fn log_key(&self, month: Month) -> Result<Key, KeyringError> {
        self.changing(|keys| keys.log_key(month))
    }
    fn drop_log_months(&self, now: Month) -> Result<usize, KeyringError> {
        self.changing(|keys| keys.drop_log_months(now))
    }
    fn day_key(&self, day: Day) -> Result<Key, KeyringError> {
        self.keys().day_key(day)
    }
    fn make_days(&self, days: &[Day]) -> Result<(), KeyringError> {
        self.changing(|keys| keys.make_days(days))
    }
    fn days(&self) -> Vec<Day> {
        self.keys().days()
    }
    fn destroy_days(&self, days: &[Day]) -> Result<(), KeyringError> {
        self.changing(|keys| keys.destroy_days(days))
    }
    fn receipt_seed(&self) -> Result<Key, KeyringError> {
        self.changing(|keys| keys.receipt_seed())
    }
    fn suppression_key(&self) -> Result<Key, KeyringError> {
        self.keys().suppression_key()
    }
    fn make_suppression_key(&self) -> Result<(), KeyringError> {
        self.changing(|keys| keys.make_suppression_key())
    }
    fn tombstone_key(&self, month: Month) -> Result<Key, KeyringError> {
        self.keys().tombstone_key(month)
    }
    fn make_tombstone_month(&self, month: Month) -> Result<(), KeyringError> {
        self.changing(|keys| keys.make_tombstone_month(month))
    }
    fn tombstone_months(&self) -> Vec<Month> {
        self.keys().tombstone_months()
    }
    fn destroy_tombstone_months(&self, months: &[Month]) -> Result<(), KeyringError> {
        self.changing(|keys| keys.destroy_tombstone_months(months))
    }
    fn evidence_key(&self, month: Month) -> Result<Key, KeyringError> {
        self.keys().evidence_key(month)
    }
    fn make_evidence_month(&self, month: Month) -> Result<(), KeyringError> {
        self.changing(|keys| keys.make_evidence_month(month))
    }
    fn evidence_months(&self) -> Vec<Month> {
        self.keys().evidence_months()
    }
    fn destroy_evidence_months(&self, months: &[Month]) -> Result<(), KeyringError> {
        self.changing(|keys| keys.destroy_evidence_months(months))
    }
    fn lease(&self, bucket: &Bucket) -> Result<Lease, KeyringError> {
        self.keys().lease(bucket)
    }
    fn first_live(&self, bucket: &Bucket, from: u16) -> Result<Option<u16>, KeyringError> {
        self.keys().first_live(bucket, from)
    }
    fn give_up_copy(&self, copy: &std::path::Path) -> Result<(), KeyringError> {
        self.keys().give_up_copy(copy)
    }
    fn copy_to(&self, to: &std::path::Path) -> Result<(), KeyringError> {
        self.keys().copy_to(to)
    }
    fn last_epoch(&self) -> u32 {
        self.keys().last_epoch()
    }
    fn change(&self, change: &Change) -> Result<(), KeyringError> {
        self.changing(|keys| keys.change(change))
    }
    fn before(&self) -> Option<Before> {
        self.0.before()
    }
}
