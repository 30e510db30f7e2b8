//! What became of each leadgen.

use async_trait::async_trait;

use crate::id::LeadgenId;
use crate::notification::LeadRef;
use crate::store::beside;
use crate::store::memory::MemoryStore;
use crate::store::memory::rows::{End, Note};
use crate::store::{Fate, Seen, StoreError};

#[async_trait]
impl Seen for MemoryStore {
    async fn known(&self, references: &[LeadRef]) -> Result<Vec<bool>, StoreError> {
        let rows = self.0.rows()?;
        let known = |reference: &LeadRef| match rows.seen.get(&reference.leadgen) {
            _ if rows.erased_for(&*self.0.keyring, &reference.leadgen).is_some() => true,
            Some(Note { end: Some(End::Dropped(received)), .. }) => {
                received.as_millisecond() == reference.received.as_millisecond()
            }
            Some(Note { fates, arrivals, .. }) if fates.is_empty() && !arrivals.is_empty() => {
                beside::is_known(&rows.beside(arrivals), reference)
            }
            note => note.is_some(),
        };
        Ok(references.iter().map(known).collect())
    }

    async fn seen(&self, leadgen: &LeadgenId) -> Result<Vec<Fate>, StoreError> {
        Ok(self.0.rows()?.fates(&*self.0.keyring, leadgen))
    }
}
