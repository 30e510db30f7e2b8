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
                let row = engine.read(&Place::Seen, &layout::seen_key(&key, &reference.leadgen))?;
                let Some(bytes) = row else { return Ok(false) };
                // What a row says that cannot be read is not known; that there is one is.
                let Ok(SeenRow { fate, .. }) = layout::decode::<SeenRow>(&bytes) else { return Ok(true) };
                if fate.arrivals().is_empty() {
                    return Ok(fate.knows(reference.received));
                }
                let parked = beside(&self.shared, engine, fate.arrivals())?;
                Ok(beside::is_known(&parked, reference))
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
    for _ in 0..LOOKS_MAX {
        let Some(bytes) = engine.read(&Place::Seen, &key)? else { return Ok(None) };
        let row: SeenRow = layout::decode(&bytes)?;
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
    Err(StoreError::of(StoreCode::Damaged))
}
