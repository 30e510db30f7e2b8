//! Bytes that are no HTTP, at both TCP doors: counted, and no alarm that anybody can ring.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use tamis_simulator::{Setup, Simulator};

use crate::support::process::Home;

const ROUNDS: usize = 40;

/// Sends these bytes, then goes, politely or not.
fn send(address: &str, bytes: &[u8], politely: bool) {
    let mut connection = TcpStream::connect(address).expect("a connection");
    connection.set_read_timeout(Some(Duration::from_millis(500))).expect("a socket");
    let _ = connection.write_all(bytes);
    if politely {
        let _ = connection.shutdown(Shutdown::Write);
        let _ = connection.read_to_end(&mut Vec::new());
    }
    // Otherwise what was answered is unread, and the other side learns of a reset.
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_bytes_are_counted_and_no_alarm() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| format!("{text}\n[log]\nlevel = \"debug\"\n"));
    let daemon = home.serve(&[]);
    let head = "POST /webhook HTTP/1.1\r\nHost: x\r\n";
    let long = format!("{head}X: {}\r\n\r\n", "x".repeat(200_000));
    let many = format!("{head}{}\r\n", "X: y\r\n".repeat(500));
    let odd: Vec<Vec<u8>> = vec![
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03canary".to_vec(),
        b"GET canary\r\n\r\n".to_vec(),
        b"canary\r\n\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        format!("{head}Content-Length: canary\r\n\r\n").into_bytes(),
        format!("{head}Content-Length: 5\r\nContent-Length: 6\r\n\r\n").into_bytes(),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\ncanary\r\n").into_bytes(),
        format!("{head}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n").into_bytes(),
        format!("{head}Content-Length: 100\r\n\r\ncanary").into_bytes(),
        format!("{head}Bad Header: canary\r\n\r\n").into_bytes(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        long.into_bytes(),
        many.into_bytes(),
        vec![0xff; 5_000],
    ];
    let doors = [daemon.public.clone(), daemon.admin.clone()];
    let sending = tokio::task::spawn_blocking(move || {
        for round in 0..ROUNDS {
            for bytes in &odd {
                doors.iter().for_each(|door| send(door, bytes, round % 4 == 0));
            }
        }
    });
    sending.await.expect("no panic");
    let metrics = daemon.admin().get("/admin/v1/metrics").await.text();
    // By the listener, where it reads the head itself; by the server below it, where that met it.
    let counted = |family: &str| -> u64 {
        let lines = metrics.lines().filter(|line| line.starts_with(family));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    };
    let below = counted("tamis_malformed_connections_total");
    let count = counted("tamis_heads_refused_total{") + below;
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    println!("{count} of {} odd connections were counted", ROUNDS * 14 * 2);
    assert!(count > 0, "what this sends is understood, or nobody counts");
    assert!(!said.contains(" ERROR ") && !said.contains("canary"), "{said}");
    let foreign = said.matches(" foreign.event ").count() as u64;
    assert!(foreign <= below / 100 + 1, "{foreign} lines of {count}");
    meta.stop().await;
}
