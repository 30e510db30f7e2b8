//! A token's text: `ID.SECRET`, 16 and 64 lower-case hex digits.
//!
//! The id finds the token; of the secret only its SHA-256 is kept. 256 random bits need no slow hash.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::random::{NoRandomness, Random};
use crate::secret::Wiped;

const ID_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;

/// The hash that an unknown id is compared with, so that it costs what a known one costs.
const NO_HASH: [u8; 32] = [0; 32];

/// What a caller presents, or what is handed to it once.
pub(super) struct Credential {
    id: String,
    secret: Wiped<[u8; SECRET_BYTES]>,
}

impl Credential {
    /// Makes a new one.
    pub(super) fn make(random: &dyn Random) -> Result<Self, NoRandomness> {
        let mut id = [0; ID_BYTES];
        let mut secret = Wiped::new([0; SECRET_BYTES]);
        random.fill(&mut id)?;
        random.fill(secret.as_mut_slice())?;
        Ok(Self { id: hex::encode(id), secret })
    }

    /// Reads `ID.SECRET`; each has one spelling.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (id, digits) = text.split_once('.')?;
        if !is_token_id(id) || !is_lower_hex(digits) {
            return None;
        }
        let mut secret = Wiped::new([0; SECRET_BYTES]);
        hex::decode_to_slice(digits, secret.as_mut_slice()).ok()?;
        Some(Self { id: id.to_owned(), secret })
    }

    /// The half that may be shown.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// SHA-256 of the secret's bytes.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret.as_slice()).into()
    }

    /// Compares in constant time; with none, as if with one, and then it does not match.
    pub(super) fn matches(&self, kept: Option<&[u8; 32]>) -> bool {
        let equal = self.hash().ct_eq(kept.unwrap_or(&NO_HASH));
        bool::from(equal) & kept.is_some()
    }

    /// The whole text, for its one showing.
    pub(super) fn expose(&self) -> Wiped<String> {
        let secret = Wiped::new(hex::encode(self.secret.as_slice()));
        Wiped::new(format!("{}.{}", self.id, secret.as_str()))
    }
}

/// True for 16 lower-case hex digits.
pub(super) fn is_token_id(text: &str) -> bool {
    text.len() == 2 * ID_BYTES && is_lower_hex(text)
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn what_was_made_is_recognised_and_nothing_else() {
        let made = Credential::make(&SeededRandom::new(1)).expect("random");
        let text = made.expose();
        assert_eq!(text.len(), 16 + 1 + 64);
        let read = Credential::parse(&text).expect("a token");
        assert_eq!(read.id(), made.id());
        assert!(read.matches(Some(&made.hash())));
        let other = Credential::make(&SeededRandom::new(2)).expect("random");
        assert!(!read.matches(Some(&other.hash())));
        assert!(!read.matches(None));
    }

    #[test]
    fn a_token_has_one_spelling() {
        let (id, secret) = ("0123456789abcdef", "ab".repeat(32));
        assert!(Credential::parse(&format!("{id}.{secret}")).is_some());
        let upper = secret.to_uppercase();
        let bad = [
            String::new(),
            ".".to_owned(),
            id.to_owned(),
            format!("{id}.{upper}"),
            format!("{id}.{secret}00"),
            format!("{id}.{secret}."),
            format!("{id}x.{secret}"),
            format!("{id} .{secret}"),
            format!("{}.{secret}", id.to_uppercase()),
            format!("{id}.{}", "é".repeat(32)),
        ];
        for text in bad {
            assert!(Credential::parse(&text).is_none(), "{text}");
        }
    }
}
