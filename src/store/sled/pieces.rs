//! What may be larger than a row: it is kept in pieces, in rows that follow each other; the first begins with how many there are.

use crate::store::sled::draft::Draft;
use crate::store::sled::engine::VALUE_BYTES_MAX;
use crate::store::sled::layout::Place;
use crate::store::{StoreCode, StoreError};

/// Of one piece, at the most.
pub(super) const PIECE_BYTES: usize = 12 * 1024;

const _: () = assert!(PIECE_BYTES < VALUE_BYTES_MAX);

/// Keeps it, in the place of what was kept there before.
///
/// # Errors
/// [`StoreCode::ValueTooLarge`]: it has more than so many pieces. Otherwise see [`StoreCode`].
pub(super) fn write(
    draft: &mut Draft<'_>,
    place: &Place,
    at: &[u8],
    bytes: &[u8],
    pieces_max: u8,
) -> Result<(), StoreError> {
    let pieces = bytes.chunks(PIECE_BYTES);
    let count = u8::try_from(pieces.len()).ok().filter(|count| *count <= pieces_max);
    let count = count.ok_or(StoreError::of(StoreCode::ValueTooLarge))?;
    for (number, piece) in (0..count).zip(pieces) {
        let first: &[u8] = if number == 0 { &[count] } else { &[] };
        draft.write(place.clone(), &key(at, number), [first, piece].concat())?;
    }
    // What something longer left behind.
    for number in count..pieces_max {
        let at = key(at, number);
        if draft.read(place, &at)?.is_none() {
            break;
        }
        draft.remove(place.clone(), &at);
    }
    Ok(())
}

/// Takes away what is kept.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn remove(
    draft: &mut Draft<'_>,
    place: &Place,
    at: &[u8],
    pieces_max: u8,
) -> Result<(), StoreError> {
    for number in 0..pieces_max {
        let at = key(at, number);
        if draft.read(place, &at)?.is_none() {
            break;
        }
        draft.remove(place.clone(), &at);
    }
    Ok(())
}

/// What is kept, by whatever reads a row; none: nothing is.
///
/// # Errors
/// [`StoreCode::Damaged`]: a piece is missing. Otherwise what `row` says.
pub(super) fn read<V: AsRef<[u8]>>(
    mut row: impl FnMut(&[u8]) -> Result<Option<V>, StoreError>,
    at: &[u8],
    pieces_max: u8,
) -> Result<Option<Vec<u8>>, StoreError> {
    let damaged = StoreError::of(StoreCode::Damaged);
    let Some(first) = row(&key(at, 0))? else { return Ok(None) };
    let (count, first) = first.as_ref().split_first().ok_or(damaged)?;
    let mut bytes = first.to_vec();
    for number in 1..(*count).min(pieces_max) {
        bytes.extend_from_slice(row(&key(at, number))?.ok_or(damaged)?.as_ref());
    }
    Ok(Some(bytes))
}

/// The key of a piece.
pub(super) fn key(at: &[u8], number: u8) -> Vec<u8> {
    [at, &[number]].concat()
}
