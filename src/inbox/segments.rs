//! The segments as the room knows them: their files, what they are there for, how much of each is still open.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::queue::{Landed, Queue, Ticket};
use super::segment::{FIRST_FRAME, SegmentFile};
use super::witness::{Testimony, Witnessed};
use super::{InboxCode, InboxError};
use crate::clock::Day;

/// Spares kept; more are removed.
pub const SPARES_KEPT: usize = 2;

/// One segment, as the room sees it.
struct Segment {
    file: Arc<SegmentFile>,
    /// Its use number: segments are written in the order of these.
    used: u64,
    state: SegmentState,
    /// How many references its durable frames hold.
    references: u64,
    /// How many of them have no end yet.
    open: u64,
    /// Everything before this place is durable.
    end: usize,
    /// The days whose keys seal its frames.
    days: Vec<Day>,
    /// Its open references are being written again elsewhere.
    rewriting: bool,
}

/// What a segment is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SegmentState {
    /// Ready to be written.
    Spare,
    /// Being written.
    Active,
    /// Full or closed; recycled when nothing in it is open.
    Ended,
    /// The keeper is giving it a new use, or removing it.
    Recycling,
}

/// What is to be done to a finished segment.
pub enum Fate {
    /// Recycled, with this use number.
    Reuse(u64),
    /// There are spares enough, or it has another size.
    Remove,
}

/// A finished segment, which is the keeper's from now on.
pub struct Finished {
    /// Where it lies.
    pub slot: u32,
    /// Its file.
    pub file: Arc<SegmentFile>,
    /// What is to be done to it.
    pub fate: Fate,
}

/// All segments, by slot. Use numbers grow in the order of writing, and none is given twice.
pub struct Segments {
    by_slot: BTreeMap<u32, Segment>,
    /// The use number that the next made or recycled segment gets.
    next_use: u64,
}

impl Default for Segments {
    fn default() -> Self {
        Self { by_slot: BTreeMap::new(), next_use: 1 }
    }
}

impl Segment {
    fn new(file: Arc<SegmentFile>, used: u64, state: SegmentState) -> Self {
        Self {
            file,
            used,
            state,
            references: 0,
            open: 0,
            end: FIRST_FRAME,
            days: Vec::new(),
            rewriting: false,
        }
    }

    /// True if the keeper may give it a new use.
    fn is_finished(&self) -> bool {
        self.state == SegmentState::Ended && self.open == 0
    }

    /// What is to be known of it outside of the journal, if somebody could miss it.
    fn witnessed(&self) -> Option<Witnessed> {
        let holds =
            matches!(self.state, SegmentState::Active | SegmentState::Ended) && self.end > FIRST_FRAME;
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        (holds && !self.is_finished()).then(|| Witnessed {
            used: self.used,
            slot: self.file.slot(),
            end: small(self.end as u64),
            references: small(self.references),
            open: small(self.open),
            day: self.days.last().copied().unwrap_or(Day(0)),
        })
    }
}

impl Segments {
    /// A segment that was there at the start. They come in the order of their use.
    pub fn add_found(&mut self, file: SegmentFile, used: u64) {
        self.by_slot.insert(file.slot(), Segment::new(Arc::new(file), used, SegmentState::Ended));
        self.next_use = self.next_use.max(used.saturating_add(1));
    }

    /// No use number below this one is given any more.
    pub fn begin_uses_at(&mut self, next_use: u64) {
        self.next_use = self.next_use.max(next_use);
    }

    /// So many more references are durable in this segment, whose frames end here now.
    pub fn grow(&mut self, slot: u32, references: u64, end: usize) {
        if let Some(segment) = self.by_slot.get_mut(&slot) {
            segment.references += references;
            segment.end = segment.end.max(end);
        }
    }

    /// How many references are open in this segment.
    pub fn open_in(&self, slot: u32) -> u64 {
        self.by_slot.get(&slot).map_or(0, |segment| segment.open)
    }

    /// What the journal answers for now.
    pub fn testimony(&self) -> Testimony {
        let mut segments: Vec<Witnessed> = self.by_slot.values().filter_map(Segment::witnessed).collect();
        segments.sort_unstable_by_key(|segment| segment.used);
        Testimony { next_use: self.next_use, segments }
    }

    /// A segment that is ready to be written.
    pub fn add_spare(&mut self, file: Arc<SegmentFile>, used: u64) {
        self.by_slot.insert(file.slot(), Segment::new(file, used, SegmentState::Spare));
    }

    /// A segment's file is gone.
    pub fn remove(&mut self, slot: u32) {
        self.by_slot.remove(&slot);
    }

    /// The file in this slot.
    pub fn file(&self, slot: u32) -> Option<&Arc<SegmentFile>> {
        self.by_slot.get(&slot).map(|segment| &segment.file)
    }

    /// A durable frame's reference is claimable: open in this segment, and in no other. True if the one that it left is
    /// finished now.
    pub fn land(&mut self, queue: &mut Queue, ticket: Ticket, slot: u32) -> bool {
        let Landed::Open { left } = queue.land(ticket, slot) else { return false };
        if let Some(segment) = self.by_slot.get_mut(&slot) {
            segment.open += 1;
        }
        left.is_some_and(|left| self.close_one(left))
    }

    /// A reference in this segment is open no more. True if the segment is finished.
    pub fn close_one(&mut self, slot: u32) -> bool {
        self.by_slot.get_mut(&slot).is_some_and(|segment| {
            segment.open = segment.open.saturating_sub(1);
            segment.is_finished()
        })
    }

    /// Frames of this segment are sealed by the key of this day.
    pub fn note_day(&mut self, slot: u32, day: Day) {
        if let Some(segment) = self.by_slot.get_mut(&slot) {
            note(&mut segment.days, day);
        }
    }

    /// The spare with the lowest use number, now active: so that numbers grow in the order of writing.
    pub fn take_spare(&mut self) -> Option<(Arc<SegmentFile>, u64)> {
        let spares = self.by_slot.values_mut().filter(|segment| segment.state == SegmentState::Spare);
        let spare = spares.min_by_key(|segment| segment.used)?;
        spare.state = SegmentState::Active;
        Some((spare.file.clone(), spare.used))
    }

    /// Its end marker is on the disk, here, and what is open in it is counted.
    pub fn end(&mut self, slot: u32, end: usize) {
        self.grow(slot, 0, end);
        if let Some(segment) = self.by_slot.get_mut(&slot) {
            segment.state = SegmentState::Ended;
        }
    }

    /// True if [`Segments::take_finished`] would give one.
    pub fn any_finished(&self) -> bool {
        self.by_slot.values().any(Segment::is_finished)
    }

    /// A finished segment that may go, with its fate. Spares have this size.
    pub fn take_finished(&mut self, spare_bytes: u64, may_go: impl Fn(u64) -> bool) -> Option<Finished> {
        let spares = self.spares();
        let mut finished = self.by_slot.iter_mut().filter(|(_, segment)| segment.is_finished());
        let (slot, segment) = finished.find(|(_, segment)| may_go(segment.used))?;
        segment.state = SegmentState::Recycling;
        let (slot, file) = (*slot, segment.file.clone());
        let fate = match file.bytes() == spare_bytes && spares < SPARES_KEPT {
            true => Fate::Reuse(self.new_use()),
            false => Fate::Remove,
        };
        Some(Finished { slot, file, fate })
    }

    /// Slot and use number of the spare that must be made; none: there is one.
    ///
    /// # Errors
    /// [`InboxCode::Full`]: there may be no more segments.
    pub fn place_of_spare(&mut self, segments_max: usize) -> Result<Option<(u32, u64)>, InboxError> {
        if self.spares() > 0 {
            return Ok(None);
        }
        if self.by_slot.len() >= segments_max {
            return Err(InboxError::of(InboxCode::Full));
        }
        let slot = (1..).find(|slot| !self.by_slot.contains_key(slot)).unwrap_or(u32::MAX);
        Ok(Some((slot, self.new_use())))
    }

    /// Near the bound on segments the ended one with the fewest open references, which are to be written again; none while
    /// they are.
    pub fn begin_rewriting(&mut self, segments_max: usize) -> Option<u32> {
        if self.by_slot.len() + 2 < segments_max {
            return None;
        }
        let ended = self.by_slot.values_mut().filter(|segment| segment.state == SegmentState::Ended);
        let sparsest = ended.min_by_key(|segment| segment.open).filter(|segment| !segment.rewriting)?;
        sparsest.rewriting = true;
        Some(sparsest.file.slot())
    }

    /// The ended one with the oldest frames whose day's key is to go, if something is open in it, which is to be written again;
    /// none while that goes on.
    pub fn begin_rewriting_of(&mut self, last: Day) -> Option<u32> {
        let is_old = |segment: &&mut Segment| {
            segment.state == SegmentState::Ended
                && segment.open > 0
                && segment.days.iter().any(|day| *day <= last)
        };
        let oldest = self.by_slot.values_mut().filter(is_old).min_by_key(|segment| segment.used)?;
        (!std::mem::replace(&mut oldest.rewriting, true)).then(|| oldest.file.slot())
    }

    /// What is open in this one was not written again: another time.
    pub fn not_rewritten(&mut self, slot: u32) {
        if let Some(segment) = self.by_slot.get_mut(&slot) {
            segment.rewriting = false;
        }
    }

    /// The same of all.
    pub fn none_rewritten(&mut self) {
        self.by_slot.values_mut().for_each(|segment| segment.rewriting = false);
    }

    /// True if the active segment holds frames of another day than this one and the next: of one that is past, or, after a
    /// clock that was ahead, of one that has not come.
    pub fn active_is_of_another_day(&self, today: Day) -> bool {
        let another = |day: &Day| *day != today && *day != today.next();
        let of_another = |segment: &Segment| segment.days.iter().any(another);
        self.by_slot.values().any(|segment| segment.state == SegmentState::Active && of_another(segment))
    }

    /// The days whose keys seal what a replay would read.
    pub fn days(&self) -> impl Iterator<Item = Day> {
        self.by_slot.values().flat_map(|segment| segment.days.iter().copied())
    }

    /// The slots whose files must lie on the disk: of all but those that the keeper is giving a new use or removing.
    pub fn kept(&self) -> Vec<u32> {
        let kept = self.by_slot.iter().filter(|(_, segment)| segment.state != SegmentState::Recycling);
        kept.map(|(slot, _)| *slot).collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.by_slot.len()
    }

    /// How many hold frames.
    pub fn live(&self) -> usize {
        self.count_in(SegmentState::Active) + self.count_in(SegmentState::Ended)
    }

    /// How many are ready to be written.
    pub fn spares(&self) -> usize {
        self.count_in(SegmentState::Spare)
    }

    fn count_in(&self, state: SegmentState) -> usize {
        self.by_slot.values().filter(|segment| segment.state == state).count()
    }

    fn new_use(&mut self) -> u64 {
        let used = self.next_use;
        self.next_use += 1;
        used
    }
}

/// Adds a day that is not there yet.
pub fn note(days: &mut Vec<Day>, day: Day) {
    if !days.contains(&day) {
        days.push(day);
    }
}
