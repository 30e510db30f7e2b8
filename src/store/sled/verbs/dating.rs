//! Records that end earlier than they were told to, since their purpose's period is shorter now; and by which period those of each
//! purpose are dated.

use std::collections::HashMap;
use std::ops::Bound::{Excluded, Unbounded};

use serde::{Deserialize, Serialize};

use crate::clock::Day;
use crate::lead::{SealedRecord, date_anew};
use crate::purpose::{Lifespan, PurposeId, RecordId, Term};
use crate::store::leaves::{Leaves, bucket_of};
use crate::store::retention::DATED_AT_ONCE_MAX;
use crate::store::sled::buckets::{self, BucketRow};
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, InTree, Place, meta, record_id, record_key};
use crate::store::sled::shared::Shared;
use crate::store::{Dated, DatingSlice, KeptLifespan, StoreCode, StoreError};
use crate::trail::{Action, Entry};

/// The keys of a slice's records, and whether there are more behind the last.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn keys(
    shared: &Shared,
    slice: &DatingSlice,
) -> Result<(Vec<RecordId>, bool), StoreError> {
    let place = Place::Vault(slice.purpose.clone());
    let mut after = slice.after.as_ref().map(|after| record_key(after.epoch, after.number).to_vec());
    loop {
        let from = after.as_ref().map_or(Unbounded, |key| Excluded(key.as_slice()));
        let rows = shared.reading(|engine| engine.scan(&place, (from, Unbounded), DATED_AT_ONCE_MAX))?;
        // What never was a record's key is none, and no end of the records behind it.
        let ids: Vec<_> = rows.iter().filter_map(|(key, _)| record_id(&slice.purpose, key).ok()).collect();
        let more = rows.len() >= DATED_AT_ONCE_MAX;
        if !ids.is_empty() || !more {
            return Ok((ids, more));
        }
        after = rows.last().map(|(key, _)| key.to_vec());
    }
}

/// What a slice would come to.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn count(
    shared: &Shared,
    ids: &[RecordId],
    lifespan: &Lifespan,
    today: Day,
) -> Result<Dated, StoreError> {
    let (mut dated, mut leaves) = (Dated::default(), Leaves::default());
    for id in ids {
        let (place, key) = (Place::Vault(id.purpose.clone()), record_key(id.epoch, id.number));
        let Some(value) = shared.reading(|engine| engine.read(&place, &key))? else { continue };
        if let Some(record) = anew(shared, &mut leaves, id, &value, lifespan)? {
            dated.earlier += 1;
            dated.over += u64::from(record.expiry_day <= today);
        }
    }
    Ok(dated)
}

/// Dates a slice anew, and says so in a line.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn date(
    draft: &mut Draft<'_>,
    ids: &[RecordId],
    lifespan: &Lifespan,
    today: Day,
) -> Result<Dated, StoreError> {
    let (mut dated, mut leaves) = (Dated::default(), Leaves::default());
    let mut line = Entry::by_system(Action::PeriodShortened);
    for id in ids {
        let (place, key) = (Place::Vault(id.purpose.clone()), record_key(id.epoch, id.number));
        let Some(value) = draft.read(&place, &key)? else { continue };
        let Some(record) = anew(draft.shared, &mut leaves, id, &value, lifespan)? else { continue };
        dated.earlier += 1;
        dated.over += u64::from(record.expiry_day <= today);
        draft.write(place, &key, record.encode())?;
        widen_bucket(draft, id, &record)?;
        line.purpose = Some(id.purpose.clone());
        line.from.get_or_insert_with(|| id.clone());
        line.to = Some(id.clone());
    }
    line.count = dated.earlier;
    if line.count > 0 {
        draft.append_line(line)?;
    }
    Ok(dated)
}

/// A record as it is by this lifespan; none: it ends no later as it is, or it does not open, and then nobody reads it.
fn anew(
    shared: &Shared,
    leaves: &mut Leaves,
    id: &RecordId,
    value: &[u8],
    lifespan: &Lifespan,
) -> Result<Option<SealedRecord<'static>>, StoreError> {
    let Some(record) = SealedRecord::decode(value) else { return Ok(None) };
    let Ok(key) = leaves.key(shared.keyring(), &id.purpose, record.under) else { return Ok(None) };
    let end = |created, received| lifespan.end_of(created, received);
    match date_anew(&record, id, key.key(), end, shared.random()) {
        Ok(dated) => Ok(dated),
        Err(crate::lead::SealError::NoRandomness) => Err(StoreError::of(StoreCode::Keyring)),
        Err(_) => Ok(None),
    }
}

/// Its bucket may have something that ends as early.
fn widen_bucket(draft: &mut Draft<'_>, id: &RecordId, record: &SealedRecord<'_>) -> Result<(), StoreError> {
    let crate::lead::Under::Leaf(leaf) = record.under else { return Ok(()) };
    let key = buckets::key(&bucket_of(&id.purpose, leaf));
    let Some(bytes) = draft.read(&Place::Buckets, &key)? else { return Ok(()) };
    // One that cannot be read says that something may end on any day.
    let Ok(row) = BucketRow::read(&bytes) else { return Ok(()) };
    draft.write(Place::Buckets, &key, row.down_to(record.expiry_day).bytes())
}

#[derive(Serialize, Deserialize)]
struct LifespanRow {
    /// Months and days of each term.
    in_force: Option<Vec<(u32, u32)>>,
    pending: Option<(Vec<(u32, u32)>, i64)>,
}

impl InTree for LifespanRow {
    const TREES: &'static [Place] = &[Place::Meta];
}

fn terms(lifespan: &Lifespan) -> Vec<(u32, u32)> {
    lifespan.all().iter().map(|term| (term.months, term.days)).collect()
}

fn lifespan(terms: Vec<(u32, u32)>) -> Lifespan {
    Lifespan::from_terms(terms.into_iter().map(|(months, days)| Term { months, days }).collect())
}

/// By which lifespan the records of each purpose are dated. Of what cannot be read nobody knows.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn kept(
    shared: &Shared,
    engine: &Engine,
) -> Result<HashMap<PurposeId, KeptLifespan>, StoreError> {
    let mut found = HashMap::new();
    engine.visit(&Place::Meta, meta::LIFESPAN.range(), |key, value| {
        let Some(purpose) = meta::LIFESPAN.purpose(key) else { return Ok(false) };
        let read = layout::decode::<LifespanRow>(value).and_then(|row| {
            let pending =
                row.pending.map(|(terms, ms)| layout::moment(ms).map(|since| (lifespan(terms), since)));
            Ok(KeptLifespan { in_force: row.in_force.map(lifespan), pending: pending.transpose()? })
        });
        if let Some(kept) = shared.unreadable().or_passed_over(&Place::Meta, key, read) {
            found.insert(purpose, kept);
        }
        Ok(true)
    })?;
    Ok(found)
}

/// Notes it.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn keep(
    draft: &mut Draft<'_>,
    purpose: &PurposeId,
    kept: &KeptLifespan,
) -> Result<(), StoreError> {
    let row = LifespanRow {
        in_force: kept.in_force.as_ref().map(terms),
        pending: kept.pending.as_ref().map(|(lifespan, since)| (terms(lifespan), since.as_millisecond())),
    };
    draft.write(Place::Meta, &meta::LIFESPAN.of(purpose), layout::encode(&row))
}
