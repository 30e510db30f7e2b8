//! What became of each leadgen.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::id::LeadgenId;
use crate::notification::LeadRef;
use crate::store::beside::{self, Beside};
use crate::store::sled::SledStore;
use crate::store::sled::engine::Engine;
use crate::store::sled::index::{Position, UNREADABLE};
use crate::store::sled::layout::{self, ParkedRow, Place, SeenRow};
use crate::store::sled::shared::Shared;
use crate::store::{Seen, SeenState, StoreCode, StoreError};

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

    async fn seen(&self, leadgen: &LeadgenId) -> Result<Option<SeenState>, StoreError> {
        self.shared.reading(|engine| look_up(&self.shared, engine, leadgen))
    }
}

/// What is parked in these rows. One that is gone has been settled since: who finds none asks Graph once more, at worst.
fn beside(shared: &Shared, engine: &Engine, arrivals: &[u64]) -> Result<Vec<Beside>, StoreError> {
    let mut parked = Vec::with_capacity(arrivals.len());
    for arrival in arrivals {
        let Some(bytes) = engine.read(&Place::Parked, &arrival.to_be_bytes())? else { continue };
        let position =
            layout::decode::<ParkedRow>(&bytes).map(|row| Position::of_row(shared.keyring(), *arrival, &row));
        let (lane, why, since) = position.map_or((None, UNREADABLE, Timestamp::UNIX_EPOCH), |position| {
            (position.of, position.why, position.since)
        });
        parked.push(Beside { arrival: *arrival, lane, why, since });
    }
    Ok(parked)
}

/// What became of a leadgen. `seen` and `parked` are read one after the other beside the writer, so a reference that
/// leaves `parked` in between is looked up again.
pub(in crate::store::sled) fn look_up(
    shared: &Shared,
    engine: &Engine,
    leadgen: &LeadgenId,
) -> Result<Option<SeenState>, StoreError> {
    let key = shared.seen_key(leadgen);
    // Something is known, and nobody can read what.
    let unreadable = Ok(Some(SeenState::Parked(UNREADABLE)));
    for _ in 0..LOOKS_MAX {
        let Some(bytes) = engine.read(&Place::Seen, &key)? else { return Ok(None) };
        let Some(row) = shared.unreadable().or_passed_over(&Place::Seen, &key, note(&bytes)) else {
            return unreadable;
        };
        if row.fate.arrivals().is_empty() {
            return row.fate.state();
        }
        let mut whys = Vec::new();
        for arrival in row.fate.arrivals() {
            if let Some(bytes) = engine.read(&Place::Parked, &arrival.to_be_bytes())? {
                // One row that cannot be read is no reason to refuse anything else.
                let why = layout::decode::<ParkedRow>(&bytes).and_then(|row| row.why.why());
                whys.push(why.unwrap_or(UNREADABLE));
            }
        }
        if let Some(why) = beside::foremost(whys) {
            return Ok(Some(SeenState::Parked(why)));
        }
    }
    shared.unreadable().say(&Place::Seen, &key, StoreError::of(StoreCode::CountMismatch));
    unreadable
}

/// What a row of `seen` says. One of a later version's codes can be read; one that names no purpose cannot.
///
/// # Errors
/// It cannot be read.
pub(in crate::store::sled) fn note(bytes: &[u8]) -> Result<SeenRow, StoreError> {
    let row: SeenRow = layout::decode(bytes)?;
    match row.fate.state() {
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
    for _ in 0..LOOKS_MAX {
        let Some(bytes) = engine.read(&Place::Seen, key)? else { return Ok(false) };
        let Some(row) = shared.unreadable().or_passed_over(&Place::Seen, key, note(&bytes)) else {
            return Ok(false);
        };
        if row.fate.arrivals().is_empty() {
            return Ok(row.fate.knows(reference.received));
        }
        let parked = beside(shared, engine, row.fate.arrivals())?;
        if !parked.is_empty() {
            return Ok(beside::is_known(&parked, reference));
        }
    }
    shared.unreadable().say(&Place::Seen, key, StoreError::of(StoreCode::CountMismatch));
    Ok(false)
}
