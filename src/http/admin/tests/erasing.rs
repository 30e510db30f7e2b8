//! Erasing: what is asked for, what is answered and when, and who may.

use std::collections::BTreeMap;

use super::*;
use crate::forget::receipt::note::{KeyName, SigningKey, VerifierKey};
use crate::forget::receipt::{Issuer, KeyStorage, OfPurpose, Signed, Stationery};
use crate::secret::Key;
use crate::store::StuckErasures;

/// What the config says of these purposes.
pub(super) fn stationery() -> Stationery {
    let title = BTreeMap::from([("en".to_owned(), "Answer your request".to_owned())]);
    Stationery {
        key_name: KeyName::parse("leads.lumen.example/receipts").expect("a name"),
        controller: Issuer {
            name: "Atelier Lumen".to_owned(),
            address: "12 rue des Lices".to_owned(),
            email: "vie-privee@lumen.example".to_owned(),
        },
        public_url: "https://leads.lumen.example".to_owned(),
        key_backups_days: 7,
        trail_months: 12,
        evidence_months: 0,
        vacuum_days: 30,
        key_storage: KeyStorage::InPlace,
        recipients: BTreeMap::new(),
        safeguards: BTreeMap::new(),
        purposes: BTreeMap::from([(PurposeId::parse("devis").expect("a name"), OfPurpose { title })]),
        has_ledger: false,
    }
}

fn signing_key(name: KeyName) -> SigningKey {
    SigningKey::from_seed(name, Key::new([7; 32]))
}

/// What receipts are made with.
pub(super) fn receipts() -> Data<Receipts> {
    Data::new(Receipts {
        stationery: Arc::new(Current::new(stationery())),
        key: Box::new(|name| Some(signing_key(name))),
    })
}

fn verifier() -> VerifierKey {
    signing_key(stationery().key_name).verifier()
}

fn erase(token: &str, reason: &str, body: &str) -> test::TestRequest {
    with(token, Method::POST, "/erasures")
        .insert_header(("Tamis-Reason", reason.to_owned()))
        .set_payload(body.to_owned())
}

#[tokio::test]
async fn an_erasure_is_answered_with_a_receipt_that_is_the_same_whenever_it_is_asked_for() {
    let bench = Bench::new();
    bench.store.settle((1..=3).map(stored).collect()).await.expect("settled");
    let officer = bench.token(Role::Officer, &[]).await;
    let keyed = || {
        erase(&officer, "person-request", r#"{"by":{"id":"devis-1-2"}}"#)
            .insert_header(("Idempotency-Key", "0f6e"))
    };
    let erased = json_of(bench.call(keyed()).await).await;
    assert_eq!(erased["erasure"], "1-1");
    let note = erased["receipt"].as_str().expect("a note").to_owned();
    let signed = Signed::open(note.as_bytes(), &verifier()).unwrap_or_else(|fault| panic!("{fault}"));
    let receipt = signed.receipt();
    assert_eq!((receipt.number.to_string().as_str(), receipt.records.len()), ("1-1", 1));
    assert_eq!((receipt.asked_by.as_str(), receipt.why.as_str()), ("person", "person-request"));
    assert!(receipt.records[0].title["en"] == "Answer your request" && receipt.unread.is_none());
    assert_eq!(json_of(bench.call(keyed()).await).await, erased, "asked twice it is one");
    bench.host.clock.advance_ms(3_600_000);
    let shown = json_of(bench.call(get(&officer, "/erasures/1-1")).await).await;
    assert_eq!((&shown["state"], &shown["receipt"]), (&"done".into(), &erased["receipt"]));
    assert_eq!((&shown["records"], &shown["parked"]), (&1.into(), &0.into()));
    for (format, begins) in [
        ("note", note.as_str()),
        ("txt", "Receipt of erasure\n"),
        ("txt&lang=de", "Löschbestätigung\n"),
        ("html&lang=fr", "<!DOCTYPE html>\n<html lang=\"fr\">"),
    ] {
        let text = text_of(bench.call(get(&officer, &format!("/erasures/1-1?format={format}"))).await).await;
        assert!(text.starts_with(begins), "{format}: {text}");
        assert!(format.starts_with("html") || text.ends_with(&note), "{format}");
    }
    let key = json_of(bench.call(get(&officer, "/receipts/key")).await).await;
    assert_eq!(key["key"], verifier().to_string());
}

#[tokio::test]
async fn what_is_no_erasure_is_refused_with_its_code_and_nothing_goes() {
    let bench = Bench::new();
    bench.store.settle((1..=2).map(stored).collect()).await.expect("settled");
    let officer = bench.token(Role::Officer, &[]).await;
    let one = r#"{"by":{"id":"devis-1-1"}}"#;
    let code = async |request| code_of(bench.call(request).await).await;
    assert_eq!(code(erase(&officer, "crm-sync", one)).await, refused(400, "erasure-reason-invalid"));
    assert_eq!(code(erase(&officer, "curiosity", one)).await, refused(400, "reason-unknown"));
    let keyed = |body| erase(&officer, "error", body).insert_header(("Idempotency-Key", "a b"));
    assert_eq!(code(keyed(one)).await, refused(400, "idempotency-key-invalid"));
    for (body, status, expected) in [
        (r#"{"by":{"id":"devis-1-1"},"purposes":[]}"#, 400, "body-invalid"),
        (r#"{"by":{"id":"devis-1-1"},"purposes":null}"#, 400, "body-invalid"),
        (r#"{"by":{"id":"devis-1-1"},"asked_by":null}"#, 400, "body-invalid"),
        (r#"{"by":{"id":"devis-1-1"},"purposes":["Devis"]}"#, 400, "body-invalid"),
        (r#"{"by":{"id":"devis-1-1"},"purposes":["devi"]}"#, 404, "purpose-unknown"),
        (r#"{"by":{"id":"devis-1-1"},"asked_by":"Anne"}"#, 400, "body-invalid"),
        (r#"{"by":{"email":"a.b.example"}}"#, 400, "address-invalid"),
    ] {
        assert_eq!(code(erase(&officer, "error", body)).await, refused(status, expected), "{body}");
    }
    let admin = bench.token(Role::Admin, &[]).await;
    assert_eq!(code(erase(&admin, "error", one)).await, refused(403, "role-insufficient"));
    assert_eq!(bench.last_entry().await.action(), Action::ErasureAsked);
    bench.host.clock.advance_ms(1_000);
    assert_eq!(code(get(&admin, "/erasures/1-1")).await, refused(403, "role-insufficient"));
    assert_eq!(bench.last_entry().await.action(), Action::ErasureShown);
    for none in ["/erasures/1-1", "/erasures/x", "/erasures/1-1?format=txt"] {
        assert_eq!(code(get(&officer, none)).await, refused(404, "erasure-unknown"), "{none}");
    }
    for bad in ["format=pdf", "lang=it", "lang=en&lang=en"] {
        let path = format!("/erasures/1-1?{bad}");
        assert_eq!(code(get(&officer, &path)).await, refused(400, "parameter-invalid"), "{bad}");
    }
    let stored = bench.store.stored().await.expect("counted");
    assert_eq!(stored.values().sum::<u64>(), 2);
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let bench = Bench::new();
    bench.store.settle((1..=2).map(stored).collect()).await.expect("settled");
    let officer = bench.token(Role::Officer, &[]).await;
    let keyed = |body| erase(&officer, "error", body).insert_header(("Idempotency-Key", "k"));
    assert_eq!(bench.call(keyed(r#"{"by":{"id":"devis-1-1"}}"#)).await.status(), 200);
    for other in [r#"{"by":{"id":"devis-1-2"}}"#, r#"{"by":{"id":"devis-1-1"},"asked_by":"authority"}"#] {
        let answer = code_of(bench.call(keyed(other)).await).await;
        assert_eq!(answer, refused(422, "idempotency-key-taken"), "{other}");
    }
}

#[tokio::test]
async fn how_much_it_would_take_is_said_and_written_down_and_nothing_goes() {
    let bench = Bench::new();
    bench.store.settle((1..=2).map(stored).collect()).await.expect("settled");
    let officer = bench.token(Role::Officer, &[]).await;
    let would = |id: &str| format!(r#"{{"by":{{"id":"{id}"}},"dry_run":true}}"#);
    let answer = bench.call(erase(&officer, "audit", &would("devis-1-1"))).await;
    let expected = r#"{"records":1,"purposes":[{"id":"devis","records":1}],"parked":0}"#;
    assert_eq!(text_of(answer).await, expected);
    let entry = bench.last_entry().await;
    assert_eq!((entry.action(), entry.count, entry.result), (Action::ErasureTried, 1, Outcome::Done));
    let answer = bench.call(erase(&officer, "audit", &would("devis-1-9"))).await;
    assert_eq!(text_of(answer).await, r#"{"records":0,"purposes":[],"parked":0}"#);
    assert_eq!(bench.last_entry().await.result, Outcome::Nothing);
    assert_eq!(bench.store.stored().await.expect("counted").values().sum::<u64>(), 2);
    let erasures = bench.store.erasure(crate::store::ErasureId { epoch: 1, number: 1 }).await;
    assert_eq!(erasures, Ok(None));
}

/// The records are in no export and no look-up any more, but their keys are there: nobody gets a receipt.
#[tokio::test]
async fn while_the_keys_are_not_destroyed_nobody_is_told_that_it_is_erased() {
    let bench = Bench::new();
    bench.store.settle((1..=3).map(stored).collect()).await.expect("settled");
    let officer = bench.token(Role::Officer, &[]).await;
    // The month's tombstones have their key.
    bench.call(erase(&officer, "error", r#"{"by":{"id":"devis-1-3"}}"#)).await;
    *bench.host.keyring.changes_left.lock().expect("not poisoned") = Some(0);
    let keyed = || {
        erase(&officer, "person-request", r#"{"by":{"id":"devis-1-1"}}"#)
            .insert_header(("Idempotency-Key", "7f0c"))
    };
    for _ in 0..2 {
        let pending = bench.call(keyed()).await;
        assert_eq!(pending.status(), 503);
        assert!(pending.headers().contains_key("retry-after"));
        let problem = json_of(pending).await;
        assert_eq!((&problem["code"], &problem["erasure"]), (&"erasure-pending".into(), &"1-2".into()));
        assert!(problem.get("receipt").is_none());
    }
    let shown = json_of(bench.call(get(&officer, "/erasures/1-2")).await).await;
    assert_eq!((&shown["state"], &shown["records"]), (&"pending".into(), &1.into()));
    assert!(shown["receipt"].is_null() && shown["done_at"].is_null());
    for format in ["txt", "html", "note"] {
        let path = format!("/erasures/1-2?format={format}");
        assert_eq!(code_of(bench.call(get(&officer, &path)).await).await, refused(503, "erasure-pending"));
    }
    assert_eq!(bench.store.stuck_erasures(), StuckErasures { pending: 1, damaged: 0 });
    *bench.host.keyring.changes_left.lock().expect("not poisoned") = None;
    let erased = json_of(bench.call(keyed()).await).await;
    assert_eq!(erased["erasure"], "1-2", "the same one, and now it is done");
    assert!(Signed::open(erased["receipt"].as_str().expect("a note").as_bytes(), &verifier()).is_ok());
}
