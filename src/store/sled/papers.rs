//! What is kept beside an erasure for its receipt, where that is more than fits into the erasure's row: in `erasures` as well,
//! `q` ‖ erasure ‖ number → a piece of it. It is written with the row and stays for as long.

use crate::store::erasures::PAPERS_BYTES_MAX;
use crate::store::sled::draft::Draft;
use crate::store::sled::erasure_rows::PapersRow;
use crate::store::sled::layout::{self, Place, record_key};
use crate::store::sled::pieces::{self, PIECE_BYTES};
use crate::store::sled::unreadable::Unreadable;
use crate::store::{Erasure, ErasureId, Papers, StoreError};

/// Before an erasure's number.
const PAPERS: u8 = b'q';
/// Of one erasure, at the most.
const PIECES_MAX: u8 = u8::MAX;
/// The names of purposes beside what is kept of each, and the lengths of all of it.
const NAMES_BYTES_MAX: usize = 256 * 1024;

const _: () = assert!(PAPERS_BYTES_MAX + NAMES_BYTES_MAX <= PIECES_MAX as usize * PIECE_BYTES);

/// How many rows these need beside the erasure's own, about: as much do they weigh in a transaction.
pub(super) fn weight(papers: &Papers) -> usize {
    papers.bytes() / PIECE_BYTES
}

/// Keeps what does not fit into the erasure's row, and gives back the erasure as its row has it.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn write(draft: &mut Draft<'_>, erasure: &Erasure) -> Result<Erasure, StoreError> {
    let bytes = layout::encode(&PapersRow::of(&erasure.papers));
    if bytes.len() <= PIECE_BYTES {
        return Ok(erasure.clone());
    }
    pieces::write(draft, &Place::Erasures, &at(erasure.id), &bytes, PIECES_MAX)?;
    Ok(Erasure { papers: Papers::default(), ..erasure.clone() })
}

/// An erasure as its row has it, with what is kept beside that. Where it cannot be read, that is said: the erasure has its state all
/// the same, and nobody makes a receipt of it.
pub(super) fn with<V: AsRef<[u8]>>(
    unreadable: &Unreadable,
    row: impl FnMut(&[u8]) -> Result<Option<V>, StoreError>,
    erasure: Erasure,
) -> Erasure {
    let at = at(erasure.id);
    let read = pieces::read(row, &at, PIECES_MAX).and_then(|bytes| {
        let row = bytes.map(|bytes| layout::decode::<PapersRow>(&bytes)).transpose()?;
        row.map(|row| row.papers()).transpose()
    });
    match unreadable.or_passed_over(&Place::Erasures, &pieces::key(&at, 0), read).flatten() {
        Some(papers) => Erasure { papers, ..erasure },
        None => erasure,
    }
}

fn at(id: ErasureId) -> Vec<u8> {
    [&[PAPERS], record_key(id.epoch, id.number).as_slice()].concat()
}
