//! A scan: each look is of one moment, so what it says is always so; it is told in slices, twice where something is wrong.

use async_trait::async_trait;

use crate::lead::{Leaf, SealedRecord, Under, check};
use crate::purpose::{PurposeId, RecordId};
use crate::store::leaves::{Leaves, bucket_of, place_of};
use crate::store::memory::rows::{Rows, Vault};
use crate::store::memory::{MemoryState, MemoryStore, trail};
use crate::store::retention::BucketCut;
use crate::store::{Fault, RecordsFault, Scan, Scanned, Scanning, SeenState, StoreError};

/// How far a scan has come.
#[derive(Default)]
pub(super) struct Walk {
    looked_at: usize,
    is_second: bool,
}

#[async_trait]
impl Scan for MemoryStore {
    async fn scan(&self, max: usize) -> Result<Scanning, StoreError> {
        let mut rows = self.0.rows()?;
        let mut process = self.0.process();
        process.walk.looked_at += max;
        let records: usize = rows.vaults.values().map(|vault| vault.records.len()).sum();
        if process.walk.looked_at < records + rows.seen.len() + rows.parked.len() + rows.trail.len() {
            return Ok(Scanning::More);
        }
        let walk = std::mem::take(&mut process.walk);
        let scanned = look(&self.0, &rows);
        if !scanned.faults.is_empty() && !walk.is_second {
            process.walk.is_second = true;
            return Ok(Scanning::More);
        }
        rows.vaults.values_mut().for_each(|vault| vault.missing = 0);
        for fault in &scanned.faults {
            if let Fault::Records(fault) = fault
                && let Some(vault) = rows.vaults.get_mut(&fault.purpose)
            {
                vault.missing = fault.missing();
            }
        }
        Ok(Scanning::Over(scanned))
    }
}

fn look(shared: &MemoryState, rows: &Rows) -> Scanned {
    let mut faults = Vec::new();
    for (purpose, vault) in &rows.vaults {
        let fault = records(shared, rows, purpose, vault);
        if !fault.is_of_seals() || fault.unreadable > 0 {
            faults.push(Fault::Records(fault));
        }
    }
    let lines = trail::read(rows, shared.keyring.as_ref(), 0, usize::MAX);
    if lines.is_err() {
        faults.push(Fault::Trail);
    }
    Scanned {
        records: rows.vaults.values().map(|vault| vault.records.len() as u64).sum(),
        seen: rows.seen.len() as u64,
        parked: rows.parked.len() as u64,
        lines: lines.map_or(0, |lines| lines.len() as u64),
        faults,
    }
}

fn records(shared: &MemoryState, rows: &Rows, purpose: &PurposeId, vault: &Vault) -> RecordsFault {
    let mut fault = RecordsFault {
        purpose: purpose.clone(),
        counted: vault.counted,
        found: vault.records.len() as u64,
        indexed: 0,
        absent: 0,
        unreadable: 0,
        first: None,
    };
    for ((epoch, number), value) in &vault.records {
        let id = RecordId { purpose: purpose.clone(), epoch: *epoch, number: *number };
        if !opens(shared, &id, value) {
            fault.unreadable += 1;
            fault.first.get_or_insert(id);
        }
    }
    for fate in rows.seen.values().flat_map(|note| &note.fates) {
        if let SeenState::Stored(id) = &fate.state
            && id.purpose == *purpose
        {
            let is_there = rows.record(id).is_some();
            // Of what has had its time the note stays. Its key is gone, or about to be: what was lost has one.
            let own = Leaf::of(id);
            let is_dead = || Leaves::default().key(&*shared.keyring, purpose, Under::Leaf(own)).is_err();
            let bucket = bucket_of(purpose, own);
            let goes = |cut: &BucketCut| cut.takes(&bucket, place_of(own));
            if !is_there && (is_dead() || rows.sweep.iter().flat_map(|(_, cuts)| cuts).any(goes)) {
                continue;
            }
            fault.indexed += 1;
            if !is_there {
                fault.absent += 1;
                fault.first.get_or_insert(id.clone());
            }
        }
    }
    fault
}

fn opens(shared: &MemoryState, id: &RecordId, value: &[u8]) -> bool {
    let Some(record) = SealedRecord::decode(value) else { return false };
    let key = Leaves::default().key(&*shared.keyring, &id.purpose, record.under);
    key.is_ok_and(|key| check(&record, id, key.key()).is_ok())
}
