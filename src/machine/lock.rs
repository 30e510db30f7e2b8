//! A file that one process holds, so that no second one uses what lies beside it; and whether it still lies in its place:
//! a lock on a file that was removed keeps nobody away.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::machine::identity::FileId;
use crate::machine::own::{Access, Directory};

/// The name may be taken away between opening and locking, by a process that tidies up; not again and again.
const TRIES: u32 = 5;

/// A lock. A killed process's lock goes with it.
pub struct LockFile {
    path: PathBuf,
    file: File,
}

/// Why a lock cannot be had.
#[derive(Debug)]
pub enum LockError {
    /// Another process holds it.
    Held,
    /// The system says so.
    Io(io::Error),
}

impl LockFile {
    /// Takes the lock, and makes its file where there is none. It is not waited for.
    ///
    /// # Errors
    /// See [`LockError`].
    pub fn take(path: &Path) -> Result<Self, LockError> {
        for _ in 0..TRIES {
            let opened = Directory::own_of(path)
                .and_then(|(directory, name)| directory.open_or_create(name, Access::Write));
            let file = opened.map_err(LockError::Io)?;
            file.try_lock().map_err(|error| match error {
                TryLockError::WouldBlock => LockError::Held,
                TryLockError::Error(error) => LockError::Io(error),
            })?;
            let lock = Self { path: path.to_owned(), file };
            if lock.stands().map_err(LockError::Io)? {
                return Ok(lock);
            }
        }
        Err(LockError::Io(ErrorKind::ResourceBusy.into()))
    }

    /// True if the file that is held is the one at its place.
    ///
    /// # Errors
    /// It cannot be told.
    pub fn stands(&self) -> io::Result<bool> {
        Ok(FileId::at(&self.path)? == Some(FileId::of_open(&self.file)?))
    }

    /// Takes the lock again where its file was removed or another lies in its place. True: it had to be.
    ///
    /// # Errors
    /// See [`LockError`]; the old file is still held then.
    pub fn retake(&mut self) -> Result<bool, LockError> {
        if self.stands().map_err(LockError::Io)? {
            return Ok(false);
        }
        *self = Self::take(&self.path)?;
        Ok(true)
    }

    /// Which file is held: what lay beside it is on the same file system.
    ///
    /// # Errors
    /// What the system says.
    pub fn id(&self) -> io::Result<FileId> {
        FileId::of_open(&self.file)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_lock_keeps_others_away_for_as_long_as_its_file_lies_in_its_place() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("lock");
        let mut lock = LockFile::take(&path).expect("free");
        assert!(matches!(LockFile::take(&path), Err(LockError::Held)));
        assert!(!lock.retake().expect("told"), "it stands");
        fs::remove_file(&path).expect("removed");
        assert!(lock.retake().expect("free"));
        assert!(matches!(LockFile::take(&path), Err(LockError::Held)), "held again");
        fs::remove_file(&path).expect("removed");
        let other = LockFile::take(&path).expect("free: that is what a removed lock lets happen");
        assert!(matches!(lock.retake(), Err(LockError::Held)));
        drop(other);
        assert!(lock.retake().expect("free again"));
    }

    #[test]
    fn a_lock_is_never_taken_through_a_link_nor_waited_for_at_a_pipe() {
        let directory = tempfile::tempdir().expect("a directory");
        let (link, target) = (directory.path().join("link"), directory.path().join("target"));
        std::os::unix::fs::symlink(&target, &link).expect("a link");
        assert!(matches!(LockFile::take(&link), Err(LockError::Io(_))));
        assert!(!target.exists());
        let pipe = directory.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).expect("a pipe");
        assert!(matches!(LockFile::take(&pipe), Err(LockError::Io(_))));
    }
}
