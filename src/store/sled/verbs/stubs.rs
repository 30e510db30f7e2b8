//! Stubs: made within the transaction in which a record goes, read by the hash of an address, taken away by their day. The tree
//! `stubs`: month ‖ hash ‖ number → days ‖ sealed.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Included, Unbounded};

use async_trait::async_trait;

use crate::clock::{Day, Month};
use crate::forget::address::Address;
use crate::lead::{SealedRecord, Stub, unseal};
use crate::purpose::RecordId;
use crate::store::sled::SledStore;
use crate::store::sled::draft::{Draft, OUTCOMES_MAX};
use crate::store::sled::evidence_rows;
use crate::store::sled::layout::{Place, meta};
use crate::store::sled::reference::keyring_failed;
use crate::store::stubs::{
    Going, Parting, STUBS_SHOWN_MAX, idle_months, is_over, keys, month_of, number_of, opened, prefix,
};
use crate::store::suppressions::require_few;
use crate::store::{StoreError, Stubs};
use crate::trail::{Action, Entry};

#[async_trait]
impl Stubs for SledStore {
    fn keep_stubs(&self, months: u32) {
        self.shared.keep_stubs(months);
    }

    async fn stubs_of(&self, addresses: Vec<Address>, _by: &Entry) -> Result<Vec<Stub>, StoreError> {
        require_few(&addresses)?;
        self.shared.engine()?;
        self.beside(move |shared| {
            let (months, today) = (shared.stub_months(), Day::of(shared.look().now()));
            let (mut found, mut met) = (Vec::new(), BTreeSet::new());
            for (month, key) in keys(shared.keyring()) {
                for address in &addresses {
                    let first = prefix(month, key.fingerprint(address).bytes());
                    let last = [first.as_slice(), &[u8::MAX; 8]].concat();
                    let range = (Included(first.as_slice()), Included(last.as_slice()));
                    shared.reading(|engine| {
                        engine.visit(&Place::Stubs, range, |at, value| {
                            if !is_over(at, value, months, today) && met.insert((month, number_of(at))) {
                                let read = opened(at, value, &key);
                                found.extend(shared.unreadable().or_passed_over(&Place::Stubs, at, read));
                            }
                            Ok(found.len() < STUBS_SHOWN_MAX)
                        })
                    })?;
                }
            }
            Ok(found)
        })
        .await
    }

    async fn end_stubs(&self) -> Result<u64, StoreError> {
        self.shared.engine()?;
        let (today, months) = (self.shared.confirmed_day()?, self.shared.stub_months());
        let (mut count, mut after, mut left) = (0, Vec::new(), Vec::<Month>::new());
        loop {
            let from = after.clone();
            let rows = self
                .beside(move |shared| {
                    let range = (Excluded(from.as_slice()), Unbounded);
                    shared.reading(|engine| engine.scan(&Place::Stubs, range, OUTCOMES_MAX))
                })
                .await?;
            let Some((last, _)) = rows.last() else { break };
            after = last.to_vec();
            let (over, kept): (Vec<_>, Vec<_>) =
                rows.iter().partition(|(key, value)| is_over(key, value, months, today));
            for month in kept.iter().filter_map(|(key, _)| month_of(key)) {
                if left.last() != Some(&month) {
                    left.push(month);
                }
            }
            let over: Vec<Vec<u8>> = over.into_iter().map(|(key, _)| key.to_vec()).collect();
            if !over.is_empty() {
                count += self.writer.write(over.len(), move |draft| end(draft, &over)).await?;
            }
        }
        self.beside(move |shared| {
            let idle = idle_months(shared.keyring(), &left, today);
            match idle.is_empty() {
                true => Ok(()),
                false => shared.keyring().destroy_evidence_months(&idle).map_err(keyring_failed),
            }
        })
        .await?;
        Ok(count)
    }
}

/// Takes these rows away: none is ever written again.
fn end(draft: &mut Draft<'_>, over: &[Vec<u8>]) -> Result<u64, StoreError> {
    over.iter().for_each(|key| draft.remove(Place::Stubs, key));
    let mut entry = Entry::by_system(Action::EvidenceEnded);
    entry.count = over.len() as u64;
    draft.append_line(entry)?;
    Ok(over.len() as u64)
}

/// A record is about to go, and leaves what shows of its consents, where that is kept: before its events are taken away. Gives the day in
/// whose course that goes; none: nothing is kept of it. One that does not open leaves nothing.
///
/// # Errors
/// [`crate::store::StoreCode::Keyring`]; otherwise see [`crate::store::StoreCode`].
pub(in crate::store::sled) fn leave(
    draft: &mut Draft<'_>,
    id: &RecordId,
    value: &[u8],
    parting: Parting,
) -> Result<Option<Day>, StoreError> {
    let months = draft.shared.stub_months();
    if months == 0 {
        return Ok(None);
    }
    let Some(record) = SealedRecord::decode(value) else { return Ok(None) };
    let (shared, under) = (draft.shared, record.under);
    let Ok(key) = draft.leaves.key(shared.keyring(), &id.purpose, under) else { return Ok(None) };
    let Ok(lead) = unseal(&record, id, key.key()).and_then(|lead| lead.read()) else { return Ok(None) };
    let lead = lead.with_events(evidence_rows::drafted_of(draft, id, under)?);
    let going = Going { lead: &lead, parting, now: draft.now, months };
    let made = going.stub(|| next_number(draft), shared.keyring(), shared.random())?;
    let Some(made) = made else { return Ok(None) };
    for (key, value) in made.rows {
        draft.write(Place::Stubs, &key, value)?;
    }
    Ok(Some(made.until))
}

fn next_number(draft: &mut Draft<'_>) -> Result<u64, StoreError> {
    let number = draft.counter(&Place::Meta, meta::NEXT_STUB)?.max(1);
    draft.write(Place::Meta, meta::NEXT_STUB, (number + 1).to_be_bytes().to_vec())?;
    Ok(number)
}
