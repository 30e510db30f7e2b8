//! What the callers, the writer and the keeper share, under one lock: the queue, the segments, the buffer being filled.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::frame::DayKey;
use super::looks::Looks;
use super::queue::{Landed, Queue, Ticket};
use super::replay::Replayed;
use super::segment::SegmentFile;
use super::segments::{Segment, SegmentState, note};
use super::{InboxCode, InboxError};
use crate::clock::Day;
use crate::id::LeadgenId;

/// How long a caller waits for its batch. A disk that takes longer is not there: 503, and Meta calls again.
const SYNC_WAIT: Duration = Duration::from_secs(10);

/// Everything that the lock guards.
pub struct Ledger {
    /// What is queued.
    pub queue: Queue,
    /// The segments, by slot.
    pub segments: BTreeMap<u32, Segment>,
    /// What the next batch will write.
    pub filling: Work,
    /// The batch that is being written.
    pub in_flight: Option<InFlight>,
    /// The keys of today and tomorrow.
    pub keys: Keys,
    /// Nothing more is accepted; what is in the buffer is still written.
    pub closing: bool,
    /// The writer has ended, so the keeper may.
    pub finished: bool,
    /// Why nothing is accepted any more, for good.
    pub halted: Option<InboxError>,
    /// Callers that are asking the store.
    pub looks: Looks,
    /// The use number that the next made or recycled segment gets.
    pub next_use: u64,
    /// The writer's wish for a segment.
    pub spare: SpareWish,
    /// Frames made durable since open.
    pub frames: u64,
}

/// The writer's wish for a spare, which the keeper fulfils or refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpareWish {
    /// None.
    None,
    /// It waits for one.
    Waiting,
    /// There will be none for now.
    Refused(InboxError),
}

/// What one batch will write: frames without a place yet, and whose references they hold.
pub struct Work {
    /// The frames, one after the other.
    pub bytes: Vec<u8>,
    /// Their references, in the same order.
    pub tickets: Vec<Ticket>,
    /// The days whose keys seal them.
    pub days: Vec<Day>,
    /// References from this arrival on belong to this batch.
    pub first_arrival: u64,
    /// End the active segment after it: its day is over.
    pub rotate: bool,
    /// Who waits for it.
    pub batch: Arc<Batch>,
}

/// The batch that is being written.
pub struct InFlight {
    /// Who waits for it.
    pub batch: Arc<Batch>,
    /// The days whose keys seal it.
    pub days: Vec<Day>,
    /// Since when.
    pub since: Instant,
}

/// The callers of one batch: woken all at once, with one outcome.
#[derive(Default)]
pub struct Batch {
    outcome: OnceLock<Result<(), InboxError>>,
    settled: Notify,
}

/// The keys that may seal now. Tomorrow's is made a day ahead, so that midnight needs nothing.
pub struct Keys {
    /// Today's.
    pub today: Arc<DayKey>,
    /// Tomorrow's.
    pub tomorrow: Arc<DayKey>,
}

impl Batch {
    /// Tells all callers, once; later outcomes change nothing.
    pub fn settle(&self, outcome: Result<(), InboxError>) {
        if self.outcome.set(outcome).is_ok() {
            self.settled.notify_waiters();
        }
    }

    /// Waits until the batch is durable.
    ///
    /// # Errors
    /// Why it is not; [`InboxCode::Stalled`] if the disk takes too long.
    pub async fn wait(&self) -> Result<(), InboxError> {
        // Listen, then look: an outcome between the two is not missed.
        let mut settled = std::pin::pin!(self.settled.notified());
        settled.as_mut().enable();
        if let Some(outcome) = self.outcome.get() {
            return *outcome;
        }
        let _ = tokio::time::timeout(SYNC_WAIT, settled).await;
        self.outcome.get().copied().unwrap_or(Err(InboxError::of(InboxCode::Stalled)))
    }
}

impl Work {
    /// An empty one, which takes the references from this arrival on and reuses emptied buffers.
    pub fn reusing(first_arrival: u64, mut bytes: Vec<u8>, mut tickets: Vec<Ticket>) -> Self {
        bytes.clear();
        tickets.clear();
        Self { bytes, tickets, days: Vec::new(), first_arrival, rotate: false, batch: Arc::default() }
    }

    /// True if there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && !self.rotate
    }

    /// Adds a frame and its references.
    pub fn push(&mut self, frame: &[u8], day: Day, tickets: impl IntoIterator<Item = Ticket>) {
        self.bytes.extend_from_slice(frame);
        self.tickets.extend(tickets);
        note(&mut self.days, day);
    }
}

impl Keys {
    /// The key to seal with on this day: after a jump of the clock the nearest that there is.
    pub fn of(&self, day: Day) -> &Arc<DayKey> {
        if day >= self.tomorrow.day { &self.tomorrow } else { &self.today }
    }

    /// False if the keeper has gone on to later days since: the key may be destroyed any moment.
    pub fn holds(&self, day: Day) -> bool {
        day == self.today.day || day == self.tomorrow.day
    }
}

impl Ledger {
    /// What a replay found, and keys to go on with.
    pub fn new(replayed: Replayed, keys: Keys) -> Self {
        let Replayed { queue, segments, next_use } = replayed;
        let filling = Work::reusing(queue.next_arrival(), Vec::new(), Vec::new());
        Self {
            queue,
            segments,
            filling,
            in_flight: None,
            keys,
            closing: false,
            finished: false,
            halted: None,
            looks: Looks::default(),
            next_use,
            spare: SpareWish::None,
            frames: 0,
        }
    }

    /// # Errors
    /// Why nothing can be accepted, for good.
    pub fn check_open(&self) -> Result<(), InboxError> {
        match self.halted {
            Some(_) => Err(InboxError::of(InboxCode::Halted)),
            None if self.closing => Err(InboxError::of(InboxCode::Closed)),
            None => Ok(()),
        }
    }

    /// The batch that a reference is being written in.
    pub fn batch_of(&self, arrival: u64) -> Arc<Batch> {
        match &self.in_flight {
            Some(in_flight) if arrival < self.filling.first_arrival => in_flight.batch.clone(),
            _ => self.filling.batch.clone(),
        }
    }

    /// A durable frame's reference is open in this segment, and in no other.
    pub fn land(&mut self, ticket: Ticket, slot: u32) {
        let Landed::Open { left } = self.queue.land(ticket, slot) else { return };
        if let Some(segment) = self.segments.get_mut(&slot) {
            segment.open += 1;
        }
        if let Some(left) = left {
            self.close_in(left);
        }
    }

    /// These references have their ends. True if the keeper has a segment to recycle now.
    pub fn done(&mut self, leadgens: &[LeadgenId]) -> bool {
        let mut finished = false;
        for leadgen in leadgens {
            self.looks.note(leadgen);
            if let Some(slot) = self.queue.done(leadgen) {
                finished |= self.close_in(slot);
            }
        }
        finished
    }

    /// The spare with the lowest use number, now active: so that numbers grow in the order of writing.
    pub fn take_spare(&mut self) -> Option<(Arc<SegmentFile>, u64)> {
        let spares = self.segments.values_mut().filter(|segment| segment.state == SegmentState::Spare);
        let spare = spares.min_by_key(|segment| segment.used)?;
        spare.state = SegmentState::Active;
        Some((spare.file.clone(), spare.used))
    }

    /// True if the disk has been keeping the writer waiting for so long that the callers give up.
    pub fn is_stalled(&self) -> bool {
        self.in_flight.as_ref().is_some_and(|in_flight| in_flight.since.elapsed() > SYNC_WAIT)
    }

    /// How many segments are in this state.
    pub fn count(&self, state: SegmentState) -> usize {
        self.segments.values().filter(|segment| segment.state == state).count()
    }

    /// The days whose keys seal something that a replay would read, or are about to.
    pub fn days(&self) -> Vec<Day> {
        let mut days = vec![self.keys.today.day, self.keys.tomorrow.day];
        days.extend(self.segments.values().flat_map(|segment| &segment.days));
        days.extend(&self.filling.days);
        days.extend(self.in_flight.iter().flat_map(|in_flight| &in_flight.days));
        days.sort_unstable();
        days.dedup();
        days
    }

    /// A use number that no segment ever had.
    pub fn new_use(&mut self) -> u64 {
        let used = self.next_use;
        self.next_use += 1;
        used
    }

    fn close_in(&mut self, slot: u32) -> bool {
        self.segments.get_mut(&slot).is_some_and(|segment| {
            segment.open = segment.open.saturating_sub(1);
            segment.is_finished()
        })
    }
}
