//! What a page leaves in the rows of `handed`: to whom it went, what it withheld, what it passed by.

use crate::purpose::{PurposeId, RecordId};
use crate::store::StoreError;
use crate::store::handed::{PageHanded, Spot};
use crate::store::sled::draft::Draft;
use crate::store::sled::feed_rows;
use crate::store::sled::handed;
use crate::store::sled::handed_marks::{self, Mark};
use crate::store::sled::layout::{Place, record_key};
use crate::store::sled::verbs::restrictions::is_restricted;

/// Notes what a page is to its recipient: what leaves, what it withholds for want of a consent, what it passes by since nobody may use
/// it. In the transaction of the page's line.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(in crate::store::sled) fn note_page(
    draft: &mut Draft<'_>,
    purpose: &PurposeId,
    recipient: Option<&str>,
    page: &PageHanded,
) -> Result<(), StoreError> {
    if let Some(recipient) = recipient {
        note_withheld(draft, purpose, recipient, page)?;
        note_passed(draft, purpose, recipient, &page.passed)?;
    }
    handed::note(draft, purpose, recipient, &page.leaving)
}

/// What was handed before stays so: it had it.
fn note_withheld(
    draft: &mut Draft<'_>,
    purpose: &PurposeId,
    recipient: &str,
    page: &PageHanded,
) -> Result<(), StoreError> {
    let ranges = handed::ranges_of(draft, purpose, recipient)?;
    let had = handed::had(draft, (purpose, recipient), &ranges, page.withheld.iter().copied())?;
    // Both are in their order.
    let is_new = |spot: &&Spot| had.binary_search(spot).is_err();
    let set: Vec<Spot> = page.withheld.iter().filter(is_new).copied().collect();
    handed_marks::put(draft, (Mark::Withheld, purpose, recipient), &set, &page.leaving)
}

/// What was released while the page was opened is told at once, where it is there and new to them.
fn note_passed(
    draft: &mut Draft<'_>,
    purpose: &PurposeId,
    recipient: &str,
    passed: &[Spot],
) -> Result<(), StoreError> {
    let (mut set, mut released) = (Vec::new(), Vec::new());
    for (epoch, number) in passed {
        let id = RecordId { purpose: purpose.clone(), epoch: *epoch, number: *number };
        match is_restricted(draft, &id)? {
            true => set.push((*epoch, *number)),
            false => released.push(id),
        }
    }
    handed_marks::put(draft, (Mark::Passed, purpose, recipient), &set, &[])?;
    let ranges = handed::ranges_of(draft, purpose, recipient)?;
    for id in released {
        let (key, spot) = (record_key(id.epoch, id.number), (id.epoch, id.number));
        let had = handed::had(draft, (purpose, recipient), &ranges, [spot].into_iter())?;
        // It may be gone since: whoever never had it hears nothing.
        if had.is_empty() && draft.read(&Place::Vault(purpose.clone()), &key)?.is_some() {
            feed_rows::note_stored(draft, recipient, &id)?;
        }
    }
    Ok(())
}
