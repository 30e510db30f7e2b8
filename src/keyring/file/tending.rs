//! The file as it lies on the disk, held against memory: while tamis runs the keys are here, whatever became of the file,
//! and after the next start only the file is.
//!
//! What was lost or damaged is written again, under the change that memory holds. What may be somebody else's keyring
//! is never written over: that would be the loss of everything sealed under it.

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;

use crate::attention::{AttentionCode, Concern};
use crate::keyring::file::{FileKeyring, id_of};
use crate::keyring::files::{not_locked, wipe_nameless};
use crate::keyring::pages::{Compared, FileDisk, Pages};
use crate::keyring::{KeyringCode, KeyringError};
use crate::machine::disk::directory_of;
use crate::machine::identity::FileId;
use crate::machine::lock::LockFile;

/// What goes with the file.
pub(super) struct Changing {
    /// Until it is dropped no other process touches the file.
    pub(super) lock: LockFile,
    /// Which file the pages are written to, and its name; none: there are no pages yet.
    pub(super) at: Option<(FileId, PathBuf)>,
}

/// What a look found at the keyring's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnDisk {
    /// What memory holds.
    Same,
    /// Nothing.
    Missing,
    /// What was this keyring and is whole no more.
    Damaged,
    /// This keyring as it was, or as it is in another file.
    Older,
    /// A keyring with other keys, of a later change or version or under another root key, or no file.
    Foreign,
}

/// How closely is looked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Whether the file is the one that is open, and its title and head.
    AtHead,
    /// At every page.
    AtAll,
}

impl FileKeyring {
    /// Looks after the file, and gives what only a person can mend.
    pub(super) fn look_after_file(&self) -> Vec<Concern> {
        let mut changing = self.changing.lock();
        // Without pages the store is still being opened.
        let Ok(pages) = self.pages() else { return Vec::new() };
        if let Some(error) = pages.failed() {
            return vec![concern(AttentionCode::KeyringLost, error)];
        }
        if let Err(found) = self.hold_place(&mut changing) {
            return vec![found];
        }
        let found = match self.on_disk(&changing, pages, Look::AtAll) {
            Ok(OnDisk::Same) => return Vec::new(),
            Ok(OnDisk::Foreign) => return vec![Concern::of(AttentionCode::KeyringReplaced)],
            Ok(found) => found,
            Err(error) if error.code == KeyringCode::Linked => {
                return vec![Concern::of(AttentionCode::KeyringLinked)];
            }
            Err(error) => return vec![concern(AttentionCode::KeyringLost, error)],
        };
        match self.write_again(&mut changing, pages, found) {
            Ok(()) => Vec::new(),
            Err(error) => vec![concern(AttentionCode::KeyringLost, error)],
        }
    }

    /// Sees to it that a change is written into this keyring's own file, and refuses one that would be written over what is
    /// not this keyring, or beside a process that holds its lock.
    ///
    /// # Errors
    /// [`KeyringCode::Replaced`], [`KeyringCode::Locked`], [`KeyringCode::Io`].
    pub(super) fn require_own(
        &self,
        changing: &mut Changing,
        pages: &Pages<FileDisk>,
    ) -> Result<(), KeyringError> {
        changing.lock.retake().map_err(not_locked)?;
        match self.on_disk(changing, pages, Look::AtHead) {
            Ok(OnDisk::Same) => Ok(()),
            Ok(OnDisk::Foreign) => Err(KeyringError::of(KeyringCode::Replaced)),
            Ok(found) => self.write_again(changing, pages, found),
            // A second name of the same file has what this one has; a link's place is taken.
            Err(error) if error.code == KeyringCode::Linked => {
                let Some((open, place)) = &changing.at else { return Err(error) };
                match FileId::at(place) {
                    Ok(Some(found)) if found == *open => Ok(()),
                    Ok(_) => self.write_again(changing, pages, OnDisk::Missing),
                    Err(error) => Err(KeyringError::io(error.kind())),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Sees to it that the directory is there and that the lock in it is ours.
    fn hold_place(&self, changing: &mut Changing) -> Result<(), Concern> {
        let directory = directory_of(self.files.place());
        let lock_lost = |error: KeyringError| concern(AttentionCode::KeyringLockLost, error);
        if !directory.exists() {
            self.files.make_directory().map_err(|error| concern(AttentionCode::KeyringLost, error))?;
        }
        // What was mounted here is not any more: written into the place below it, a second keyring would be left there.
        let found = fs::metadata(directory).map(|found| FileId::of(&found));
        let found = found.map_err(|error| Concern::io(AttentionCode::KeyringLost, error.kind()))?;
        if !found.is_beside(self.directory) {
            return Err(Concern::of(AttentionCode::KeyringReplaced));
        }
        if changing.lock.retake().map_err(|error| lock_lost(not_locked(error)))? {
            tracing::warn!("keyring.lock-taken-again");
        }
        Ok(())
    }

    /// What lies at the keyring's place.
    fn on_disk(
        &self,
        changing: &Changing,
        pages: &Pages<FileDisk>,
        look: Look,
    ) -> Result<OnDisk, KeyringError> {
        let Some((open, place)) = &changing.at else { return Ok(OnDisk::Missing) };
        let file = match self.files.peek(place) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(OnDisk::Missing),
            Err(error) if error.code == KeyringCode::Replaced => return Ok(OnDisk::Foreign),
            Err(error) => return Err(error),
        };
        let is_open_one = id_of(&file)? == *open;
        if is_open_one && look == Look::AtHead && pages.is_headed()? {
            return Ok(OnDisk::Same);
        }
        let compared = if is_open_one { pages.compare_own() } else { pages.compare(&mut FileDisk::of(file)) };
        Ok(match compared? {
            Compared::Same if is_open_one => OnDisk::Same,
            Compared::Same | Compared::Older => OnDisk::Older,
            Compared::Damaged => OnDisk::Damaged,
            Compared::Foreign => OnDisk::Foreign,
        })
    }

    /// Writes what is in force into a new file, which takes the place; once that is durable, what had it is overwritten. Where the file
    /// system lets two names change places it has one until then, so that the next start goes on with it. A failure leaves the keyring as
    /// it was.
    fn write_again(
        &self,
        changing: &mut Changing,
        pages: &Pages<FileDisk>,
        found: OnDisk,
    ) -> Result<(), KeyringError> {
        let Some((open, place)) = changing.at.clone() else {
            return Err(KeyringError::of(KeyringCode::KeyAbsent));
        };
        let there = self.files.hold(&place);
        let file = self.files.create_new()?;
        let (id, moved) = (id_of(&file)?, Cell::new(false));
        let written = pages.write_anew(FileDisk::of(file), || {
            // What is not ours alone is never overwritten: its name is taken, and it keeps the others that it has.
            if there.is_none() {
                return self.files.put(&place).map(|()| false);
            }
            let is_kept = self.files.exchange(&place)?;
            moved.set(true);
            self.files.sync_names().map(|()| is_kept)
        });
        if written.is_err() && !moved.get() {
            // At best; the next one that is written does it as well.
            let _ = self.files.wipe_new();
        }
        let (left, is_kept) = written?;
        changing.at = Some((id, place));
        // What was open, and what lay in its place where that was another: from now on what they have is destroyed in the new file alone.
        let is_one = there.as_ref().is_some_and(|there| id_of(there).is_ok_and(|there| there == open));
        let by_name = if is_kept { self.files.wipe_new() } else { Ok(()) };
        let left = (!is_kept || !is_one).then(|| left.into_file());
        let there = there.filter(|_| !is_kept && !is_one);
        let nameless =
            left.into_iter().chain(there).map(|replaced| wipe_nameless(replaced).map_err(KeyringError::file));
        for error in nameless.chain([by_name]).filter_map(Result::err) {
            tracing::warn!(io.kind = ?error.io, "keyring.not-overwritten");
        }
        tracing::warn!(keyring.found = ?found, "keyring.written-again");
        Ok(())
    }
}

fn concern(code: AttentionCode, error: KeyringError) -> Concern {
    Concern { code, io: error.io }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Day;
    use crate::keyring::Keyring;
    use crate::keyring::pages::PAGE_BYTES;
    use crate::random::SeededRandom;
    use crate::secret::Key;

    struct Place {
        directory: tempfile::TempDir,
        path: PathBuf,
        random: Arc<SeededRandom>,
    }

    impl Place {
        fn new() -> Self {
            Self::seeded(3)
        }

        fn seeded(seed: u64) -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("keys/keyring");
            Self { directory, path, random: Arc::new(SeededRandom::new(seed)) }
        }

        fn create(&self) -> FileKeyring {
            let keyring = FileKeyring::create(&self.path, root(1), self.random.clone()).expect("created");
            keyring.make_days(&[Day(1), Day(2)]).expect("made");
            keyring
        }

        /// After the next start every key is the same.
        fn holds(&self, keyring: FileKeyring) {
            let told = |keyring: &FileKeyring| {
                let days = keyring.days();
                let keys: Vec<[u8; 32]> =
                    days.iter().filter_map(|day| Some(*keyring.day_key(*day).ok()?.expose())).collect();
                (keyring.instance().0, keyring.generation(), days, keys)
            };
            let before = told(&keyring);
            drop(keyring);
            let opened = FileKeyring::open(&self.path, root(1), self.random.clone());
            assert!(told(&opened.expect("opens").expect("there")) == before);
        }

        fn bytes(&self) -> Vec<u8> {
            fs::read(&self.path).expect("there")
        }
    }

    fn root(byte: u8) -> Key {
        Key::new([byte; 32])
    }

    fn codes(keyring: &FileKeyring) -> Vec<AttentionCode> {
        keyring.look_after().iter().map(|concern| concern.code).collect()
    }

    #[test]
    fn a_keyring_that_was_removed_with_its_directory_is_written_again() {
        let place = Place::new();
        let keyring = place.create();
        assert_eq!(codes(&keyring), []);
        let before = place.bytes();
        assert_eq!(codes(&keyring), []);
        assert!(place.bytes() == before, "what is well is not written");
        fs::remove_dir_all(place.directory.path().join("keys")).expect("removed");
        assert_eq!(codes(&keyring), []);
        let locked = FileKeyring::open(&place.path, root(1), place.random.clone()).err();
        assert_eq!(locked.map(|error| error.code), Some(KeyringCode::Locked), "and locked again");
        place.holds(keyring);
    }

    #[test]
    fn damage_of_any_kind_is_written_over() {
        let place = Place::new();
        let keyring = place.create();
        let head = |bytes: &[u8]| {
            let begins = |at: &usize| bytes[*at..].starts_with(b"TAMISKY2");
            (PAGE_BYTES..bytes.len()).step_by(PAGE_BYTES).find(begins).expect("a head")
        };
        let damages: [fn(&mut Vec<u8>, usize); 6] = [
            |bytes, _| bytes.clear(),
            |bytes, _| bytes.fill(0),
            |bytes, head| bytes[head + 100] ^= 1,
            |bytes, head| bytes[head..head + 8].fill(0),
            |bytes, head| bytes.truncate(head + PAGE_BYTES / 2),
            |bytes, _| *bytes.last_mut().expect("a byte") = 1,
        ];
        for (index, damage) in damages.into_iter().enumerate() {
            let mut bad = place.bytes();
            let at = head(&bad);
            damage(&mut bad, at);
            fs::write(&place.path, &bad).expect("written");
            assert_eq!(codes(&keyring), [], "{index}");
            assert!(place.bytes() != bad, "{index}");
        }
        // Without a look in between, too, where it shows at the head.
        let mut bad = place.bytes();
        let at = head(&bad);
        bad[at + 100] ^= 1;
        fs::write(&place.path, &bad).expect("written");
        keyring.make_days(&[Day(5)]).expect("made");
        place.holds(keyring);
    }

    #[test]
    fn an_older_one_of_its_own_is_written_over() {
        let place = Place::new();
        let keyring = place.create();
        let older = place.bytes();
        keyring.destroy_days(&[Day(1)]).expect("destroyed");
        fs::write(&place.path, older).expect("written");
        assert_eq!(codes(&keyring), []);
        assert_eq!(keyring.days(), [Day(2)]);
        place.holds(keyring);
    }

    #[test]
    fn what_may_be_another_s_keyring_is_left_alone_also_by_a_change() {
        let other = Place::seeded(4);
        drop(other.create());
        let elsewhere = other.directory.path().join("under-another-root-key");
        drop(FileKeyring::create(&elsewhere, root(2), other.random.clone()).expect("created"));
        let place = Place::new();
        let keyring = place.create();
        // What the same keyring came to be elsewhere: as far with another key, and further.
        let gone_on = |own: Vec<u8>| {
            let copy = tempfile::tempdir().expect("a directory");
            let path = copy.path().join("keyring");
            fs::write(&path, own).expect("written");
            let keyring = FileKeyring::open(&path, root(1), Arc::new(SeededRandom::new(9)));
            keyring.expect("opens").expect("there").make_days(&[Day(9)]).expect("made");
            fs::read(path).expect("there")
        };
        let forked = gone_on(place.bytes());
        keyring.make_days(&[Day(8)]).expect("made");
        let own = place.bytes();
        let ahead = gone_on(own.clone());
        let mut later = own.clone();
        later[8] += 1;
        let mut before = own.clone();
        before[8] -= 1;
        let others = [other.bytes(), fs::read(elsewhere).expect("there"), ahead, forked, later, before];
        for (index, foreign) in others.into_iter().enumerate() {
            fs::write(&place.path, &foreign).expect("written");
            assert_eq!(codes(&keyring), [AttentionCode::KeyringReplaced], "{index}");
            let refused = keyring.make_days(&[Day(3)]).map_err(|error| error.code);
            assert_eq!(refused, Err(KeyringCode::Replaced), "{index}");
            assert!(place.bytes() == foreign, "{index} was written over");
        }
        fs::remove_file(&place.path).expect("removed");
        assert_eq!(codes(&keyring), [], "once it is out of the way");
        keyring.make_days(&[Day(3)]).expect("made");
        place.holds(keyring);
    }

    #[test]
    fn a_second_name_is_told_and_a_pipe_in_its_place_is_not_waited_for() {
        let place = Place::new();
        let keyring = place.create();
        let second = place.directory.path().join("second");
        fs::hard_link(&place.path, &second).expect("a link");
        assert_eq!(codes(&keyring), [AttentionCode::KeyringLinked]);
        fs::remove_file(second).expect("removed");
        assert_eq!(codes(&keyring), []);
        fs::remove_file(&place.path).expect("removed");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &place.path, fifo, mode, 0).expect("a pipe");
        assert_eq!(codes(&keyring), [AttentionCode::KeyringReplaced]);
    }

    #[test]
    fn beside_a_process_that_holds_its_lock_nothing_is_written() {
        let place = Place::new();
        let keyring = place.create();
        fs::remove_dir_all(place.directory.path().join("keys")).expect("removed");
        let other = FileKeyring::create(&place.path, root(1), place.random.clone()).expect("another process");
        let theirs = place.bytes();
        assert_eq!(codes(&keyring), [AttentionCode::KeyringLockLost]);
        assert_eq!(keyring.make_days(&[Day(3)]).map_err(|error| error.code), Err(KeyringCode::Locked));
        assert!(place.bytes() == theirs);
        drop(other);
        assert_eq!(codes(&keyring), [AttentionCode::KeyringReplaced], "and it is theirs still");
    }
}
