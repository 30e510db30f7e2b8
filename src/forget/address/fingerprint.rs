//! What is kept of an address that may not be stored again: a keyed hash, which is personal data as long as its key lives.
//!
//! The key is its own, so that it can be backed up well: a lost one, or another in its place, would let everybody through and
//! say nothing. So the list has a canary, by which the key is known to be the right one.

use subtle::ConstantTimeEq;

use crate::forget::address::Address;
use crate::purpose::PurposeId;
use crate::purpose::law::Contact;
use crate::secret::Key;

/// Before everything that is hashed under this key.
const DOMAIN: &[u8] = b"tamis/suppression/1";

const CANARY: u8 = 0;

/// For what an address may not be stored.
#[derive(Clone, Copy)]
pub enum Scope<'p> {
    /// For nothing.
    All,
    /// Not for this purpose.
    Purpose(&'p PurposeId),
}

/// HMAC-SHA-256 of an address and a scope. An address has another one in each scope, so that two entries do not show that they
/// are of one person.
#[derive(Clone)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The one that was kept.
    pub fn kept(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// As it is kept.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// True if both are one. Compares in constant time.
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// The key of the list of suppressions.
pub struct SuppressionKey(Key);

impl SuppressionKey {
    /// With these bytes.
    pub fn new(key: Key) -> Self {
        Self(key)
    }

    /// What is kept of an address, in this scope.
    pub fn fingerprint(&self, address: &Address, scope: Scope<'_>) -> Fingerprint {
        let kind = kind_of(address);
        let purpose = match scope {
            Scope::All => "",
            Scope::Purpose(purpose) => purpose.as_str(),
        };
        // No name is empty, and none has a zero: it cannot run into the address.
        Fingerprint(self.0.hmac(&[DOMAIN, &[kind], purpose.as_bytes(), &[0], address.text.as_bytes()]))
    }

    /// The entry that a list has from its first day.
    pub fn canary(&self) -> Fingerprint {
        Fingerprint(self.0.hmac(&[DOMAIN, &[CANARY]]))
    }

    /// True if the list with this canary was made under this key.
    pub fn made(&self, canary: &Fingerprint) -> bool {
        self.canary().is(canary)
    }
}

/// Before what is hashed, and before the key that seals, of evidence that outlives its record.
const OF_EVIDENCE: &[u8] = b"tamis/stub/address/1";
const SEALS_EVIDENCE: &[u8] = b"tamis/stub/seal/1";

/// The key of what is kept of consents whose records went in one month: another one each month, so that it can be destroyed.
pub struct EvidenceKey(Key);

impl EvidenceKey {
    /// With these bytes.
    pub fn new(key: Key) -> Self {
        Self(key)
    }

    /// By what it is found of whoever had this address.
    pub fn fingerprint(&self, address: &Address) -> Fingerprint {
        Fingerprint(self.0.hmac(&[OF_EVIDENCE, &[kind_of(address)], address.text.as_bytes()]))
    }

    /// Under which it is sealed.
    pub fn sealing(&self) -> Key {
        Key::new(self.0.hmac(&[SEALS_EVIDENCE]))
    }
}

fn kind_of(address: &Address) -> u8 {
    match address.contact() {
        Contact::Address => 1,
        Contact::Number => 2,
    }
}
