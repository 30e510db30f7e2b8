//! The one writer, as its callers see it: what is to be written is queued for its thread, and answered once it is durable.

mod copying;
mod thread;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::attention::Concern;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::witness::Witness;
use crate::store::sled::layout::{Place, meta};
use crate::store::sled::queued::{Asked, Manner, QueuedCall};
use crate::store::sled::shared::Shared;
use crate::store::sled::unfinished::Unfinished;
use crate::store::sled::writer::copying::Copying;
use crate::store::sled::writer::thread::WriterThread;
use crate::store::{BackedUp, NotVacuumed, StoreCode, StoreError, Vacuumed};

/// How many calls may wait for the writer before the next waits for a place.
const QUEUE_CALLS: usize = 64;
/// How long a caller waits; sled's own waits have no end.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
enum Message {
    Call(Box<dyn QueuedCall>),
    /// To compare what lies on the disk with what is open.
    Look(oneshot::Sender<Vec<Concern>>),
    /// To copy everything.
    Copy(Copying),
    Close,
}

/// The callers' side of the writer.
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    shared: Arc<Shared>,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(
        shared: Arc<Shared>,
        witness: Witness,
        unfinished: Unfinished,
    ) -> Result<(Self, JoinHandle<Ended>), StoreError> {
        let (queue, calls) = mpsc::channel(QUEUE_CALLS);
        let generation = shared.reading(|engine| engine.counter(&Place::Meta, meta::KEYRING_GENERATION))?;
        let thread = WriterThread::new(Arc::clone(&shared), witness, calls, generation, unfinished);
        let handle = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || thread.run())
            .map_err(StoreError::io)?;
        Ok((Self { queue, shared }, handle))
    }

    /// Has `work` done within a transaction that is durable when this returns.
    ///
    /// # Errors
    /// What `work` refuses; [`StoreCode::Stalled`]: no answer in time, and what was asked may still happen.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        weight: usize,
        work: impl FnOnce(&mut Draft<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(weight, Manner::Writes, work).await
    }

    /// The same; what it has punctured is so when this returns, or was tried: see [`Puncture::ended`].
    ///
    /// [`Puncture::ended`]: crate::store::sled::draft::Puncture::ended
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub(super) async fn write_and_puncture<T: Send + 'static>(
        &self,
        weight: usize,
        work: impl FnOnce(&mut Draft<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(weight, Manner::Erases, work).await
    }

    /// The same for records that are written anew, which take room as any others do.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub(super) async fn rewrite<T: Send + 'static>(
        &self,
        weight: usize,
        work: impl FnOnce(&mut Draft<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(weight, Manner::Rewrites, work).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        weight: usize,
        manner: Manner,
        work: impl FnOnce(&mut Draft<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        // Its thread turns away what waits between batches of rows; the rest of a copy may take longer than anybody waits.
        if self.shared.is_copying() {
            return Err(StoreError::of(StoreCode::CopyUnderWay));
        }
        let (answer, answered) = oneshot::channel();
        let call = Box::new(Asked::of(weight, manner, work, answer));
        let asked = async {
            if self.queue.send(Message::Call(call)).await.is_err() {
                return Err(self.gone());
            }
            answered.await.unwrap_or_else(|_| Err(self.gone()))
        };
        match tokio::time::timeout(ANSWER_WITHIN, asked).await {
            Ok(outcome) => outcome,
            Err(_) => {
                self.shared.set_stalled(true);
                tracing::error!(code = %StoreCode::Stalled, "store.stalled");
                Err(StoreError::of(StoreCode::Stalled))
            }
        }
    }

    /// Has what lies on the disk compared with what is open.
    ///
    /// # Errors
    /// [`StoreCode::Stalled`]: no answer in time. [`StoreCode::Closed`], or why the store halted.
    pub(super) async fn look_after(&self) -> Result<Vec<Concern>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            let sent = self.queue.send(Message::Look(answer)).await;
            sent.map_err(|_| self.gone())?;
            answered.await.map_err(|_| self.gone())
        };
        let stalled = Err(StoreError::of(StoreCode::Stalled));
        tokio::time::timeout(ANSWER_WITHIN, asked).await.unwrap_or(stalled)
    }

    /// Has a backup made. It ends by itself; nobody waits longer than it takes.
    ///
    /// # Errors
    /// As [`crate::store::Backups::back_up`].
    pub(super) async fn back_up(&self, to: PathBuf) -> Result<BackedUp, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.have_copied(Copying::Backup(to, answer)).await?;
        answered.await.unwrap_or_else(|_| Err(self.gone()))
    }

    /// Has the store vacuumed. The same.
    ///
    /// # Errors
    /// As [`crate::store::Backups::vacuum`].
    pub(super) async fn vacuum(&self) -> Result<Vacuumed, NotVacuumed> {
        let (answer, answered) = oneshot::channel();
        self.have_copied(Copying::Vacuum(answer)).await?;
        answered.await.unwrap_or_else(|_| Err(self.gone().into()))
    }

    async fn have_copied(&self, copying: Copying) -> Result<(), StoreError> {
        let sent = tokio::time::timeout(ANSWER_WITHIN, self.queue.send(Message::Copy(copying)));
        match sent.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.gone()),
            Err(_) => Err(StoreError::of(StoreCode::Stalled)),
        }
    }

    /// Asks the thread to finish what it has and end.
    pub(super) async fn close(&self) {
        let sent = tokio::time::timeout(ANSWER_WITHIN, self.queue.send(Message::Close));
        // If it has ended already there is nobody to tell.
        let _ = sent.await;
    }

    fn gone(&self) -> StoreError {
        self.shared.halted().unwrap_or(StoreError::of(StoreCode::Closed))
    }
}

/// What the thread leaves behind.
pub(super) struct Ended {
    pub(super) result: Result<(), StoreError>,
    pub(super) witness: Witness,
}
