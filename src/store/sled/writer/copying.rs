//! Copies, on the writer's thread: as long as one is made nobody writes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::store::sled::draft::Draft;
use crate::store::sled::engine::guarded;
use crate::store::sled::layout::{Place, meta, moment_bytes};
use crate::store::sled::queued::{Asked, Manner};
use crate::store::sled::shared::{Effect, Shared};
use crate::store::sled::writer::{Message, WriterThread};
use crate::store::sled::{backup, vacuum};
use crate::store::{BackedUp, NotVacuumed, StoreCode, StoreError, Vacuumed};

/// What is to be copied where, and who waits for it.
pub(super) enum Copying {
    /// A backup, there.
    Backup(PathBuf, oneshot::Sender<Result<BackedUp, StoreError>>),
    /// Into a new file, in the place of the old one.
    Vacuum(oneshot::Sender<Result<Vacuumed, NotVacuumed>>),
}

impl Copying {
    fn refuse(self, error: StoreError) {
        // Whoever asked may have left.
        match self {
            Self::Backup(_, asked) => drop(asked.send(Err(error))),
            Self::Vacuum(asked) => drop(asked.send(Err(error.into()))),
        }
    }
}

impl WriterThread {
    /// Makes a copy. Whoever would have something written meanwhile is turned away at once: to wait for it would be to take
    /// the writer for one that hangs. True if the store is to close, which ends the copy.
    pub(super) fn copy(&mut self, copying: Copying) -> bool {
        let (shared, mut closing) = (Arc::clone(&self.shared), false);
        if let Some(halt) = shared.halted() {
            copying.refuse(halt);
            return false;
        }
        shared.set_copying(true);
        // Whoever asked may have left; what was made is there all the same.
        match copying {
            Copying::Backup(to, asked) => {
                let made = self.back_up(&shared, &to, &mut closing);
                shared.set_copying(false);
                let _ = asked.send(made);
            }
            Copying::Vacuum(asked) => {
                let made = self.vacuum(&shared, &mut closing);
                shared.set_copying(false);
                let _ = asked.send(made);
            }
        }
        self.record_progress();
        closing
    }

    fn back_up(&mut self, shared: &Shared, to: &Path, closing: &mut bool) -> Result<BackedUp, StoreError> {
        let made = guarded(|| backup::make(shared, to, &mut || self.turn_away(closing)))?;
        self.note_backup(made.at);
        Ok(made)
    }

    fn vacuum(&mut self, shared: &Shared, closing: &mut bool) -> Result<Vacuumed, NotVacuumed> {
        let begun = Instant::now();
        vacuum::require_in_place(shared)?;
        vacuum::require_room(shared)?;
        let copied = guarded(|| vacuum::copy(shared, &mut || self.turn_away(closing)));
        let copied = copied.inspect_err(|_| vacuum::leave(shared))?;
        let made = vacuum::or_halted(shared, || vacuum::exchange(shared, &mut self.witness, &copied))?;
        tracing::info!(
            store.records = made.records,
            store.bytes_before = made.before_bytes,
            store.bytes = made.store_bytes,
            store.took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            "store.vacuumed"
        );
        Ok(made)
    }

    /// Writes down when a backup was made: how old the last one is is told from then on, also after a restart.
    fn note_backup(&mut self, at: Timestamp) {
        let note = move |draft: &mut Draft<'_>| {
            draft.effect(Effect::BackedUp(at));
            draft.write(Place::Meta, meta::BACKED_UP_AT, moment_bytes(at))
        };
        let (answer, _) = oneshot::channel();
        let call = Box::new(Asked::of(1, Manner::Writes, note, answer));
        if let Err(error) = self.step(|writer| writer.commit(&mut [call])) {
            // It is there; that the store does not know of it is said.
            tracing::warn!(code = %error.code, "backup.not-dated");
        }
    }

    fn turn_away(&mut self, closing: &mut bool) -> Result<(), StoreError> {
        let copying = StoreError::of(StoreCode::CopyUnderWay);
        loop {
            match self.calls.try_recv() {
                Ok(Message::Call(mut call)) => {
                    call.refuse(copying);
                    call.answer(Ok(()));
                }
                Ok(Message::Look(asked)) => self.look(asked),
                Ok(Message::Copy(another)) => another.refuse(copying),
                Ok(Message::Close) => {
                    *closing = true;
                    return Err(StoreError::of(StoreCode::Closed));
                }
                Err(mpsc::error::TryRecvError::Empty) => return Ok(()),
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    return Err(StoreError::of(StoreCode::Closed));
                }
            }
        }
    }
}
