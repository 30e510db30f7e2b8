//! The trail.

use async_trait::async_trait;

use crate::store::StoreError;
use crate::trail::{Entry, Line};

/// Who did what.
#[async_trait]
pub trait Trail: Send + Sync {
    /// Lines after `after`, at most `limit`, oldest first, their chain checked.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::TrailBroken`] if a line is missing or changed.
    async fn lines(&self, after: u64, limit: usize) -> Result<Vec<Line>, StoreError>;

    /// Writes down an act that changed nothing: a refusal. At most one line a second for each actor, so that no loop of
    /// refused calls fills the disk or keeps the writer; what is beyond it is passed over.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn note(&self, entry: Entry) -> Result<(), StoreError>;
}
