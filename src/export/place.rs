//! Where a file of an export lies: its name and the names beside it, in one directory that is held open.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::machine::disk::directory_of;
use crate::machine::own::{Access, Directory, Kind, name_of};
use crate::terminal::{Failure, tell};

/// A file, there or not, and what may lie beside it under its name and a suffix.
pub(super) struct Place {
    pub(super) directory: Directory,
    pub(super) target: PathBuf,
    name: OsString,
}

impl Place {
    /// Opens the directory.
    ///
    /// # Errors
    /// It is not there, or anybody may replace what lies in it.
    pub(super) fn of(target: &Path) -> Result<Self, Failure> {
        let opened = || Ok((Directory::open(directory_of(target))?, name_of(target)?));
        let (directory, name) =
            opened().map_err(|error: io::Error| Failure::file(target, "write beside", &error))?;
        Ok(Self { directory, target: target.to_owned(), name })
    }

    /// The file's own name for an empty suffix.
    pub(super) fn name(&self, suffix: &str) -> OsString {
        with(&self.name, suffix)
    }

    /// What went wrong with one of the files, for a person.
    pub(super) fn failed(&self, suffix: &str, did_not: &str, error: &io::Error) -> Failure {
        Failure::file(&beside(&self.target, suffix), did_not, error)
    }

    /// What stands at a name.
    pub(super) fn kind(&self, suffix: &str) -> Result<Option<Kind>, Failure> {
        self.directory.kind(self.name(suffix)).map_err(|error| self.failed(suffix, "look at", &error))
    }

    /// Opens a file for writing, or makes it, and locks it. None: another process has it.
    pub(super) fn lock(&self, suffix: &str) -> Result<Option<File>, Failure> {
        let name = self.name(suffix);
        let opened = self.directory.open_or_create(&name, Access::Write);
        let file = opened.map_err(|error| self.failed(suffix, "open", &error))?;
        let locked = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
        // One that ended between opening and locking has given the file another name, or removed it.
        let ours = self.directory.is_at(&name, &file).map_err(|e| self.failed(suffix, "look at", &e))?;
        Ok((locked && ours).then_some(file))
    }

    /// Replaces a file as a whole, durably. What a crash left of a replacement goes first, if it is ours.
    pub(super) fn replace(&self, suffix: &str, content: &[u8]) -> Result<(), Failure> {
        let new = format!("{suffix}.new");
        let write = || {
            self.directory.discard(self.name(&new))?;
            let mut file = self.directory.create_new(self.name(&new))?;
            file.write_all(content)?;
            file.sync_all()?;
            self.directory.rename(self.name(&new), self.name(suffix))?;
            self.directory.sync()
        };
        write().map_err(|error: io::Error| self.failed(&new, "write", &error))
    }

    /// Says so where others may exchange what lies here.
    pub(super) fn warn_of_others(&self, of_this: &str) {
        if !self.directory.is_kept() {
            tell(&format!(
                "warning: others may replace what lies in {}. {of_this}",
                directory_of(&self.target).display()
            ));
        }
    }
}

/// A name with a suffix.
pub(super) fn with(name: &OsStr, suffix: &str) -> OsString {
    let mut name = name.to_owned();
    name.push(suffix);
    name
}

/// A path with a suffix.
pub(super) fn beside(target: &Path, suffix: &str) -> PathBuf {
    with(target.as_os_str(), suffix).into()
}
