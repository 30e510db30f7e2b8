//! A backup of the store that runs, and of its keyring: both of one moment, on the writer's thread, so that nobody writes.
//!
//! | step | a crash behind it leaves |
//! |---|---|
//! | 1 the trail's line, synced | the line |
//! | 2 a note of the place, synced (`engine/unfinished_backup`); `.NAME.part` beside it, with `store` in it, synced | that directory, which the next start and the next backup overwrite and remove |
//! | 3 `keys` in it, synced | the same |
//! | 4 the keyring's nodes over leaves that no record has are made anew, synced | the same |
//! | 5 it gets its name | the backup |
//!
//! Step 4 comes before step 5: there is no backup whose keys open what is stored after it.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::keyring::pages::Change;
use crate::keyring::{BUCKET_RECORDS, Bucket};
use crate::machine::disk::{directory_of, sync_dir};
use crate::machine::own::{Directory, name_of};
use crate::store::sled::SledStore;
use crate::store::sled::engine::aside::remove_tree;
use crate::store::sled::engine::copying::{Copied, copy_into};
use crate::store::sled::engine::{Changes, Engine, unfinished_backup};
use crate::store::sled::layout::{Place, meta, moment_bytes};
use crate::store::sled::reference::keyring_failed;
use crate::store::sled::shared::Shared;
use crate::store::sled::vacuum;
use crate::store::{BackedUp, Backups, NotVacuumed, StoreCode, StoreError, Vacuumed};
use crate::trail::Entry;

/// What lies in a backup.
pub(super) const STORE: &str = "store";
const KEYS: &str = "keys";
const KEYRING: &str = "keyring";

#[async_trait]
impl Backups for SledStore {
    async fn back_up(&self, to: PathBuf, by: Entry) -> Result<BackedUp, StoreError> {
        let (place, apart) = (to.clone(), self.shared.settings().clone());
        // Before a line says that it began.
        self.beside(move |_| Target::of(&place, &apart.path, directory_of(&apart.witness)).map(drop)).await?;
        self.writer.write(1, move |draft| draft.append_line(by)).await?;
        self.writer.back_up(to).await
    }

    async fn vacuum(&self, by: Entry) -> Result<Vacuumed, NotVacuumed> {
        // Before a line says that it began.
        self.beside(|shared| Ok(vacuum::require_room(shared))).await??;
        self.writer.write(1, move |draft| draft.append_line(by)).await?;
        self.writer.vacuum().await
    }

    async fn promise_vacuum(&self, days: u32) -> Result<u32, StoreError> {
        // As far below the disk's floor as the erasures whose receipts say it.
        let fewest = self.writer.write_and_puncture(1, move |draft| vacuum::promise(draft, days)).await?;
        self.shared.set_vacuum_within(days);
        Ok(fewest)
    }
}

/// Where a backup is to be.
struct Target {
    directory: Directory,
    name: OsString,
    /// Its name until it is whole.
    part: OsString,
    /// The same, as a path.
    part_path: PathBuf,
}

impl Target {
    /// Looks whether a backup may be made there: in a directory that is there and ours, and neither the store's nor the
    /// keyring's.
    fn of(to: &Path, store: &Path, keys: &Path) -> Result<Self, StoreError> {
        let refused = StoreError::of(StoreCode::PlaceRefused);
        if !to.is_absolute() {
            return Err(refused);
        }
        let name = name_of(to).map_err(|_| refused)?;
        let parent = directory_of(to);
        let real = fs::canonicalize(parent).map_err(not_there)?;
        let within = |own: &Path| fs::canonicalize(own).is_ok_and(|own| real.starts_with(own));
        if within(store) || within(keys) {
            return Err(refused);
        }
        let directory = Directory::own(&real).map_err(not_there)?;
        if directory.kind(&name).map_err(not_there)?.is_some() {
            return Err(StoreError::of(StoreCode::PlaceTaken));
        }
        let mut part = OsString::from(".");
        part.push(&name);
        part.push(".part");
        let part_path = real.join(&part);
        Ok(Self { directory, name, part, part_path })
    }
}

/// Makes a backup; asks `between` now and then whether to go on.
///
/// # Errors
/// As [`Backups::back_up`].
pub(super) fn make(
    shared: &Shared,
    to: &Path,
    between: &mut dyn FnMut() -> Result<(), StoreError>,
) -> Result<BackedUp, StoreError> {
    let settings = shared.settings();
    let target = Target::of(to, &settings.path, directory_of(&settings.witness))?;
    let engine = shared.engine()?;
    clear_up(shared);
    // A predecessor's, cut short, of which there is no note.
    give_up(shared, &target.part_path)?;
    unfinished_backup::note(&settings.path, &target.part_path)?;
    let made = fill(shared, &engine, &target, between).and_then(|made| {
        let named = target.directory.rename_new(&target.part, &target.name);
        named.and_then(|()| target.directory.sync()).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => StoreError::of(StoreCode::PlaceTaken),
            _ => not_there(error),
        })?;
        Ok(made)
    });
    // At best: where it fails the note stays, and the next start or backup does it.
    match made.as_ref().map(drop).or_else(|_| give_up(shared, &target.part_path)) {
        Ok(()) => drop(unfinished_backup::forget(&settings.path, &target.part_path)),
        Err(error) => {
            not_cleared(&target.part_path, error);
            shared.set_backup_left(true);
        }
    }
    made
}

/// Overwrites the copies of the keyring in what was begun there, and removes it; where nothing is, nothing is done.
fn give_up(shared: &Shared, part: &Path) -> Result<(), StoreError> {
    match Directory::own(part) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        part => part.map_err(not_there)?,
    };
    match fs::read_dir(part.join(KEYS)) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        copies => {
            for copy in copies.map_err(not_there)? {
                let copy = copy.map_err(not_there)?.path();
                shared.keyring().give_up_copy(&copy).map_err(keyring_failed).map_err(at_place)?;
            }
        }
    }
    remove_tree(part).map_err(at_place)
}

/// Does so with what crashes left, wherever that is: a place may be out of reach, of which a person is told, and the next start tries again.
pub(super) fn clear_up(shared: &Shared) {
    let store = &shared.settings().path;
    let mut is_left = false;
    let noted = unfinished_backup::noted(store).unwrap_or_else(|error| {
        tracing::warn!(code = %error.code, "store.backup-not-cleared");
        is_left = true;
        Vec::new()
    });
    for noted in noted {
        let path = &noted.part;
        let cleared = match noted.is_in_reach() {
            true => give_up(shared, path).and_then(|()| unfinished_backup::forget(store, path)),
            false => Err(StoreError::of(StoreCode::PlaceRefused)),
        };
        match cleared {
            Ok(()) => tracing::warn!(backup.path = %path.display(), "store.backup-cut-short"),
            Err(error) => {
                not_cleared(path, error);
                is_left = true;
            }
        }
    }
    shared.set_backup_left(is_left);
}

fn not_cleared(path: &Path, error: StoreError) {
    tracing::warn!(backup.path = %path.display(), code = %error.code, "store.backup-not-cleared");
}

fn fill(
    shared: &Shared,
    engine: &Engine,
    target: &Target,
    between: &mut dyn FnMut() -> Result<(), StoreError>,
) -> Result<BackedUp, StoreError> {
    let part = target.directory.make_directory(&target.part).map_err(not_there)?;
    let (store, keys) = (target.part_path.join(STORE), target.part_path.join(KEYS));
    for name in [STORE, KEYS] {
        part.make_directory(name).map_err(not_there)?;
    }
    let at = shared.look().now();
    let mut marks = Changes::default();
    let values = marks.0.entry(Place::Meta).or_default();
    // Nothing that was removed is copied, so that a store that is restored from it has none of that.
    for key in [meta::COPIED_AT, meta::BACKED_UP_AT, meta::VACUUMED_AT] {
        values.insert(key.to_vec(), Some(moment_bytes(at)));
    }
    let (cache_mb, instance) = (shared.settings().cache_mb, shared.keyring().instance());
    let Copied { records, bytes } =
        copy_into(engine, &store, cache_mb, &marks, instance, between).map_err(at_place)?;
    // The ledger's lines of who objects later are under it: a key part without it could not read them.
    shared.keyring().make_suppression_key().map_err(keyring_failed)?;
    let generation = shared.keyring().generation();
    shared.keyring().copy_to(&keys.join(KEYRING)).map_err(keyring_failed).map_err(at_place)?;
    sync_dir(&keys).map_err(not_there)?;
    part.sync().map_err(not_there)?;
    renew_unassigned(shared, engine)?;
    Ok(BackedUp { at, records, store_bytes: bytes, generation })
}

/// Makes the keyring's nodes anew over all leaves that no record has: whoever has a copy of the keyring as it was opens nothing
/// that is stored from now on. The writer calls it, so no transaction is under way.
fn renew_unassigned(shared: &Shared, engine: &Engine) -> Result<(), StoreError> {
    let (keyring, mut change) = (shared.keyring(), Change::default());
    for purpose in engine.purposes() {
        let next = engine.counter(&Place::Sequence, purpose.as_str().as_bytes())?.max(1);
        let of = |index| Bucket { purpose: purpose.clone(), epoch: shared.epoch(), index };
        let first = next / BUCKET_RECORDS;
        // The one that is being filled may have ended already; those that are made ahead follow one another.
        if keyring.first_live(&of(first), 0).is_ok() {
            change.renew_unassigned(of(first), (next % BUCKET_RECORDS) as u16);
        }
        let ahead = (first + 1..).map(of).take_while(|bucket| keyring.first_live(bucket, 0).is_ok());
        ahead.for_each(|bucket| change.renew_unassigned(bucket, 0));
    }
    keyring.change(&change).map_err(keyring_failed)
}

/// What the system does not let happen at the place of a backup.
fn not_there(error: std::io::Error) -> StoreError {
    at_place(StoreError::io(error))
}

/// A failure of files, met while a backup is written, is the place's: the store's own are open and only read.
fn at_place(error: StoreError) -> StoreError {
    let code = match error.code {
        StoreCode::DiskFull => StoreCode::PlaceFull,
        StoreCode::Io | StoreCode::NotOwn => StoreCode::PlaceRefused,
        code => code,
    };
    StoreError { code, ..error }
}
