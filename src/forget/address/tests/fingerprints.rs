//! What is kept of an address.

use crate::forget::address::{Address, Fingerprint, Scope, SuppressionKey};
use crate::purpose::PurposeId;
use crate::secret::Key;

fn key(byte: u8) -> SuppressionKey {
    SuppressionKey::new(Key::new([byte; 32]))
}

fn purpose(name: &str) -> PurposeId {
    PurposeId::parse(name).expect("a name")
}

fn mailbox(typed: &str) -> Address {
    Address::email(typed).expect("an address")
}

/// By a second implementation: Python's `hmac`, over `b"tamis/suppression/1" + kind + scope + b"\0" + address`.
#[test]
fn a_fingerprint_is_what_another_implementation_computes() {
    let number = Address::phone("+33 6 39 98 00 00", None).expect("a number");
    let anne = mailbox("Anne@example.com");
    let devis = purpose("devis");
    for (found, wanted) in [
        (key(7).canary(), "26e5696c8610d732a17f08924f2cedb73b4150f78c4d1585cf0f4c27d30a533f"),
        (
            key(7).fingerprint(&anne, Scope::All),
            "c4a089c9c46cad9eeeace91df6ccc856e74b6701268ca21f3f05c771aeafa5b6",
        ),
        (
            key(7).fingerprint(&anne, Scope::Purpose(&devis)),
            "f5ac962b369b654f31e5fafca92adebd6c7f22d582f78f1692360cb723c377dd",
        ),
        (
            key(7).fingerprint(&number, Scope::All),
            "1b5cc28b333854d80108104c786dd1080a849a684644c753a8bff96cd899a3b8",
        ),
    ] {
        assert_eq!(hex::encode(found.bytes()), wanted);
    }
}

#[test]
fn each_address_scope_and_key_has_another_and_each_spelling_the_same() {
    let (anne, other) = (mailbox("anne@example.com"), mailbox("anna@example.com"));
    let (devis, lettre) = (purpose("devis"), purpose("lettre"));
    let scopes = [Scope::All, Scope::Purpose(&devis), Scope::Purpose(&lettre)];
    let mut found = vec![key(1).canary(), key(2).canary()];
    for key in [key(1), key(2)] {
        for address in [&anne, &other] {
            found.extend(scopes.map(|scope| key.fingerprint(address, scope)));
        }
    }
    for (at, one) in found.iter().enumerate() {
        let same = found.iter().filter(|other| one.is(other)).count();
        assert_eq!(same, 1, "{at}");
    }
    let spelled = key(1).fingerprint(&mailbox(" ANNE@EXAMPLE.COM"), Scope::All);
    assert!(spelled.is(&found[2]) && Fingerprint::kept(*spelled.bytes()).is(&spelled));
}

/// What would let everybody through without a word.
#[test]
fn a_wrong_key_is_known_by_the_canary() {
    let canary = Fingerprint::kept(*key(1).canary().bytes());
    assert!(key(1).made(&canary) && !key(2).made(&canary));
    let entry = key(1).fingerprint(&mailbox("anne@example.com"), Scope::All);
    assert!(!key(1).made(&entry));
}
