//! The one thread that writes: it takes what has queued up, works it out as one draft, applies it as one transaction,
//! flushes, fdatasyncs, writes the witness, and only then answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot};

use crate::attention::Concern;
use crate::lifecycle::wait::wait_for;
use crate::machine::disk::free_bytes;
use crate::machine::priority;
use crate::store::sled::draft::{Draft, Finished, OUTCOMES_MAX};
use crate::store::sled::engine::SyncError;
use crate::store::sled::engine::opening::testify;
use crate::store::sled::engine::witness::Witness;
use crate::store::sled::keys_ahead;
use crate::store::sled::ledger::{self, Line};
use crate::store::sled::queued::QueuedCall;
use crate::store::sled::shared::{Shared, Slot};
use crate::store::sled::tending;
use crate::store::sled::unfinished::Unfinished;
use crate::store::sled::writer::{Ended, Message};
use crate::store::{StoreCode, StoreError};

/// Room that must be there before a store that met a full disk is opened again, whatever the floor.
const REOPEN_FREE_BYTES: u64 = 16 * 1024 * 1024;
/// What takes away, erasures and what ends by its time (with the dates that this waits for), is taken down to this part of the
/// floor.
const ERASES_DOWN_TO: u64 = 4;
/// How often an idle writer looks after what nobody asks for: without a call a store that met a full disk would stay
/// closed, since accepting is refused meanwhile and nothing else writes.
const TICK: Duration = Duration::from_secs(1);
/// How far the recorded clock may lag behind: well below the leap that is not believed, so that a quiet week is none.
const MARK_LAG: SignedDuration = SignedDuration::from_hours(6);

pub(super) struct WriterThread {
    pub(super) shared: Arc<Shared>,
    pub(super) witness: Witness,
    pub(super) calls: mpsc::Receiver<Message>,
    /// The keyring's generation that the last commit recorded.
    generation: u64,
    /// The highest clock that the last commit of this run recorded.
    mark: Option<Timestamp>,
    /// Erasures and records written anew that are durable in the store and have no end yet.
    unfinished: Unfinished,
    /// The full disk that is met now stands in the log.
    full_told: bool,
    /// Why keys could not be made ahead, as it stands in the log.
    keys_told: Option<StoreError>,
}

impl WriterThread {
    /// One that has done nothing yet; the last commit recorded this generation of the keyring.
    pub(super) fn new(
        shared: Arc<Shared>,
        witness: Witness,
        calls: mpsc::Receiver<Message>,
        generation: u64,
        unfinished: Unfinished,
    ) -> Self {
        let (mark, full_told, keys_told) = (None, false, None);
        Self { shared, witness, calls, generation, mark, unfinished, full_told, keys_told }
    }

    /// Serves whoever asks until the store closes.
    pub(super) fn run(mut self) -> Ended {
        priority::yield_to_listeners();
        let mut closing = false;
        self.tick();
        loop {
            match wait_for(self.calls.recv(), TICK) {
                Some(Some(Message::Call(first))) => closing |= self.serve(first),
                Some(Some(Message::Look(asked))) => self.look(asked),
                Some(Some(Message::Copy(copying))) => closing |= self.copy(copying),
                Some(Some(Message::Close)) => closing = true,
                Some(None) => break,
                None => self.tick(),
            }
            if closing {
                // What is queued is still served; the channel ends when it is empty.
                self.calls.close();
            }
        }
        let result = self.finish();
        Ended { result, witness: self.witness }
    }

    /// Serves a call together with what has queued up behind it. True if the store is to close.
    fn serve(&mut self, first: Box<dyn QueuedCall>) -> bool {
        let mut closing = false;
        let mut outcomes = first.weight();
        let (mut group, mut looks, mut copies) = (vec![first], Vec::new(), Vec::new());
        while outcomes < OUTCOMES_MAX {
            match self.calls.try_recv() {
                Ok(Message::Call(next)) => {
                    outcomes += next.weight();
                    group.push(next);
                }
                Ok(Message::Look(asked)) => looks.push(asked),
                Ok(Message::Copy(copying)) => copies.push(copying),
                Ok(Message::Close) => closing = true,
                Err(_) => break,
            }
        }
        let synced = self.step(|writer| writer.commit(&mut group));
        let (waiting, others): (Vec<_>, Vec<_>) = group.into_iter().partition(|call| call.punctures());
        others.into_iter().for_each(|work| work.answer(synced));
        if synced.is_ok() {
            self.puncture();
        }
        waiting.into_iter().for_each(|work| work.answer(synced));
        self.shared.set_stalled(false);
        if synced.is_ok() {
            let _ = self.step(|writer| {
                writer.make_keys_ahead();
                Ok(())
            });
            self.record_progress();
        }
        looks.into_iter().for_each(|asked| self.look(asked));
        for copying in copies {
            closing |= self.copy(copying);
        }
        closing
    }

    pub(super) fn look(&mut self, asked: oneshot::Sender<Vec<Concern>>) {
        let mut concerns = Vec::new();
        let _ = self.step(|writer| {
            concerns = tending::look_after(&writer.shared, &mut writer.witness);
            Ok(())
        });
        // Whoever asked may have left.
        let _ = asked.send(concerns);
    }

    /// Runs a step; a panic in it, or its failure, is acted upon.
    pub(super) fn step(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), StoreError> {
        let ended = catch_unwind(AssertUnwindSafe(|| step(self)));
        let ended = ended.unwrap_or_else(|_| Err(Failure::Halt(StoreError::of(StoreCode::Damaged))));
        ended.map_err(|failure| self.fail(failure))
    }

    /// What is due while nobody asks for anything.
    fn tick(&mut self) {
        if self.shared.halted().is_some() {
            return;
        }
        // Whatever fails was acted upon, and is tried again at the next tick.
        let _ = self.step(Self::require_engine);
        self.puncture();
        self.record_progress();
    }

    /// Destroys the keys of what was taken away; those that cannot be destroyed now are tried again at the next tick.
    fn puncture(&mut self) {
        let _ = self.step(|writer| {
            writer.unfinished.puncture(&writer.shared);
            Ok(())
        });
    }

    /// Commits, if keyring or clock went ahead of the last commit: the store refuses a keyring that is older than it has
    /// seen and does not believe a clock far ahead of the one it has seen, so it must see both, also where no lead comes
    /// for days.
    pub(super) fn record_progress(&mut self) {
        if self.shared.halted().is_none() && !self.shared.is_full() && self.is_behind() {
            // Whatever fails was acted upon, and is tried again at the next tick.
            let _ = self.step(|writer| writer.commit(&mut []));
        }
    }

    fn is_behind(&self) -> bool {
        let mark = self.shared.look().now();
        self.unfinished.has_ended()
            || self.shared.keyring().generation() > self.generation
            || self.mark.is_none_or(|recorded| mark.duration_since(recorded) > MARK_LAG)
    }

    pub(super) fn commit(&mut self, group: &mut [Box<dyn QueuedCall>]) -> Result<(), Failure> {
        if let Some(halt) = self.shared.halted() {
            return Err(Failure::Refuse(halt));
        }
        self.require_room(group)?;
        self.require_engine()?;
        let engine = self.shared.engine().map_err(Failure::Refuse)?;
        let mut draft = Draft::begin(&self.shared, &engine);
        self.unfinished.finish(&mut draft).map_err(Failure::of_engine)?;
        for work in group.iter_mut() {
            if work.punctures() && self.unfinished.is_full() {
                work.refuse(StoreError::of(StoreCode::Keyring));
            }
            work.apply(&mut draft);
            if let Some(fault) = work.fault() {
                return Err(Failure::Halt(fault));
            }
        }
        if draft.is_empty() && !self.is_behind() {
            // What is asked for once more, and still pending, is durable already.
            self.unfinished.replace_ended(&self.shared, draft.into_punctures());
            return Ok(());
        }
        let Finished { changes, effects, punctures, sweep, lines, commit, generation, mark } =
            draft.finish().map_err(Failure::of_engine)?;
        // First: a line too many is asked for again, one too few is a person who comes back.
        note_in_ledger(&self.shared, &lines);
        let mut touches = self.shared.touches();
        touches.note(&changes);
        let applied = engine.apply(&changes);
        drop(touches);
        applied.map_err(Failure::of_engine)?;
        engine.sync().map_err(|error| match error {
            SyncError::Flush(error) => Failure::of_engine(error),
            SyncError::Sync(error) => Failure::Halt(error),
        })?;
        testify(&mut self.witness, &engine, commit).map_err(Failure::Halt)?;
        drop(engine);
        (self.generation, self.mark) = (generation, Some(mark));
        self.shared.learn(effects, commit);
        self.unfinished.replace_ended(&self.shared, punctures);
        self.unfinished.begin(sweep);
        Ok(())
    }

    /// Refuses before anything is written while the disk is below its floor. Whoever is to be forgotten waits for no disk:
    /// erasures are taken further down, and with them what ends by its time and the dates that it waits for; nothing else is.
    fn require_room(&self, group: &mut [Box<dyn QueuedCall>]) -> Result<(), Failure> {
        let (free, floor) = (self.free_bytes()?, self.shared.settings().free_disk_min_bytes);
        if free >= floor {
            return Ok(());
        }
        let full = StoreError::of(StoreCode::DiskFull);
        let erases = self.unfinished.has_ended() || group.iter().any(|call| call.erases());
        if !erases || free < floor / ERASES_DOWN_TO {
            return Err(Failure::Refuse(full));
        }
        group.iter_mut().filter(|call| !call.erases()).for_each(|call| call.refuse(full));
        Ok(())
    }

    /// Closes an engine that met a full disk, and opens it again once there is room.
    fn require_engine(&mut self) -> Result<(), Failure> {
        if self.shared.take_met_full() {
            return Err(Failure::Full);
        }
        if !self.shared.is_full() {
            return Ok(());
        }
        let free = self.free_bytes()?;
        if free < self.shared.settings().free_disk_min_bytes.max(REOPEN_FREE_BYTES) {
            return Err(Failure::Refuse(StoreError::of(StoreCode::DiskFull)));
        }
        self.shared.reopen(&mut self.witness).map_err(Failure::of_engine)?;
        let engine = self.shared.engine().map_err(Failure::Refuse)?;
        // What nobody was answered for may be durable all the same.
        self.unfinished.read_anew(&self.shared, &engine).map_err(Failure::of_engine)?;
        drop(engine);
        self.full_told = false;
        tracing::info!(disk.free_bytes = free, "store.reopened");
        Ok(())
    }

    fn free_bytes(&self) -> Result<u64, Failure> {
        free_bytes(&self.shared.settings().path).map_err(|error| Failure::Refuse(StoreError::io(error)))
    }

    /// Acts on a failure and says what the callers hear.
    fn fail(&mut self, failure: Failure) -> StoreError {
        match failure {
            Failure::Refuse(error) => error,
            Failure::Full => {
                if !self.full_told {
                    self.full_told = true;
                    tracing::warn!("store.disk-full");
                }
                match self.shared.evict(Slot::Full) {
                    Ok(()) => StoreError::of(StoreCode::DiskFull),
                    Err(error) => self.shared.halt(error),
                }
            }
            Failure::Halt(error) => self.shared.halt(error),
        }
    }

    /// Makes the keys of the buckets that the next transaction may reach, after the callers were answered.
    fn make_keys_ahead(&mut self) {
        let ahead = self.shared.engine().and_then(|engine| keys_ahead::make(&self.shared, &engine));
        let told = std::mem::replace(&mut self.keys_told, ahead.err());
        if let Some(error) = self.keys_told
            && told != Some(error)
        {
            // The next transaction that needs them will say so to its caller.
            tracing::warn!(code = %error.code, io.kind = ?error.io, "store.keys-ahead-failed");
        }
    }

    fn finish(&mut self) -> Result<(), StoreError> {
        self.record_progress();
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

/// Says in the ledger, where there is one, what a transaction is about to forget. Whoever is to be forgotten does not wait for
/// its disk: what could not be written is missing there by its number, and a restore says so.
fn note_in_ledger(shared: &Shared, lines: &[Line]) {
    let Some(path) = shared.settings().ledger.as_ref().filter(|_| !lines.is_empty()) else { return };
    let path = path.clone();
    let text = ledger::text(shared.keyring(), shared.random(), lines);
    if let Err(error) = text.and_then(|text| shared.ledger_disk().run(move || ledger::append(&path, &text))) {
        tracing::error!(io.kind = ?error.kind(), ledger.lines = lines.len(), "ledger.not-written");
    }
}

/// What a failed step means.
#[derive(Clone, Copy)]
pub(super) enum Failure {
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
