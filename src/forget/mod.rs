//! What goes, and what is said of it. Pure: the store and the keyring act, nothing here knows them.
//!
//! Nothing of it is used by the daemon yet (docs/decisions/0178-what-a-receipt-says.md): of all this only
//! `tamis receipt verify` exists.

pub mod receipt;
