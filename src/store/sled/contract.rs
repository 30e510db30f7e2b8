//! The embedded engine against the promises of the face.

crate::store::contract::contract!(crate::store::sled::tests::support::World);
