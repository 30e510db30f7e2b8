//! What a second implementation computes (tests/data/receipt/vectors.py), and what the specification shows.

use serde::Deserialize;

use super::sample::{bare, dated, full, nothing, signer, verifier};
use crate::forget::receipt::Signed;
use crate::forget::receipt::note::VerifierKey;

#[derive(Deserialize)]
struct Vectors {
    vkey: String,
    signed: Vec<Note>,
    judged: Vec<Judged>,
}

#[derive(Deserialize)]
struct Note {
    name: String,
    seed: String,
    vkey: String,
    text: String,
    note: String,
}

#[derive(Deserialize)]
struct Judged {
    what: String,
    note: String,
    verdict: String,
    in_paper: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../tests/data/receipt/vectors.json")).expect("vectors")
}

#[test]
fn every_key_and_every_note_is_the_second_implementation_s() {
    let vectors = vectors();
    assert_eq!(vectors.signed.len(), 42);
    for Note { name, seed, vkey, text, note } in vectors.signed {
        let key = signer(&name, &seed);
        assert_eq!(key.verifier().to_string(), vkey);
        assert_eq!(key.sign(&text).expect("signed"), note, "{name}");
        assert_eq!(verifier(&vkey).open(note.as_bytes()), Ok(&*text), "{name}");
    }
}

#[test]
fn a_receipt_is_signed_as_the_second_implementation_writes_it_and_reads_back() {
    let vectors = vectors();
    let key = signer("leads.lumen.example/receipts", &vectors.signed[21].seed);
    assert_eq!(key.verifier().to_string(), vectors.vkey);
    for (receipt, at) in [(full(), 24), (bare(), 25), (nothing(), 26), (dated(), 27)] {
        let expected = &vectors.signed[at];
        let signed = receipt.clone().sign(&key).expect("signed");
        assert_eq!((signed.json(), signed.note()), (&*expected.text, &*expected.note));
        let opened = Signed::open(expected.note.as_bytes(), &key.verifier()).expect("opened");
        assert_eq!(opened.receipt(), &receipt);
        assert_eq!((opened.json(), opened.note()), (&*expected.text, &*expected.note));
    }
}

#[test]
fn whatever_is_not_just_what_was_signed_is_refused_with_its_reason() {
    let vectors = vectors();
    let key = verifier(&vectors.vkey);
    assert!(vectors.judged.len() >= 60);
    for Judged { what, note, verdict, in_paper } in vectors.judged {
        let found = Signed::open(note.as_bytes(), &key).map_or_else(|fault| fault.as_str(), |_| "good");
        assert_eq!(found, verdict, "{what}");
        let found = Signed::in_paper(note.as_bytes(), &key).map_or_else(|fault| fault.as_str(), |_| "good");
        assert_eq!(found, in_paper, "{what}, as a paper");
    }
    let bytes = [b"\xff\n\n".as_slice(), vectors.signed[24].note.as_bytes()].concat();
    assert!(key.open(&bytes).is_err() && Signed::in_paper(&bytes, &key).is_err(), "no UTF-8");
}

/// <https://c2sp.org/signed-note>, "Verifier keys".
#[test]
fn the_specification_s_own_example_holds() {
    let key = verifier("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    let note = "This is an example message.\n\n\u{2014} example.com/foo \
        Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    assert_eq!(key.open(note.as_bytes()), Ok("This is an example message.\n"));
    assert_eq!(key.to_string(), "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
}

/// The format's first implementation: golang.org/x/mod/sumdb/note, note_test.go.
#[test]
fn the_first_implementation_s_key_signs_and_verifies_the_same() {
    let seed = "810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173";
    let vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    let line = "\u{2014} PeterNeumann \
        x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    let key = signer("PeterNeumann", seed);
    assert_eq!(key.verifier().to_string(), vkey);
    assert_eq!(key.sign(text).expect("signed"), format!("{text}\n{line}"));
    let enoch = "\u{2014} EnochRoot \
        rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";
    assert_eq!(verifier(vkey).open(format!("{text}\n{line}{enoch}").as_bytes()), Ok(text));
    for at in 0..vkey.len() {
        assert!(VerifierKey::parse(&vkey[..at]).is_none() && VerifierKey::parse(&vkey[at + 1..]).is_none());
        let mut other = vkey.as_bytes().to_vec();
        other[at] += 1;
        assert!(VerifierKey::parse(std::str::from_utf8(&other).expect("ASCII")).is_none(), "letter {at}");
    }
    for bad in [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ] {
        assert!(VerifierKey::parse(bad).is_none(), "{bad}");
    }
}
