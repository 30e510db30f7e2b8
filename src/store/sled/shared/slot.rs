//! The engine in its place: read by whoever asks, taken out where its disk is full, exchanged for one that holds the same.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;

use super::Shared;
use crate::store::sled::engine::opening;
use crate::store::sled::engine::witness::Witness;
use crate::store::sled::engine::{Engine, guarded};
use crate::store::sled::erasure_rows;
use crate::store::sled::index::ParkedIndex;
use crate::store::sled::layout::{self, Place, meta};
use crate::store::sled::outbox_rows;
use crate::store::sled::restriction_rows;
use crate::store::sled::suppression_rows;
use crate::store::sled::vigil_rows;
use crate::store::{LastCopies, StoreCode, StoreError};

/// How long the engine's readers may take to let go of it before it is given up.
const READERS_LEAVE: Duration = Duration::from_secs(10);
const READERS_POLL: Duration = Duration::from_millis(5);

/// Where the engine is.
pub(in crate::store::sled) enum Slot {
    /// Here.
    Open(Arc<Engine>),
    /// Closed until the disk has room again: sled's first error stays with a handle, so only a new one helps.
    Full,
    /// Closed for good.
    Closed,
}

impl Shared {
    /// Opens the engine that met a full disk again, all checks of the start included.
    ///
    /// # Errors
    /// See [`StoreCode`].
    pub(in crate::store::sled) fn reopen(&self, witness: &mut Witness) -> Result<(), StoreError> {
        let purposes = self.purposes();
        self.adopt(opening::open_checked(&self.settings, &self.keyring, &purposes, witness, None)?)
    }

    /// Opens the engine that lies in the store's place by now and holds the same as the one that is open, and lets readers have it.
    /// None of them finds none meanwhile. It returns once the last has left the old one, so that none looks at what was while something
    /// new is written, or when one does not leave.
    ///
    /// # Errors
    /// See [`StoreCode`]: readers have the old one.
    pub(in crate::store::sled) fn exchange(
        &self,
        witness: &mut Witness,
        vacuumed: Timestamp,
    ) -> Result<(), StoreError> {
        let purposes = self.purposes();
        let engine = opening::open_checked(&self.settings, &self.keyring, &purposes, witness, None)?;
        // Held until the end: what is admitted meanwhile is admitted to the new one.
        let purposes = self.purposes.lock();
        engine.admit(&purposes)?;
        let old = std::mem::replace(&mut *self.slot.write(), Slot::Open(Arc::new(engine)));
        drop(purposes);
        self.last_copies.lock().vacuumed = Some(vacuumed);
        if let Slot::Open(old) = old
            && let Err(error) = close(old)
        {
            // It goes once that reader leaves; what is read there was so a moment ago.
            tracing::warn!(code = %error.code, "store.old-file-still-read");
        }
        Ok(())
    }

    /// A handle of the engine, for one short reading: the engine cannot be closed while one is held.
    ///
    /// # Errors
    /// [`StoreCode::Closed`], [`StoreCode::DiskFull`], or why the store halted.
    pub(in crate::store::sled) fn engine(&self) -> Result<Arc<Engine>, StoreError> {
        if let Some(halt) = self.halt.get() {
            return Err(*halt);
        }
        match &*self.slot.read() {
            Slot::Open(engine) => Ok(Arc::clone(engine)),
            Slot::Full => Err(StoreError::of(StoreCode::DiskFull)),
            Slot::Closed => Err(StoreError::of(StoreCode::Closed)),
        }
    }

    /// Runs a reader's step; a panic of the engine in it halts the store.
    ///
    /// # Errors
    /// The step's own.
    pub(in crate::store::sled) fn reading<T>(
        &self,
        step: impl FnOnce(&Engine) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let engine = self.engine()?;
        match guarded(|| step(&engine)) {
            Err(error) if error.code == StoreCode::Damaged => Err(self.halt(error)),
            Err(error) => {
                self.note_full(error);
                Err(error)
            }
            read => read,
        }
    }

    /// Tells the writer that somebody met a full disk: sled completes a split of its tree also while reading, and its
    /// first error stays with the handle. Nothing but a new one helps, also where nobody writes.
    pub(in crate::store::sled) fn note_full(&self, error: StoreError) {
        if error.code == StoreCode::DiskFull {
            self.met_full.store(true, Ordering::SeqCst);
        }
    }

    /// True if somebody met a full disk since the last call.
    pub(in crate::store::sled) fn take_met_full(&self) -> bool {
        self.met_full.swap(false, Ordering::SeqCst)
    }

    /// True while the engine is closed for want of room.
    pub(in crate::store::sled) fn is_full(&self) -> bool {
        matches!(&*self.slot.read(), Slot::Full)
    }

    /// Takes the engine out, waits for its readers to leave, and drops it.
    ///
    /// # Errors
    /// [`StoreCode::Stalled`] if a reader does not leave: the engine is then still open.
    pub(in crate::store::sled) fn evict(&self, leave: Slot) -> Result<(), StoreError> {
        let taken = {
            let mut slot = self.slot.write();
            std::mem::replace(&mut *slot, leave)
        };
        let Slot::Open(engine) = taken else { return Ok(()) };
        close(engine)
    }

    /// Reads into memory what an engine holds, and puts it into its place.
    pub(super) fn adopt(&self, engine: Engine) -> Result<(), StoreError> {
        let mut stored = HashMap::new();
        for purpose in engine.purposes() {
            // What is not counted a scan finds, and says.
            let key = meta::stored(&purpose);
            let count = engine
                .read(&Place::Meta, &key)?
                .and_then(|bytes| self.unreadable.or_passed_over(&Place::Meta, &key, layout::number(&bytes)));
            stored.insert(purpose.clone(), count.unwrap_or(0));
        }
        if let Some(seen) = recorded(&engine, meta::CLOCK_MS)? {
            self.mark.adopt(seen, recorded(&engine, meta::CLOCK_CERTAIN_MS)?);
        }
        let mut missing = BTreeMap::new();
        engine.visit(&Place::Meta, meta::MISSING.range(), |key, value| {
            if let Some(purpose) = meta::MISSING.purpose(key) {
                // How many nobody can read; that there are some is what counts, until the next scan.
                let count = self.unreadable.or_passed_over(&Place::Meta, key, layout::number(value));
                missing.insert(purpose, count.unwrap_or(1));
            }
            Ok(true)
        })?;
        *self.suppressions.write() =
            suppression_rows::held(&engine, self.keyring.as_ref(), &self.unreadable)?;
        *self.vigils.write() = vigil_rows::held(&engine, &self.unreadable)?;
        *self.tombstones.write() = erasure_rows::tombstones(&engine, &self.unreadable)?;
        let number = |key: &[u8]| -> Result<Option<u64>, StoreError> {
            let read = engine.read(&Place::Meta, key)?.map(|bytes| layout::number(&bytes));
            Ok(read.and_then(|read| self.unreadable.or_passed_over(&Place::Meta, key, read)))
        };
        let early = number(meta::EARLY)?.unwrap_or(0);
        // Where nothing is stored there is nothing to look at.
        let is_empty = stored.values().all(|count| *count == 0);
        *self.early.lock() = (early, number(meta::EARLY_LOOKED_AT)?.or(is_empty.then_some(early)));
        *self.last_copies.lock() = LastCopies {
            backed_up: recorded(&engine, meta::BACKED_UP_AT)?,
            vacuumed: recorded(&engine, meta::VACUUMED_AT)?,
            restored: recorded(&engine, meta::RESTORED_AT)?,
        };
        *self.restrictions.write() = restriction_rows::all(&engine, &self.unreadable)?;
        let paused = engine.read(&Place::Meta, meta::ASKING_PAUSED)?.is_some();
        self.asking_paused.store(paused, Ordering::SeqCst);
        *self.mails.lock() = outbox_rows::held(&engine, &self.unreadable, self.epoch)?;
        let mut index = ParkedIndex::read(&engine, self.keyring.as_ref())?;
        index.set_commit(engine.counter(&Place::Meta, meta::COMMIT)?);
        self.index().replace(index);
        self.set_missing(&missing);
        *self.stored.lock() = stored;
        *self.slot.write() = Slot::Open(Arc::new(engine));
        Ok(())
    }
}

/// Waits for the readers of an engine that nobody finds any more, and drops it.
///
/// # Errors
/// [`StoreCode::Stalled`] if a reader does not leave: the engine is then still open.
fn close(mut engine: Arc<Engine>) -> Result<(), StoreError> {
    let mut waited = Duration::ZERO;
    loop {
        match Arc::try_unwrap(engine) {
            Ok(engine) => {
                return guarded(|| {
                    drop(engine);
                    Ok(())
                });
            }
            Err(_) if waited >= READERS_LEAVE => return Err(StoreError::of(StoreCode::Stalled)),
            Err(held) => engine = held,
        }
        std::thread::sleep(READERS_POLL);
        waited += READERS_POLL;
    }
}

/// A moment of the clock that a commit recorded.
fn recorded(engine: &Engine, key: &[u8]) -> Result<Option<Timestamp>, StoreError> {
    let Some(bytes) = engine.read(&Place::Meta, key)? else { return Ok(None) };
    let ms = bytes.as_ref().try_into().map_err(|_| StoreError::of(StoreCode::Damaged))?;
    crate::store::sled::layout::moment(i64::from_be_bytes(ms)).map(Some)
}
