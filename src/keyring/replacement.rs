//! The keyring's file: replaced whole, so that after a crash the old one or the new one is there, never neither, and
//! never both.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::keyring::format::KEYRING_BYTES_MAX;
use crate::keyring::{KeyringCode, KeyringError};
use crate::machine::disk::{directory_of, private_dir, private_file, sync_dir};

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

    /// Keeps other processes away until the returned file is dropped; a killed process's lock goes with it.
    ///
    /// # Errors
    /// [`KeyringCode::Locked`], [`KeyringCode::Io`].
    pub fn lock(&self) -> Result<File, KeyringError> {
        let opened = private_file().create(true).truncate(false).write(true).open(&self.lock);
        let file = opened.map_err(|error| KeyringError::io(error.kind()))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(KeyringError::of(KeyringCode::Locked)),
            Err(TryLockError::Error(error)) => Err(KeyringError::io(error.kind())),
        }
    }

    /// Reads the file, and makes sure that what was read is durable: a predecessor killed after the renaming and before
    /// the sync leaves a generation that a power cut could still take back, with keys that are used from now on.
    ///
    /// It is sealed, so a mode that lets others read it is worth a warning, not a refusal; the next replacement is
    /// private again.
    ///
    /// # Errors
    /// [`KeyringCode::Linked`]; [`KeyringCode::DoesNotOpen`] beyond [`KEYRING_BYTES_MAX`]; [`KeyringCode::Io`].
    pub fn read(&self) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        let failed = |error: io::Error| KeyringError::io(error.kind());
        let metadata = fs::symlink_metadata(&self.keyring).map_err(failed)?;
        if metadata.is_symlink() || (metadata.is_file() && metadata.nlink() > 1) {
            return Err(KeyringError::of(KeyringCode::Linked));
        }
        if !metadata.is_file() {
            return Err(KeyringError::io(ErrorKind::InvalidInput)); // opening a pipe would wait for ever
        }
        if metadata.len() > KEYRING_BYTES_MAX {
            return Err(KeyringError::of(KeyringCode::DoesNotOpen));
        }
        if metadata.mode() & MODE_OF_OTHERS != 0 {
            let mode = format!("{:o}", metadata.mode() & 0o777);
            tracing::warn!(file.mode = mode, "keyring.mode-too-open");
        }
        // It is opened in place: the buffer has its final size from the start, so that no copy is left behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 1));
        let file = File::open(&self.keyring).map_err(failed)?;
        (&file).take(KEYRING_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
        file.sync_all().and_then(|()| sync_dir(directory_of(&self.keyring))).map_err(failed)?;
        Ok(bytes)
    }

    /// Removes what a crash left of a replacement. It must not stay: it would be a second generation, in which a key that
    /// is destroyed later lives on.
    ///
    /// # Errors
    /// [`KeyringCode::Io`].
    pub fn discard_new(&self) -> Result<(), KeyringError> {
        let removed = match fs::remove_file(&self.new) {
            Ok(()) => sync_dir(directory_of(&self.new)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        removed.map_err(|error| KeyringError::io(error.kind()))
    }

    /// Puts a generation in the place of the one before; returns when it is durable.
    ///
    /// # Errors
    /// See [`ReplaceError`].
    pub fn replace(&self, sealed: &[u8]) -> Result<(), ReplaceError> {
        let written = self.write_new(sealed);
        if written.is_err() {
            // At best; the next replacement and the next start remove it as well.
            let _ = fs::remove_file(&self.new);
        }
        let file = written.map_err(|error| ReplaceError::Unchanged(error.kind()))?;
        let swapped = file.sync_all().and_then(|()| self.swap());
        swapped
            .and_then(|()| sync_dir(directory_of(&self.keyring)))
            .map_err(|error| ReplaceError::Unknown(error.kind()))
    }

    /// The first step; the old generation is untouched.
    fn write_new(&self, sealed: &[u8]) -> io::Result<File> {
        match fs::remove_file(&self.new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private_file().write(true).create_new(true).open(&self.new)?;
        file.write_all(sealed)?;
        Ok(file)
    }

    /// The step that counts.
    fn swap(&self) -> io::Result<()> {
        fs::rename(&self.new, &self.keyring)
    }
}
