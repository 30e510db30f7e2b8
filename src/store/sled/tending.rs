//! What of the store lies on the disk, held against what is open: lock, database, marker, witness. On the writer's thread,
//! so that nothing is written meanwhile.

use crate::attention::{AttentionCode, Concern};
use crate::machine::identity::FileId;
use crate::machine::lock::LockError;
use crate::store::StoreError;
use crate::store::sled::engine::db_file;
use crate::store::sled::engine::exchanging::remove_work;
use crate::store::sled::engine::opening::mark_again;
use crate::store::sled::engine::witness::Witness;
use crate::store::sled::ledger;
use crate::store::sled::shared::Shared;

/// Mends what can be mended, and gives the rest.
pub(super) fn look_after(shared: &Shared, witness: &mut Witness) -> Vec<Concern> {
    match shared.retake_lock() {
        Ok(true) => tracing::warn!("store.lock-taken-again"),
        Ok(false) => {}
        // Beside another process, or in a place that is gone, nothing is written.
        Err(error) => return vec![place_lost(shared, error)],
    }
    match is_in_place(shared) {
        Ok(true) => {}
        Ok(false) => return vec![Concern::of(AttentionCode::StoreReplaced)],
        Err(error) => return vec![unreadable(error)],
    }
    match mark_again(&shared.settings().path) {
        Ok(true) => tracing::warn!("store.marker-written-again"),
        Ok(false) => {}
        Err(error) => return vec![unreadable(error)],
    }
    remove_old_file(shared);
    let ledger = shared.settings().ledger.clone();
    let ledger = ledger.and_then(|path| shared.ledger_disk().run(move || ledger::look(&path)).err());
    let ledger = ledger.map(|error| Concern::io(AttentionCode::LedgerLost, error.kind()));
    witness.look_after(&shared.settings().witness).into_iter().chain(ledger).collect()
}

/// True if the database that is open is the one that the next start would open. One that is closed for want of room is
/// opened by its name, and checked then.
fn is_in_place(shared: &Shared) -> Result<bool, StoreError> {
    let Ok(engine) = shared.engine() else { return Ok(true) };
    let there = FileId::at(&db_file(&shared.settings().path)).map_err(StoreError::io)?;
    Ok(there == Some(engine.file_id()?))
}

/// What a vacuum could not remove when it was done. Only beside the database that is open and in its place: between two renames, and where
/// the store has halted, it may be the one that the next start puts back. It is counted as set aside until it is gone.
fn remove_old_file(shared: &Shared) {
    if shared.is_copying() || shared.engine().is_err() {
        return;
    }
    if let Ok(true) = remove_work(&shared.settings().path) {
        tracing::info!("store.old-file-removed");
    }
}

fn place_lost(shared: &Shared, error: LockError) -> Concern {
    match error {
        LockError::Held => Concern::of(AttentionCode::StoreLockLost),
        // No directory, so no database in it either.
        LockError::Io(_) if !shared.settings().path.exists() => Concern::of(AttentionCode::StoreReplaced),
        LockError::Io(error) => Concern::io(AttentionCode::StoreLockLost, error.kind()),
    }
}

fn unreadable(error: StoreError) -> Concern {
    Concern { code: AttentionCode::StoreReplaced, io: error.io }
}
