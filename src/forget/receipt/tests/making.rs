//! From what became of an erasure to its receipt.

use std::collections::BTreeMap;

use super::sample::{dated, day, full, signer};
use crate::forget::receipt::note::KeyName;
use crate::forget::receipt::{
    AskedBy, Became, ByAddress, Ground, KeyStorage, OfPurpose, Receipt, ReceiptFault, Signed, Stationery,
    Unmade, Version,
};
use crate::language::Language;
use crate::purpose::PurposeId;

const KEY: &str = "leads.lumen.example/receipts";

fn purpose(name: &str) -> PurposeId {
    PurposeId::parse(name).expect("a name")
}

/// The config of the sample's house, which names one of its two recipients twice.
fn stationery() -> Stationery {
    let full = full();
    let recipients = full.to_be_told.clone().expect("it has them");
    let title = |at: usize| full.records[at].title.clone();
    let of = |title| OfPurpose { title };
    Stationery {
        key_name: KeyName::parse(KEY).expect("a name"),
        controller: full.controller.clone(),
        public_url: "https://leads.lumen.example".to_owned(),
        key_backups_days: 7,
        trail_months: 12,
        evidence_months: 0,
        vacuum_days: 30,
        key_storage: KeyStorage::CopyOnWrite,
        recipients: ["crm", "agency", "twin"]
            .map(str::to_owned)
            .into_iter()
            .zip([recipients[0].clone(), recipients[1].clone(), recipients[0].clone()])
            .collect(),
        safeguards: BTreeMap::new(),
        purposes: BTreeMap::from([(purpose("devis"), of(title(0))), (purpose("lettre"), of(title(1)))]),
        has_ledger: false,
    }
}

fn to(id: &str) -> Option<String> {
    Some(id.to_owned())
}

fn became<'e>(
    of_all: &'e [u8],
    of_purposes: &'e BTreeMap<PurposeId, Vec<u8>>,
    records: &'e [(PurposeId, u64)],
    handed: &'e [Option<String>],
) -> Became<'e> {
    let full = full();
    Became {
        number: full.number,
        follows: None,
        asked: "2026-11-29T19:25:00.25Z".parse().expect("a moment"),
        done: "2026-11-29T19:25:01.999Z".parse().expect("a moment"),
        asked_by: AskedBy::Person,
        why: Ground::PersonRequest,
        of_all,
        of_purposes,
        records,
        handed,
        references: 1,
        keyring_generation: 412,
        trail_line: 10_734,
        day_keys_until: Some(day("2026-12-07")),
        tombstones_until: Some(day("2027-04-30")),
        evidence_until: None,
        meta_until: Some(day("2027-02-27")),
    }
}

#[test]
fn a_receipt_says_what_became_of_the_erasure_and_what_the_config_said_then() {
    let (of_all, of_purposes) = (stationery().of_all(), stationery().of_purposes());
    let records = [(purpose("devis"), 2), (purpose("lettre"), 1)];
    let handed = [None, to("crm"), to("agency"), to("twin")];
    let (receipt, key) = Receipt::of(&became(&of_all, &of_purposes, &records, &handed)).expect("made");
    assert_eq!(receipt, Receipt { unread: None, ..dated() }, "each recipient once");
    assert!(key.as_str() == KEY);
    // What is signed is the same whenever it is made.
    let note = |receipt: Receipt| {
        receipt.sign(&signer(KEY, &"07".repeat(32))).map(|signed| signed.note().to_owned()).expect("signed")
    };
    let again = Receipt::of(&became(&of_all, &of_purposes, &records, &handed)).expect("made").0;
    assert_eq!(note(receipt), note(again));
}

#[test]
fn what_is_not_there_leaves_nothing_behind_and_whoever_had_nothing_is_not_told() {
    let (of_all, of_purposes) = (stationery().of_all(), stationery().of_purposes());
    let nothing = Became {
        references: 0,
        day_keys_until: None,
        tombstones_until: None,
        meta_until: None,
        ..became(&of_all, &of_purposes, &[], &[])
    };
    let (receipt, _) = Receipt::of(&nothing).expect("made");
    assert!(!receipt.erased_anything() && receipt.version == Version::Three);
    assert_eq!(receipt.remains.sealed_bytes_until, Some(None), "no record, no bytes of one");
    assert!(receipt.to_be_told.is_none());
    let remains = &receipt.remains;
    let dated = [remains.key_backups_until, remains.tombstones_until, remains.log_key_until];
    assert_eq!(dated, [None; 3]);
    assert_eq!(remains.trail_line_until, day("2027-11-30"));
    // A reference has no record: no backup of the keys opens anything of it; but the log may have named it.
    let (receipt, _) = Receipt::of(&became(&of_all, &of_purposes, &[], &[])).expect("made");
    assert_eq!((receipt.remains.key_backups_until, receipt.references), (None, 1));
    assert_eq!(receipt.remains.log_key_until, Some(day("2027-01-01")));
    // Nobody had asked for it yet.
    let records = [(purpose("devis"), 1)];
    let (receipt, _) = Receipt::of(&became(&of_all, &of_purposes, &records, &[])).expect("made");
    assert_eq!((receipt.to_be_told, receipt.exported_locally), (Some(Vec::new()), Some(false)));
}

/// Where what shows of consents is kept, it is named, and by a version of its own: whoever reads receipts knows all of their parts.
#[test]
fn evidence_that_is_left_is_named_with_its_day_in_every_language() {
    let (of_all, of_purposes) = (stationery().of_all(), stationery().of_purposes());
    let records = [(purpose("devis"), 1)];
    let left =
        Became { evidence_until: Some(day("2029-11-29")), ..became(&of_all, &of_purposes, &records, &[]) };
    let (receipt, _) = Receipt::of(&left).expect("made");
    assert_eq!((receipt.version, receipt.remains.evidence_until), (Version::Four, Some(day("2029-11-29"))));
    let key = signer(KEY, &"07".repeat(32));
    let signed = receipt.clone().sign(&key).expect("signed");
    let opens = |receipt: Receipt| {
        let signed = receipt.sign(&key).expect("signed");
        Signed::open(signed.note().as_bytes(), &key.verifier()).map(|_| ())
    };
    assert_eq!(opens(receipt.clone()), Ok(()));
    for other in [Version::One, Version::Two, Version::Three] {
        let other = Receipt { version: other, ..receipt.clone() };
        assert_eq!(opens(other), Err(ReceiptFault::Unreadable), "another version has no such part");
    }
    assert!(signed.note().starts_with("{\"tamis_receipt\":4,"));
    assert!(signed.note().contains("\"evidence_until\":\"2029-11-29\"}"));
    let days = [
        (Language::Fr, "29 novembre 2029"),
        (Language::En, "29 November 2029"),
        (Language::De, "29. November 2029"),
    ];
    for (language, day) in days {
        assert!(signed.text(language).replace('\u{a0}', " ").contains(day), "{day}");
    }
}

/// Whoever is erased twice has a second receipt that knows nothing of recipients; one that was asked for before there was a way to
/// say so stays as it was signed.
#[test]
fn where_nothing_was_found_nothing_is_said_of_who_had_it_and_no_earlier_receipt_changes() {
    let (of_all, of_purposes) = (stationery().of_all(), stationery().of_purposes());
    let of_version = |version: &str| {
        let text = String::from_utf8(of_all.clone()).expect("JSON");
        assert!(text.contains("\"version\":3") && text.contains("\"vacuum_days\":30,"));
        let text = text.replacen("\"version\":3", &format!("\"version\":{version}"), 1);
        text.replacen("\"vacuum_days\":30,", "", 1)
    };
    let (earlier, between) = (of_version("1"), of_version("2"));
    let key = signer(KEY, &"07".repeat(32));
    let told = |of_all: &[u8], records: &[_], handed: &[_]| {
        let nothing = Became { references: 0, ..became(of_all, &of_purposes, records, handed) };
        let signed = Receipt::of(&nothing).expect("made").0.sign(&key).expect("signed");
        Signed::open(signed.note().as_bytes(), &key.verifier()).expect("opened").json().to_owned()
    };
    let (later, before) = (told(&of_all, &[], &[]), told(earlier.as_bytes(), &[], &[]));
    assert!(later.starts_with("{\"tamis_receipt\":3,"), "{later}");
    let second = told(between.as_bytes(), &[], &[]);
    assert!(second.starts_with("{\"tamis_receipt\":2,"), "{second}");
    assert!(second.contains("\"to_be_told\":null,") && !second.contains("sealed_bytes"), "{second}");
    assert!(later.contains("\"to_be_told\":null,\"exported_locally\":null,"), "{later}");
    assert!(before.starts_with("{\"tamis_receipt\":1,"), "{before}");
    assert!(before.contains("\"to_be_told\":[],\"exported_locally\":false,"), "{before}");
    // Where something was, both of before say the same, and those of now a day more.
    let (records, handed) = ([(purpose("devis"), 1)], [to("crm"), None]);
    let found = told(earlier.as_bytes(), &records, &handed);
    assert!(found == told(between.as_bytes(), &records, &handed), "{found}");
    assert!(found.starts_with("{\"tamis_receipt\":1,") && found.contains("CRM Nuage SAS"), "{found}");
    let now = told(&of_all, &records, &handed);
    let until = ",\"sealed_bytes_until\":\"2026-12-30\"}";
    assert_eq!(now.replacen(until, "}", 1).replacen("\"tamis_receipt\":3", "\"tamis_receipt\":1", 1), found);
    assert!(now.contains(until), "{now}");
}

#[test]
fn whoever_left_the_config_is_told_by_the_name_that_it_had_there() {
    let (of_all, of_purposes) = (stationery().of_all(), stationery().of_purposes());
    let (records, handed) = ([(purpose("devis"), 1)], [to("crm"), to("before")]);
    let (receipt, _) = Receipt::of(&became(&of_all, &of_purposes, &records, &handed)).expect("made");
    let told: Vec<_> =
        receipt.to_be_told.iter().flatten().map(|one| (one.name.as_str(), one.country.as_str())).collect();
    assert_eq!(told, [("CRM Nuage SAS", "FR"), ("before", "ZZ")]);
    assert_eq!(receipt.exported_locally, Some(false));
}

/// It left the config, and its records were there.
#[test]
fn of_a_purpose_that_nobody_knows_any_more_there_is_its_name() {
    let of_all = stationery().of_all();
    let (none, records) = (BTreeMap::new(), [(purpose("devis"), 1)]);
    let (receipt, _) = Receipt::of(&became(&of_all, &none, &records, &[])).expect("made");
    assert!(receipt.records[0].title.is_empty() && receipt.to_be_told.as_ref().is_some_and(Vec::is_empty));
    let signed = receipt.sign(&signer(KEY, &"07".repeat(32))).expect("signed");
    assert!(signed.text(Language::En).contains("- devis\n"), "{}", signed.text(Language::En));
}

#[test]
fn what_cannot_be_read_makes_no_receipt() {
    let (of_all, of_purposes) = (stationery().of_all(), stationery().of_purposes());
    let records = [(purpose("devis"), 1)];
    let later =
        String::from_utf8(of_all.clone()).expect("JSON").replacen("\"version\":3", "\"version\":4", 1);
    let damaged = BTreeMap::from([(purpose("devis"), b"{".to_vec())]);
    for (all, purposes) in
        [(&b""[..], &of_purposes), (later.as_bytes(), &of_purposes), (of_all.as_slice(), &damaged)]
    {
        assert_eq!(Receipt::of(&became(all, purposes, &records, &[])).err(), Some(Unmade));
    }
}

#[test]
fn a_sheet_is_the_text_with_the_signed_note_at_its_end() {
    let signed = full().sign(&signer(KEY, &"07".repeat(32))).expect("signed");
    for language in Language::ALL {
        let sheet = signed.sheet(language);
        let rest = sheet.strip_prefix(&signed.text(language)).expect("the text");
        let (_, note) = rest.split_once("---\n").expect("a heading");
        assert_eq!(note, signed.note());
        assert!(Signed::open(note.as_bytes(), &signer(KEY, &"07".repeat(32)).verifier()).is_ok());
    }
}

#[test]
fn of_an_address_it_says_until_when_it_is_not_stored_and_the_rest_is_answered_beside_it() {
    let by_address = ByAddress {
        unread: 3,
        unreadable: 1,
        suppressed_until: Some("2029-11-29T19:25:00Z".parse().expect("a moment")),
        awaited: false,
    };
    let of_all = stationery().of_all_by_address(by_address.clone());
    let of_purposes = stationery().of_purposes();
    let (receipt, _) = Receipt::of(&became(&of_all, &of_purposes, &[], &[])).expect("made");
    assert_eq!(receipt.remains.suppression_until, Some(day("2029-11-29")));
    assert_eq!(receipt.unread, None, "no second one follows");
    let awaited = ByAddress { awaited: true, ..by_address.clone() };
    let of_awaited = stationery().of_all_by_address(awaited);
    let (receipt, _) = Receipt::of(&became(&of_awaited, &of_purposes, &[], &[])).expect("made");
    assert_eq!((receipt.unread, receipt.follows), (Some(3), None));
    let second = Became { follows: Some(receipt.number), ..became(&of_all, &of_purposes, &[], &[]) };
    let (second, _) = Receipt::of(&second).expect("made");
    assert_eq!((second.follows, second.unread), (Some(receipt.number), None));
    assert_eq!(ByAddress::of(&of_all), Some(by_address));
    assert_eq!((ByAddress::of(&stationery().of_all()), ByAddress::of(b"{}")), (None, None));
}

#[test]
fn a_reload_changes_no_day_that_the_daemon_still_keeps_as_it_started() {
    let changed = Stationery {
        key_backups_days: 3,
        trail_months: 24,
        vacuum_days: 90,
        key_storage: KeyStorage::InPlace,
        has_ledger: true,
        ..stationery()
    };
    let now = changed.reloaded(&stationery());
    assert_eq!((now.vacuum_days, now.trail_months, now.has_ledger), (30, 12, false), "the archivist has 30");
    assert!(now.key_storage == KeyStorage::CopyOnWrite);
    assert_eq!(now.key_backups_days, 3, "what is in force at once");
}
