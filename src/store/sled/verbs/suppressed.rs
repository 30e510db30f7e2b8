//! What the list of suppressions makes of what is settled: on the one way by which an address gets into a vault.

use crate::lead::{MinimisedLead, Reach};
use crate::purpose::RecordId;
use crate::store::sled::draft::Draft;
use crate::store::sled::layout::Place;
use crate::store::sled::suppression_rows;
use crate::store::sled::verbs::suppressions::take;
use crate::store::suppressions::{Barring, Judged, bars, judge, key_of_list};
use crate::store::{StoreError, Verdict};
use crate::trail::{Action, Entry};

/// What becomes of each lead that a purpose would store; none where it would not. Each is judged by what was there before: a
/// yes for one purpose is none for another.
///
/// # Errors
/// [`crate::store::StoreCode::SuppressionKey`]: nobody is stored. Otherwise see [`crate::store::StoreCode`].
pub(in crate::store::sled) fn judge_each(
    draft: &Draft<'_>,
    verdicts: &mut [Verdict],
) -> Result<Vec<Option<Judged>>, StoreError> {
    let one = |verdict: &mut Verdict| match verdict {
        Verdict::Stored(lead) => judge_one(draft, lead).map(Some),
        Verdict::Refused(..) | Verdict::NotAsked(_) => Ok(None),
    };
    verdicts.iter_mut().map(one).collect()
}

/// True if whom this reaches may not be stored.
///
/// # Errors
/// As [`judge_each`].
pub(in crate::store::sled) fn is_barred(draft: &Draft<'_>, reach: &Reach) -> Result<bool, StoreError> {
    if is_empty(draft) {
        return Ok(false);
    }
    let key = key_of_list(draft.shared.keyring())?;
    bars(reach, &key, draft.look().confirmed().ok(), |hash| find(draft, hash))
}

fn is_empty(draft: &Draft<'_>) -> bool {
    draft.shared.suppressions().count() == 0 && !draft.writes_into(&Place::Suppressions)
}

fn judge_one(draft: &Draft<'_>, lead: &mut MinimisedLead) -> Result<Judged, StoreError> {
    if is_empty(draft) {
        return Ok(Judged::Stored(Vec::new()));
    }
    let key = key_of_list(draft.shared.keyring())?;
    judge(lead, &key, draft.look().confirmed().ok(), |hash| find(draft, hash))
}

/// The entry under a hash, this transaction included.
fn find(draft: &Draft<'_>, hash: &[u8; 32]) -> Result<Option<Barring>, StoreError> {
    let at = suppression_rows::hash_key(hash);
    if let Some(written) = draft.written(&Place::Suppressions, &at) {
        return Ok(written.as_ref().map(|bytes| suppression_rows::barring(bytes).0));
    }
    draft.shared.suppressions().find(hash, |hash| {
        let found = draft.engine.read(&Place::Suppressions, &suppression_rows::hash_key(hash))?;
        Ok(found.map(|bytes| suppression_rows::barring(&bytes).0))
    })
}

/// Ends these entries with the record that shows that the person has said yes since.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(in crate::store::sled) fn close(
    draft: &mut Draft<'_>,
    hashes: &[[u8; 32]],
    record: &RecordId,
) -> Result<(), StoreError> {
    let mut closed = 0;
    for hash in hashes {
        closed += u64::from(take(draft, hash)?);
    }
    if closed > 0 {
        let mut entry = Entry::by_system(Action::SuppressionClosed);
        (entry.purpose, entry.count) = (Some(record.purpose.clone()), closed);
        (entry.from, entry.to) = (Some(record.clone()), Some(record.clone()));
        draft.append_line(entry)?;
    }
    Ok(())
}
