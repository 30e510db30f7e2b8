//! The one thread that writes: it takes what has queued up, works it out as one draft, applies it as one transaction,
//! flushes, fdatasyncs, writes the witness, and only then answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::disk::free_bytes;
use crate::store::sled::draft::{Draft, Effect};
use crate::store::sled::engine::{Engine, SyncError};
use crate::store::sled::opening;
use crate::store::sled::shared::{Shared, Slot};
use crate::store::witness::{Testimony, Witness};
use crate::store::{StoreCode, StoreError};

/// At most this many outcomes share a sync: beyond it latency grows and throughput does not (measured).
pub(super) const OUTCOMES_MAX: usize = 256;
/// How many calls may wait for the writer before the next waits for a place.
const QUEUE_CALLS: usize = 64;
/// How long a caller waits; sled's own waits have no end.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Room that must be there before a store that met a full disk is opened again, whatever the floor.
const REOPEN_FREE_BYTES: u64 = 16 * 1024 * 1024;

/// One call's part of a transaction.
trait Work: Send {
    /// How many outcomes it counts for.
    fn weight(&self) -> usize;
    /// Works its part out.
    fn apply(&mut self, draft: &mut Draft<'_>);
    /// A failure of the engine itself that it met.
    fn fault(&self) -> Option<StoreError>;
    /// Tells the caller, once everything is durable or nothing is.
    fn answer(self: Box<Self>, synced: Result<(), StoreError>);
}

struct Call<T, F> {
    weight: usize,
    work: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Work for Call<T, F>
where
    T: Send,
    F: FnOnce(&mut Draft<'_>) -> Result<T, StoreError> + Send,
{
    fn weight(&self) -> usize {
        self.weight
    }

    fn apply(&mut self, draft: &mut Draft<'_>) {
        if let Some(work) = self.work.take() {
            self.outcome = Some(draft.attempt(work));
        }
    }

    fn fault(&self) -> Option<StoreError> {
        let error = *self.outcome.as_ref()?.as_ref().err()?;
        matches!(error.code, StoreCode::Damaged | StoreCode::Io).then_some(error)
    }

    fn answer(self: Box<Self>, synced: Result<(), StoreError>) {
        let outcome = self.outcome.unwrap_or(Err(StoreError::of(StoreCode::Halted)));
        // Whoever asked may have left; what was done stays done.
        let _ = self.answer.send(synced.and(outcome));
    }
}

enum Message {
    Work(Box<dyn Work>),
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
    ) -> Result<(Self, JoinHandle<Result<(), StoreError>>), StoreError> {
        let (queue, calls) = mpsc::channel(QUEUE_CALLS);
        let thread = WriterThread { shared: Arc::clone(&shared), witness, calls };
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
        let (answer, answered) = oneshot::channel();
        let call = Box::new(Call { weight, work: Some(work), outcome: None, answer });
        let asked = async {
            if self.queue.send(Message::Work(call)).await.is_err() {
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

struct WriterThread {
    shared: Arc<Shared>,
    witness: Witness,
    calls: mpsc::Receiver<Message>,
}

impl WriterThread {
    fn run(mut self) -> Result<(), StoreError> {
        let mut closing = false;
        while let Some(message) = self.calls.blocking_recv() {
            match message {
                Message::Work(first) => closing |= self.serve(first),
                Message::Close => closing = true,
            }
            if closing {
                // What is queued is still served; the channel ends when it is empty.
                self.calls.close();
            }
        }
        self.finish()
    }

    /// Serves a call together with what has queued up behind it. True if the store is to close.
    fn serve(&mut self, first: Box<dyn Work>) -> bool {
        let mut closing = false;
        let mut outcomes = first.weight();
        let mut group = vec![first];
        while outcomes < OUTCOMES_MAX {
            match self.calls.try_recv() {
                Ok(Message::Work(next)) => {
                    outcomes += next.weight();
                    group.push(next);
                }
                Ok(Message::Close) => closing = true,
                Err(_) => break,
            }
        }
        let step = catch_unwind(AssertUnwindSafe(|| self.commit(&mut group)));
        let synced = step.unwrap_or_else(|_| Err(Failure::Halt(StoreError::of(StoreCode::Damaged))));
        let synced = synced.map_err(|failure| self.fail(failure));
        for work in group {
            work.answer(synced);
        }
        self.shared.set_stalled(false);
        if synced.is_ok() {
            self.make_keys_ahead();
        }
        closing
    }

    fn commit(&mut self, group: &mut [Box<dyn Work>]) -> Result<(), Failure> {
        if let Some(halt) = self.shared.halted() {
            return Err(Failure::Refuse(halt));
        }
        self.require_room()?;
        let engine = self.shared.engine().map_err(Failure::Refuse)?;
        let mut draft = Draft::begin(&self.shared, &engine);
        for work in group.iter_mut() {
            work.apply(&mut draft);
            if let Some(fault) = work.fault() {
                return Err(Failure::Halt(fault));
            }
        }
        if draft.is_empty() {
            return Ok(());
        }
        let (changes, commit, effects) = draft.finish().map_err(Failure::of_engine)?;
        engine.apply(&changes).map_err(Failure::of_engine)?;
        engine.sync().map_err(|error| match error {
            SyncError::Flush(error) => Failure::of_engine(error),
            SyncError::Sync(error) => Failure::Halt(error),
        })?;
        testify(&mut self.witness, &engine, commit).map_err(Failure::Halt)?;
        drop(engine);
        self.learn(effects);
        Ok(())
    }

    /// Refuses before anything is written while the disk is below its floor; opens the store again once there is room.
    fn require_room(&mut self) -> Result<(), Failure> {
        let full = StoreError::of(StoreCode::DiskFull);
        let settings = &self.shared.settings;
        let free = free_bytes(&settings.path).map_err(|error| Failure::Refuse(StoreError::io(error)))?;
        if free < settings.free_disk_min_bytes {
            return Err(Failure::Refuse(full));
        }
        match self.shared.engine() {
            Err(error) if error.code == StoreCode::DiskFull => {
                if free < REOPEN_FREE_BYTES {
                    return Err(Failure::Refuse(full));
                }
                opening::reopen(&self.shared, &mut self.witness).map_err(Failure::of_engine)?;
                tracing::info!(disk.free_bytes = free, "store.reopened");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn learn(&self, effects: Vec<Effect>) {
        let mut index = self.shared.index();
        let mut stored = self.shared.stored();
        for effect in effects {
            match effect {
                Effect::Parked(position) => index.insert(position),
                Effect::Unparked(position) => index.remove(&position),
                Effect::Stored(purpose, count) => {
                    stored.insert(purpose, count);
                }
            }
        }
    }

    /// Acts on a failure and says what the callers hear.
    fn fail(&self, failure: Failure) -> StoreError {
        match failure {
            Failure::Refuse(error) => error,
            Failure::Full => {
                tracing::warn!("store.disk-full");
                match self.shared.evict(Slot::Full) {
                    Ok(()) => StoreError::of(StoreCode::DiskFull),
                    Err(error) => self.shared.halt(error),
                }
            }
            Failure::Halt(error) => self.shared.halt(error),
        }
    }

    /// Makes the keys of the buckets that the next transaction may reach, after the callers were answered.
    fn make_keys_ahead(&self) {
        let ahead =
            self.shared.engine().and_then(|engine| super::settle::make_keys_ahead(&self.shared, &engine));
        if let Err(error) = ahead {
            // The next transaction needs them and will say so to its caller.
            tracing::warn!(code = %error.code, io.kind = ?error.io, "store.keys-ahead-failed");
        }
    }

    fn finish(mut self) -> Result<(), StoreError> {
        if let Some(halt) = self.shared.halted() {
            return Err(halt);
        }
        let engine = match self.shared.engine() {
            Ok(engine) => engine,
            // Nothing is open, so nothing is unsynced: every answered commit was.
            Err(_) => return Ok(()),
        };
        engine.sync().map_err(|error| match error {
            SyncError::Flush(error) | SyncError::Sync(error) => error,
        })?;
        let commit = self.witness.last().commit;
        testify(&mut self.witness, &engine, commit)
    }
}

/// Records in the witness how far the synced engine has come.
pub(super) fn testify(witness: &mut Witness, engine: &Engine, commit: u64) -> Result<(), StoreError> {
    let testimony = Testimony { commit, db_bytes: engine.db_bytes()?, ..witness.last() };
    witness.record(&testimony).map_err(StoreError::io)
}

/// What a failed step means.
#[derive(Clone, Copy)]
enum Failure {
    /// Nothing was written: the callers may try again.
    Refuse(StoreError),
    /// sled met a full disk: its handle is dead for good, another one will do.
    Full,
    /// What is on disk is not known: only a restart helps.
    Halt(StoreError),
}

impl Failure {
    fn of_engine(error: StoreError) -> Self {
        match error.code {
            StoreCode::DiskFull => Self::Full,
            _ => Self::Halt(error),
        }
    }
}
