//! What one transaction will do, worked out before it begins: writes over what the trees hold, and what memory must
//! learn once they are durable.
//!
//! The one writer works a draft out and applies it; since nobody else writes, what a draft read still holds then. sled
//! may run a transaction's closure again, so nothing is sealed or numbered inside it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use crate::lead::Leaf;
use crate::purpose::{PurposeId, RecordId};
use crate::store::leaves::Leaves;
use crate::store::mark::{ClockReading, Correction};
use crate::store::retention::BucketCut;
use crate::store::sled::engine::{Changes, Engine, KEY_BYTES_MAX, VALUE_BYTES_MAX};
use crate::store::sled::erasure_rows::Act;
use crate::store::sled::layout::{self, Place, meta};
use crate::store::sled::ledger::{self, Forgotten, Line, Said, TakenBack};
use crate::store::sled::shared::{Effect, Shared};
use crate::store::{ErasureEnd, StoreCode, StoreError};
use crate::trail::{Action, Entry, chain};

/// At most this many outcomes share a sync: beyond it latency grows and throughput does not (measured).
pub(super) const OUTCOMES_MAX: usize = 256;

/// Leaves from which a transaction takes the records away: they are to be punctured once it is durable.
pub(super) struct Puncture {
    /// By what.
    pub(super) act: Act,
    /// Which.
    pub(super) leaves: Vec<(PurposeId, Leaf)>,
    /// Where whoever asked sees that it was done.
    pub(super) ended: Arc<OnceLock<ErasureEnd>>,
}

/// What a transaction ends by its time: the same, in ranges.
pub(super) struct Sweep {
    /// Which.
    pub(super) cuts: Vec<BucketCut>,
    /// Where whoever asked sees that it was done.
    pub(super) ended: Arc<OnceLock<ErasureEnd>>,
}

#[derive(Default)]
struct Layer {
    changes: Changes,
    effects: Vec<Effect>,
    punctures: Vec<Puncture>,
    sweep: Option<Sweep>,
    said: Vec<Said>,
    /// How many records were stored, the first and the last.
    stored: BTreeMap<PurposeId, (u64, RecordId, RecordId)>,
}

/// A transaction, ready to be applied.
pub(super) struct Finished {
    /// What is applied.
    pub(super) changes: Changes,
    /// What memory must learn afterwards.
    pub(super) effects: Vec<Effect>,
    /// What is to be punctured then.
    pub(super) punctures: Vec<Puncture>,
    /// And what in ranges.
    pub(super) sweep: Option<Sweep>,
    /// What the ledger is to say of it.
    pub(super) lines: Vec<Line>,
    /// Its number.
    pub(super) commit: u64,
    /// The keyring's generation that it records.
    pub(super) generation: u64,
    /// The highest clock that it records.
    pub(super) mark: Timestamp,
}

/// The work of one transaction. Each job's part is kept or dropped as a whole.
pub(super) struct Draft<'e> {
    /// Keys, randomness, the index in memory.
    pub(super) shared: &'e Shared,
    /// What is there.
    pub(super) engine: &'e Engine,
    /// Keys of the records that are sealed.
    pub(super) leaves: Leaves,
    /// The moment of the transaction: the highest clock that is believed.
    pub(super) now: Timestamp,
    look: ClockReading,
    kept: Layer,
    current: Layer,
}

impl<'e> Draft<'e> {
    /// Begins.
    pub(super) fn begin(shared: &'e Shared, engine: &'e Engine) -> Self {
        let look = shared.look();
        let (leaves, kept, current) = Default::default();
        Self { shared, engine, leaves, now: look.now(), look, kept, current }
    }

    /// Runs one job. If it refuses, what it had written is dropped.
    pub(super) fn attempt<T>(
        &mut self,
        job: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let look = self.look;
        let done = job(self);
        if done.is_err() {
            (self.look, self.now) = (look, look.now());
        }
        let layer = std::mem::take(&mut self.current);
        if done.is_ok() {
            for (place, writes) in layer.changes.0 {
                self.kept.changes.0.entry(place).or_default().extend(writes);
            }
            self.kept.effects.extend(layer.effects);
            self.kept.punctures.extend(layer.punctures);
            self.kept.said.extend(layer.said);
            self.kept.sweep = self.kept.sweep.take().or(layer.sweep);
            for (purpose, (count, first, last)) in layer.stored {
                let range = self.kept.stored.entry(purpose).or_insert((0, first, last.clone()));
                (range.0, range.2) = (range.0 + count, last);
            }
        }
        done
    }

    /// The value of a key, as it will be.
    ///
    /// # Errors
    /// See [`StoreCode`].
    pub(super) fn read(&self, place: &Place, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(written) = self.written(place, key) {
            return Ok(written.clone());
        }
        let read = self.engine.read(place, key).inspect_err(|error| self.shared.note_full(*error));
        Ok(read?.map(|value| value.to_vec()))
    }

    /// What this transaction writes under a key; none: it leaves it as it is.
    pub(super) fn written(&self, place: &Place, key: &[u8]) -> Option<&Option<Vec<u8>>> {
        let layers = [&self.current, &self.kept];
        layers.into_iter().find_map(|layer| layer.changes.0.get(place)?.get(key))
    }

    /// The keys of a tree that this transaction writes or removes.
    pub(super) fn keys_written(&self, place: &Place) -> Vec<Vec<u8>> {
        let layers = [&self.current, &self.kept];
        let trees = layers.into_iter().filter_map(|layer| layer.changes.0.get(place));
        trees.flat_map(|tree| tree.keys().cloned()).collect()
    }

    /// Those of them that lie in this range.
    pub(super) fn keys_written_in(
        &self,
        place: &Place,
        range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
    ) -> Vec<Vec<u8>> {
        let layers = [&self.current, &self.kept];
        let trees = layers.into_iter().filter_map(|layer| layer.changes.0.get(place));
        trees.flat_map(|tree| tree.range(range.clone()).map(|(key, _)| key.clone())).collect()
    }

    /// True if this transaction writes into a tree.
    pub(super) fn writes_into(&self, place: &Place) -> bool {
        [&self.current, &self.kept].iter().any(|layer| layer.changes.0.contains_key(place))
    }

    /// A counter, as it will be; absent: 0.
    ///
    /// # Errors
    /// See [`StoreCode`].
    pub(super) fn counter(&self, place: &Place, key: &[u8]) -> Result<u64, StoreError> {
        self.read(place, key)?.map_or(Ok(0), |bytes| layout::number(&bytes))
    }

    /// Writes a value.
    ///
    /// # Errors
    /// [`StoreCode::ValueTooLarge`]: it would land in a file of its own that sled does not sync.
    pub(super) fn write(&mut self, place: Place, key: &[u8], value: Vec<u8>) -> Result<(), StoreError> {
        if value.len() > VALUE_BYTES_MAX || key.len() > KEY_BYTES_MAX {
            return Err(StoreError::of(StoreCode::ValueTooLarge));
        }
        self.current.changes.0.entry(place).or_default().insert(key.to_vec(), Some(value));
        Ok(())
    }

    /// Removes a key.
    pub(super) fn remove(&mut self, place: Place, key: &[u8]) {
        self.current.changes.0.entry(place).or_default().insert(key.to_vec(), None);
    }

    /// The look at the clock that this is done under.
    pub(super) fn look(&self) -> ClockReading {
        self.look
    }

    /// From here on the highest clock seen is another.
    pub(super) fn correct_clock(&mut self, correction: Correction) {
        self.look = self.look.corrected(correction);
        self.now = self.look.now();
        self.effect(Effect::ClockCorrected(correction));
    }

    /// Notes what memory must learn.
    pub(super) fn effect(&mut self, effect: Effect) {
        self.current.effects.push(effect);
    }

    /// All leaves that are to be punctured once this is durable: each request's with what it is for, and what has had its time.
    pub(super) fn to_puncture(&self) -> (impl Iterator<Item = &Puncture>, impl Iterator<Item = &BucketCut>) {
        let layers = [&self.kept, &self.current];
        let cuts = layers.into_iter().filter_map(|layer| layer.sweep.as_ref()).flat_map(|sweep| &sweep.cuts);
        (layers.into_iter().flat_map(|layer| &layer.punctures), cuts)
    }

    /// Leaves are to be punctured once this is durable.
    pub(super) fn puncture(&mut self, puncture: Puncture) {
        self.current.punctures.push(puncture);
    }

    /// The ledger is to say that this was erased.
    pub(super) fn forget(&mut self, forgotten: Forgotten) {
        self.current.said.push(Said::Erased(forgotten));
    }

    /// The ledger is to say that these consents ended.
    pub(super) fn take_back(&mut self, taken_back: TakenBack) {
        self.current.said.push(Said::TakenBack(taken_back));
    }

    /// The same of what ends by its time; one of them is on its way at most.
    pub(super) fn sweep(&mut self, sweep: Sweep) {
        self.current.sweep = Some(sweep);
    }

    /// A record is stored here. The trail has one line for all that a transaction stores for a purpose.
    pub(super) fn note_stored(&mut self, id: &RecordId) {
        let range = self.current.stored.entry(id.purpose.clone()).or_insert((0, id.clone(), id.clone()));
        (range.0, range.2) = (range.0 + 1, id.clone());
    }

    /// The number of the line that is added next.
    ///
    /// # Errors
    /// See [`StoreCode`].
    pub(super) fn next_line(&self) -> Result<u64, StoreError> {
        let head = self.read(&Place::Meta, meta::TRAIL_HEAD)?;
        Ok(head.map_or(Ok((0, [0; 32])), |head| layout::place_in_chain(&head))?.0 + 1)
    }

    /// Adds a line to the trail, chained to the one before.
    ///
    /// # Errors
    /// See [`StoreCode`].
    pub(super) fn append_line(&mut self, entry: Entry) -> Result<(), StoreError> {
        let (last, mac) = match self.read(&Place::Meta, meta::TRAIL_HEAD)? {
            Some(head) => layout::place_in_chain(&head)?,
            None => (0, [0; 32]),
        };
        let (line, bytes) = chain(&self.shared.keyring().trail_key(), &mac, last + 1, self.now, entry);
        let head = [line.seq.to_be_bytes().as_slice(), &line.mac].concat();
        self.write(Place::Trail, &line.seq.to_be_bytes(), bytes)?;
        self.write(Place::Meta, meta::TRAIL_HEAD, head)
    }

    /// True if there is nothing to apply.
    pub(super) fn is_empty(&self) -> bool {
        self.kept.changes.0.is_empty()
    }

    /// What is to be punctured, where there is nothing to apply.
    pub(super) fn into_punctures(self) -> Vec<Puncture> {
        self.kept.punctures
    }

    /// Completes the draft with the next commit number and how far keyring and clock have come.
    ///
    /// # Errors
    /// See [`StoreCode`].
    pub(super) fn finish(mut self) -> Result<Finished, StoreError> {
        let commit = self.counter(&Place::Meta, meta::COMMIT)? + 1;
        let generation = self.shared.keyring().generation();
        let (mark, certain) = (self.look.now(), self.look.certain());
        let clock = mark.as_millisecond();
        let stored = std::mem::take(&mut self.kept.stored);
        let said = std::mem::take(&mut self.kept.said);
        let first = self.counter(&Place::Meta, meta::NEXT_LEDGER_LINE)?.max(1);
        let lines = ledger::lines_of(&self.kept.changes, said, mark, (self.shared.epoch(), first));
        self.attempt(|draft| {
            // Also where there is no ledger: what was not noted meanwhile is a gap in one that comes later.
            if !lines.is_empty() {
                let next = first + lines.len() as u64;
                draft.write(Place::Meta, meta::NEXT_LEDGER_LINE, next.to_be_bytes().to_vec())?;
            }
            for (purpose, (count, first, last)) in stored {
                let mut entry = Entry::by_system(Action::Stored);
                (entry.purpose, entry.count) = (Some(purpose), count);
                (entry.from, entry.to) = (Some(first), Some(last));
                draft.append_line(entry)?;
            }
            draft.write(Place::Meta, meta::COMMIT, commit.to_be_bytes().to_vec())?;
            draft.write(Place::Meta, meta::KEYRING_GENERATION, generation.to_be_bytes().to_vec())?;
            if let Some(certain) = certain {
                let ms = certain.as_millisecond();
                draft.write(Place::Meta, meta::CLOCK_CERTAIN_MS, ms.to_be_bytes().to_vec())?;
            }
            draft.write(Place::Meta, meta::CLOCK_MS, clock.to_be_bytes().to_vec())
        })?;
        let Layer { changes, effects, punctures, sweep, .. } = self.kept;
        Ok(Finished { changes, effects, punctures, sweep, lines, commit, generation, mark })
    }
}
