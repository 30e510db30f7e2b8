//! Looking for the records that hold an address: the admin side asks whoever looks, and has no thread of its own.

use futures_util::future::BoxFuture;

use crate::forget::address::Sought;
use crate::purpose::RecordId;
use crate::store::{Matches, StoreError};
use crate::trail::Entry;

/// What a look for an address comes to.
pub type Looked = BoxFuture<'static, Result<Matches, StoreError>>;

/// Tells which records hold an address. One for both doors.
pub struct Search(Box<dyn Fn(Sought, Option<RecordId>, Entry) -> Looked + Send + Sync>);

impl Search {
    /// Asks this whenever somebody looks.
    pub fn new(look: impl Fn(Sought, Option<RecordId>, Entry) -> Looked + Send + Sync + 'static) -> Self {
        Self(Box::new(look))
    }

    /// Which records hold it, of all or of those behind one, for whoever this line will name.
    ///
    /// # Errors
    /// As many look as may, it takes too long, or the store's.
    pub(super) async fn matching(
        &self,
        sought: Sought,
        after: Option<RecordId>,
        by: &Entry,
    ) -> Result<Matches, StoreError> {
        (self.0)(sought, after, by.clone()).await
    }
}
