//! What may be signed, and by which names.

use super::sample::{full, signer};
use crate::forget::receipt::note::{KeyName, NOTE_BYTES_MAX, NoteFault, SigningKey, VerifierKey};
use crate::forget::receipt::{ReceiptFault, Signed};
use crate::random::{NoRandomness, Random, SeededRandom};

const NAME: &str = "leads.lumen.example/receipts";

fn key() -> SigningKey {
    signer(NAME, &"07".repeat(32))
}

#[test]
fn a_text_that_nobody_could_open_is_not_signed() {
    for text in ["", "no end", "\n\n\r\n", "a\tb\n", "\0\n", &format!("{}\n", "x".repeat(NOTE_BYTES_MAX))] {
        assert_eq!(key().sign(text), Err(NoteFault::Malformed), "{:?}", text.get(..8));
    }
    let mut long = full();
    long.controller.address = "x".repeat(NOTE_BYTES_MAX);
    assert!(long.sign(&key()).is_err_and(|fault| fault == ReceiptFault::Malformed));
}

#[test]
fn a_note_that_is_too_long_is_not_looked_at() {
    let note = full().sign(&key()).expect("signed").note().to_owned();
    let padding = "x".repeat(NOTE_BYTES_MAX);
    let opened = key().verifier().open(format!("{padding}\n{note}").as_bytes()).map(str::len);
    assert_eq!(opened, Err(NoteFault::Malformed));
}

#[test]
fn a_name_can_be_seen_whole_and_has_no_place_for_another() {
    for good in ["a", "leads.example.com/receipts", "é", &"x".repeat(255)] {
        assert!(KeyName::parse(good).is_some(), "{good}");
    }
    for bad in ["", "a b", "a+b", "a\nb", "a\u{a0}b", "a\u{200b}b", "a\u{202e}b", &"x".repeat(256)] {
        assert!(KeyName::parse(bad).is_none(), "{bad}");
    }
}

#[test]
fn a_new_key_is_what_the_randomness_gave_and_none_where_there_is_none() {
    struct None;
    impl Random for None {
        fn fill(&self, _: &mut [u8]) -> Result<(), NoRandomness> {
            Err(NoRandomness)
        }
    }
    let name = || KeyName::parse(NAME).expect("a name");
    let one = SigningKey::make(name(), &SeededRandom::new(7)).expect("a key");
    let same = SigningKey::make(name(), &SeededRandom::new(7)).expect("a key");
    let other = SigningKey::make(name(), &SeededRandom::new(8)).expect("a key");
    let text = |key: &SigningKey| key.verifier().to_string();
    assert!(text(&one) == text(&same) && text(&one) != text(&other));
    assert_eq!(text(&SigningKey::from_seed(name(), one.seed().clone())), text(&one), "by its seed alone");
    assert!(VerifierKey::parse(&text(&one)).is_some_and(|read| read == one.verifier()));
    assert!(SigningKey::make(name(), &None).is_err());
}

/// What a receipt repeats of the config may be anything: it steers no terminal, and means the same.
#[test]
fn what_cannot_be_seen_is_escaped_in_what_is_signed() {
    let mut odd = full();
    odd.controller.name = "Lumen\u{202e}\u{9b}2J\u{200b}\n\"\\".to_owned();
    let signed = odd.clone().sign(&key()).expect("signed");
    assert!(signed.note().chars().all(|c| c == '\n' || crate::visible::is_printable(c)));
    let opened = Signed::open(signed.note().as_bytes(), &key().verifier()).expect("opened");
    assert_eq!(opened.receipt(), &odd);
}

proptest::proptest! {
    #[test]
    fn no_byte_of_a_note_can_be_changed(at in 0_usize..3_000, by in 1_u8..=255) {
        let mut note = full().sign(&key()).expect("signed").note().as_bytes().to_vec();
        let at = at % note.len();
        note[at] = note[at].wrapping_add(by);
        proptest::prop_assert!(Signed::open(&note, &key().verifier()).is_err());
    }

    #[test]
    fn whatever_is_opened_nothing_breaks(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        proptest::prop_assert!(key().verifier().open(&bytes).is_err());
    }
}
