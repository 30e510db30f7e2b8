//! The rows of `buckets` as a transaction reads and writes them.

use crate::store::StoreError;
use crate::store::sled::aside;
use crate::store::sled::buckets::BucketRow;
use crate::store::sled::draft::Draft;
use crate::store::sled::layout::Place;

/// The row under a key, by whoever is about to write it; none: there is none. Of one that cannot be read the bytes are kept aside,
/// and [`BucketRow::UNKNOWN`] stands for it.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn read_or_aside(draft: &mut Draft<'_>, key: &[u8]) -> Result<Option<BucketRow>, StoreError> {
    let Some(bytes) = draft.read(&Place::Buckets, key)? else { return Ok(None) };
    match BucketRow::read(&bytes) {
        Ok(row) => Ok(Some(row)),
        Err(error) => {
            aside::keep(draft, &Place::Buckets, key, bytes, error)?;
            Ok(Some(BucketRow::UNKNOWN))
        }
    }
}

/// Writes the row under a key; none: nothing lives there, and it goes.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn put(draft: &mut Draft<'_>, key: &[u8], row: Option<BucketRow>) -> Result<(), StoreError> {
    match row {
        Some(row) => draft.write(Place::Buckets, key, row.bytes()),
        None => {
            draft.remove(Place::Buckets, key);
            Ok(())
        }
    }
}
