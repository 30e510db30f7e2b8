//! Records written anew: asked for.

use std::collections::HashMap;
use std::ops::Bound::{Excluded, Unbounded};

use async_trait::async_trait;

use crate::lead::{Revised, Revision, SealError, SealedRecord, revise, was_early};
use crate::purpose::{Cursor, PurposeId, RecordId};
use crate::secret::Key;
use crate::store::leaves::Leaves;
use crate::store::sled::SledStore;
use crate::store::sled::draft::Draft;
use crate::store::sled::layout::{Place, meta, record_id, record_key};
use crate::store::sled::shared::{Effect, Shared};
use crate::store::sled::verbs::reading::keyed;
use crate::store::sled::verbs::remits;
use crate::store::sled::verbs::rewriting::{self, Drafted};
use crate::store::{
    KeptRemit, RecordsFound, RewriteCause, RewriteRequest, Rewrites, Rewriting, StoreCode, StoreError,
};
use crate::trail::Entry;

#[async_trait]
impl Rewrites for SledStore {
    async fn rewrite(&self, request: RewriteRequest, entry: Entry) -> Result<Rewriting, StoreError> {
        request.require_bound()?;
        let weight = request.records.len().max(1);
        let takes_room = matches!(request.cause, RewriteCause::Person | RewriteCause::Yes);
        let work = move |draft: &mut Draft<'_>| rewriting::rewrite(draft, &request, &entry);
        // What ends by its time waits for its dates, and makes room: they are put right as far down as it is taken. What may no
        // longer be held, or is withdrawn, goes as far down too: a full disk is no reason to hold it.
        let Drafted { each, ended, is_known } = match takes_room {
            true => self.writer.rewrite(weight, work).await?,
            false => self.writer.write_and_puncture(weight, work).await?,
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
    ) -> Result<RecordsFound, StoreError> {
        self.beside(move |shared| look_through(shared, &purpose, after.as_ref(), max, was_early)).await
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

    async fn to_rewrite(
        &self,
        purpose: PurposeId,
        revision: Revision,
        after: Option<Cursor>,
        max: usize,
    ) -> Result<RecordsFound, StoreError> {
        let now = self.shared.look().confirmed()?;
        let changes = move |record: &SealedRecord<'_>, id: &RecordId, key: &Key| {
            revise(record, id, key, &revision, now).map(|revised| matches!(revised, Revised::Anew(_)))
        };
        self.beside(move |shared| look_through(shared, &purpose, after.as_ref(), max, changes)).await
    }

    async fn remits(&self) -> Result<HashMap<PurposeId, KeptRemit>, StoreError> {
        self.beside(|shared| shared.reading(|engine| remits::kept(shared, engine))).await
    }

    async fn keep_remit(&self, purpose: PurposeId, kept: KeptRemit) -> Result<(), StoreError> {
        // As far below the disk's floor as the records themselves.
        self.writer.write_and_puncture(1, move |draft| remits::keep(draft, &purpose, &kept)).await
    }
}

/// Looks through so many records. What does not open a scan finds, and says.
fn look_through(
    shared: &Shared,
    purpose: &PurposeId,
    after: Option<&Cursor>,
    max: usize,
    is_wanted: impl Fn(&SealedRecord<'_>, &RecordId, &Key) -> Result<bool, SealError>,
) -> Result<RecordsFound, StoreError> {
    let key = after.map(|after| record_key(after.epoch, after.number));
    let from = key.as_ref().map_or(Unbounded, |key| Excluded(key.as_slice()));
    let place = Place::Vault(purpose.clone());
    let rows = match shared.reading(|engine| engine.scan(&place, (from, Unbounded), max)) {
        Err(error) if error.code == StoreCode::PurposeUnknown => return Ok(RecordsFound::default()),
        rows => rows?,
    };
    let is_last = rows.len() < max;
    let (mut found, mut leaves) = (RecordsFound::default(), Leaves::default());
    for (key, value) in rows {
        let Ok(id) = record_id(purpose, &key) else { continue };
        found.next = Some(id.clone());
        let Ok(Some((value, key))) = keyed(shared, &mut leaves, &id, value) else { continue };
        let record = SealedRecord::decode(&value);
        if record.is_some_and(|record| is_wanted(&record, &id, key.key()).unwrap_or(false)) {
            found.records.push(id);
        }
    }
    if is_last {
        found.next = None;
    }
    Ok(found)
}
