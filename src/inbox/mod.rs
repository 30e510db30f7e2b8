//! The journal before the store: what is acknowledged to Meta is on the disk here first.
//!
//! `accept` ▸ a caller seals its references into a buffer that it shares with others (`accept.rs`) ▸ one thread writes
//! the buffer, fdatasyncs and wakes them all at once (`writer.rs`) ▸ `claim` hands references to the fetcher
//! (`queue.rs`) ▸ `done` when their ends are durable in the store; a segment whose references all have one is recycled
//! (`keeper.rs`). At start every segment is read again (`replay.rs`): that is the whole recovery. What the keeper told the
//! witness (`witness.rs`) then lets it say what is not there (`missing.rs`).

mod accept;
mod batch;
#[doc(hidden)]
pub mod door;
mod frame;
mod keeper;
mod ledger;
mod looks;
mod missing;
mod queue;
mod replay;
mod room;
mod segment;
mod segments;
mod shared;
mod tending;
mod witness;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock::{Clock, Day};
use crate::id::{FormId, LeadgenId};
use crate::keyring::{Keyring, KeyringError};
use crate::lifecycle::ending::join_until;
use crate::machine::disk;
use crate::machine::own::{self, Directory};
use crate::notification::{Claims, Lane, LeadRef};
use crate::random::Random;

// What a call costs to seal is measured by itself (benches/parts.rs).
pub use frame::{DayKey, seal as seal_frame};
use keeper::Keeper;
use ledger::Ledger;
use segment::{Disk, Media, Shelf};
use shared::{Limits, SEGMENT_BYTES, Shared};
use witness::Witness;
use writer::Writer;

/// How long closing may take; a disk's own waits have no end.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

crate::codes! {
    /// Why the inbox refuses, halts or fails.
    pub enum InboxCode {
        /// As many references are queued and parked as the config allows, or the segments are full of them.
        Full = "inbox-full",
        /// All that is new in the call would only be held, and of that there is as much as the config allows.
        HeldFull = "inbox-held-full",
        /// The disk is below its floor: waits for room.
        DiskFull = "inbox-disk-full",
        /// The disk is taking too long: nothing is lost, nothing is promised.
        Stalled = "inbox-stalled",
        /// A new segment could not be made.
        NoSegment = "inbox-no-segment",
        /// One call holds more references than a segment: the body's cap does not allow it.
        CallTooLarge = "inbox-call-too-large",
        /// It was closed.
        Closed = "inbox-closed",
        /// It stopped after a failure; only a restart helps.
        Halted = "inbox-halted",
        /// One of its threads panicked.
        Panicked = "inbox-panicked",
        /// A file could not be read, written or synced.
        Io = "inbox-io",
        /// A segment or the directory belongs to another user, is a link or has a second name, or anybody may exchange it.
        NotOwn = "inbox-not-own",
        /// A segment is damaged where it had been durable.
        Corrupt = "inbox-corrupt",
        /// A segment belongs to another instance.
        Foreign = "inbox-foreign",
        /// A later version wrote a segment.
        Format = "inbox-format-unknown",
        /// Another process holds the inbox.
        Locked = "inbox-locked",
        /// A day's key is missing, does not open what it sealed, or could not be made.
        Key = "inbox-key",
        /// The system gave no randomness.
        NoRandomness = "inbox-no-randomness",
        /// The store cannot say whether a reference is known.
        Store = "inbox-store",
    }
}

impl InboxCode {
    /// True if nothing is in doubt after it, and a later call may be taken.
    pub fn passes(self) -> bool {
        matches!(
            self,
            Self::Full
                | Self::HeldFull
                | Self::DiskFull
                | Self::Stalled
                | Self::NoSegment
                | Self::CallTooLarge
        )
    }
}

/// The inbox's refusal or failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}")]
pub struct InboxError {
    /// Which.
    pub code: InboxCode,
    /// What the system said, where it was the system.
    pub io: Option<io::ErrorKind>,
}

impl InboxError {
    /// A refusal without a word from the system.
    pub const fn of(code: InboxCode) -> Self {
        Self { code, io: None }
    }

    #[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
    fn io(error: io::Error) -> Self {
        let code = if own::refusal(&error).is_some() { InboxCode::NotOwn } else { InboxCode::Io };
        Self { code, io: Some(error.kind()) }
    }

    fn keyring(error: KeyringError) -> Self {
        Self { code: InboxCode::Key, io: error.io }
    }
}

/// What the inbox needs to know of the config.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The directory of its segments.
    pub path: PathBuf,
    /// The file that knows what was answered for: it lies elsewhere than what it bears witness of, in a directory that is
    /// there.
    pub witness: PathBuf,
    /// The most references that may be queued and parked together.
    pub max_references: u64,
    /// The most references of one form that may be held. All held ones together take half of the bound above at the most.
    pub max_held_by_form: u64,
    /// Below so many free bytes on the disk nothing new is accepted.
    pub free_disk_min_bytes: u64,
    /// The largest body of one call: its references must fit into a segment.
    pub body_max_bytes: usize,
}

/// What the store knows of references.
#[async_trait]
pub trait Known: Send + Sync {
    /// One look for all references of a call. Never asked under the inbox's lock.
    ///
    /// # Errors
    /// The store cannot say.
    async fn look(&self, references: &[LeadRef]) -> Result<Looked, InboxCode>;

    /// What is claimed, so that it can be told what would only be held; none: nothing is told apart. On the path of
    /// accepting: it is at hand, and nothing is looked up for it.
    fn claims(&self) -> Option<Claims>;

    /// How many references are held in the store, all together and of each of these forms. Never asked under the inbox's
    /// lock.
    ///
    /// # Errors
    /// The store cannot say.
    async fn held(&self, forms: &[FormId]) -> Result<Held, InboxCode>;
}

/// What a look into the store found.
pub struct Looked {
    /// Of each reference, in the order in which they were asked for: true if it has an end, or is parked.
    pub known: Vec<bool>,
    /// How many references are parked and come back: they count against the bound.
    pub parked: u64,
}

/// How many references are held in the store.
pub struct Held {
    /// All together.
    pub total: u64,
    /// Of each form that was asked for, in that order.
    pub of_forms: Vec<u64>,
}

/// A call that is durable.
pub struct Accepted {
    /// Its references that were not known before.
    pub new: Vec<LeadRef>,
    /// How many others it had: queued or settled already, or twice in the call.
    pub known: usize,
    /// How many were not taken: they would only be held, and of that there is enough.
    pub over: usize,
}

/// How many segments there are, and what went through them since open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Frames made durable: calls with something new.
    pub frames: u64,
    /// Segments that hold frames.
    pub segments_live: usize,
    /// Segments ready to be written.
    pub segments_spare: usize,
    /// References that were answered for and were not there at open, at the most.
    pub references_missing: u64,
}

/// Room on the disk of the segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskRoom {
    /// Bytes that are free.
    pub free_bytes: u64,
    /// Below so many nothing new is taken.
    pub floor_bytes: u64,
}

/// The inbox. Dropping it closes it.
pub struct Inbox {
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
}

struct Running {
    writer: JoinHandle<()>,
    keeper: JoinHandle<()>,
    /// Locked as long as it is open, so that no second process writes here.
    directory: File,
}

impl Inbox {
    /// Opens the inbox, makes its directory if there is none, replays what is in it, and starts its two threads. What had
    /// been acknowledged and is not there any more is said, once ([`Figures::references_missing`]), and no reason to refuse
    /// what comes.
    ///
    /// # Errors
    /// [`InboxCode::Corrupt`] and [`InboxCode::Key`] if something that was acknowledged is there and cannot be read: nothing
    /// is changed then. [`InboxCode::Locked`], [`InboxCode::Foreign`], [`InboxCode::Format`], [`InboxCode::Io`], and what `known`
    /// says.
    pub async fn open(
        settings: Settings,
        keyring: Arc<dyn Keyring>,
        known: Arc<dyn Known>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, InboxError> {
        Self::open_with_segments(SEGMENT_BYTES, settings, keyring, known, clock, random).await
    }

    /// The same with segments of another size, at least what one call of the largest body needs: small ones fill, end and
    /// are recycled within a short simulation.
    ///
    /// # Errors
    /// As [`Inbox::open`].
    pub async fn open_with_segments(
        segment_bytes: u64,
        settings: Settings,
        keyring: Arc<dyn Keyring>,
        known: Arc<dyn Known>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, InboxError> {
        Self::open_on(Box::new(Disk), segment_bytes, settings, keyring, known, clock, random).await
    }

    /// Makes the references of one call durable, all that it takes or none, and returns only then. What would only be held is
    /// passed over where as much is held as may be; if that is all of the call, it is refused. Dropping the future loses nothing but
    /// the answer. Needs a tokio runtime with time.
    ///
    /// # Errors
    /// Nothing of the call is acknowledged: [`InboxCode::Full`], [`InboxCode::HeldFull`], [`InboxCode::DiskFull`], [`InboxCode::Stalled`],
    /// [`InboxCode::Closed`], [`InboxCode::Halted`], and what `known` says.
    pub async fn accept(&self, references: Vec<LeadRef>) -> Result<Accepted, InboxError> {
        self.shared.accept(references).await
    }

    /// Claims up to `max` references of the oldest one's lane, oldest first. They are leased in memory until
    /// [`Inbox::done`] or [`Inbox::release`].
    pub fn claim(&self, max: usize) -> Option<(Lane, Vec<LeadRef>)> {
        self.shared.lock().claim(max)
    }

    /// Claims up to `max` references of this lane, oldest first.
    pub fn claim_of(&self, lane: &Lane, max: usize) -> Vec<LeadRef> {
        self.shared.lock().claim_of(lane, max)
    }

    /// Gives claimed references of a lane back, to their old places.
    pub fn release(&self, lane: &Lane, leadgens: &[LeadgenId]) {
        self.shared.lock().release(lane, leadgens);
    }

    /// The ends of these references of a lane are durable in the store (which must already say so when asked): they leave the queue.
    /// Unknown ones are passed over.
    pub fn done(&self, lane: &Lane, leadgens: &[LeadgenId]) {
        let finished = self.shared.lock().done(lane, leadgens);
        if finished {
            self.shared.nudge_keeper();
        }
    }

    /// How many references are here, claimed ones included.
    pub fn queued(&self) -> u64 {
        self.shared.lock().queue().len() as u64
    }

    /// True if a reference of this submission is here, claimed or not, of whatever form and page.
    pub fn holds(&self, leadgen: &LeadgenId) -> bool {
        self.shared.lock().queue().holds(leadgen)
    }

    /// The lane of the oldest reference that is here, and when it was received.
    pub fn oldest(&self) -> Option<(Lane, Timestamp)> {
        self.shared.lock().queue().oldest()
    }

    /// Bytes that are free on the disk, as it was last looked at, and below how many nothing new is taken.
    pub fn disk(&self) -> DiskRoom {
        self.shared.space().room()
    }

    /// The days whose keys the inbox needs: of frames that a replay would read, of what is being written, and the two that
    /// may seal now. No other day's key does.
    pub fn days(&self) -> Vec<Day> {
        self.shared.lock().days()
    }

    /// Rung when new references are durable. Listen, then look, and look unasked now and then.
    pub fn arrived(&self) -> &Notify {
        self.shared.arrived()
    }

    /// Why it stopped for good, if it did.
    pub fn halted(&self) -> Option<InboxCode> {
        self.shared.lock().halted().map(|error| error.code)
    }

    /// True if a call with something new would be taken now.
    pub async fn ready(&self) -> bool {
        self.refusal().await.is_none()
    }

    /// Why a call with something new would not be taken now.
    pub async fn refusal(&self) -> Option<InboxCode> {
        let looked = self.shared.known().look(&[]).await;
        let ledger = self.shared.lock();
        if let Some(halted) = ledger.halted() {
            return Some(halted.code);
        }
        if let Err(closing) = ledger.check_open() {
            return Some(closing.code);
        }
        let held = match looked {
            Ok(Looked { parked, .. }) => (ledger.queue().len() as u64).saturating_add(parked),
            Err(code) => return Some(code),
        };
        match () {
            () if ledger.is_stalled() => Some(InboxCode::Stalled),
            () if held >= self.shared.settings().max_references => Some(InboxCode::Full),
            () if !self.shared.space().is_enough() => Some(InboxCode::DiskFull),
            () => None,
        }
    }

    /// Figures for the metrics.
    pub fn figures(&self) -> Figures {
        self.shared.lock().figures()
    }

    /// Tells how long each fdatasync of frames took, on the thread that writes. The first word holds.
    pub fn time_syncs(&self, told: impl Fn(Duration) + Send + Sync + 'static) {
        self.shared.time_syncs(Box::new(told));
    }

    /// Refuses what is new, makes durable what is in the buffer, writes the end marker, ends the threads. Blocks for as long
    /// as the disk takes, ten seconds at most. A second call waits for the first and says the same.
    ///
    /// # Errors
    /// Why the inbox halted, before or while closing. [`InboxCode::Stalled`]: the disk did not take the last of it in
    /// time; nobody was answered for that.
    pub fn close(&self) -> Result<(), InboxError> {
        self.close_within(CLOSE_WITHIN)
    }

    fn close_within(&self, within: Duration) -> Result<(), InboxError> {
        let mut running = self.running.lock();
        if let Some(Running { writer, keeper, directory }) = running.take() {
            let until = Instant::now() + within;
            self.shared.refuse_new();
            // A panic of theirs has halted the inbox, which is what is returned.
            let written = join_until(writer, until).is_some();
            self.shared.let_keeper_end();
            if !(join_until(keeper, until).is_some() && written) {
                // They may still write: nobody else may have the journal before this process is gone.
                std::mem::forget(directory);
                self.shared.halt(InboxError::of(InboxCode::Stalled));
            }
        }
        self.shared.lock().halted().map_or(Ok(()), Err)
    }

    async fn open_on(
        media: Box<dyn Media>,
        segment_bytes: u64,
        settings: Settings,
        keyring: Arc<dyn Keyring>,
        known: Arc<dyn Known>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, InboxError> {
        let directory = own_directory(&settings.path)?;
        let limits = Limits::of(&settings, segment_bytes);
        let shelf = Shelf::new(settings.path.clone(), keyring.instance(), limits.segment_bytes, media);
        let witness = Witness::open(settings.witness.clone(), shelf.instance())?;
        let replayed = replay::replay(&shelf, &*keyring, &*known, witness.last()).await?;
        let keys = keeper::day_keys(&*keyring, Day::of(clock.now()))?;
        tracing::info!(
            inbox.queued = replayed.queue.len(),
            inbox.segments = replayed.segments.count(),
            segment.bytes = limits.segment_bytes,
            "inbox.opened"
        );
        let ledger = Ledger::new(replayed, keys);
        let shared = Arc::new(Shared::new(settings, limits, shelf, keyring, known, clock, random, ledger));
        let mut keeper = Keeper::new(shared.clone(), witness);
        keeper.first_pass()?;
        let start = |name: &str, run: Box<dyn FnOnce() + Send>| {
            Builder::new().name(name.to_owned()).spawn(run).map_err(InboxError::io)
        };
        let writer = Writer::new(shared.clone());
        let writer = start("inbox-writer", Box::new(move || writer.run()))?;
        let keeper = match start("inbox-keeper", Box::new(move || keeper.run())) {
            Ok(keeper) => keeper,
            Err(error) => {
                shared.refuse_new();
                let _ = writer.join();
                return Err(error);
            }
        };
        Ok(Self { shared, running: Mutex::new(Some(Running { writer, keeper, directory })) })
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        // Said by the log when it halted.
        let _ = self.close();
    }
}

/// Makes the directory if there is none, and locks it for this process.
///
/// The names in it are made durable: a predecessor killed between naming a segment and syncing leaves one that a power
/// cut takes back, with every frame that is written and synced in it from now on.
fn own_directory(path: &Path) -> Result<File, InboxError> {
    disk::private_dir(path).map_err(InboxError::io)?;
    let directory = Directory::own(path).map_err(InboxError::io)?.into_file();
    match directory.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(InboxError::of(InboxCode::Locked)),
        Err(TryLockError::Error(error)) => return Err(InboxError::io(error)),
    }
    directory.sync_all().map_err(InboxError::io)?;
    Ok(directory)
}
