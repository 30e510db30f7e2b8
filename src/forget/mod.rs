//! What goes, and what is said of it. Pure: the store and the keyring act, nothing here knows them.
//!
//! Nothing of it is used by the daemon yet: of all this only `tamis receipt verify` exists
//! (docs/decisions/0178-what-a-receipt-says.md, 0179-when-two-addresses-are-one.md,
//! 0180-a-no-and-a-later-yes.md).

pub mod address;
pub mod receipt;
pub mod suppression;
