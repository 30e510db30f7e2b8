//! Two databases that change places: the one that a vacuum has copied, and the one that it was copied from.
//!
//! | step | a crash behind it leaves | the next start |
//! |---|---|---|
//! | 1 the copy below `vacuum`, synced | the old one in the place | opens it, removes `vacuum` |
//! | 2 the witness knows that the file may be as short as the copy | the same | the same |
//! | 3 `db` and `vacuum/db` exchanged, both directories synced | either, whole: one rename(2) does both | opens it, removes `vacuum` |
//! | 3a where nothing exchanges: `db` → `vacuum/old` | no database in the place | puts it back first |
//! | 3b `vacuum/db` → `db`, synced | the copy in the place | opens it, removes `vacuum` |
//! | 4 the copy opened in the place, with every check of a start | the same | the same |
//! | 5 `vacuum` removed | the copy | opens it |
//!
//! Whatever is in the place is whole at any time, and the other is removed only once that has been opened.

use std::io;
use std::path::{Path, PathBuf};

use crate::machine::own::Directory;
use crate::store::StoreError;
use crate::store::sled::engine::aside::remove_tree;
use crate::store::sled::engine::db_dir;

/// Where a vacuum copies to, and where what is to be removed lies afterwards.
const WORK: &str = "vacuum";
/// Where the old database lies between two renames.
const OLD: &str = "old";
const DB: &str = "db";

/// The directory that a vacuum works in.
pub(in crate::store::sled) fn work(store: &Path) -> PathBuf {
    store.join(WORK)
}

/// How two databases changed places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::sled) enum Exchanged {
    /// By one rename: the old one lies where the copy lay.
    AtOnce,
    /// By two.
    InTwoSteps,
}

/// Puts the copy into the place of the database; durable when it returns.
///
/// # Errors
/// What the system says. Whether they have changed places is to be looked up then.
pub(in crate::store::sled) fn exchange(store: &Path) -> io::Result<Exchanged> {
    let (at, beside) = (Directory::own(store)?, Directory::own(&work(store))?);
    let exchanged = match at.exchange(DB, &beside, DB)? {
        true => Exchanged::AtOnce,
        false => {
            at.move_new(DB, &beside, OLD)?;
            beside.sync()?;
            at.sync()?;
            beside.move_new(DB, &at, DB)?;
            Exchanged::InTwoSteps
        }
    };
    at.sync()?;
    beside.sync()?;
    Ok(exchanged)
}

/// The way back.
///
/// # Errors
/// As [`exchange`].
pub(in crate::store::sled) fn exchange_back(store: &Path, exchanged: Exchanged) -> io::Result<()> {
    let (at, beside) = (Directory::own(store)?, Directory::own(&work(store))?);
    match exchanged {
        Exchanged::AtOnce => {
            at.exchange(DB, &beside, DB)?;
        }
        Exchanged::InTwoSteps => {
            at.move_new(DB, &beside, DB)?;
            beside.move_new(OLD, &at, DB)?;
        }
    }
    at.sync()?;
    beside.sync()
}

/// Puts back what lies between two renames: a process was killed there.
///
/// # Errors
/// What the system says.
pub(in crate::store::sled) fn put_back(store: &Path) -> Result<(), StoreError> {
    let old = work(store).join(OLD);
    if db_dir(store).exists() || !old.exists() {
        return Ok(());
    }
    let put = || {
        let (at, beside) = (Directory::own(store)?, Directory::own(&work(store))?);
        beside.move_new(OLD, &at, DB)?;
        at.sync()?;
        beside.sync()
    };
    put().map_err(StoreError::io)?;
    tracing::warn!("store.put-back");
    Ok(())
}

/// Removes what a vacuum works in. True: it was there.
///
/// # Errors
/// What the system says.
pub(in crate::store::sled) fn remove_work(store: &Path) -> Result<bool, StoreError> {
    let work = work(store);
    if !work.exists() {
        return Ok(false);
    }
    remove_tree(&work)?;
    Directory::own(store).and_then(|directory| directory.sync()).map_err(StoreError::io)?;
    Ok(true)
}
