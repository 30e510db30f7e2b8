//! Who is first in line of what is parked and comes back.

use crate::notification::{LeadRef, Why};
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::Place;
use crate::store::sled::reference;
use crate::store::sled::rows::ParkedRow;
use crate::store::sled::shared::Shared;
use crate::store::{Oldest, OldestRef, StoreError};

/// The first may just have been settled, or not be readable: then it is the next.
const LOOKED_AT: usize = 8;

/// Looks the first ones up.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn oldest(shared: &Shared) -> Result<Oldest, StoreError> {
    let (waiting, held) = {
        let index = shared.index();
        (index.first_waiting(LOOKED_AT), index.longest_held())
    };
    shared.reading(|engine| {
        let mut oldest = Oldest::default();
        for arrival in waiting {
            let Some((why, reference)) = row(shared, engine, arrival)? else { continue };
            if let Why::Waiting { code, .. } = why {
                let (lane, since) = (reference.lane(), reference.received);
                oldest.waiting = Some(OldestRef { lane, since, code });
                break;
            }
        }
        if let Some((lane, arrival, since)) = held
            && let Some((Why::Held { code }, _)) = row(shared, engine, arrival)?
        {
            oldest.held = Some(OldestRef { lane, since, code });
        }
        Ok(oldest)
    })
}

/// A parked row, opened; none: it is gone, or cannot be read.
fn row(shared: &Shared, engine: &Engine, arrival: u64) -> Result<Option<(Why, LeadRef)>, StoreError> {
    let Some(bytes) = engine.read(&Place::Parked, &arrival.to_be_bytes())? else { return Ok(None) };
    let opened = ParkedRow::read(&bytes)
        .and_then(|row| Ok((row.why.why()?, reference::open(shared.keyring(), arrival, &row)?)));
    Ok(opened.ok())
}
