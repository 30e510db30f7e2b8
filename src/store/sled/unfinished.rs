//! Erasures, and records written anew, that are durable in the store and have no end yet: the writer has their leaves punctured,
//! all at once, and then notes in its next transaction that they are done.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use crate::keyring::KeyringError;
use crate::store::leaves::puncture;
use crate::store::retention::BucketCut;
use crate::store::sled::draft::{Draft, Puncture, Sweep};
use crate::store::sled::engine::Engine;
use crate::store::sled::erasure_rows::{self, Act, Pending};
use crate::store::sled::expiry_row;
use crate::store::sled::reference::keyring_failed;
use crate::store::sled::shared::Shared;
use crate::store::sled::verbs::erasing::finish;
use crate::store::sled::verbs::rewriting;
use crate::store::{ErasureEnd, StoreError};

/// So many may be on their way: while keys cannot be destroyed, more are refused.
const UNFINISHED_MAX: usize = 1_000;

/// See the file.
#[derive(Default)]
pub(super) struct Unfinished {
    punctures: Vec<Puncture>,
    /// What ended by its time.
    sweep: Option<Sweep>,
    /// Why the keys could not be destroyed, as it stands in the log.
    told: Option<KeyringError>,
}

impl Unfinished {
    /// What a predecessor left pending, with its keys destroyed.
    ///
    /// # Errors
    /// The keys cannot be destroyed: then nobody may be told that all is well. Otherwise see [`crate::store::StoreCode`].
    pub(super) fn resume(shared: &Shared, engine: &Engine) -> Result<Self, StoreError> {
        let mut unfinished = Self::default();
        unfinished.read_anew(shared, engine)?;
        if !unfinished.punctures.is_empty() || unfinished.sweep.is_some() {
            unfinished.destroy(shared).map_err(keyring_failed)?;
        }
        if !unfinished.punctures.is_empty() {
            tracing::warn!(erasures = unfinished.punctures.len(), "store.erasures-resumed");
        }
        if let Some(sweep) = &unfinished.sweep {
            let records: u64 = sweep.cuts.iter().map(BucketCut::leaves).sum();
            tracing::warn!(records.expired = records, "store.expiry-resumed");
        }
        Ok(unfinished)
    }

    /// Takes what an engine has pending in the place of what was known. Whoever waits for one of them goes on waiting.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    pub(super) fn read_anew(&mut self, shared: &Shared, engine: &Engine) -> Result<(), StoreError> {
        let mut before = std::mem::take(&mut self.punctures);
        let (pending, damaged) = erasure_rows::pending(engine, shared.unreadable())?;
        shared.stuck().damaged.store(damaged, Ordering::Relaxed);
        for Pending { act, leaves } in pending {
            let known = before.iter().position(|puncture| puncture.act == act);
            let known = known.map(|at| before.swap_remove(at));
            let ended = known.map_or_else(Arc::<OnceLock<ErasureEnd>>::default, |known| known.ended);
            self.punctures.push(Puncture { act, leaves, ended });
        }
        let ended = self.sweep.take().map(|sweep| sweep.ended).unwrap_or_default();
        self.sweep = expiry_row::pending(engine, shared.unreadable())?.map(|cuts| Sweep { cuts, ended });
        Ok(())
    }

    /// True if some have an end that no row says yet.
    pub(super) fn has_ended(&self) -> bool {
        self.punctures.iter().any(|puncture| puncture.ended.get().is_some())
            || self.sweep.as_ref().is_some_and(|sweep| sweep.ended.get().is_some())
    }

    /// True if no more are taken.
    pub(super) fn is_full(&self) -> bool {
        self.punctures.len() >= UNFINISHED_MAX
    }

    /// Destroys the keys of all that wait for it. What fails is said once, and tried again with the next call.
    pub(super) fn puncture(&mut self, shared: &Shared) {
        if self.waiting().next().is_none() && self.due().is_none() {
            shared.stuck().pending.store(0, Ordering::Relaxed);
            return;
        }
        let failed = self.destroy(shared).err();
        // Each erasure, and each record that was written anew: so a restart, which finds a row of each, counts the same.
        let count = |puncture: &Puncture| match &puncture.act {
            Act::Erasure(_) => 1,
            Act::Rewriting(records) => records.len(),
        };
        let stuck = failed.map_or(0, |_| self.waiting().map(count).sum());
        shared.stuck().pending.store(stuck as u64, Ordering::Relaxed);
        if let Some(error) = failed
            && self.told != Some(error)
        {
            let pending = self.punctures.len();
            let records: u64 = self.due().map_or(0, |sweep| sweep.cuts.iter().map(BucketCut::leaves).sum());
            tracing::error!(
                code = %error.code, io.kind = ?error.io, erasures = pending, records.expired = records,
                "store.erasure-pending"
            );
        }
        self.told = failed;
    }

    /// What ended by its time and still has its keys.
    fn due(&self) -> Option<&Sweep> {
        self.sweep.as_ref().filter(|sweep| sweep.ended.get().is_none())
    }

    fn waiting(&self) -> impl Iterator<Item = &Puncture> {
        self.punctures.iter().filter(|puncture| puncture.ended.get().is_none())
    }

    fn destroy(&self, shared: &Shared) -> Result<(), KeyringError> {
        let cuts = self.due().map_or(&[][..], |sweep| &sweep.cuts);
        puncture(shared.keyring(), self.waiting().flat_map(|puncture| &puncture.leaves), cuts)?;
        let end = ErasureEnd { at: shared.look().now(), generation: shared.keyring().generation() };
        for puncture in self.waiting() {
            // Only here it is set, and each once.
            let _ = puncture.ended.set(end);
            if let Act::Erasure(id) = puncture.act {
                shared.note_end(id, end);
            }
        }
        if let Some(sweep) = self.due() {
            let _ = sweep.ended.set(end);
        }
        Ok(())
    }

    /// Notes of those that have an end that they are done.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    pub(super) fn finish(&self, draft: &mut Draft<'_>) -> Result<(), StoreError> {
        for puncture in &self.punctures {
            if let Some(end) = puncture.ended.get() {
                draft.attempt(|draft| match &puncture.act {
                    Act::Erasure(id) => finish(draft, *id, *end),
                    Act::Rewriting(records) => rewriting::finish(draft, records, &puncture.leaves),
                })?;
            }
        }
        if self.sweep.as_ref().is_some_and(|sweep| sweep.ended.get().is_some()) {
            draft.attempt(|draft| {
                expiry_row::remove(draft);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// That is durable, and these wait from now on.
    pub(super) fn replace_ended(&mut self, shared: &Shared, new: Vec<Puncture>) {
        let ended = self.punctures.iter().filter(|puncture| puncture.ended.get().is_some());
        for puncture in ended {
            if let Act::Erasure(id) = puncture.act {
                shared.forget_end(id);
            }
        }
        // One that is asked for once more is the same: whoever asked before was answered.
        let is_new = |known: &Puncture| new.iter().any(|one| one.act == known.act);
        self.punctures.retain(|known| known.ended.get().is_none() && !is_new(known));
        self.punctures.extend(new);
        self.sweep.take_if(|sweep| sweep.ended.get().is_some());
    }

    /// This waits from now on, if it is one.
    pub(super) fn begin(&mut self, sweep: Option<Sweep>) {
        self.sweep = sweep.or(self.sweep.take());
    }
}
