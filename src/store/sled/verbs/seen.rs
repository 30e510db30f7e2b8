//! What became of each leadgen.

use async_trait::async_trait;

use crate::id::LeadgenId;
use crate::store::sled::SledStore;
use crate::store::sled::engine::Engine;
use crate::store::sled::index::UNREADABLE;
use crate::store::sled::layout::{self, ParkedRow, Place, SeenFate, SeenRow};
use crate::store::sled::shared::Shared;
use crate::store::{Seen, SeenState, StoreCode, StoreError};

/// How often a reference that moves while it is looked at is looked at again.
const LOOKS_MAX: usize = 5;

#[async_trait]
impl Seen for SledStore {
    // Not on a thread of its own: it is a look into memory, or at one page of the file.
    async fn known(&self, leadgens: &[LeadgenId]) -> Result<Vec<bool>, StoreError> {
        self.shared.reading(|engine| {
            let key = self.shared.keyring().seen_key();
            let known = |leadgen| is_known(&self.shared, engine, &layout::seen_key(&key, leadgen));
            leadgens.iter().map(known).collect()
        })
    }

    async fn seen(&self, leadgen: &LeadgenId) -> Result<Option<SeenState>, StoreError> {
        self.shared.reading(|engine| look_up(&self.shared, engine, leadgen))
    }
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
        let SeenFate::Parked { arrival } = row.fate else { return row.fate.state() };
        if let Some(bytes) = engine.read(&Place::Parked, &arrival.to_be_bytes())? {
            // One row that cannot be read is no reason to refuse anything else.
            let why = layout::decode::<ParkedRow>(&bytes).and_then(|row| row.why.why());
            return Ok(Some(SeenState::Parked(why.unwrap_or(UNREADABLE))));
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

/// True if it is known what became of a leadgen. A note that cannot be read, or names a parked row that is not there, is as
/// good as none: the lead is fetched again. Stored twice it can be recognised; passed over it would be lost.
fn is_known(shared: &Shared, engine: &Engine, key: &[u8; 32]) -> Result<bool, StoreError> {
    for _ in 0..LOOKS_MAX {
        let Some(bytes) = engine.read(&Place::Seen, key)? else { return Ok(false) };
        let Some(row) = shared.unreadable().or_passed_over(&Place::Seen, key, note(&bytes)) else {
            return Ok(false);
        };
        let SeenFate::Parked { arrival } = row.fate else { return Ok(true) };
        if engine.read(&Place::Parked, &arrival.to_be_bytes())?.is_some() {
            return Ok(true);
        }
    }
    shared.unreadable().say(&Place::Seen, key, StoreError::of(StoreCode::CountMismatch));
    Ok(false)
}
