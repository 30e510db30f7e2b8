//! What became of each leadgen.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::id::LeadgenId;
use crate::notification::{LeadRef, Why};
use crate::purpose::PurposeId;
use crate::store::beside::{self, Beside};
use crate::store::several::{OpenFor, in_order, parked_fates};
use crate::store::sled::SledStore;
use crate::store::sled::engine::Engine;
use crate::store::sled::index::{Position, UNREADABLE};
use crate::store::sled::layout::{self, Place};
use crate::store::sled::rows::{ParkedRow, SeenRow};
use crate::store::sled::shared::Shared;
use crate::store::sled::verbs::erased;
use crate::store::{ErasedFor, Fate, Seen, SeenState, StoreCode, StoreError};

/// How often a reference that moves while it is looked at is looked at again.
const LOOKS_MAX: usize = 5;

#[async_trait]
impl Seen for SledStore {
    // Not on a thread of its own: it is a look into memory, or at one page of the file.
    async fn known(&self, references: &[LeadRef]) -> Result<Vec<bool>, StoreError> {
        self.shared.reading(|engine| {
            let key = self.shared.keyring().seen_key();
            let known = |reference: &LeadRef| {
                is_known(&self.shared, engine, &layout::seen_key(&key, &reference.leadgen), reference)
            };
            references.iter().map(known).collect()
        })
    }

    async fn seen(&self, leadgen: &LeadgenId) -> Result<Vec<Fate>, StoreError> {
        self.shared.reading(|engine| look_up(&self.shared, engine, leadgen))
    }
}

/// What is parked in these rows. One that is gone has been settled since: who finds none asks Graph once more, at worst.
fn beside(shared: &Shared, engine: &Engine, arrivals: &[u64]) -> Result<Vec<Beside>, StoreError> {
    let mut parked = Vec::with_capacity(arrivals.len());
    for arrival in arrivals {
        let Some(bytes) = engine.read(&Place::Parked, &arrival.to_be_bytes())? else { continue };
        let position = ParkedRow::read(&bytes).map(|row| Position::of_row(shared.keyring(), *arrival, &row));
        let (lane, why, since) = position.map_or((None, UNREADABLE, Timestamp::UNIX_EPOCH), |position| {
            (position.of, position.why, position.since)
        });
        parked.push(Beside { arrival: *arrival, lane, why, since });
    }
    Ok(parked)
}

/// What became of a leadgen, by purpose. `seen` and `parked` are read one after the other beside the writer, so a reference that
/// leaves `parked` in between is looked up again.
pub(in crate::store::sled) fn look_up(
    shared: &Shared,
    engine: &Engine,
    leadgen: &LeadgenId,
) -> Result<Vec<Fate>, StoreError> {
    let key = shared.seen_key(leadgen);
    // Something is known, and nobody can read what.
    let unreadable = || parked_fates(UNREADABLE, &[]);
    let mut ends = Vec::new();
    let mut ended = match erased::erased_before(shared, engine, &key)? {
        None => Vec::new(),
        Some(ErasedFor::All) => return Ok(vec![Fate { purpose: None, state: SeenState::Erased }]),
        Some(erased) => {
            let fate =
                |purpose: &PurposeId| Fate { purpose: Some(purpose.clone()), state: SeenState::Erased };
            erased.purposes().iter().map(fate).collect()
        }
    };
    for _ in 0..LOOKS_MAX {
        let Some(bytes) = engine.read(&Place::Seen, &key)? else { return Ok(in_order(ended)) };
        let Some(row) = shared.unreadable().or_passed_over(&Place::Seen, &key, note(&bytes)) else {
            ended.extend(unreadable());
            return Ok(in_order(ended));
        };
        ends = row.ends()?;
        ends.extend(ended.clone());
        if row.arrivals.is_empty() {
            return Ok(in_order(ends));
        }
        let mut parked: Vec<(Why, Vec<OpenFor>)> = Vec::new();
        for arrival in &row.arrivals {
            if let Some(bytes) = engine.read(&Place::Parked, &arrival.to_be_bytes())? {
                // One row that cannot be read is no reason to refuse anything else.
                let read = ParkedRow::read(&bytes).and_then(|row| Ok((row.why.why()?, row.open()?)));
                parked.push(read.unwrap_or((UNREADABLE, Vec::new())));
            }
        }
        let foremost = beside::foremost(parked.iter().map(|(why, _)| *why));
        if let Some((why, open)) = parked.into_iter().find(|(why, _)| Some(*why) == foremost) {
            ends.extend(parked_fates(why, &open));
            return Ok(in_order(ends));
        }
    }
    shared.unreadable().say(&Place::Seen, &key, StoreError::of(StoreCode::CountMismatch));
    ends.extend(unreadable());
    Ok(in_order(ends))
}

/// What a row of `seen` says. One of a later version's codes can be read; one that names no purpose cannot.
///
/// # Errors
/// It cannot be read.
pub(in crate::store::sled) fn note(bytes: &[u8]) -> Result<SeenRow, StoreError> {
    let row = SeenRow::read(bytes)?;
    match row.ends() {
        Err(error) if error.code == StoreCode::Damaged => Err(error),
        _ => Ok(row),
    }
}

/// True if a call with this reference brings nothing new. A note that cannot be read, or names parked rows of which none is
/// there, is as good as none: the lead is fetched again. Stored twice it can be recognised; passed over it would be lost.
fn is_known(
    shared: &Shared,
    engine: &Engine,
    key: &[u8; 32],
    reference: &LeadRef,
) -> Result<bool, StoreError> {
    // Asked first: a row that cannot be read brings nobody back.
    if erased::erased_before(shared, engine, key)?.is_some() {
        return Ok(true);
    }
    for _ in 0..LOOKS_MAX {
        let Some(bytes) = engine.read(&Place::Seen, key)? else { return Ok(false) };
        let Some(row) = shared.unreadable().or_passed_over(&Place::Seen, key, note(&bytes)) else {
            return Ok(false);
        };
        if row.arrivals.is_empty() {
            return Ok(row.knows(reference.received));
        }
        let parked = beside(shared, engine, &row.arrivals)?;
        if !parked.is_empty() {
            // Where it has its end for a purpose Graph has spoken, and what is open is an operator's to bring back.
            return Ok(!row.fates.is_empty() || beside::is_known(&parked, reference));
        }
    }
    shared.unreadable().say(&Place::Seen, key, StoreError::of(StoreCode::CountMismatch));
    Ok(false)
}
