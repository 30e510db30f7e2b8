//! The one routine that copies a store: every row of an open engine into a new database, in small batches, while nobody
//! writes. sled's own files cannot be copied while they are open: such a copy may open, and be short.
//!
//! What was removed is not copied, whatever sled's file still has of it. Each row of the copy, as it is read from the disk, is held
//! against the one that it was copied from. Small batches: with 4,096 rows in one, each later
//! transaction of the new database took eight times as long.

use std::fs::{self, File, Permissions};
use std::ops::Bound::{Excluded, Unbounded};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::keyring::InstanceId;
use crate::machine::disk::{free_bytes, private_dir, sync_dir};
use crate::store::sled::Settings;
use crate::store::sled::engine::opening::{commit, epoch, mark_complete, open_engine, sync_files, synced};
use crate::store::sled::engine::witness::{Testimony, Witness};
use crate::store::sled::engine::{Changes, Engine, db_dir, db_file};
use crate::store::sled::layout::Place;
use crate::store::{StoreCode, StoreError};

/// Rows that are read and written at a time.
const BATCH_ROWS: usize = 256;
/// How long a copy may take together with the look that holds it against its original: at 50,000 rows a second for each, 45 million.
const WITHIN: Duration = Duration::from_secs(30 * 60);
/// The witness of a copy, beside its database.
pub(in crate::store::sled) const WITNESS: &str = "witness";

/// What was copied.
pub(in crate::store::sled) struct Copied {
    /// Rows of purposes.
    pub(in crate::store::sled) records: u64,
    /// The length of the new file.
    pub(in crate::store::sled) bytes: u64,
}

/// Copies every row into a new database below `store`, with these changes, and gives it a witness of its own and the mark of
/// a complete one. All of it is durable when this returns. `between` is asked before each batch: its error ends the copy.
///
/// # Errors
/// [`StoreCode::Format`]: it has trees of a later version, which would be missing in the copy; nothing was made.
/// [`StoreCode::DiskFull`]: there is not as much room as the database has. [`StoreCode::CopyTooSlow`]: it takes half an hour.
/// What `between` says. Otherwise see [`StoreCode`]. Some of it may be there.
pub(in crate::store::sled) fn copy_into(
    from: &Engine,
    store: &Path,
    cache_mb: u32,
    marks: &Changes,
    instance: InstanceId,
    between: &mut dyn FnMut() -> Result<(), StoreError>,
) -> Result<Copied, StoreError> {
    copy_within(from, store, cache_mb, marks, instance, WITHIN, between)
}

/// The same, where another time is given.
pub(in crate::store::sled) fn copy_within(
    from: &Engine,
    store: &Path,
    cache_mb: u32,
    marks: &Changes,
    instance: InstanceId,
    within: Duration,
    between: &mut dyn FnMut() -> Result<(), StoreError>,
) -> Result<Copied, StoreError> {
    if from.has_foreign_trees()? {
        return Err(StoreError::of(StoreCode::Format));
    }
    let settings = settings(store, cache_mb);
    let db = db_dir(store);
    private_dir(&db).map_err(StoreError::io)?;
    if free_bytes(&db).map_err(StoreError::io)? < from.db_bytes()? {
        return Err(StoreError::of(StoreCode::DiskFull));
    }
    // One bound for copying and holding against: nothing is written meanwhile.
    let begun = Instant::now();
    let mut between = || match begun.elapsed() >= within {
        true => Err(StoreError::of(StoreCode::CopyTooSlow)),
        false => between(),
    };
    let purposes = from.purposes();
    let to = open_engine(&settings, &purposes)?;
    let mut records = 0;
    for place in from.places() {
        let rows = copy_tree(from, &to, &place, &mut between)?;
        records += if matches!(place, Place::Vault(_)) { rows } else { 0 };
    }
    to.apply(marks)?;
    synced(&to)?;
    drop(to);
    // sled writes a snapshot only while opening; and what was written is read from the disk once.
    let to = open_engine(&settings, &purposes)?;
    let testimony = Testimony { instance, epoch: epoch(&to)?, commit: commit(&to)?, db_bytes: 0 };
    if testimony.commit != commit(from)? {
        return Err(StoreError::of(StoreCode::BehindWitness));
    }
    hold_against(from, &to, marks, &mut between)?;
    synced(&to)?;
    drop(to);
    make_private(&db).map_err(StoreError::io)?;
    sync_files(&db)?;
    let bytes = fs::metadata(db_file(store)).map_err(StoreError::io)?.len();
    Witness::create(&settings.witness, &Testimony { db_bytes: bytes, ..testimony })
        .map_err(StoreError::io)?;
    mark_complete(store)?;
    sync_dir(store).map_err(StoreError::io)?;
    Ok(Copied { records, bytes })
}

/// How a copy is opened: it has its witness beside it.
pub(in crate::store::sled) fn settings(store: &Path, cache_mb: u32) -> Settings {
    Settings {
        path: store.to_owned(),
        witness: store.join(WITNESS),
        cache_mb,
        free_disk_min_bytes: 0,
        ledger: None,
    }
}

fn copy_tree(
    from: &Engine,
    to: &Engine,
    place: &Place,
    between: &mut dyn FnMut() -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let (mut copied, mut after) = (0, None);
    loop {
        between()?;
        let start = after.as_ref().map_or(Unbounded, |key: &sled::IVec| Excluded(key.as_ref()));
        let rows = from.scan(place, (start, Unbounded), BATCH_ROWS)?;
        to.put_all(place, &rows)?;
        copied += rows.len() as u64;
        let Some((last, _)) = rows.last() else { return Ok(copied) };
        after = Some(last.clone());
    }
}

/// Holds every row of a copy against the one that it was copied from; what was marked in it may be another.
///
/// # Errors
/// [`StoreCode::BehindWitness`]: one is missing, one too many, or another. Otherwise see [`StoreCode`].
fn hold_against(
    from: &Engine,
    to: &Engine,
    marks: &Changes,
    between: &mut dyn FnMut() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for place in from.places() {
        let marked = marks.0.get(&place);
        let is_marked = |key: &[u8]| marked.is_some_and(|marked| marked.contains_key(key));
        // Where rows are marked one side has some that the other lacks: such a tree is short, and read whole.
        let batch = if marked.is_some() { usize::MAX } else { BATCH_ROWS };
        let mut after: Option<sled::IVec> = None;
        loop {
            between()?;
            let start = after.as_ref().map_or(Unbounded, |key| Excluded(key.as_ref()));
            let mut rows = from.scan(&place, (start, Unbounded), batch)?;
            let mut copied = to.scan(&place, (start, Unbounded), batch)?;
            rows.retain(|(key, _)| !is_marked(key));
            copied.retain(|(key, _)| !is_marked(key));
            if rows != copied {
                tracing::error!(store.tree = place.name(), "store.copy-differs");
                return Err(StoreError::of(StoreCode::BehindWitness));
            }
            match rows.last() {
                Some((last, _)) if marked.is_none() => after = Some(last.clone()),
                _ => break,
            }
        }
    }
    Ok(())
}

/// sled makes its files as the process's mask lets it.
fn make_private(directory: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let (path, kind) = {
            let entry = entry?;
            (entry.path(), entry.file_type()?)
        };
        let mode = if kind.is_dir() { 0o700 } else { 0o600 };
        File::open(&path)?.set_permissions(Permissions::from_mode(mode))?;
        if kind.is_dir() {
            make_private(&path)?;
            sync_dir(&path)?;
        }
    }
    Ok(())
}
