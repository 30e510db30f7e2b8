//! To whom records were handed.

use async_trait::async_trait;

use crate::clock::Day;
use crate::purpose::RecordId;
use crate::store::handed::{Holders, Run, Spot};
use crate::store::memory::MemoryStore;
use crate::store::memory::rows::{HandedRows, Rows};
use crate::store::{ErasureId, Handed, HandedTo, StoreError};

#[async_trait]
impl Handed for MemoryStore {
    async fn handed_to(&self, records: &[RecordId]) -> Result<Vec<HandedTo>, StoreError> {
        let today = Day::of(self.0.mark.look().now());
        Ok(holders(&self.0.rows()?.handed, records, today))
    }

    async fn handed_of(&self, erasure: ErasureId) -> Result<Vec<HandedTo>, StoreError> {
        Ok(self.0.rows()?.handed_of.get(&erasure).cloned().unwrap_or_default())
    }

    async fn trim_handed(&self) -> Result<u64, StoreError> {
        self.0.write(|draft| {
            let Rows { handed, vaults, .. } = &mut draft.rows;
            let mut count = 0;
            for ((purpose, _), ranges) in handed.iter_mut() {
                let records = vaults.get(purpose).map(|vault| &vault.records);
                let between = |(first, last): Run| {
                    let found = records.into_iter().flat_map(move |records| records.range(first..=last));
                    found.map(|(spot, _)| *spot)
                };
                let first_in = |run| Ok::<Option<Spot>, StoreError>(between(run).next());
                count += ranges.trim(first_in, |run| Ok(between(run).next_back()))?;
            }
            handed.retain(|_, ranges| !ranges.is_empty());
            Ok(count)
        })
    }
}

/// Who was handed any of these.
pub(super) fn holders(rows: &HandedRows, records: &[RecordId], today: Day) -> Vec<HandedTo> {
    let mut holders = Holders::default();
    for ((purpose, recipient), ranges) in rows {
        for id in records.iter().filter(|id| id.purpose == *purpose) {
            if let Some(days) = ranges.days_of((id.epoch, id.number)) {
                holders.note(recipient.as_deref(), days, today);
            }
        }
    }
    holders.all()
}
