//! The keyring on disk.
