//! The one thread that writes frames: takes what has gathered, writes, fdatasyncs, wakes all callers at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::BatchFrames;
use super::ledger::{Ledger, Placed, Turn};
use super::queue::Ticket;
use super::segment::{FIRST_FRAME, SegmentFile};
use super::shared::{HaltOnPanic, Shared};
use super::{InboxCode, InboxError, frame};
use crate::clock::Day;

/// The least time between the end of a sync and the next write under load, which is when the last batch held several
/// calls: more share the next sync then. An idle inbox, or a single caller, is not delayed. The system sleeps some 50 µs
/// longer than it is asked to. 150 µs took as many calls a second as 40 do, and at half that rate the slowest in a hundred
/// waited four to seven times as long (docs/performance.md).
const PAUSE: Duration = Duration::from_micros(40);

/// How long the writer waits for a segment that the keeper has not made yet.
const SPARE_WAIT: Duration = Duration::from_secs(5);

/// Buffers that grew beyond this in a burst are not kept.
const BUFFER_KEPT_BYTES: usize = 1024 * 1024;

/// The writer's own: which segment it is in, and where.
pub struct Writer {
    shared: Arc<Shared>,
    active: Option<Active>,
    /// Slots whose end marker is on the disk, where each ends, and whose last batch has not landed in the queue: until it has, they look as
    /// if nothing in them were open.
    ended: Vec<(u32, usize)>,
    /// When the last batch was synced, if it held several calls.
    shared_sync_at: Option<Instant>,
    frames: u64,
    /// Emptied buffers of the last batch, for the next.
    bytes: Vec<u8>,
    tickets: Vec<Ticket>,
}

struct Active {
    file: Arc<SegmentFile>,
    used: u64,
    /// Where the next frame goes.
    at: usize,
    /// Everything before is on the disk.
    durable: usize,
    day: Option<Day>,
}

impl Writer {
    /// A writer that has written nothing yet: it begins a fresh segment.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            active: None,
            ended: Vec::new(),
            shared_sync_at: None,
            frames: 0,
            bytes: Vec::new(),
            tickets: Vec::new(),
        }
    }

    /// Writes until the inbox is closed or halted.
    pub fn run(mut self) {
        let shared = self.shared.clone();
        let _halt = HaltOnPanic(&shared);
        while let Some(mut frames) = self.take() {
            let outcome = self.write(&mut frames);
            self.publish(frames, outcome);
        }
        // After a halt nothing more is written: the segment keeps the end that a crash would leave.
        if self.shared.lock().halted().is_none() {
            match self.end_segment() {
                Ok(()) => self.let_go(&mut self.shared.clone().lock()),
                Err(error) => self.shared.halt(error),
            }
        }
    }

    /// Waits for work; `None` when there is none and never will be.
    fn take(&mut self) -> Option<BatchFrames> {
        let mut ledger = self.shared.lock();
        loop {
            let pause = self.shared_sync_at.and_then(|at| PAUSE.checked_sub(at.elapsed()));
            match (ledger.turn(), pause) {
                (Turn::End, _) => return None,
                (Turn::Wait, _) => ledger = self.shared.wait_for_work(ledger),
                // Who closes the inbox does not wait for more calls to gather.
                (Turn::Write, Some(pause)) if ledger.check_open().is_ok() => {
                    drop(ledger);
                    std::thread::sleep(pause);
                    ledger = self.shared.lock();
                }
                (Turn::Write, _) => break,
            }
        }
        Some(ledger.begin_batch(std::mem::take(&mut self.bytes), std::mem::take(&mut self.tickets)))
    }

    /// Writes all frames and syncs. A frame goes where it fits whole; a new segment begins with a new day.
    fn write(&mut self, batch: &mut BatchFrames) -> Result<Vec<Placed>, InboxError> {
        let mut placed = Vec::new();
        let frames_before = self.frames;
        let mut rest = batch.bytes_mut();
        while !rest.is_empty() {
            if self.active.is_none() {
                self.active = Some(self.begin_segment()?);
            }
            let Some(active) = self.active.as_mut() else { continue };
            let run = active.fitting(rest);
            if run.bytes == 0 {
                if active.at == FIRST_FRAME {
                    return Err(InboxError::of(InboxCode::CallTooLarge));
                }
                self.end_segment()?;
                continue;
            }
            let (frames, after) = rest.split_at_mut(run.bytes);
            if active.day.is_none() {
                active.day = Some(run.day);
                // Before a frame under this day's key can be on the disk.
                self.shared.lock().note_day(active.file.slot(), run.day);
            }
            active.write(frames)?;
            self.frames += run.frames;
            placed.push(Placed { slot: active.file.slot(), references: run.references, end: active.at });
            rest = after;
        }
        self.sync()?;
        self.shared_sync_at = (self.frames > frames_before + 1).then(Instant::now);
        if batch.ends_segment() {
            self.end_segment()?;
        }
        Ok(placed)
    }

    /// Tells queue, callers and fetcher what became of a batch.
    fn publish(&mut self, batch: BatchFrames, outcome: Result<Vec<Placed>, InboxError>) {
        let shared = self.shared.clone();
        let mut ledger = shared.lock();
        match &outcome {
            Ok(placed) => ledger.batch_durable(batch.tickets(), placed, self.frames),
            Err(_) => ledger.batch_failed(batch.tickets()),
        }
        let nudge = !self.ended.is_empty();
        self.let_go(&mut ledger);
        drop(ledger);
        if nudge {
            self.shared.nudge_keeper();
        }
        let outcome = outcome.map(|_| ());
        match outcome {
            Ok(()) => self.shared.arrived().notify_one(),
            // Nothing was written, so nothing is in doubt: the next batch may fare better.
            Err(error) if error.code.passes() => {}
            Err(error) => self.shared.halt(error),
        }
        batch.batch().settle(outcome.map_err(|error| match error.code.passes() {
            true => error,
            false => InboxError { code: InboxCode::Halted, io: error.io },
        }));
        let (bytes, tickets) = batch.into_buffers();
        if bytes.capacity() <= BUFFER_KEPT_BYTES {
            (self.bytes, self.tickets) = (bytes, tickets);
        }
    }

    /// Takes a spare, and waits for the keeper if there is none.
    fn begin_segment(&self) -> Result<Active, InboxError> {
        let began = Instant::now();
        let mut ledger = self.shared.lock();
        loop {
            if let Some((file, used)) = ledger.take_spare() {
                drop(ledger);
                // One fewer is ready now.
                self.shared.nudge_keeper();
                return Ok(Active { file, used, at: FIRST_FRAME, durable: FIRST_FRAME, day: None });
            }
            let left = SPARE_WAIT.checked_sub(began.elapsed());
            ledger.wait_for_spare(left.is_none())?;
            ledger = self.shared.wait_for_spare(ledger, left.unwrap_or_default());
        }
    }

    /// Leaves ended segments to the keeper: what is open in them is counted now.
    fn let_go(&mut self, ledger: &mut Ledger) {
        for (slot, end) in self.ended.drain(..) {
            ledger.end_segment(slot, end);
        }
    }

    /// Writes the end marker of the active segment, durably: nothing is written to the next one before. The keeper gets it
    /// with [`Writer::let_go`].
    fn end_segment(&mut self) -> Result<(), InboxError> {
        let Some(active) = self.active.as_mut() else { return Ok(()) };
        if active.at > FIRST_FRAME {
            let end = frame::end(active.used, offset(active.durable));
            active.file.write(&end, active.at as u64).map_err(InboxError::io)?;
            active.at += end.len();
            self.sync()?;
        }
        self.ended.extend(self.active.take().map(|active| (active.file.slot(), active.at)));
        Ok(())
    }

    fn sync(&mut self) -> Result<(), InboxError> {
        let Some(active) = self.active.as_mut().filter(|active| active.durable < active.at) else {
            return Ok(());
        };
        let began = Instant::now();
        active.file.sync().map_err(InboxError::io)?;
        active.durable = active.at;
        self.shared.sync_took(began.elapsed());
        Ok(())
    }
}

/// Whole frames from the front of a buffer.
struct Run {
    bytes: usize,
    frames: u64,
    references: usize,
    day: Day,
}

impl Active {
    /// As many frames from the front as this segment may take: by room, and of its day. Stamps them.
    fn fitting(&self, buffer: &mut [u8]) -> Run {
        let room =
            usize::try_from(self.file.bytes()).unwrap_or(0).saturating_sub(self.at + frame::HEADER_BYTES);
        let mut run = Run { bytes: 0, frames: 0, references: 0, day: self.day.unwrap_or(Day(0)) };
        let mut day = self.day;
        while let Some(rest) = buffer.get_mut(run.bytes..)
            && let Some((len, frame_day, references)) = frame::outline(rest)
            && run.bytes + len <= room
            && day.is_none_or(|day| day == frame_day)
        {
            day = Some(frame_day);
            if let Some(frame) = rest.get_mut(..len) {
                frame::stamp(frame, self.used, offset(self.durable));
            }
            run = Run {
                bytes: run.bytes + len,
                frames: run.frames + 1,
                references: run.references + references,
                day: frame_day,
            };
        }
        run
    }

    fn write(&mut self, frames: &[u8]) -> Result<(), InboxError> {
        self.file.write(frames, self.at as u64).map_err(InboxError::io)?;
        self.at += frames.len();
        Ok(())
    }
}

/// Segments are smaller than 4 GiB (held at open).
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
