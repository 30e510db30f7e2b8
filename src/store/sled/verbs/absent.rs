//! What is to be said of a record that is not there.

use crate::lead::{Leaf, Under};
use crate::purpose::{PurposeId, RecordId};
use crate::store::StoreError;
use crate::store::leaves::{NoKey, bucket_of, place_of};
use crate::store::sled::draft::Draft;
use crate::store::sled::epochs;
use crate::store::sled::erasure_rows::{self, Act};
use crate::store::sled::expiry_row;
use crate::store::sled::layout::Place;
use crate::store::sled::leaf_rows;

/// See the file.
pub(in crate::store::sled) enum Absent {
    /// There was such a record: its number was given, and its key is destroyed, or about to be.
    Gone,
    /// Nothing says that there ever was one.
    Never,
}

/// Asks sequence and keyring.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(in crate::store::sled) fn absent(draft: &mut Draft<'_>, id: &RecordId) -> Result<Absent, StoreError> {
    let own = Leaf::of(id);
    // The number of a leaf to which another record moved is nobody's, whether that lies there still or not.
    if leaf_rows::is_noted(draft, &id.purpose, own)? {
        return Ok(Absent::Never);
    }
    // Also within this transaction.
    let next = draft.counter(&Place::Sequence, id.purpose.as_str().as_bytes())?.max(1);
    let highest = match id.epoch == draft.shared.epoch() {
        true => Some(next - 1),
        false => epochs::highest_given(draft.shared, draft.engine, &id.purpose, id.epoch)?,
    };
    let key = draft.leaves.key(draft.shared.keyring(), &id.purpose, Under::Leaf(own));
    Ok(match key.err() {
        // A backup ends leaves that were never given as well.
        Some(NoKey::Dead) if highest.is_none_or(|highest| id.number <= highest) => Absent::Gone,
        Some(NoKey::Dead) => Absent::Never,
        // A bucket that has served.
        Some(NoKey::Absent) if highest.is_some_and(|highest| (1..=highest).contains(&id.number)) => {
            Absent::Gone
        }
        Some(NoKey::Absent) => Absent::Never,
        None if is_pending(draft, id, own)? => Absent::Gone,
        None => Absent::Never,
    })
}

/// True if the record is taken away and its key is not destroyed yet.
fn is_pending(draft: &Draft<'_>, id: &RecordId, own: Leaf) -> Result<bool, StoreError> {
    let bucket = bucket_of(&id.purpose, own);
    // Whoever was in the same transaction before has taken it away.
    let (mut requests, mut cuts) = draft.to_puncture();
    let is_own = |(purpose, leaf): &(PurposeId, Leaf)| *purpose == id.purpose && *leaf == own;
    if requests.any(|request| matches!(request.act, Act::Erasure(_)) && request.leaves.iter().any(is_own))
        || cuts.any(|cut| cut.takes(&bucket, place_of(own)))
    {
        return Ok(true);
    }
    let unreadable = draft.shared.unreadable();
    let (pending, _) = erasure_rows::pending(draft.engine, unreadable)?;
    let erasures = pending.iter().filter(|pending| matches!(pending.act, Act::Erasure(_)));
    let mut leaves = erasures.flat_map(|pending| &pending.leaves);
    if leaves.any(is_own) {
        return Ok(true);
    }
    let cuts = expiry_row::pending(draft.engine, unreadable)?.unwrap_or_default();
    Ok(cuts.iter().any(|cut| cut.takes(&bucket, place_of(own))))
}
