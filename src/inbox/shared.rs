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
use super::segment::{FIRST_FRAME, Shelf};
use super::{InboxCode, InboxError, Known, Settings};
use crate::clock::Clock;
use crate::keyring::Keyring;
use crate::machine::disk;
use crate::notification::LeadRef;
use crate::random::Random;

/// Spares kept; more are removed.
pub const SPARES_KEPT: usize = 2;

/// The smallest segment.
pub const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;

/// The largest segment: places in it are kept in 32 bits.
const SEGMENT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Everything in common.
pub struct Shared {
    /// The room's settings.
    pub settings: Settings,
    /// What follows from them.
    pub limits: Limits,
    /// Where the segments lie.
    pub shelf: Shelf,
    /// Room on the disk.
    pub space: Space,
    /// Keys of days.
    pub keyring: Arc<dyn Keyring>,
    /// What has an end already.
    pub known: Arc<dyn Known>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Nonces.
    pub random: Arc<dyn Random>,
    /// Rung when a batch became durable.
    pub arrived: Notify,
    /// The writer waits here for work.
    pub work: Condvar,
    /// The writer waits here for a segment.
    pub spare_ready: Condvar,
    /// Told how long each sync of frames took.
    pub sync_timed: OnceLock<Box<dyn Fn(Duration) + Send + Sync>>,
    keeper: Condvar,
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
    /// the rest of sparse ones into.
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
            segments_max: dense.saturating_mul(2).saturating_add(SPARES_KEPT + 3),
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
            sync_timed: OnceLock::new(),
            keeper: Condvar::new(),
            ledger: Mutex::new(ledger),
        }
    }

    /// The ledger. A panic under the lock leaves it sound: no foreign code runs meanwhile, and a
    /// panic of our own threads halts the inbox.
    pub fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock()
    }

    /// Waits to be woken. Only for conditions whose every change wakes.
    pub fn wait<'l>(woken: &Condvar, mut ledger: MutexGuard<'l, Ledger>) -> MutexGuard<'l, Ledger> {
        woken.wait(&mut ledger);
        ledger
    }

    /// Waits to be woken, not longer than this.
    pub fn wait_for<'l>(
        woken: &Condvar,
        mut ledger: MutexGuard<'l, Ledger>,
        at_most: Duration,
    ) -> MutexGuard<'l, Ledger> {
        woken.wait_for(&mut ledger, at_most);
        ledger
    }

    /// Lets the keeper look now.
    pub fn nudge_keeper(&self) {
        self.keeper.notify_one();
    }

    /// Where the keeper waits.
    pub fn keeper(&self) -> &Condvar {
        &self.keeper
    }

    /// Takes nothing more, for good. Whoever waits for what is not being written yet is told.
    pub fn halt(&self, error: InboxError) {
        let mut ledger = self.lock();
        if ledger.halted.is_some() {
            return;
        }
        ledger.halted = Some(error);
        for ticket in std::mem::take(&mut ledger.filling.tickets) {
            ledger.queue.forget(ticket);
        }
        ledger.filling.bytes.clear();
        let batch = ledger.filling.batch.clone();
        drop(ledger);
        batch.settle(Err(InboxError { code: InboxCode::Halted, io: error.io }));
        self.wake_threads();
        tracing::error!(code = %error.code, io.kind = ?error.io, "inbox.halted");
    }

    /// Accepts nothing more; the threads finish and end.
    pub fn refuse_new(&self) {
        self.lock().closing = true;
        self.wake_threads();
    }

    /// The writer has ended, so the keeper may.
    pub fn let_keeper_end(&self) {
        self.lock().finished = true;
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
            let in_flight = self.0.lock().in_flight.take();
            if let Some(in_flight) = in_flight {
                in_flight.batch.settle(Err(InboxError::of(InboxCode::Halted)));
            }
        }
    }
}
