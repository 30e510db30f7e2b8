//! How many records a purpose has, and how many of it went.

use crate::purpose::PurposeId;
use crate::store::StoreError;
use crate::store::sled::aside;
use crate::store::sled::draft::Draft;
use crate::store::sled::layout::{Place, meta};
use crate::store::sled::shared::Effect;

/// A purpose has so many records less.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn take_off(draft: &mut Draft<'_>, purpose: &PurposeId, count: u64) -> Result<(), StoreError> {
    let stored = meta::stored(purpose);
    let left = aside::row_counter(draft, &Place::Meta, &stored)?.saturating_sub(count);
    draft.write(Place::Meta, &stored, left.to_be_bytes().to_vec())?;
    draft.effect(Effect::Stored(purpose.clone(), left));
    let gone = meta::erased(purpose);
    let total = aside::row_counter(draft, &Place::Meta, &gone)?.saturating_add(count);
    draft.write(Place::Meta, &gone, total.to_be_bytes().to_vec())
}
