//! What was erased: looks at the tombstones, on every way by which a submission could come back.

use crate::clock::Month;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::erasure_rows;
use crate::store::sled::layout::Place;
use crate::store::sled::shared::Shared;
use crate::store::tombstones::tombstone_key;
use crate::store::{ErasedFor, StoreError};

/// For which purposes a submission was erased, this transaction included; none: for none.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(in crate::store::sled) fn erased_for(
    draft: &Draft<'_>,
    seen: &[u8; 32],
) -> Result<Option<ErasedFor>, StoreError> {
    let durable = erased_before(draft.shared, draft.engine, seen)?;
    if !draft.writes_into(&Place::Tombstones) {
        return Ok(durable);
    }
    let month = Month::of(draft.now);
    let Ok(key) = draft.shared.keyring().tombstone_key(month) else { return Ok(durable) };
    let at = erasure_rows::tombstone_row_key(month, &tombstone_key(&key, seen));
    let written = draft.written(&Place::Tombstones, &at).and_then(Option::as_ref);
    Ok(ErasedFor::join(durable, written.map(|bytes| erasure_rows::tombstone(bytes).0)))
}

/// For which purposes a submission was erased; none: for none.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(in crate::store::sled) fn erased_before(
    shared: &Shared,
    engine: &Engine,
    seen: &[u8; 32],
) -> Result<Option<ErasedFor>, StoreError> {
    shared.tombstones().find(shared.keyring(), seen, |month, hash| {
        let found = engine.read(&Place::Tombstones, &erasure_rows::tombstone_row_key(month, hash))?;
        Ok(found.map(|bytes| erasure_rows::tombstone(&bytes).0))
    })
}
