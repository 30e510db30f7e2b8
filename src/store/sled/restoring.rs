//! A store from a backup, in the place of one that is gone; tamis does not run meanwhile.
//!
//! Everything is done in `restoring` below the store's directory, and what is there is moved into its place at the end:
//!
//! | step | a crash behind it leaves |
//! |---|---|
//! | 1 the backup's database copied and looked at | `restoring`, which the next restore removes |
//! | 2 a new epoch in it, and what the old one had given | the same |
//! | 3 opened, brought to this version's layout; what has no key any more is taken out of it | the same |
//! | 4 the witness testifies to it | no database beside a witness: a start refuses (`store-missing`), the next restore goes on |
//! | 5 the marker | the same |
//! | 6 the database gets its name | the store, and `restoring` without one, which the next start removes |
//!
//! A note (`engine/unfinished_restore`) stands beside from before the backup's own keyring is put into its place until after step 6.
//!
//! The backup itself is read and never opened: opening is writing.

mod keyless;
mod last_words;
mod replaying;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::clock::{Clock, Day};
use crate::keyring::{InstanceId, Keyring};
use crate::machine::disk::private_dir;
use crate::machine::lock::LockFile;
use crate::machine::own::Directory;
use crate::purpose::PurposeId;
use crate::random::Random;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::aside::{self, remove_tree};
use crate::store::sled::engine::copying::{self, WITNESS};
use crate::store::sled::engine::exchanging::put_back;
use crate::store::sled::engine::opening::{commit, epoch, lock, mark_complete, open_engine, synced};
use crate::store::sled::engine::witness::{Testimony, Witness};
use crate::store::sled::engine::{Changes, db_dir, db_file, unfinished_restore};
use crate::store::sled::epochs;
use crate::store::sled::handed;
use crate::store::sled::layout::{self, Place, meta, moment_bytes};
use crate::store::sled::restoring::keyless::{forget_keyless, withhold_no_more};
use crate::store::sled::restoring::replaying::{Given, Told, number_anew, replay};
use crate::store::sled::{Settings, SledStore, backup};
use crate::store::{Leads, Life, StoreCode, StoreError, Tokens};
use crate::trail::{Action, Entry};

/// A witness is shorter.
const WITNESS_BYTES_MAX: u64 = 64 * 1024;
/// The first moment of 2026 (UTC), in seconds since 1970: epochs count no fewer than the hours since then.
const HOURS_SINCE: i64 = 1_767_225_600;

/// The store part of a backup, copied and looked at; nothing is in the store's place yet.
pub struct Restoring {
    settings: Settings,
    work: Settings,
    found: Found,
    /// The keyring in its place is the backup's own: a restore that was cut short put it there.
    has_own_keyring: bool,
    _lock: LockFile,
}

/// What it says of itself.
struct Found {
    instance: InstanceId,
    epoch: u32,
    commit: u64,
    generation: u64,
    at: Option<Timestamp>,
}

/// A store that was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// When the backup was made; none: it does not say.
    pub made_at: Option<Timestamp>,
    /// Of new records.
    pub epoch: u32,
    /// How many records it has.
    pub records: u64,
    /// How many the backup had beside them whose keys are destroyed.
    pub keyless: u64,
    /// Under which keyring it was restored.
    pub whose: Whose,
    /// How many lines of the ledger were replayed: those that say what the backup does not have.
    pub replayed: u64,
    /// When the newest of them was written.
    pub newest_line: Option<Timestamp>,
    /// How many of them are about a consent, or a restriction, of a record that was stored after the backup was made: it is not there.
    pub not_there: u64,
}

/// What is known of what was forgotten since a backup was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// It stands in this ledger, which must have all of it; true: or not.
    Ledger(PathBuf, bool),
    /// Nothing, but what the keyring knows.
    Unknown,
}

/// Which keyring a store is restored under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The one that was in its place: it knows which records were erased, or written anew, since the backup was made.
    House,
    /// The backup's own: nobody knows.
    Backup,
}

impl Restoring {
    /// Copies the store part of a backup, and looks at the copy. Blocks.
    ///
    /// # Errors
    /// [`StoreCode::Locked`]: tamis runs, or another restore. [`StoreCode::Exists`]: there is a store. [`StoreCode::Missing`]: there
    /// is no backup. [`StoreCode::BehindWitness`]: it is not whole. Otherwise see [`StoreCode`].
    pub fn begin(settings: Settings, backup: &Path) -> Result<Self, StoreError> {
        private_dir(&settings.path).map_err(StoreError::io)?;
        let lock = lock(&settings.path)?;
        // A vacuum that was killed between two renames left a whole one.
        put_back(&settings.path)?;
        if fs::symlink_metadata(db_dir(&settings.path)).is_ok() {
            return Err(StoreError::of(StoreCode::Exists));
        }
        let path = unfinished_restore::work(&settings.path);
        let found = take(&settings, &path, &backup.join(backup::STORE));
        if found.is_err() {
            // At best; the next restore removes it as well.
            let _ = remove_tree(&path);
        }
        let work = copying::settings(&path, settings.cache_mb);
        let has_own_keyring = unfinished_restore::has_own_keyring(&settings.path)?;
        Ok(Self { settings, work, found: found?, has_own_keyring, _lock: lock })
    }

    /// When the backup was made; none: it does not say.
    pub fn made_at(&self) -> Option<Timestamp> {
        self.found.at
    }

    /// Refuses a keyring that does not belong to it, or is older than it.
    ///
    /// # Errors
    /// [`StoreCode::KeyringForeign`], [`StoreCode::KeyringRolledBack`].
    pub fn require(&self, instance: InstanceId, generation: u64) -> Result<(), StoreError> {
        if instance != self.found.instance {
            return Err(StoreError::of(StoreCode::KeyringForeign));
        }
        if generation < self.found.generation {
            return Err(StoreError::of(StoreCode::KeyringRolledBack));
        }
        Ok(())
    }

    /// Whose the keyring is that is in its place.
    pub fn whose(&self) -> Whose {
        if self.has_own_keyring { Whose::Backup } else { Whose::House }
    }

    /// Notes that the keyring in its place is the backup's own from now on, also for a restore that begins again where this one is cut
    /// short. Durable when it returns; gone once the store is in its place.
    ///
    /// # Errors
    /// What the system says.
    pub fn note_own_keyring(&self) -> Result<(), StoreError> {
        unfinished_restore::note_own_keyring(&self.settings.path)
    }

    /// Lets go of it: nothing is restored.
    ///
    /// # Errors
    /// What the system says.
    pub fn leave(self) -> Result<(), StoreError> {
        remove_tree(&self.work.path)
    }

    /// Restores it under this keyring (which may be the backup's own): with room for these purposes, each with whoever the config
    /// lets receive it. What was erased since, as far as the keyring knows, is taken out of it. What it has counts as handed to all of
    /// them: nobody knows what left since the backup was made. What was withheld from one of them counts as withheld where the keyring
    /// knows that it is as it was.
    ///
    /// # Errors
    /// See [`StoreCode`]: nothing is in the store's place, and another restore may follow.
    pub async fn finish(
        self,
        (keyring, whose): (Arc<dyn Keyring>, Whose),
        recipients: BTreeMap<PurposeId, Vec<String>>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        since: Since,
    ) -> Result<Restored, StoreError> {
        self.require(keyring.instance(), keyring.generation())?;
        let witness = Witness::open(&self.settings.witness).map_err(StoreError::io)?;
        let last = witness.as_ref().map(Witness::last);
        if last.is_some_and(|last| last.instance != self.found.instance) {
            return Err(StoreError::of(StoreCode::KeyringForeign));
        }
        let known = last.map_or(0, |last| last.epoch).max(keyring.last_epoch());
        let begins = next_epoch(self.found.epoch.max(known), clock.now());
        self.begin_epoch(begins)?;
        let purposes = recipients.keys().cloned().collect();
        let store = SledStore::open(self.work.clone(), Arc::clone(&keyring), purposes, clock, random)?;
        let done = self.fill(&store, (begins, whose), recipients, since).await;
        let closed = store.close().await;
        drop(store);
        let restored = match done.and_then(|restored| closed.map(|()| restored)) {
            Ok(restored) => restored,
            Err(error) => {
                // Why it is not restored is what is said; the next restore removes it as well.
                let _ = self.leave();
                return Err(error);
            }
        };
        self.put(witness)?;
        Ok(restored)
    }

    /// Writes down that it was restored, and takes out of it what has no key, and what the ledger says.
    async fn fill(
        &self,
        store: &SledStore,
        (epoch, whose): (u32, Whose),
        recipients: BTreeMap<PurposeId, Vec<String>>,
        since: Since,
    ) -> Result<Restored, StoreError> {
        let given = Given::of(store, self.found.epoch, self.found.at)?;
        store.writer.write(1, note_restored).await?;
        // Before anything is taken out of it: whoever may have had that is told.
        self.note_possible(store, recipients, epoch - 1).await?;
        if whose == Whose::Backup {
            for purpose in store.shared.reading(|engine| Ok(engine.purposes()))? {
                withhold_no_more(store, &purpose, None).await?;
            }
        }
        let keyless = forget_keyless(store).await?;
        let told = match since {
            Since::Unknown => Told::default(),
            Since::Ledger(path, incomplete) => {
                let told = replay(store, &path, &given).await?;
                if !incomplete && (told.unreadable > 0 || told.missing > 0) {
                    return Err(StoreError::of(StoreCode::LedgerIncomplete));
                }
                told
            }
        };
        number_anew(store).await?;
        let records = store.stored().await?.values().sum();
        let Told { lines: replayed, not_there, newest: newest_line, .. } = told;
        let made_at = self.found.at;
        Ok(Restored { made_at, epoch, records, keyless, whose, replayed, newest_line, not_there })
    }

    /// Whoever may export a purpose, by the config or by a token, may have done so since the backup was made: also what an earlier
    /// restore of it was given in an epoch of its own.
    async fn note_possible(
        &self,
        store: &SledStore,
        mut recipients: BTreeMap<PurposeId, Vec<String>>,
        last_epoch: u32,
    ) -> Result<(), StoreError> {
        for token in store.tokens().await? {
            for purpose in token.purposes {
                recipients.entry(purpose).or_default().extend(token.recipient.clone());
            }
        }
        let since = self.found.at.map(Day::of);
        for purpose in store.shared.reading(|engine| Ok(engine.purposes()))? {
            let named: BTreeSet<String> =
                recipients.remove(&purpose).unwrap_or_default().into_iter().collect();
            let note = move |draft: &mut Draft<'_>| {
                let since = since.unwrap_or(Day::of(draft.now));
                handed::note_possible(draft, &purpose, &named, (last_epoch, since))
            };
            store.writer.write(1, note).await?;
        }
        Ok(())
    }

    /// Ends the backup's epoch.
    fn begin_epoch(&self, begins: u32) -> Result<(), StoreError> {
        let engine = open_engine(&self.work, &[])?;
        let (mut changes, next) = (Changes::default(), self.found.commit + 1);
        epochs::begin(&engine, &mut changes, self.found.epoch, begins)?;
        let values = changes.0.entry(Place::Meta).or_default();
        values.insert(meta::COMMIT.to_vec(), Some(next.to_be_bytes().to_vec()));
        values.insert(meta::COPIED_AT.to_vec(), None);
        engine.apply(&changes)?;
        synced(&engine)?;
        let db_bytes = engine.db_bytes()?;
        drop(engine);
        let witness = Witness::open(&self.work.witness).map_err(StoreError::io)?;
        let mut witness = witness.ok_or(StoreError::of(StoreCode::WitnessMissing))?;
        let testimony = Testimony { epoch: begins, commit: next, db_bytes, ..witness.last() };
        witness.record(&testimony).map_err(StoreError::io)?;
        mark_complete(&self.work.path)
    }

    /// Moves what is whole into its place.
    fn put(&self, witness: Option<Witness>) -> Result<(), StoreError> {
        let made = Witness::open(&self.work.witness).map_err(StoreError::io)?;
        let testimony = made.ok_or(StoreError::of(StoreCode::WitnessMissing))?.last();
        match witness {
            Some(mut witness) => witness.record(&testimony).map_err(StoreError::io)?,
            None => {
                private_dir(crate::machine::disk::directory_of(&self.settings.witness))
                    .map_err(StoreError::io)?;
                Witness::create(&self.settings.witness, &testimony).map_err(StoreError::io)?;
            }
        }
        mark_complete(&self.settings.path)?;
        let (from, to) = (&self.work.path, &self.settings.path);
        let move_it = || {
            let (from, to) = (Directory::own(from)?, Directory::own(to)?);
            from.move_new("db", &to, "db")?;
            to.sync()
        };
        move_it().map_err(StoreError::io)?;
        unfinished_restore::remove(to)
    }
}

/// Forgets what [`Restoring::note_own_keyring`] noted: that keyring is in its place no more.
///
/// # Errors
/// What the system says.
pub fn forget_own_keyring(settings: &Settings) -> Result<(), StoreError> {
    unfinished_restore::remove(&settings.path)
}

/// Copies the store part and reads what it says of itself.
fn take(settings: &Settings, work: &Path, backup: &Path) -> Result<Found, StoreError> {
    if !db_file(backup).is_file() || !backup.join(WITNESS).is_file() {
        return Err(StoreError::of(StoreCode::Missing));
    }
    remove_tree(work)?;
    private_dir(work).map_err(StoreError::io)?;
    let own = fs::metadata(db_file(backup)).map_err(StoreError::io)?.len();
    aside::copy_files(&db_dir(backup), &db_dir(work), own, aside::WITHIN)?;
    copy_witness(backup, work).map_err(StoreError::io)?;
    let copy = copying::settings(work, settings.cache_mb);
    let witness = Witness::open(&copy.witness).map_err(|error| match error.kind() {
        io::ErrorKind::Unsupported => StoreError::of(StoreCode::Format),
        _ => StoreError::io(error),
    })?;
    let last = witness.ok_or(StoreError::of(StoreCode::WitnessMissing))?.last();
    // sled opens what was cut off as if nothing were missing.
    if fs::metadata(db_file(work)).map_err(StoreError::io)?.len() < last.db_bytes {
        return Err(StoreError::of(StoreCode::BehindWitness));
    }
    let engine = open_engine(&copy, &[])?;
    let damaged = StoreError::of(StoreCode::Damaged);
    let instance =
        engine.read(&Place::Meta, meta::INSTANCE)?.ok_or(StoreError::of(StoreCode::BehindWitness))?;
    let instance = InstanceId(instance.as_ref().try_into().map_err(|_| damaged)?);
    let (commit, epoch) = (commit(&engine)?, epoch(&engine)?);
    if instance != last.instance || commit != last.commit || epoch != last.epoch {
        return Err(StoreError::of(StoreCode::BehindWitness));
    }
    let generation = engine.counter(&Place::Meta, meta::KEYRING_GENERATION)?;
    let at = engine.read(&Place::Meta, meta::COPIED_AT)?.map(|bytes| {
        let ms = bytes.as_ref().try_into().map_err(|_| damaged)?;
        layout::moment(i64::from_be_bytes(ms))
    });
    Ok(Found { instance, epoch, commit, generation, at: at.transpose()? })
}

fn copy_witness(backup: &Path, work: &Path) -> io::Result<()> {
    let from = fs::File::open(backup.join(WITNESS))?;
    let directory = Directory::own(work)?;
    let mut file = directory.create_new(WITNESS)?;
    io::copy(&mut from.take(WITNESS_BYTES_MAX), &mut file)?;
    file.sync_all()?;
    directory.sync()
}

/// The epoch after this one. By the hours, so that two restores of one backup give no id to two people, also where nothing
/// remembers the first of them.
fn next_epoch(highest: u32, now: Timestamp) -> u32 {
    let hours = (now.as_second() - HOURS_SINCE) / 3_600;
    highest.saturating_add(1).max(u32::try_from(hours).unwrap_or(0))
}

/// With the moment, which is told for as long as the store lives.
fn note_restored(draft: &mut Draft<'_>) -> Result<(), StoreError> {
    draft.write(Place::Meta, meta::RESTORED_AT, moment_bytes(draft.now))?;
    draft.append_line(Entry::by_system(Action::Restored))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn an_epoch_is_later_than_all_that_are_known_and_counts_no_fewer_than_the_hours_since_2026() {
        assert_eq!(next_epoch(1, at("2026-01-01T00:00:00Z")), 2);
        assert_eq!(next_epoch(1, at("2026-01-02T00:59:59Z")), 24);
        assert_eq!(next_epoch(24, at("2026-01-02T00:59:59Z")), 25);
        assert_eq!(next_epoch(7, at("1999-01-01T00:00:00Z")), 8, "a clock that is behind takes nothing back");
        assert_eq!(next_epoch(u32::MAX, at("2026-01-01T00:00:00Z")), u32::MAX);
    }
}
