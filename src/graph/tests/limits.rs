//! What bounds the calls: pauses, usage, timeouts, sizes, and replies that are none.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::*;
use crate::graph::{Availability, Cause, GraphCode, GraphError, GraphErrorCode};
use crate::notification::ParkCode;

async fn only_failure(act: impl Fn() -> Act + Send + Sync + 'static) -> (Cause, Decision) {
    let change = |settings: &mut Settings| {
        settings.connect_timeout = Duration::from_millis(200);
        settings.read_timeout = Duration::from_millis(300);
    };
    let world = World::with(change, move |_, _| act()).await;
    let read = world.read(&leads(1)).await;
    let [(_, failure)] = &read.failed[..] else { panic!("one failed") };
    (failure.cause, failure.decision)
}

#[tokio::test]
async fn a_reply_that_is_none_is_for_later() {
    let redirect = || {
        let headers = "location: http://127.0.0.1:9/elsewhere\r\n";
        Act::ReplyWith(302, headers, lead("1001"))
    };
    assert_eq!(only_failure(redirect).await, (Cause::Status, LATER), "not followed");
    let html = || Act::Reply(200, "<!doctype html><title>Facebook</title>".to_owned());
    assert_eq!(only_failure(html).await, (Cause::NotJson, LATER));
    assert_eq!(only_failure(|| Act::Reply(200, String::new())).await, (Cause::NotJson, LATER));
    let half = || Act::Reply(200, r#"{"id":"1001","field_data":[{"na"#.to_owned());
    assert_eq!(only_failure(half).await, (Cause::NotJson, LATER));
    let flat = || Act::Reply(200, r#"{"type":"OAuthException","message":"no"}"#.to_owned());
    assert_eq!(only_failure(flat).await, (Cause::NoLead, LATER));
    let missing = || Act::Reply(200, "false".to_owned());
    assert_eq!(only_failure(missing).await, (Cause::NoLead, Decision::Ambiguous));
    let short = || Act::Raw(b"HTTP/1.1 200 x\r\ncontent-length: 99\r\n\r\n{\"id\":\"1001\"".to_vec());
    assert_eq!(only_failure(short).await, (Cause::Broken, LATER));
    assert_eq!(only_failure(|| Act::Raw(Vec::new())).await, (Cause::Broken, LATER));
    assert_eq!(only_failure(|| Act::Raw(b"SSH-2.0-x\r\n\r\n".to_vec())).await, (Cause::Broken, LATER));
    assert_eq!(only_failure(|| Act::Hang).await, (Cause::Timeout, LATER));
    assert_eq!(only_failure(|| Act::Endless).await, (Cause::TooLarge, LATER));
    let announced = || Act::Raw(b"HTTP/1.1 200 x\r\ncontent-length: 99999999999\r\n\r\n{".to_vec());
    assert_eq!(only_failure(announced).await, (Cause::TooLarge, LATER));
}

#[tokio::test]
async fn a_drip_without_end_is_cut_by_the_whole_calls_time() {
    let change = |settings: &mut Settings| {
        settings.connect_timeout = Duration::from_millis(100);
        settings.read_timeout = Duration::from_millis(400);
    };
    let world = World::with(change, |_, _| Act::Drip).await;
    let ids = leads(1);
    let read = tokio::time::timeout(Duration::from_secs(5), world.read(&ids)).await.expect("it ends");
    assert_eq!(read.failed[0].1.cause, Cause::Timeout);
}

#[tokio::test]
async fn without_a_server_a_read_makes_few_calls() {
    let world =
        World::with(|settings| settings.url = "http://127.0.0.1:9".to_owned(), |call, _| well(call)).await;
    let read = world.read(&leads(50)).await;
    assert!(read.calls <= 4, "{} calls", read.calls);
    let causes = [Cause::Connect, Cause::Paused];
    assert!(read.failed.iter().all(|(_, failure)| causes.contains(&failure.cause)));
}

#[tokio::test]
async fn where_nobody_listens_every_page_waits_and_no_attempt_is_spent() {
    let world =
        World::with(|settings| settings.url = "http://127.0.0.1:9".to_owned(), |call, _| well(call)).await;
    let read = world.read(&leads(50)).await;
    assert!(read.failed.iter().all(|(_, failure)| is_halt(failure.decision)));
    assert!(read.failed.iter().all(|(_, failure)| failure.code == ParkCode::GraphUnavailable));
    let mut lengths = Vec::new();
    for _ in 0..9 {
        let paused = world.graph.availability(&page("105"));
        let Availability::Paused { until, code: ParkCode::GraphUnavailable } = paused else {
            panic!("{paused:?}")
        };
        let ms = until.as_millisecond() - world.graph.now().as_millisecond();
        lengths.push(ms / 1_000);
        world.clock.advance_ms(ms);
        assert_eq!(world.graph.availability(&page("105")), Availability::Probe);
        assert_eq!(world.read(&leads(3)).await.calls, 1, "one looks");
    }
    assert!(lengths[0] == 1 && lengths[8] >= 60, "longer and longer, up to a minute: {lengths:?}");
    assert!(lengths.iter().all(|seconds| *seconds <= 66), "{lengths:?}");
}

#[tokio::test]
async fn one_lead_without_an_answer_pauses_nobody_however_often_it_is_read() {
    let world = World::new(|_, _| Act::Raw(Vec::new())).await;
    for _ in 0..12 {
        let read = world.read(&leads(1)).await;
        assert_eq!((read.calls, read.failed[0].1.decision), (1, LATER));
    }
    assert!(world.graph.paused().is_empty());
}

#[tokio::test]
async fn five_leads_in_a_row_without_an_answer_pause_all_pages_and_one_looks() {
    let world = World::new(|call, nth| match nth {
        0..=4 => Act::Raw(Vec::new()),
        5 => Act::Reply(502, "<!doctype html>".to_owned()),
        _ => well(call),
    })
    .await;
    for id in &leads(5) {
        assert!(world.graph.paused().is_empty());
        assert_eq!(world.read(&[*id]).await.calls, 1);
    }
    let paused = world.graph.availability(&page("105"));
    assert!(matches!(paused, Availability::Paused { code: ParkCode::GraphUnavailable, .. }), "{paused:?}");
    world.clock.advance_ms(1_100);
    let read = world.read(&leads(20)).await;
    let spent = read.failed.iter().filter(|(_, failure)| !is_halt(failure.decision)).count();
    assert_eq!(
        (read.calls, spent),
        (1, 1),
        "whoever looked may have been the reason, and goes behind the others"
    );
    world.clock.advance_ms(2_200);
    let read = world.read(&leads(20)).await;
    assert_eq!((read.calls, read.replies), (1, 1), "one to see");
    assert_eq!(world.graph.availability(&page("105")), Availability::Ready);
    assert_eq!(world.read(&leads(20)).await.replies, 20);
}

#[tokio::test]
async fn a_dead_token_costs_what_was_in_flight_and_pauses_its_page_only() {
    let world = World::new(|call, nth| match nth {
        0..=3 => Act::Reply(401, error(190, "Error validating access token")),
        _ => well(call),
    })
    .await;
    let read = world.read(&leads(50)).await;
    assert!(read.calls <= 4 && read.failed.len() == 50, "{} calls", read.calls);
    let failure = read.failed[0].1;
    assert!(is_halt(failure.decision) && failure.code == ParkCode::TokenDead);
    assert_eq!(failure.graph, Some(GraphErrorCode { code: 190, subcode: None }));
    assert_eq!(world.read(&leads(50)).await.calls, 0, "paused");
    assert_eq!(world.graph.paused().len(), 1);
    assert_eq!(world.graph.availability(&page("105")), Availability::Ready);
    let other = world.read_of(&page("105"), &leads(9)[4..]).await;
    assert_eq!(other.replies, 5);
}

#[tokio::test]
async fn after_a_pause_one_lead_is_read_to_see() {
    let world = World::new(|call, nth| match nth {
        0 | 1 => Act::Reply(401, error(190, "x")),
        _ => well(call),
    })
    .await;
    world.read(&leads(1)).await;
    world.clock.advance_ms(6 * 60_000);
    assert_eq!(world.graph.availability(&page("104")), Availability::Probe);
    assert_eq!(world.read(&leads(9)).await.calls, 1);
    assert!(matches!(world.graph.availability(&page("104")), Availability::Paused { .. }));
    world.clock.advance_ms(12 * 60_000);
    let read = world.read(&leads(9)).await;
    assert_eq!((read.calls, read.replies), (1, 1));
    assert_eq!(world.graph.availability(&page("104")), Availability::Ready);
    assert!(world.graph.paused().is_empty());
    assert_eq!(world.read(&leads(9)).await.replies, 9);
}

#[tokio::test]
async fn a_replaced_token_ends_the_pause_at_the_next_look() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("token");
    let write = |token: &str| {
        fs::write(&path, token).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("private");
    };
    write("EAAB-old");
    let file = Location::File(path.clone());
    let token = WatchedSecret::read(file, Environment::default()).expect("readable");
    let change = move |settings: &mut Settings| {
        settings.pages = vec![PageAccess { id: page("104"), name: String::new(), token }]
    };
    let world = World::with(change, |call, _| match call.head.contains("Bearer EAAB-new-one") {
        true => well(call),
        false => Act::Reply(401, error(190, "x")),
    })
    .await;
    world.read(&leads(2)).await;
    assert!(matches!(world.graph.availability(&page("104")), Availability::Paused { .. }));
    write("EAAB-new-one");
    // A file is looked at five times a second.
    tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    assert_eq!(world.graph.availability(&page("104")), Availability::Ready);
    assert_eq!(world.read(&leads(2)).await.replies, 2);
}

#[tokio::test]
async fn a_throttled_page_waits_the_minutes_that_graph_names() {
    let world = World::new(|_, _| {
        let headers = "x-business-use-case-usage: {\"104\":[{\"type\":\"leadgen\",\"call_count\":100,\
            \"estimated_time_to_regain_access\":19}]}\r\n";
        Act::ReplyWith(400, headers, error(80_005, "There have been too many calls"))
    })
    .await;
    let read = world.read(&leads(1)).await;
    assert_eq!(read.calls, 1);
    let Decision::Halt { until } = read.failed[0].1.decision else { panic!("paused") };
    let minutes = until.duration_since(world.graph.now()).as_mins();
    assert!((19..=21).contains(&minutes), "{minutes}");
    assert_eq!(world.graph.paused()[0].code, ParkCode::GraphThrottled);
}

#[tokio::test]
async fn usage_near_its_limit_pauses_before_graph_refuses() {
    let world = World::new(|call, _| {
        Act::ReplyWith(200, "x-app-usage: {\"call_count\":97,\"total_time\":3}\r\n", lead(&call.id()))
    })
    .await;
    let read = world.read(&leads(60)).await;
    assert!(read.calls <= 4 && read.replies + read.failed.len() == 60, "{} calls", read.calls);
    assert_eq!(read.calls as usize, read.replies, "what was in flight is taken");
    let paused = world.graph.availability(&page("105"));
    assert!(matches!(paused, Availability::Paused { code: ParkCode::GraphThrottled, .. }), "{paused:?}");
}

#[tokio::test]
async fn usage_above_three_quarters_spaces_the_calls() {
    let world = World::new(|call, _| {
        let usage = "x-business-use-case-usage: {\"104\":[{\"type\":\"leadgen\",\"total_time\":90}]}\r\n";
        Act::ReplyWith(200, usage, lead(&call.id()))
    })
    .await;
    world.read(&leads(1)).await;
    world.read(&leads(1)).await;
    let turn = world.graph.availability(&page("104"));
    assert!(matches!(turn, Availability::Paused { code: ParkCode::GraphThrottled, .. }), "{turn:?}");
    assert!(world.graph.paused().is_empty(), "no pause, only a turn");
    assert_eq!(world.graph.availability(&page("105")), Availability::Ready);
    world.clock.advance_ms(6_000);
    assert_eq!(world.graph.availability(&page("104")), Availability::Ready);
}

#[tokio::test]
async fn what_concerns_the_app_pauses_every_page() {
    for (code, message, wanted) in [
        (4, "(#4) Application request limit reached", ParkCode::GraphThrottled),
        (368, "The action attempted has been deemed abusive", ParkCode::PolicyBlock),
        (2635, "You are calling a deprecated version", ParkCode::GraphConfig),
        (100, "(#100) Tried accessing nonexisting field (field_data)", ParkCode::GraphConfig),
    ] {
        let world = World::new(move |_, _| Act::Reply(400, error(code, message))).await;
        assert!(world.read(&leads(50)).await.calls <= 4, "{code}");
        let paused = world.graph.paused();
        assert!(paused.len() == 2 && paused.iter().all(|paused| paused.code == wanted), "{paused:?}");
    }
}

#[tokio::test]
async fn no_more_calls_are_in_flight_than_allowed() {
    let world = World::new(|call, _| well(call)).await;
    let (two, ids) = (page("105"), leads(40));
    let (one, two) = tokio::join!(world.read(&ids), world.read_of(&two, &ids));
    assert_eq!((one.replies, two.replies), (40, 40));
    assert_eq!(world.server.most_at_once(), 4);
}

#[tokio::test]
async fn a_server_without_tls_is_not_spoken_to_by_https() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("bound");
    let mut plain = tokio::task::JoinSet::new();
    plain.spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut first = [0; 5];
        stream.read_exact(&mut first).await.expect("a greeting");
        assert_eq!(first[0], 0x16, "a TLS handshake, not a request with a token in it");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.expect("sent");
    });
    let settings = Settings {
        url: format!("https://{address}"),
        version: "v27.0".to_owned(),
        app_secrets: Vec::new(),
        pages: vec![access("104")],
        calls_in_flight: 1,
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_secs(5),
        reply_max_bytes: 1_000,
    };
    let clock = Arc::new(ManualClock::new("2026-11-25T09:00:00Z".parse().expect("a timestamp")));
    match Graph::new(settings, clock, Arc::new(SeededRandom::new(7))) {
        Ok(graph) => {
            let read = graph.read_lead(&page("104"), FIELDS, &leads(1)[0]).await;
            assert_eq!(read.outcome.err().map(|failure| failure.cause), Some(Cause::Tls));
            plain.join_next().await.expect("one task").expect("as asserted");
        }
        // A bare machine has no root certificates; the daemon does not start there.
        Err(error) => assert_eq!(error, GraphError(GraphCode::Client)),
    }
}

#[tokio::test]
async fn each_turn_of_a_page_is_logged_once_and_nothing_of_a_lead_or_token() {
    // With a single dispatcher tracing asks only the thread that meets an event first, which may be another test's, and
    // keeps its "no"; with two it asks both.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .without_time()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone());
    let filter =
        tracing_subscriber::filter::filter_fn(|metadata| metadata.target().starts_with("tamis::graph"));
    let _guard = subscriber.finish().with(filter).set_default();
    let world = World::new(|call, nth| match nth {
        0..=5 => Act::Reply(400, error(190, &format!("Malformed token {TOKEN}, lead 1001, a@example.org"))),
        _ => {
            let warning = "x-ad-api-version-warning: canary of a warning\r\n";
            Act::ReplyWith(200, warning, lead(&call.id()))
        }
    })
    .await;
    for _ in 0..6 {
        world.read(&leads(3)).await;
        world.clock.advance_ms(3 * 60 * 60_000);
    }
    let text = String::from_utf8(log.0.lock().expect("not poisoned").clone()).expect("text");
    for (event, wanted) in [("graph.page-paused", 1), ("graph.page-resumed", 1), ("graph.version-warning", 1)]
    {
        assert_eq!(text.matches(event).count(), wanted, "{event} in {text}");
    }
    assert!(text.contains("token-dead") && text.contains("190") && text.contains("104"));
    for canary in ["EAAB", "1001", "1002", "example", "canary", "appsecret", "Malformed"] {
        assert!(!text.contains(canary), "{canary} in {text}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_read_may_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let test = |graph: &Graph, form: &crate::id::FormId| {
        is_send(&graph.read_lead(&page("104"), FIELDS, &leads(1)[0]));
        is_send(&graph.read_form(&page("104"), form));
    };
    let _compiles: &dyn Fn(&Graph, &crate::id::FormId) = &test;
}
