//! What the callers, the writer and the keeper share, under one lock: the queue, the segments, the buffer being filled.
//! What must change together changes in one call.

use std::sync::Arc;

use super::batch::{Batch, BatchFrames, InFlight};
use super::frame::DayKey;
use super::looks::Looks;
use super::queue::{Queue, Standing, Ticket};
use super::replay::Replayed;
use super::segment::SegmentFile;
use super::segments::{Finished, Segments};
use super::witness::Testimony;
use super::{Figures, InboxCode, InboxError};
use crate::clock::Day;
use crate::id::LeadgenId;
use crate::notification::{Claims, Lane, LeadRef};

/// Everything that the lock guards.
pub struct Ledger {
    queue: Queue,
    segments: Segments,
    /// What the next batch will write.
    filling: BatchFrames,
    /// The batch that is being written.
    in_flight: Option<InFlight>,
    /// The keys of today and tomorrow.
    keys: Keys,
    /// Nothing more is accepted; what is in the buffer is still written.
    closing: bool,
    /// The writer has ended, so the keeper may.
    finished: bool,
    /// Why nothing is accepted any more, for good.
    halted: Option<InboxError>,
    /// Callers that are asking the store.
    looks: Looks,
    /// The writer's wish for a segment.
    spare: SpareWish,
    /// Frames made durable since open.
    frames: u64,
    /// What a replay did not find, at the most.
    missing: u64,
}

/// The writer's wish for a spare, which the keeper fulfils or refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SpareWish {
    /// None.
    None,
    /// It waits for one.
    Waiting,
    /// There will be none for now.
    Refused(InboxError),
}

/// The keys that may seal now. Tomorrow's is made a day ahead, so that midnight needs nothing.
pub struct Keys {
    today: Arc<DayKey>,
    tomorrow: Arc<DayKey>,
}

/// So many references of a batch, in order, went to this segment.
pub struct Placed {
    /// The segment.
    pub slot: u32,
    /// How many.
    pub references: usize,
    /// Where the segment's frames end with them.
    pub end: usize,
}

/// What the writer does next.
pub enum Turn {
    /// Write what has gathered.
    Write,
    /// Wait for work.
    Wait,
    /// End: there is no more work, and never will be.
    End,
}

/// A call's frame is in the buffer.
pub struct Gathered {
    /// The batch that will be written.
    pub batch: Arc<Batch>,
    /// It is the first work since the writer took the last.
    pub is_first: bool,
}

impl Keys {
    /// Of a day and the next one.
    pub fn new(today: DayKey, tomorrow: DayKey) -> Self {
        Self { today: Arc::new(today), tomorrow: Arc::new(tomorrow) }
    }
}

/// What is asked and told by callers.
impl Ledger {
    /// What a replay found, and keys to go on with.
    pub fn new(replayed: Replayed, keys: Keys) -> Self {
        let Replayed { queue, segments, missing } = replayed;
        let filling = BatchFrames::reusing(queue.next_arrival(), Vec::new(), Vec::new());
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
            spare: SpareWish::None,
            frames: 0,
            missing: missing.references,
        }
    }

    /// What is queued. It changes with the segments, by the calls below.
    pub fn queue(&self) -> &Queue {
        &self.queue
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

    /// The key to seal with on this day: after a jump of the clock the nearest that there is.
    pub fn key_of(&self, day: Day) -> &Arc<DayKey> {
        if day >= self.keys.tomorrow.day { &self.keys.tomorrow } else { &self.keys.today }
    }

    /// Today's key.
    pub fn key(&self) -> &Arc<DayKey> {
        &self.keys.today
    }

    /// False if the keeper has gone on to later days since: the key may be destroyed any moment.
    pub fn holds_key_of(&self, day: Day) -> bool {
        day == self.keys.today.day || day == self.keys.tomorrow.day
    }

    /// A caller is about to ask the store. The look must end by [`Ledger::end_look`] with what this returns.
    pub fn begin_look(&mut self) -> u64 {
        self.looks.begin()
    }

    /// A look into the store is over.
    pub fn end_look(&mut self, began: u64) {
        self.looks.end(began);
    }

    /// Those of a call's references that are still new after the look into the store that began then. What is here by now
    /// is told.
    ///
    /// # Errors
    /// As [`Ledger::check_open`]; [`InboxCode::Stalled`] if the look took too long.
    pub fn still_new(
        &self,
        mut fresh: Vec<LeadRef>,
        began: u64,
        mut here: impl FnMut(&Self, Standing),
    ) -> Result<Vec<LeadRef>, InboxError> {
        self.check_open()?;
        // What arrived and got its end between the two looks is in neither.
        let ended = self.looks.ended_since(began).ok_or(InboxError::of(InboxCode::Stalled))?;
        fresh.retain(|reference| match self.queue.find(&reference.leadgen, &reference.lane()) {
            Some(standing) => {
                here(self, standing);
                false
            }
            None => !ended.contains(&(reference.leadgen, reference.lane())),
        });
        Ok(fresh)
    }

    /// How many bytes have gathered for the next batch.
    pub fn gathered_bytes(&self) -> usize {
        self.filling.gathered_bytes()
    }

    /// Queues references that are not here yet, and has their frame written by the next batch.
    pub fn gather(
        &mut self,
        frame: &[u8],
        day: Day,
        references: &[LeadRef],
        claims: Option<&Claims>,
    ) -> Gathered {
        let is_first = self.filling.is_empty();
        let Self { queue, filling, .. } = self;
        filling.push(frame, day, references.iter().map(|reference| queue.insert(reference, claims)));
        Gathered { batch: self.filling.batch().clone(), is_first }
    }

    /// The batch that a reference is being written in.
    pub fn batch_of(&self, arrival: u64) -> Arc<Batch> {
        match &self.in_flight {
            Some(in_flight) if self.filling.began_after(arrival) => in_flight.batch().clone(),
            _ => self.filling.batch().clone(),
        }
    }

    /// Claims up to `max` references of the oldest one's lane, oldest first.
    pub fn claim(&mut self, max: usize) -> Option<(Lane, Vec<LeadRef>)> {
        self.queue.claim(max)
    }

    /// Claims up to `max` references of this lane, oldest first.
    pub fn claim_of(&mut self, lane: &Lane, max: usize) -> Vec<LeadRef> {
        self.queue.claim_of(lane, max)
    }

    /// Gives claimed references back, to their old places.
    pub fn release(&mut self, lane: &Lane, leadgens: &[LeadgenId]) {
        self.queue.release(lane, leadgens);
    }

    /// These references have their ends. True if the keeper has a segment to recycle now.
    pub fn done(&mut self, lane: &Lane, leadgens: &[LeadgenId]) -> bool {
        let mut finished = false;
        for leadgen in leadgens {
            self.looks.note(leadgen, lane);
            if let Some(slot) = self.queue.done(leadgen, lane) {
                finished |= self.segments.close_one(slot);
            }
        }
        finished
    }

    /// True if the disk has been keeping the writer waiting for so long that the callers give up.
    pub fn is_stalled(&self) -> bool {
        self.in_flight.as_ref().is_some_and(InFlight::is_stalled)
    }

    /// The days whose keys seal something that a replay would read, or are about to.
    pub fn days(&self) -> Vec<Day> {
        let mut days = vec![self.keys.today.day, self.keys.tomorrow.day];
        days.extend(self.segments.days());
        days.extend(self.filling.days());
        days.extend(self.in_flight.iter().flat_map(InFlight::days));
        days.sort_unstable();
        days.dedup();
        days
    }

    /// The slots whose files must lie on the disk.
    pub fn kept_slots(&self) -> Vec<u32> {
        self.segments.kept()
    }

    /// For the metrics.
    pub fn figures(&self) -> Figures {
        Figures {
            frames: self.frames,
            segments_live: self.segments.live(),
            segments_spare: self.segments.spares(),
            references_missing: self.missing,
        }
    }
}

/// How it ends.
impl Ledger {
    /// Why nothing is accepted any more, for good.
    pub fn halted(&self) -> Option<InboxError> {
        self.halted
    }

    /// Takes nothing more, for good. What is not being written yet never will be: it is forgotten, and who waits for it must
    /// be told. None: it had halted before.
    pub fn halt(&mut self, error: InboxError) -> Option<Arc<Batch>> {
        if self.halted.is_some() {
            return None;
        }
        self.halted = Some(error);
        for ticket in self.filling.give_up() {
            self.queue.forget(ticket);
        }
        Some(self.filling.batch().clone())
    }

    /// The writer is no more: who waits for what it was writing must be told.
    pub fn give_up_in_flight(&mut self) -> Option<Arc<Batch>> {
        self.in_flight.take().map(|in_flight| in_flight.batch().clone())
    }

    /// Nothing more is accepted; what is in the buffer is still written.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// The writer has ended.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// True if the keeper has no more to do.
    pub fn is_over(&self) -> bool {
        self.halted.is_some() || self.finished
    }
}

/// What the writer asks and tells.
impl Ledger {
    /// What the writer does next.
    pub fn turn(&self) -> Turn {
        match (self.halted, self.filling.is_empty()) {
            (Some(_), _) => Turn::End,
            (None, false) => Turn::Write,
            (None, true) if self.closing => Turn::End,
            (None, true) => Turn::Wait,
        }
    }

    /// What has gathered is being written from now on. The next batch gathers in these buffers.
    pub fn begin_batch(&mut self, bytes: Vec<u8>, tickets: Vec<Ticket>) -> BatchFrames {
        let next = BatchFrames::reusing(self.queue.next_arrival(), bytes, tickets);
        let frames = std::mem::replace(&mut self.filling, next);
        self.in_flight = Some(InFlight::of(&frames));
        frames
    }

    /// Frames under this day's key are about to be in the segment.
    pub fn note_day(&mut self, slot: u32, day: Day) {
        self.segments.note_day(slot, day);
    }

    /// The batch that was being written is durable, at these places: its references are claimable. So many frames are by
    /// now, since open.
    pub fn batch_durable(&mut self, tickets: &[Ticket], placed: &[Placed], frames: u64) {
        self.in_flight = None;
        let mut tickets = tickets.iter();
        for Placed { slot, references, end } in placed {
            self.segments.grow(*slot, *references as u64, *end);
            for ticket in tickets.by_ref().take(*references) {
                self.segments.land(&mut self.queue, *ticket, *slot);
            }
        }
        self.frames = frames;
    }

    /// The batch that was being written is not durable: what is new in it is forgotten, what was written again was not.
    pub fn batch_failed(&mut self, tickets: &[Ticket]) {
        self.in_flight = None;
        for ticket in tickets {
            self.queue.forget(*ticket);
        }
        self.segments.none_rewritten();
    }

    /// Leaves a segment that ends here to the keeper. Not before its last batch has landed: until then it looks as if
    /// nothing in it were open.
    pub fn end_segment(&mut self, slot: u32, end: usize) {
        self.segments.end(slot, end);
    }

    /// A segment to write, with its use number, if one is ready: the writer waits for none any more.
    pub fn take_spare(&mut self) -> Option<(Arc<SegmentFile>, u64)> {
        let spare = self.segments.take_spare()?;
        self.spare = SpareWish::None;
        Some(spare)
    }

    /// The writer waits for a spare.
    ///
    /// # Errors
    /// Why it will get none now: it waits no more.
    pub fn wait_for_spare(&mut self, out_of_time: bool) -> Result<(), InboxError> {
        let refused = match self.spare {
            _ if self.halted.is_some() => Some(InboxError::of(InboxCode::Halted)),
            SpareWish::Refused(error) => Some(error),
            _ if out_of_time => Some(InboxError::of(InboxCode::Stalled)),
            _ => None,
        };
        self.spare = if refused.is_some() { SpareWish::None } else { SpareWish::Waiting };
        refused.map_or(Ok(()), Err)
    }
}

/// What the keeper asks and tells.
impl Ledger {
    /// True if there is something to do at once.
    pub fn wants_keeper(&self) -> bool {
        self.spare == SpareWish::Waiting || self.segments.any_finished()
    }

    /// The day whose key seals.
    pub fn today(&self) -> Day {
        self.keys.today.day
    }

    /// Goes to the keys of another day.
    pub fn set_keys(&mut self, keys: Keys) {
        self.keys = keys;
    }

    /// True if a segment could be given a new use, or removed.
    pub fn any_finished(&self) -> bool {
        self.segments.any_finished()
    }

    /// What the journal answers for now: what the callers were told, or are about to be.
    pub fn testimony(&self) -> Testimony {
        self.segments.testimony()
    }

    /// A finished segment whose use may end, which is the keeper's from now on. Spares have this size.
    pub fn take_finished(&mut self, spare_bytes: u64, may_go: impl Fn(u64) -> bool) -> Option<Finished> {
        self.segments.take_finished(spare_bytes, may_go)
    }

    /// A segment's file is gone.
    pub fn remove_segment(&mut self, slot: u32) {
        self.segments.remove(slot);
    }

    /// Slot and use number of the spare that must be made; none: there is one.
    ///
    /// # Errors
    /// [`InboxCode::Full`]: there may be no more segments.
    pub fn place_of_spare(&mut self, segments_max: usize) -> Result<Option<(u32, u64)>, InboxError> {
        self.segments.place_of_spare(segments_max)
    }

    /// A segment is ready to be written.
    pub fn add_spare(&mut self, file: Arc<SegmentFile>, used: u64) {
        self.segments.add_spare(file, used);
    }

    /// There will be no spare for now. True if the writer waits for one.
    pub fn refuse_spare(&mut self, error: InboxError) -> bool {
        let waits = self.spare == SpareWish::Waiting;
        if waits {
            self.spare = SpareWish::Refused(error);
        }
        waits
    }

    /// Has the active segment ended if its day is over. True if the writer has that to do now.
    pub fn end_past_day(&mut self) -> bool {
        self.segments.active_is_of_another_day(self.today()) && self.filling.end_segment_after()
    }

    /// Near the bound on segments: the open references of the sparsest one, with its slot, to be written again.
    pub fn begin_rewriting(&mut self, segments_max: usize) -> Option<(u32, Vec<(Ticket, LeadRef)>)> {
        let slot = self.segments.begin_rewriting(segments_max)?;
        Some((slot, self.queue.open_in(slot)))
    }

    /// The open references of the oldest segment with frames of this day or of one before it, with its slot, to be written
    /// again.
    pub fn begin_rewriting_of(&mut self, last: Day) -> Option<(u32, Vec<(Ticket, LeadRef)>)> {
        let slot = self.segments.begin_rewriting_of(last)?;
        Some((slot, self.queue.open_in(slot)))
    }

    /// Has references that are here, and durable, written once more by the next batch.
    ///
    /// # Errors
    /// As [`Ledger::check_open`].
    pub fn gather_again(
        &mut self,
        frame: &[u8],
        day: Day,
        tickets: impl IntoIterator<Item = Ticket>,
    ) -> Result<(), InboxError> {
        self.check_open()?;
        self.filling.push(frame, day, tickets);
        Ok(())
    }

    /// What is open in this segment was not written again: another time.
    pub fn not_rewritten(&mut self, slot: u32) {
        self.segments.not_rewritten(slot);
    }
}
