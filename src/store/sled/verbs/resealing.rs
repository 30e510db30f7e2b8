//! A parked reference whose day's key is to go, sealed again under today's.

use crate::clock::Day;
use crate::store::StoreError;
use crate::store::sled::draft::Draft;
use crate::store::sled::index::Position;
use crate::store::sled::layout::Place;
use crate::store::sled::reference;
use crate::store::sled::rows::ParkedRow;
use crate::store::sled::shared::Effect;

/// Seals a row again that was sealed on this day or before it. True: it was. One whose seal does not open needs no key any
/// more: it stays where it is, for a person to see.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn reseal(
    draft: &mut Draft<'_>,
    arrival: u64,
    (row, position): (ParkedRow, Position),
    last: Day,
) -> Result<bool, StoreError> {
    let (sealed_on, today) = (row.day(), Day::of(draft.now));
    if sealed_on > last || today <= last {
        return Ok(false);
    }
    let (keyring, random) = (draft.shared.keyring(), draft.shared.random());
    let Ok(reference) = reference::open(keyring, arrival, &row) else {
        draft.shared.index().needs_no_key(arrival, sealed_on);
        return Ok(false);
    };
    let (nonce, sealed) = reference::seal(keyring, random, &reference, arrival, today)?;
    draft.effect(Effect::Unparked(position.clone()));
    draft.effect(Effect::Parked(Position { day: today, ..position }));
    let row = ParkedRow { sealed_day: today.0, nonce, sealed, ..row };
    draft.write(Place::Parked, &arrival.to_be_bytes(), row.bytes())?;
    Ok(true)
}
