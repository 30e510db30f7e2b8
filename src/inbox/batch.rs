//! A batch: the frames that are written and synced together, and the callers who wait for that.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::queue::Ticket;
use super::segments::note;
use super::{InboxCode, InboxError};
use crate::clock::Day;

/// How long a caller waits for its batch. A disk that takes longer is not there: 503, and Meta calls again.
const SYNC_WAIT: Duration = Duration::from_secs(10);

/// The callers of one batch: woken all at once, with one outcome.
#[derive(Default)]
pub struct Batch {
    outcome: OnceLock<Result<(), InboxError>>,
    settled: Notify,
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

/// What one batch will write: frames without a place yet, and whose references they hold.
pub struct BatchFrames {
    bytes: Vec<u8>,
    /// Their references, in the same order.
    tickets: Vec<Ticket>,
    /// The days whose keys seal them.
    days: Vec<Day>,
    /// References from this arrival on belong to this batch.
    first_arrival: u64,
    ends_segment: bool,
    batch: Arc<Batch>,
}

impl BatchFrames {
    /// None yet, for the references from this arrival on. Reuses emptied buffers.
    pub fn reusing(first_arrival: u64, mut bytes: Vec<u8>, mut tickets: Vec<Ticket>) -> Self {
        bytes.clear();
        tickets.clear();
        Self { bytes, tickets, days: Vec::new(), first_arrival, ends_segment: false, batch: Arc::default() }
    }

    /// True if there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && !self.ends_segment
    }

    /// How many bytes have gathered.
    pub fn gathered_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a frame and its references.
    pub fn push(&mut self, frame: &[u8], day: Day, tickets: impl IntoIterator<Item = Ticket>) {
        self.bytes.extend_from_slice(frame);
        self.tickets.extend(tickets);
        note(&mut self.days, day);
    }

    /// The active segment ends after this batch: its day is over. False if that was said before.
    pub fn end_segment_after(&mut self) -> bool {
        !std::mem::replace(&mut self.ends_segment, true)
    }

    /// True if the active segment ends after this batch.
    pub fn ends_segment(&self) -> bool {
        self.ends_segment
    }

    /// True if a reference that is not durable yet arrived before this batch began.
    pub fn began_after(&self, arrival: u64) -> bool {
        arrival < self.first_arrival
    }

    /// Drops all frames: they will not be written. Whose references they held.
    pub fn give_up(&mut self) -> Vec<Ticket> {
        self.bytes.clear();
        std::mem::take(&mut self.tickets)
    }

    /// Who waits for it.
    pub fn batch(&self) -> &Arc<Batch> {
        &self.batch
    }

    /// The days whose keys seal it.
    pub fn days(&self) -> &[Day] {
        &self.days
    }

    /// The frames, one after the other, to be stamped with their place.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Whose references it holds, in the order of its frames.
    pub fn tickets(&self) -> &[Ticket] {
        &self.tickets
    }

    /// The buffers, for the next batch.
    pub fn into_buffers(self) -> (Vec<u8>, Vec<Ticket>) {
        (self.bytes, self.tickets)
    }
}

/// The batch that is being written.
pub struct InFlight {
    batch: Arc<Batch>,
    days: Vec<Day>,
    since: Instant,
}

impl InFlight {
    /// From now on.
    pub fn of(frames: &BatchFrames) -> Self {
        Self { batch: frames.batch.clone(), days: frames.days.clone(), since: Instant::now() }
    }

    /// Who waits for it.
    pub fn batch(&self) -> &Arc<Batch> {
        &self.batch
    }

    /// The days whose keys seal it.
    pub fn days(&self) -> &[Day] {
        &self.days
    }

    /// True if it has been written for so long that the callers give up.
    pub fn is_stalled(&self) -> bool {
        self.since.elapsed() > SYNC_WAIT
    }
}
