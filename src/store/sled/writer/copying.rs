//! Copies, on the writer's thread: as long as one is made nobody writes.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::store::sled::backup;
use crate::store::sled::engine::guarded;
use crate::store::sled::writer::{Message, WriterThread};
use crate::store::{BackedUp, StoreCode, StoreError};

impl WriterThread {
    /// Makes a backup. Whoever would have something written meanwhile is turned away at once: to wait for it would be to take
    /// the writer for one that hangs. True if the store is to close, which ends the backup.
    pub(super) fn copy(&mut self, to: &Path, asked: oneshot::Sender<Result<BackedUp, StoreError>>) -> bool {
        let (shared, mut closing) = (Arc::clone(&self.shared), false);
        let made = match shared.halted() {
            Some(halt) => Err(halt),
            None => {
                shared.set_copying(true);
                let made = guarded(|| backup::make(&shared, to, &mut || self.turn_away(&mut closing)));
                shared.set_copying(false);
                made
            }
        };
        self.record_progress();
        // Whoever asked may have left; the backup is there all the same.
        let _ = asked.send(made);
        closing
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
                Ok(Message::Copy(_, asked)) => drop(asked.send(Err(copying))),
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
