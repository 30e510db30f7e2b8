//! Every body and every answer of the admin side has an end, on both doors, whoever asks.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::json;
use tamis_simulator::{Setup, Simulator};

use crate::support::process::{Daemon, Home};
use crate::support::{DEVIS_FORM, add_forms, canary, lead};

/// A connection to either door.
trait Door: Read + Write + Send {
    fn wait_at_most(&self, wait: Duration);
}

impl Door for TcpStream {
    fn wait_at_most(&self, wait: Duration) {
        self.set_read_timeout(Some(wait)).expect("a socket");
    }
}

impl Door for UnixStream {
    fn wait_at_most(&self, wait: Duration) {
        self.set_read_timeout(Some(wait)).expect("a socket");
    }
}

/// Sends the head of a call (and what of its body is in `call`) through TCP with a token, or through the socket.
fn begin(daemon: &Daemon, bearer: Option<&str>, call: &str) -> Box<dyn Door> {
    let mut door: Box<dyn Door> = match bearer {
        Some(_) => Box::new(TcpStream::connect(&daemon.admin).expect("a connection")),
        None => Box::new(UnixStream::connect(daemon.socket()).expect("a connection")),
    };
    let (line, rest) = call.split_once("\r\n").expect("a line");
    let bearer = bearer.map_or_else(String::new, |bearer| format!("Authorization: Bearer {bearer}\r\n"));
    let head = format!("{line} HTTP/1.1\r\nHost: x\r\nTamis-Reason: audit\r\n{bearer}{rest}");
    door.write_all(head.as_bytes()).expect("open");
    door
}

/// All that comes until the other side closes.
fn rest_of(door: &mut dyn Door) -> Vec<u8> {
    door.wait_at_most(Duration::from_secs(10));
    let (mut all, mut buffer) = (Vec::new(), vec![0; 65_536]);
    loop {
        match door.read(&mut buffer) {
            Ok(0) => return all,
            Ok(read) => all.extend(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return all,
            Err(error) => panic!("it was never closed: {error}"),
        }
    }
}

async fn token(daemon: &Daemon, role: &str) -> (String, String) {
    let mut body = json!({"name": role, "role": role});
    if role == "exporter" {
        body = json!({"name": "crm", "role": role, "purposes": ["devis"], "recipient": "crm", "reason": "crm-sync"});
    }
    let made = daemon.admin().post("/admin/v1/tokens", &body).await.json();
    (made["id"].as_str().expect("an id").to_owned(), made["token"].as_str().expect("a token").to_owned())
}

async fn daemon() -> (Simulator, Home, Daemon) {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let token = canary("page-token");
    meta.set_token(crate::support::PAGE, &token);
    add_forms(&meta);
    let home = Home::new(&meta, &token, |text| text);
    let daemon = home.serve(&[]);
    (meta, home, daemon)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_an_authorised_caller_has_an_end_too() {
    let (meta, _home, daemon) = daemon().await;
    let (_, officer) = token(&daemon, "officer").await;
    let begun = Instant::now();
    let calls = [
        "POST /admin/v1/find\r\nContent-Length: 1000\r\n\r\n{",
        "POST /admin/v1/find\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    ];
    let mut doors: Vec<Box<dyn Door>> = Vec::new();
    for call in calls {
        doors.extend([Some(officer.as_str()), None].map(|bearer| begin(&daemon, bearer, call)));
    }
    let answers = tokio::task::spawn_blocking(move || {
        let mut answers = vec![String::new(); doors.len()];
        while answers.iter().any(String::is_empty) {
            assert!(begun.elapsed() < Duration::from_secs(30), "never answered: {answers:?}");
            for (at, door) in doors.iter_mut().enumerate() {
                if !answers[at].is_empty() {
                    continue;
                }
                door.wait_at_most(Duration::from_millis(50));
                let mut buffer = [0; 4_096];
                match door.read(&mut buffer) {
                    Ok(read) => answers[at] = String::from_utf8_lossy(&buffer[..read]).into_owned(),
                    Err(_) => drop(door.write_all(if at < 2 { b" " } else { b"1\r\n \r\n" })),
                }
            }
        }
        answers
    });
    for answer in answers.await.expect("no panic") {
        assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"request-timeout\""), "{answer}");
    }
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}

/// So many records of so many bytes: more than the system's buffers of a connection hold.
const RECORDS: usize = 600;
const RECORD_BYTES: usize = 12_000;

async fn fill(meta: &Simulator, daemon: &Daemon) {
    let long = "x".repeat(RECORD_BYTES);
    let leads: Vec<String> = (0..RECORDS)
        .map(|number| {
            let email = format!("p{number}@example.org");
            meta.add_lead(lead(DEVIS_FORM).answer("full_name", &[&long]).answer("email", &[&email]))
        })
        .collect();
    for part in leads.chunks(100) {
        let part: Vec<&str> = part.iter().map(String::as_str).collect();
        let answer = meta.deliver(&daemon.webhook(), &meta.notification(&part)).await.expect("an answer");
        assert_eq!(answer.status, 200);
    }
    let begun = Instant::now();
    loop {
        let purposes = daemon.admin().get("/admin/v1/purposes").await.json();
        if purposes["purposes"][0]["stored"] == RECORDS {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "{purposes}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// How many sockets the daemon has open.
fn sockets(daemon: &Daemon) -> usize {
    let files = std::fs::read_dir(format!("/proc/{}/fd", daemon.pid)).expect("a process");
    let is_socket = |file: std::io::Result<std::fs::DirEntry>| {
        let target = std::fs::read_link(file.ok()?.path()).ok()?;
        target.to_string_lossy().starts_with("socket:").then_some(())
    };
    files.filter_map(is_socket).count()
}

/// Waits until no more than so many are left.
async fn sockets_fall_to(daemon: &Daemon, most: usize, within: Duration) {
    let begun = Instant::now();
    while sockets(daemon) > most {
        assert!(begun.elapsed() < within, "{} sockets after {within:?}, not {most}", sockets(daemon));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

const EXPORT: &str = "GET /admin/v1/purposes/devis/leads?limit=10000\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_nothing_loses_the_connection_and_so_does_a_revoked_token() {
    let (meta, _home, daemon) = daemon().await;
    fill(&meta, &daemon).await;
    let (id, revoked) = token(&daemon, "exporter").await;
    let (_, exporter) = token(&daemon, "exporter").await;
    let whole = rest_of(begin(&daemon, Some(&exporter), EXPORT).as_mut()).len();
    assert!(whole > RECORDS * RECORD_BYTES, "{whole}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = sockets(&daemon);

    // A revoked token: what is under way is cut at once, on the trail too; the other's goes on.
    let mut cut = begin(&daemon, Some(&revoked), EXPORT);
    let mut other = begin(&daemon, Some(&exporter), EXPORT);
    daemon.until_said("export.opened", 3);
    assert!(sockets(&daemon) >= before + 2);
    assert_eq!(daemon.admin().delete(&format!("/admin/v1/tokens/{id}")).await.status, 204);
    let after = rest_of(cut.as_mut()).len();
    assert!(after < whole, "{after} of {whole} bytes");
    assert_eq!(rest_of(other.as_mut()).len(), whole);
    let trail = daemon.admin().get("/admin/v1/trail?limit=10000").await.lines();
    let line = trail.iter().rfind(|line| line["action"] == "token-revoked").expect("a line");
    assert_eq!(line["count"], 1, "{line}");
    assert!(daemon.said("token.revoked")[0].contains("calls.cut=1"));
    sockets_fall_to(&daemon, before, Duration::from_secs(5)).await;

    // Nothing is taken of these, on either door.
    let mut stuck: Vec<Box<dyn Door>> = Vec::new();
    for bearer in [Some(exporter.as_str()), None] {
        stuck.extend((0..3).map(|_| begin(&daemon, bearer, EXPORT)));
    }
    daemon.until_said("export.opened", 9);
    assert!(sockets(&daemon) >= before + 6);
    sockets_fall_to(&daemon, before, Duration::from_secs(90)).await;
    daemon.until_said("given-up", 6);
    for door in &mut stuck {
        assert!(rest_of(door.as_mut()).len() < whole);
    }
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}

/// Lines of the trail that fill the system's buffers of a connection.
const LINES: usize = 1_500;
/// What half of the light calls may take at most while others read all they may: the slowest depends on what else the
/// machine does.
const LIGHT_WITHIN: Duration = Duration::from_millis(1_500);

#[tokio::test(flavor = "multi_thread")]
async fn long_reads_hold_up_no_other_call_and_only_so_many_run_at_once() {
    let (meta, _home, daemon) = daemon().await;
    fill(&meta, &daemon).await;
    let look = || async {
        for _ in 0..LINES / 10 {
            let found = daemon.admin().post("/admin/v1/find", &json!({"id": "devis-1-1"})).await;
            assert_eq!(found.status, 200);
        }
    };
    futures_util::future::join_all((0..10).map(|_| look())).await;
    const TRAIL: &str = "GET /admin/v1/trail?limit=10000\r\n\r\n";
    let mut stuck: Vec<Box<dyn Door>> = (0..4).map(|_| begin(&daemon, None, TRAIL)).collect();
    stuck.extend((0..8).map(|_| begin(&daemon, None, EXPORT)));
    daemon.until_said("export.opened", 8);
    for (path, places) in
        [("/admin/v1/trail?limit=10000", 4), ("/admin/v1/purposes/devis/leads?limit=10000", 8)]
    {
        let refused = daemon.admin().get(path).await;
        assert_eq!((refused.status, refused.json()["code"].as_str()), (503, Some("busy")), "beyond {places}");
        assert!(!refused.header("retry-after").is_empty());
    }
    drop(stuck.split_off(4));
    // Four stand still; others take what they can as fast as they can.
    let reading = || async {
        loop {
            let page = daemon.admin().get("/admin/v1/purposes/devis/leads?limit=10000").await;
            assert!([200, 503].contains(&page.status), "{}", page.status);
        }
    };
    let light = async {
        let mut took = Vec::new();
        for _ in 0..10 {
            for path in ["/admin/v1/purposes", "/admin/v1/inbox", "/admin/v1/metrics", "/admin/v1/forms"] {
                let begun = Instant::now();
                assert_eq!(daemon.admin().get(path).await.status, 200);
                took.push(begun.elapsed());
            }
        }
        took.sort();
        took
    };
    let readers = futures_util::future::join_all((0..6).map(|_| reading()));
    let took = tokio::select! {
        took = light => took,
        _ = readers => panic!("they read for ever"),
    };
    let (median, slowest) = (took[took.len() / 2], took[took.len() - 1]);
    println!("light calls: median {median:?}, slowest {slowest:?}");
    assert!(median < LIGHT_WITHIN, "{median:?}");
    drop(stuck);
    let begun = Instant::now();
    while daemon.admin().get("/admin/v1/trail?limit=10").await.status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(10), "its place was never given back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}
