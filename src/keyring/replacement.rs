//! The keyring's file: replaced whole, so that after a crash the old one or the new one is there, never neither, and
//! never both.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::keyring::format::KEYRING_BYTES_MAX;
use crate::keyring::{KeyringCode, KeyringError};
use crate::machine::disk::{directory_of, private_dir};
use crate::machine::lock::{LockError, LockFile};
use crate::machine::own::{self, Access, Directory, FileCode};

/// Bits of a file's mode that let others than its owner in.
const MODE_OF_OTHERS: u32 = 0o077;

/// The file and those beside it.
pub struct Files {
    keyring: PathBuf,
    /// The next generation while it is written; at rest it does not exist.
    new: PathBuf,
    /// Held by the one process that uses this keyring. The keyring itself cannot be: it is replaced.
    lock: PathBuf,
}

/// Why a replacement failed, and what is known of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaceError {
    /// The old generation stands: it may be tried again, when there is room for instance.
    Unchanged(ErrorKind),
    /// A sync or the renaming failed: which generation the disk holds is unknown, and trying again would hide it.
    Unknown(ErrorKind),
}

impl Files {
    /// Names the files; touches nothing.
    pub fn of(keyring: &Path) -> Self {
        let beside = |suffix: &str| {
            let mut name = OsString::from(keyring);
            name.push(suffix);
            PathBuf::from(name)
        };
        Self { keyring: keyring.to_owned(), new: beside(".new"), lock: beside(".lock") }
    }

    /// The keyring's own place.
    pub fn place(&self) -> &Path {
        &self.keyring
    }

    /// True if something is at the keyring's place.
    ///
    /// # Errors
    /// It cannot be told.
    pub fn exists(&self) -> Result<bool, KeyringError> {
        match fs::symlink_metadata(&self.keyring) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(KeyringError::io(error.kind())),
        }
    }

    /// Makes the directory where it is absent, for its owner alone.
    ///
    /// # Errors
    /// [`KeyringCode::Io`].
    pub fn make_directory(&self) -> Result<(), KeyringError> {
        private_dir(directory_of(&self.keyring)).map_err(|error| KeyringError::io(error.kind()))
    }

    /// Keeps other processes away until what is returned is dropped; a killed process's lock goes with it.
    ///
    /// # Errors
    /// [`KeyringCode::Locked`], [`KeyringCode::Linked`], [`KeyringCode::NotOwn`], [`KeyringCode::Io`].
    pub fn lock(&self) -> Result<LockFile, KeyringError> {
        LockFile::take(&self.lock).map_err(not_locked)
    }

    /// Reads the file, and makes sure that what was read is durable: a predecessor killed after the renaming and before
    /// the sync leaves a generation that a power cut could still take back, with keys that are used from now on.
    ///
    /// It is sealed, so a mode that lets others read it is worth a warning, not a refusal; the next replacement is
    /// private again.
    ///
    /// # Errors
    /// [`KeyringCode::Linked`], [`KeyringCode::NotOwn`]; [`KeyringCode::DoesNotOpen`] beyond [`KEYRING_BYTES_MAX`];
    /// [`KeyringCode::Io`].
    pub fn read(&self) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        let failed = |error: io::Error| KeyringError::io(error.kind());
        let (directory, name) = Directory::own_of(&self.keyring).map_err(KeyringError::file)?;
        let file = directory.open_own(name, Access::Read).map_err(KeyringError::file)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.len() > KEYRING_BYTES_MAX {
            return Err(KeyringError::of(KeyringCode::DoesNotOpen));
        }
        if metadata.mode() & MODE_OF_OTHERS != 0 {
            let mode = format!("{:o}", metadata.mode() & 0o777);
            tracing::warn!(file.mode = mode, "keyring.mode-too-open");
        }
        // It is opened in place: the buffer has its final size from the start, so that no copy is left behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 1));
        (&file).take(KEYRING_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
        file.sync_all().and_then(|()| directory.sync()).map_err(failed)?;
        Ok(bytes)
    }

    /// The sealed bytes as they lie there now, for comparing. None: nothing does.
    ///
    /// # Errors
    /// [`KeyringCode::Linked`], [`KeyringCode::NotOwn`]; [`KeyringCode::Replaced`]: no file, or larger than any keyring;
    /// [`KeyringCode::Io`].
    pub fn peek(&self) -> Result<Option<Vec<u8>>, KeyringError> {
        let failed = |error: io::Error| KeyringError::io(error.kind());
        let opened = Directory::own_of(&self.keyring)
            .and_then(|(directory, name)| directory.open_own(name, Access::Read));
        let file = match opened {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) if own::refusal(&error) == Some(FileCode::NotPlain) => {
                return Err(KeyringError::of(KeyringCode::Replaced));
            }
            Err(error) => return Err(KeyringError::file(error)),
        };
        let metadata = file.metadata().map_err(failed)?;
        if metadata.len() > KEYRING_BYTES_MAX {
            return Err(KeyringError::of(KeyringCode::Replaced));
        }
        let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
        file.take(KEYRING_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
        Ok(Some(bytes))
    }

    /// Removes what a crash left of a replacement. It must not stay: it would be a second generation, in which a key that
    /// is destroyed later lives on.
    ///
    /// # Errors
    /// [`KeyringCode::Io`]; it is not removed if somebody else put it there: [`KeyringCode::Linked`],
    /// [`KeyringCode::NotOwn`].
    pub fn discard_new(&self) -> Result<(), KeyringError> {
        let removed =
            Directory::own_of(&self.new).and_then(|(directory, name)| match directory.discard(name)? {
                true => directory.sync(),
                false => Ok(()),
            });
        removed.map_err(KeyringError::file)
    }

    /// Puts a generation in the place of the one before; returns when it is durable.
    ///
    /// # Errors
    /// See [`ReplaceError`].
    pub fn replace(&self, sealed: &[u8]) -> Result<(), ReplaceError> {
        let unchanged = |error: io::Error| ReplaceError::Unchanged(error.kind());
        let (directory, new) = Directory::own_of(&self.new).map_err(unchanged)?;
        let name = own::name_of(&self.keyring).map_err(unchanged)?;
        // The first step; the old generation is untouched.
        let write = || {
            directory.discard(&new)?;
            let mut file = directory.create_new(&new)?;
            file.write_all(sealed)?;
            Ok(file)
        };
        let written = write();
        if written.is_err() {
            // At best; the next replacement and the next start remove it as well.
            let _ = directory.discard(&new);
        }
        let file = written.map_err(unchanged)?;
        // The renaming is the step that counts.
        file.sync_all()
            .and_then(|()| directory.rename(&new, &name))
            .and_then(|()| directory.sync())
            .map_err(|error| ReplaceError::Unknown(error.kind()))
    }
}

/// Why the lock cannot be had, as this room says it.
pub fn not_locked(error: LockError) -> KeyringError {
    match error {
        LockError::Held => KeyringError::of(KeyringCode::Locked),
        LockError::Io(error) => KeyringError::file(error),
    }
}
