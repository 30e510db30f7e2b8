//! Everything that is stored, one record after another, for who looks for an address.

use std::ops::Bound::{self, Excluded, Unbounded};
use std::sync::Arc;
use std::vec;

use async_trait::async_trait;
use sled::IVec;

use crate::lead::{SealedRecord, unseal};
use crate::purpose::{PurposeId, RecordId};
use crate::store::addresses::require_bound;
use crate::store::leaves::Leaves;
use crate::store::sled::SledStore;
use crate::store::sled::engine::{Engine, guarded};
use crate::store::sled::layout::{Place, record_id, record_key};
use crate::store::sled::shared::Shared;
use crate::store::sled::verbs::leads::noted_and_opened;
use crate::store::sled::verbs::reading::{self, keyed};
use crate::store::{Addresses, EachKept, Fate, Found, Kept, StoreCode, StoreError};
use crate::trail::Entry;

/// Sealed records read at a time, so that the engine is not held while one is unsealed.
const CHUNK_RECORDS: usize = 256;

#[async_trait]
impl Addresses for SledStore {
    fn each_kept(&self, by: &[Entry]) -> Result<EachKept, StoreError> {
        if by.is_empty() {
            return Ok(Box::new(std::iter::empty()));
        }
        let shared = Arc::clone(&self.shared);
        let vaults = shared.reading(|engine| Vault::of(&shared, engine))?;
        let (vaults, rows) = (vaults.into_iter(), Vec::new().into_iter());
        Ok(Box::new(Walk { shared, vaults, vault: None, rows, leaves: Leaves::default() }))
    }

    async fn find_records(&self, records: Vec<RecordId>, entry: Entry) -> Result<Vec<Found>, StoreError> {
        require_bound(&records)?;
        let fates = self
            .beside(move |shared| {
                shared.reading(|engine| {
                    let there = |id| Ok(reading::record(engine, &id)?.map(|_| Fate::stored(id)));
                    records.into_iter().filter_map(|id| there(id).transpose()).collect()
                })
            })
            .await?;
        noted_and_opened(self, fates, entry).await
    }
}

/// The records of a purpose that are still to be looked at.
struct Vault {
    purpose: PurposeId,
    from: Bound<[u8; 12]>,
    /// The key of the first record that was not there when the walk began.
    end: [u8; 12],
}

impl Vault {
    /// Of each purpose that holds anything.
    fn of(shared: &Shared, engine: &Engine) -> Result<Vec<Self>, StoreError> {
        let mut kept = engine.purposes();
        kept.sort();
        let vault = |purpose: PurposeId| {
            let next = engine.counter(&Place::Sequence, purpose.as_str().as_bytes())?.max(1);
            Ok(Self { purpose, from: Unbounded, end: record_key(shared.epoch(), next) })
        };
        kept.into_iter().map(vault).collect()
    }
}

/// A walk through what is stored. It holds the engine for one chunk of sealed records at a time.
struct Walk {
    shared: Arc<Shared>,
    vaults: vec::IntoIter<Vault>,
    vault: Option<Vault>,
    /// Of that one, read and not looked at.
    rows: vec::IntoIter<(IVec, IVec)>,
    leaves: Leaves,
}

impl Walk {
    fn advance(&mut self) -> Result<Option<Kept>, StoreError> {
        loop {
            if let Some(vault) = &self.vault
                && let Some((key, value)) = self.rows.next()
            {
                let Ok(id) = record_id(&vault.purpose, &key) else { continue };
                if let Some(kept) = kept(&self.shared, &mut self.leaves, id, value)? {
                    return Ok(Some(kept));
                }
            } else if !self.read_on()? {
                return Ok(None);
            }
        }
    }

    /// False: everything was read.
    fn read_on(&mut self) -> Result<bool, StoreError> {
        let Some(vault) = &mut self.vault else {
            self.vault = self.vaults.next();
            return Ok(self.vault.is_some());
        };
        let range = (vault.from.as_ref().map(<[u8; 12]>::as_slice), Excluded(vault.end.as_slice()));
        let place = Place::Vault(vault.purpose.clone());
        let rows = match self.shared.reading(|engine| engine.scan(&place, range, CHUNK_RECORDS)) {
            // An engine that was opened anew has no vault that nobody names and nothing lies in.
            Err(error) if error.code == StoreCode::PurposeUnknown => Vec::new(),
            rows => rows?,
        };
        match rows.last().map(|(key, _)| key.as_ref().try_into()) {
            Some(Ok(last)) => vault.from = Excluded(last),
            // Nobody could go on after a key that is none.
            Some(Err(_)) => return Err(StoreError::of(StoreCode::RecordUnreadable)),
            None => self.vault = None,
        }
        self.rows = rows.into_iter();
        Ok(true)
    }
}

/// A record without its seal; none: it was erased meanwhile.
fn kept(shared: &Shared, leaves: &mut Leaves, id: RecordId, value: IVec) -> Result<Option<Kept>, StoreError> {
    let (value, key) = match keyed(shared, leaves, &id, value) {
        Ok(Some(keyed)) => keyed,
        Ok(None) => return Ok(None),
        Err(error) if error.code == StoreCode::RecordUnreadable => return Ok(Some(Kept::Unreadable(id))),
        Err(error) => return Err(error),
    };
    let record = SealedRecord::decode(&value);
    let unsealed = record.and_then(|record| unseal(&record, &id, key.key()).ok());
    Ok(Some(unsealed.map_or(Kept::Unreadable(id), Kept::Record)))
}

impl Iterator for Walk {
    type Item = Result<Kept, StoreError>;

    /// Reads from disk and waits for it. A panic of ours is an error too; after an error nothing comes.
    fn next(&mut self) -> Option<Self::Item> {
        let next = guarded(|| self.advance());
        if next.is_err() {
            (self.vault, self.vaults, self.rows) = (None, Vec::new().into_iter(), Vec::new().into_iter());
        }
        next.transpose()
    }
}
