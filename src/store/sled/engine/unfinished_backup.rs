//! Where a backup is being made: noted beside the database until it has its name, or is given up. What a crash leaves there has a copy of
//! the keyring, with keys that erasures destroy later, under a name that nobody looks for: the next start and the next backup, wherever
//! that is made, overwrite and remove it.

use std::ffi::OsString;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::machine::disk::directory_of;
use crate::machine::own::{Access, Directory};
use crate::store::StoreError;

/// How the notes begin; a digest of the place follows, since a place may be out of reach while a backup is made to another.
const BEGINS: &str = "backup-under-way-";
/// The number of a directory, and PATH_MAX of Linux (limits.h).
const NOTE_BYTES_MAX: u64 = 8 + 4_096;

/// Where a backup was being made when a crash came.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store::sled) struct Noted {
    /// The directory that was to become it.
    pub(in crate::store::sled) part: PathBuf,
    inode: u64,
}

impl Noted {
    /// True if the directory that it lay in is the one that is there. Where its disk is not mounted, another is, or none; so what is not to be
    /// seen may lie there still.
    pub(in crate::store::sled) fn is_in_reach(&self) -> bool {
        inode(&self.part).is_ok_and(|inode| inode == self.inode)
    }
}

fn inode(part: &Path) -> std::io::Result<u64> {
    Ok(fs::metadata(directory_of(part))?.ino())
}

fn name(part: &Path) -> String {
    format!("{BEGINS}{}", hex::encode(&Sha256::digest(part.as_os_str().as_bytes())[..8]))
}

/// Notes that a backup is being made there; durable when it returns.
///
/// # Errors
/// What the system says.
pub(in crate::store::sled) fn note(store: &Path, part: &Path) -> Result<(), StoreError> {
    let made = || {
        let (directory, name) = (Directory::own(store)?, name(part));
        directory.discard(&name)?;
        let mut note = directory.create_new(&name)?;
        note.write_all(&inode(part)?.to_be_bytes())?;
        note.write_all(part.as_os_str().as_bytes())?;
        note.sync_all()?;
        directory.sync()
    };
    made().map_err(StoreError::io)
}

/// Forgets it: it has its name, or nothing of it is there.
///
/// # Errors
/// What the system says.
pub(in crate::store::sled) fn forget(store: &Path, part: &Path) -> Result<(), StoreError> {
    let gone = || {
        let directory = Directory::own(store)?;
        directory.discard(name(part))?;
        directory.sync()
    };
    gone().map_err(StoreError::io)
}

/// Where backups were being made when a crash came. A note that was cut short itself names no place, and nothing was made there yet.
///
/// # Errors
/// What the system says.
pub(in crate::store::sled) fn noted(store: &Path) -> Result<Vec<Noted>, StoreError> {
    let read = || {
        let directory = Directory::own(store)?;
        let mut noted = Vec::new();
        for entry in fs::read_dir(store)? {
            let found = entry?.file_name();
            if !found.as_bytes().starts_with(BEGINS.as_bytes()) {
                continue;
            }
            let mut read = Vec::new();
            match directory.open_own(&found, Access::Read) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                note => note?.take(NOTE_BYTES_MAX).read_to_end(&mut read)?,
            };
            let whole = read.split_first_chunk().map(|(inode, path)| Noted {
                part: PathBuf::from(OsString::from_vec(path.to_vec())),
                inode: u64::from_be_bytes(*inode),
            });
            match whole.filter(|whole| found.to_str() == Some(&name(&whole.part))) {
                Some(whole) => noted.push(whole),
                None => directory.discard(&found).map(drop)?,
            }
        }
        Ok(noted)
    };
    read().map_err(StoreError::io)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_noted_once_and_what_is_no_note_names_none() {
        let directory = tempfile::tempdir().expect("a directory");
        let (store, a, b) =
            (directory.path().join("store"), directory.path().join("a"), directory.path().join("b"));
        for made in [&store, &a, &b] {
            fs::create_dir(made).expect("made");
        }
        let (one, other) = (a.join(".one.part"), b.join(".one\n.part"));
        for part in [&one, &other, &one] {
            note(&store, part).expect("noted");
        }
        fs::write(store.join("backup-under-way-00"), "/a/.cut").expect("a note that was cut short");
        let there = || {
            let mut there = noted(&store).expect("read");
            there.sort();
            there
        };
        assert_eq!(there().iter().map(|noted| &noted.part).collect::<Vec<_>>(), [&one, &other]);
        assert!(there().iter().all(Noted::is_in_reach));
        // Its disk is not mounted: what is there has the same name, and is another.
        fs::rename(&b, directory.path().join("elsewhere")).expect("renamed");
        assert!(!there()[1].is_in_reach());
        fs::create_dir(&b).expect("made");
        assert!(there()[0].is_in_reach() && !there()[1].is_in_reach());
        forget(&store, &one).expect("forgotten");
        assert_eq!(there().len(), 1);
        forget(&store, &other).expect("forgotten");
        assert_eq!(fs::read_dir(&store).expect("there").count(), 0);
    }
}
