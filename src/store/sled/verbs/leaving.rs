//! What is kept of a letter that goes before an erasure, within a transaction; records that wait for it as well, and those that do not any
//! more.

use crate::clock::Day;
use crate::purpose::RecordId;
use crate::store::sled::draft::Draft;
use crate::store::sled::erasure_rows::{self, EndedRow, ErasureRow};
use crate::store::sled::layout::{self, Place};
use crate::store::sled::telling_rows;
use crate::store::sled::verbs::{outbox, restrictions};
use crate::store::tellings::KeptTelling;
use crate::store::{ErasureEnd, ErasureId, MailKind, StoreCode, StoreError};

/// What is kept of an erasure's letter, this transaction included.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn read(draft: &Draft<'_>, id: ErasureId) -> Result<Option<KeptTelling>, StoreError> {
    let key = telling_rows::key(id);
    let Some(bytes) = draft.read(&Place::Erasures, &key)? else { return Ok(None) };
    Ok(draft.shared.unreadable().or_passed_over(&Place::Erasures, &key, telling_rows::read(&bytes)))
}

/// Keeps it.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn put(draft: &mut Draft<'_>, id: ErasureId, kept: &KeptTelling) -> Result<(), StoreError> {
    draft.write(Place::Erasures, &telling_rows::key(id), telling_rows::bytes(kept))
}

/// A record is stored for a further purpose of a submission whose other records wait for an erasure that means it too: so does it.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn join(
    draft: &mut Draft<'_>,
    others: impl IntoIterator<Item = RecordId>,
    record: &RecordId,
) -> Result<(), StoreError> {
    for other in others {
        let Some(id) = restrictions::of(draft, &other)?.and_then(|found| found.erasure) else { continue };
        let Some(mut kept) = read(draft, id)? else { continue };
        if !kept.join(record) {
            continue;
        }
        match restrictions::wait_for(draft, record, (id, Day::of(kept.until)), kept.reason) {
            // It goes with the others all the same, and is used until then.
            Err(error) if error.code == StoreCode::TooManyRestrictions => return Ok(()),
            waits => waits?,
        }
        outbox::queue(draft, record, MailKind::Erasing, None)?;
        return put(draft, id, &kept);
    }
    Ok(())
}

/// A record goes otherwise, or for another erasure: it does not wait for the one that it did. One that nothing waits for any more is done,
/// and took nothing.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn leave(draft: &mut Draft<'_>, record: &RecordId) -> Result<(), StoreError> {
    let Some(id) = restrictions::of(draft, record)?.and_then(|found| found.erasure) else { return Ok(()) };
    let Some(mut kept) = read(draft, id)? else { return Ok(()) };
    kept.leave(record);
    put(draft, id, &kept)?;
    if !kept.records.is_empty() {
        return Ok(());
    }
    let key = erasure_rows::row_key(id);
    let row = draft.read(&Place::Erasures, &key)?.map(|bytes| layout::decode::<ErasureRow>(&bytes));
    let row = row.and_then(|read| draft.shared.unreadable().or_passed_over(&Place::Erasures, &key, read));
    let Some(mut row) = row else { return Ok(()) };
    row.records = Vec::new();
    let generation = draft.shared.keyring().generation();
    row.done = Some(EndedRow::from(ErasureEnd { at: draft.now, generation }));
    draft.write(Place::Erasures, &key, layout::encode(&row))
}
