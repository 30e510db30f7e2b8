//! Everything that is stored, one record after another, for who looks for an address.

use std::sync::Arc;

use async_trait::async_trait;

use crate::lead::{SealedRecord, unseal};
use crate::purpose::RecordId;
use crate::store::addresses::require_bound;
use crate::store::leaves::Leaves;
use crate::store::memory::{MemoryState, MemoryStore};
use crate::store::{Addresses, EachKept, Fate, Found, Kept, StoreError};
use crate::trail::Entry;

#[async_trait]
impl Addresses for MemoryStore {
    fn each_kept(&self, by: &[Entry]) -> Result<EachKept, StoreError> {
        if by.is_empty() {
            return Ok(Box::new(std::iter::empty()));
        }
        let rows = self.0.rows()?;
        let ids: Vec<RecordId> = rows
            .vaults
            .iter()
            .flat_map(|(purpose, vault)| {
                let id = |(epoch, number): &(u32, u64)| RecordId {
                    purpose: purpose.clone(),
                    epoch: *epoch,
                    number: *number,
                };
                vault.records.keys().map(id)
            })
            .collect();
        drop(rows);
        let (shared, mut leaves, mut failed) = (Arc::clone(&self.0), Leaves::default(), false);
        let mut ids = ids.into_iter();
        Ok(Box::new(std::iter::from_fn(move || {
            while !failed && let Some(id) = ids.next() {
                let kept = kept(&shared, &mut leaves, id);
                failed = kept.is_err();
                if let Some(kept) = kept.transpose() {
                    return Some(kept);
                }
            }
            None
        })))
    }

    async fn find_records(&self, records: Vec<RecordId>, entry: Entry) -> Result<Vec<Found>, StoreError> {
        require_bound(&records)?;
        self.0.found(
            |rows| {
                let there = records.iter().filter(|id| rows.record(id).is_some());
                there.cloned().map(Fate::stored).collect()
            },
            &entry,
        )
    }
}

/// A record without its seal; none: it was erased meanwhile.
fn kept(shared: &MemoryState, leaves: &mut Leaves, id: RecordId) -> Result<Option<Kept>, StoreError> {
    let rows = shared.rows()?;
    let Some(value) = rows.record(&id) else { return Ok(None) };
    let unsealed = SealedRecord::decode(value).and_then(|record| {
        let key = leaves.key(&*shared.keyring, &id.purpose, record.under).ok()?;
        unseal(&record, &id, key.key()).ok()
    });
    Ok(Some(unsealed.map_or(Kept::Unreadable(id), Kept::Record)))
}
