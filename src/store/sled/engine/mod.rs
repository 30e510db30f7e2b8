//! The open database: its trees, one transaction, one real sync. Facts about sled 0.34.7 that shape it: `flush` is no
//! fsync on Linux, a damaged file may panic in `open`, the first error of a handle stays with it.

pub(super) mod aside;
pub(super) mod copying;
pub(super) mod exchanging;
pub(super) mod migrate;
pub(super) mod moving;
pub(super) mod opening;
pub(super) mod startup;
pub(super) mod unfinished_backup;
pub(super) mod unfinished_restore;
pub(super) mod witness;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use parking_lot::RwLock;
use sled::transaction::{ConflictableTransactionError, TransactionError};
use sled::{IVec, Transactional};

use crate::machine::identity::FileId;
use crate::purpose::PurposeId;
use crate::store::sled::layout::{self, Place};
use crate::store::{StoreCode, StoreError};

/// A leaf holds up to 17 values and is written as one message; messages beyond a quarter of a segment become files of
/// their own that sled does not sync. A quarter of 2 MiB is more than 17 of the largest values
/// ([`VALUE_BYTES_MAX`]), a quarter of the default 512 KiB is not.
const SEGMENT_BYTES: usize = 2 * 1024 * 1024;

/// The longest key that is written: a form's id and the name of a question.
pub(super) const KEY_BYTES_MAX: usize = 256;

/// The largest value that is written.
pub(super) const VALUE_BYTES_MAX: usize = 24 * 1024;

const _: () = assert!(17 * (VALUE_BYTES_MAX + KEY_BYTES_MAX) < SEGMENT_BYTES / 4 - 1024);
const _: () = assert!(crate::lead::RECORD_BYTES_MAX < VALUE_BYTES_MAX);

/// The tree that every database of sled has, and nobody here uses.
const SLED_OWN_TREE: &[u8] = b"__sled__default";

/// The writes of one transaction: tree → key → value, or none to remove it.
#[derive(Default)]
pub(super) struct Changes(pub BTreeMap<Place, BTreeMap<Vec<u8>, Option<Vec<u8>>>>);

/// One open database. Dropping the last handle closes it.
pub(super) struct Engine {
    trees: RwLock<HashMap<Place, sled::Tree>>,
    db: sled::Db,
    /// Our own descriptor of sled's file: fdatasync works on the file, whoever opened it.
    file: File,
}

/// An empty file beside it: its being there says that it was made to its end, or copied.
const MARKER: &str = "complete";

/// The directory of sled's files.
pub(super) fn db_dir(store: &Path) -> PathBuf {
    store.join("db")
}

/// The file that holds the data.
pub(super) fn db_file(store: &Path) -> PathBuf {
    db_dir(store).join("db")
}

impl Engine {
    /// Opens or creates the database and the trees of these purposes, and those of purposes that the config no longer
    /// names.
    ///
    /// # Errors
    /// [`StoreCode::Damaged`] also if sled panics.
    pub(super) fn open(store: &Path, cache_mb: u32, purposes: &[PurposeId]) -> Result<Self, StoreError> {
        guarded(|| {
            let db = sled::Config::new()
                .path(db_dir(store))
                .cache_capacity(u64::from(cache_mb.max(1)) * 1024 * 1024)
                .segment_size(SEGMENT_BYTES)
                .flush_every_ms(Some(500))
                .open()
                .map_err(|error| refused(&error))?;
            let vaults = db.tree_names().into_iter().filter_map(|name| Place::vault_purpose(&name));
            let places = vaults.chain(purposes.iter().cloned()).map(Place::Vault).chain(Place::FIXED);
            let mut trees = HashMap::new();
            for place in places {
                let tree = db.open_tree(place.name()).map_err(|error| refused(&error))?;
                trees.insert(place, tree);
            }
            let file = File::open(db_file(store)).map_err(StoreError::io)?;
            Ok(Self { trees: RwLock::new(trees), db, file })
        })
    }

    /// Gives these purposes vaults beside those that are there. A crash before the next sync loses an empty tree, which
    /// the next start makes again.
    ///
    /// # Errors
    /// See [`StoreCode`].
    pub(super) fn admit(&self, purposes: &[PurposeId]) -> Result<(), StoreError> {
        for purpose in purposes {
            let place = Place::Vault(purpose.clone());
            let tree = guarded(|| self.db.open_tree(place.name()).map_err(|error| refused(&error)))?;
            self.trees.write().insert(place, tree);
        }
        Ok(())
    }

    /// The purposes that have a vault.
    pub(super) fn purposes(&self) -> Vec<PurposeId> {
        let trees = self.trees.read();
        let vaults = trees.keys().filter_map(|place| match place {
            Place::Vault(purpose) => Some(purpose.clone()),
            _ => None,
        });
        vaults.collect()
    }

    /// A tree.
    ///
    /// # Errors
    /// [`StoreCode::PurposeUnknown`].
    pub(super) fn tree(&self, place: &Place) -> Result<sled::Tree, StoreError> {
        let trees = self.trees.read();
        trees.get(place).cloned().ok_or(StoreError::of(StoreCode::PurposeUnknown))
    }

    /// The value of a key.
    ///
    /// # Errors
    /// See [`StoreCode`].
    pub(super) fn read(&self, place: &Place, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        let tree = self.tree(place)?;
        guarded(|| tree.get(key).map_err(|error| refused(&error)))
    }

    /// A counter; absent: 0.
    ///
    /// # Errors
    /// See [`StoreCode`].
    pub(super) fn counter(&self, place: &Place, key: &[u8]) -> Result<u64, StoreError> {
        self.read(place, key)?.map_or(Ok(0), |bytes| layout::number(&bytes))
    }

    /// Up to `max` entries of a tree from `from` on. The iterator is no snapshot; it is used for what only grows, or
    /// re-checked by the writer.
    ///
    /// # Errors
    /// See [`StoreCode`]. An error of the iterator is an error here, never a short list.
    pub(super) fn scan(
        &self,
        place: &Place,
        range: (std::ops::Bound<&[u8]>, std::ops::Bound<&[u8]>),
        max: usize,
    ) -> Result<Vec<(IVec, IVec)>, StoreError> {
        let tree = self.tree(place)?;
        guarded(|| {
            let entries = tree.range::<&[u8], _>(range).take(max);
            entries.collect::<Result<Vec<_>, _>>().map_err(|error| refused(&error))
        })
    }

    /// Calls `visit` for each entry of a range until it says false.
    ///
    /// # Errors
    /// The iterator's, or what `visit` returns.
    pub(super) fn visit(
        &self,
        place: &Place,
        range: (std::ops::Bound<&[u8]>, std::ops::Bound<&[u8]>),
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let tree = self.tree(place)?;
        guarded(|| {
            for entry in tree.range::<&[u8], _>(range) {
                let (key, value) = entry.map_err(|error| refused(&error))?;
                if !visit(&key, &value)? {
                    break;
                }
            }
            Ok(())
        })
    }

    /// The first key of a range that is wanted, or the last.
    ///
    /// # Errors
    /// See [`StoreCode`].
    pub(super) fn first_where(
        &self,
        place: &Place,
        range: (std::ops::Bound<&[u8]>, std::ops::Bound<&[u8]>),
        is_last: bool,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<IVec>, StoreError> {
        let tree = self.tree(place)?;
        guarded(|| {
            let mut keys = tree.range::<&[u8], _>(range).keys();
            loop {
                let next = if is_last { keys.next_back() } else { keys.next() };
                match next.transpose().map_err(|error| refused(&error))? {
                    Some(key) if !wanted(&key) => {}
                    found => return Ok(found),
                }
            }
        })
    }

    /// Applies all changes or none. Not yet durable: see [`Engine::sync`].
    ///
    /// # Errors
    /// See [`StoreCode`].
    pub(super) fn apply(&self, changes: &Changes) -> Result<(), StoreError> {
        let mut trees = Vec::with_capacity(changes.0.len());
        for place in changes.0.keys() {
            trees.push(self.tree(place)?);
        }
        let applied = trees.as_slice().transaction(|views| {
            for (view, writes) in views.iter().zip(changes.0.values()) {
                for (key, value) in writes {
                    match value {
                        Some(value) => view.insert(key.as_slice(), value.as_slice())?,
                        None => view.remove(key.as_slice())?,
                    };
                }
            }
            Ok::<(), ConflictableTransactionError<()>>(())
        });
        applied.map_err(|error| match error {
            TransactionError::Storage(error) => refused(&error),
            TransactionError::Abort(()) => StoreError::of(StoreCode::Damaged),
        })
    }

    /// Puts rows into one tree: into a database that nobody uses yet, so that nobody sees half of it.
    ///
    /// # Errors
    /// See [`StoreCode`].
    pub(super) fn put_all(&self, place: &Place, rows: &[(IVec, IVec)]) -> Result<(), StoreError> {
        let tree = self.tree(place)?;
        guarded(|| {
            let mut batch = sled::Batch::default();
            rows.iter().for_each(|(key, value)| batch.insert(key, value));
            tree.apply_batch(batch).map_err(|error| refused(&error))
        })
    }

    /// True if it has a tree that this version does not know: a later one made it, and may have made it without another layout.
    ///
    /// # Errors
    /// [`StoreCode::Damaged`] if sled panics.
    pub(super) fn has_foreign_trees(&self) -> Result<bool, StoreError> {
        let known: HashSet<String> = self.places().iter().map(Place::name).collect();
        let is_known = |name: &[u8]| {
            name == SLED_OWN_TREE || std::str::from_utf8(name).is_ok_and(|name| known.contains(name))
        };
        guarded(|| Ok(!self.db.tree_names().iter().all(|name| is_known(name))))
    }

    /// The trees that there are.
    pub(super) fn places(&self) -> Vec<Place> {
        self.trees.read().keys().cloned().collect()
    }

    /// Makes everything applied so far durable: sled's flush, then fdatasync.
    ///
    /// # Errors
    /// [`SyncError::Flush`] may be a full disk; [`SyncError::Sync`] is final.
    pub(super) fn sync(&self) -> Result<(), SyncError> {
        self.db.flush().map_err(|error| SyncError::Flush(refused(&error)))?;
        self.file.sync_data().map_err(|error| SyncError::Sync(StoreError::io(error)))
    }

    /// Which file sled's is.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn file_id(&self) -> Result<FileId, StoreError> {
        FileId::of_open(&self.file).map_err(StoreError::io)
    }

    /// The length of sled's file.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn db_bytes(&self) -> Result<u64, StoreError> {
        self.file.metadata().map(|data| data.len()).map_err(StoreError::io)
    }
}

/// Which half of a sync failed.
pub(super) enum SyncError {
    /// sled's: it may want for room.
    Flush(StoreError),
    /// The system's: what was written is lost or not, nobody knows.
    Sync(StoreError),
}

/// Runs a step of sled; a panic in it becomes [`StoreCode::Damaged`].
pub(super) fn guarded<T>(step: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or(Err(StoreError::of(StoreCode::Damaged)))
}

/// sled's error as a code: its text carries paths.
fn refused(error: &sled::Error) -> StoreError {
    match error {
        sled::Error::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            StoreError { code: StoreCode::DiskFull, io: Some(error.kind()) }
        }
        // sled has no variant for it, and its text is all that tells; it is looked at and not kept.
        sled::Error::Io(error) if error.to_string().starts_with("could not acquire lock") => {
            StoreError { code: StoreCode::Locked, io: Some(error.kind()) }
        }
        sled::Error::Io(error) => StoreError { code: StoreCode::Io, io: Some(error.kind()) },
        _ => StoreError::of(StoreCode::Damaged),
    }
}
