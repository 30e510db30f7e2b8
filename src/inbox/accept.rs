//! Accepting a call: what is new in it is sealed into the buffer by the caller itself, and the caller waits for the
//! batch that carries it.

use std::collections::HashSet;
use std::sync::Arc;

use super::frame::{self, DayKey};
use super::ledger::{Batch, Ledger};
use super::queue::Standing;
use super::shared::Shared;
use super::{Accepted, InboxCode, InboxError};
use crate::clock::Day;
use crate::notification::LeadRef;

/// A call on its way through.
struct Call {
    /// What is not known so far.
    unknown: Vec<LeadRef>,
    /// The batches that must be durable before the answer.
    waits: Vec<Arc<Batch>>,
    /// The key of the day.
    key: Arc<DayKey>,
    /// How many references had had their end when the queue was looked at.
    ended: u64,
}

impl Shared {
    /// Makes the references of one call durable, all or none.
    pub async fn accept(&self, references: Vec<LeadRef>) -> Result<Accepted, InboxError> {
        let asked = references.len();
        let mut call = self.look(references)?;
        let mut fresh = Vec::with_capacity(call.unknown.len());
        for reference in std::mem::take(&mut call.unknown) {
            if !self.known.known(&reference.leadgen).map_err(InboxError::of)? {
                fresh.push(reference);
            }
        }
        let new = if fresh.is_empty() { fresh } else { self.append(&mut call, fresh)? };
        for batch in call.waits {
            batch.wait().await?;
        }
        Ok(Accepted { known: asked - new.len(), new })
    }

    /// Looks the call up in the queue. The clock is read before the lock is taken.
    fn look(&self, references: Vec<LeadRef>) -> Result<Call, InboxError> {
        let today = Day::of(self.clock.now());
        let once = without_repeats(references);
        let ledger = self.lock();
        ledger.check_open()?;
        let mut call = Call {
            unknown: Vec::with_capacity(once.len()),
            waits: Vec::new(),
            key: ledger.keys.of(today).clone(),
            ended: ledger.ended,
        };
        for reference in once {
            match ledger.queue.find(&reference.leadgen) {
                None => call.unknown.push(reference),
                Some(standing) => call.wait_for(&ledger, standing),
            }
        }
        Ok(call)
    }

    /// Puts the references into the buffer, sealed, unless another call was faster. Returns those that are new.
    fn append(&self, call: &mut Call, fresh: Vec<LeadRef>) -> Result<Vec<LeadRef>, InboxError> {
        let parked = self.known.parked();
        let looked_at = fresh.len();
        let mut frame = self.seal(&fresh, &call.key)?;
        let mut ledger = self.lock();
        ledger.check_open()?;
        let mut new = Vec::with_capacity(looked_at);
        for reference in fresh {
            match ledger.queue.find(&reference.leadgen) {
                Some(standing) => call.wait_for(&ledger, standing),
                // Settled between the two looks, it is in neither: the store knows it by now.
                None if ledger.ended != call.ended
                    && self.known.known(&reference.leadgen).map_err(InboxError::of)? => {}
                None => new.push(reference),
            }
        }
        if new.is_empty() {
            return Ok(new);
        }
        // Rare: another call took some of ours, or midnight passed. Sealed again under the lock then.
        let stale = !ledger.keys.holds(call.key.day);
        if stale {
            call.key = ledger.keys.today.clone();
        }
        if stale || new.len() != looked_at {
            frame = self.seal(&new, &call.key)?;
        }
        self.check_room(&ledger, parked, new.len(), frame.len())?;
        let wake = ledger.filling.is_empty();
        let Ledger { queue, filling, .. } = &mut *ledger;
        filling.push(&frame, call.key.day, new.iter().map(|reference| queue.insert(reference)));
        call.waits.push(filling.batch.clone());
        drop(ledger);
        if wake {
            self.work.notify_one();
        }
        Ok(new)
    }

    /// # Errors
    /// Why so many new references, in a frame of so many bytes, cannot be taken now.
    fn check_room(
        &self,
        ledger: &Ledger,
        parked: u64,
        new: usize,
        frame_bytes: usize,
    ) -> Result<(), InboxError> {
        let queued = ledger.queue.len() as u64;
        let refusal = if frame_bytes > self.limits.frame_bytes_max {
            InboxCode::CallTooLarge
        } else if queued.saturating_add(parked).saturating_add(new as u64) > self.settings.max_references {
            InboxCode::Full
        } else if ledger.filling.bytes.len() + frame_bytes > self.limits.buffer_bytes_max {
            InboxCode::Stalled
        } else if !self.space.is_enough() {
            InboxCode::DiskFull
        } else {
            return Ok(());
        };
        Err(InboxError::of(refusal))
    }

    /// Seals a call's references.
    pub fn seal(&self, references: &[LeadRef], key: &DayKey) -> Result<Vec<u8>, InboxError> {
        frame::seal(references, key, self.shelf.instance(), &*self.random)
            .map_err(|_| InboxError::of(InboxCode::NoRandomness))
    }
}

impl Call {
    /// A reference that is here is known; if its batch is still being written, its durability must be awaited too.
    fn wait_for(&mut self, ledger: &Ledger, standing: Standing) {
        if let Standing::Writing { arrival } = standing {
            let batch = ledger.batch_of(arrival);
            if !self.waits.iter().any(|waits| Arc::ptr_eq(waits, &batch)) {
                self.waits.push(batch);
            }
        }
    }
}

/// The first of each leadgen.
fn without_repeats(mut references: Vec<LeadRef>) -> Vec<LeadRef> {
    if references.len() > 1 {
        let mut met = HashSet::with_capacity(references.len());
        references.retain(|reference| met.insert(reference.leadgen));
    }
    references
}
