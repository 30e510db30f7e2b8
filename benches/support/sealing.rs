//! What an erasure costs at least where a bucket has one key: every other record of it opened and sealed again.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use tamis::keyring::tree::LEAVES;
use tamis::random::{Random, SystemRandom};

/// A record, as it was measured.
pub const RECORD_BYTES: usize = 300;
/// As much as a record's additional data.
pub const AAD: &[u8] = &[7; 46];
/// The bytes of a bucket's other records.
pub const RESEALED: usize = (LEAVES as usize - 1) * RECORD_BYTES;

/// Opens and seals these records, each of [`RECORD_BYTES`].
pub fn reseal(records: &mut [u8]) {
    let (old, new) = (XChaCha20Poly1305::new(&[5; 32].into()), XChaCha20Poly1305::new(&[6; 32].into()));
    for record in records.chunks_mut(RECORD_BYTES) {
        let mut nonce = [0; 24];
        SystemRandom.fill(&mut nonce).expect("randomness");
        // Opening costs what sealing costs; what is sealed here was sealed by nobody.
        old.encrypt_inout_detached(&XNonce::from(nonce), AAD, (&mut *record).into()).expect("seals");
        new.encrypt_inout_detached(&XNonce::from(nonce), AAD, record.into()).expect("seals");
    }
}
