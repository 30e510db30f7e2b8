//! What writing records anew does within a transaction: each goes under the next unused leaf, the one that it had is noted as
//! pending; and at the end, that it is pending no more. Between the two the writer has the leaves punctured.

use std::sync::{Arc, OnceLock};

use crate::lead::{Leaf, Revised, RevisedLead, Revision, SealError, SealedRecord, Under, reach_of, revise};
use crate::purpose::{PurposeId, RecordId};
use crate::store::leaves::bucket_of;
use crate::store::rewrites::{RewritesTold, lines_of_rewrite};
use crate::store::sled::aside;
use crate::store::sled::draft::{Draft, Puncture};
use crate::store::sled::erasure_rows::{self, Act};
use crate::store::sled::evidence_rows;
use crate::store::sled::feed_rows;
use crate::store::sled::layout::{Place, meta, record_key};
use crate::store::sled::leaf_rows;
use crate::store::sled::ledger::TakenBack;
use crate::store::sled::verbs::absent::{Absent, absent};
use crate::store::sled::verbs::outbox;
use crate::store::sled::verbs::passes;
use crate::store::sled::verbs::restrictions::is_restricted;
use crate::store::sled::verbs::settle::{count_in_bucket, next_leaf, take_leaf};
use crate::store::sled::verbs::suppressed;
use crate::store::sled::verbs::taking::uncount_in_bucket;
use crate::store::{ErasureEnd, RewriteCause, RewriteRequest, Rewritten, StoreCode, StoreError};
use crate::trail::Entry;

/// What became of a request within a transaction.
pub(in crate::store::sled) struct Drafted {
    /// Of each record.
    pub(in crate::store::sled) each: Vec<Rewritten>,
    /// Where the end stands; none: there is no key to wait for.
    pub(in crate::store::sled) ended: Option<Arc<OnceLock<ErasureEnd>>>,
    /// What is pending of each of them could be read: else nobody knows of which keys it is.
    pub(in crate::store::sled) is_known: bool,
}

/// Writes records anew.
///
/// # Errors
/// See [`StoreCode`]: nothing of it is done.
pub(in crate::store::sled) fn rewrite(
    draft: &mut Draft<'_>,
    request: &RewriteRequest,
    entry: &Entry,
) -> Result<Drafted, StoreError> {
    if matches!(request.cause, RewriteCause::Retention | RewriteCause::Yes) {
        draft.look().confirmed()?;
    }
    let mut each = Vec::with_capacity(request.records.len());
    let (mut pending, mut leaves, mut is_known) = (Vec::new(), Vec::new(), true);
    let mut told = RewritesTold::default();
    for (id, revision) in &request.records {
        let rewritten = rewrite_one(draft, id, revision, request.cause, &mut told)?;
        each.push(rewritten);
        // Also what an earlier request left pending: who asks again has it tried again.
        if !matches!(rewritten, Rewritten::Anew | Rewritten::Same) || pending.contains(id) {
            continue;
        }
        match pending_of(draft, id)? {
            Some(left) if left.is_empty() => {}
            Some(_) => pending.push(id.clone()),
            None => is_known = false,
        }
    }
    for id in &pending {
        leaves.extend(pending_of(draft, id)?.unwrap_or_default());
    }
    for became in told.each() {
        feed_rows::note(draft, &became)?;
    }
    for line in lines_of_rewrite(request, &each, entry) {
        draft.append_line(line)?;
    }
    if pending.is_empty() {
        return Ok(Drafted { each, ended: None, is_known });
    }
    let ended = Arc::<OnceLock<ErasureEnd>>::default();
    draft.puncture(Puncture { act: Act::Rewriting(pending), leaves, ended: Arc::clone(&ended) });
    Ok(Drafted { each, ended: Some(ended), is_known })
}

fn rewrite_one(
    draft: &mut Draft<'_>,
    id: &RecordId,
    revision: &Revision,
    cause: RewriteCause,
    told: &mut RewritesTold,
) -> Result<Rewritten, StoreError> {
    let place = Place::Vault(id.purpose.clone());
    let value = match draft.read(&place, &record_key(id.epoch, id.number)) {
        Err(error) if error.code == StoreCode::PurposeUnknown => return Ok(Rewritten::Unknown),
        value => value?,
    };
    let Some(value) = value else {
        return Ok(match absent(draft, id)? {
            Absent::Gone => Rewritten::Gone,
            Absent::Never => Rewritten::Unknown,
        });
    };
    if matches!(cause, RewriteCause::Retention | RewriteCause::Yes) && is_restricted(draft, id)? {
        return Ok(Rewritten::Restricted);
    }
    let Some(record) = SealedRecord::decode(&value) else { return Ok(Rewritten::Unreadable) };
    // One that is restricted lives on past its day.
    let is_of_person = matches!(cause, RewriteCause::Person | RewriteCause::Withdrawal | RewriteCause::Yes);
    if is_of_person && !is_restricted(draft, id)? {
        let look = draft.look();
        if look.has_come(record.expiry_day).ok_or(look.doubt())? {
            return Ok(Rewritten::Gone);
        }
    }
    let Under::Leaf(before) = record.under else { return Ok(Rewritten::Unreadable) };
    let key = draft.leaves.key(draft.shared.keyring(), &id.purpose, record.under);
    let Ok(key) = key else { return Ok(Rewritten::Unreadable) };
    if let Some(purpose) = revision.confirms() {
        let Ok(reach) = reach_of(&record, id, key.key(), purpose) else { return Ok(Rewritten::Unreadable) };
        if suppressed::is_barred(draft, &reach)? {
            return Ok(Rewritten::Suppressed);
        }
    }
    match revise(&record, id, key.key(), revision, draft.now) {
        Ok(Revised::Same) => Ok(Rewritten::Same),
        Ok(Revised::Refused(refusal)) => Ok(Rewritten::Refused(refusal)),
        Ok(Revised::Anew(lead)) => {
            move_to_next(draft, id, (&lead, cause), before)?;
            told.note(id, &lead, cause);
            if cause == RewriteCause::Withdrawal {
                note_taken_back(draft, id, revision, &lead)?;
            }
            Ok(Rewritten::Anew)
        }
        Err(SealError::NoRandomness) => Err(StoreError::of(StoreCode::Keyring)),
        Err(_) => Ok(Rewritten::Unreadable),
    }
}

/// A restore is to know of it, too.
fn note_taken_back(
    draft: &mut Draft<'_>,
    id: &RecordId,
    revision: &Revision,
    lead: &RevisedLead,
) -> Result<(), StoreError> {
    let number = draft.counter(&Place::Meta, meta::NEXT_TAKEN_BACK)?.max(1);
    let Some(line) = TakenBack::of((draft.shared.epoch(), number), id, revision, lead.events()) else {
        return Ok(());
    };
    draft.take_back(line);
    draft.write(Place::Meta, meta::NEXT_TAKEN_BACK, (number + 1).to_be_bytes().to_vec())
}

/// Puts a record under the next unused leaf.
fn move_to_next(
    draft: &mut Draft<'_>,
    id: &RecordId,
    (lead, cause): (&RevisedLead, RewriteCause),
    before: Leaf,
) -> Result<(), StoreError> {
    let leaf = next_leaf(draft, &id.purpose)?;
    let key = draft.leaves.key(draft.shared.keyring(), &id.purpose, Under::Leaf(leaf));
    let key = key.map_err(|_| StoreError::of(StoreCode::Keyring))?;
    let sealed = lead.seal(id, leaf, key.key(), draft.shared.random());
    let sealed = sealed.map_err(|_| StoreError::of(StoreCode::Keyring))?;
    take_leaf(draft, &id.purpose, leaf)?;
    draft.write(Place::Vault(id.purpose.clone()), &record_key(id.epoch, id.number), sealed.encode())?;
    uncount_in_bucket(draft, &id.purpose, before)?;
    count_in_bucket(draft, &bucket_of(&id.purpose, leaf), lead.expiry_day())?;
    evidence_rows::move_to(draft, id, (before, leaf), lead.events())?;
    leaf_rows::forget(draft, before, id)?;
    leaf_rows::note(draft, leaf, id)?;
    passes::follow(draft, id, leaf)?;
    outbox::begin_anew(draft, id, cause)?;
    let key = erasure_rows::rewritten_key(id);
    let mut leaves = match draft.read(&Place::Erasures, &key)? {
        None => Vec::new(),
        Some(bytes) => match erasure_rows::pending_leaves(&bytes) {
            Ok(leaves) => leaves,
            Err(error) => {
                aside::keep(draft, &Place::Erasures, &key, bytes, error)?;
                Vec::new()
            }
        },
    };
    leaves.push((id.purpose.clone(), before));
    draft.write(Place::Erasures, &key, erasure_rows::pending_bytes(&leaves))
}

/// What is pending of a record; none: its row cannot be read, which harms no other.
fn pending_of(draft: &Draft<'_>, id: &RecordId) -> Result<Option<Vec<(PurposeId, Leaf)>>, StoreError> {
    let key = erasure_rows::rewritten_key(id);
    let Some(bytes) = draft.read(&Place::Erasures, &key)? else { return Ok(Some(Vec::new())) };
    let read = erasure_rows::pending_leaves(&bytes);
    Ok(draft.shared.unreadable().or_passed_over(&Place::Erasures, &key, read))
}

/// Notes that the keys of what these records were are destroyed.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn finish(
    draft: &mut Draft<'_>,
    records: &[RecordId],
    destroyed: &[(PurposeId, Leaf)],
) -> Result<(), StoreError> {
    for id in records {
        let key = erasure_rows::rewritten_key(id);
        // One that cannot be read stays as it is, and is told.
        let Some(mut left) = pending_of(draft, id)? else { continue };
        left.retain(|leaf| !destroyed.contains(leaf));
        match left.is_empty() {
            true => draft.remove(Place::Erasures, &key),
            // It was written anew once more meanwhile.
            false => draft.write(Place::Erasures, &key, erasure_rows::pending_bytes(&left))?,
        }
    }
    Ok(())
}
