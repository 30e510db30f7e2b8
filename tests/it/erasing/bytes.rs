//! Every file and every copy, byte by byte, in each dress in which somebody could have written a person down: answers, Meta's
//! number, and the hashes by which a submission is known.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::house::{House, by_leadgen, copy, email, full_name, leadgen, purpose, request};
use crate::support::disk::Needles;
use tamis::store::ErasureRequest;

const PEOPLE: std::ops::RangeInclusive<u64> = 1..=24;
const ERASED: [u64; 7] = [2, 3, 7, 8, 15, 16, 24];

fn texts(people: impl IntoIterator<Item = u64>) -> Vec<String> {
    people.into_iter().flat_map(|person| [email(person), full_name(person), leadgen(person)]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_and_no_copy_has_an_erased_person_in_any_dress() {
    let (home, copies) =
        (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let house = House::new(home.path()).await;
    house.take(PEOPLE).await;
    copy(home.path(), &copies.path().join("before"));
    for person in ERASED {
        let purposes = if person == 2 { vec![purpose("lettre")] } else { Vec::new() };
        house.erase(ErasureRequest { purposes, ..request(vec![by_leadgen(person)]) }).await;
        // They are delivered again.
        house.take([person]).await;
    }
    copy(home.path(), &copies.path().join("open"));
    house.close().await;
    copy(home.path(), &copies.path().join("closed"));
    let house = House::new(home.path()).await;
    house.scan().await;
    house.close().await;
    let needles = Needles::of(texts(PEOPLE));
    for directory in [home.path(), copies.path()] {
        assert_eq!(needles.below(directory), Vec::<String>::new(), "in clear");
    }
    finds_what_is_planted(home.path(), &needles);
}

/// The search must be able to find, in the middle of a file of the store, and in each dress.
fn finds_what_is_planted(home: &Path, needles: &Needles) {
    let person = ERASED[3];
    let text = email(person);
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let json: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let base64 = {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(format!("x{text}yz"))
    };
    let texts = [text.clone(), hex::encode(&text), escaped, json, base64];
    let dresses = texts.into_iter().map(String::into_bytes).chain([utf16]);
    let db = home.join("store/db/db");
    let whole = fs::read(&db).expect("a database");
    for dress in dresses {
        let mut planted = whole.clone();
        let at = planted.len() / 2 + 1;
        planted[at..at + dress.len()].copy_from_slice(&dress);
        fs::write(&db, &planted).expect("written");
        let found: BTreeSet<String> = needles.below(home).into_iter().collect();
        assert!(
            found.iter().any(|found| found.starts_with(&text)),
            "not found: {}",
            String::from_utf8_lossy(&dress)
        );
    }
    fs::write(&db, whole).expect("written");
}
