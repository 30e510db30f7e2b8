//! What became of each leadgen.

use async_trait::async_trait;

use crate::id::LeadgenId;
use crate::notification::LeadRef;
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
    async fn known(&self, references: &[LeadRef]) -> Result<Vec<bool>, StoreError> {
        self.shared.reading(|engine| {
            let key = self.shared.keyring().seen_key();
            let known = |LeadRef { leadgen, received, .. }: &LeadRef| {
                let row = engine.read(&Place::Seen, &layout::seen_key(&key, leadgen))?;
                // What a row says that cannot be read is not known; that there is one is.
                let says = |bytes: &[u8]| {
                    layout::decode::<SeenRow>(bytes).map_or(true, |row| row.fate.knows(*received))
                };
                Ok(row.is_some_and(|bytes| says(&bytes)))
            };
            references.iter().map(known).collect()
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
    for _ in 0..LOOKS_MAX {
        let Some(bytes) = engine.read(&Place::Seen, &key)? else { return Ok(None) };
        let row: SeenRow = layout::decode(&bytes)?;
        let SeenFate::Parked { arrival } = row.fate else { return row.fate.state() };
        if let Some(bytes) = engine.read(&Place::Parked, &arrival.to_be_bytes())? {
            // One row that cannot be read is no reason to refuse anything else.
            let why = layout::decode::<ParkedRow>(&bytes).and_then(|row| row.why.why());
            return Ok(Some(SeenState::Parked(why.unwrap_or(UNREADABLE))));
        }
    }
    Err(StoreError::of(StoreCode::Damaged))
}
