//! The keyring on disk: a file of pages under its name, locked to this process.
//!
//! Each change is durable before it appears in memory: one that failed did not happen. Readers take what is in memory and
//! never wait for the disk.
//!
//! A keyring of before, in which each bucket had one key, is only read. As long as a store has records under it, the one with
//! trees lies beside it as `keyring.next`; then it is overwritten where it lies, and the next takes its name
//! ([decision 157](../../docs/decisions/0157-how-the-keys-move-to-leaves.md)).

mod copying;
mod rotating;
mod tending;
mod under;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};
use zeroize::Zeroizing;

use crate::attention::Concern;
use crate::clock::{Day, Month};
use crate::keyring::content::Content;
pub use crate::keyring::file::copying::KeyringCopy;
pub use crate::keyring::file::rotating::{NotRotated, Rotated, Rotation};
use crate::keyring::file::tending::Changing;
pub use crate::keyring::file::under::OtherRoot;
use crate::keyring::files::{Files, wipe_copy};
use crate::keyring::format;
use crate::keyring::lease::Lease;
use crate::keyring::pages::{Change, FileDisk, KeyEdit, KeyName, Pages, Roots};
use crate::keyring::{Before, Bucket, InstanceId, Keyring, KeyringCode, KeyringError};
use crate::machine::disk::directory_of;
use crate::machine::identity::FileId;
use crate::machine::lock::LockFile;
use crate::random::Random;
use crate::secret::{Key, Secret};

/// A keyring in a file of its own, locked to this process.
pub struct FileKeyring {
    files: Files,
    root: Key,
    random: Arc<dyn Random>,
    /// Empty: the keyring of before is all that there is yet.
    pages: OnceLock<Pages<FileDisk>>,
    before: RwLock<Option<OfBefore>>,
    /// Held by whoever changes the file, or compares it.
    changing: Mutex<Changing>,
    /// The directory as it was when the file was opened or made.
    directory: FileId,
}

/// A keyring of before.
enum OfBefore {
    Opens(Box<Content>),
    /// It is zeros in part.
    Ending,
}

/// Reads a root key: 64 hex digits, as `tamis init` writes them. Raw bytes are not taken, since a secret's location trims
/// spaces and line ends, which a random key may begin or end with.
///
/// # Errors
/// [`KeyringCode::RootKey`].
pub fn root_key(secret: &Secret) -> Result<Key, KeyringError> {
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(secret.expose(), bytes.as_mut_slice())
        .map_err(|_| KeyringError::of(KeyringCode::RootKey))?;
    Ok(Key::new(*bytes))
}

impl FileKeyring {
    /// Opens the keyring, and overwrites and removes what a crash may have left beside it. None: there is no file, and nothing was
    /// touched.
    ///
    /// # Errors
    /// See [`KeyringCode`].
    pub fn open(path: &Path, root: Key, random: Arc<dyn Random>) -> Result<Option<Self>, KeyringError> {
        let files = Files::of(path);
        if !files.exists()? {
            return Ok(None);
        }
        let lock = files.lock()?;
        let open = |place: &Path| {
            let file = files.open(place)?;
            let id = id_of(&file)?;
            let pages = Pages::open(FileDisk::of(file), Roots::one(root.clone()), Arc::clone(&random))?;
            Ok::<_, KeyringError>((pages, id, place.to_owned()))
        };
        let (before, opened) = if files.is_in_pages()? {
            (None, Some(open(files.place())?))
        } else {
            let has_next = files.next_exists()?;
            let before = match files.read().and_then(|sealed| format::open(sealed, &root)) {
                Ok(content) => OfBefore::Opens(Box::new(content)),
                Err(error) if error.code == KeyringCode::DoesNotOpen && has_next => OfBefore::Ending,
                Err(error) => return Err(error),
            };
            let opened = has_next.then(|| open(files.next())).transpose()?;
            if let (OfBefore::Opens(content), Some((pages, ..))) = (&before, &opened)
                && content.instance != pages.instance()
            {
                return Err(KeyringError::of(KeyringCode::Replaced));
            }
            (Some(before), opened)
        };
        // Not before it has opened: until then they may be all that there is.
        files.wipe_remains()?;
        Self::holding(files, root, random, lock, before, opened).map(Some)
    }

    /// Creates a keyring of a new instance, at generation 0, and its directory where it is absent.
    ///
    /// # Errors
    /// [`KeyringCode::Exists`] if one is there, whatever it is; otherwise see [`KeyringCode`].
    pub fn create(path: &Path, root: Key, random: Arc<dyn Random>) -> Result<Self, KeyringError> {
        let files = Files::of(path);
        files.make_directory()?;
        let lock = files.lock()?;
        if files.exists()? || files.next_exists()? {
            return Err(KeyringError::of(KeyringCode::Exists));
        }
        let mut instance = [0; 16];
        random.fill(&mut instance).map_err(|_| KeyringError::of(KeyringCode::NoRandomness))?;
        let mut keys = BTreeMap::new();
        for name in [KeyName::Seen, KeyName::Trail] {
            let mut key = Zeroizing::new([0; 32]);
            random.fill(key.as_mut_slice()).map_err(|_| KeyringError::of(KeyringCode::NoRandomness))?;
            keys.insert(name, Key::new(*key));
        }
        let opened = write_new(&files, &root, &random, files.place(), (InstanceId(instance), keys, 0))?;
        // Not before this one has its place: from then on no restore puts another there.
        files.wipe_remains()?;
        Self::holding(files, root, random, lock, None, Some(opened))
    }

    fn holding(
        files: Files,
        root: Key,
        random: Arc<dyn Random>,
        lock: LockFile,
        before: Option<OfBefore>,
        opened: Option<(Pages<FileDisk>, FileId, PathBuf)>,
    ) -> Result<Self, KeyringError> {
        let directory = fs::metadata(directory_of(files.place()));
        let directory = directory.map_err(|error| KeyringError::io(error.kind()))?;
        let lasts = |(pages, ..): &(Pages<FileDisk>, _, _)| {
            [KeyName::Seen, KeyName::Trail].into_iter().all(|name| pages.key(name).is_some())
        };
        if !opened.as_ref().is_none_or(lasts) {
            return Err(KeyringError::of(KeyringCode::DoesNotOpen));
        }
        let (pages, at) = (OnceLock::new(), opened.as_ref().map(|(_, id, place)| (*id, place.clone())));
        if let Some((opened, ..)) = opened {
            let _ = pages.set(opened);
        }
        let (before, changing) = (RwLock::new(before), Mutex::new(Changing { lock, at }));
        let directory = FileId::of(&directory);
        Ok(Self { files, root, random, pages, before, changing, directory })
    }

    fn pages(&self) -> Result<&Pages<FileDisk>, KeyringError> {
        self.pages.get().ok_or(absent())
    }

    /// A single key, also of a keyring of before.
    fn single(&self, name: KeyName) -> Option<Key> {
        if let Some(pages) = self.pages.get() {
            return pages.key(name);
        }
        self.of_before(|content| {
            let key = match name {
                KeyName::Seen => Some(&content.seen),
                KeyName::Trail => Some(&content.trail),
                KeyName::LogMonth(month) => content.months.get(&month),
                KeyName::Day(day) => content.days.get(&day),
                KeyName::TombstoneMonth(_)
                | KeyName::Receipts
                | KeyName::Suppressions
                | KeyName::EvidenceMonth(_) => None,
            };
            key.map(|key| Key::clone(key))
        })
    }

    fn of_before<T>(&self, ask: impl FnOnce(&Content) -> Option<T>) -> Option<T> {
        match &*self.before.read() {
            Some(OfBefore::Opens(content)) => ask(content),
            Some(OfBefore::Ending) | None => None,
        }
    }

    fn months(&self) -> Vec<Month> {
        let names = self.pages.get().map(Pages::key_names).unwrap_or_default();
        let months = names.into_iter().filter_map(|name| match name {
            KeyName::LogMonth(month) => Some(month),
            _ => None,
        });
        months.collect()
    }

    /// Which month's key serves for a month. A clock that went back does not bring back a month whose key is gone: the oldest
    /// one held serves for it. None: the month is new.
    fn month_for(&self, month: Month) -> Option<Month> {
        let months = self.months();
        let (oldest, newest) = (months.first()?, months.last()?);
        (months.contains(&month)).then_some(month).or((month < *newest).then_some(*oldest))
    }
}

/// Writes a keyring of this instance with these single keys, as of this change, and gives it its name.
fn write_new(
    files: &Files,
    root: &Key,
    random: &Arc<dyn Random>,
    place: &Path,
    (instance, keys, change): (InstanceId, BTreeMap<KeyName, Key>, u64),
) -> Result<(Pages<FileDisk>, FileId, PathBuf), KeyringError> {
    let file = files.create_new()?;
    let (id, disk) = (id_of(&file)?, FileDisk::of(file));
    let written = Pages::create(disk, Roots::one(root.clone()), instance, keys, change, Arc::clone(random));
    let put = written.and_then(|pages| files.put(place).map(|()| pages));
    if put.is_err() {
        // At best; the next one that is written and the next start do it as well.
        let _ = files.wipe_new();
    }
    Ok((put?, id, place.to_owned()))
}

fn id_of(file: &File) -> Result<FileId, KeyringError> {
    FileId::of_open(file).map_err(|error| KeyringError::io(error.kind()))
}

impl Keyring for FileKeyring {
    fn instance(&self) -> InstanceId {
        let of_before = || self.of_before(|content| Some(content.instance));
        self.pages.get().map(Pages::instance).or_else(of_before).unwrap_or(InstanceId([0; 16]))
    }

    fn generation(&self) -> u64 {
        let of_before = || self.of_before(|content| Some(content.generation));
        self.pages.get().map(Pages::last_change).or_else(of_before).unwrap_or(0)
    }

    fn failed(&self) -> Option<KeyringError> {
        self.pages.get().and_then(Pages::failed)
    }

    fn look_after(&self) -> Vec<Concern> {
        self.look_after_file()
    }

    fn seen_key(&self) -> Key {
        self.single(KeyName::Seen).unwrap_or_else(no_key)
    }

    fn trail_key(&self) -> Key {
        self.single(KeyName::Trail).unwrap_or_else(no_key)
    }

    fn log_key(&self, month: Month) -> Result<Key, KeyringError> {
        if self.month_for(month).is_none() {
            let mut change = Change::default();
            change.key(KeyName::LogMonth(month), KeyEdit::Make);
            self.drop_before(month, &mut change);
            self.change(&change)?;
        }
        let month = self.month_for(month).ok_or(absent())?;
        self.single(KeyName::LogMonth(month)).ok_or(absent())
    }

    fn drop_log_months(&self, now: Month) -> Result<usize, KeyringError> {
        let mut change = Change::default();
        let count = self.drop_before(now, &mut change);
        self.change(&change).map(|()| count)
    }

    fn day_key(&self, day: Day) -> Result<Key, KeyringError> {
        self.single(KeyName::Day(day)).ok_or(absent())
    }

    fn make_days(&self, days: &[Day]) -> Result<(), KeyringError> {
        self.change_days(days, KeyEdit::Make)
    }

    fn days(&self) -> Vec<Day> {
        let Some(pages) = self.pages.get() else {
            let days = self.of_before(|content| Some(content.days.keys().copied().collect()));
            return days.unwrap_or_default();
        };
        let days = pages.key_names().into_iter().filter_map(|name| match name {
            KeyName::Day(day) => Some(day),
            _ => None,
        });
        days.collect()
    }

    fn destroy_days(&self, days: &[Day]) -> Result<(), KeyringError> {
        self.change_days(days, KeyEdit::Destroy)
    }

    fn receipt_seed(&self) -> Result<Key, KeyringError> {
        if let Some(seed) = self.single(KeyName::Receipts) {
            return Ok(seed);
        }
        let mut change = Change::default();
        change.key(KeyName::Receipts, KeyEdit::Make);
        self.change(&change)?;
        self.single(KeyName::Receipts).ok_or(absent())
    }

    fn suppression_key(&self) -> Result<Key, KeyringError> {
        self.single(KeyName::Suppressions).ok_or(absent())
    }

    fn make_suppression_key(&self) -> Result<(), KeyringError> {
        if self.single(KeyName::Suppressions).is_some() {
            return Ok(());
        }
        let mut change = Change::default();
        change.key(KeyName::Suppressions, KeyEdit::Make);
        self.change(&change)
    }

    fn tombstone_key(&self, month: Month) -> Result<Key, KeyringError> {
        self.single(KeyName::TombstoneMonth(month)).ok_or(absent())
    }

    fn make_tombstone_month(&self, month: Month) -> Result<(), KeyringError> {
        let mut change = Change::default();
        change.key(KeyName::TombstoneMonth(month), KeyEdit::Make);
        self.change(&change)
    }

    fn tombstone_months(&self) -> Vec<Month> {
        let names = self.pages.get().map(Pages::key_names).unwrap_or_default();
        let months = names.into_iter().filter_map(|name| match name {
            KeyName::TombstoneMonth(month) => Some(month),
            _ => None,
        });
        months.collect()
    }

    fn destroy_tombstone_months(&self, months: &[Month]) -> Result<(), KeyringError> {
        let mut change = Change::default();
        months.iter().for_each(|month| change.key(KeyName::TombstoneMonth(*month), KeyEdit::Destroy));
        self.change(&change)
    }

    fn evidence_key(&self, month: Month) -> Result<Key, KeyringError> {
        self.single(KeyName::EvidenceMonth(month)).ok_or(absent())
    }

    fn make_evidence_month(&self, month: Month) -> Result<(), KeyringError> {
        let mut change = Change::default();
        change.key(KeyName::EvidenceMonth(month), KeyEdit::Make);
        self.change(&change)
    }

    fn evidence_months(&self) -> Vec<Month> {
        let names = self.pages.get().map(Pages::key_names).unwrap_or_default();
        let months = names.into_iter().filter_map(|name| match name {
            KeyName::EvidenceMonth(month) => Some(month),
            _ => None,
        });
        months.collect()
    }

    fn destroy_evidence_months(&self, months: &[Month]) -> Result<(), KeyringError> {
        let mut change = Change::default();
        months.iter().for_each(|month| change.key(KeyName::EvidenceMonth(*month), KeyEdit::Destroy));
        self.change(&change)
    }

    fn lease(&self, bucket: &Bucket) -> Result<Lease, KeyringError> {
        self.pages()?.lease(bucket).ok_or(absent())
    }

    fn first_live(&self, bucket: &Bucket, from: u16) -> Result<Option<u16>, KeyringError> {
        let pages = self.pages()?;
        if pages.has_bucket(bucket) { Ok(pages.first_live(bucket, from)) } else { Err(absent()) }
    }

    fn change(&self, change: &Change) -> Result<(), KeyringError> {
        let pages = self.pages()?;
        if !pages.is_needed(change) {
            return Ok(());
        }
        let mut changing = self.changing.lock();
        if let Some(error) = pages.failed() {
            return Err(error);
        }
        self.require_own(&mut changing, pages)?;
        let changed = pages.change(change);
        if let Some(error) = pages.failed() {
            tracing::error!(io.kind = ?error.io, "keyring.failed");
        }
        changed.map(drop)
    }

    fn copy_to(&self, to: &Path) -> Result<(), KeyringError> {
        self.copy_file_to(to)
    }

    fn give_up_copy(&self, copy: &Path) -> Result<(), KeyringError> {
        wipe_copy(copy)
    }

    fn last_epoch(&self) -> u32 {
        self.pages.get().map(Pages::buckets).unwrap_or_default().iter().map(|of| of.epoch).max().unwrap_or(0)
    }

    fn before(&self) -> Option<Before> {
        match (&*self.before.read(), self.pages.get()) {
            (None, _) => None,
            (Some(_), None) => Some(Before::Alone),
            (Some(OfBefore::Opens(_)), Some(_)) => Some(Before::BesideTrees),
            (Some(OfBefore::Ending), Some(_)) => Some(Before::Ending),
        }
    }

    fn begin_trees(&self) -> Result<(), KeyringError> {
        let mut changing = self.changing.lock();
        if self.pages.get().is_some() {
            return Ok(());
        }
        let content = self.of_before(|content| {
            let days = content.days.iter().map(|(day, key)| (KeyName::Day(*day), key));
            let months = content.months.iter().map(|(month, key)| (KeyName::LogMonth(*month), key));
            let lasting = [(KeyName::Seen, &content.seen), (KeyName::Trail, &content.trail)];
            let keys = days.chain(months).chain(lasting).map(|(name, key)| (name, Key::clone(key)));
            // 0 stays 0: nothing was ever sealed under it.
            let change = if content.generation == 0 { 0 } else { content.generation + 1 };
            Some((content.instance, keys.collect(), change))
        });
        let content = content.ok_or(absent())?;
        let (pages, id, place) =
            write_new(&self.files, &self.root, &self.random, self.files.next(), content)?;
        changing.at = Some((id, place));
        let _ = self.pages.set(pages);
        Ok(())
    }

    fn bucket_key(&self, bucket: &Bucket, generation: u32) -> Result<Key, KeyringError> {
        let found = self.of_before(|content| {
            let keys = content.buckets.get(bucket)?;
            let mut held = std::iter::once(&keys.newest).chain(&keys.previous);
            held.find(|held| held.generation == generation).map(|held| Key::clone(&held.key))
        });
        found.ok_or(absent())
    }

    fn end_before(&self) -> Result<(), KeyringError> {
        let mut changing = self.changing.lock();
        self.pages()?;
        if self.before.read().is_none() {
            return Ok(());
        }
        self.files.put_next()?;
        *self.before.write() = None;
        if let Some((_, place)) = &mut changing.at {
            self.files.place().clone_into(place);
        }
        Ok(())
    }
}

impl FileKeyring {
    /// The keys of all months but this one and the one before end.
    fn drop_before(&self, month: Month, change: &mut Change) -> usize {
        let months = self.months().into_iter().filter(|held| held.0.saturating_add(1) < month.0);
        months.map(|held| change.key(KeyName::LogMonth(held), KeyEdit::Destroy)).count()
    }

    fn change_days(&self, days: &[Day], edit: KeyEdit) -> Result<(), KeyringError> {
        let mut change = Change::default();
        days.iter().for_each(|day| change.key(KeyName::Day(*day), edit));
        self.change(&change)
    }
}

const fn absent() -> KeyringError {
    KeyringError::of(KeyringCode::KeyAbsent)
}

/// A keyring always has the two keys that live as long as it does: one that lacked them would not have opened.
fn no_key() -> Key {
    Key::new([0; 32])
}

#[cfg(test)]
mod tests;
