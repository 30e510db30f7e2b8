//! The thread that keeps the accept path free of slow work: spares made ahead, finished segments recycled, tomorrow's
//! key made today, the disk's free space looked at, the witness told how far the journal has come.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::frame::DayKey;
use super::ledger::Keys;
use super::queue::Ticket;
use super::segments::{Fate, Finished};
use super::shared::{HaltOnPanic, Shared};
use super::witness::Witness;
use super::{InboxCode, InboxError};
use crate::clock::Day;
use crate::keyring::{DAY_KEY_SERVES_DAYS, Keyring};
use crate::notification::LeadRef;

/// How often the keeper looks unasked.
const TICK: Duration = Duration::from_secs(1);

/// How far apart two words to the witness are at least, unless a segment waits for one: what it does not know yet when the
/// process is killed is younger than this and a tick.
const WITNESS_EVERY: Duration = Duration::from_secs(1);

/// So many references are written again in one frame.
const REWRITTEN_A_FRAME: usize = 256;

/// The keeper's own.
pub struct Keeper {
    shared: Arc<Shared>,
    witness: Witness,
    /// When the witness was last told; none: not since open.
    witnessed_at: Option<Instant>,
    /// Something is wrong and was said once.
    complained: Complaints,
}

#[derive(Default)]
struct Complaints {
    space: bool,
    keys: bool,
    spare: bool,
    witness: bool,
}

impl Keeper {
    /// A keeper that has not looked yet.
    pub fn new(shared: Arc<Shared>, witness: Witness) -> Self {
        Self { shared, witness, witnessed_at: None, complained: Complaints::default() }
    }

    /// Looks again and again until the inbox is closed or halted.
    pub fn run(mut self) {
        let shared = self.shared.clone();
        let _halt = HaltOnPanic(&shared);
        loop {
            let ledger = shared.lock();
            if ledger.is_over() {
                break;
            }
            // A witness that cannot be told is asked again at the next tick, not at once.
            match ledger.wants_keeper() && !self.complained.witness {
                true => drop(ledger),
                false => shared.wait_as_keeper(ledger, TICK),
            }
            if let Err(error) = self.pass() {
                shared.halt(error);
            }
        }
        // Said by the log if it fails; the next start then knows what the witness knew before.
        let _ = self.tell_witness();
    }

    /// The first pass, which belongs to opening: the witness knows what a replay found, and what it found missing is
    /// written down as known, before anything is accepted.
    ///
    /// # Errors
    /// The witness cannot be told; and as [`Keeper::pass`].
    pub fn first_pass(&mut self) -> Result<(), InboxError> {
        self.tell_witness().map_err(InboxError::io)?;
        self.pass()
    }

    /// Does what there is to do, once.
    ///
    /// # Errors
    /// A segment's new header may or may not be on the disk: to be halted for.
    fn pass(&mut self) -> Result<(), InboxError> {
        self.look_at_space();
        self.make_keys();
        let is_due = self.witnessed_at.is_none_or(|at| at.elapsed() >= WITNESS_EVERY);
        if is_due || self.shared.lock().any_finished() {
            // Said by the log if it fails; finished segments wait for it.
            let _ = self.tell_witness();
        }
        self.recycle().map_err(InboxError::io)?;
        self.rewrite_sparse();
        self.rewrite_old();
        self.make_spare();
        self.end_past_day();
        Ok(())
    }

    fn look_at_space(&mut self) {
        let looked = self.shared.space().look(self.shared.shelf().path());
        let short = !self.shared.space().is_enough();
        match (short, std::mem::replace(&mut self.complained.space, short)) {
            (true, false) => {
                tracing::error!(io.kind = ?looked.err().map(|error| error.kind()), code = %InboxCode::DiskFull, "inbox.below-floor");
            }
            (false, true) => tracing::info!("inbox.above-floor"),
            _ => {}
        }
    }

    /// Goes to the keys of another day: a later one, or back where the clock was ahead. If the keyring fails, the last
    /// day's go on serving.
    fn make_keys(&mut self) {
        let today = self.shared.today();
        if today == self.shared.lock().today() {
            return;
        }
        match day_keys(self.shared.keyring(), today) {
            Ok(keys) => {
                self.shared.lock().set_keys(keys);
                self.complained.keys = false;
            }
            Err(error) if !std::mem::replace(&mut self.complained.keys, true) => {
                tracing::error!(code = %error.code, io.kind = ?error.io, "inbox.day-key-failed");
            }
            Err(_) => {}
        }
    }

    /// Tells the witness what the journal answers for, if it does not know.
    fn tell_witness(&mut self) -> io::Result<()> {
        let testimony = self.shared.lock().testimony();
        let told = match self.witness.last() == Some(&testimony) {
            true => Ok(()),
            false => self.witness.record(testimony),
        };
        self.witnessed_at = Some(Instant::now());
        let failed = told.as_ref().err().map(io::Error::kind);
        match (failed, std::mem::replace(&mut self.complained.witness, failed.is_some())) {
            (Some(kind), false) => tracing::error!(io.kind = ?kind, "inbox.witness-failed"),
            (None, true) => tracing::info!("inbox.witness-told"),
            _ => {}
        }
        told
    }

    /// Recycles or removes what is finished and what the witness speaks of no more: a segment that it speaks of must be
    /// found at the next start. Until that is durable its frames would be replayed, so its days' keys stay.
    fn recycle(&self) -> io::Result<()> {
        while let Some(Finished { slot, file, fate }) = self.next_finished() {
            match fate {
                Fate::Reuse(used) => {
                    self.shared.shelf().reuse(&file, used)?;
                    self.shared.add_spare(file, used);
                }
                Fate::Remove => {
                    self.shared.shelf().remove(slot)?;
                    self.shared.lock().remove_segment(slot);
                }
            }
        }
        Ok(())
    }

    fn next_finished(&self) -> Option<Finished> {
        let may_go = |used| !self.witness.names(used);
        self.shared.lock().take_finished(self.shared.limits().segment_bytes, may_go)
    }

    /// Makes a spare if there is none.
    fn make_spare(&mut self) {
        let place = self.shared.lock().place_of_spare(self.shared.limits().segments_max);
        let (slot, used) = match place {
            Ok(Some(place)) => place,
            Ok(None) => return,
            Err(error) => return self.refuse_spare(error),
        };
        if !self.shared.space().is_enough() {
            return self.refuse_spare(InboxError::of(InboxCode::DiskFull));
        }
        match self.shared.shelf().create(slot, used) {
            Ok(file) => {
                self.shared.add_spare(Arc::new(file), used);
                self.complained.spare = false;
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
        self.shared.refuse_spare(error);
    }

    /// Ends the active segment when its day is over, so that a quiet inbox lets go of the day's key too.
    fn end_past_day(&self) {
        if self.shared.lock().end_past_day() {
            self.shared.wake_writer();
        }
    }

    /// Near the bound on segments, writes the few open references of the sparsest one again, so that it can be recycled:
    /// references that stay queued for long must not each hold a segment. One segment at a time.
    fn rewrite_sparse(&self) {
        let rewriting = self.shared.lock().begin_rewriting(self.shared.limits().segments_max);
        rewriting.into_iter().for_each(|(slot, open)| self.rewrite_segment(slot, &open));
    }

    /// Writes what has been open for seven days again under today's key, so that no day's key is needed for longer than eight:
    /// one segment at a time.
    fn rewrite_old(&self) {
        let last = self.shared.lock().today().minus(DAY_KEY_SERVES_DAYS);
        let rewriting = self.shared.lock().begin_rewriting_of(last);
        rewriting.into_iter().for_each(|(slot, open)| self.rewrite_segment(slot, &open));
    }

    fn rewrite_segment(&self, slot: u32, open: &[(Ticket, LeadRef)]) {
        tracing::debug!(segment.slot = slot, refs.open = open.len(), "inbox.rewriting");
        for chunk in open.chunks(REWRITTEN_A_FRAME) {
            if self.rewrite(chunk).is_err() {
                self.shared.lock().not_rewritten(slot);
                return;
            }
        }
    }

    /// Puts references that are durable already into the buffer once more.
    fn rewrite(&self, chunk: &[(Ticket, LeadRef)]) -> Result<(), InboxError> {
        let references: Vec<LeadRef> = chunk.iter().map(|(_, reference)| reference.clone()).collect();
        let key = self.shared.lock().key().clone();
        let frame = self.shared.seal(&references, &key)?;
        let tickets = chunk.iter().map(|(ticket, _)| *ticket);
        // Only this thread goes on to later days' keys, so the key is still held.
        self.shared.lock().gather_again(&frame, key.day, tickets)?;
        self.shared.wake_writer();
        Ok(())
    }
}

/// The keys of this day and the next, made where they are absent.
///
/// # Errors
/// The keyring refuses or fails.
pub fn day_keys(keyring: &dyn Keyring, today: Day) -> Result<Keys, InboxError> {
    let key = |day: Day| -> Result<DayKey, InboxError> {
        let key = keyring.day_key(day).map_err(InboxError::keyring)?;
        Ok(DayKey { day, key })
    };
    keyring.make_days(&[today, today.next()]).map_err(InboxError::keyring)?;
    Ok(Keys::new(key(today)?, key(today.next())?))
}
