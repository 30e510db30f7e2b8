//! What is known of the keyring's file beside its content, and guarded together with the right to change it.

use sha2::{Digest, Sha256};

use crate::keyring::format::HEADER_BYTES;
use crate::machine::lock::LockFile;

/// What goes with the file.
pub(super) struct Changing {
    /// Until it is dropped no other process touches the file.
    pub(super) lock: LockFile,
    /// What was last written or read.
    pub(super) written: Written,
}

/// What the file's bytes were when this process last wrote or read them. They are sealed: their hash tells no key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    hash: [u8; 32],
    /// How they began; none: there were fewer.
    pub(super) head: Option<[u8; HEADER_BYTES]>,
}

impl Written {
    /// Of these sealed bytes.
    pub(super) fn of(sealed: &[u8]) -> Self {
        Self { hash: Sha256::digest(sealed).into(), head: sealed.first_chunk().copied() }
    }
}
