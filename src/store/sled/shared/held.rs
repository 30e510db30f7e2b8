//! What memory holds of the rows, and how it learns of a commit.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;

use parking_lot::{MutexGuard, RwLockReadGuard};

use super::{Effect, Shared};
use crate::purpose::{PurposeId, RecordId};
use crate::store::Restriction;
use crate::store::mark::ClockReading;
use crate::store::outbox::HeldMails;
use crate::store::sled::index::ParkedIndex;
use crate::store::sled::touches::Touches;
use crate::store::suppressions::HeldSuppressions;
use crate::store::tombstones::Tombstones;
use crate::store::vigils::HeldVigils;

impl Shared {
    /// Learns what a commit has made durable.
    pub(in crate::store::sled) fn learn(&self, effects: Vec<Effect>, commit: u64) {
        let mut index = self.index();
        index.set_commit(commit);
        let mut stored = self.stored.lock();
        for effect in effects {
            match effect {
                Effect::Parked(position) => index.insert(&position),
                Effect::Unparked(position) => index.remove(&position),
                Effect::Stored(purpose, count) => {
                    stored.insert(purpose, count);
                }
                Effect::Tombstone(month, hash, erased) => {
                    self.tombstones.write().insert(month, hash, erased);
                }
                Effect::Early(count) => self.early.lock().0 = count,
                Effect::EarlyLookedAt(count) => self.early.lock().1 = Some(count),
                Effect::Restricted(restriction) => {
                    self.restrictions.write().insert(restriction.id.clone(), restriction);
                }
                Effect::Released(id) => {
                    self.restrictions.write().remove(&id);
                }
                Effect::Mails(id, dues) => self.mails.lock().replace(&id, dues),
                Effect::AskingPaused(paused) => self.asking_paused.store(paused, Ordering::SeqCst),
                Effect::TombstonesGone(month) => self.tombstones.write().forget(month),
                Effect::Suppressed(hash, barring, is_new) => {
                    self.suppressions.write().insert(hash, barring, is_new);
                }
                Effect::SuppressionGone(hash) => self.suppressions.write().remove(&hash),
                Effect::VigilBegan(id, asked, hashes) => self.vigils.write().insert(id, asked, &hashes),
                Effect::VigilOver(id, hashes) => self.vigils.write().remove(id, &hashes),
                Effect::BackedUp(at) => self.last_copies.lock().backed_up = Some(at),
                Effect::ClockCorrected(correction) => self.mark.correct(correction),
                Effect::ClockConfirmed => self.mark.hear(None),
            }
        }
    }

    /// Which references are parked where.
    pub(in crate::store::sled) fn index(&self) -> MutexGuard<'_, ParkedIndex> {
        self.index.lock()
    }

    /// True while nobody is to be asked whether they still agree.
    pub(in crate::store::sled) fn asking_paused(&self) -> bool {
        self.asking_paused.load(Ordering::SeqCst)
    }

    /// Which mails wait.
    pub(in crate::store::sled) fn mails(&self) -> MutexGuard<'_, HeldMails> {
        self.mails.lock()
    }

    /// How many records each purpose holds.
    pub(in crate::store::sled) fn stored(&self) -> HashMap<PurposeId, u64> {
        self.stored.lock().clone()
    }

    /// How many records of a purpose the last scan found missing.
    pub(in crate::store::sled) fn missing(&self, purpose: &PurposeId) -> u64 {
        let missing = self.missing.lock();
        missing.get(purpose).copied().unwrap_or(0)
    }

    /// Notes what a scan found missing.
    pub(in crate::store::sled) fn set_missing(&self, missing: &BTreeMap<PurposeId, u64>) {
        missing.clone_into(&mut self.missing.lock());
    }

    /// What is written into while a scan looks.
    pub(in crate::store::sled) fn touches(&self) -> MutexGuard<'_, Touches> {
        self.touches.lock()
    }

    /// Which addresses are awaited in what is unread.
    pub(in crate::store::sled) fn vigils(&self) -> RwLockReadGuard<'_, HeldVigils> {
        self.vigils.read()
    }

    /// What remembers erased submissions.
    pub(in crate::store::sled) fn tombstones(&self) -> RwLockReadGuard<'_, Tombstones> {
        self.tombstones.read()
    }

    /// Which addresses may not be stored.
    pub(in crate::store::sled) fn suppressions(&self) -> RwLockReadGuard<'_, HeldSuppressions> {
        self.suppressions.read()
    }

    /// Up to which settlement nobody has looked for records that were received under a clock that was behind.
    pub(in crate::store::sled) fn early_up_to(&self) -> Option<u64> {
        let (early, looked_at) = *self.early.lock();
        looked_at.is_none_or(|looked_at| looked_at < early).then_some(early)
    }

    /// The restriction of a record, if one stands.
    pub(in crate::store::sled) fn restriction(
        &self,
        id: &RecordId,
        look: &ClockReading,
    ) -> Option<Restriction> {
        self.restrictions.read().get(id).filter(|found| found.stands(look)).cloned()
    }

    /// True if a record is restricted.
    pub(in crate::store::sled) fn is_restricted(&self, id: &RecordId, look: &ClockReading) -> bool {
        self.restrictions.read().get(id).is_some_and(|found| found.stands(look))
    }

    /// True if only what its person asked for erases a record.
    pub(in crate::store::sled) fn bars_erasing(&self, id: &RecordId, look: &ClockReading) -> bool {
        self.restrictions.read().get(id).is_some_and(|found| found.bars_erasing(look))
    }

    /// Those of them that are wanted, by record.
    pub(in crate::store::sled) fn restrictions(
        &self,
        wanted: impl Fn(&Restriction, &ClockReading) -> bool,
    ) -> Vec<Restriction> {
        let look = self.look();
        self.restrictions.read().values().filter(|found| wanted(found, &look)).cloned().collect()
    }

    /// How many there are, those that are over and not taken away yet among them.
    pub(in crate::store::sled) fn restricted_count(&self) -> usize {
        self.restrictions.read().len()
    }
}
