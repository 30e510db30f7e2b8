//! Ending what has had its time.

use std::collections::HashMap;

use async_trait::async_trait;

use crate::purpose::PurposeId;
use crate::store::retention::lines_kept_from;
use crate::store::sled::SledStore;
use crate::store::sled::expiry_row;
use crate::store::sled::verbs::expiring::{self, Swept};
use crate::store::sled::verbs::{closing, dating};
use crate::store::{Dated, DatingSlice, Expired, KeptLifespan, Retention, StoreError};

#[async_trait]
impl Retention for SledStore {
    async fn expire(&self) -> Result<Expired, StoreError> {
        self.shared.engine()?;
        let today = self.shared.confirmed_day()?;
        let after = self.shared.swept_to();
        let due = self.beside(move |shared| expiring::due(shared, today, after)).await?;
        if due.is_empty() {
            self.shared.set_swept_to(None);
            return Ok(Expired::NOTHING);
        }
        let (weight, more, next) = (due.records(today).max(1), due.more, due.next());
        let swept =
            self.writer.write_and_puncture(weight, move |draft| expiring::expire(draft, &due, today)).await?;
        // Only now: what was refused is looked at again.
        self.shared.set_swept_to(next);
        let Swept { extent, lapsed, ended } = swept;
        let done = ended.is_none_or(|ended| ended.get().is_some());
        Ok(Expired::of(extent, lapsed, more, done))
    }

    async fn overdue(&self) -> Result<u64, StoreError> {
        self.shared.engine()?;
        let before = self.shared.confirmed_day()?.minus(1);
        self.beside(move |shared| {
            let due = expiring::due(shared, before, None)?.records(before) as u64;
            let waiting = shared.reading(|engine| expiry_row::waiting(engine, shared.keyring(), before))?;
            Ok(due + waiting)
        })
        .await
    }

    async fn drop_lines(&self, months: u32) -> Result<u64, StoreError> {
        self.shared.engine()?;
        let kept_from = lines_kept_from(self.shared.look().confirmed()?, months);
        let mut count = 0;
        loop {
            let next = self
                .beside(move |shared| shared.reading(|engine| closing::next(shared, engine, kept_from)))
                .await?;
            let Some(closing) = next else { return Ok(count) };
            count += closing.lines();
            self.writer.write(1, move |draft| closing::close(draft, &closing)).await?;
        }
    }

    async fn date_anew(&self, slice: DatingSlice) -> Result<Dated, StoreError> {
        self.shared.engine()?;
        let today = self.shared.confirmed_day()?;
        let DatingSlice { purpose: _, lifespan, after: _, dry_run } = slice.clone();
        let (ids, more) = self.beside(move |shared| dating::keys(shared, &slice)).await?;
        let next = ids.last().filter(|_| more).cloned();
        let dated = match dry_run {
            true => self.beside(move |shared| dating::count(shared, &ids, &lifespan, today)).await?,
            false => {
                let weight = ids.len().max(1);
                self.writer.write(weight, move |draft| dating::date(draft, &ids, &lifespan, today)).await?
            }
        };
        Ok(Dated { next, ..dated })
    }

    async fn lifespans(&self) -> Result<HashMap<PurposeId, KeptLifespan>, StoreError> {
        self.beside(|shared| shared.reading(|engine| dating::kept(shared, engine))).await
    }

    async fn keep_lifespan(&self, purpose: PurposeId, kept: KeptLifespan) -> Result<(), StoreError> {
        self.writer.write(1, move |draft| dating::keep(draft, &purpose, &kept)).await
    }
}
