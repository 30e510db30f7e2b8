//! The journal before the store.
