//! Erasing by an address: what goes, what is answered, and what a repeated request comes to.

use super::addresses::keep;
use super::*;
use crate::lead::sample;
use crate::store::contract::support::{by_officer, later, leadgen, waiting, word};
use crate::store::{ERASED_AT_ONCE_MAX, Outcome as End, Settlement, Suppression, Verdict};

fn erase(token: &str, reason: &str, body: &str) -> test::TestRequest {
    with(token, Method::POST, "/erasures")
        .insert_header(("Tamis-Reason", reason.to_owned()))
        .set_payload(body.to_owned())
}

fn keyed(token: &str, reason: &str, body: &str) -> test::TestRequest {
    erase(token, reason, body).insert_header(("Idempotency-Key", "0f6e"))
}

/// One submission with a record of each purpose, and these answers.
fn keep_both(number: u64, devis: &str, lettre: &str) -> Settlement {
    let verdict =
        |(purpose, answer)| Verdict::Stored(Box::new(sample::lead(purpose, answer, false, later(3_650))));
    let outcome = End::Sieved([("devis", devis), ("lettre", lettre)].map(verdict).into());
    Settlement { outcome, ..keep(number, "devis", devis) }
}

async fn left(bench: &Bench) -> (u64, u64) {
    let stored = bench.store.stored().await.expect("counted");
    let of = |name: &str| stored.iter().find(|(id, _)| id.as_str() == name).map_or(0, |(_, count)| *count);
    (of("devis"), of("lettre"))
}

async fn listed(bench: &Bench) -> Vec<Suppression> {
    bench.store.suppressions(None, 10, by_officer(Action::SuppressionsListed)).await.expect("listed")
}

/// Three submissions of Anne's, one of them with a record that does not hold the address; one of somebody else.
async fn stored_of_anne(bench: &Bench) {
    let batch = vec![
        keep_both(1, "Anne@Lumen.example", "another answer"),
        keep(2, "devis", "anna@lumen.example"),
        keep(3, "lettre", " anne@lumen.example"),
        keep(4, "devis", "\"anne\"@LUMEN.example"),
    ];
    bench.store.settle(batch).await.expect("settled");
}

#[tokio::test]
async fn each_submission_of_an_address_goes_whole_in_whatever_spelling_and_no_other_does() {
    let bench = Bench::new();
    let officer = bench.token(Role::Officer, &[]).await;
    stored_of_anne(&bench).await;
    bench.store.settle(vec![parked(501, 1, waiting(60, 1))]).await.expect("settled");
    let body = r#"{"by":{"email":"ANNE@lumen.example"},"dry_run":true}"#;
    let would = text_of(bench.call(erase(&officer, "person-request", body)).await).await;
    let expected = concat!(
        r#"{"records":4,"purposes":[{"id":"devis","records":2},{"id":"lettre","records":2}],"#,
        r#""parked":0,"unread":1,"unreadable":0}"#
    );
    assert_eq!(would, expected);
    let entry = bench.last_entry().await;
    assert_eq!((entry.action(), entry.count), (Action::ErasureTried, 4));
    assert_eq!(left(&bench).await, (3, 2), "nothing was erased");
    let body = r#"{"by":{"email":"ANNE@lumen.example"}}"#;
    let erased = json_of(bench.call(keyed(&officer, "person-request", body)).await).await;
    assert_eq!(
        (&erased["erasure"], &erased["unread"], &erased["unreadable"]),
        (&"1-1".into(), &1.into(), &0.into())
    );
    assert!(erased.get("before").is_none() && erased.get("suppressed_until").is_none(), "{erased}");
    let receipt = erased["receipt"].as_str().expect("a note");
    assert!(!receipt.to_lowercase().contains("anne") && receipt.contains(r#""count":2"#), "{receipt}");
    assert_eq!(left(&bench).await, (1, 0));
    // In another spelling it is the same request, though nothing is found any more; nothing is looked for.
    let again =
        bench.call(keyed(&officer, "person-request", r#"{"by":{"email":" \"anne\"@LUMEN.example"}}"#)).await;
    assert_eq!(json_of(again).await, erased);
    let lines = bench.entries().await.len();
    for (reason, body) in [
        ("person-request", r#"{"by":{"email":"anna@lumen.example"}}"#),
        ("person-request", r#"{"by":{"email":"ANNE@lumen.example"},"purposes":["devis"]}"#),
        ("person-request", r#"{"by":{"id":"devis-1-1"}}"#),
        ("objection", r#"{"by":{"email":"ANNE@lumen.example"}}"#),
    ] {
        let other = bench.call(keyed(&officer, reason, body)).await;
        assert_eq!(code_of(other).await, refused(422, "idempotency-key-taken"), "{body}");
    }
    assert_eq!(bench.entries().await.len(), lines, "and nothing of it is done");
    assert!(listed(&bench).await.is_empty());
    // Without the key it is another request, which finds nothing.
    let nothing = json_of(bench.call(erase(&officer, "person-request", body)).await).await;
    assert_eq!(nothing["erasure"], "1-2");
    let none = bench.call(erase(&officer, "error", r#"{"by":{"phone":"12345"}}"#)).await;
    assert_eq!(code_of(none).await, refused(400, "address-invalid"));
}

#[tokio::test]
async fn purposes_narrow_what_goes_and_not_what_is_looked_at() {
    let bench = Bench::new();
    let officer = bench.token(Role::Officer, &[]).await;
    stored_of_anne(&bench).await;
    let by = |rest: &str| format!(r#"{{"by":{{"email":"anne@lumen.example"}},"purposes":["lettre"]{rest}}}"#);
    let would = json_of(bench.call(erase(&officer, "withdrawal", &by(r#","dry_run":true"#))).await).await;
    assert_eq!((&would["records"], &would["purposes"][0]["id"]), (&2.into(), &"lettre".into()));
    assert_eq!(bench.call(erase(&officer, "withdrawal", &by(""))).await.status(), 200);
    assert_eq!(left(&bench).await, (3, 0), "also the record that does not hold the address");
}

#[tokio::test]
async fn more_than_one_erasure_takes_is_several_under_one_answer_and_under_one_key() {
    let mut bench = Bench::new();
    // Two looks: of the first a whole piece and a rest.
    bench.named_max = ERASED_AT_ONCE_MAX + 4;
    let officer = bench.token(Role::Officer, &[]).await;
    let many = bench.named_max as u64 + 3;
    let batch = (1..=many).map(|number| keep(number, "devis", "anne@lumen.example")).collect();
    bench.store.settle(batch).await.expect("settled");
    bench.store.settle(vec![keep(900, "lettre", "anna@lumen.example")]).await.expect("settled");
    let body = r#"{"by":{"email":"anne@lumen.example"}}"#;
    let dry = r#"{"by":{"email":"anne@lumen.example"},"dry_run":true}"#;
    let would = json_of(bench.call(erase(&officer, "person-request", dry)).await).await;
    assert_eq!(would["records"], many);
    let erased = json_of(bench.call(keyed(&officer, "person-request", body)).await).await;
    let numbers: Vec<_> =
        erased["before"].as_array().expect("a list").iter().map(|one| &one["erasure"]).collect();
    assert_eq!((numbers, &erased["erasure"]), (vec![&"1-1".into(), &"1-2".into()], &"1-3".into()));
    assert_eq!(left(&bench).await, (0, 1));
    for (number, count) in [("1-1", ERASED_AT_ONCE_MAX as u64), ("1-2", 4), ("1-3", 3)] {
        let shown = json_of(bench.call(get(&officer, &format!("/erasures/{number}"))).await).await;
        assert_eq!((&shown["state"], &shown["records"]), (&"done".into(), &count.into()), "{number}");
    }
    assert_eq!(json_of(bench.call(keyed(&officer, "person-request", body)).await).await, erased);
}

/// The keys of the second of two cannot be destroyed: nobody gets a receipt, and whoever asks again with the key gets both.
#[tokio::test]
async fn what_breaks_off_between_two_erasures_is_told_whole_when_it_is_asked_for_again() {
    let bench = Bench::new();
    let officer = bench.token(Role::Officer, &[]).await;
    let many = ERASED_AT_ONCE_MAX as u64 + 3;
    let batch = (1..=many).map(|number| keep(number, "devis", "anne@lumen.example")).collect();
    bench.store.settle(batch).await.expect("settled");
    // The month's tombstones have their key.
    bench.call(erase(&officer, "error", r#"{"by":{"leadgen_id":"1"}}"#)).await;
    let fail = |left| *bench.host.keyring.changes_left.lock().expect("not poisoned") = left;
    let body = r#"{"by":{"email":"anne@lumen.example"}}"#;
    fail(Some(1));
    for _ in 0..2 {
        let pending = bench.call(keyed(&officer, "person-request", body)).await;
        assert_eq!(pending.status(), 503);
        let problem = json_of(pending).await;
        assert_eq!((&problem["code"], &problem["erasure"]), (&"erasure-pending".into(), &"1-3".into()));
    }
    fail(None);
    let erased = json_of(bench.call(keyed(&officer, "person-request", body)).await).await;
    assert_eq!((&erased["before"][0]["erasure"], &erased["erasure"]), (&"1-2".into(), &"1-3".into()));
    assert_eq!(erased["before"].as_array().map(Vec::len), Some(1));
    assert_eq!(left(&bench).await, (0, 0));
}

#[tokio::test]
async fn whoever_objects_by_an_address_is_on_the_list_once_and_is_not_stored_again() {
    let bench = Bench::new();
    let officer = bench.token(Role::Officer, &[]).await;
    stored_of_anne(&bench).await;
    let dry = r#"{"by":{"email":"anne@lumen.example"},"dry_run":true}"#;
    bench.call(erase(&officer, "objection", dry)).await;
    let other = r#"{"by":{"email":"nobody@lumen.example"}}"#;
    bench.call(erase(&officer, "person-request", other)).await;
    bench.call(erase(&officer, "objection", r#"{"by":{"leadgen_id":"77"}}"#)).await;
    assert!(listed(&bench).await.is_empty(), "erasing alone makes no entry, nor does a question");
    let body = r#"{"by":{"email":"ANNE@Lumen.example"}}"#;
    let erased = json_of(bench.call(keyed(&officer, "objection", body)).await).await;
    let made = listed(&bench).await;
    assert_eq!(made.len(), 1);
    assert_eq!((&made[0].purpose, made[0].reason), (&None, Some(Reason::Objection)));
    assert_eq!(erased["suppressed_until"], "2029-11-25T08:00:00Z");
    assert!(
        erased["receipt"].as_str().is_some_and(|note| note.contains(r#""suppression_until":"2029-11-25""#))
    );
    assert_eq!(left(&bench).await, (1, 0));
    let told: Vec<Action> = bench.entries().await.iter().map(Entry::action).collect();
    let place = |action| told.iter().rposition(|told| *told == action).expect("a line");
    let first = told.iter().position(|told| *told == Action::Suppressed).expect("a line");
    assert!(first < place(Action::ErasureAsked), "barred before anything is looked for: {told:?}");
    // Sent again it is one: a yes in between would stand.
    bench.host.clock.advance_ms(3_600_000);
    assert_eq!(json_of(bench.call(keyed(&officer, "objection", body)).await).await, erased);
    assert_eq!(listed(&bench).await, made);
    // What was unread, or comes later.
    let lead = |address: &str, created| {
        let addresses = (address, "+33639980000");
        let lead = sample::lead_of(("lettre", Basis::Consent), addresses, (created, false), later(3_650));
        End::Sieved(vec![Verdict::Stored(Box::new(lead))])
    };
    let come = |number, address: &str| Settlement {
        outcome: lead(address, at("2026-11-25T07:00:00Z")),
        ..keep(number, "lettre", address)
    };
    let batch = vec![come(800, "anne@lumen.example"), come(801, "anna@lumen.example")];
    bench.store.settle(batch).await.expect("settled");
    let fate = async |number| {
        let fates = bench.store.seen(&leadgen(number)).await.expect("an answer");
        fates.iter().map(|fate| word(&fate.state)).collect::<Vec<_>>()
    };
    assert_eq!(fate(800).await, ["erased"], "it had been accepted before");
    let mut later = come(802, "anne@lumen.example");
    later.reference.received = at("2027-01-01T00:00:00Z");
    bench.store.settle(vec![later]).await.expect("settled");
    assert_eq!(fate(802).await, ["suppressed"]);
    assert_eq!(left(&bench).await, (1, 1));
    // For one purpose it is barred from that one.
    let one = r#"{"by":{"phone":"06 39 98 00 00"},"purposes":["lettre"]}"#;
    assert_eq!(bench.call(erase(&officer, "objection", one)).await.status(), 200);
    let scopes: Vec<_> = listed(&bench).await.into_iter().map(|entry| entry.purpose).collect();
    assert_eq!(scopes, [None, PurposeId::parse("lettre")]);
}

/// What the objection ends follows from the config; the request does not.
#[tokio::test]
async fn an_objection_that_is_sent_again_after_a_reload_is_the_same_request() {
    let bench = Bench::new();
    let officer = bench.token(Role::Officer, &[]).await;
    stored_of_anne(&bench).await;
    let body = r#"{"by":{"email":"anne@lumen.example"},"keep_own_requests":true}"#;
    let objects = async |body: &str| bench.call(keyed(&officer, "objection", body)).await;
    let first = json_of(objects(body).await).await;
    assert_eq!(
        (&first["erasure"], left(&bench).await),
        (&"1-1".into(), (3, 2)),
        "both are their own requests"
    );
    let mut lettre = purpose("lettre", &[], &["email"]);
    lettre.basis = Basis::LegitimateInterest;
    bench.policy.replace(Arc::new(Policy::new(vec![purpose("devis", &[], &["email"]), lettre])));
    assert_eq!((json_of(objects(body).await).await, left(&bench).await), (first, (3, 2)));
    for other in [
        r#"{"by":{"email":"anne@lumen.example"}}"#,
        r#"{"by":{"email":"anne@lumen.example"},"keep_own_requests":true,"purposes":["devis","lettre"]}"#,
    ] {
        assert_eq!(code_of(objects(other).await).await, refused(422, "idempotency-key-taken"), "{other}");
    }
}
