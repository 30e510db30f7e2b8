//! Which numbers this store ever gave, also before it was restored: each restore begins an epoch, and notes the highest number
//! of the one that it ends.

use crate::purpose::PurposeId;
use crate::store::StoreError;
use crate::store::sled::engine::{Changes, Engine};
use crate::store::sled::layout::{Place, meta};
use crate::store::sled::shared::Shared;

/// The highest number that was ever given under a purpose in an epoch, 0 where none was; none: the epoch was never this store's.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn highest_given(
    shared: &Shared,
    engine: &Engine,
    purpose: &PurposeId,
    epoch: u32,
) -> Result<Option<u64>, StoreError> {
    if epoch == shared.epoch() {
        return last_given(engine, purpose).map(Some);
    }
    match engine.read(&Place::Meta, &meta::epoch_ended(epoch, None))? {
        None => Ok(None),
        Some(_) => engine.counter(&Place::Meta, &meta::epoch_ended(epoch, Some(purpose))).map(Some),
    }
}

/// The oldest epoch of which there may be records.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn oldest(shared: &Shared, engine: &Engine) -> Result<u32, StoreError> {
    let noted = engine.scan(&Place::Meta, meta::epochs_ended(), 1)?;
    let oldest = noted.first().and_then(|(key, _)| meta::ended_epoch(key));
    Ok(oldest.unwrap_or(shared.epoch()))
}

/// Begins an epoch in the place of one, which is noted with the highest number of each purpose.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn begin(
    engine: &Engine,
    changes: &mut Changes,
    ends: u32,
    begins: u32,
) -> Result<(), StoreError> {
    let mut noted = vec![(meta::epoch_ended(ends, None), 0)];
    for purpose in engine.purposes() {
        let last = last_given(engine, &purpose)?;
        noted.push((meta::epoch_ended(ends, Some(&purpose)), last));
    }
    let values = changes.0.entry(Place::Meta).or_default();
    values.extend(noted.into_iter().map(|(key, last)| (key, Some(u64::to_be_bytes(last).to_vec()))));
    values.insert(meta::EPOCH.to_vec(), Some(begins.to_be_bytes().to_vec()));
    Ok(())
}

/// The last number that was given under a purpose; 0: none.
fn last_given(engine: &Engine, purpose: &PurposeId) -> Result<u64, StoreError> {
    Ok(engine.counter(&Place::Sequence, purpose.as_str().as_bytes())?.max(1) - 1)
}
