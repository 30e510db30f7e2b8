//! Connections that send too little, too slowly or nothing at all: none of them lasts, and none keeps the others out.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tamis_simulator::Simulator;

use crate::support::process::{Home, installed};
use crate::support::{World, canary};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_idle_connections_keep_no_signed_call_out() {
    if !installed("prlimit") {
        return;
    }
    let files = tamis::descriptors::raise_limit();
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
