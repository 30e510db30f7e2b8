//! To whom records were handed.

use async_trait::async_trait;

use crate::clock::Day;
use crate::purpose::RecordId;
use crate::store::sled::SledStore;
use crate::store::sled::handed;
use crate::store::{ErasureId, Handed, HandedTo, StoreError};
use crate::trail::Entry;

#[async_trait]
impl Handed for SledStore {
    async fn handed_to(&self, records: &[RecordId], _by: &Entry) -> Result<Vec<HandedTo>, StoreError> {
        let records = records.to_vec();
        self.beside(move |shared| {
            let today = Day::of(shared.look().now());
            shared.reading(|engine| handed::holders(shared, engine, &records, today))
        })
        .await
    }

    async fn handed_of(&self, erasure: ErasureId) -> Result<Vec<HandedTo>, StoreError> {
        self.beside(move |shared| shared.reading(|engine| handed::of_erasure(engine, erasure))).await
    }

    async fn trim_handed(&self) -> Result<u64, StoreError> {
        let keys = self.beside(|shared| shared.reading(handed::keys)).await?;
        let mut count = 0;
        for key in keys {
            let at = key.clone();
            let would =
                self.beside(move |shared| shared.reading(|engine| handed::would_trim(shared, engine, &at)));
            if would.await? > 0 {
                count += self.writer.write(1, move |draft| handed::trim(draft, &key)).await?;
            }
        }
        Ok(count)
    }
}
