//! Requests as bytes: what of them the daemon answers before any handler, and where each of them ends.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;
use tamis_simulator::{Setup, Simulator, sign};

use crate::support::process::{Daemon, Home};
use crate::support::{DEVIS_FORM, PAGE, World, an_hour_ago};

const LIVE: &str = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";

/// One connection.
struct Line {
    socket: TcpStream,
    read: Vec<u8>,
}

/// One answer.
#[derive(Debug)]
struct Told {
    status: u16,
    head: String,
    body: String,
}

impl Told {
    /// The code of a problem, which is well-formed and has the number of its request.
    fn problem(&self) -> String {
        assert!(self.head.contains("content-type: application/problem+json"), "{self:?}");
        assert!(self.head.contains("connection: close"), "{self:?}");
        let body: Value = serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"));
        let id = body["request_id"].as_str().expect("an id");
        assert!(self.head.contains(&format!("tamis-request-id: {id}")), "{self:?}");
        assert_eq!(body["status"], self.status);
        body["code"].as_str().expect("a code").to_owned()
    }
}

impl Line {
    fn open(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).expect("a connection");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
        Self { socket, read: Vec::new() }
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.socket.write_all(bytes.as_ref()).expect("open");
        self
    }

    /// In pieces that arrive one by one.
    fn send_slowly(&mut self, bytes: &[u8], size: usize) -> &mut Self {
        self.socket.set_nodelay(true).expect("a socket");
        for piece in bytes.chunks(size) {
            self.send(piece);
            std::thread::sleep(Duration::from_millis(1));
        }
        self
    }

    /// Reads on; false at the end.
    fn more(&mut self) -> bool {
        let mut buffer = [0; 4_096];
        match self.socket.read(&mut buffer) {
            Ok(0) => false,
            Ok(read) => {
                self.read.extend_from_slice(&buffer[..read]);
                true
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => {
                panic!("neither an answer nor an end: {error}, {}", String::from_utf8_lossy(&self.read))
            }
        }
    }

    /// The head of the next answer.
    fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let rest = self.read.split_off(end + 4);
                let head = std::mem::replace(&mut self.read, rest);
                return Some(String::from_utf8(head).expect("text").to_ascii_lowercase());
            }
            if !self.more() {
                assert!(self.read.is_empty(), "half an answer: {}", String::from_utf8_lossy(&self.read));
                return None;
            }
        }
    }

    /// The next answer; none, if the other side has closed.
    fn answer(&mut self) -> Option<Told> {
        let head = self.head()?;
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let length: usize = length.map_or(0, |length| length.parse().expect("a length"));
        while self.read.len() < length {
            assert!(self.more(), "half a body");
        }
        let rest = self.read.split_off(length);
        let body = String::from_utf8(std::mem::replace(&mut self.read, rest)).expect("text");
        Some(Told { status: head[9..12].parse().expect("a status"), head, body })
    }

    /// All answers until the other side closes.
    fn all(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.answer()).collect()
    }
}

/// Runs what blocks beside the world.
async fn beside<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(what).await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_follow_each_other_are_answered_in_turn() {
    let world = World::start().await;
    let public = world.addresses.public;
    beside(move || {
        // One after the other.
        let mut line = Line::open(public);
        for _ in 0..3 {
            let told = line.send(LIVE).answer().expect("an answer");
            assert_eq!((told.status, told.body.as_str()), (200, "live"));
        }
        // All at once, and the last says that it is.
        let last = "GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let bodies: Vec<String> = Line::open(public)
            .send([LIVE.repeat(50), last.to_owned()].concat())
            .all()
            .into_iter()
            .map(|told| told.body)
            .collect();
        assert_eq!(bodies.len(), 51);
        assert!(bodies[..50].iter().all(|body| body == "live") && bodies[50] == "ready", "{bodies:?}");
        // Byte by byte, behind empty lines.
        let mut line = Line::open(public);
        let told = line.send_slowly(format!("\r\n\r\n{LIVE}\r\n{LIVE}").as_bytes(), 1).answer();
        assert_eq!(told.expect("an answer").body, "live");
        assert_eq!(line.answer().expect("an answer").body, "live");
        // Without a body, whatever the length says.
        let mut line = Line::open(public);
        line.send(format!("HEAD /health/live HTTP/1.1\r\nHost: x\r\n\r\n{LIVE}"));
        let head = line.head().expect("an answer");
        assert!(head.starts_with("http/1.1 200") && head.contains("content-length: 4"), "{head}");
        assert_eq!(line.answer().expect("an answer").body, "live");
        // Of an older kind: answered, and closed.
        let told = Line::open(public).send("GET /health/live HTTP/1.0\r\n\r\n").all();
        assert_eq!(told.iter().map(|told| told.body.as_str()).collect::<Vec<_>>(), ["live"]);
    })
    .await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_end_where_they_say_and_the_next_request_begins_there() {
    let world = World::start().await;
    let public = world.addresses.public;
    beside(move || {
        let secret = Setup::default().app_secrets[0].clone();
        let call = |id: u64| {
            let body = tamis_simulator::notification::shapes::batch(PAGE, DEVIS_FORM, id, 1, an_hour_ago());
            let signature = sign(secret.as_bytes(), &body);
            let head = format!("POST /webhook HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: {signature}\r\n");
            (head, body)
        };
        let chunked = |body: &[u8], size: usize| {
            let mut bytes = Vec::new();
            for chunk in body.chunks(size) {
                bytes.extend(format!("{:x};x=y\r\n", chunk.len()).into_bytes());
                bytes.extend(chunk);
                bytes.extend(b"\r\n");
            }
            bytes.extend(b"0\r\n\r\n");
            bytes
        };
        for (at, size) in [1, 7, 100_000].into_iter().enumerate() {
            let (head, body) = call(778_000_000_000_000 + at as u64);
            let sized = [format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat();
            let pieces =
                [format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes(), &chunked(&body, size)]
                    .concat();
            let three = [sized.as_slice(), &pieces, LIVE.as_bytes()].concat();
            for slowly in [None, Some(11)] {
                let mut line = Line::open(public);
                match slowly {
                    None => line.send(&three),
                    Some(size) => line.send_slowly(&three, size),
                };
                let told: Vec<Told> = (0..3).filter_map(|_| line.answer()).collect();
                let (statuses, bodies): (Vec<u16>, Vec<&str>) =
                    told.iter().map(|told| (told.status, told.body.as_str())).unzip();
                assert_eq!((statuses, bodies), (vec![200; 3], vec!["ok", "ok", "live"]), "by {size}");
            }
        }
        // Whoever asks whether to go on is told to.
        let (head, body) = call(778_000_000_000_009);
        let mut line = Line::open(public);
        line.send(format!("{head}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n", body.len()));
        assert_eq!(line.head().expect("a word"), "http/1.1 100 continue\r\n\r\n");
        assert_eq!(line.send(&body).answer().expect("an answer").body, "ok");
        assert_eq!(line.send(LIVE).answer().expect("an answer").body, "live");
        // A body that breaks off, or turns out to be none, is refused and nothing after it is believed.
        let (head, _) = call(778_000_000_000_010);
        for broken in ["zz\r\n", "5\r\nhello!\r\n", "0\r\nX: y\r\n\r\n", "1\nx\r\n0\r\n\r\n"] {
            let told = Line::open(public)
                .send(format!("{head}Transfer-Encoding: chunked\r\n\r\n{broken}{LIVE}"))
                .all();
            assert_eq!(told.iter().map(|told| told.status).collect::<Vec<_>>(), [400], "{broken}: {told:?}");
            assert_eq!(told[0].problem(), "request-invalid");
        }
        // And one that is too large before it has come.
        let told = Line::open(public).send(format!("{head}Content-Length: 2000000\r\n\r\n{{")).all();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].status, told[0].problem().as_str()), (413, "body-too-large"));
    })
    .await;
    world.end().await;
}

/// Heads that two readers may read in two ways, or that are none, on either door: each has one answer, and what stands
/// behind it none.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_read_in_two_ways_is_refused_and_closes() {
    let world = World::start().await;
    let doors = [world.addresses.public, world.addresses.admin.expect("a TCP door")];
    let post = |lines: &str| format!("POST /webhook HTTP/1.1\r\nHost: x\r\n{lines}\r\n");
    let shapes = [
        post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"),
        post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"),
        post("Content-Length: 4\r\nContent-Length: 40\r\n"),
        post("Content-Length: 4\r\nContent-Length: 4\r\n"),
        post("Content-Length: 4, 40\r\n"),
        post("Content-Length: +4\r\n"),
        post("Content-Length: 4 0\r\n"),
        post("Content-Length : 4\r\n"),
        post("Content-Length\t: 4\r\n"),
        post("X: y\r\n Content-Length: 4\r\n"),
        post("Transfer-Encoding: identity\r\n"),
        post("Transfer-Encoding: gzip, chunked\r\n"),
        post("Transfer-Encoding: chunked, identity\r\n"),
        post("Transfer-Encoding: xchunked\r\n"),
        post("Transfer-Encoding:\x0bchunked\r\n"),
        post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"),
        post("Transfer-Encoding\r\n : chunked\r\n"),
        post("X: y\nTransfer-Encoding: chunked\r\n"),
        post("X: y\rTransfer-Encoding: chunked\r\n"),
        post("X: y\0z\r\n"),
        post("Host: y\r\n"),
        "POST /webhook HTTP/1.1\r\nContent-Length: 4\r\n\r\n".to_owned(),
        "POST /webhook HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
        "GET /health/live HTTP/1.1\nHost: x\n\n".to_owned(),
        "GET /health/live HTTP/1.1\r\nHost: x\r\n\n".to_owned(),
        "GET /health/live HTTP/9.9\r\nHost: x\r\n\r\n".to_owned(),
        "GET /health/live\r\n\r\n".to_owned(),
        "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\0\x01\0\x01\u{fc}".to_owned(),
        "garbage\r\n\r\n".to_owned(),
    ];
    let count = shapes.len();
    beside(move || {
        for shape in shapes {
            for door in doors {
                let told = Line::open(door).send(format!("{shape}{LIVE}")).all();
                let statuses: Vec<u16> = told.iter().map(|told| told.status).collect();
                assert_eq!(statuses, [400], "{shape:?}: {told:?}");
                assert_eq!(told[0].problem(), "request-invalid", "{shape:?}");
            }
        }
    })
    .await;
    let metrics = world.admin().get("/admin/v1/metrics").await.text();
    for door in ["public", "admin-tcp"] {
        let line =
            format!("tamis_heads_refused_total{{listener=\"{door}\",code=\"request-invalid\"}} {count}");
        assert!(metrics.lines().any(|found| found == line), "{line}\n{metrics}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large_is_told_so_on_both_doors() {
    let world = World::start().await;
    let doors = [world.addresses.public, world.addresses.admin.expect("a TCP door")];
    let socket = world.addresses.socket.clone();
    let large = |bytes: usize| {
        let head = format!("GET /health/live HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(bytes));
        let whole = head.len();
        (head, whole)
    };
    beside(move || {
        for door in doors {
            let (just, whole) = large(16_000);
            assert!(whole < 16_384);
            let told = Line::open(door).send(just).answer().expect("an answer");
            assert!([200, 404].contains(&told.status), "{told:?}");
            for head in [large(16_400).0, large(200_000).0, format!("GET /{}", "a".repeat(20_000))] {
                let told = Line::open(door).send(head).all();
                assert_eq!(told.len(), 1, "{told:?}");
                assert_eq!((told[0].status, told[0].problem().as_str()), (431, "head-too-large"));
            }
            let lines = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(100));
            assert_eq!(Line::open(door).send(lines).all()[0].problem(), "head-too-large");
        }
        let mut connection = std::os::unix::net::UnixStream::connect(socket).expect("the socket");
        connection.write_all(large(16_400).0.as_bytes()).expect("open");
        let mut told = String::new();
        connection.read_to_string(&mut told).expect("an answer");
        assert!(told.starts_with("HTTP/1.1 431 ") && told.contains("head-too-large"), "{told}");
    })
    .await;
    world.end().await;
}

/// Begun heads, first and second, with a byte now and then: told after five seconds. Silence is not told anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_head_is_told_so_and_silence_is_not() {
    let world = World::start().await;
    let public = world.addresses.public;
    let drip = move |first: Option<&'static str>, begun: &'static str| {
        let mut line = Line::open(public);
        if let Some(first) = first {
            line.send(first).answer().expect("an answer");
        }
        let began = Instant::now();
        line.send(begun);
        line.socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a socket");
        let mut buffer = [0; 2_048];
        loop {
            match line.socket.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => line.read.extend_from_slice(&buffer[..read]),
                Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {
                    if !begun.is_empty() {
                        let _ = line.socket.write_all(b"x");
                    }
                }
                Err(_) => break,
            }
            assert!(began.elapsed() < Duration::from_secs(15), "it was never closed");
        }
        (line.answer(), began.elapsed())
    };
    let (first, second, silent) = tokio::join!(
        beside(move || drip(None, "GET / HTTP/1.1\r\nX: ")),
        beside(move || drip(Some(LIVE), "G")),
        beside(move || drip(None, "")),
    );
    for (told, took) in [first, second] {
        assert!(took > Duration::from_secs(4), "{took:?}");
        let told = told.expect("an answer");
        assert_eq!((told.status, told.problem().as_str()), (408, "request-timeout"));
    }
    assert!(silent.0.is_none() && silent.1 > Duration::from_secs(4), "{silent:?}");
    world.end().await;
}

async fn daemon() -> (Simulator, Home, Daemon) {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text);
    let daemon = home.serve(&[]);
    (meta, home, daemon)
}

/// An alarm on `error` lines is one that no stranger may ring.
#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_counted_and_is_no_error() {
    let (meta, _home, daemon) = daemon().await;
    let (public, admin) = (daemon.public.parse().expect("an address"), daemon.admin.parse().expect("one"));
    beside(move || {
        for door in [public, admin] {
            for garbage in [
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc".as_slice(),
                b"nothing\r\n\r\n",
                b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
                b"GET /\x7f HTTP/1.1\r\nHost: x\r\n\r\n",
            ] {
                Line::open(door).send(garbage).all();
            }
            // Gone in the middle of a body, and of an answer.
            Line::open(door).send("POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{");
            Line::open(door).send(LIVE.repeat(20));
        }
    })
    .await;
    let metrics = daemon.admin().get("/admin/v1/metrics").await.text();
    for door in ["public", "admin-tcp"] {
        let line = format!("tamis_heads_refused_total{{listener=\"{door}\",code=\"request-invalid\"}} 4");
        assert!(metrics.lines().any(|found| found == line), "{line}\n{metrics}");
    }
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    assert!(!said.contains(" ERROR "), "{said}");
    meta.stop().await;
}
