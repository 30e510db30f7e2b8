//! The keyring on disk.
//!
//! Each change seals a new generation, replaces the file, and only then appears in memory: a change that failed did not
//! happen. Readers take what is in memory and never wait for the disk.

mod tending;
mod written;

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};
use zeroize::Zeroizing;

use crate::attention::Concern;
use crate::clock::{Day, Month};
use crate::keyring::content::Content;
use crate::keyring::file::written::{Changing, Written};
use crate::keyring::format;
use crate::keyring::replacement::{Files, ReplaceError};
use crate::keyring::{Bucket, InstanceId, Keyring, KeyringCode, KeyringError};
use crate::lead::BucketKey;
use crate::machine::disk::directory_of;
use crate::machine::identity::FileId;
use crate::random::Random;
use crate::secret::{Key, Secret};

/// A keyring in a file of its own, locked to this process.
pub struct FileKeyring {
    files: Files,
    root: Key,
    random: Arc<dyn Random>,
    current: RwLock<Arc<Content>>,
    /// Held by whoever changes the file, or compares it.
    changing: Mutex<Changing>,
    /// Why it is changed no more.
    failed: OnceLock<KeyringError>,
    /// The directory as it was when the file was opened or made.
    directory: FileId,
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
    /// Opens the keyring and removes what a crash may have left beside it. None: there is no file, and nothing was
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
        let sealed = files.read()?;
        let written = Written::of(&sealed);
        let content = format::open(sealed, &root)?;
        files.discard_new()?;
        Self::holding(content, files, root, random, Changing { lock, written }).map(Some)
    }

    /// Creates a keyring of a new instance, at generation 0, and its directory where it is absent.
    ///
    /// # Errors
    /// [`KeyringCode::Exists`] if one is there, whatever it is; otherwise see [`KeyringCode`].
    pub fn create(path: &Path, root: Key, random: Arc<dyn Random>) -> Result<Self, KeyringError> {
        let files = Files::of(path);
        files.make_directory()?;
        let lock = files.lock()?;
        if files.exists()? {
            return Err(KeyringError::of(KeyringCode::Exists));
        }
        let content = Content::new(&*random)?;
        let sealed = format::seal(&content, &root, &*random)?;
        files.replace(&sealed).map_err(|error| match error {
            ReplaceError::Unchanged(kind) | ReplaceError::Unknown(kind) => KeyringError::io(kind),
        })?;
        let written = Written::of(&sealed);
        Self::holding(content, files, root, random, Changing { lock, written })
    }

    fn holding(
        content: Content,
        files: Files,
        root: Key,
        random: Arc<dyn Random>,
        changing: Changing,
    ) -> Result<Self, KeyringError> {
        let directory = fs::metadata(directory_of(files.place()));
        let directory = directory.map_err(|error| KeyringError::io(error.kind()))?;
        let current = RwLock::new(Arc::new(content));
        let (changing, failed) = (Mutex::new(changing), OnceLock::new());
        Ok(Self { files, root, random, current, changing, failed, directory: FileId::of(&directory) })
    }

    /// The generation in force. What its lock guards is swapped in one move.
    fn current(&self) -> Arc<Content> {
        Arc::clone(&self.current.read())
    }

    /// Makes a change durable, then visible; nothing is written where it is not `needed`.
    ///
    /// # Errors
    /// The change did not happen. After a failure of unknown result every later change fails alike.
    fn change(
        &self,
        needed: impl Fn(&Content) -> bool,
        apply: impl FnOnce(&mut Content, &dyn Random) -> Result<(), KeyringError>,
    ) -> Result<(), KeyringError> {
        if !needed(&self.current()) {
            return Ok(());
        }
        let mut changing = self.changing.lock();
        let current = self.current();
        if !needed(&current) {
            return Ok(()); // somebody else did it meanwhile
        }
        if let Some(error) = self.failed.get() {
            return Err(*error);
        }
        self.require_own(&mut changing)?;
        let mut next = Content::clone(&current);
        apply(&mut next, &*self.random)?;
        next.generation += 1;
        let sealed = format::seal(&next, &self.root, &*self.random)?;
        match self.files.replace(&sealed) {
            Ok(()) => {
                changing.written = Written::of(&sealed);
                *self.current.write() = Arc::new(next);
                Ok(())
            }
            Err(ReplaceError::Unchanged(kind)) => Err(KeyringError::io(kind)),
            Err(ReplaceError::Unknown(kind)) => {
                tracing::error!(io.kind = ?kind, "keyring.failed");
                Err(*self.failed.get_or_init(|| KeyringError::io(kind)))
            }
        }
    }
}

impl Keyring for FileKeyring {
    fn instance(&self) -> InstanceId {
        self.current().instance
    }

    fn generation(&self) -> u64 {
        self.current().generation
    }

    fn failed(&self) -> Option<KeyringError> {
        self.failed.get().copied()
    }

    fn look_after(&self) -> Vec<Concern> {
        self.look_after_file()
    }

    fn seen_key(&self) -> Key {
        Key::clone(&self.current().seen)
    }

    fn trail_key(&self) -> Key {
        Key::clone(&self.current().trail)
    }

    fn log_key(&self, month: Month) -> Result<Key, KeyringError> {
        self.change(
            |content| content.month_key(month).is_none(),
            |content, random| content.make_month(month, random),
        )?;
        self.current().month_key(month).map(|key| Key::clone(key)).ok_or(absent())
    }

    fn day_key(&self, day: Day) -> Result<Key, KeyringError> {
        self.current().days.get(&day).map(|key| Key::clone(key)).ok_or(absent())
    }

    fn make_days(&self, days: &[Day]) -> Result<(), KeyringError> {
        self.change(
            |content| days.iter().any(|day| !content.days.contains_key(day)),
            |content, random| days.iter().try_for_each(|day| content.make_day(*day, random)),
        )
    }

    fn days(&self) -> Vec<Day> {
        self.current().days.keys().copied().collect()
    }

    fn destroy_days(&self, days: &[Day]) -> Result<(), KeyringError> {
        self.change(
            |content| days.iter().any(|day| content.days.contains_key(day)),
            |content, _| {
                content.days.retain(|day, _| !days.contains(day));
                Ok(())
            },
        )
    }

    fn bucket_key(&self, bucket: &Bucket) -> Result<BucketKey, KeyringError> {
        let current = self.current();
        let newest = &current.buckets.get(bucket).ok_or(absent())?.newest;
        Ok(BucketKey { generation: newest.generation, key: Key::clone(&newest.key) })
    }

    fn bucket_key_of(&self, bucket: &Bucket, generation: u32) -> Result<BucketKey, KeyringError> {
        let current = self.current();
        let keys = current.buckets.get(bucket).ok_or(absent())?;
        let mut held = std::iter::once(&keys.newest).chain(&keys.previous);
        let found = held.find(|held| held.generation == generation).ok_or(absent())?;
        Ok(BucketKey { generation, key: Key::clone(&found.key) })
    }

    fn make_buckets(&self, buckets: &[Bucket]) -> Result<(), KeyringError> {
        self.change(
            |content| buckets.iter().any(|bucket| !content.buckets.contains_key(bucket)),
            |content, random| buckets.iter().try_for_each(|bucket| content.make_bucket(bucket, random)),
        )
    }
}

const fn absent() -> KeyringError {
    KeyringError::of(KeyringCode::KeyAbsent)
}

#[cfg(test)]
mod tests;
