//! An export on the operator's side: the part file that grows, and how pages are joined to one file.

mod join;
mod part;

pub use join::{Format, Join};
pub use part::{ExportCommand, Part, Reached};
