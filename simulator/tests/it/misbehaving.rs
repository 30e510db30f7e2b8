//! Every kind of misbehaviour, as a client sees it.

use std::time::{Duration, Instant};

use tamis_simulator::{GraphError, Match, Misbehaviour, Rule, Simulator, Usage};

use crate::support::*;

async fn one_lead() -> (Simulator, String, String) {
    let simulator = simulator().await;
    let id = simulator.add_lead(lead());
    let path = format!("/v26.0/{id}");
    (simulator, id, path)
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_answers_come_as_they_are_and_so_often_as_told() {
    let (simulator, _, path) = one_lead().await;
    for text in ["{}", "[]", "false", "{\"error\":null}", "{\"id\":\"1", ""] {
        simulator.misbehave(Rule::once(Match::any(), Misbehaviour::json(text)));
        let answer = ask(&simulator, &path).await;
        assert_eq!((answer.status, answer.bytes.as_slice()), (200, text.as_bytes()));
    }
    simulator.misbehave(Rule::times(2, Match::any(), Misbehaviour::html(502)));
    for status in [502, 502, 200] {
        assert_eq!(ask(&simulator, &path).await.status, status);
    }
    simulator.misbehave(Rule::always(Match::any(), Misbehaviour::garbage()));
    assert_eq!(ask(&simulator, &path).await.bytes[0], 0xff);
    simulator.behave();
    let id = simulator.misbehave(Rule::always(Match::any(), Misbehaviour::empty(500)));
    assert_eq!(ask(&simulator, &path).await.status, 500);
    simulator.forgive(id);
    assert_eq!(ask(&simulator, &path).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_shaped_as_metas_and_may_quote() {
    let (simulator, _, path) = one_lead().await;
    simulator.misbehave(Rule::once(Match::any(), Misbehaviour::code_and_subcode(190, 463)));
    assert_eq!(ask(&simulator, &path).await.code(), (190, Some(463)));
    let busy = GraphError::new(2, "busy").status(503).transient(true);
    simulator.misbehave(Rule::once(Match::any(), Misbehaviour::Error(busy)));
    let answer = ask(&simulator, &path).await;
    assert_eq!((answer.status, &answer.json()["error"]["is_transient"]), (503, &serde_json::json!(true)));
    simulator.misbehave(Rule::once(Match::any(), Misbehaviour::quoting(190)));
    let text = ask(&simulator, &path).await.json()["error"]["message"].to_string();
    assert!(text.contains(TOKEN) && text.contains("full_name"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_hung_and_broken_connections() {
    let (simulator, _, path) = one_lead().await;
    simulator.misbehave(Rule::once(Match::any(), Misbehaviour::Delay(Duration::from_millis(200))));
    let begun = Instant::now();
    assert_eq!(ask(&simulator, &path).await.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(200));

    simulator.misbehave(Rule::once(Match::any(), Misbehaviour::Reset));
    let error = try_ask(&simulator, &path).await.err().unwrap();
    assert!(error.is_request() && !error.is_timeout(), "{error:?}");

    simulator.misbehave(Rule::once(Match::any(), Misbehaviour::HalfBody));
    let error = try_ask(&simulator, &path).await.err().unwrap();
    assert!(!error.is_request() && !error.is_timeout(), "{error:?}");

    simulator.misbehave(Rule::once(Match::any(), Misbehaviour::Endless(3_000_001)));
    let answer = ask(&simulator, &path).await;
    assert_eq!((answer.status, answer.bytes.len()), (200, 3_000_001));

    simulator.misbehave(Rule::once(Match::any(), Misbehaviour::Hang));
    assert!(try_ask(&simulator, &path).await.err().unwrap().is_timeout());
    simulator.misbehave(Rule::always(Match::any(), Misbehaviour::Hang));
    let hung = try_ask(&simulator, &path);
    let stopped = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let begun = Instant::now();
        simulator.clone().stop().await;
        begun.elapsed()
    };
    let (hung, elapsed) = tokio::join!(hung, stopped);
    assert!(hung.is_err() && elapsed < Duration::from_secs(1), "{elapsed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_wrong_forms_and_usage() {
    let (simulator, id, path) = one_lead().await;
    simulator
        .misbehave(Rule::once(Match::any(), Misbehaviour::Redirect("http://127.0.0.1:1/elsewhere".into())));
    let answer = ask(&simulator, &path).await;
    assert_eq!(
        (answer.status, answer.headers["location"].to_str().unwrap()),
        (302, "http://127.0.0.1:1/elsewhere")
    );

    simulator.misbehave(Rule::once(Match::any(), Misbehaviour::WrongFormId("999".into())));
    let answer = ask(&simulator, &format!("{path}?fields=form_id")).await.json();
    assert_eq!(answer, serde_json::json!({ "form_id": "999", "id": id }));

    simulator.misbehave(Rule::once(Match::any(), Misbehaviour::Usage(Usage::app(97))));
    simulator.misbehave(Rule::once(Match::any(), Misbehaviour::code(4)));
    let answer = ask(&simulator, &path).await;
    assert_eq!(answer.code(), (4, None));
    assert!(answer.headers["x-app-usage"].to_str().unwrap().contains("97"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_meet_only_the_calls_they_name() {
    let (simulator, id, path) = one_lead().await;
    let second = simulator.add_lead(lead());
    let form = format!("/v26.0/{FORM}?fields=questions");
    let met = async |when: Match| {
        simulator.behave();
        simulator.misbehave(Rule::always(when, Misbehaviour::html(500)));
        let mut met = Vec::new();
        for path in [&path, &format!("/v26.0/{second}"), &form] {
            met.push(ask(&simulator, path).await.status == 500);
        }
        met
    };
    assert_eq!(met(Match::any()).await, [true, true, true]);
    assert_eq!(met(Match::any().single()).await, [true, true, false]);
    assert_eq!(met(Match::any().lead(&id)).await, [true, false, false]);
    assert_eq!(met(Match::any().lead(&second)).await, [false, true, false]);
    assert_eq!(met(Match::any().form(FORM)).await, [true, true, true]);
    assert_eq!(met(Match::any().form("902")).await, [false, false, false]);
    assert_eq!(met(Match::any().page(PAGE)).await, [true, true, true]);
    assert_eq!(met(Match::any().page(OTHER_PAGE)).await, [false, false, false]);
    assert_eq!(met(Match::any().path(FORM)).await, [false, false, true]);
    assert_eq!(met(Match::any().fields("questions")).await, [false, false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_come_as_they_were_told() {
    let (simulator, _, path) = one_lead().await;
    simulator.misbehave(Rule::once(Match::any(), Misbehaviour::Announced(3_000_001)));
    let answer = ask(&simulator, &path).await;
    assert_eq!(
        (&answer.headers["content-length"], answer.bytes.len()),
        (&"3000001".parse().unwrap(), 3_000_001)
    );

    simulator.misbehave(Rule::once(Match::any(), Misbehaviour::Bomb(100_000)));
    let answer = ask(&simulator, &path).await;
    assert_eq!(
        (&answer.headers["content-encoding"], answer.bytes.len()),
        (&"gzip".parse().unwrap(), 100_000)
    );
    assert_eq!(answer.bytes[..4], [0x1f, 0x8b, 8, 0]);
    // A repetition begins at bit 11 and takes 13: so does the next in the next chunk.
    let bit = |at: usize| answer.bytes[10 + at / 8] >> (at % 8) & 1;
    let repeat = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];
    assert!((11..90_000 * 8).all(|at| bit(at) == repeat[(at - 11) % 13]));
    assert_eq!(simulator.flooded_bytes(), 3_100_001);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_tells_how_near_it_is_and_refuses_what_is_beyond() {
    let (simulator, _, path) = one_lead().await;
    simulator.set_quota(PAGE, 2, 60_000);
    for (percent, code) in [("50", None), ("100", None), ("150", Some(80_005))] {
        let answer = ask(&simulator, &path).await;
        let usage = answer.headers["x-business-use-case-usage"].to_str().unwrap().to_owned();
        assert!(usage.contains(&format!("\"call_count\":{percent}")), "{usage}");
        assert_eq!(answer.json()["error"]["code"].as_i64(), code);
    }
    assert_eq!(simulator.refused_by_quota(), 1);
}
