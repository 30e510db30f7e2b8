//! What callers, writer and keeper hold in common: the ledger under its lock, and the ways to wake each other.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::Notify;

use super::frame::{HEADER_BYTES, OVERHEAD_BYTES};
use super::ledger::Ledger;
use super::segment::{FIRST_FRAME, SegmentFile, Shelf};
use super::segments::SPARES_KEPT;
use super::witness::SEGMENTS_MAX;
use super::{DiskRoom, InboxCode, InboxError, Known, Settings};
use crate::clock::{Clock, Day};
use crate::keyring::Keyring;
use crate::machine::disk;
use crate::notification::LeadRef;
use crate::random::Random;

/// The smallest segment.
pub const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;

/// The largest segment: places in it are kept in 32 bits.
const SEGMENT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Everything in common.
pub struct Shared {
    settings: Settings,
    limits: Limits,
    shelf: Shelf,
    space: Space,
    keyring: Arc<dyn Keyring>,
    known: Arc<dyn Known>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// Rung when a batch became durable.
    arrived: Notify,
    /// The writer waits here for work.
    work: Condvar,
    /// The writer waits here for a segment.
    spare_ready: Condvar,
    /// The keeper waits here.
    keeper: Condvar,
    /// Told how long each sync of frames took.
    sync_timed: OnceLock<Box<dyn Fn(Duration) + Send + Sync>>,
    ledger: Mutex<Ledger>,
}

/// Bounds.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Of a new segment.
    pub segment_bytes: u64,
    /// Of one call's frame.
    pub frame_bytes_max: usize,
    /// Of what has gathered for the next batch.
    pub buffer_bytes_max: usize,
    /// Of segment files, spares included.
    pub segments_max: usize,
}

/// Free bytes on the disk, looked at by the keeper, and their floor.
pub struct Space {
    floor_bytes: u64,
    free_bytes: AtomicU64,
}

impl Limits {
    /// A segment holds a call of the largest body: an encoded reference is shorter than its JSON. Twice the segments that
    /// the bound on references fills, since some of each may have ended; the spares, the active one, and two to write
    /// the rest of sparse ones into. The witness has room for all of them.
    pub fn of(settings: &Settings, segment_bytes: u64) -> Self {
        let call_bytes = (settings.body_max_bytes as u64).saturating_add((FIRST_FRAME + 64 * 1024) as u64);
        let segment_bytes = segment_bytes
            .max(call_bytes.checked_next_multiple_of(4096).unwrap_or(call_bytes))
            .min(SEGMENT_BYTES_MAX);
        let room = segment_bytes.saturating_sub((FIRST_FRAME + HEADER_BYTES) as u64).max(1);
        let full = (settings.max_references).saturating_mul((OVERHEAD_BYTES + LeadRef::ENCODED_MAX) as u64);
        let dense = usize::try_from(full.div_ceil(room)).unwrap_or(usize::MAX);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        Self {
            segment_bytes,
            frame_bytes_max: room,
            buffer_bytes_max: room.saturating_mul(2),
            segments_max: dense.saturating_mul(2).saturating_add(SPARES_KEPT + 3).min(SEGMENTS_MAX),
        }
    }
}

impl Space {
    /// Nothing is known yet, so there is none.
    pub fn new(floor_bytes: u64) -> Self {
        Self { floor_bytes, free_bytes: AtomicU64::new(0) }
    }

    /// True if the disk has at least its floor free.
    pub fn is_enough(&self) -> bool {
        self.free_bytes.load(Ordering::Relaxed) >= self.floor_bytes
    }

    /// As it was last looked at.
    pub fn room(&self) -> DiskRoom {
        DiskRoom { free_bytes: self.free_bytes.load(Ordering::Relaxed), floor_bytes: self.floor_bytes }
    }

    /// Looks at the disk again.
    ///
    /// # Errors
    /// What the system says; there is no room then.
    pub fn look(&self, path: &Path) -> io::Result<()> {
        let free = disk::free_bytes(path);
        self.free_bytes.store(*free.as_ref().unwrap_or(&0), Ordering::Relaxed);
        free.map(|_| ())
    }
}

impl Shared {
    /// Puts everything together.
    #[expect(clippy::too_many_arguments, reason = "the parts of the room, each once")]
    pub fn new(
        settings: Settings,
        limits: Limits,
        shelf: Shelf,
        keyring: Arc<dyn Keyring>,
        known: Arc<dyn Known>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        ledger: Ledger,
    ) -> Self {
        let space = Space::new(settings.free_disk_min_bytes);
        Self {
            settings,
            limits,
            shelf,
            space,
            keyring,
            known,
            clock,
            random,
            arrived: Notify::new(),
            work: Condvar::new(),
            spare_ready: Condvar::new(),
            keeper: Condvar::new(),
            sync_timed: OnceLock::new(),
            ledger: Mutex::new(ledger),
        }
    }

    /// The ledger. A panic under the lock leaves it sound: no foreign code runs meanwhile, and a
    /// panic of our own threads halts the inbox.
    pub fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock()
    }

    /// The room's settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What follows from them.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Where the segments lie.
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Room on the disk.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// Keys of days.
    pub fn keyring(&self) -> &dyn Keyring {
        &*self.keyring
    }

    /// What has an end already.
    pub fn known(&self) -> &dyn Known {
        &*self.known
    }

    /// Nonces.
    pub fn random(&self) -> &dyn Random {
        &*self.random
    }

    /// The present day.
    pub fn today(&self) -> Day {
        Day::of(self.clock.now())
    }

    /// Rung when new references are durable.
    pub fn arrived(&self) -> &Notify {
        &self.arrived
    }

    /// Waits for [`Shared::wake_writer`]. Every new work wakes.
    pub fn wait_for_work<'l>(&self, mut ledger: MutexGuard<'l, Ledger>) -> MutexGuard<'l, Ledger> {
        self.work.wait(&mut ledger);
        ledger
    }

    /// The writer has work.
    pub fn wake_writer(&self) {
        self.work.notify_one();
    }

    /// The writer waits for a segment, which the keeper is asked for; not longer than this.
    pub fn wait_for_spare<'l>(
        &self,
        mut ledger: MutexGuard<'l, Ledger>,
        at_most: Duration,
    ) -> MutexGuard<'l, Ledger> {
        self.nudge_keeper();
        self.spare_ready.wait_for(&mut ledger, at_most);
        ledger
    }

    /// A segment is ready to be written.
    pub fn add_spare(&self, file: Arc<SegmentFile>, used: u64) {
        self.lock().add_spare(file, used);
        self.spare_ready.notify_one();
    }

    /// There will be no spare for now: the writer is told, if it waits for one.
    pub fn refuse_spare(&self, error: InboxError) {
        if self.lock().refuse_spare(error) {
            self.spare_ready.notify_one();
        }
    }

    /// The keeper waits to be nudged, not longer than this.
    pub fn wait_as_keeper(&self, mut ledger: MutexGuard<'_, Ledger>, at_most: Duration) {
        self.keeper.wait_for(&mut ledger, at_most);
    }

    /// Lets the keeper look now.
    pub fn nudge_keeper(&self) {
        self.keeper.notify_one();
    }

    /// Has each sync of frames timed from now on. The first word holds.
    pub fn time_syncs(&self, told: Box<dyn Fn(Duration) + Send + Sync>) {
        let _ = self.sync_timed.set(told);
    }

    /// A sync of frames took so long.
    pub fn sync_took(&self, duration: Duration) {
        if let Some(told) = self.sync_timed.get() {
            told(duration);
        }
    }

    /// Takes nothing more, for good. Whoever waits for what is not being written yet is told.
    pub fn halt(&self, error: InboxError) {
        let Some(batch) = self.lock().halt(error) else { return };
        batch.settle(Err(InboxError { code: InboxCode::Halted, io: error.io }));
        self.wake_threads();
        tracing::error!(code = %error.code, io.kind = ?error.io, "inbox.halted");
    }

    /// Accepts nothing more; the threads finish and end.
    pub fn refuse_new(&self) {
        self.lock().close();
        self.wake_threads();
    }

    /// The writer has ended, so the keeper may.
    pub fn let_keeper_end(&self) {
        self.lock().finish();
        self.wake_threads();
    }

    fn wake_threads(&self) {
        self.work.notify_all();
        self.spare_ready.notify_all();
        self.keeper.notify_all();
    }
}

/// Should the writer or the keeper panic, nobody waits for it in vain.
pub struct HaltOnPanic<'s>(pub &'s Shared);

impl Drop for HaltOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.halt(InboxError::of(InboxCode::Panicked));
            let in_flight = self.0.lock().give_up_in_flight();
            if let Some(batch) = in_flight {
                batch.settle(Err(InboxError::of(InboxCode::Halted)));
            }
        }
    }
}
