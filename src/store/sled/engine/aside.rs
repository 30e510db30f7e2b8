//! The copy that is made of a database before a suspect open: opening is writing, and sled wipes what it cannot read.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::machine::disk::{directory_of, free_bytes, private_dir};
use crate::machine::own::Directory;
use crate::store::sled::Settings;
use crate::store::sled::engine::{db_dir, db_file};
use crate::store::{StoreCode, StoreError};

/// Where it is made, until it is whole.
const PART: &str = "aside.part";
/// What the name of one begins with; the commit follows that the witness knew.
const COPY: &str = "aside-";
/// How long a copy may take: at 50 MB/s, 90 GB. systemd is told meanwhile that the start goes on.
pub(in crate::store::sled) const WITHIN: Duration = Duration::from_secs(30 * 60);
/// How often the log says how far it is.
const SAID_EVERY: Duration = Duration::from_secs(10);
/// So many bytes are copied between two looks at the clock.
const STEP_BYTES: u64 = 16 * 1024 * 1024;

/// Copies the database's directory. One copy is kept, the first: it is the one that nothing has touched. None: it was
/// there already.
///
/// # Errors
/// [`StoreCode::DiskFull`]: there is no room for it. [`StoreCode::CopyTooSlow`]: it is not done in half an hour. Then there
/// is none, and the database is as it was.
pub(in crate::store::sled) fn copy(settings: &Settings, commit: u64) -> Result<Option<PathBuf>, StoreError> {
    copy_within(settings, commit, WITHIN)
}

fn copy_within(settings: &Settings, commit: u64, within: Duration) -> Result<Option<PathBuf>, StoreError> {
    let name = format!("{COPY}{commit}");
    let copy = settings.path.join(&name);
    // sled gives free segments at its end back now and then: after a crash that is all there is to it.
    tracing::warn!(witness.commit = commit, "store.shorter-than-witnessed");
    if fs::exists(&copy).map_err(StoreError::io)? {
        return Ok(None);
    }
    let directory = Directory::own(&settings.path).map_err(StoreError::io)?;
    let part = settings.path.join(PART);
    remove_tree(&part)?;
    let own = db_file(&settings.path).metadata().map_err(StoreError::io)?.len();
    // What is copied, and as much again as opening may write.
    let copied = copy_files(&db_dir(&settings.path), &part, own, within);
    if copied.is_err() {
        // Half of it serves nobody, and the disk may want the room.
        let _ = remove_tree(&part);
    }
    copied?;
    directory.rename(PART, name).and_then(|()| directory.sync()).map_err(StoreError::io)?;
    Ok(Some(copy))
}

/// Copies the files of a database that nobody has open into a directory where none are, durably; `besides` bytes must be free
/// then.
///
/// # Errors
/// As [`copy`]; some may have been copied.
pub(in crate::store::sled) fn copy_files(
    from: &Path,
    to: &Path,
    besides: u64,
    within: Duration,
) -> Result<(), StoreError> {
    let places = [(from.to_owned(), to.to_owned()), (from.join("blobs"), to.join("blobs"))];
    let mut files = Vec::new();
    for (from, to) in &places {
        files.extend(files_of(from, to)?);
    }
    let bytes = files.iter().map(|file| file.bytes).fold(0, u64::saturating_add);
    if free_bytes(directory_of(to)).map_err(StoreError::io)? < bytes.saturating_add(besides) {
        return Err(StoreError::of(StoreCode::DiskFull));
    }
    let mut progress = Progress { begun: Instant::now(), within, said: Instant::now(), copied: 0, bytes };
    copy_all(&files, &mut progress)?;
    for (_, to) in places.iter().filter(|(_, to)| to.exists()) {
        Directory::own(to).and_then(|copied| copied.sync()).map_err(StoreError::io)?;
    }
    Ok(())
}

struct OneFile {
    from: PathBuf,
    to: PathBuf,
    bytes: u64,
}

/// A directory's files (not what lies deeper); an absent one has none.
fn files_of(from: &Path, to: &Path) -> Result<Vec<OneFile>, StoreError> {
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(StoreError::io)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StoreError::io)?;
        if entry.file_type().map_err(StoreError::io)?.is_file() {
            let bytes = entry.metadata().map_err(StoreError::io)?.len();
            files.push(OneFile { from: entry.path(), to: to.join(entry.file_name()), bytes });
        }
    }
    Ok(files)
}

fn copy_all(files: &[OneFile], progress: &mut Progress) -> Result<(), StoreError> {
    for OneFile { from, to, bytes: _ } in files {
        private_dir(directory_of(to)).map_err(StoreError::io)?;
        let (directory, name) = Directory::own_of(to).map_err(StoreError::io)?;
        let mut source = File::open(from).map_err(StoreError::io)?;
        let mut copy = directory.create_new(name).map_err(StoreError::io)?;
        loop {
            progress.look()?;
            let step =
                std::io::copy(&mut source.by_ref().take(STEP_BYTES), &mut copy).map_err(StoreError::io)?;
            if step == 0 {
                break;
            }
            progress.copied = progress.copied.saturating_add(step);
        }
        copy.sync_all().map_err(StoreError::io)?;
    }
    Ok(())
}

struct Progress {
    begun: Instant,
    within: Duration,
    said: Instant,
    copied: u64,
    bytes: u64,
}

impl Progress {
    fn look(&mut self) -> Result<(), StoreError> {
        if self.begun.elapsed() >= self.within {
            tracing::error!(copy.bytes = self.copied, copy.of_bytes = self.bytes, "store.copy-too-slow");
            return Err(StoreError::of(StoreCode::CopyTooSlow));
        }
        if self.said.elapsed() >= SAID_EVERY {
            self.said = Instant::now();
            tracing::info!(copy.bytes = self.copied, copy.of_bytes = self.bytes, "store.copying");
        }
        Ok(())
    }
}

/// Every copy that was set aside, whole or not.
///
/// # Errors
/// What the system says.
pub(in crate::store::sled) fn copies(store: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut copies = Vec::new();
    for entry in fs::read_dir(store).map_err(StoreError::io)? {
        let entry = entry.map_err(StoreError::io)?;
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name == PART || name.starts_with(COPY)) {
            copies.push(entry.path());
        }
    }
    Ok(copies)
}

/// Removes all of them.
///
/// # Errors
/// What the system says.
pub(in crate::store::sled) fn remove_all(store: &Path) -> Result<(), StoreError> {
    copies(store)?.iter().try_for_each(|copy| remove_tree(copy))
}

/// Removes a directory of the store with all that lies below; links in it go, not what they lead to (openat(2) below).
///
/// # Errors
/// [`StoreCode::Io`].
pub(in crate::store::sled) fn remove_tree(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::io(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn settings(directory: &Path) -> Settings {
        let (path, witness) = (directory.join("store"), directory.join("witness"));
        fs::create_dir_all(db_dir(&path).join("blobs")).expect("a directory");
        fs::write(db_file(&path), vec![7; 100_000]).expect("a file");
        fs::write(db_dir(&path).join("blobs/1"), vec![8; 50_000]).expect("a file");
        Settings { path, witness, cache_mb: 1, free_disk_min_bytes: 0, ledger: None }
    }

    #[test]
    fn a_copy_has_every_byte_is_private_and_is_made_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let settings = settings(directory.path());
        let copy = copy(&settings, 7).expect("copied").expect("made");
        assert_eq!(copy, settings.path.join("aside-7"));
        for name in ["db", "blobs/1"] {
            let (one, other) = (db_dir(&settings.path).join(name), copy.join(name));
            assert!(fs::read(one).expect("a file") == fs::read(&other).expect("a file"), "{name}");
            assert_eq!(fs::metadata(other).expect("a file").mode() & 0o777, 0o600);
        }
        assert_eq!(copy_within(&settings, 7, Duration::ZERO), Ok(None), "it is there");
    }

    #[test]
    fn a_copy_that_takes_too_long_is_given_up_and_leaves_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let settings = settings(directory.path());
        let given_up = copy_within(&settings, 7, Duration::ZERO);
        assert_eq!(given_up, Err(StoreError::of(StoreCode::CopyTooSlow)));
        let left: Vec<_> = fs::read_dir(&settings.path).expect("a directory").flatten().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(fs::metadata(db_file(&settings.path)).expect("a file").len(), 100_000);
    }
}
