//! Authentic bytes → references, ids only, and what may become of a reference that is not stored. Pure.

mod fate;
mod reference;

pub use fate::{ParkCode, Why};
pub use reference::LeadRef;
