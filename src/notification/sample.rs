//! References for the tests of every room.

use jiff::Timestamp;

use crate::id::{FormId, LeadgenId, PageId};
use crate::notification::LeadRef;

/// The page of most tests.
pub(crate) const PAGE: u64 = 104_000_000_000_001;
/// The form of most tests.
pub(crate) const FORM: u64 = 901_000_000_000_001;

/// An id of a submission.
pub(crate) fn leadgen(number: u64) -> LeadgenId {
    LeadgenId::parse(&number.to_string()).expect("digits")
}

/// An id of a form.
pub(crate) fn form(number: u64) -> FormId {
    FormId::parse(&number.to_string()).expect("digits")
}

/// An id of a page.
pub(crate) fn page(number: u64) -> PageId {
    PageId::parse(&number.to_string()).expect("digits")
}

/// A reference to a submission on this page and form, in this order, that arrives at this moment, of no known moment of creation.
pub(crate) fn reference(of: (u64, u64, u64), received: Timestamp) -> LeadRef {
    let (leadgen_id, page_id, form_id) = of;
    LeadRef {
        leadgen: leadgen(leadgen_id),
        form: form(form_id),
        page: page(page_id),
        created: None,
        received,
    }
}
