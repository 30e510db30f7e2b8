//! Connections that send too little, too slowly or nothing at all: none of them lasts, and none keeps the others out.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tamis_simulator::Simulator;

use crate::support::process::{Home, installed};
use crate::support::{DEVIS_FORM, PAGE, World, an_hour_ago, canary, log};

/// Sends the head of a request, then a piece of its body every 100 ms, until the other side closes. Returns what was
/// answered and how long it took; panics after ten seconds.
fn drip(address: std::net::SocketAddr, head: &str, piece: &[u8]) -> (String, Duration) {
    let begun = Instant::now();
    let mut connection = TcpStream::connect(address).expect("a connection");
    connection.set_read_timeout(Some(Duration::from_millis(100))).expect("a socket");
    connection.write_all(head.as_bytes()).expect("an open connection");
    let (mut answer, mut buffer) = (Vec::new(), [0; 1_024]);
    loop {
        assert!(begun.elapsed() < Duration::from_secs(10), "it was never closed: {head}");
        match connection.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => answer.extend(buffer.iter().take(read)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if connection.write_all(piece).is_err() {
                    break;
                }
            }
            Err(_) => break,
        }
    }
    (String::from_utf8(answer).expect("text"), begun.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_end_does_not_hold_its_connection() {
    let world = World::start().await;
    let address = world.addresses.public;
    let chunked = |line: &str| format!("{line} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (line, status) in [("POST /nothing-here", "404"), ("GET /health/live", "200")] {
        let head = chunked(line);
        let (answer, _) =
            tokio::task::spawn_blocking(move || drip(address, &head, b"1\r\na\r\n")).await.expect("no panic");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    world.end().await;
}

/// A connection that gives a little at a time.
struct Slow {
    socket: TcpStream,
    drip: &'static [u8],
    answer: Vec<u8>,
    closed_after: Option<Duration>,
}

impl Slow {
    fn open(address: &str, head: &str, drip: &'static [u8]) -> Self {
        let mut socket = TcpStream::connect(address).expect("a connection");
        socket.write_all(head.as_bytes()).expect("open");
        socket.set_nonblocking(true).expect("a socket");
        Self { socket, drip, answer: Vec::new(), closed_after: None }
    }

    /// Takes what came, gives a little more.
    fn go_on(&mut self, begun: Instant) {
        if self.closed_after.is_some() {
            return;
        }
        let mut buffer = [0; 1_024];
        match self.socket.read(&mut buffer) {
            Ok(read @ 1..) => self.answer.extend(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if self.socket.write_all(self.drip).is_err() {
                    self.closed_after = Some(begun.elapsed());
                }
            }
            Ok(0) | Err(_) => self.closed_after = Some(begun.elapsed()),
        }
    }
}

/// The whole of a second is what a signed call may take while others dawdle.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// Signed calls, one after the other, each with a lead of its own.
async fn signed_calls(meta: &Simulator, webhook: &str, count: u64) {
    for at in 0..count {
        let first = 772_000_000_000_000 + at;
        let body = tamis_simulator::notification::shapes::batch(PAGE, DEVIS_FORM, first, 1, an_hour_ago());
        let answer = meta.deliver(webhook, &body).await.expect("an answer");
        assert_eq!(answer.status, 200);
        assert!(answer.elapsed < ANSWERED_WITHIN, "call {at} took {:?}", answer.elapsed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_heads_and_slow_bodies_are_cut_off_and_keep_no_signed_call_out() {
    const OF_EACH: usize = 150;
    let meta = Simulator::start(tamis_simulator::Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, &canary("page-token"), |text| text);
    let daemon = home.serve(&[]);
    let address = daemon.public.clone();
    let slow = tokio::task::spawn_blocking(move || {
        let begun = Instant::now();
        let body = "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n";
        let mut slow: Vec<Slow> = (0..OF_EACH)
            .flat_map(|_| {
                [("GET /webhook HTTP/1.1\r\nX: ", &b"x"[..]), (body, b"{"), ("", b"")]
                    .map(|(head, drip)| Slow::open(&address, head, drip))
            })
            .collect();
        while slow.iter().any(|slow| slow.closed_after.is_none()) {
            assert!(begun.elapsed() < Duration::from_secs(30), "some were never closed");
            slow.iter_mut().for_each(|slow| slow.go_on(begun));
            std::thread::sleep(Duration::from_millis(100));
        }
        slow
    });
    let calls = async {
        while !slow.is_finished() {
            signed_calls(&meta, &daemon.webhook(), 5).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    calls.await;
    for (at, slow) in slow.await.expect("no panic").iter().enumerate() {
        let answer = String::from_utf8_lossy(&slow.answer);
        let head = answer.lines().next().unwrap_or_default();
        assert!(head.starts_with("HTTP/1.1 408") || head.is_empty(), "{at}: {answer}");
        // Five seconds for a head, ten for a body, and what a loaded machine adds.
        let after = slow.closed_after.expect("closed");
        assert!(after > Duration::from_secs(4) && after < Duration::from_secs(25), "{at}: {after:?}");
    }
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}

/// True if the other side has said all and not closed.
fn is_open(mut connection: &TcpStream) -> bool {
    connection.set_nonblocking(true).expect("a socket");
    let mut rest = [0; 4_096];
    while matches!(connection.read(&mut rest), Ok(1..)) {}
    matches!(connection.read(&mut rest), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_idle_connections_keep_no_signed_call_out() {
    const IDLE: usize = 5_000;
    let files = tamis::machine::descriptors::raise_limit();
    assert!(files > IDLE as u64 + 1_000, "this test needs more than {files} open files");
    let meta = Simulator::start(tamis_simulator::Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, &canary("page-token"), |text| text);
    let daemon = home.serve(&[]);
    let address = daemon.public.clone();
    let idle = tokio::task::spawn_blocking(move || {
        let mut idle: Vec<TcpStream> = (0..IDLE)
            .map(|_| {
                let mut connection = TcpStream::connect(&address).expect("a connection");
                connection.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").expect("open");
                connection
            })
            .collect();
        // Every one of them is served and stays: idle, not waiting in a queue of the kernel's.
        for connection in &mut idle {
            connection.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
            let mut start = [0; 12];
            connection.read_exact(&mut start).expect("an answer");
            assert_eq!(&start, b"HTTP/1.1 200");
        }
        idle
    });
    let idle = idle.await.expect("no panic");
    signed_calls(&meta, &daemon.webhook(), 50).await;
    let open = idle.iter().filter(|connection| is_open(connection)).count();
    assert_eq!(open, IDLE, "they were all there while the calls were answered");
    drop(idle);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_idle_connections_keep_no_signed_call_out() {
    if !installed("prlimit") {
        return;
    }
    let files = tamis::machine::descriptors::raise_limit();
    assert!(files > 2_000, "this test needs {files} > 2,000 open files");
    let meta = Simulator::start(tamis_simulator::Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, &canary("page-token"), |text| text);
    // As systemd starts a service: 1,024 files, and leave to have more.
    let daemon = home.serve(&["/usr/bin/prlimit", "--nofile=1024:4096"]);
    let idle: Vec<TcpStream> = (0..1_200)
        .map(|_| {
            let mut connection = TcpStream::connect(&daemon.public).expect("a connection");
            connection.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").expect("open");
            connection
        })
        .collect();
    let body = meta.notification(&[]);
    let webhook = daemon.webhook();
    let delivery = tokio::time::timeout(Duration::from_secs(10), meta.deliver(&webhook, &body));
    assert_eq!(delivery.await.expect("within ten seconds").expect("an answer").status, 200);
    drop(idle);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_refused_is_named_by_the_address_that_a_trusted_proxy_gives() {
    let world = World::start().await;
    let address = world.addresses.public;
    let refused = tokio::task::spawn_blocking(move || {
        let head = "POST /webhook HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 6.6.6.6, 198.51.100.77\r\n\
                    Content-Length: 2\r\nConnection: close\r\n\r\n{}";
        drip(address, head, b"").0
    });
    let answer = refused.await.expect("no panic");
    assert!(answer.starts_with("HTTP/1.1 401 ") && !answer.contains("198.51"), "{answer}");
    let named = |line: &&String| line.contains("caller.address=198.51.100.77");
    assert_eq!(log().events("webhook.refused").iter().filter(named).count(), 1);
    world.end().await;
}
