//! What is to be said of a record that is not there.

use crate::lead::{Leaf, Under};
use crate::purpose::RecordId;
use crate::store::StoreError;
use crate::store::leaves::NoKey;
use crate::store::sled::draft::Draft;
use crate::store::sled::layout::Place;

/// See the file.
pub(in crate::store::sled) enum Absent {
    /// There was such a record: its number was given, and its key is destroyed.
    Gone,
    /// Nothing says that there ever was one.
    Never,
}

/// Asks sequence and keyring.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(in crate::store::sled) fn absent(draft: &mut Draft<'_>, id: &RecordId) -> Result<Absent, StoreError> {
    let is_ours = id.epoch == draft.shared.epoch();
    let next = draft.counter(&Place::Sequence, id.purpose.as_str().as_bytes())?.max(1);
    let key = draft.leaves.key(draft.shared.keyring(), &id.purpose, Under::Leaf(Leaf::of(id)));
    Ok(match key.err() {
        Some(NoKey::Dead) => Absent::Gone,
        // A bucket that has served.
        Some(NoKey::Absent) if is_ours && (1..next).contains(&id.number) => Absent::Gone,
        Some(NoKey::Absent) | None => Absent::Never,
    })
}
