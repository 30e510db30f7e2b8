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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::{Arc, Mutex};

    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("keyring");
        (directory, path)
    }

    /// A keyring taken for absent would be made anew, over data that the old one opens.
    #[test]
    fn what_cannot_be_looked_at_is_not_taken_for_absent() {
        let (_directory, path) = place();
        assert_eq!(Files::of(&path).exists(), Ok(false));
        fs::write(&path, b"x").expect("written");
        assert_eq!(Files::of(&path).exists(), Ok(true));
        let below_a_file = Files::of(&path.join("keyring")).exists();
        assert_eq!(below_a_file, Err(KeyringError::io(ErrorKind::NotADirectory)));
    }

    #[test]
    fn remains_that_cannot_be_removed_are_said_and_not_left() {
        let (_directory, path) = place();
        let files = Files::of(&path);
        assert_eq!(files.discard_new(), Ok(()), "nothing is there");
        fs::create_dir(&files.new).expect("made");
        assert_eq!(files.discard_new(), Err(KeyringError::io(ErrorKind::PermissionDenied)));
        assert_eq!(files.replace(b"x"), Err(ReplaceError::Unchanged(ErrorKind::PermissionDenied)));
    }

    /// The files are of holes: nothing of them lies on the disk.
    #[test]
    fn a_file_of_sixty_four_mebibytes_is_read_and_none_that_is_larger() {
        let (_directory, path) = place();
        let read = |bytes: u64| {
            let file = fs::File::create(&path).expect("a file");
            file.set_permissions(fs::Permissions::from_mode(0o600)).expect("a mode");
            file.set_len(bytes).expect("room");
            Files::of(&path).read().map(|read| read.len() as u64)
        };
        for bytes in [0, 1, 64 << 20] {
            assert_eq!(read(bytes), Ok(bytes));
        }
        for bytes in [(64 << 20) + 1, 1 << 40] {
            assert_eq!(read(bytes), Err(KeyringError::of(KeyringCode::DoesNotOpen)));
        }
    }

    #[derive(Clone, Default)]
    struct Said(Arc<Mutex<Vec<u8>>>);

    impl Write for Said {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn whoever_else_may_read_the_file_is_said_and_it_is_read_all_the_same() {
        // With a single dispatcher tracing asks only the thread that meets an event first, which may be another test's.
        let _second = tracing::Dispatch::new(tracing_subscriber::registry());
        let (_directory, path) = place();
        fs::write(&path, b"").expect("a file");
        for (mode, told) in
            [(0o600, ""), (0o400, ""), (0o644, "644"), (0o604, "604"), (0o620, "620"), (0o601, "601")]
        {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
            let said = Said::default();
            let writer = said.clone();
            let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
            tracing::subscriber::with_default(subscriber, || Files::of(&path).read().expect("read"));
            let said = String::from_utf8(said.0.lock().expect("no panic").clone()).expect("text");
            assert_eq!(said.contains("keyring.mode-too-open"), !told.is_empty(), "{mode:o}: {said}");
            assert!(said.contains(told), "{mode:o}: {said}");
        }
    }
}
