//! Opening and creating: the lock, what is looked at before sled may touch its files, what must agree afterwards.
//!
//! Opening is writing: sled truncates and wipes what it cannot read. So whatever can be told from the outside is told
//! before, and a database shorter than witnessed is copied aside first.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::keyring::{Before, Keyring};
use crate::machine::disk::{private_dir, sync_dir};
use crate::machine::lock::{LockError, LockFile};
use crate::machine::own::{Access, Directory};
use crate::purpose::PurposeId;
use crate::store::sled::Settings;
use crate::store::sled::engine::aside;
use crate::store::sled::engine::exchanging::{put_back, remove_work};
use crate::store::sled::engine::migrate::next_step;
use crate::store::sled::engine::moving::{Pass, check_leaves};
use crate::store::sled::engine::startup::{KeyringFound, Plan, Presence, WitnessFound, decide};
use crate::store::sled::engine::witness::{Testimony, Witness};
use crate::store::sled::engine::{Changes, Engine, MARKER, SyncError, db_dir, db_file, unfinished_restore};
use crate::store::sled::layout::{FORMAT, Place, meta, moment_bytes};
use crate::store::sled::reference::keyring_failed;
use crate::store::{StoreCode, StoreError};

/// A predecessor that was just killed, or an engine that was just closed, may hold a lock for a moment.
const LOCK_TRIES: u32 = 30;
const LOCK_PAUSE: Duration = Duration::from_millis(100);
/// A new database has a few segments of 2 MiB and a snapshot.
const REMAINS_BYTES_MAX: u64 = 16 * 1024 * 1024;
const FIRST_EPOCH: u32 = 1;
const FIRST_COMMIT: u64 = 1;

/// A store that passed every check.
pub(in crate::store::sled) struct Opened {
    pub(in crate::store::sled) engine: Engine,
    pub(in crate::store::sled) witness: Witness,
    pub(in crate::store::sled) lock: LockFile,
}

/// True if there is nothing to lose, and the keyring is to be made as well: the first thing that is asked, before the
/// keyring is made. `generation` is that of the keyring that is there, none where there is none.
///
/// # Errors
/// See [`StoreCode`]: what is there disagrees. Nothing was touched.
pub fn begins_anew(settings: &Settings, generation: Option<u64>) -> Result<bool, StoreError> {
    let (plan, _) = plan(settings, KeyringFound::at(generation))?;
    Ok(generation.is_none() || plan == Plan::CreateAll)
}

/// What is there of a store, without opening it.
pub(in crate::store::sled) fn presence(path: &Path) -> Result<Presence, StoreError> {
    let exists = |path: PathBuf| fs::exists(path).map_err(StoreError::io);
    Ok(match (exists(marker(path))?, exists(db_dir(path))?) {
        (true, _) => Presence::Present,
        (false, true) => Presence::HalfCreated,
        (false, false) => Presence::Absent,
    })
}

/// Opens the store, or creates it where the start-up table says so.
///
/// # Errors
/// See [`StoreCode`]; a refusal touches nothing.
pub(in crate::store::sled) fn open(
    settings: &Settings,
    keyring: &Arc<dyn Keyring>,
    purposes: &[PurposeId],
    pass: &Pass<'_>,
) -> Result<Opened, StoreError> {
    let keyring_found = KeyringFound::at(Some(keyring.generation()));
    if !fs::exists(&settings.path).map_err(StoreError::io)? {
        // Not even the directory is made for a store that is refused.
        plan(settings, keyring_found)?;
    }
    private_dir(&settings.path).map_err(StoreError::io)?;
    let lock = lock(&settings.path)?;
    put_back(&settings.path)?;
    let (plan, witness) = plan(settings, keyring_found)?;
    let (engine, witness) = match (plan, witness) {
        (Plan::CreateAll | Plan::CreateStore, _) => create(settings, keyring, purposes, pass)?,
        (Plan::Open, Some(mut witness)) => {
            (open_moving(settings, keyring, purposes, &mut witness, pass)?, witness)
        }
        (Plan::FinishStore, Some(mut witness)) => {
            let engine = open_moving(settings, keyring, purposes, &mut witness, pass)?;
            mark_complete(&settings.path)?;
            (engine, witness)
        }
        (Plan::Open | Plan::FinishStore, None) => return Err(StoreError::of(StoreCode::WitnessMissing)),
    };
    // Not before the database in the place has passed every check.
    if remove_work(&settings.path)? {
        tracing::warn!("store.vacuum-cut-short");
    }
    // Of a restore that was cut short behind its last step: what it put into the place is this store, and its keyring.
    unfinished_restore::remove(&settings.path)?;
    Ok(Opened { engine, witness, lock })
}

fn plan(settings: &Settings, keyring: KeyringFound) -> Result<(Plan, Option<Witness>), StoreError> {
    let witness = match Witness::open(&settings.witness) {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            return Err(StoreError::of(StoreCode::Format));
        }
        witness => witness.map_err(StoreError::io)?,
    };
    let found = if witness.is_some() { WitnessFound::Valid } else { WitnessFound::Absent };
    let plan = decide(keyring, presence(&settings.path)?, found).map_err(StoreError::of)?;
    Ok((plan, witness))
}

fn marker(path: &Path) -> PathBuf {
    path.join(MARKER)
}

/// Our own lock: sled's is taken only after it has touched its directory.
pub(in crate::store::sled) fn lock(path: &Path) -> Result<LockFile, StoreError> {
    for _ in 0..LOCK_TRIES {
        match LockFile::take(&path.join("lock")) {
            Ok(lock) => return Ok(lock),
            Err(LockError::Held) => std::thread::sleep(LOCK_PAUSE),
            Err(LockError::Io(error)) => return Err(StoreError::io(error)),
        }
    }
    Err(StoreError::of(StoreCode::Locked))
}

pub(in crate::store::sled) fn open_engine(
    settings: &Settings,
    purposes: &[PurposeId],
) -> Result<Engine, StoreError> {
    let mut tries = 0;
    loop {
        match Engine::open(&settings.path, settings.cache_mb, purposes) {
            Err(error) if error.code == StoreCode::Locked && tries < LOCK_TRIES => {
                tries += 1;
                std::thread::sleep(LOCK_PAUSE);
            }
            opened => return opened,
        }
    }
}

/// Each step is durable before the next begins: see [`crate::store::sled::engine::startup`].
fn create(
    settings: &Settings,
    keyring: &Arc<dyn Keyring>,
    purposes: &[PurposeId],
    pass: &Pass<'_>,
) -> Result<(Engine, Witness), StoreError> {
    // Of a keyring of before, under which nothing was ever sealed.
    keyring.begin_trees().and_then(|()| keyring.end_before()).map_err(keyring_failed)?;
    let db = db_dir(&settings.path);
    remove_remains(&db)?;
    private_dir(&db).map_err(StoreError::io)?;
    let engine = open_engine(settings, purposes)?;
    let mut changes = Changes::default();
    let values = changes.0.entry(Place::Meta).or_default();
    values.insert(meta::FORMAT.to_vec(), Some(FORMAT.to_be_bytes().to_vec()));
    values.insert(meta::INSTANCE.to_vec(), Some(keyring.instance().0.to_vec()));
    values.insert(meta::EPOCH.to_vec(), Some(FIRST_EPOCH.to_be_bytes().to_vec()));
    values.insert(meta::VACUUMED_AT.to_vec(), Some(moment_bytes(pass.clock.now())));
    values.insert(meta::HANDED_FILLED.to_vec(), Some(vec![1]));
    // No record of before they were counted lies here.
    values.insert(meta::EARLY_LOOKED_AT.to_vec(), Some(0u64.to_be_bytes().to_vec()));
    values.insert(meta::COMMIT.to_vec(), Some(FIRST_COMMIT.to_be_bytes().to_vec()));
    engine.apply(&changes)?;
    synced(&engine)?;
    sync_files(&db)?;
    sync_dir(&settings.path).map_err(StoreError::io)?;
    let first = Testimony {
        instance: keyring.instance(),
        epoch: FIRST_EPOCH,
        commit: FIRST_COMMIT,
        db_bytes: engine.db_bytes()?,
    };
    let mut witness = Witness::create(&settings.witness, &first).map_err(StoreError::io)?;
    drop(engine);
    // sled writes a snapshot only while opening.
    let engine = open_moving(settings, keyring, purposes, &mut witness, pass)?;
    mark_complete(&settings.path)?;
    tracing::info!("store.created");
    Ok((engine, witness))
}

/// Removes what a creation cut short has left. More than a creation can have made was a store with records in it,
/// whatever keyring and witness say: that is for a human to move away.
fn remove_remains(db: &Path) -> Result<(), StoreError> {
    let mut bytes = 0;
    let mut directories = vec![db.to_owned()];
    while let Some(directory) = directories.pop() {
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(StoreError::io)?,
        };
        for entry in entries {
            let entry = entry.map_err(StoreError::io)?;
            let data = entry.metadata().map_err(StoreError::io)?;
            bytes += data.len();
            if data.is_dir() {
                directories.push(entry.path());
            }
        }
        if bytes > REMAINS_BYTES_MAX {
            tracing::error!(code = %StoreCode::Damaged, "store.remains-too-large");
            return Err(StoreError::of(StoreCode::Damaged));
        }
    }
    aside::remove_tree(db)
}

pub(in crate::store::sled) fn mark_complete(path: &Path) -> Result<(), StoreError> {
    let mark = || {
        let directory = Directory::own(path)?;
        directory.open_or_create(MARKER, Access::Write)?.sync_all()?;
        directory.sync()
    };
    mark().map_err(StoreError::io)
}

/// Marks a store that runs as complete once more, where the mark was removed: without it the next start would take it for
/// one that never was. True: it had to be.
///
/// # Errors
/// What the system says.
pub(in crate::store::sled) fn mark_again(path: &Path) -> Result<bool, StoreError> {
    if fs::exists(marker(path)).map_err(StoreError::io)? {
        return Ok(false);
    }
    mark_complete(path).map(|()| true)
}

pub(in crate::store::sled) fn synced(engine: &Engine) -> Result<(), StoreError> {
    engine.sync().map_err(|error| match error {
        SyncError::Flush(error) | SyncError::Sync(error) => error,
    })
}

/// Makes what lies in sled's directory durable, names and contents. sled itself never syncs its `conf`, in two writes:
/// after a power cut half of it is a database that does not open, whatever the log holds.
pub(in crate::store::sled) fn sync_files(db: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(db).map_err(StoreError::io)? {
        let entry = entry.map_err(StoreError::io)?;
        if entry.file_type().map_err(StoreError::io)?.is_file() {
            File::open(entry.path()).and_then(|file| file.sync_all()).map_err(StoreError::io)?;
        }
    }
    sync_dir(db).map_err(StoreError::io)
}

/// Opens a store that the witness knows at a start. One of an earlier layout is brought to this one; and once nothing is under
/// the keys that it had, durably and by the witness's word, these are destroyed: not before every record was opened under
/// its leaf by an engine that reads them from the disk.
fn open_moving(
    settings: &Settings,
    keyring: &Arc<dyn Keyring>,
    purposes: &[PurposeId],
    witness: &mut Witness,
    pass: &Pass<'_>,
) -> Result<Engine, StoreError> {
    let engine = open_checked(settings, keyring, purposes, witness, Some(pass))?;
    let engine = match keyring.before() {
        None => return Ok(engine),
        // A store of this layout writes a later generation than the keyring of before ever has.
        Some(Before::Alone) => return Err(StoreError::of(StoreCode::KeyringRolledBack)),
        Some(Before::BesideTrees) => {
            drop(engine);
            testify_closed(settings, witness)?;
            let engine = open_checked(settings, keyring, purposes, witness, None)?;
            check_leaves(&engine, pass)?;
            engine
        }
        // Every record was opened before that began.
        Some(Before::Ending) => engine,
    };
    keyring.end_before().map_err(keyring_failed)?;
    tracing::info!(keyring.generation = keyring.generation(), "keyring.moved");
    Ok(engine)
}

/// Opens a store that the witness knows, with every check of a start, and lets the witness know how long its file is now.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn open_checked(
    settings: &Settings,
    keyring: &Arc<dyn Keyring>,
    purposes: &[PurposeId],
    witness: &mut Witness,
    pass: Option<&Pass<'_>>,
) -> Result<Engine, StoreError> {
    let last = witness.last();
    if last.instance != keyring.instance() {
        return Err(StoreError::of(StoreCode::KeyringForeign));
    }
    let db_bytes = match fs::metadata(db_file(&settings.path)) {
        Ok(data) => data.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => 0,
        Err(error) => return Err(StoreError::io(error)),
    };
    if db_bytes == 0 {
        return Err(StoreError::of(StoreCode::Missing));
    }
    let shorter = db_bytes < last.db_bytes;
    let copied = if shorter { aside::copy(settings, last.commit)? } else { None };
    let db = db_dir(&settings.path);
    remove_unfinished_snapshots(&db)?;
    // Opening reads the log and writes down in a synced snapshot how far it goes. What a killed predecessor left of it in
    // the system's memory alone would be missing after a power cut, and sled refuses a log that ends before its snapshot.
    sync_files(&db)?;
    let opened = open_engine(settings, purposes).and_then(|engine| {
        check(&engine, keyring, &last)?;
        match pass {
            Some(pass) => migrate(&engine, pass)?,
            None if format(&engine)? != FORMAT => return Err(StoreError::of(StoreCode::Format)),
            None => {}
        }
        Ok(engine)
    });
    let engine = opened.inspect_err(|error| {
        if shorter {
            tracing::error!(code = %error.code, witness.commit = last.commit, "store.copy-kept");
        }
    })?;
    // What opening itself wrote.
    synced(&engine)?;
    sync_files(&db)?;
    sync_dir(&settings.path).map_err(StoreError::io)?;
    testify(witness, &engine, commit(&engine)?)?;
    if let Some(copy) = copied {
        // Everything witnessed is there: the copy would only be one more place to erase from.
        aside::remove_tree(&copy)?;
    }
    Ok(engine)
}

/// What store, keyring and witness must agree on.
fn check(engine: &Engine, keyring: &Arc<dyn Keyring>, last: &Testimony) -> Result<(), StoreError> {
    let behind = StoreError::of(StoreCode::BehindWitness);
    let small = |key| {
        let value = engine.read(&Place::Meta, key)?.ok_or(behind)?;
        let value: [u8; 4] = value.as_ref().try_into().map_err(|_| StoreError::of(StoreCode::Damaged))?;
        Ok::<u32, StoreError>(u32::from_be_bytes(value))
    };
    if !(1..=FORMAT).contains(&small(meta::FORMAT)?) {
        return Err(StoreError::of(StoreCode::Format));
    }
    if engine.read(&Place::Meta, meta::INSTANCE)?.ok_or(behind)?.as_ref() != keyring.instance().0 {
        return Err(StoreError::of(StoreCode::KeyringForeign));
    }
    let (epoch, commit) = (small(meta::EPOCH)?, commit(engine)?);
    if epoch != last.epoch || commit < last.commit {
        tracing::error!(
            store.epoch = epoch,
            store.commit = commit,
            witness.epoch = last.epoch,
            witness.commit = last.commit,
            "store.behind-witness"
        );
        return Err(behind);
    }
    if keyring.generation() < engine.counter(&Place::Meta, meta::KEYRING_GENERATION)? {
        return Err(StoreError::of(StoreCode::KeyringRolledBack));
    }
    // A restore takes it out, and begins an epoch: without one, numbers that were given after the backup would be given to others.
    if engine.read(&Place::Meta, meta::COPIED_AT)?.is_some() {
        return Err(StoreError::of(StoreCode::NotRestored));
    }
    Ok(())
}

/// Takes the steps from the layout that was found to this version's. Each is durable before the next.
fn migrate(engine: &Engine, pass: &Pass<'_>) -> Result<(), StoreError> {
    let found = format(engine)?;
    let mut at = found;
    while let Some((next, changes)) = next_step(engine, at, pass)? {
        engine.apply(&changes)?;
        synced(engine)?;
        at = next;
    }
    if at != found {
        tracing::info!(store.format_before = found, store.format = at, "store.migrated");
    }
    Ok(())
}

fn format(engine: &Engine) -> Result<u32, StoreError> {
    let value = engine.read(&Place::Meta, meta::FORMAT)?.ok_or(StoreError::of(StoreCode::Damaged))?;
    value.as_ref().try_into().map(u32::from_be_bytes).map_err(|_| StoreError::of(StoreCode::Damaged))
}

/// Records in the witness how far the synced engine has come.
pub(in crate::store::sled) fn testify(
    witness: &mut Witness,
    engine: &Engine,
    commit: u64,
) -> Result<(), StoreError> {
    let testimony = Testimony { commit, db_bytes: engine.db_bytes()?, ..witness.last() };
    witness.record(&testimony).map_err(StoreError::io)
}

/// Records how long the file of a closed database is: sled cuts free segments off on closing.
///
/// # Errors
/// What the system says.
pub(in crate::store::sled) fn testify_closed(
    settings: &Settings,
    witness: &mut Witness,
) -> Result<(), StoreError> {
    let file = File::open(db_file(&settings.path)).map_err(StoreError::io)?;
    file.sync_all().map_err(StoreError::io)?;
    let db_bytes = file.metadata().map_err(StoreError::io)?.len();
    let testimony = Testimony { db_bytes, ..witness.last() };
    if testimony == witness.last() { Ok(()) } else { witness.record(&testimony).map_err(StoreError::io) }
}

pub(in crate::store::sled) fn commit(engine: &Engine) -> Result<u64, StoreError> {
    engine.counter(&Place::Meta, meta::COMMIT)
}

/// The epoch of a store that passed its checks.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn epoch(engine: &Engine) -> Result<u32, StoreError> {
    let value = engine.read(&Place::Meta, meta::EPOCH)?.ok_or(StoreError::of(StoreCode::Damaged))?;
    value.as_ref().try_into().map(u32::from_be_bytes).map_err(|_| StoreError::of(StoreCode::Damaged))
}

/// sled 0.34.7 takes a snapshot that was being written when the process died for a finished one, and fails at every
/// open from then on. The finished one before it is still there.
fn remove_unfinished_snapshots(db: &Path) -> Result<(), StoreError> {
    let mut removed = false;
    let directory = Directory::own(db).map_err(StoreError::io)?;
    for entry in fs::read_dir(db).map_err(StoreError::io)? {
        let entry = entry.map_err(StoreError::io)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.starts_with("snap.") && name.ends_with(".generating") {
            removed |= directory.remove(name).map_err(StoreError::io)?;
        }
    }
    if removed { directory.sync().map_err(StoreError::io) } else { Ok(()) }
}
