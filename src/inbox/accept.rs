//! Accepting a call: what is new in it is sealed into the buffer by the caller itself, and the caller waits for the
//! batch that carries it.

use std::collections::HashSet;
use std::sync::Arc;

use super::batch::Batch;
use super::frame::{self, DayKey};
use super::ledger::{Gathered, Ledger};
use super::queue::Standing;
use super::room::HeldRoom;
use super::shared::Shared;
use super::{Accepted, InboxCode, InboxError};
use crate::notification::LeadRef;

/// A call on its way through.
struct Passage<'s> {
    /// How many different references it has.
    distinct: usize,
    /// What is not known so far.
    unknown: Vec<LeadRef>,
    /// The batches that must be durable before the answer.
    waits: Vec<Arc<Batch>>,
    /// The key of the day.
    key: Arc<DayKey>,
    /// The look into the store, from before the queue was looked at.
    look: StoreLook<'s>,
}

/// What became of a call's new references.
#[derive(Default)]
struct Appended {
    new: Vec<LeadRef>,
    over: usize,
}

/// A look into the store that is under way, over when it is dropped: its caller may go away at any moment.
struct StoreLook<'s> {
    shared: &'s Shared,
    began: Option<u64>,
}

impl StoreLook<'_> {
    fn end(&mut self, ledger: &mut Ledger) {
        if let Some(began) = self.began.take() {
            ledger.end_look(began);
        }
    }
}

impl Drop for StoreLook<'_> {
    fn drop(&mut self) {
        if self.began.is_some() {
            self.end(&mut self.shared.lock());
        }
    }
}

impl Shared {
    /// Makes the references of one call durable, all that it takes or none.
    pub async fn accept(&self, references: Vec<LeadRef>) -> Result<Accepted, InboxError> {
        let asked = references.len();
        let mut call = self.look(references)?;
        let mut fresh = std::mem::take(&mut call.unknown);
        let mut parked = 0;
        let mut room = None;
        if !fresh.is_empty() {
            let looked = self.known().look(&fresh).await.map_err(InboxError::of)?;
            let mut known = looked.known.into_iter();
            // What the store says nothing of is new: stored twice it is recognised, passed over it would be lost.
            fresh.retain(|_| known.next() != Some(true));
            parked = looked.parked;
            room = HeldRoom::look(self.known(), &fresh).await?;
        }
        let Appended { new, over } = match fresh.is_empty() {
            true => Appended::default(),
            false => self.append(&mut call, fresh, parked, room)?,
        };
        let Passage { waits, look, .. } = call;
        drop(look);
        for batch in waits {
            batch.wait().await?;
        }
        Ok(Accepted { known: asked - new.len() - over, new, over })
    }

    /// Looks the call up in the queue. The clock is read before the lock is taken.
    fn look(&self, references: Vec<LeadRef>) -> Result<Passage<'_>, InboxError> {
        let today = self.today();
        let once = without_repeats(references);
        let mut ledger = self.lock();
        ledger.check_open()?;
        let mut call = Passage {
            distinct: once.len(),
            unknown: Vec::with_capacity(once.len()),
            waits: Vec::new(),
            key: ledger.key_of(today).clone(),
            look: StoreLook { shared: self, began: None },
        };
        for reference in once {
            match ledger.queue().find(&reference.leadgen, &reference.lane()) {
                None => call.unknown.push(reference),
                Some(standing) => call.wait_for(&ledger, standing),
            }
        }
        if !call.unknown.is_empty() {
            call.look.began = Some(ledger.begin_look());
        }
        Ok(call)
    }

    /// Puts the references into the buffer, sealed, unless another call was faster, or there is no room for what would only
    /// be held.
    fn append(
        &self,
        call: &mut Passage<'_>,
        fresh: Vec<LeadRef>,
        parked: u64,
        mut room: Option<HeldRoom>,
    ) -> Result<Appended, InboxError> {
        let looked_at = fresh.len();
        let mut frame = self.seal(&fresh, &call.key)?;
        let mut ledger = self.lock();
        let began = call.look.began.unwrap_or_default();
        let new = ledger.still_new(fresh, began, |ledger, standing| call.wait_for(ledger, standing));
        call.look.end(&mut ledger);
        let mut new = new?;
        let over = room.as_mut().map_or(0, |room| room.keep(&mut new, ledger.queue(), self.settings()));
        if over == call.distinct {
            return Err(InboxError::of(InboxCode::HeldFull));
        }
        if new.is_empty() {
            return Ok(Appended { new, over });
        }
        // Rare: another call took some of ours, midnight passed, or not all are taken. Sealed again under the lock then.
        let stale = !ledger.holds_key_of(call.key.day);
        if stale {
            call.key = ledger.key().clone();
        }
        if stale || new.len() != looked_at {
            frame = self.seal(&new, &call.key)?;
        }
        self.check_room(&ledger, parked, new.len(), frame.len())?;
        let claims = room.as_ref().map(HeldRoom::claims);
        let Gathered { batch, is_first } = ledger.gather(&frame, call.key.day, &new, claims);
        drop(ledger);
        call.waits.push(batch);
        if is_first {
            self.wake_writer();
        }
        Ok(Appended { new, over })
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
        let queued = ledger.queue().len() as u64;
        let refusal = if frame_bytes > self.limits().frame_bytes_max {
            InboxCode::CallTooLarge
        } else if queued.saturating_add(parked).saturating_add(new as u64) > self.settings().max_references {
            InboxCode::Full
        } else if ledger.gathered_bytes() + frame_bytes > self.limits().buffer_bytes_max {
            InboxCode::Stalled
        } else if !self.space().is_enough() {
            InboxCode::DiskFull
        } else {
            return Ok(());
        };
        Err(InboxError::of(refusal))
    }

    /// Seals a call's references.
    pub fn seal(&self, references: &[LeadRef], key: &DayKey) -> Result<Vec<u8>, InboxError> {
        frame::seal(references, key, self.shelf().instance(), self.random())
            .map_err(|_| InboxError::of(InboxCode::NoRandomness))
    }
}

impl Passage<'_> {
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

/// The first of each leadgen, form and page.
fn without_repeats(mut references: Vec<LeadRef>) -> Vec<LeadRef> {
    if references.len() > 1 {
        let mut met = HashSet::with_capacity(references.len());
        references.retain(|reference| met.insert((reference.leadgen, reference.lane())));
    }
    references
}
