//! Bytes that must never be shown: wiped when dropped, compared in constant time, without `Debug` or `Display`.

mod shown;

pub mod cipher;
pub mod location;
pub mod owner;
pub mod reading;
mod watched;
mod wiped;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub(crate) use shown::never_shown;
pub use watched::{SecretLook, WatchedSecret};
pub use wiped::{Wiped, WipedText};

/// A secret of any length: an app secret, a verify token, a page token.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over; they are wiped when the secret is dropped.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for the one call that needs them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, if they are UTF-8.
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// How many bytes there are: the one thing about a secret that `tamis check` prints.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are none. An empty secret matches nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares in constant time (the length may show). An empty secret equals nothing, not even another empty one.
    pub fn equals(&self, other: &[u8]) -> bool {
        !self.0.is_empty() && bool::from(self.0.ct_eq(other))
    }
}

never_shown!(Secret, Key);

/// A 256-bit key, wiped when dropped.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// Takes the bytes over.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// One that is written where it stays. What is handed on by value is copied from frame to frame, and a frame that has ended is wiped by
    /// nobody.
    pub fn boxed(write: impl FnOnce(&mut [u8; 32])) -> Box<Self> {
        let mut key = Box::new(Self::new([0; 32]));
        write(&mut key.0);
        key
    }

    /// Reads exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::new)
    }

    /// The bytes, for the one call that needs them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// HMAC-SHA256 over the parts, one after the other. The caller makes the parts unambiguous.
    pub fn hmac(&self, parts: &[&[u8]]) -> [u8; 32] {
        hmac_sha256(self.expose(), parts)
    }
}

/// HMAC-SHA256 (RFC 2104) with a key of any length, over the parts one after the other.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104)")]
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("any key length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_secret_equals_nothing() {
        assert!(!Secret::new(Vec::new()).equals(b""));
        assert!(Secret::new(b"a".to_vec()).equals(b"a"));
        assert!(!Secret::new(b"a".to_vec()).equals(b"ab"));
    }

    /// RFC 4231, test case 2.
    #[test]
    fn hmac_matches_the_published_vector() {
        let mac = hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(hex::encode(mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
