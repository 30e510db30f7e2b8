//! The thread that keeps the accept path free of slow work: spares made ahead, finished segments recycled, tomorrow's
//! key made today, the disk's free space looked at.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::frame::DayKey;
use super::ledger::{Keys, SpareWish};
use super::queue::Ticket;
use super::segment::SegmentFile;
use super::segments::{Segment, SegmentState};
use super::shared::{HaltOnPanic, SPARES_KEPT, Shared};
use super::{InboxCode, InboxError};
use crate::clock::Day;
use crate::keyring::Keyring;
use crate::notification::LeadRef;

/// How often the keeper looks unasked.
const TICK: Duration = Duration::from_secs(1);

/// So many references are written again in one frame.
const REWRITTEN_A_FRAME: usize = 256;

/// The keeper's own.
pub struct Keeper {
    shared: Arc<Shared>,
    /// Something is wrong and was said once.
    complained: Complaints,
}

#[derive(Default)]
struct Complaints {
    space: bool,
    keys: bool,
    spare: bool,
}

/// What is to be done to a finished segment.
enum Fate {
    /// Recycled, with this use number.
    Reuse(u64),
    /// There are spares enough, or it has another size.
    Remove,
}

impl Keeper {
    /// A keeper that has not looked yet.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, complained: Complaints::default() }
    }

    /// Looks again and again until the inbox is closed or halted.
    pub fn run(mut self) {
        let shared = self.shared.clone();
        let _halt = HaltOnPanic(&shared);
        loop {
            let ledger = shared.lock();
            let wanted =
                ledger.spare == SpareWish::Waiting || ledger.segments.values().any(Segment::is_finished);
            if ledger.halted.is_some() || ledger.finished {
                return;
            }
            let ledger = match wanted {
                true => ledger,
                false => Shared::wait_for(shared.keeper(), ledger, TICK),
            };
            drop(ledger);
            if let Err(error) = self.pass() {
                shared.halt(error);
            }
        }
    }

    /// Does what there is to do, once. The first pass belongs to opening.
    ///
    /// # Errors
    /// A segment's new header may or may not be on the disk: to be halted for.
    pub fn pass(&mut self) -> Result<(), InboxError> {
        self.look_at_space();
        self.make_keys();
        self.recycle().map_err(InboxError::io)?;
        self.rewrite_sparse();
        self.make_spare();
        self.end_past_day();
        Ok(())
    }

    fn look_at_space(&mut self) {
        let looked = self.shared.space.look(self.shared.shelf.path());
        let short = !self.shared.space.is_enough();
        match (short, std::mem::replace(&mut self.complained.space, short)) {
            (true, false) => {
                tracing::error!(io.kind = ?looked.err().map(|error| error.kind()), code = %InboxCode::DiskFull, "inbox.below-floor");
            }
            (false, true) => tracing::info!("inbox.above-floor"),
            _ => {}
        }
    }

    /// Goes on to the keys of a new day. If the keyring fails, the last day's go on serving.
    fn make_keys(&mut self) {
        let today = Day::of(self.shared.clock.now());
        if today <= self.shared.lock().keys.today.day {
            return;
        }
        match day_keys(&*self.shared.keyring, today) {
            Ok(keys) => {
                self.shared.lock().keys = keys;
                self.complained.keys = false;
            }
            Err(error) if !std::mem::replace(&mut self.complained.keys, true) => {
                tracing::error!(code = %error.code, io.kind = ?error.io, "inbox.day-key-failed");
            }
            Err(_) => {}
        }
    }

    /// Recycles or removes what is finished. Until that is durable its frames would be replayed, so its days' keys stay.
    fn recycle(&self) -> io::Result<()> {
        while let Some((slot, file, fate)) = self.next_finished() {
            match fate {
                Fate::Reuse(used) => {
                    self.shared.shelf.reuse(&file, used)?;
                    let spare = Segment::new(file, used, SegmentState::Spare);
                    self.shared.lock().segments.insert(slot, spare);
                    self.shared.spare_ready.notify_one();
                }
                Fate::Remove => {
                    self.shared.shelf.remove(slot)?;
                    self.shared.lock().segments.remove(&slot);
                }
            }
        }
        Ok(())
    }

    fn next_finished(&self) -> Option<(u32, Arc<SegmentFile>, Fate)> {
        let mut ledger = self.shared.lock();
        let spares = ledger.count(SegmentState::Spare);
        let (slot, segment) = ledger.segments.iter_mut().find(|(_, segment)| segment.is_finished())?;
        segment.state = SegmentState::Recycling;
        let (slot, file) = (*slot, segment.file.clone());
        let fits = file.bytes() == self.shared.limits.segment_bytes;
        let fate = match fits && spares < SPARES_KEPT {
            true => Fate::Reuse(ledger.new_use()),
            false => Fate::Remove,
        };
        Some((slot, file, fate))
    }

    /// Makes a spare if there is none.
    fn make_spare(&mut self) {
        let (slot, used) = {
            let mut ledger = self.shared.lock();
            if ledger.count(SegmentState::Spare) > 0 {
                return;
            }
            if ledger.segments.len() >= self.shared.limits.segments_max {
                drop(ledger);
                return self.refuse_spare(InboxError::of(InboxCode::Full));
            }
            let slot = (1..).find(|slot| !ledger.segments.contains_key(slot)).unwrap_or(u32::MAX);
            (slot, ledger.new_use())
        };
        if !self.shared.space.is_enough() {
            return self.refuse_spare(InboxError::of(InboxCode::DiskFull));
        }
        match self.shared.shelf.create(slot, used) {
            Ok(file) => {
                let spare = Segment::new(Arc::new(file), used, SegmentState::Spare);
                self.shared.lock().segments.insert(slot, spare);
                self.complained.spare = false;
                self.shared.spare_ready.notify_one();
            }
            Err(error) => {
                let code = match error.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => InboxCode::DiskFull,
                    _ => InboxCode::NoSegment,
                };
                self.refuse_spare(InboxError { code, io: Some(error.kind()) });
            }
        }
    }

    /// Tells the writer, if it waits for a segment, that there will be none now.
    fn refuse_spare(&mut self, error: InboxError) {
        if !std::mem::replace(&mut self.complained.spare, true) {
            tracing::error!(code = %error.code, io.kind = ?error.io, "inbox.no-spare");
        }
        let mut ledger = self.shared.lock();
        if ledger.spare == SpareWish::Waiting {
            ledger.spare = SpareWish::Refused(error);
            self.shared.spare_ready.notify_one();
        }
    }

    /// Ends the active segment when its day is over, so that a quiet inbox lets go of the day's key too.
    fn end_past_day(&self) {
        let mut ledger = self.shared.lock();
        let today = ledger.keys.today.day;
        let is_past = |segment: &Segment| {
            segment.state == SegmentState::Active && segment.days.iter().any(|day| *day < today)
        };
        if !ledger.filling.rotate && ledger.segments.values().any(is_past) {
            ledger.filling.rotate = true;
            self.shared.work.notify_one();
        }
    }

    /// Near the bound on segments, writes the few open references of the sparsest one again, so that it can be recycled:
    /// references that stay queued for long must not each hold a segment. One segment at a time.
    fn rewrite_sparse(&self) {
        let (slot, open) = {
            let mut ledger = self.shared.lock();
            if ledger.segments.len() + 2 < self.shared.limits.segments_max {
                return;
            }
            let ended = |segment: &&mut Segment| segment.state == SegmentState::Ended;
            let sparsest = ledger.segments.values_mut().filter(ended).min_by_key(|segment| segment.open);
            let Some(segment) = sparsest.filter(|segment| !segment.rewriting) else { return };
            segment.rewriting = true;
            let slot = segment.file.slot();
            (slot, ledger.queue.open_in(slot))
        };
        tracing::debug!(segment.slot = slot, refs.open = open.len(), "inbox.rewriting");
        for chunk in open.chunks(REWRITTEN_A_FRAME) {
            if self.rewrite(chunk).is_err()
                && let Some(segment) = self.shared.lock().segments.get_mut(&slot)
            {
                segment.rewriting = false;
                return;
            }
        }
    }

    /// Puts references that are durable already into the buffer once more.
    fn rewrite(&self, chunk: &[(Ticket, LeadRef)]) -> Result<(), InboxError> {
        let references: Vec<LeadRef> = chunk.iter().map(|(_, reference)| reference.clone()).collect();
        let key = self.shared.lock().keys.today.clone();
        let frame = self.shared.seal(&references, &key)?;
        let mut ledger = self.shared.lock();
        ledger.check_open()?;
        // Only this thread goes on to later days' keys, so the key is still held.
        ledger.filling.push(&frame, key.day, chunk.iter().map(|(ticket, _)| *ticket));
        self.shared.work.notify_one();
        Ok(())
    }
}

/// The keys of this day and the next, made where they are absent.
///
/// # Errors
/// The keyring refuses or fails.
pub fn day_keys(keyring: &dyn Keyring, today: Day) -> Result<Keys, InboxError> {
    let key = |day: Day| -> Result<Arc<DayKey>, InboxError> {
        let key = keyring.day_key(day).map_err(InboxError::keyring)?;
        Ok(Arc::new(DayKey { day, key }))
    };
    keyring.make_days(&[today, today.next()]).map_err(InboxError::keyring)?;
    Ok(Keys { today: key(today)?, tomorrow: key(today.next())? })
}
