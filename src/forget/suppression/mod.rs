//! What becomes of a submission of whoever said that they do not want to be stored: the decision alone. The entries that
//! concern a submission are found by the fingerprints of its addresses ([`address`](crate::forget::address)).

mod decision;
mod entry;

pub use decision::{Decision, Submission, decide};
pub use entry::{Entry, SUPPRESSION_MONTHS, makes_entry};
