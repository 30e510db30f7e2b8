//! Making the ends of references durable: numbers, seals, records, what is seen, counters, trail lines, in one
//! transaction.
//!
//! Sealing happens here and not before: a number reserved early could be overtaken by an exporter, and a key taken early
//! could be destroyed by an erasure in between.

use crate::clock::Day;
use crate::keyring::{Bucket, KeyringCode};
use crate::lead::{MinimisedLead, SealError, SealedRecord, seal};
use crate::notification::{Lane, ParkCode, Why};
use crate::purpose::{PurposeId, RecordId};
use crate::store::beside::{self, Beside, Placement};
use crate::store::sled::aside;
use crate::store::sled::draft::Draft;
use crate::store::sled::layout::{self, Place, SeenFate, SeenRow, meta, record_key};
use crate::store::sled::reference::keyring_failed;
use crate::store::sled::shared::Effect;
use crate::store::sled::verbs::parked::{self, Before};
use crate::store::sled::verbs::{forms, seen};
use crate::store::{Outcome, Settled, Settlement, StoreCode, StoreError};

/// Settles a batch.
///
/// # Errors
/// [`StoreCode::PurposeUnknown`], [`StoreCode::Keyring`], the engine's: nothing of the batch is done then.
pub(in crate::store::sled) fn settle(
    draft: &mut Draft<'_>,
    batch: Vec<Settlement>,
) -> Result<Vec<Settled>, StoreError> {
    let mut settled = Vec::with_capacity(batch.len());
    for settlement in batch {
        settled.push(settle_one(draft, &settlement)?);
    }
    Ok(settled)
}

fn settle_one(draft: &mut Draft<'_>, settlement: &Settlement) -> Result<Settled, StoreError> {
    let reference = &settlement.reference;
    let seen = draft.shared.seen_key(&reference.leadgen);
    let noted = match draft.read(&Place::Seen, &seen)? {
        None => None,
        Some(bytes) => match seen::note(&bytes) {
            Ok(row) => Some(row.fate),
            Err(error) => {
                aside::keep(draft, &Place::Seen, &seen, bytes, error)?;
                None
            }
        },
    };
    let mut before = match noted {
        None | Some(SeenFate::Dropped { .. }) => {
            parked::leased(draft, reference, &seen)?.into_iter().collect()
        }
        Some(fate) if fate.arrivals().is_empty() => {
            // Its row was left behind, unnoted: it would be claimed again for ever.
            if let Some(left) = parked::leased(draft, reference, &seen)? {
                parked::unpark(draft, &left);
            }
            return Ok(Settled::Known);
        }
        Some(fate) => parked::all_before(draft, fate.arrivals())?,
    };
    let lane = reference.lane();
    forms::count_dropped(draft, &reference.form, &settlement.dropped)?;
    let why = match &settlement.outcome {
        Outcome::Parked(why) => *why,
        Outcome::Stored(lead) => match seal_next(draft, lead, seen)? {
            Some((id, record)) => {
                store(draft, seen, &id, &record, before)?;
                count_stored(draft, &id.purpose)?;
                draft.note_stored(&id);
                return Ok(Settled::Stored(id));
            }
            None => too_large(own(&before, &lane)),
        },
    };
    let parked: Vec<Beside> = before.iter().map(Before::beside).collect();
    // Three others are under way, or Graph has confirmed one.
    let Some(Placement { at, gone }) = beside::place(&parked, &lane, &why) else { return Ok(Settled::Known) };
    for one in before.extract_if(.., |one| gone.contains(&one.arrival)) {
        parked::unpark(draft, &one);
    }
    let own = before.iter().position(|one| Some(one.arrival) == at).map(|place| before.remove(place));
    let others = before.iter().map(|one| one.arrival).collect();
    parked::park(draft, reference, why, own, others)?;
    Ok(Settled::Parked(why.code()))
}

fn own<'b>(before: &'b [Before], lane: &Lane) -> Option<&'b Before> {
    before.iter().find(|one| one.beside().lane.is_none_or(|of| of == *lane))
}

fn too_large(before: Option<&Before>) -> Why {
    let attempts = match before.and_then(|before| before.row.why.why().ok()) {
        Some(Why::Waiting { attempts, .. } | Why::Buried { attempts, .. }) => attempts,
        _ => 0,
    };
    Why::Buried { code: ParkCode::RecordTooLarge, attempts }
}

/// Takes the purpose's next number and seals under it; none: the record is too large, and the number is not used.
fn seal_next(
    draft: &mut Draft<'_>,
    lead: &MinimisedLead,
    seen: [u8; 32],
) -> Result<Option<(RecordId, SealedRecord<'static>)>, StoreError> {
    let purpose = lead.purpose();
    draft.engine.tree(&Place::Vault(purpose.clone()))?;
    let number = draft.counter(&Place::Sequence, purpose.as_str().as_bytes())?.max(1);
    let id = RecordId { purpose: purpose.clone(), epoch: draft.shared.epoch(), number };
    let bucket = Bucket::of(&id);
    // A number that is taken would be another record's end: the sequence is damaged.
    let taken = draft.read(&Place::Vault(purpose.clone()), &record_key(id.epoch, id.number))?;
    if taken.is_some() {
        return Err(StoreError::of(StoreCode::Damaged));
    }
    let key = match draft.shared.keyring().bucket_key(&bucket) {
        Err(error) if error.code == KeyringCode::KeyAbsent => {
            draft.shared.keyring().make_buckets(std::slice::from_ref(&bucket)).map_err(keyring_failed)?;
            draft.shared.keyring().bucket_key(&bucket)
        }
        key => key,
    };
    let key = key.map_err(keyring_failed)?;
    match seal(lead, &id, seen, &key, draft.shared.random()) {
        Ok(record) => {
            let next = (number + 1).to_be_bytes().to_vec();
            draft.write(Place::Sequence, purpose.as_str().as_bytes(), next)?;
            Ok(Some((id, record)))
        }
        Err(SealError::TooLarge(_)) => Ok(None),
        Err(_) => Err(StoreError::of(StoreCode::Keyring)),
    }
}

fn store(
    draft: &mut Draft<'_>,
    seen: [u8; 32],
    id: &RecordId,
    record: &SealedRecord<'_>,
    before: Vec<Before>,
) -> Result<(), StoreError> {
    // What else was named of it, with other forms or pages, ends with it.
    for before in before {
        parked::unpark(draft, &before);
    }
    let key = record_key(id.epoch, id.number);
    draft.write(Place::Vault(id.purpose.clone()), &key, record.encode())?;
    let row = SeenRow { fate: SeenFate::stored(id), day: Day::of(draft.now).0 };
    draft.write(Place::Seen, &seen, layout::encode(&row))
}

fn count_stored(draft: &mut Draft<'_>, purpose: &PurposeId) -> Result<(), StoreError> {
    let key = meta::stored(purpose);
    let count = aside::row_counter(draft, &Place::Meta, &key)? + 1;
    draft.write(Place::Meta, &key, count.to_be_bytes().to_vec())?;
    draft.effect(Effect::Stored(purpose.clone(), count));
    Ok(())
}
