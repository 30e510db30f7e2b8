//! The file as it lies on the disk, held against memory: while tamis runs the keys are here, whatever became of the file,
//! and after the next start only the file is.
//!
//! What was lost or damaged is written again, under the generation that memory holds. What may be somebody else's keyring
//! is never written over: that would be the loss of everything sealed under it.

use std::fs;

use zeroize::Zeroizing;

use crate::attention::{AttentionCode, Concern};
use crate::keyring::content::{BucketKeys, Content};
use crate::keyring::file::FileKeyring;
use crate::keyring::file::written::{Changing, Written};
use crate::keyring::format;
use crate::keyring::replacement::{ReplaceError, not_locked};
use crate::keyring::{KeyringCode, KeyringError};
use crate::machine::disk::directory_of;
use crate::machine::identity::FileId;
use crate::secret::Key;

/// What a look found at the keyring's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnDisk {
    /// What memory holds.
    Same,
    /// Nothing.
    Missing,
    /// What was this keyring and does not open.
    Damaged,
    /// This keyring as it was, or as it is under another seal.
    Older,
    /// A keyring with other keys, of a higher generation, of a later version or under another root key, or no file.
    Foreign,
}

impl FileKeyring {
    /// Looks after the file, and gives what only a person can mend.
    pub(super) fn look_after_file(&self) -> Vec<Concern> {
        let mut changing = self.changing.lock();
        if let Some(error) = self.failed.get() {
            return vec![concern(AttentionCode::KeyringLost, *error)];
        }
        if let Err(found) = self.hold_place(&mut changing) {
            return vec![found];
        }
        let found = match self.on_disk(&changing.written) {
            Ok(OnDisk::Same) => return Vec::new(),
            Ok(OnDisk::Foreign) => return vec![Concern::of(AttentionCode::KeyringReplaced)],
            Ok(found) => found,
            Err(error) if error.code == KeyringCode::Linked => {
                return vec![Concern::of(AttentionCode::KeyringLinked)];
            }
            Err(error) => return vec![concern(AttentionCode::KeyringLost, error)],
        };
        match self.write_again(&mut changing) {
            Ok(()) => {
                tracing::warn!(keyring.found = ?found, "keyring.written-again");
                Vec::new()
            }
            Err(error) => vec![concern(AttentionCode::KeyringLost, error)],
        }
    }

    /// Refuses a change that would write over what is not this keyring, or beside a process that holds its lock.
    ///
    /// # Errors
    /// [`KeyringCode::Replaced`], [`KeyringCode::Locked`], [`KeyringCode::Io`].
    pub(super) fn require_own(&self, changing: &mut Changing) -> Result<(), KeyringError> {
        changing.lock.retake().map_err(not_locked)?;
        match self.on_disk(&changing.written) {
            Ok(OnDisk::Foreign) => Err(KeyringError::of(KeyringCode::Replaced)),
            // The change puts a file of its own in the link's place.
            Err(error) if error.code != KeyringCode::Linked => Err(error),
            _ => Ok(()),
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
    fn on_disk(&self, written: &Written) -> Result<OnDisk, KeyringError> {
        let bytes = match self.files.peek() {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(OnDisk::Missing),
            Err(error) if error.code == KeyringCode::Replaced => return Ok(OnDisk::Foreign),
            Err(error) => return Err(error),
        };
        let found = Written::of(&bytes);
        if found == *written {
            return Ok(OnDisk::Same);
        }
        Ok(match format::open(Zeroizing::new(bytes), &self.root) {
            Ok(content) if is_of_before(&content, &self.current()) => OnDisk::Older,
            Ok(_) => OnDisk::Foreign,
            Err(error) if error.code == KeyringCode::Format => OnDisk::Foreign,
            // A keyring under another root key does not open either: what has the head of one, and not the head of
            // ours, may be one.
            Err(_) if found.head.is_some_and(|head| format::is_head(&head)) && found.head != written.head => {
                OnDisk::Foreign
            }
            Err(_) => OnDisk::Damaged,
        })
    }

    /// Writes the generation in force once more. A failure leaves the keyring as it was: no second generation came to be,
    /// so that it may be tried again.
    fn write_again(&self, changing: &mut Changing) -> Result<(), KeyringError> {
        let sealed = format::seal(&self.current(), &self.root, &*self.random)?;
        self.files.replace(&sealed).map_err(|error| match error {
            ReplaceError::Unchanged(kind) | ReplaceError::Unknown(kind) => KeyringError::io(kind),
        })?;
        changing.written = Written::of(&sealed);
        Ok(())
    }
}

fn concern(code: AttentionCode, error: KeyringError) -> Concern {
    Concern { code, io: error.io }
}

/// True if this is a state that the keyring was in, or is: no later generation, and no key that differs. What it holds
/// beyond the keyring has been destroyed since, but nothing is destroyed within a generation.
fn is_of_before(found: &Content, current: &Content) -> bool {
    let same = |a: &Key, b: &Key| a.expose() == b.expose();
    let agree = |found: &BucketKeys, current: &BucketKeys| {
        let held = || std::iter::once(&current.newest).chain(&current.previous);
        let twins = std::iter::once(&found.newest).chain(&found.previous);
        twins
            .into_iter()
            .all(|one| held().all(|other| one.generation != other.generation || same(&one.key, &other.key)))
    };
    let is_now = found.generation == current.generation;
    found.instance == current.instance
        && found.generation <= current.generation
        && same(&found.seen, &current.seen)
        && same(&found.trail, &current.trail)
        && found
            .months
            .iter()
            .all(|(month, key)| current.months.get(month).map_or(!is_now, |held| same(held, key)))
        && found.days.iter().all(|(day, key)| current.days.get(day).map_or(!is_now, |held| same(held, key)))
        && found
            .buckets
            .iter()
            .all(|(bucket, keys)| current.buckets.get(bucket).map_or(!is_now, |held| agree(keys, held)))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::*;
    use crate::clock::Day;
    use crate::keyring::Keyring;
    use crate::keyring::format::HEADER_BYTES;
    use crate::random::SeededRandom;

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
        let damages: [fn(&mut Vec<u8>); 5] = [
            Vec::clear,
            |bytes| bytes.fill(0),
            |bytes| bytes[HEADER_BYTES + 5] ^= 1,
            |bytes| bytes[..8].fill(0),
            |bytes| bytes.truncate(bytes.len() / 2),
        ];
        for (index, damage) in damages.into_iter().enumerate() {
            let mut bad = place.bytes();
            damage(&mut bad);
            fs::write(&place.path, &bad).expect("written");
            assert_eq!(codes(&keyring), [], "{index}");
            assert!(place.bytes() != bad, "{index}");
        }
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
        let own = place.bytes();
        let mut ahead = Content::clone(&keyring.current());
        ahead.generation += 1;
        let ahead = format::seal(&ahead, &root(1), &*place.random).expect("sealed");
        let mut forked = Content::clone(&keyring.current());
        forked.make_day(Day(9), &*place.random).expect("made");
        let forked = format::seal(&forked, &root(1), &*place.random).expect("sealed");
        let mut later = own.clone();
        later[8] += 1;
        let others = [other.bytes(), fs::read(elsewhere).expect("there"), ahead, forked, later];
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
