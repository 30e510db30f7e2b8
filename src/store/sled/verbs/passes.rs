//! Passes: given, opened; and what becomes of them with their record.

use async_trait::async_trait;

use crate::keyring::tree::Kind;
use crate::lead::{Leaf, SealedRecord, Under};
use crate::people::Pass;
use crate::purpose::RecordId;
use crate::store::leaves::{Leaves, NoKey};
use crate::store::sled::SledStore;
use crate::store::sled::draft::Draft;
use crate::store::sled::layout::{Place, record_key};
use crate::store::sled::pass_rows::{self, PassAt};
use crate::store::sled::shared::Shared;
use crate::store::sled::verbs::absent::{Absent, absent};
use crate::store::sled::verbs::reading;
use crate::store::sled::verbs::restrictions::is_restricted;
use crate::store::{GivenPass, PASSES_OF_RECORD_MAX, Passes, StoreCode, StoreError, ToOpen, ToPass};
use crate::trail::{Entry, Outcome};

/// A pass is looked at again so often because its record was given another leaf meanwhile.
const MOVES_MAX: u32 = 8;

#[async_trait]
impl Passes for SledStore {
    async fn give_pass(&self, wanted: ToPass, entry: Entry) -> Result<GivenPass, StoreError> {
        self.writer.write(1, move |draft| give(draft, &wanted, entry)).await
    }

    async fn open_pass(&self, pass: Pass) -> Result<Option<ToOpen>, StoreError> {
        let hash = pass.hash();
        drop(pass);
        self.beside(move |shared| opened(shared, &hash)).await
    }

    async fn take_passes_back(&self, hashes: Vec<[u8; 32]>) -> Result<u64, StoreError> {
        if hashes.len() > PASSES_OF_RECORD_MAX {
            return Err(StoreError::of(StoreCode::ValueTooLarge));
        }
        self.writer.write(hashes.len().max(1), move |draft| take_back(draft, &hashes)).await
    }
}

fn give(draft: &mut Draft<'_>, wanted: &ToPass, mut entry: Entry) -> Result<GivenPass, StoreError> {
    let leaf = match judged(draft, &wanted.record)? {
        Ok(leaf) => leaf,
        Err(absent) => {
            entry.result = Outcome::Nothing;
            draft.append_line(entry)?;
            return Ok(match absent {
                Absent::Gone => GivenPass::Gone,
                Absent::Never => GivenPass::Unknown,
            });
        }
    };
    let mut before = of_record(draft, &wanted.record)?;
    let n = before.iter().map(|at| at.n + 1).max().unwrap_or(0);
    before.retain(|at| at.is_of(wanted.kind));
    before.sort_by_key(|at| at.n);
    let too_many = (before.len() + 1).saturating_sub(PASSES_OF_RECORD_MAX);
    before.iter().take(too_many).for_each(|at| remove(draft, at));
    let pass = Pass::new(draft.shared.random()).map_err(|_| StoreError::of(StoreCode::Keyring))?;
    let at = PassAt::new(&wanted.record, wanted.kind, n, pass.hash());
    let opens = ToOpen {
        record: wanted.record.clone(),
        kind: wanted.kind,
        given_at: draft.now,
        last_day: wanted.last_day,
    };
    write(draft, &at, &opens, leaf)?;
    let (key, place) = at.by_hash();
    draft.write(Place::Passes, &key, place)?;
    entry.count = 1;
    entry.purpose = Some(wanted.record.purpose.clone());
    (entry.from, entry.to) = (Some(wanted.record.clone()), Some(wanted.record.clone()));
    draft.append_line(entry)?;
    Ok(GivenPass::Given(pass))
}

/// The leaf of a record that a pass may be given for.
fn judged(draft: &mut Draft<'_>, id: &RecordId) -> Result<Result<Leaf, Absent>, StoreError> {
    let value = match draft.read(&Place::Vault(id.purpose.clone()), &record_key(id.epoch, id.number)) {
        Err(error) if error.code == StoreCode::PurposeUnknown => return Ok(Err(Absent::Never)),
        value => value?,
    };
    let Some(value) = value else { return absent(draft, id).map(Err) };
    let unreadable = StoreError::of(StoreCode::RecordUnreadable);
    let (under, expiry_day, _) = SealedRecord::peek(&value).ok_or(unreadable)?;
    let look = draft.look();
    // One that is restricted lives on past its day.
    if !is_restricted(draft, id)? && look.has_come(expiry_day).ok_or(look.doubt())? {
        return Ok(Err(Absent::Gone));
    }
    match under {
        Under::Leaf(leaf) => Ok(Ok(leaf)),
        Under::Bucket(_) => Err(unreadable),
    }
}

/// Seals what a pass opens under a key of this leaf.
fn write(draft: &mut Draft<'_>, at: &PassAt, opens: &ToOpen, leaf: Leaf) -> Result<(), StoreError> {
    let key = draft.leaves.text_key(draft.shared.keyring(), &at.record.purpose, leaf, Kind::PageToken, at.n);
    let key = key.map_err(|_| StoreError::of(StoreCode::Keyring))?;
    let row = at.seal(opens, leaf, key.key(), draft.shared.random())?;
    draft.write(Place::Passes, &at.key(), row)
}

fn remove(draft: &mut Draft<'_>, at: &PassAt) {
    draft.remove(Place::Passes, &at.by_hash().0);
    draft.remove(Place::Passes, &at.key());
}

/// Takes these away, where they are there.
fn take_back(draft: &mut Draft<'_>, hashes: &[[u8; 32]]) -> Result<u64, StoreError> {
    let mut taken = 0;
    for hash in hashes {
        let by_hash = pass_rows::by_hash(hash);
        let Some(place) = draft.read(&Place::Passes, &by_hash)? else { continue };
        match draft.shared.unreadable().or_passed_over(&Place::Passes, &by_hash, PassAt::read(&place)) {
            Some(at) => remove(draft, &at),
            // The other row cannot be found by it; it goes with the record.
            None => draft.remove(Place::Passes, &by_hash),
        }
        taken += 1;
    }
    Ok(taken)
}

/// The passes of a record, this transaction included.
fn of_record(draft: &Draft<'_>, id: &RecordId) -> Result<Vec<PassAt>, StoreError> {
    let (first, last) = pass_rows::range_of_record(id);
    let range = (first.as_ref().map(Vec::as_slice), last.as_ref().map(Vec::as_slice));
    let mut keys = Vec::new();
    draft.engine.visit(&Place::Passes, range, |key, _| {
        keys.push(key.to_vec());
        Ok(true)
    })?;
    keys.extend(draft.keys_written_in(&Place::Passes, (first, last)));
    keys.sort_unstable();
    keys.dedup();
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        if draft.read(&Place::Passes, &key)?.is_some() {
            // What never was a pass's key opens nothing.
            let at = draft.shared.unreadable().or_passed_over(&Place::Passes, &key, PassAt::read(&key));
            found.extend(at);
        }
    }
    Ok(found)
}

/// A record is no longer there: nothing opens it.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn forget(draft: &mut Draft<'_>, id: &RecordId) -> Result<(), StoreError> {
    let found = of_record(draft, id)?;
    found.iter().for_each(|at| remove(draft, at));
    Ok(())
}

/// A record lies under another leaf: what opens it is sealed under a key of that one. What does not open ends.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn follow(
    draft: &mut Draft<'_>,
    id: &RecordId,
    to: Leaf,
) -> Result<(), StoreError> {
    for at in of_record(draft, id)? {
        let Some(bytes) = draft.read(&Place::Passes, &at.key())? else { continue };
        let keyring = draft.shared.keyring();
        let opened = pass_rows::leaf_of(&bytes).and_then(|leaf| {
            let key = draft.leaves.text_key(keyring, &id.purpose, leaf, Kind::PageToken, at.n);
            at.open(&bytes, key.map_err(|_| StoreError::of(StoreCode::Keyring))?.key())
        });
        match draft.shared.unreadable().or_passed_over(&Place::Passes, &at.key(), opened) {
            Some(opens) => write(draft, &at, &opens, to)?,
            None => remove(draft, &at),
        }
    }
    Ok(())
}

/// What a pass opens.
fn opened(shared: &Shared, hash: &[u8; 32]) -> Result<Option<ToOpen>, StoreError> {
    let place = shared.reading(|engine| engine.read(&Place::Passes, &pass_rows::by_hash(hash)))?;
    let Some(place) = place else { return Ok(None) };
    let read = PassAt::read(&place);
    let Some(at) = shared.unreadable().or_passed_over(&Place::Passes, &pass_rows::by_hash(hash), read) else {
        return Ok(None);
    };
    let Some(opens) = unsealed(shared, &at)? else { return Ok(None) };
    let look = shared.look();
    let is_over = |day| look.has_come(day).ok_or(look.doubt());
    if let Some(last) = opens.last_day
        && is_over(last.next())?
    {
        return Ok(None);
    }
    let Some(record) = shared.reading(|engine| reading::record(engine, &opens.record))? else {
        return Ok(None);
    };
    let unreadable = StoreError::of(StoreCode::RecordUnreadable);
    let (_, expiry_day, _) = SealedRecord::peek(&record).ok_or(unreadable)?;
    if !shared.is_restricted(&opens.record, &look) && is_over(expiry_day)? {
        return Ok(None);
    }
    Ok(Some(opens))
}

/// What a pass says, by the key of its record's leaf. None: that is gone, or it does not open.
fn unsealed(shared: &Shared, at: &PassAt) -> Result<Option<ToOpen>, StoreError> {
    let (key, mut before) = (at.key(), None);
    for _ in 0..MOVES_MAX {
        let row = shared.reading(|engine| engine.read(&Place::Passes, &key))?;
        // A key that is dead: the record was erased since, or moved, and the row with it.
        let Some(row) = row.filter(|row| before.as_ref() != Some(row)) else { return Ok(None) };
        let Some(leaf) = shared.unreadable().or_passed_over(&Place::Passes, &key, pass_rows::leaf_of(&row))
        else {
            return Ok(None);
        };
        let purpose = &at.record.purpose;
        match Leaves::default().text_key(shared.keyring(), purpose, leaf, Kind::PageToken, at.n) {
            Ok(sub) => {
                let opened = at.open(&row, sub.key());
                return Ok(shared.unreadable().or_passed_over(&Place::Passes, &key, opened));
            }
            Err(NoKey::Dead | NoKey::Absent) => before = Some(row),
        }
    }
    Ok(None)
}
