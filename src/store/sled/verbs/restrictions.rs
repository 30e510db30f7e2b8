//! Restrictions: set, renewed, lifted, ended.

use async_trait::async_trait;

use crate::clock::Day;
use crate::forget::ChangeKind;
use crate::lead::SealedRecord;
use crate::purpose::RecordId;
use crate::store::restrictions::{RESTRICTIONS_MAX, last_day_of_restriction};
use crate::store::sled::SledStore;
use crate::store::sled::draft::{Draft, OUTCOMES_MAX};
use crate::store::sled::feed_rows;
use crate::store::sled::layout::{Place, record_key};
use crate::store::sled::restriction_rows;
use crate::store::sled::shared::Effect;
use crate::store::sled::verbs::absent::{Absent, absent};
use crate::store::{ErasureId, Restricting, Restriction, Restrictions, StoreCode, StoreError};
use crate::trail::{Action, Entry, Outcome, Reason};

#[async_trait]
impl Restrictions for SledStore {
    async fn restrict(&self, id: RecordId, until: Day, entry: Entry) -> Result<Restricting, StoreError> {
        self.writer.write(1, move |draft| restrict(draft, &id, until, entry)).await
    }

    async fn lift_restriction(&self, id: RecordId, mut entry: Entry) -> Result<bool, StoreError> {
        self.writer
            .write(1, move |draft| {
                let before = of(draft, &id)?;
                if before.as_ref().is_some_and(|before| before.erasure.is_some()) {
                    return Err(StoreError::of(StoreCode::ToBeErased));
                }
                let there = before.is_some();
                if there {
                    forget(draft, &id)?;
                    feed_rows::note_released(draft, &id)?;
                    entry.count = 1;
                } else {
                    entry.result = Outcome::Nothing;
                }
                name(&mut entry, &id);
                draft.append_line(entry)?;
                Ok(there)
            })
            .await
    }

    fn restriction(&self, id: &RecordId) -> Option<Restriction> {
        self.shared.restriction(id, &self.shared.look())
    }

    fn restrictions(&self) -> Vec<Restriction> {
        self.shared.restrictions(|restriction, look| restriction.stands(look))
    }

    async fn list_restrictions(&self, mut entry: Entry) -> Result<Vec<Restriction>, StoreError> {
        self.writer
            .write(1, move |draft| {
                let all = draft.shared.restrictions(|restriction, look| restriction.stands(look));
                entry.count = all.len() as u64;
                draft.append_line(entry)?;
                Ok(all)
            })
            .await
    }

    async fn end_restrictions(&self) -> Result<u64, StoreError> {
        self.shared.engine()?;
        self.shared.confirmed_day()?;
        let over = self.shared.restrictions(|restriction, look| !restriction.stands(look));
        let mut count = 0;
        for some in over.chunks(OUTCOMES_MAX) {
            let some = some.to_vec();
            count += self.writer.write(some.len(), move |draft| end(draft, &some)).await?;
        }
        Ok(count)
    }
}

fn restrict(
    draft: &mut Draft<'_>,
    id: &RecordId,
    until: Day,
    mut entry: Entry,
) -> Result<Restricting, StoreError> {
    let was_restricted = is_restricted(draft, id)?;
    let restricting = judged(draft, id, until, &entry)?;
    match &restricting {
        Restricting::Restricted(restriction) => {
            let row = restriction_rows::bytes(restriction);
            draft.write(Place::Restrictions, &restriction_rows::key(id), row)?;
            draft.effect(Effect::Restricted(restriction.clone()));
            // Who has followed knows: that it is renewed changes nothing for them.
            if !was_restricted {
                feed_rows::note_one(draft, ChangeKind::Restricted, id)?;
            }
            entry.count = 1;
            name(&mut entry, id);
        }
        _ => entry.result = Outcome::Nothing,
    }
    draft.append_line(entry)?;
    Ok(restricting)
}

fn judged(
    draft: &mut Draft<'_>,
    id: &RecordId,
    until: Day,
    entry: &Entry,
) -> Result<Restricting, StoreError> {
    let value = match draft.read(&Place::Vault(id.purpose.clone()), &record_key(id.epoch, id.number)) {
        Err(error) if error.code == StoreCode::PurposeUnknown => return Ok(Restricting::Unknown),
        value => value?,
    };
    let Some(value) = value else {
        return Ok(match absent(draft, id)? {
            Absent::Gone => Restricting::Gone,
            Absent::Never => Restricting::Unknown,
        });
    };
    let before = of(draft, id)?;
    if before.as_ref().is_some_and(|before| before.erasure.is_some()) {
        return Err(StoreError::of(StoreCode::ToBeErased));
    }
    let look = draft.look();
    // One that is restricted lives on past its day. A head that cannot be read says nothing of its day: it is restricted.
    if before.as_ref().is_none_or(|before| !before.stands(&look))
        && let Some((_, expiry, _)) = SealedRecord::peek(&value)
        && look.has_come(expiry).ok_or(look.doubt())?
    {
        return Ok(Restricting::Gone);
    }
    if until < Day::of(draft.now) || until > last_day_of_restriction(draft.now) {
        return Ok(Restricting::DayOutOfRange);
    }
    if before.is_none() && draft.shared.restricted_count() >= RESTRICTIONS_MAX {
        return Err(StoreError::of(StoreCode::TooManyRestrictions));
    }
    let since = before.filter(|before| before.stands(&look)).map_or(draft.now, |before| before.since);
    let (id, reason, erasure) = (id.clone(), entry.reason(), None);
    Ok(Restricting::Restricted(Restriction { id, reason, since, until, erasure }))
}

/// Those whose last day is over, with a line for each.
fn end(draft: &mut Draft<'_>, over: &[Restriction]) -> Result<u64, StoreError> {
    let look = draft.look();
    look.confirmed()?;
    let mut count = 0;
    for restriction in over {
        // It may have been renewed meanwhile, or lifted.
        let Some(now) = of(draft, &restriction.id)?.filter(|now| !now.stands(&look)) else { continue };
        forget(draft, &now.id)?;
        feed_rows::note_released(draft, &now.id)?;
        let mut entry = Entry::by_system(Action::RestrictionEnded);
        entry.count = 1;
        name(&mut entry, &now.id);
        draft.append_line(entry)?;
        count += 1;
    }
    Ok(count)
}

fn name(entry: &mut Entry, id: &RecordId) {
    entry.purpose = Some(id.purpose.clone());
    (entry.from, entry.to) = (Some(id.clone()), Some(id.clone()));
}

/// The row of a record, this transaction included; it may be over.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn of(
    draft: &Draft<'_>,
    id: &RecordId,
) -> Result<Option<Restriction>, StoreError> {
    let row = draft.read(&Place::Restrictions, &restriction_rows::key(id))?;
    Ok(row.map(|bytes| restriction_rows::read(id, &bytes).0))
}

/// True if a record is restricted, this transaction included.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn is_restricted(draft: &Draft<'_>, id: &RecordId) -> Result<bool, StoreError> {
    let look = draft.look();
    Ok(of(draft, id)?.is_some_and(|restriction| restriction.stands(&look)))
}

/// True if only what its person asked for erases a record, this transaction included.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn bars_erasing(draft: &Draft<'_>, id: &RecordId) -> Result<bool, StoreError> {
    let look = draft.look();
    Ok(of(draft, id)?.is_some_and(|restriction| restriction.bars_erasing(&look)))
}

/// A record waits for this erasure from now on, and nobody uses it: since when it is restricted stays, and why it was.
///
/// # Errors
/// [`StoreCode::TooManyRestrictions`]; otherwise see [`StoreCode`].
pub(in crate::store::sled) fn wait_for(
    draft: &mut Draft<'_>,
    id: &RecordId,
    (erasure, until): (ErasureId, Day),
    reason: Option<Reason>,
) -> Result<(), StoreError> {
    let look = draft.look();
    let before = of(draft, id)?;
    if before.is_none() && draft.shared.restricted_count() >= RESTRICTIONS_MAX {
        return Err(StoreError::of(StoreCode::TooManyRestrictions));
    }
    let before = before.filter(|before| before.stands(&look));
    let restriction = Restriction {
        id: id.clone(),
        reason: before.as_ref().map_or(reason, |before| before.reason),
        since: before.as_ref().map_or(draft.now, |before| before.since),
        until,
        erasure: Some(erasure),
    };
    draft.write(Place::Restrictions, &restriction_rows::key(id), restriction_rows::bytes(&restriction))?;
    draft.effect(Effect::Restricted(restriction));
    match before {
        Some(_) => Ok(()),
        None => feed_rows::note_one(draft, ChangeKind::Restricted, id),
    }
}

/// After a restore a record is as the ledger says (none: nobody restricts it), with a line where that is another than the backup has.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn set_again(
    draft: &mut Draft<'_>,
    id: &RecordId,
    row: Option<Vec<u8>>,
) -> Result<(), StoreError> {
    let key = restriction_rows::key(id);
    if draft.read(&Place::Restrictions, &key)? == row {
        return Ok(());
    }
    let was_restricted = is_restricted(draft, id)?;
    let mut entry = match row {
        Some(row) => {
            let (restriction, _) = restriction_rows::read(id, &row);
            let entry = Entry::by_system_because(Action::Restricted, restriction.reason);
            draft.write(Place::Restrictions, &key, row)?;
            draft.effect(Effect::Restricted(restriction));
            if !was_restricted {
                feed_rows::note_one(draft, ChangeKind::Restricted, id)?;
            }
            entry
        }
        None => {
            forget(draft, id)?;
            feed_rows::note_released(draft, id)?;
            Entry::by_system(Action::RestrictionLifted)
        }
    };
    entry.count = 1;
    name(&mut entry, id);
    draft.append_line(entry)
}

/// A record is not restricted any more, or not there.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn forget(draft: &mut Draft<'_>, id: &RecordId) -> Result<(), StoreError> {
    let key = restriction_rows::key(id);
    if draft.read(&Place::Restrictions, &key)?.is_some() {
        draft.remove(Place::Restrictions, &key);
        draft.effect(Effect::Released(id.clone()));
    }
    Ok(())
}
