//! Pauses that outlive the process.

use async_trait::async_trait;

use crate::id::PageId;
use crate::notification::KeptPause;
use crate::store::memory::MemoryStore;
use crate::store::{Pauses, StoreError};

#[async_trait]
impl Pauses for MemoryStore {
    async fn keep_pause(&self, pause: KeptPause) -> Result<(), StoreError> {
        self.0.write(|draft| {
            draft.rows.pauses.insert(pause.page, pause);
            Ok(())
        })
    }

    async fn forget_pause(&self, page: Option<PageId>) -> Result<(), StoreError> {
        self.0.write(|draft| {
            draft.rows.pauses.remove(&page);
            Ok(())
        })
    }

    async fn pauses(&self) -> Result<Vec<KeptPause>, StoreError> {
        Ok(self.0.rows()?.pauses.values().copied().collect())
    }
}
