//! What a restore has beside the place of the store until it is done: the directory that it works in, and a note that the keyring in its place
//! is the backup's own, which this restore put there. Who begins it again must not take that for a newer one, which would know what
//! became of each record since the backup.

use std::fs;
use std::path::{Path, PathBuf};

use crate::machine::own::{Access, Directory};
use crate::store::StoreError;
use crate::store::sled::engine::aside::remove_tree;

/// Where a store is restored until it is whole.
const WORK: &str = "restoring";
const OWN_KEYRING: &str = "restoring-own-keyring";

/// The directory that a restore works in.
pub(in crate::store::sled) fn work(store: &Path) -> PathBuf {
    store.join(WORK)
}

/// True if it is noted that the keyring in its place is the backup's own.
///
/// # Errors
/// What the system says.
pub(in crate::store::sled) fn has_own_keyring(store: &Path) -> Result<bool, StoreError> {
    fs::exists(store.join(OWN_KEYRING)).map_err(StoreError::io)
}

/// Notes it; durable when it returns.
///
/// # Errors
/// What the system says.
pub(in crate::store::sled) fn note_own_keyring(store: &Path) -> Result<(), StoreError> {
    let made = || {
        let directory = Directory::own(store)?;
        directory.open_or_create(OWN_KEYRING, Access::Write)?.sync_all()?;
        directory.sync()
    };
    made().map_err(StoreError::io)
}

/// Removes both: the store is in its place, or the keyring is not in its. Where there is neither, nothing is done.
///
/// # Errors
/// What the system says.
pub(in crate::store::sled) fn remove(store: &Path) -> Result<(), StoreError> {
    if !has_own_keyring(store)? && !fs::exists(work(store)).map_err(StoreError::io)? {
        return Ok(());
    }
    remove_tree(&work(store))?;
    let gone = || {
        let directory = Directory::own(store)?;
        directory.remove(OWN_KEYRING)?;
        directory.sync()
    };
    gone().map_err(StoreError::io)
}
