//! The files of the keyring: its own, the one that is written in its place, the lock; and how one comes to be or to go.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Read, Seek};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::keyring::format::KEYRING_BYTES_MAX;
use crate::keyring::{KeyringCode, KeyringError};
use crate::machine::disk::{directory_of, private_dir};
use crate::machine::lock::{LockError, LockFile};
use crate::machine::own::{self, Access, Directory, FileCode};

/// Bits of a file's mode that let others than its owner in.
const MODE_OF_OTHERS: u32 = 0o077;
const MODE: u32 = 0o600;
/// How a keyring in pages begins: `TAMISKEY`, its version.
const BEGINS: [u8; 9] = *b"TAMISKEY\x02";

/// The file and those beside it.
pub struct Files {
    keyring: PathBuf,
    /// A keyring while it is written, and the one that it took the place of; at rest it does not exist.
    new: PathBuf,
    /// The keyring in pages beside one of before, as long as a store moves from the one to the other.
    next: PathBuf,
    /// The key part of a backup before it gets its name; at rest it does not exist.
    restoring: PathBuf,
    /// Held by the one process that uses this keyring. The keyring itself may be replaced.
    lock: PathBuf,
    /// Another one in tests of what has no such step.
    pub(super) exchange: Exchange,
}

/// Lets two names of a directory change places; false: the file system has no such step, and nothing was done.
type Exchange = fn(&Directory, &OsStr, &OsStr) -> io::Result<bool>;

impl Files {
    /// Names the files; touches nothing.
    pub fn of(keyring: &Path) -> Self {
        let beside = |suffix: &str| {
            let mut name = OsString::from(keyring);
            name.push(suffix);
            PathBuf::from(name)
        };
        let [new, next, restoring, lock] = [".new", ".next", ".restoring", ".lock"].map(beside);
        let exchange: Exchange = |directory, one, other| directory.exchange(one, directory, other);
        Self { keyring: keyring.to_owned(), new, next, restoring, lock, exchange }
    }

    /// The keyring's own place.
    pub fn place(&self) -> &Path {
        &self.keyring
    }

    /// The place of the next one, beside a keyring of before.
    pub fn next(&self) -> &Path {
        &self.next
    }

    /// True if something is at the keyring's place.
    ///
    /// # Errors
    /// It cannot be told.
    pub fn exists(&self) -> Result<bool, KeyringError> {
        is_there(&self.keyring)
    }

    /// True if something is at the next one's place.
    ///
    /// # Errors
    /// It cannot be told.
    pub fn next_exists(&self) -> Result<bool, KeyringError> {
        is_there(&self.next)
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

    /// True if the keyring is one in pages, by how it begins.
    ///
    /// # Errors
    /// As [`Files::read`].
    pub fn is_in_pages(&self) -> Result<bool, KeyringError> {
        let (directory, name) = Directory::own_of(&self.keyring).map_err(KeyringError::file)?;
        let file = directory.open_own(name, Access::Read).map_err(KeyringError::file)?;
        let mut begins = Vec::with_capacity(BEGINS.len());
        file.take(BEGINS.len() as u64).read_to_end(&mut begins).map_err(failed)?;
        Ok(begins == BEGINS)
    }

    /// Opens a keyring in pages, and makes sure that its name is durable: a predecessor killed between the renaming and the
    /// sync leaves one that a power cut could still take back.
    ///
    /// It is sealed, so a mode that lets others read it is worth a warning, not a refusal; it is private from then on.
    ///
    /// # Errors
    /// [`KeyringCode::Linked`], [`KeyringCode::NotOwn`], [`KeyringCode::Io`].
    pub fn open(&self, place: &Path) -> Result<File, KeyringError> {
        let (directory, name) = Directory::own_of(place).map_err(KeyringError::file)?;
        let file = directory.open_own(name, Access::Write).map_err(KeyringError::file)?;
        if warned_of_mode(&file.metadata().map_err(failed)?) {
            file.set_permissions(Permissions::from_mode(MODE)).map_err(failed)?;
        }
        file.sync_all().and_then(|()| directory.sync()).map_err(failed)?;
        Ok(file)
    }

    /// Reads a keyring of before, whole, and makes sure that what was read is durable.
    ///
    /// # Errors
    /// [`KeyringCode::Linked`], [`KeyringCode::NotOwn`]; [`KeyringCode::DoesNotOpen`] beyond [`KEYRING_BYTES_MAX`];
    /// [`KeyringCode::Io`].
    pub fn read(&self) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        let (directory, name) = Directory::own_of(&self.keyring).map_err(KeyringError::file)?;
        let file = directory.open_own(name, Access::Read).map_err(KeyringError::file)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.len() > KEYRING_BYTES_MAX {
            return Err(KeyringError::of(KeyringCode::DoesNotOpen));
        }
        warned_of_mode(&metadata);
        // It is opened in place: the buffer has its final size from the start, so that no copy is left behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 1));
        (&file).take(KEYRING_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
        file.sync_all().and_then(|()| directory.sync()).map_err(failed)?;
        Ok(bytes)
    }

    /// What lies at a place now, for comparing. None: nothing does.
    ///
    /// # Errors
    /// [`KeyringCode::Linked`], [`KeyringCode::NotOwn`]; [`KeyringCode::Replaced`]: no file; [`KeyringCode::Io`].
    pub fn peek(&self, place: &Path) -> Result<Option<File>, KeyringError> {
        let opened =
            Directory::own_of(place).and_then(|(directory, name)| directory.open_own(name, Access::Read));
        match opened {
            Ok(file) => Ok(Some(file)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) if own::refusal(&error) == Some(FileCode::NotPlain) => {
                Err(KeyringError::of(KeyringCode::Replaced))
            }
            Err(error) => Err(KeyringError::file(error)),
        }
    }

    /// What will be replaced at a place, to be overwritten once it has no name any more. None: nothing, or nothing that only we have.
    pub fn hold(&self, place: &Path) -> Option<File> {
        let (directory, name) = Directory::own_of(place).ok()?;
        directory.open_own(name, Access::Write).ok()
    }

    /// Overwrites a keyring that was being written and will not be used, or that another one took the place of, and removes it: it may be
    /// whole, and from every later erasure on it would have what was destroyed.
    ///
    /// # Errors
    /// [`KeyringCode::Io`]; nothing is done to it if somebody else put it there: [`KeyringCode::Linked`],
    /// [`KeyringCode::NotOwn`].
    pub fn wipe_new(&self) -> Result<(), KeyringError> {
        wipe(&self.new).map_err(KeyringError::file)
    }

    /// Where a keyring lies while it is written, and the one of before until it is overwritten.
    pub fn being_written(&self) -> &Path {
        &self.new
    }

    /// Where the key part of a backup lies before it gets its name.
    pub fn restoring(&self) -> &Path {
        &self.restoring
    }

    /// The same of all that crashes left beside a keyring that is in its place: what was being written, what it took the place of, and
    /// the key part of a backup. Which of the first two it is does not matter: the one in the place has opened. A restore that was cut short is begun again with the backup itself, and puts nothing where a keyring is.
    ///
    /// # Errors
    /// As [`Files::wipe_new`].
    pub fn wipe_remains(&self) -> Result<(), KeyringError> {
        self.wipe_new()?;
        wipe_whole(&self.restoring).map_err(KeyringError::file)
    }

    /// An empty file to write a keyring into; [`Files::put`] gives it its name.
    ///
    /// # Errors
    /// As [`Files::wipe_new`].
    pub fn create_new(&self) -> Result<File, KeyringError> {
        self.wipe_new()?;
        let made = Directory::own_of(&self.new).and_then(|(directory, name)| directory.create_new(name));
        made.map_err(KeyringError::file)
    }

    /// Gives what was written, and is durable, its name; returns when that is durable.
    ///
    /// # Errors
    /// [`KeyringCode::Io`].
    pub fn put(&self, place: &Path) -> Result<(), KeyringError> {
        self.rename(&self.new, place)
    }

    /// Lets what was written, and is durable, change places with what lies at a place, in one step: neither is without a name at any time,
    /// and [`Files::wipe_new`], or the next start, overwrites what had the place. False: the file system has no such step, and what had the
    /// place has no name any more; or nothing was there. [`Files::sync_names`] makes it durable.
    ///
    /// # Errors
    /// [`KeyringCode::Io`]: nothing was done.
    pub fn exchange(&self, place: &Path) -> Result<bool, KeyringError> {
        let exchanged = || {
            let (directory, new) = Directory::own_of(&self.new)?;
            let name = own::name_of(place)?;
            let is_kept = match (self.exchange)(&directory, &new, &name) {
                Err(error) if error.kind() == ErrorKind::NotFound => false,
                exchanged => exchanged?,
            };
            if !is_kept {
                directory.rename(&new, &name)?;
            }
            Ok(is_kept)
        };
        exchanged().map_err(failed)
    }

    /// Makes the names in the directory durable.
    ///
    /// # Errors
    /// [`KeyringCode::Io`].
    pub fn sync_names(&self) -> Result<(), KeyringError> {
        let synced = Directory::own_of(&self.keyring).and_then(|(directory, _)| directory.sync());
        synced.map_err(failed)
    }

    /// Puts the next keyring in the place of one of before, which is overwritten where it lies; returns when both are
    /// durable.
    ///
    /// # Errors
    /// [`KeyringCode::Io`]; the next start goes on with it.
    pub fn put_next(&self) -> Result<(), KeyringError> {
        let (directory, name) = Directory::own_of(&self.keyring).map_err(KeyringError::file)?;
        let file = directory.open_own(name, Access::Write).map_err(KeyringError::file)?;
        overwrite(file).map_err(failed)?;
        self.rename(&self.next, &self.keyring)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), KeyringError> {
        let renamed = || {
            let (directory, from) = Directory::own_of(from)?;
            directory.rename(from, own::name_of(to)?)?;
            directory.sync()
        };
        renamed().map_err(failed)
    }
}

/// Overwrites a keyring that nobody may use any more where it lies, and removes it and its lock.
///
/// # Errors
/// What the system says; what is there is left where somebody else put it there.
pub fn wipe_whole(place: &Path) -> io::Result<()> {
    wipe(place)?;
    let (directory, lock) = Directory::own_of(&Files::of(place).lock)?;
    match directory.discard(lock)? {
        true => directory.sync(),
        false => Ok(()),
    }
}

/// Overwrites a copy of a keyring that nobody is to use, and removes it.
///
/// # Errors
/// As [`Files::wipe_new`].
pub fn wipe_copy(place: &Path) -> Result<(), KeyringError> {
    wipe(place).map_err(KeyringError::file)
}

/// Overwrites a file that was replaced, unless somebody has another name for it.
///
/// # Errors
/// What the system says.
pub fn wipe_nameless(file: File) -> io::Result<()> {
    match file.metadata()?.nlink() {
        0 => overwrite(file),
        _ => Ok(()),
    }
}

fn wipe(place: &Path) -> io::Result<()> {
    let (directory, name) = Directory::own_of(place)?;
    let file = match directory.open_own(&name, Access::Write) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    // It may have had the keyring's place until a moment ago. Were that not durable, a power cut could bring it back as zeros.
    directory.sync()?;
    match overwrite(file) {
        // It would be written elsewhere: the file system does not write over what it has, and all that is left to do is to give it up.
        Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {}
        overwritten => overwritten?,
    }
    directory.discard(&name)?;
    directory.sync()
}

/// With zeros, durably.
fn overwrite(mut file: File) -> io::Result<()> {
    let bytes = file.metadata()?.len();
    file.rewind()?;
    io::copy(&mut io::repeat(0).take(bytes), &mut file)?;
    file.sync_all()
}

fn is_there(path: &Path) -> Result<bool, KeyringError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(KeyringError::io(error.kind())),
    }
}

/// Says who else may read the file. True: somebody may.
fn warned_of_mode(metadata: &fs::Metadata) -> bool {
    let is_open = metadata.mode() & MODE_OF_OTHERS != 0;
    if is_open {
        let mode = format!("{:o}", metadata.mode() & 0o777);
        tracing::warn!(file.mode = mode, "keyring.mode-too-open");
    }
    is_open
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` is given")]
fn failed(error: io::Error) -> KeyringError {
    KeyringError::io(error.kind())
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
    use std::sync::{Arc, Mutex};

    use super::*;
    use std::io::{SeekFrom, Write};

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
        assert_eq!(files.wipe_new(), Ok(()), "nothing is there");
        fs::create_dir(&files.new).expect("made");
        assert_eq!(files.wipe_new(), Err(KeyringError::io(ErrorKind::PermissionDenied)));
        assert_eq!(files.create_new().err(), Some(KeyringError::io(ErrorKind::PermissionDenied)));
    }

    /// What a replaced file had is read through a handle that was open before.
    #[test]
    fn what_will_not_be_used_is_overwritten_before_it_has_no_name() {
        let (directory, path) = place();
        let files = Files::of(&path);
        let zeros = |mut file: &File| {
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut bytes)).expect("readable");
            bytes.len() == 5 && bytes.iter().all(|byte| *byte == 0)
        };
        let written = || {
            let file = files.create_new().expect("made");
            (&file).write_all(b"whole").expect("written");
            file
        };
        let first = written();
        let second = written();
        assert!(zeros(&first) && !zeros(&second), "another is written in its place");
        files.wipe_new().expect("wiped");
        assert!(zeros(&second) && !files.new.exists());
        let (new, restoring) = (written(), fs::File::create_new(files.restoring()).expect("made"));
        (&restoring).write_all(b"whole").expect("written");
        let seen = fs::File::open(files.restoring()).expect("there");
        fs::write(directory.path().join("keyring.restoring.lock"), "").expect("written");
        files.wipe_remains().expect("wiped");
        assert!(zeros(&new) && zeros(&seen));
        assert_eq!(fs::read_dir(directory.path()).expect("there").count(), 0);
        // One that somebody has under another name is theirs.
        let named = written();
        fs::hard_link(&files.new, directory.path().join("other")).expect("linked");
        fs::remove_file(&files.new).expect("removed");
        wipe_nameless(named.try_clone().expect("a handle")).expect("left alone");
        assert!(!zeros(&named));
        fs::remove_file(directory.path().join("other")).expect("removed");
        wipe_nameless(named.try_clone().expect("a handle")).expect("wiped");
        assert!(zeros(&named));
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
