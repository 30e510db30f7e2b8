//! The key part of a backup: a copy of the file as it is, and how one comes back.

use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::keyring::file::FileKeyring;
use crate::keyring::files::{Files, wipe_whole};
use crate::keyring::pages::{FileDisk, PAGE_BYTES, PAGES_MAX};
use crate::keyring::{InstanceId, Keyring, KeyringCode, KeyringError};
use crate::machine::own::{Directory, name_of};
use crate::random::Random;
use crate::secret::Key;

impl FileKeyring {
    /// Copies the file to a place where nothing is, while no change is under way.
    pub(super) fn copy_file_to(&self, to: &Path) -> Result<(), KeyringError> {
        // Held: neither a change nor a look after the file falls into it.
        let _changing = self.changing.lock();
        let pages = self.pages()?;
        let (directory, name) = Directory::own_of(to).map_err(KeyringError::file)?;
        let file = directory.create_new(name).map_err(KeyringError::file)?;
        pages.copy(&mut FileDisk::of(file))?;
        directory.sync().map_err(KeyringError::file)
    }
}

/// The key part of a backup on its way to its place: beside it, opened, and not yet under its name.
pub struct KeyringCopy {
    place: PathBuf,
    beside: PathBuf,
    instance: InstanceId,
    generation: u64,
}

impl KeyringCopy {
    /// Copies a keyring beside the place where it belongs, and opens the copy. What it was copied from stays as it is.
    ///
    /// # Errors
    /// [`KeyringCode::Exists`]: a keyring is at the place. [`KeyringCode::KeyAbsent`]: there is nothing to be copied.
    /// Otherwise see [`KeyringCode`]. Nothing is left.
    pub fn take(from: &Path, place: &Path, root: Key, random: Arc<dyn Random>) -> Result<Self, KeyringError> {
        let files = Files::of(place);
        files.make_directory()?;
        if files.exists()? || files.next_exists()? {
            return Err(KeyringError::of(KeyringCode::Exists));
        }
        let beside = files.restoring().to_owned();
        let taken = copy(from, &beside).and_then(|()| {
            let opened =
                FileKeyring::open(&beside, root, random)?.ok_or(KeyringError::of(KeyringCode::KeyAbsent))?;
            Ok((opened.instance(), opened.generation()))
        });
        match taken {
            Ok((instance, generation)) => Ok(Self { place: place.to_owned(), beside, instance, generation }),
            Err(error) => {
                // It serves nobody; the next one, and the next start, do it as well.
                let _ = wipe_whole(&beside);
                Err(error)
            }
        }
    }

    /// Whose it is.
    pub fn instance(&self) -> InstanceId {
        self.instance
    }

    /// Which change was its last.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Gives it its name, durably.
    ///
    /// # Errors
    /// [`KeyringCode::Exists`]: something is there by now. [`KeyringCode::Io`].
    pub fn put(self) -> Result<(), KeyringError> {
        let put = || {
            let (directory, name) = Directory::own_of(&self.place)?;
            directory.rename_new(name_of(&self.beside)?, name)?;
            directory.discard(name_of(&lock_of(&self.beside))?)?;
            directory.sync()
        };
        put().map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => KeyringError::of(KeyringCode::Exists),
            _ => KeyringError::file(error),
        })
    }

    /// Overwrites and removes what was put: nobody uses it, and the backup still has it.
    ///
    /// # Errors
    /// [`KeyringCode::Io`], [`KeyringCode::NotOwn`].
    pub fn take_back(place: &Path) -> Result<(), KeyringError> {
        wipe_whole(place).map_err(KeyringError::file)
    }

    /// Lets go of it, overwritten: it does not belong to what is restored.
    pub fn leave(self) {
        // At best; the next one, and the next start, do it as well.
        let _ = wipe_whole(&self.beside);
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), KeyringError> {
    wipe_whole(to).map_err(KeyringError::file)?;
    let copied = || {
        // A backup may belong to whoever brought it back: it is sealed, and only read.
        let from = std::fs::File::open(from)?;
        let most = u64::from(PAGES_MAX) * PAGE_BYTES as u64;
        let (directory, name) = Directory::own_of(to)?;
        let mut file = directory.create_new(name)?;
        io::copy(&mut from.take(most), &mut file)?;
        file.sync_all()?;
        directory.sync()
    };
    copied().map_err(|error| match error.kind() {
        ErrorKind::NotFound => KeyringError::of(KeyringCode::KeyAbsent),
        _ => KeyringError::file(error),
    })
}

fn lock_of(keyring: &Path) -> PathBuf {
    let mut name = keyring.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
