//! Reading leads and forms: what is sent, and what becomes of each reply.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::graph::failure::Cause;
use crate::id::FormId;
use crate::notification::ParkCode;
use crate::random::Random;
use crate::secret::hmac_sha256;

#[tokio::test]
async fn one_lead_is_read_by_its_id_with_the_token_in_a_header() {
    let world = World::new(|call, _| well(call)).await;
    let read = world.read(&leads(1)).await;
    assert_eq!((read.replies.len(), read.calls), (1, 1));
    let calls = world.server.calls();
    let call = &calls[0];
    let proof = hex::encode(hmac_sha256(b"newest", &[TOKEN.as_bytes()]));
    assert_eq!(call.target, format!("/v26.0/1001?fields={FIELDS}&appsecret_proof={proof}"));
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
async fn fifty_go_into_one_call_and_never_more() {
    let world = World::new(|call, _| well(call)).await;
    let read = world.read(&leads(121)).await;
    assert_eq!((read.replies.len(), read.calls, read.failed.len()), (3, 3, 0));
    assert_eq!(world.server.sizes(), [50, 50, 21]);
    assert!(world.server.calls()[0].target.starts_with("/v26.0/?ids=1001,1002,"));
}

#[tokio::test]
async fn an_id_asked_for_twice_is_read_once() {
    let world = World::new(|call, _| well(call)).await;
    let twice = [leads(3), leads(3)].concat();
    let read = world.read(&twice).await;
    assert_eq!((read.replies.len(), world.server.sizes()), (1, vec![3]));
}

#[tokio::test]
async fn what_a_call_leaves_out_is_read_singly() {
    let world = World::new(|call, _| match call.is_single() {
        true if call.ids()[0] == "1002" => Act::Reply(400, error(100, "Object does not exist")),
        true => well(call),
        // One is left out, one is `false`, one an error of its own; somebody else's lead is beside them.
        false => {
            let kept = keyed(&["1004".to_owned(), "9999".to_owned()]);
            let odd = r#","1002":{"error":{"code":100}},"1003":false}"#;
            Act::Reply(200, format!("{}{odd}", kept.trim_end_matches('}').to_owned() + "}"))
        }
    })
    .await;
    let read = world.read(&leads(4)).await;
    assert_eq!((read.calls, read.replies.len()), (4, 3));
    assert_eq!(world.server.sizes(), [4, 1, 1, 1]);
    let [(id, failure)] = &read.failed[..] else { panic!("one failed") };
    assert!(id.expose() == "1002" && failure.decision == Decision::Ambiguous);
    assert_eq!(failure.code, ParkCode::LeadUnreadable);
}

#[tokio::test]
async fn a_call_refused_for_one_of_its_ids_is_read_singly() {
    for (status, body) in [
        (400, error(100, "(#100) Some of the aliases you requested do not exist: 44")),
        (404, error(803, "(#803) Cannot query users by their username (44)")),
        (400, error(100, "(#100) Too many IDs. Maximum: 50. Provided: 51.")),
        (
            400,
            error(
                100,
                "Unsupported get request. Object does not exist, cannot be loaded due to missing permissions",
            ),
        ),
        (200, "[]".to_owned()),
        (200, "false".to_owned()),
        (200, "{}".to_owned()),
        (200, r#"{"1001":null,"1002":[],"1003":"x"}"#.to_owned()),
        (200, format!(r#"{{"1001":{},"1002":{}}}"#, lead("1001"), lead("1003"))),
    ] {
        let reply = body.clone();
        let world = World::new(move |call, _| match call.is_single() {
            true => well(call),
            false => Act::Reply(status, reply.clone()),
        })
        .await;
        let read = world.read(&leads(3)).await;
        assert_eq!((read.replies.len(), read.calls), (3, 4), "{body}");
    }
}

#[tokio::test]
async fn too_much_is_halved_and_remembered() {
    let world = World::new(|call, _| match call.ids().len() {
        13.. => Act::Reply(500, error(1, "Please reduce the amount of data you're asking for, then retry")),
        _ => well(call),
    })
    .await;
    let read = world.read(&leads(50)).await;
    assert_eq!(read.failed.len(), 0);
    assert_eq!(world.server.sizes(), [50, 25, 12, 12, 12, 12, 2]);
    world.read(&leads(20)).await;
    assert_eq!(world.server.sizes()[7..], [12, 8], "remembered");
    world.clock.advance_ms(31 * 60_000);
    world.read(&leads(12)).await;
    world.read(&leads(20)).await;
    assert_eq!(world.server.sizes()[9..], [12, 20, 10, 10], "tried again in time");
}

#[tokio::test]
async fn a_lead_that_is_too_much_by_itself_does_not_keep_the_others() {
    let world = World::new(|call, _| match call.ids().contains(&"1003".to_owned()) {
        true => Act::Reply(500, error(1, "Please reduce the amount of data you're asking for")),
        false => well(call),
    })
    .await;
    let read = world.read(&leads(8)).await;
    let [(id, failure)] = &read.failed[..] else { panic!("one failed") };
    assert!(id.expose() == "1003" && failure.decision == Decision::Later { not_before: None });
    assert!(read.calls <= 11, "{}", read.calls);
}

#[tokio::test]
async fn a_call_that_fails_without_a_clear_reason_is_read_singly_if_one_lead_can_be() {
    for (status, body) in [
        (500, "<html>Sorry, something went wrong.</html>".to_owned()),
        (500, error(2, "Service temporarily unavailable")),
        (400, error(12_345, "What nobody knows")),
        (200, r#"{"type":"OAuthException","message":"flat"}"#.to_owned()),
        (200, r#"{"error":null}"#.to_owned()),
    ] {
        let reply = body.clone();
        let world = World::new(move |call, _| match call.ids().contains(&"1003".to_owned()) {
            true => Act::Reply(status, reply.clone()),
            false if call.ids()[0] == "1001" => Act::Reply(400, error(100, "Object does not exist")),
            false => well(call),
        })
        .await;
        let read = world.read(&leads(16)).await;
        let [(gone, _), (id, failure)] = &read.failed[..] else { panic!("two failed: {body}") };
        assert!(
            gone.expose() == "1001" && id.expose() == "1003" && failure.code == ParkCode::GraphUnavailable,
            "{body}"
        );
        world.read(&leads(16)).await;
        assert_eq!(world.server.sizes()[17], 8, "smaller calls from then on: {body}");
    }
}

#[tokio::test]
async fn when_graph_is_ill_a_read_makes_two_calls() {
    let world = World::new(|_, _| Act::Reply(503, "<html>".to_owned())).await;
    let read = world.read(&leads(50)).await;
    assert_eq!((read.calls, read.failed.len()), (2, 50));
}

#[tokio::test]
async fn a_single_reply_about_another_lead_is_not_taken() {
    let world = World::new(|_, _| Act::Reply(200, lead("1777"))).await;
    let read = world.read(&leads(1)).await;
    let [(_, failure)] = &read.failed[..] else { panic!("one failed") };
    assert_eq!(failure.cause, Cause::Foreign);
    assert_eq!(failure.decision, Decision::Later { not_before: None });
}

#[tokio::test]
async fn a_single_reply_that_does_not_name_itself_is_the_one_asked_for() {
    let world = World::new(|_, _| Act::Reply(200, r#"{"field_data":[]}"#.to_owned())).await;
    assert_eq!(world.read(&leads(1)).await.replies.len(), 1);
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
    let read = world.read(&leads(2)).await;
    assert_eq!((read.calls, read.replies.len()), (2, 1));
    assert_eq!(world.read(&leads(2)).await.calls, 1, "the right one comes first now");
}

#[tokio::test]
async fn when_both_proofs_are_wrong_the_page_waits_and_others_go_on() {
    let wrong = error(100, "Invalid appsecret_proof provided in the API argument");
    let world = World::new(move |_, _| Act::Reply(400, wrong.clone())).await;
    let read = world.read(&leads(5)).await;
    assert_eq!(read.calls, 2);
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
    let read = world.graph.read_leads(&stranger, FIELDS, &leads(2)).await;
    assert_once(&read, &leads(2));
    assert!(read.failed.iter().all(|(_, failure)| failure.code == ParkCode::PageUnknown));
    assert_eq!(world.server.calls().len(), 0);
}

#[tokio::test]
async fn a_form_is_read_by_its_id() {
    let questions = r#"{"id":"901","questions":[{"key":"e-mail-adresse","type":"EMAIL","label":"x"}]}"#;
    let world = World::new(|_, _| Act::Reply(200, questions.to_owned())).await;
    let form = FormId::parse("901").expect("digits");
    let read = world.graph.read_form(&page("104"), &form).await.expect("a definition");
    assert!(read.knows("e-mail-adresse") && read.form == form);
    assert!(world.server.calls()[0].target.starts_with("/v26.0/901?fields=id,questions&"));
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
async fn each_id_comes_back_once_whatever_the_server_does() {
    for seed in 0..40 {
        let random = SeededRandom::new(seed);
        let served = AtomicUsize::new(0);
        let act = move |call: &Call, _: usize| {
            let mut dice = [0; 2];
            random.fill(&mut dice).expect("seeded");
            served.fetch_add(1, Ordering::SeqCst);
            let ids = call.ids();
            match dice[0] % 12 {
                0 => Act::Reply(400, error([4, 190, 10, 368, 80_005][usize::from(dice[1] % 5)], "x")),
                1 => Act::Reply(400, error(100, "(#100) Object does not exist")),
                2 => Act::Reply(500, error(1, "Please reduce the amount of data")),
                3 => Act::Reply(502, "<html>".to_owned()),
                4 => Act::Reply(200, ["[]", "false", "{}", "null", ""][usize::from(dice[1] % 5)].to_owned()),
                5 => Act::Raw(b"HTTP/1.1 200 x\r\ncontent-length: 900\r\n\r\n{\"1001\":".to_vec()),
                6 => Act::Raw(Vec::new()),
                7 => Act::Reply(200, keyed(&ids[..ids.len() / 2])),
                8 => Act::Reply(200, lead("1005")),
                _ => well(call),
            }
        };
        let world = World::new(act).await;
        for count in [1, 2, 7, 60] {
            let read = world.read(&leads(count)).await;
            assert!(read.calls <= 2 * 60 + 20, "bounded: {}", read.calls);
            world.clock.advance_ms(30_000);
        }
    }
}
