//! The form check: what a form asks, says and links, held against the purposes that it stands under and against the notice of
//! this house. Looked at when the form is first seen, and every day from then on; what was found is kept with its beginning
//! and its end ([`FormLook`]). Pure.

mod check;
mod finding;
mod history;
mod link;
#[cfg(test)]
mod tests;

pub use check::{FormSeen, check_form};
pub use finding::{Finding, FindingCode, Severity};
pub use history::{FormLook, KeptFinding, LookChange};
pub use link::NoticeHome;
