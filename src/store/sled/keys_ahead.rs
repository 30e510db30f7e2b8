//! Keys that the next transactions may need, made off the hot path: a replacement of the keyring is synced.

use crate::clock::Day;
use crate::keyring::{BUCKET_RECORDS, Bucket};
use crate::store::StoreError;
use crate::store::sled::draft::OUTCOMES_MAX;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::Place;
use crate::store::sled::reference::keyring_failed;
use crate::store::sled::shared::Shared;

/// Makes those that are not there yet.
///
/// # Errors
/// [`crate::store::StoreCode::Keyring`].
pub(super) fn make(shared: &Shared, engine: &Engine) -> Result<(), StoreError> {
    let keyring = shared.keyring();
    let mut absent = Vec::new();
    for purpose in &shared.purposes() {
        let next = engine.counter(&Place::Sequence, purpose.as_str().as_bytes())?.max(1);
        for number in [next, next + OUTCOMES_MAX as u64] {
            let (purpose, index) = (purpose.clone(), number / BUCKET_RECORDS);
            let bucket = Bucket { purpose, epoch: shared.epoch(), index };
            if !absent.contains(&bucket) && keyring.first_live(&bucket, 0).is_err() {
                absent.push(bucket);
            }
        }
    }
    if !absent.is_empty() {
        keyring.make_buckets(&absent).map_err(keyring_failed)?;
    }
    let today = Day::of(shared.look().now());
    if keyring.day_key(today).is_err() {
        keyring.make_days(&[today]).map_err(keyring_failed)?;
    }
    Ok(())
}
