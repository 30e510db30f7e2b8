//! What became of a submission, and what is done about it.

use super::*;
use crate::store::{ErasureRequest, Wanted};

#[tokio::test]
async fn find_and_requeue_answer_and_refuse_as_documented() {
    let bench = Bench::new();
    let post = |token: &str, path: &str, body: String| {
        with(token, Method::POST, path).insert_header(("Tamis-Reason", "person-request")).set_payload(body)
    };
    let officer = bench.token(Role::Officer, &[]).await;
    let erasure = ErasureRequest::of(Wanted::Leadgen(LeadgenId::parse("123").expect("digits")));
    let entry = Entry::by_system(Action::ErasureAsked);
    bench.store.erase(erasure, entry).await.expect("erased");
    let found = bench.call(post(&officer, "/find", r#"{"leadgen_id":"123"}"#.to_owned())).await;
    assert_eq!(text_of(found).await, r#"{"records":[{"state":"erased"}]}"#);
    assert_eq!(bench.last_entry().await.action(), Action::Found);
    bench.call(post(&officer, "/find", r#"{"leadgen_id":"123","unmask":true}"#.to_owned())).await;
    assert_eq!(bench.last_entry().await.action(), Action::FoundUnmasked);
    let admin = bench.token(Role::Admin, &[]).await;
    bench.store.settle((1..=3).map(|n| parked(n, 1, REFUSED)).collect()).await.expect("settled");
    let requeued =
        bench.call(post(&admin, "/inbox/requeue", r#"{"code":"consent-missing"}"#.to_owned())).await;
    assert_eq!(text_of(requeued).await, r#"{"requeued":3}"#);
    let code = async |token: &str, path: &str, body: &str| {
        code_of(bench.call(post(token, path, body.to_owned())).await).await
    };
    assert_eq!(code(&admin, "/find", "{}").await, refused(403, "role-insufficient"));
    assert_eq!(code(&officer, "/inbox/requeue", "{}").await, refused(403, "role-insufficient"));
    let entry = bench.last_entry().await;
    assert_eq!(
        (entry.action(), entry.role(), entry.result),
        (Action::Requeued, Role::Officer, Outcome::Refused)
    );
    assert_eq!(code(&officer, "/clock/confirm", "").await, refused(403, "role-insufficient"));
    bench.host.clock.advance_ms(30 * 86_400_000);
    let admin = bench.token(Role::Admin, &[]).await;
    let confirmed = bench.call(post(&admin, "/clock/confirm", String::new())).await;
    assert_eq!(text_of(confirmed).await, r#"{"confirmed":true}"#);
    assert_eq!(bench.last_entry().await.action(), Action::ClockConfirmed);
    assert_eq!(code(&admin, "/inbox/requeue", "canary").await, refused(400, "body-invalid"));
    let large = format!(r#"{{"code":"{}"}}"#, "x".repeat(super::body::BODY_BYTES_MAX));
    assert_eq!(code(&admin, "/inbox/requeue", &large).await, refused(413, "body-too-large"));
}

#[tokio::test]
async fn held_references_of_a_form_that_nobody_claims_are_dropped_and_of_another_are_not() {
    let bench = Bench::new();
    let admin = bench.token(Role::Admin, &[]).await;
    let call = async |token: &str, body: &str| {
        let call = with(token, Method::POST, "/inbox/drop").insert_header(("Tamis-Reason", "error"));
        bench.call(call.set_payload(body.to_owned())).await
    };
    bench.store.settle((1..=3).map(|n| parked(n, 7, HELD)).collect()).await.expect("settled");
    let unclaimed = r#"{"form_id":"901000000000007"}"#;
    assert_eq!(text_of(call(&admin, unclaimed).await).await, r#"{"dropped":3}"#);
    let entry = bench.last_entry().await;
    assert_eq!((entry.action(), entry.reason(), entry.count), (Action::HeldDropped, Some(Reason::Error), 3));
    assert_eq!(text_of(call(&admin, unclaimed).await).await, r#"{"dropped":0}"#);
    let claimed = r#"{"form_id":901000000000002}"#;
    assert_eq!(code_of(call(&admin, claimed).await).await, refused(409, "form-claimed"));
    for bad in ["{}", r#"{"form_id":"x"}"#, r#"{"form_id":"901000000000007","all":true}"#, "canary"] {
        assert_eq!(code_of(call(&admin, bad).await).await, refused(400, "body-invalid"), "{bad}");
    }
    let officer = bench.token(Role::Officer, &[]).await;
    assert_eq!(code_of(call(&officer, unclaimed).await).await, refused(403, "role-insufficient"));
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_and_a_broken_trail_too() {
    let bench = Bench::new();
    let officer = bench.token(Role::Officer, &[]).await;
    assert_eq!(code_of(bench.call(get(&officer, "/nothing")).await).await, refused(404, "not-found"));
    assert_eq!(bench.call(get(&officer, "/trail")).await.status(), 200);
    bench.host.take(&Row::Line(1));
    assert_eq!(code_of(bench.call(get(&officer, "/trail")).await).await, refused(500, "trail-broken"));
    let wrong = bench.call(with(&officer, Method::PUT, "/tokens")).await;
    assert_eq!(wrong.headers().get("allow").expect("a header"), "GET, POST");
    assert_eq!(code_of(wrong).await, refused(405, "method-not-allowed"));
    let outside = bench.call(test::TestRequest::get().uri("/elsewhere")).await;
    assert_eq!(code_of(outside).await, refused(404, "not-found"));
}

/// By the socket nobody is held up, and what Meta gives cannot be counted up.
#[tokio::test(start_paused = true)]
async fn a_walk_through_the_numbers_of_records_is_slowed_and_told_and_never_refused_one_by_one() {
    let bench = Bench::new();
    let officer = bench.token(Role::Officer, &[]).await;
    let find = async |body: String| {
        let call = with(&officer, Method::POST, "/find").insert_header(("Tamis-Reason", "person-request"));
        let answer = bench.call(call.set_payload(body)).await;
        let header = |name| answer.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
        match answer.status().as_u16() {
            200 => header("tamis-waited"),
            status => Some(format!("{status}, {}", header("retry-after").unwrap_or_default())),
        }
    };
    for number in 1..=60 {
        assert_eq!(find(format!(r#"{{"id":"devis-1-{number}"}}"#)).await, None, "{number}");
        assert_eq!(find(format!(r#"{{"leadgen_id":"{number}"}}"#)).await, None, "{number}");
    }
    for number in 61..=65 {
        let begun = tokio::time::Instant::now();
        assert_eq!(find(format!(r#"{{"id":"devis-1-{number}"}}"#)).await.as_deref(), Some("10"), "{number}");
        assert!(begun.elapsed() >= Duration::from_secs(10));
    }
    assert_eq!(find(r#"{"leadgen_id":"7"}"#.to_owned()).await, None);
    let one = || find(r#"{"id":"devis-1-7"}"#.to_owned());
    let (first, second, third) = tokio::join!(one(), one(), one());
    assert_eq!([first, second, third].map(Option::unwrap_or_default), ["10", "20", "429, 30"], "at once");
}
