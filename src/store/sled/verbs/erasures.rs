//! Erasures: asked for, looked up, and what remembers them.

use std::ops::Bound::{Excluded, Included};
use std::sync::atomic::Ordering;

use async_trait::async_trait;

use crate::clock::Month;
use crate::store::erasures::line_of_extent;
use crate::store::sled::SledStore;
use crate::store::sled::draft::OUTCOMES_MAX;
use crate::store::sled::engine::Engine;
use crate::store::sled::erasure_rows::{self, ErasureRow};
use crate::store::sled::layout::{self, Place};
use crate::store::sled::papers;
use crate::store::sled::reference::keyring_failed;
use crate::store::sled::shared::Effect;
use crate::store::sled::verbs::erasing::{self, Drafted};
use crate::store::sled::verbs::erasure_targets::targets;
use crate::store::sled::verbs::taking;
use crate::store::sled::verbs::vigils;
use crate::store::tombstones::has_served;
use crate::store::{Asked, Erasure, ErasureId, ErasureRequest, Erasures, Extent, StoreError, StuckErasures};
use crate::trail::Entry;

#[async_trait]
impl Erasures for SledStore {
    async fn erase(&self, request: ErasureRequest, entry: Entry) -> Result<Asked, StoreError> {
        request.require_bound()?;
        let what = request.what.clone();
        let targets = self.beside(move |shared| targets(shared, &what)).await?;
        let weight = targets.len().max(1) + papers::weight(&request.papers);
        let drafted = self
            .writer
            .write_and_puncture(weight, move |draft| {
                let drafted = erasing::erase(draft, &targets, &request, &entry)?;
                if let (Asked::Erasure(erasure), Some(vigil)) = (&drafted.asked, request.vigil) {
                    vigils::follow(draft, vigil, erasure.id)?;
                }
                Ok(drafted)
            })
            .await?;
        let Drafted { mut asked, ended } = drafted;
        if let Asked::Erasure(erasure) = &mut asked {
            erasure.done = erasure.done.or(ended.get().copied());
        }
        Ok(asked)
    }

    async fn repeated(&self, request: ErasureRequest, entry: Entry) -> Result<Option<Asked>, StoreError> {
        let known = self.beside(move |shared| {
            shared.reading(|engine| erasing::known_before(shared, engine, &request, &entry))
        });
        let Some(known) = known.await? else { return Ok(None) };
        let Some(id) = known else { return Ok(Some(Asked::KeyTaken)) };
        Ok(self.erasure(id).await?.map(Asked::Erasure))
    }

    async fn extent(&self, request: ErasureRequest, entry: Entry) -> Result<Extent, StoreError> {
        request.require_bound()?;
        let reason = entry.reason();
        let looked = self.beside(move |shared| {
            let targets = targets(shared, &request.what)?;
            shared.reading(|engine| taking::extent(shared, engine, &targets, &request, reason))
        });
        let looked = looked.await;
        let line = line_of_extent(looked.as_ref(), entry)?;
        self.writer.write(1, move |draft| draft.append_line(line)).await?;
        looked
    }

    async fn erasure(&self, id: ErasureId) -> Result<Option<Erasure>, StoreError> {
        self.beside(move |shared| {
            // Before its row is read: what has its end by then is done, whether the row says so or not yet.
            let end = shared.end_of(id);
            shared.reading(|engine| {
                let key = erasure_rows::row_key(id);
                let Some(bytes) = engine.read(&Place::Erasures, &key)? else { return Ok(None) };
                let read = layout::decode::<ErasureRow>(&bytes).and_then(|row| row.erasure(id));
                let read = shared.unreadable().or_passed_over(&Place::Erasures, &key, read);
                let whole = |erasure: Erasure| {
                    let row = |key: &[u8]| engine.read(&Place::Erasures, key);
                    let erasure = Erasure { done: erasure.done.or(end), ..erasure };
                    let erasure = papers::with(shared.unreadable(), row, erasure);
                    erasing::with_neighbours(shared.unreadable(), row, erasure)
                };
                Ok(read.map(whole))
            })
        })
        .await
    }

    async fn followed_by(&self, ids: Vec<ErasureId>) -> Result<Vec<Option<ErasureId>>, StoreError> {
        self.beside(move |shared| {
            let one = |engine: &Engine, id: &ErasureId| {
                let key = erasure_rows::followed_key(*id);
                let row = engine.read(&Place::Erasures, &key)?;
                let read = row.map(|bytes| erasure_rows::id(&bytes)).transpose();
                Ok(shared.unreadable().or_passed_over(&Place::Erasures, &key, read).flatten())
            };
            shared.reading(|engine| ids.iter().map(|id| one(engine, id)).collect())
        })
        .await
    }

    fn stuck_erasures(&self) -> StuckErasures {
        let (stuck, now) = (self.shared.stuck(), Ordering::Relaxed);
        StuckErasures { pending: stuck.pending.load(now), damaged: stuck.damaged.load(now) }
    }

    async fn drop_tombstones(&self) -> Result<u64, StoreError> {
        self.shared.engine()?;
        let today = self.shared.confirmed_day()?;
        let mut months = self.shared.tombstones().months();
        months.extend(self.shared.keyring().tombstone_months());
        months.sort_unstable();
        months.dedup();
        months.retain(|month| has_served(*month, today));
        let mut count = 0;
        for month in &months {
            count += self.drop_month(*month).await?;
        }
        if !months.is_empty() {
            self.beside(move |shared| {
                shared.keyring().destroy_tombstone_months(&months).map_err(keyring_failed)
            })
            .await?;
        }
        Ok(count)
    }
}

impl SledStore {
    /// Takes the tombstones of a month away.
    async fn drop_month(&self, month: Month) -> Result<u64, StoreError> {
        let mut count = 0;
        loop {
            let rows = self
                .beside(move |shared| {
                    let first = erasure_rows::tombstone_row_key(month, &[0; 32]);
                    let end = erasure_rows::tombstone_row_key(Month(month.0.saturating_add(1)), &[0; 32]);
                    let range = (Included(first.as_slice()), Excluded(end.as_slice()));
                    shared.reading(|engine| engine.scan(&Place::Tombstones, range, OUTCOMES_MAX))
                })
                .await?;
            let is_last = rows.len() < OUTCOMES_MAX;
            count += rows.len() as u64;
            self.writer
                .write(rows.len().max(1), move |draft| {
                    rows.iter().for_each(|(key, _)| draft.remove(Place::Tombstones, key));
                    if is_last {
                        draft.effect(Effect::TombstonesGone(month));
                    }
                    Ok(())
                })
                .await?;
            if is_last {
                return Ok(count);
            }
        }
    }
}
