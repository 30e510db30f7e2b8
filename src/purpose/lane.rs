//! What waits in one line: the references of one form of one page.

use crate::id::{FormId, PageId};
use crate::purpose::PurposeId;

/// References of one lane share a page token, a form's definition and a `fields=` list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    /// The page whose token reads them.
    pub page: PageId,
    /// Their form.
    pub form: FormId,
    /// The purpose that claims their form; none: nobody does, and they are to be held.
    pub purpose: Option<PurposeId>,
}
