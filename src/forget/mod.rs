//! What goes, and what is said of it. Pure: the store and the keyring act, nothing here knows them.
//!
//! The daemon finds records by [`address`]es (docs/decisions, 179, 190), judges where a lead is settled what becomes of who
//! objected ([`suppression`]: 180, 193, 194), and makes [`receipt`]s of erasures (178, 187). What recipients follow of it is a [`ChangeKind`].

pub mod address;
mod change;
pub mod receipt;
pub mod suppression;
mod telling;

pub use change::ChangeKind;
pub use telling::{TellingState, Untold};
