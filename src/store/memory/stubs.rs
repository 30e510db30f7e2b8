//! Stubs: what is left of the consents of records that are gone.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use async_trait::async_trait;

use crate::clock::{Day, Month};
use crate::forget::address::Address;
use crate::lead::{SealedRecord, Stub, unseal};
use crate::purpose::RecordId;
use crate::store::leaves::Leaves;
use crate::store::memory::MemoryStore;
use crate::store::memory::draft::{Draft, keyring_failed};
use crate::store::stubs::{
    Going, Parting, STUBS_SHOWN_MAX, idle_months, is_over, keys, month_of, number_of, opened, prefix,
};
use crate::store::suppressions::require_few;
use crate::store::{StoreError, Stubs};
use crate::trail::{Action, Entry};

#[async_trait]
impl Stubs for MemoryStore {
    fn keep_stubs(&self, months: u32) {
        self.0.stub_months.store(months, Ordering::SeqCst);
    }

    async fn stubs_of(&self, addresses: Vec<Address>, _by: &Entry) -> Result<Vec<Stub>, StoreError> {
        require_few(&addresses)?;
        let (months, today) = (self.0.stub_months.load(Ordering::SeqCst), Day::of(self.0.mark.look().now()));
        let rows = self.0.rows()?;
        let (mut found, mut met) = (Vec::new(), BTreeSet::new());
        for (month, key) in keys(&*self.0.keyring) {
            for address in &addresses {
                let first = prefix(month, key.fingerprint(address).bytes());
                for (at, value) in
                    rows.stubs.range(first.clone()..).take_while(|(at, _)| at.starts_with(&first))
                {
                    if !is_over(at, value, months, today) && met.insert((month, number_of(at))) {
                        found.extend(opened(at, value, &key).ok());
                    }
                }
            }
        }
        found.truncate(STUBS_SHOWN_MAX);
        Ok(found)
    }

    async fn end_stubs(&self) -> Result<u64, StoreError> {
        let months = self.0.stub_months.load(Ordering::SeqCst);
        let (ended, idle) = self.0.write(|draft| {
            let today = Day::of(draft.look.confirmed()?);
            let before = draft.rows.stubs.len();
            draft.rows.stubs.retain(|key, value| !is_over(key, value, months, today));
            let ended = (before - draft.rows.stubs.len()) as u64;
            if ended > 0 {
                let mut entry = Entry::by_system(Action::EvidenceEnded);
                entry.count = ended;
                draft.append_line(entry);
            }
            let left: Vec<Month> = draft.rows.stubs.keys().filter_map(|key| month_of(key)).collect();
            Ok((ended, idle_months(&*self.0.keyring, &left, today)))
        })?;
        if !idle.is_empty() {
            self.0.keyring.destroy_evidence_months(&idle).map_err(keyring_failed)?;
        }
        Ok(ended)
    }
}

impl Draft<'_> {
    /// A record is about to go, and leaves what shows of its consents, where that is kept. Gives the day in whose course that goes.
    pub(super) fn leave_stub(&mut self, id: &RecordId, parting: Parting) -> Result<Option<Day>, StoreError> {
        let months = self.shared.stub_months.load(Ordering::SeqCst);
        let Some(value) = self.rows.record(id).filter(|_| months > 0).cloned() else { return Ok(None) };
        let keyring = &*self.shared.keyring;
        let Some(record) = SealedRecord::decode(&value) else { return Ok(None) };
        let Ok(key) = Leaves::default().key(keyring, &id.purpose, record.under) else { return Ok(None) };
        let Ok(lead) = unseal(&record, id, key.key()).and_then(|lead| lead.read()) else { return Ok(None) };
        let lead = lead.with_events(self.rows.events(keyring, id, record.under).unwrap_or_default());
        let going = Going { lead: &lead, parting, now: self.look.now(), months };
        let last = &mut self.rows.last_stub;
        let next = || {
            *last += 1;
            Ok(*last)
        };
        let Some(made) = going.stub(next, keyring, &*self.shared.random)? else { return Ok(None) };
        self.rows.stubs.extend(made.rows);
        Ok(Some(made.until))
    }
}
