//! Reading leads and forms: what is sent, and what becomes of each reply.

use super::*;
use crate::graph::failure::Cause;
use crate::id::FormId;
use crate::notification::ParkCode;
use crate::purpose::Legal;
use crate::random::Random;
use crate::secret::hmac_sha256;

#[tokio::test]
async fn one_lead_is_read_by_its_id_with_the_token_in_a_header() {
    let world = World::new(|call, _| well(call)).await;
    let read = world.read(&leads(1)).await;
    assert_eq!((read.replies, read.calls), (1, 1));
    let calls = world.server.calls();
    let call = &calls[0];
    let proof = hex::encode(hmac_sha256(b"newest", &[TOKEN.as_bytes()]));
    assert_eq!(call.target, format!("/v27.0/1001?fields={FIELDS}&appsecret_proof={proof}"));
    let head = call.head.to_ascii_lowercase();
    assert!(call.head.contains(&format!("Bearer {TOKEN}")) && head.contains("authorization: bearer"));
    assert!(
        head.contains("user-agent: tamis/") && !head.contains("cookie") && !head.contains("accept-encoding")
    );
}

/// The client is told to take no proxy. Whether it does shows only in a process that has one in its environment, so the
/// test above is run again in such a one.
#[test]
fn a_proxy_in_the_environment_is_ignored() {
    let test = "graph::tests::reading::one_lead_is_read_by_its_id_with_the_token_in_a_header";
    let mut command = std::process::Command::new(std::env::current_exe().expect("a test binary"));
    command.args(["--exact", test]);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(name, "http://127.0.0.1:9");
    }
    let ran = command.env_remove("no_proxy").env_remove("NO_PROXY").output().expect("it runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
async fn many_are_read_one_a_call_and_in_their_order() {
    let world = World::with(|settings| settings.calls_in_flight = 1, |call, _| well(call)).await;
    let read = world.read(&leads(60)).await;
    assert_eq!((read.replies, read.calls, read.failed.len()), (60, 60, 0));
    let asked: Vec<String> = leads(60).iter().map(|id| id.expose().to_owned()).collect();
    assert_eq!(world.server.ids(), asked);
    assert!(world.server.calls().iter().all(|call| !call.target.contains("ids=")));
}

#[tokio::test]
async fn what_graph_says_of_one_lead_concerns_no_other() {
    for (status, body, decision) in [
        (400, error(100, "(#100) Some of the aliases you requested do not exist: 44"), Decision::Ambiguous),
        (404, error(803, "(#803) Cannot query users by their username (44)"), Decision::Ambiguous),
        (
            400,
            error(100, "Unsupported get request. Object does not exist, cannot be loaded"),
            Decision::Ambiguous,
        ),
        (200, "false".to_owned(), Decision::Ambiguous),
        (400, error(100, "Invalid parameter"), LATER),
        (400, error(12, "(#12) This method is deprecated"), LATER),
        (400, error(1, "Please reduce the amount of data you're asking for"), LATER),
        (400, error(2500, "An active access token must be used"), LATER),
        (400, error(12_345, "What nobody knows"), LATER),
        (500, error(2, "Service temporarily unavailable"), LATER),
        (500, "<html>Sorry, something went wrong.</html>".to_owned(), LATER),
        (200, "[]".to_owned(), LATER),
        (200, "{}".to_owned(), LATER),
        (200, r#"{"type":"OAuthException","message":"flat"}"#.to_owned(), LATER),
        (200, r#"{"error":null}"#.to_owned(), LATER),
        // As `?ids=` once answered.
        (200, format!(r#"{{"1003":{}}}"#, lead("1003")), LATER),
    ] {
        let reply = body.clone();
        let world = World::new(move |call, _| match &*call.id() {
            "1003" => Act::Reply(status, reply.clone()),
            _ => well(call),
        })
        .await;
        // Again and again: it is still the same lead.
        for _ in 0..8 {
            let read = world.read(&leads(3)).await;
            let [(id, failure)] = &read.failed[..] else { panic!("one failed: {body}") };
            assert!(id.expose() == "1003" && read.calls == 3, "{body}");
            assert_eq!(failure.decision, decision, "{body}");
        }
        for _ in 0..8 {
            assert_eq!(world.read(&leads(3)[2..]).await.failed[0].1.decision, decision, "{body}");
        }
        assert!(world.graph.paused().is_empty(), "{body}");
    }
}

#[tokio::test]
async fn a_single_reply_about_another_lead_is_not_taken() {
    let world = World::new(|_, _| Act::Reply(200, lead("1777"))).await;
    let read = world.read(&leads(1)).await;
    let [(_, failure)] = &read.failed[..] else { panic!("one failed") };
    assert_eq!(failure.cause, Cause::Foreign);
    assert_eq!(failure.decision, LATER);
}

#[tokio::test]
async fn a_single_reply_that_does_not_name_itself_is_the_one_asked_for() {
    let world = World::new(|_, _| Act::Reply(200, r#"{"field_data":[]}"#.to_owned())).await;
    assert_eq!(world.read(&leads(1)).await.replies, 1);
}

#[tokio::test]
async fn the_other_app_secret_is_tried_once_and_remembered() {
    let right = hex::encode(hmac_sha256(b"older", &[TOKEN.as_bytes()]));
    let wrong = error(100, "Invalid appsecret_proof provided in the API argument");
    let world = World::new(move |call, _| match call.parameter("appsecret_proof") == Some(&*right) {
        true => well(call),
        false => Act::Reply(400, wrong.clone()),
    })
    .await;
    let read = world.read(&leads(1)).await;
    assert_eq!((read.calls, read.replies), (2, 1));
    assert_eq!(world.read(&leads(2)).await.calls, 2, "the right one comes first now");
}

#[tokio::test]
async fn when_both_proofs_are_wrong_the_page_waits_and_others_go_on() {
    let wrong = error(100, "Invalid appsecret_proof provided in the API argument");
    let world = World::new(move |_, _| Act::Reply(400, wrong.clone())).await;
    assert_eq!(world.read(&leads(1)).await.calls, 2);
    let read = world.read(&leads(5)).await;
    assert_eq!(read.calls, 0);
    let all_halted = |(_, failure): &(_, crate::graph::Failure)| {
        is_halt(failure.decision) && failure.code == ParkCode::GraphConfig
    };
    assert!(read.failed.iter().all(all_halted));
    assert_eq!(world.graph.availability(&page("105")), crate::graph::Availability::Ready);
}

#[tokio::test]
async fn a_page_without_a_token_is_told() {
    let world = World::new(|call, _| well(call)).await;
    let stranger = page("999");
    assert_eq!(world.graph.availability(&stranger), crate::graph::Availability::NoToken);
    let read = world.read_of(&stranger, &leads(2)).await;
    assert!(
        read.failed.len() == 2
            && read.failed.iter().all(|(_, failure)| failure.code == ParkCode::PageUnknown)
    );
    assert_eq!(world.server.calls().len(), 0);
}

#[tokio::test]
async fn a_form_is_read_by_its_id() {
    let questions = r#"{"id":"901","questions":[{"key":"e-mail-adresse","type":"EMAIL","label":"x"}]}"#;
    let world = World::new(|_, _| Act::Reply(200, questions.to_owned())).await;
    let form = FormId::parse("901").expect("digits");
    let read = world.graph.read_form(&page("104"), &form).await.expect("a definition");
    assert!(read.knows("e-mail-adresse") && read.form == form);
    let asked = "/v27.0/901?fields=id,locale,questions,page,name,tracking_parameters,legal_content&";
    assert!(world.server.calls()[0].target.starts_with(asked) && !read.is_partial);
}

/// Some forms refuse parts of theirs with code 100 (seen of others): the questions are worth a second call.
#[tokio::test]
async fn a_form_that_refuses_a_part_is_read_without_it_and_that_is_said() {
    let form = FormId::parse("901").expect("digits");
    for refusal in [
        error(100, "Tried accessing nonexisting field (tracking_parameters)"),
        error(100, "Tried accessing nonexisting field (page)"),
        error(100, "(#100) Invalid parameter"),
        error(10, "x"),
        error(200, "x"),
    ] {
        let questions = r#"{"id":"901","questions":[{"key":"a","type":"EMAIL"}]}"#;
        let world = World::new(move |call, _| match call.target.contains("tracking_parameters") {
            true => Act::Reply(400, refusal.clone()),
            false => Act::Reply(200, questions.to_owned()),
        })
        .await;
        let read = world.graph.read_form(&page("104"), &form).await.expect("a definition");
        assert!(read.is_partial && read.knows("a"));
        assert!(world.graph.paused().is_empty());
        let calls = world.server.calls();
        assert!(calls.len() >= 3 && calls[calls.len() - 1].target.starts_with("/v27.0/901?fields=id,"));
    }
}

/// Seen: code 100 where `legal_content` is asked for, and the form itself without it.
#[tokio::test]
async fn a_form_that_refuses_its_legal_content_is_read_without_it() {
    for refusal in [
        error(100, "(#100) Invalid parameter"),
        error(100, "Tried accessing nonexisting field (legal_content)"),
        error(10, "x"),
    ] {
        let world = World::new(move |call, _| match call.target.contains("legal_content") {
            true => Act::Reply(400, refusal.clone()),
            false => Act::Reply(200, r#"{"id":"901","locale":"fr_FR","questions":[{"key":"a"}]}"#.to_owned()),
        })
        .await;
        let form = FormId::parse("901").expect("digits");
        let read = world.graph.read_form(&page("104"), &form).await.expect("a definition");
        assert_eq!((read.legal, read.locale.as_str()), (Legal::Withheld, "fr_FR"));
        assert_eq!(world.server.calls().len(), 2);
        assert!(world.graph.paused().is_empty());
    }
}

#[tokio::test]
async fn a_form_is_refused_for_good_for_a_while_or_with_its_page() {
    let form = FormId::parse("901").expect("digits");
    for (status, body, for_good, pauses) in [
        (400, error(10, "x"), true, false),
        (400, error(200, "x"), true, false),
        (400, error(100, "Tried accessing nonexisting field (questions)"), true, false),
        (400, error(100, "Object does not exist"), true, false),
        (200, r#"{"id":"901"}"#.to_owned(), true, false),
        (500, "<html>".to_owned(), false, false),
        (500, error(2, "x"), false, false),
        (200, "{}".to_owned(), false, false),
        (200, "false".to_owned(), false, false),
        (200, r#"{"id":"902","questions":[{"key":"a"}]}"#.to_owned(), false, false),
        (401, error(190, "x"), false, true),
        (400, error(4, "x"), false, true),
    ] {
        let reply = body.clone();
        let world = World::new(move |_, _| Act::Reply(status, reply.clone())).await;
        let failure = world.graph.read_form(&page("104"), &form).await.expect_err("refused");
        assert_eq!(failure.decision == Decision::ForGood, for_good, "{body}");
        assert_eq!(is_halt(failure.decision), pauses, "{body}");
        assert_eq!(!world.graph.paused().is_empty(), pauses, "{body}");
        if !pauses {
            assert_eq!(failure.code, ParkCode::FormUnread, "{body}");
        }
    }
}

#[tokio::test]
async fn whatever_the_server_does_a_read_ends_within_two_calls() {
    for seed in 0..40 {
        let random = SeededRandom::new(seed);
        let act = move |call: &Call, _: usize| {
            let mut dice = [0; 2];
            random.fill(&mut dice).expect("seeded");
            match dice[0] % 12 {
                0 => Act::Reply(400, error([4, 190, 10, 368, 80_005][usize::from(dice[1] % 5)], "x")),
                1 => Act::Reply(400, error(100, "(#100) Object does not exist")),
                2 => Act::Reply(500, error(1, "Please reduce the amount of data")),
                3 => Act::Reply(502, "<html>".to_owned()),
                4 => Act::Reply(200, ["[]", "false", "{}", "null", ""][usize::from(dice[1] % 5)].to_owned()),
                5 => Act::Raw(b"HTTP/1.1 200 x\r\ncontent-length: 900\r\n\r\n{\"id\":".to_vec()),
                6 => Act::Raw(Vec::new()),
                7 => Act::Reply(400, error(100, "Invalid appsecret_proof provided in the API argument")),
                8 => Act::Reply(200, lead("1777")),
                _ => well(call),
            }
        };
        let world = World::new(act).await;
        for count in [1, 2, 7, 60] {
            let read = world.read(&leads(count)).await;
            assert_eq!(read.replies + read.failed.len(), count);
            assert!(read.calls as usize <= 2 * count, "{} calls for {count}", read.calls);
            world.clock.advance_ms(30_000);
        }
    }
}
