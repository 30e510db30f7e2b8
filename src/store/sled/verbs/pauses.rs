//! Pauses that outlive the process: a row of `meta` each.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::id::PageId;
use crate::notification::{KeptPause, ParkCode};
use crate::store::pauses::PAUSES_MAX;
use crate::store::sled::SledStore;
use crate::store::sled::layout::{self, InTree, Place, meta};
use crate::store::{Pauses, StoreCode, StoreError};

#[derive(Serialize, Deserialize)]
struct PauseRow {
    code: String,
    until_ms: i64,
}

impl InTree for PauseRow {
    const TREES: &'static [Place] = &[Place::Meta];
}

#[async_trait]
impl Pauses for SledStore {
    async fn keep_pause(&self, pause: KeptPause) -> Result<(), StoreError> {
        let row = PauseRow { code: pause.code.as_str().to_owned(), until_ms: pause.until.as_millisecond() };
        let (key, row) = (meta::pause(pause.page.as_ref()), layout::encode(&row));
        self.writer.write(1, move |draft| draft.write(Place::Meta, &key, row)).await
    }

    async fn forget_pause(&self, page: Option<PageId>) -> Result<(), StoreError> {
        let key = meta::pause(page.as_ref());
        let forget = move |draft: &mut crate::store::sled::draft::Draft<'_>| {
            draft.remove(Place::Meta, &key);
            Ok(())
        };
        self.writer.write(1, forget).await
    }

    async fn pauses(&self) -> Result<Vec<KeptPause>, StoreError> {
        self.beside(|shared| {
            let rows = shared.reading(|engine| engine.scan(&Place::Meta, meta::pauses(), PAUSES_MAX))?;
            let kept = |(key, bytes): &(::sled::IVec, ::sled::IVec)| {
                shared.unreadable().or_passed_over(&Place::Meta, key, read(key, bytes))
            };
            Ok(rows.iter().filter_map(kept).collect())
        })
        .await
    }
}

fn read(key: &[u8], bytes: &[u8]) -> Result<KeptPause, StoreError> {
    let damaged = StoreError::of(StoreCode::Damaged);
    let row: PauseRow = layout::decode(bytes)?;
    Ok(KeptPause {
        page: meta::paused_page(key).ok_or(damaged)?,
        code: ParkCode::from_code(&row.code).ok_or(damaged)?,
        until: layout::moment(row.until_ms)?,
    })
}
