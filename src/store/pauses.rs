//! Pauses that outlive the process: Graph is not called earlier since tamis was started anew.

use async_trait::async_trait;

use crate::id::PageId;
use crate::notification::KeptPause;
use crate::store::StoreError;

/// So many are given back at the most: one a page of the config, and the app's.
pub(super) const PAUSES_MAX: usize = 10_000;

/// One pause a page and one of the app. They are data of the operator's side: ids of pages, codes and moments.
#[async_trait]
pub trait Pauses: Send + Sync {
    /// Keeps a pause, in the place of what was kept of its page (or of the app).
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn keep_pause(&self, pause: KeptPause) -> Result<(), StoreError>;

    /// Forgets the pause of a page; none: of the app. There need not be one.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn forget_pause(&self, page: Option<PageId>) -> Result<(), StoreError>;

    /// All that are kept, over or not: the app's first, then by page. One that cannot be read is passed over.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn pauses(&self) -> Result<Vec<KeptPause>, StoreError>;
}
