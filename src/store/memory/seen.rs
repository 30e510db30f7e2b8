//! What became of each leadgen.

use async_trait::async_trait;

use crate::id::LeadgenId;
use crate::store::memory::MemoryStore;
use crate::store::{Seen, SeenState, StoreError};

#[async_trait]
impl Seen for MemoryStore {
    async fn known(&self, leadgens: &[LeadgenId]) -> Result<Vec<bool>, StoreError> {
        let rows = self.0.rows()?;
        Ok(leadgens.iter().map(|leadgen| rows.seen.contains_key(leadgen)).collect())
    }

    async fn seen(&self, leadgen: &LeadgenId) -> Result<Option<SeenState>, StoreError> {
        Ok(self.0.rows()?.state(leadgen))
    }
}
