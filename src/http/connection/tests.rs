//! Connections against an app of the tests' own, with deadlines that a test can wait for.

use std::future::{Future, ready};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix_http::KeepAlive;
use actix_server::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::waiting::Deadlines;
use super::*;
use crate::clock::SystemClock;
use crate::random::SeededRandom;

const HEAD: Duration = Duration::from_millis(400);
const IDLE: Duration = Duration::from_millis(900);
const UNSENT: Duration = Duration::from_millis(700);

/// What the handlers leave for the test.
#[derive(Clone, Default)]
struct Left {
    ending: Arc<Mutex<Option<Ending>>>,
    /// As many as there are answers without an end under way.
    answers: Arc<()>,
}

/// More than any socket takes, for as long as somebody takes it.
async fn endless(request: HttpRequest, left: web::Data<Left>) -> HttpResponse {
    *left.ending.lock().expect("no panic") = request.conn_data::<Ending>().cloned();
    let answer = Arc::clone(&left.answers);
    let chunk = move |()| {
        let answer = Arc::clone(&answer);
        async move {
            let _ = &answer;
            Some((Ok::<_, std::io::Error>(Bytes::from(vec![b'a'; 64 * 1_024])), ()))
        }
    };
    HttpResponse::Ok().streaming(stream::unfold((), chunk))
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(300)).await;
    "slow"
}

/// What the server below was shown of a request.
async fn shown(request: HttpRequest) -> String {
    let names = request.headers().keys().map(|name| name.as_str().to_owned()).collect::<Vec<_>>().join(",");
    let arrival = Arrival::of(&request);
    let token = arrival.authorization().map(String::from_utf8_lossy).collect::<Vec<_>>().join(",");
    format!("{names}|{}|{token}|{}", request.uri(), arrival.query())
}

/// Serves while `talk` talks.
async fn serve<F: Future<Output = ()>>(talk: impl FnOnce(SocketAddr, Left, Arc<Hall>) -> F) {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("an address");
    let rules = Rules {
        door: "public",
        places: 20,
        proxies: Proxies::default(),
        keeps_query: true,
        metrics: Arc::new(Metrics::new()),
        random: Arc::new(SeededRandom::new(1)),
        clock: Arc::new(SystemClock),
    };
    let hall = Hall::with(rules, Deadlines { head: HEAD, idle: IDLE, unsent: UNSENT });
    let left = Left::default();
    let (shared, data) = (Arc::clone(&hall), web::Data::new(left.clone()));
    let server = Server::build().workers(1).disable_signals().shutdown_timeout(1);
    let server = server.listen("test", socket, move || {
        let app = App::new()
            .app_data(data.clone())
            .wrap(from_fn(arrived))
            .route("/", web::get().to(async || "ok"))
            .route("/slow", web::get().to(slow))
            .route("/shown", web::get().to(shown))
            .route("/endless", web::get().to(endless));
        attending(app, KeepAlive::Os, Arc::clone(&shared), |_, _| {})
    });
    let server = server.expect("it listens").run();
    let handle = server.handle();
    let talking = async {
        talk(address, left, hall).await;
        handle.stop(false).await;
    };
    let (served, ()) = tokio::join!(server, talking);
    served.expect("served");
}

async fn send(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(text.as_bytes()).await.expect("open");
    stream
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

/// All that comes until the other side closes, and when that is, from before it was connected.
async fn rest(stream: impl Future<Output = TcpStream>) -> (String, Duration) {
    let begun = Instant::now();
    let (mut stream, mut text) = (stream.await, Vec::new());
    let reading = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut text));
    let _ = reading.await.expect("it ends");
    (String::from_utf8(text).expect("text"), begun.elapsed())
}

/// Waits until no answer without an end is under way any more.
async fn until_none(left: &Left) {
    let held = Arc::strong_count(&left.answers);
    let none = async {
        // The test's own, and the app's.
        while Arc::strong_count(&left.answers) > 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), none).await.unwrap_or_else(|_| panic!("{held} are held"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_that_says_nothing_more() {
    serve(|address, _, _| async move {
        let (whole, slow, half) = (get("/"), get("/slow"), format!("{}GET /", get("/")));
        let silent = rest(send(address, ""));
        let (kept, after_slow) = (rest(send(address, &whole)), rest(send(address, &slow)));
        let begun = rest(send(address, &half));
        let (silent, kept, after_slow, begun) = tokio::join!(silent, kept, after_slow, begun);
        assert!(silent.0.is_empty() && silent.1 >= HEAD && silent.1 < IDLE, "{silent:?}");
        assert!(kept.0.ends_with("ok") && kept.1 >= IDLE, "{kept:?}");
        assert!(after_slow.0.ends_with("slow") && after_slow.1 >= IDLE, "{after_slow:?}");
        assert!(begun.0.contains("HTTP/1.1 408 ") && begun.1 >= HEAD && begun.1 < IDLE + HEAD, "{begun:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_is_cut_off() {
    serve(|address, left, _| async move {
        let begun = Instant::now();
        let stuck = send(address, &get("/endless")).await;
        while Arc::strong_count(&left.answers) <= 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        until_none(&left).await;
        assert!(begun.elapsed() >= UNSENT, "{:?}", begun.elapsed());
        drop(stuck);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ending_ends_a_connection_whatever_it_waits_for() {
    serve(|address, left, _| async move {
        let stuck = send(address, &get("/endless")).await;
        let ending = loop {
            if let Some(ending) = left.ending.lock().expect("no panic").take() {
                break ending;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let begun = Instant::now();
        ending.end();
        until_none(&left).await;
        assert!(begun.elapsed() < UNSENT, "{:?}", begun.elapsed());
        drop(stuck);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_ends_lets_answers_out_and_nobody_wait() {
    serve(|address, _, hall| async move {
        let idle = send(address, "").await;
        let busy = send(address, &format!("{}{}", get("/slow"), get("/slow"))).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        hall.end();
        let (idle, busy) = tokio::join!(rest(ready(idle)), rest(ready(busy)));
        assert!(idle.0.is_empty() && idle.1 < Duration::from_millis(200), "{idle:?}");
        assert_eq!(busy.0.matches("slow").count(), 1, "{busy:?}");
        assert!(busy.0.contains("connection: close"), "{busy:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_shown_to_the_server_below() {
    serve(|address, _, _| async move {
        let head = "GET /shown?hub.verify_token=sesame HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer open\r\n\
                    Cookie: a=b\r\nX-Hub-Signature-256: sha256=00\r\nConnection: close\r\n\r\n";
        let (told, _) = rest(send(address, head)).await;
        let (names, rest) = told.rsplit_once("\r\n\r\n").expect("a body").1.split_once('|').expect("parts");
        let mut names: Vec<&str> = names.split(',').collect();
        names.sort_unstable();
        assert_eq!(names, ["connection", "host", "x-hub-signature-256"]);
        assert_eq!(rest, "/shown|Bearer open|hub.verify_token=sesame");
    })
    .await;
}

/// A thread that gets no turn for a while keeps those who make way from going: whoever comes meanwhile waits, and is served.
#[tokio::test(start_paused = true)]
async fn whoever_comes_while_others_make_way_waits_for_them_within_bounds() {
    let places = Places::new(8, Proxies::new(&[]), Tally::new("public", &Metrics::new()));
    let come = || async {
        let admission = serving::admit(&places, None).await;
        if let places::Admission::Place(mut place) = admission {
            assert!(place.waits());
            return Some(place);
        }
        None
    };
    let mut seated = Vec::new();
    // Eight sit, eight more push them out, who have not gone yet.
    for _ in 0..16 {
        seated.push(come().await.expect("a place"));
    }
    let began = tokio::time::Instant::now();
    let going = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        seated.drain(..1).for_each(drop);
    };
    let (late, ()) = tokio::join!(come(), going);
    assert!(late.is_some(), "turned away although one went");
    assert!(began.elapsed() >= Duration::from_secs(2));
    // None goes: it is not held for ever.
    let began = tokio::time::Instant::now();
    assert!(come().await.is_none());
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}
