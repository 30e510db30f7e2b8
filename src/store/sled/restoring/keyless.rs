//! What a backup has beside its records whose keys are destroyed: taken out by the eraser's own verb, with its counts, its tombstone and
//! its line in the trail, before anybody can ask.

use std::ops::Bound::{Excluded, Unbounded};

use crate::lead::SealedRecord;
use crate::purpose::{PurposeId, RecordId};
use crate::store::handed::Spot;
use crate::store::leaves::Leaves;
use crate::store::sled::SledStore;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::handed_marks;
use crate::store::sled::layout::{self, Place};
use crate::store::{ERASED_AT_ONCE_MAX, ErasureRequest, Erasures, StoreCode, StoreError, Wanted};
use crate::trail::{Action, Entry, Reason};

/// Takes out of a store what has no key; how many records that was.
///
/// # Errors
/// See [`StoreCode`].
pub(super) async fn forget_keyless(store: &SledStore) -> Result<u64, StoreError> {
    let mut keyless = 0;
    for purpose in store.shared.reading(|engine| Ok(engine.purposes()))? {
        let mut after = None;
        loop {
            let look = |engine: &Engine| without_key(store, engine, &purpose, after.as_ref());
            let (found, last) = store.shared.reading(look)?;
            keyless += found.len() as u64;
            // Each was erased, or written anew: then it may have been handed to whom it had been withheld from.
            let spots = found.iter().map(|id| (id.epoch, id.number)).collect();
            withhold_no_more(store, &purpose, Some(spots)).await?;
            forget(store, &purpose, found).await?;
            let Some(last) = last else { break };
            after = Some(last);
        }
    }
    Ok(keyless)
}

/// See [`handed_marks::withhold_no_more`].
///
/// # Errors
/// See [`StoreCode`].
pub(super) async fn withhold_no_more(
    store: &SledStore,
    purpose: &PurposeId,
    spots: Option<Vec<Spot>>,
) -> Result<(), StoreError> {
    let purpose = purpose.clone();
    let work = move |draft: &mut Draft<'_>| handed_marks::withhold_no_more(draft, &purpose, spots.as_deref());
    store.writer.write(1, work).await
}

/// Records whose leaf is dead, as many as are erased at once, and the last key that was looked at; none: no more follow.
fn without_key(
    store: &SledStore,
    engine: &Engine,
    purpose: &PurposeId,
    after: Option<&Vec<u8>>,
) -> Result<(Vec<RecordId>, Option<Vec<u8>>), StoreError> {
    let (mut found, mut last, mut leaves) = (Vec::new(), None, Leaves::default());
    let from = after.map_or(Unbounded, |key| Excluded(key.as_slice()));
    engine.visit(&Place::Vault(purpose.clone()), (from, Unbounded), |key, value| {
        let is_dead = |under| leaves.key(store.shared.keyring(), purpose, under).is_err();
        // What cannot be read at all is a scan's to tell.
        if SealedRecord::peek(value).map(|(under, ..)| under).is_some_and(is_dead)
            && let Ok(id) = layout::record_id(purpose, key)
        {
            found.push(id);
        }
        if found.len() == ERASED_AT_ONCE_MAX {
            last = Some(key.to_vec());
            return Ok(false);
        }
        Ok(true)
    })?;
    Ok((found, last))
}

/// Takes records away that were erased, or had their time, after the backup was made: for their own purpose alone.
async fn forget(store: &SledStore, purpose: &PurposeId, records: Vec<RecordId>) -> Result<(), StoreError> {
    if records.is_empty() {
        return Ok(());
    }
    let request = |records: &[RecordId]| ErasureRequest {
        what: records.iter().cloned().map(Wanted::Record).collect(),
        purposes: vec![purpose.clone()],
        ..ErasureRequest::default()
    };
    match store.erase(request(&records), Entry::by_system(Action::ErasureAsked)).await {
        Err(error) if error.code == StoreCode::RecordRestricted => {}
        erased => return erased.map(drop),
    }
    for record in records {
        // Of a restricted record nothing but its person's own request destroys the key.
        let by_person = Entry::by_system_because(Action::ErasureAsked, Some(Reason::PersonRequest));
        store.erase(request(&[record]), by_person).await?;
    }
    Ok(())
}
