//! The one thread that writes frames: takes what has gathered, writes, fdatasyncs, wakes all callers at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ledger::{InFlight, Ledger, SpareWish, Work};
use super::queue::Ticket;
use super::segment::{FIRST_FRAME, SegmentFile};
use super::segments::{SegmentState, note};
use super::shared::{HaltOnPanic, Shared};
use super::{InboxCode, InboxError, frame};
use crate::clock::Day;

/// The least time between the end of a sync and the next write under load, which is when the last batch held several
/// calls: more share the next sync then. An idle inbox, or a single caller, is not delayed. Of 0 to 450 µs, on two cores and
/// a disk that syncs in 130 µs, 100 to 200 took most calls a second; with none, twice the syncs took no more.
const PAUSE: Duration = Duration::from_micros(150);

/// How long the writer waits for a segment that the keeper has not made yet.
const SPARE_WAIT: Duration = Duration::from_secs(5);

/// Buffers that grew beyond this in a burst are not kept.
const BUFFER_KEPT_BYTES: usize = 1024 * 1024;

/// The writer's own: which segment it is in, and where.
pub struct Writer {
    shared: Arc<Shared>,
    active: Option<Active>,
    /// Slots whose end marker is on the disk and whose last batch has not landed in the queue: until it has, they look as
    /// if nothing in them were open.
    ended: Vec<u32>,
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

/// So many references of a batch, in order, went to this segment.
struct Placed {
    slot: u32,
    references: usize,
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
        while let Some(mut work) = self.take() {
            let outcome = self.write(&mut work);
            self.publish(work, outcome);
        }
        // After a halt nothing more is written: the segment keeps the end that a crash would leave.
        if self.shared.lock().halted.is_none() {
            match self.end_segment() {
                Ok(()) => self.let_go(&mut self.shared.clone().lock()),
                Err(error) => self.shared.halt(error),
            }
        }
    }

    /// Waits for work; `None` when there is none and never will be.
    fn take(&mut self) -> Option<Work> {
        let mut ledger = self.shared.lock();
        loop {
            if ledger.halted.is_some() {
                return None;
            }
            let pause = self.shared_sync_at.and_then(|at| PAUSE.checked_sub(at.elapsed()));
            match (ledger.filling.is_empty(), ledger.closing, pause) {
                (true, true, _) => return None,
                (true, false, _) => {
                    ledger = Shared::wait(&self.shared.work, ledger);
                }
                (false, false, Some(pause)) => {
                    drop(ledger);
                    std::thread::sleep(pause);
                    ledger = self.shared.lock();
                }
                _ => break,
            }
        }
        let next = Work::reusing(
            ledger.queue.next_arrival(),
            std::mem::take(&mut self.bytes),
            std::mem::take(&mut self.tickets),
        );
        let work = std::mem::replace(&mut ledger.filling, next);
        ledger.in_flight =
            Some(InFlight { batch: work.batch.clone(), days: work.days.clone(), since: Instant::now() });
        Some(work)
    }

    /// Writes all frames and syncs. A frame goes where it fits whole; a new segment begins with a new day.
    fn write(&mut self, work: &mut Work) -> Result<Vec<Placed>, InboxError> {
        let mut placed = Vec::new();
        let frames_before = self.frames;
        let mut rest = work.bytes.as_mut_slice();
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
                if let Some(segment) = self.shared.lock().segments.get_mut(&active.file.slot()) {
                    note(&mut segment.days, run.day);
                }
            }
            active.write(frames)?;
            self.frames += run.frames;
            placed.push(Placed { slot: active.file.slot(), references: run.references });
            rest = after;
        }
        self.sync()?;
        self.shared_sync_at = (self.frames > frames_before + 1).then(Instant::now);
        if work.rotate {
            self.end_segment()?;
        }
        Ok(placed)
    }

    /// Tells queue, callers and fetcher what became of a batch.
    fn publish(&mut self, work: Work, outcome: Result<Vec<Placed>, InboxError>) {
        let shared = self.shared.clone();
        let mut ledger = shared.lock();
        ledger.in_flight = None;
        match &outcome {
            Ok(placed) => {
                let mut tickets = work.tickets.iter();
                for Placed { slot, references } in placed {
                    for ticket in tickets.by_ref().take(*references) {
                        ledger.land(*ticket, *slot);
                    }
                }
                ledger.frames = self.frames;
            }
            Err(_) => {
                for ticket in &work.tickets {
                    ledger.queue.forget(*ticket);
                }
                for segment in ledger.segments.values_mut() {
                    segment.rewriting = false;
                }
            }
        }
        let nudge = !self.ended.is_empty();
        self.let_go(&mut ledger);
        drop(ledger);
        if nudge {
            self.shared.nudge_keeper();
        }
        let outcome = outcome.map(|_| ());
        match outcome {
            Ok(()) => self.shared.arrived.notify_one(),
            // Nothing was written, so nothing is in doubt: the next batch may fare better.
            Err(error) if error.code.passes() => {}
            Err(error) => self.shared.halt(error),
        }
        work.batch.settle(outcome.map_err(|error| match error.code.passes() {
            true => error,
            false => InboxError { code: InboxCode::Halted, io: error.io },
        }));
        if work.bytes.capacity() <= BUFFER_KEPT_BYTES {
            (self.bytes, self.tickets) = (work.bytes, work.tickets);
        }
    }

    /// Takes a spare, and waits for the keeper if there is none.
    fn begin_segment(&self) -> Result<Active, InboxError> {
        let began = Instant::now();
        let mut ledger = self.shared.lock();
        loop {
            if let Some((file, used)) = ledger.take_spare() {
                ledger.spare = SpareWish::None;
                drop(ledger);
                // One fewer is ready now.
                self.shared.nudge_keeper();
                return Ok(Active { file, used, at: FIRST_FRAME, durable: FIRST_FRAME, day: None });
            }
            let left = SPARE_WAIT.checked_sub(began.elapsed());
            let refused = match (ledger.spare, left) {
                _ if ledger.halted.is_some() => Some(InboxError::of(InboxCode::Halted)),
                (SpareWish::Refused(error), _) => Some(error),
                (_, None) => Some(InboxError::of(InboxCode::Stalled)),
                _ => None,
            };
            if let Some(error) = refused {
                ledger.spare = SpareWish::None;
                return Err(error);
            }
            ledger.spare = SpareWish::Waiting;
            self.shared.nudge_keeper();
            ledger = Shared::wait_for(&self.shared.spare_ready, ledger, left.unwrap_or_default());
        }
    }

    /// Leaves ended segments to the keeper: what is open in them is counted now.
    fn let_go(&mut self, ledger: &mut Ledger) {
        for slot in self.ended.drain(..) {
            if let Some(segment) = ledger.segments.get_mut(&slot) {
                segment.state = SegmentState::Ended;
            }
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
        self.ended.extend(self.active.take().map(|active| active.file.slot()));
        Ok(())
    }

    fn sync(&mut self) -> Result<(), InboxError> {
        let Some(active) = self.active.as_mut().filter(|active| active.durable < active.at) else {
            return Ok(());
        };
        let began = Instant::now();
        active.file.sync().map_err(InboxError::io)?;
        active.durable = active.at;
        if let Some(told) = self.shared.sync_timed.get() {
            told(began.elapsed());
        }
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
