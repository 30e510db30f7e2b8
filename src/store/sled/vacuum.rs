//! A vacuum of the store that runs: what is kept is copied into a new file, by the routine that makes backups, and that file takes the
//! place of the old one. Of what was removed sled's file keeps the sealed bytes until it happens to write there again; the new one has
//! none of it.
//!
//! On the writer's thread, so that nobody writes; whoever reads goes on, before the exchange from the old file and after it from the
//! new one. What a crash leaves, and what the next start does about it, stands in `engine/exchanging`.

use jiff::Timestamp;

use crate::machine::disk::{free_bytes, private_dir, sync_dir};
use crate::machine::identity::FileId;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::copying::{Copied, copy_into};
use crate::store::sled::engine::exchanging;
use crate::store::sled::engine::witness::{Testimony, Witness};
use crate::store::sled::engine::{Changes, aside, db_file, guarded};
use crate::store::sled::layout::{self, Place, meta, moment_bytes};
use crate::store::sled::shared::Shared;
use crate::store::{NotVacuumed, StoreCode, StoreError, Vacuumed};

/// A copy that is whole, and not in its place yet.
pub(super) struct WholeCopy {
    at: Timestamp,
    copied: Copied,
    before_bytes: u64,
}

/// Looks whether there is room for the copy beside the store, with as much left as tamis needs to go on taking notifications.
///
/// # Errors
/// [`NotVacuumed::NoRoom`]. Otherwise see [`StoreCode`].
pub(super) fn require_room(shared: &Shared) -> Result<(), NotVacuumed> {
    let settings = shared.settings();
    let needed_bytes = shared.engine()?.db_bytes()?.saturating_add(settings.free_disk_min_bytes);
    let free_bytes = free_bytes(&settings.path).map_err(StoreError::io)?;
    match free_bytes < needed_bytes {
        true => Err(NotVacuumed::NoRoom { needed_bytes, free_bytes }),
        false => Ok(()),
    }
}

/// Looks whether what lies in the store's place is what is open, and is kept from others by our lock: it is exchanged by its name, and
/// what was in the place is removed.
///
/// # Errors
/// [`StoreCode::Locked`]: the lock was removed, and another may have it. [`StoreCode::Missing`]: another database lies there, or none.
/// Otherwise see [`StoreCode`].
pub(super) fn require_in_place(shared: &Shared) -> Result<(), StoreError> {
    if !shared.lock_stands()? {
        return Err(StoreError::of(StoreCode::Locked));
    }
    let there = FileId::at(&db_file(&shared.settings().path)).map_err(StoreError::io)?;
    match there == Some(shared.engine()?.file_id()?) {
        true => Ok(()),
        false => Err(StoreError::of(StoreCode::Missing)),
    }
}

/// Copies what is kept, and holds it against what it was copied from; asks `between` now and then whether to go on.
///
/// # Errors
/// As [`copy_into`]; some of it may be there.
pub(super) fn copy(
    shared: &Shared,
    between: &mut dyn FnMut() -> Result<(), StoreError>,
) -> Result<WholeCopy, StoreError> {
    let settings = shared.settings();
    let (engine, work) = (shared.engine()?, exchanging::work(&settings.path));
    // A predecessor's, cut short.
    exchanging::remove_work(&settings.path)?;
    private_dir(&work).map_err(StoreError::io)?;
    let at = shared.look().now();
    let mut marks = Changes::default();
    let values = marks.0.entry(Place::Meta).or_default();
    values.insert(meta::VACUUMED_AT.to_vec(), Some(moment_bytes(at)));
    // What receipts of before have named is kept with it; those of from now on name what they name now.
    let within = shared.vacuum_within().map(|days| u64::from(days).to_be_bytes().to_vec());
    values.insert(meta::VACUUM_WITHIN.to_vec(), within);
    let instance = shared.keyring().instance();
    let copied = copy_into(&engine, &work, settings.cache_mb, &marks, instance, between)?;
    Ok(WholeCopy { at, copied, before_bytes: engine.db_bytes()? })
}

/// Notes within how many days of the last vacuum receipts say the next is, where none has said fewer.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn promise(draft: &mut Draft<'_>, days: u32) -> Result<u32, StoreError> {
    // One that cannot be read is as good as none: what counts then is what is said from now on.
    let read = draft.read(&Place::Meta, meta::VACUUM_WITHIN)?.map(|bytes| layout::number(&bytes));
    let said = read
        .and_then(|read| draft.shared.unreadable().or_passed_over(&Place::Meta, meta::VACUUM_WITHIN, read));
    let fewest = said.and_then(|said| u32::try_from(said).ok()).map_or(days, |said| said.min(days));
    if said != Some(u64::from(fewest)) {
        draft.write(Place::Meta, meta::VACUUM_WITHIN, u64::from(fewest).to_be_bytes().to_vec())?;
    }
    Ok(fewest)
}

/// Lets go of what was copied.
pub(super) fn leave(shared: &Shared) {
    // At best; the next start removes it, and the next vacuum.
    let _ = exchanging::remove_work(&shared.settings().path);
}

/// Puts the copy in the place of the store's file, and removes what is left of that, and every copy that was set aside.
///
/// # Errors
/// As [`require_in_place`], and nothing is touched. Otherwise see [`StoreCode`]: the store is open as it was, or it has halted.
pub(super) fn exchange(
    shared: &Shared,
    witness: &mut Witness,
    whole: &WholeCopy,
) -> Result<Vacuumed, StoreError> {
    require_in_place(shared)?;
    let (path, last) = (&shared.settings().path, witness.last());
    // The copy is shorter: a start is not to take it for a file that was cut off.
    let testimony = Testimony { db_bytes: last.db_bytes.min(whole.copied.bytes), ..last };
    witness.record(&testimony).map_err(|error| shared.halt(StoreError::io(error)))?;
    let exchanged =
        exchanging::exchange(path).map_err(|error| not_exchanged(shared, StoreError::io(error)))?;
    if let Err(error) = shared.exchange(witness, whole.at) {
        // The old one is still open, and nothing was written since.
        return Err(match exchanging::exchange_back(path, exchanged) {
            Ok(()) => not_vacuumed(shared, error),
            Err(error) => shared.halt(StoreError::io(error)),
        });
    }
    remove_what_was(shared);
    let Copied { records, bytes } = whole.copied;
    Ok(Vacuumed { at: whole.at, records, before_bytes: whole.before_bytes, store_bytes: bytes })
}

/// Runs the step that exchanges: a panic in it halts the store, since nobody knows which of the two is in the place, and open. What it
/// refuses it has put back itself.
///
/// # Errors
/// The step's own, or why the store halted.
pub(super) fn or_halted<T>(
    shared: &Shared,
    step: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    guarded(|| Ok(step())).map_err(|error| shared.halt(error))?
}

/// Whoever could not exchange them goes on where the old one is in its place; where nobody knows, only a start finds out.
fn not_exchanged(shared: &Shared, error: StoreError) -> StoreError {
    let path = &shared.settings().path;
    let in_place = exchanging::put_back(path).and_then(|()| {
        let there = FileId::at(&db_file(path)).map_err(StoreError::io)?;
        Ok(there == Some(shared.engine()?.file_id()?))
    });
    match in_place {
        Ok(true) => not_vacuumed(shared, error),
        Ok(false) | Err(_) => shared.halt(error),
    }
}

fn not_vacuumed(shared: &Shared, error: StoreError) -> StoreError {
    tracing::error!(code = %error.code, io.kind = ?error.io, "store.not-vacuumed");
    leave(shared);
    error
}

/// What cannot be removed now the next start removes, or the next vacuum.
fn remove_what_was(shared: &Shared) {
    let path = &shared.settings().path;
    let removed = exchanging::remove_work(path).and_then(|_| aside::remove_all(path));
    let removed = removed.and_then(|()| sync_dir(path).map_err(StoreError::io));
    if let Err(error) = removed {
        tracing::error!(code = %error.code, io.kind = ?error.io, "store.old-file-left");
    }
}
