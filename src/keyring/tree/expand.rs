//! What a node gives: two children. What a leaf gives: keys. Each is one block of ChaCha20 (RFC 8439) at counter 0.

use chacha20::cipher::StreamCipherCore;
use chacha20::variants::Ietf;
use chacha20::{ChaChaCore, KeyIvInit, R20};
use zeroize::Zeroizing;

use crate::secret::Key;

/// Bytes of a node, of a leaf, of a key.
pub const KEY_BYTES: usize = 32;
const BLOCK_BYTES: usize = 64;

/// Of what expands a node. A leaf's nonces are others: their first four bytes are a small number.
const NODE_NONCE: &[u8; 12] = b"tamis/tree/1";

/// A node's or a leaf's bytes, where they lie.
pub(super) type Bytes = [u8; KEY_BYTES];

/// What of a record a key seals. The numbers are in every key that was ever made: they stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The record.
    Record,
    /// A consent given, withdrawn or renewed, counted from 0.
    ConsentEvent,
    /// A mail that waits to be sent, counted from 0.
    Mail,
    /// A token of a person's page, counted from 0.
    PageToken,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Record, Self::ConsentEvent, Self::Mail, Self::PageToken];

    /// Its number in the nonce.
    pub const fn number(self) -> u32 {
        match self {
            Self::Record => 1,
            Self::ConsentEvent => 2,
            Self::Mail => 3,
            Self::PageToken => 4,
        }
    }
}

/// A key of a leaf, for the one text that it seals or opens: not to be kept, so it cannot be copied. It stays in one place, whoever hands it
/// on: no frame of a stack has it after its leaf is gone.
pub struct SubKey(Box<Key>);

impl SubKey {
    /// The key, for the cipher.
    pub fn key(&self) -> &Key {
        &self.0
    }
}

/// Both children of a node: left, then right.
pub(super) struct Children(Zeroizing<[u8; BLOCK_BYTES]>);

impl Children {
    /// Expands a node.
    pub(super) fn of(node: &Bytes) -> Self {
        let mut block = Zeroizing::new([0; BLOCK_BYTES]);
        expand(node, NODE_NONCE, &mut block);
        Self(block)
    }

    /// Writes one of them where it belongs.
    pub(super) fn write(&self, right: bool, to: &mut Bytes) {
        let (left, other) = self.0.split_at(KEY_BYTES);
        to.copy_from_slice(if right { other } else { left });
    }
}

/// The key of a leaf for one text: its kind, and the how-manieth of that kind, from 0.
pub(super) fn sub_key(leaf: &Bytes, kind: Kind, n: u64) -> SubKey {
    let mut nonce = [0; 12];
    let (kind_field, n_field) = nonce.split_at_mut(4);
    kind_field.copy_from_slice(&kind.number().to_le_bytes());
    n_field.copy_from_slice(&n.to_le_bytes());
    let mut block = Zeroizing::new([0; BLOCK_BYTES]);
    expand(leaf, &nonce, &mut block);
    SubKey(Key::boxed(|key| key.copy_from_slice(&block[..KEY_BYTES])))
}

/// The first block of the key stream. The cipher wipes its state (its feature `zeroize`).
fn expand(key: &Bytes, nonce: &[u8; 12], block: &mut [u8; BLOCK_BYTES]) {
    ChaChaCore::<R20, Ietf>::new(key.into(), nonce.into()).write_keystream_block(block.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8439, appendix A.1, test vector 1: key and nonce of zeros, counter 0.
    #[test]
    fn the_block_is_the_rfc_s() {
        let mut block = [7; BLOCK_BYTES];
        expand(&[0; KEY_BYTES], &[0; 12], &mut block);
        let expected = concat!(
            "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7",
            "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586",
        );
        assert_eq!(hex::encode(block), expected);
    }

    /// Were a leaf's nonce also a node's, a key would be half of a child.
    #[test]
    fn no_kind_s_number_begins_as_the_nonce_of_nodes_does() {
        let node = u32::from_le_bytes([NODE_NONCE[0], NODE_NONCE[1], NODE_NONCE[2], NODE_NONCE[3]]);
        let mut numbers: Vec<u32> = Kind::ALL.iter().map(|kind| kind.number()).collect();
        assert_eq!(numbers, [1, 2, 3, 4], "they are in every key that was made");
        numbers.push(node);
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 5);
    }
}
