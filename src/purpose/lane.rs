//! What may be fetched together: the leads of one page for one purpose.

use crate::id::PageId;
use crate::purpose::PurposeId;

/// References of one lane share a page token and a `fields=` list, hence a Graph call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    /// The page whose token reads them.
    pub page: PageId,
    /// The purpose that claims their form; none: nobody does, and they are to be held.
    pub purpose: Option<PurposeId>,
}
