//! Suppressions: put on the list, listed, taken off it, ended by their time.

use std::ops::Bound::{Excluded, Unbounded};

use async_trait::async_trait;

use crate::clock::plus_months;
use crate::forget::address::{Address, SuppressionKey};
use crate::purpose::PurposeId;
use crate::purpose::law::Contact;
use crate::store::sled::SledStore;
use crate::store::sled::draft::{Draft, OUTCOMES_MAX};
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, Place, meta};
use crate::store::sled::reference::keyring_failed;
use crate::store::sled::shared::{Effect, Shared};
use crate::store::sled::suppression_rows::{self, CANARY, CanaryRow, HashRow, NUMBERS_END, NumberRow};
use crate::store::suppressions::{
    Barring, SUPPRESSIONS_LISTED_MAX, SUPPRESSIONS_MAX, hashes_of, key_of_list, require_few,
};
use crate::store::{StoreCode, StoreError, Suppression, SuppressionId, Suppressions, ToLift, ToSuppress};
use crate::trail::{Action, Entry, Outcome};

#[async_trait]
impl Suppressions for SledStore {
    async fn suppress(&self, what: ToSuppress, entry: Entry) -> Result<Vec<Suppression>, StoreError> {
        what.require_bound()?;
        // Off the writer's thread: a change of the keyring is synced.
        let key = self
            .beside(|shared| {
                shared.engine()?;
                shared.keyring().make_suppression_key().map_err(keyring_failed)?;
                key_of_list(shared.keyring())
            })
            .await?;
        let weight = what.addresses.len().max(1);
        // As far below the disk's floor as an erasure: whoever objects waits for no disk either.
        self.writer.write_and_puncture(weight, move |draft| suppress(draft, &key, &what, entry)).await
    }

    async fn suppressions(
        &self,
        after: Option<SuppressionId>,
        limit: usize,
        mut entry: Entry,
    ) -> Result<Vec<Suppression>, StoreError> {
        let limit = limit.min(SUPPRESSIONS_LISTED_MAX);
        let listed = self
            .beside(move |shared| {
                let mut listed = Vec::new();
                let from = suppression_rows::numbers_after(after);
                let range = (Excluded(from.as_slice()), Excluded(NUMBERS_END));
                shared.reading(|engine| {
                    engine.visit(&Place::Suppressions, range, |key, value| {
                        let read = suppression_rows::listed(key, value);
                        listed.extend(shared.unreadable().or_passed_over(&Place::Suppressions, key, read));
                        Ok(listed.len() < limit)
                    })
                })?;
                Ok(listed)
            })
            .await?;
        entry.count = listed.len() as u64;
        self.writer.write(1, move |draft| draft.append_line(entry)).await?;
        Ok(listed)
    }

    async fn suppressions_of(
        &self,
        addresses: Vec<Address>,
        scopes: Vec<Option<PurposeId>>,
        _by: &Entry,
    ) -> Result<Vec<Suppression>, StoreError> {
        require_few(&addresses)?;
        self.beside(move |shared| {
            shared.engine()?;
            if shared.suppressions().count() == 0 {
                return Ok(Vec::new());
            }
            let hashes = hashes_of(&key_of_list(shared.keyring())?, &addresses, &scopes);
            let mut found = Vec::new();
            for hash in &hashes {
                found.extend(shared.reading(|engine| of_hash(shared, engine, hash))?);
            }
            found.sort_by_key(|one: &Suppression| one.id);
            found.dedup_by_key(|one| one.id);
            Ok(found)
        })
        .await
    }

    fn objections(&self) -> u64 {
        self.shared.suppressions().came()
    }

    async fn lift(&self, which: ToLift, entry: Entry) -> Result<u64, StoreError> {
        let hashes = match &which {
            ToLift::One(_) => Vec::new(),
            ToLift::Of(addresses, scopes) => {
                // Where nobody ever asked for it there is no key, and nothing to take off.
                let key = key_of_list(self.shared.keyring());
                key.map_or(Vec::new(), |key| hashes_of(&key, addresses, scopes))
            }
        };
        let id = if let ToLift::One(id) = which { Some(id) } else { None };
        self.writer.write(hashes.len().max(1), move |draft| lift(draft, id, &hashes, entry)).await
    }

    async fn end_suppressions(&self) -> Result<u64, StoreError> {
        self.shared.engine()?;
        let now = self.shared.look().confirmed()?.as_millisecond();
        let (mut count, mut after) = (0, Vec::new());
        loop {
            let from = after.clone();
            let rows = self
                .beside(move |shared| {
                    let range = (Excluded(from.as_slice()), Unbounded);
                    shared.reading(|engine| engine.scan(&Place::Suppressions, range, OUTCOMES_MAX))
                })
                .await?;
            let Some((last, _)) = rows.last() else { return Ok(count) };
            after = last.to_vec();
            let is_over = |(key, value): &(::sled::IVec, ::sled::IVec)| {
                let (until, hash) = suppression_rows::ends(key, value)?;
                (until <= now).then(|| (key.to_vec(), hash))
            };
            let over: Vec<(Vec<u8>, [u8; 32])> = rows.iter().filter_map(is_over).collect();
            if !over.is_empty() {
                count += self.writer.write(over.len(), move |draft| end(draft, &over, now)).await?;
            }
        }
    }
}

/// The entry under a hash, as it is listed; none: there is none, or it cannot be read.
fn of_hash(shared: &Shared, engine: &Engine, hash: &[u8; 32]) -> Result<Option<Suppression>, StoreError> {
    let at = suppression_rows::hash_key(hash);
    let Some(bytes) = engine.read(&Place::Suppressions, &at)? else { return Ok(None) };
    let row = layout::decode::<HashRow>(&bytes);
    let Some(row) = shared.unreadable().or_passed_over(&Place::Suppressions, &at, row) else {
        return Ok(None);
    };
    let key = suppression_rows::number_key(row.id());
    let Some(bytes) = engine.read(&Place::Suppressions, &key)? else { return Ok(None) };
    let listed = suppression_rows::listed(&key, &bytes);
    Ok(shared.unreadable().or_passed_over(&Place::Suppressions, &key, listed))
}

fn suppress(
    draft: &mut Draft<'_>,
    key: &SuppressionKey,
    what: &ToSuppress,
    mut entry: Entry,
) -> Result<Vec<Suppression>, StoreError> {
    if draft.read(&Place::Suppressions, CANARY)?.is_none() {
        let canary = layout::encode(&CanaryRow(*key.canary().bytes()));
        draft.write(Place::Suppressions, CANARY, canary)?;
    }
    let mut made = Vec::new();
    for (hash, contact) in what.hashes(key) {
        made.push(put(draft, hash, contact, what, entry.reason())?);
    }
    (entry.purpose, entry.count) = (what.purpose.clone(), made.len() as u64);
    draft.append_line(entry)?;
    Ok(made)
}

fn put(
    draft: &mut Draft<'_>,
    hash: [u8; 32],
    contact: Contact,
    what: &ToSuppress,
    reason: Option<crate::trail::Reason>,
) -> Result<Suppression, StoreError> {
    let at = suppression_rows::hash_key(&hash);
    let before = draft.read(&Place::Suppressions, &at)?;
    let is_new = before.is_none();
    let known = before.and_then(|bytes| layout::decode::<HashRow>(&bytes).ok());
    let id = match known {
        Some(row) => row.id(),
        None => {
            // Several in one transaction may pass the bound by a few; it is there against growth without end.
            if is_new && draft.shared.suppressions().count() >= SUPPRESSIONS_MAX {
                return Err(StoreError::of(StoreCode::TooManySuppressions));
            }
            let number = draft.counter(&Place::Meta, meta::NEXT_SUPPRESSION)?.max(1);
            draft.write(Place::Meta, meta::NEXT_SUPPRESSION, (number + 1).to_be_bytes().to_vec())?;
            SuppressionId { epoch: draft.shared.epoch(), number }
        }
    };
    let (since, until) = (draft.now, plus_months(draft.now, what.months));
    let made = Suppression { id, contact, purpose: what.purpose.clone(), reason, since, until };
    draft.write(Place::Suppressions, &at, layout::encode(&HashRow::of(&made)))?;
    let row = layout::encode(&NumberRow::of(&made, hash));
    draft.write(Place::Suppressions, &suppression_rows::number_key(id), row)?;
    draft.effect(Effect::Suppressed(hash, Barring { since, until }, is_new));
    Ok(made)
}

fn lift(
    draft: &mut Draft<'_>,
    id: Option<SuppressionId>,
    hashes: &[[u8; 32]],
    mut entry: Entry,
) -> Result<u64, StoreError> {
    let mut lifted = 0;
    let mut purpose = None;
    if let Some(id) = id {
        let key = suppression_rows::number_key(id);
        if let Some(bytes) = draft.read(&Place::Suppressions, &key)? {
            let read = layout::decode::<NumberRow>(&bytes);
            if let Some(row) = draft.shared.unreadable().or_passed_over(&Place::Suppressions, &key, read) {
                purpose = suppression_rows::listed(&key, &bytes).ok().and_then(|listed| listed.purpose);
                // One that bars no more, and was only listed still, goes as well.
                draft.remove(Place::Suppressions, &key);
                take(draft, &row.hash)?;
                lifted += 1;
            }
        }
    }
    for hash in hashes {
        lifted += u64::from(take(draft, hash)?);
    }
    (entry.purpose, entry.count) = (purpose, lifted);
    if lifted == 0 {
        entry.result = Outcome::Nothing;
    }
    draft.append_line(entry)?;
    Ok(lifted)
}

/// Takes those of these rows away that are over in truth: one may have been made anew since it was looked at.
fn end(draft: &mut Draft<'_>, over: &[(Vec<u8>, [u8; 32])], now: i64) -> Result<u64, StoreError> {
    let mut ended = 0;
    for (key, hash) in over {
        let Some(bytes) = draft.read(&Place::Suppressions, key)? else { continue };
        if suppression_rows::ends(key, &bytes).is_none_or(|(until, _)| until > now) {
            continue;
        }
        match *key == suppression_rows::hash_key(hash) {
            true => ended += u64::from(take(draft, hash)?),
            // Only listed still: where it barred, another entry is, or none.
            false => draft.remove(Place::Suppressions, key),
        }
    }
    if ended > 0 {
        let mut entry = Entry::by_system(Action::SuppressionEnded);
        entry.count = ended;
        draft.append_line(entry)?;
    }
    Ok(ended)
}

/// Takes the entry under a hash off the list. False: there is none.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn take(draft: &mut Draft<'_>, hash: &[u8; 32]) -> Result<bool, StoreError> {
    let at = suppression_rows::hash_key(hash);
    let Some(bytes) = draft.read(&Place::Suppressions, &at)? else { return Ok(false) };
    draft.remove(Place::Suppressions, &at);
    if let Ok(row) = layout::decode::<HashRow>(&bytes) {
        draft.remove(Place::Suppressions, &suppression_rows::number_key(row.id()));
    }
    draft.effect(Effect::SuppressionGone(*hash));
    Ok(true)
}
