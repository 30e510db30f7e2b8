//! Records written anew: asked for.

use std::ops::Bound::{Excluded, Unbounded};

use async_trait::async_trait;

use crate::lead::{SealedRecord, was_early};
use crate::purpose::{Cursor, PurposeId};
use crate::store::leaves::Leaves;
use crate::store::sled::SledStore;
use crate::store::sled::draft::Draft;
use crate::store::sled::layout::{Place, meta, record_id, record_key};
use crate::store::sled::shared::{Effect, Shared};
use crate::store::sled::verbs::reading::keyed;
use crate::store::sled::verbs::rewriting::{self, Drafted};
use crate::store::{EarlyRecords, RewriteCause, RewriteRequest, Rewrites, Rewriting, StoreCode, StoreError};
use crate::trail::Entry;

#[async_trait]
impl Rewrites for SledStore {
    async fn rewrite(&self, request: RewriteRequest, entry: Entry) -> Result<Rewriting, StoreError> {
        request.require_bound()?;
        let weight = request.records.len().max(1);
        let is_dating = request.cause == RewriteCause::Clock;
        let work = move |draft: &mut Draft<'_>| rewriting::rewrite(draft, &request, &entry);
        // What ends by its time waits for its dates, and makes room: they are put right as far down as it is taken.
        let Drafted { each, ended, is_known } = match is_dating {
            true => self.writer.write_and_puncture(weight, work).await?,
            false => self.writer.rewrite(weight, work).await?,
        };
        let keys_destroyed = is_known && ended.is_none_or(|ended| ended.get().is_some());
        Ok(Rewriting { each, keys_destroyed })
    }

    fn early_up_to(&self) -> Option<u64> {
        self.shared.early_up_to()
    }

    async fn early_records(
        &self,
        purpose: PurposeId,
        after: Option<Cursor>,
        max: usize,
    ) -> Result<EarlyRecords, StoreError> {
        self.beside(move |shared| early_records(shared, &purpose, after.as_ref(), max)).await
    }

    async fn early_looked_at(&self, up_to: u64) -> Result<(), StoreError> {
        // As far below the disk's floor as what waits for it.
        self.writer
            .write_and_puncture(1, move |draft| {
                draft.write(Place::Meta, meta::EARLY_LOOKED_AT, up_to.to_be_bytes().to_vec())?;
                draft.effect(Effect::EarlyLookedAt(up_to));
                Ok(())
            })
            .await
    }
}

fn early_records(
    shared: &Shared,
    purpose: &PurposeId,
    after: Option<&Cursor>,
    max: usize,
) -> Result<EarlyRecords, StoreError> {
    let key = after.map(|after| record_key(after.epoch, after.number));
    let from = key.as_ref().map_or(Unbounded, |key| Excluded(key.as_slice()));
    let place = Place::Vault(purpose.clone());
    let rows = match shared.reading(|engine| engine.scan(&place, (from, Unbounded), max)) {
        Err(error) if error.code == StoreCode::PurposeUnknown => return Ok(EarlyRecords::default()),
        rows => rows?,
    };
    let is_last = rows.len() < max;
    let (mut found, mut leaves) = (EarlyRecords::default(), Leaves::default());
    for (key, value) in rows {
        let Ok(id) = record_id(purpose, &key) else { continue };
        found.next = Some(id.clone());
        // What does not open a scan finds, and says.
        let Ok(Some((value, key))) = keyed(shared, &mut leaves, &id, value) else { continue };
        let record = SealedRecord::decode(&value);
        if record.is_some_and(|record| was_early(&record, &id, key.key()).unwrap_or(false)) {
            found.records.push(id);
        }
    }
    if is_last {
        found.next = None;
    }
    Ok(found)
}
