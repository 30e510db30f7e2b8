//! Requests as nobody should send them, over both TCP doors and the admin socket at once: changed, cut short, one behind another. Ten seconds here;
//! `TAMIS_FUZZ_SECONDS=60 TAMIS_FUZZ_SEED=7 cargo test --test it mutated::` goes on from there. The seed is said, and with it
//! every thread sends what it sent.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tamis_simulator::{Page, Setup, Simulator, sign};

use crate::dice::Dice;
use crate::hostile::mutate::mutate;
use crate::support::memory::Memory;
use crate::support::process::{Daemon, Home, VERIFY_TOKEN};
use crate::support::{Account, Caller, DEVIS_FORM, PAGE, add_forms, canary, lead};

const SECONDS: u64 = 10;
const SEED: u64 = 1;
/// Who sends at the same time, at each of them.
const SENDERS: u64 = 2;
/// How long an answer is waited for; a head may take five seconds, so that a connection may outlive this.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often a true call comes between.
const BETWEEN: Duration = Duration::from_millis(200);
/// All bodies together may take 32 MiB; this is less than what a leak of a kilobyte a request comes to in a minute.
const GROWTH_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// What tamis may say to what a stranger sends; never that something is wrong with it.
const STATUSES: [u16; 15] = [100, 200, 201, 204, 400, 401, 403, 404, 405, 408, 409, 413, 429, 431, 503];

const WORDS: &[&str] = &[
    "\r\n",
    "\r\n\r\n",
    "\n",
    "\r",
    "\0",
    " ",
    "\t",
    ":",
    ",",
    ";",
    "%",
    "%00",
    "%2f..%2f",
    "/../",
    "//",
    "?",
    "&",
    "#",
    "GET ",
    "POST ",
    "HEAD ",
    "PUT ",
    "DELETE ",
    "OPTIONS ",
    "TRACE ",
    "CONNECT ",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    " HTTP/1.1\r\n",
    " HTTP/1.0\r\n",
    " HTTP/2.0\r\n",
    " HTTP/0.9\r\n",
    "Host: x\r\n",
    "Host:\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: -1\r\n",
    "Content-Length: 18446744073709551616\r\n",
    "Content-Length : 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "Connection: upgrade\r\nUpgrade: h2c\r\n",
    "Expect: 100-continue\r\n",
    "Content-Encoding: gzip\r\n",
    "Range: bytes=0-1\r\n",
    "X-Forwarded-For: 203.0.113.9\r\n",
    "Authorization: Bearer x.y\r\n",
    "Tamis-Reason: audit\r\n",
    "0\r\n\r\n",
    "5\r\nhello\r\n",
    "ffffffffffffffff\r\n",
    "1;a=b\r\nx\r\n",
    "/admin/v1/metrics",
    "/webhook",
    "/health/ready",
    "\u{fc}",
];

/// A number from the environment of whoever runs the test.
/// A number from the environment, or this one: a run of more than CI has.
pub fn number(variable: &str, otherwise: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test's own environment: how long, and from where on")]
    let text = std::env::var(variable).ok();
    text.map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

fn request(method: &str, path: &str, lines: &[&str], body: &[u8]) -> Vec<u8> {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n");
    [head.as_bytes(), body].concat()
}

fn with_body(method: &str, path: &str, lines: &[&str], body: &[u8]) -> Vec<u8> {
    let length = format!("Content-Length: {}", body.len());
    request(method, path, &[lines, &[&length]].concat(), body)
}

fn in_chunks(method: &str, path: &str, lines: &[&str], body: &[u8]) -> Vec<u8> {
    let mut chunked = Vec::new();
    for piece in body.chunks(100) {
        chunked.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        chunked.extend_from_slice(piece);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    request(method, path, &[lines, &["Transfer-Encoding: chunked"]].concat(), &chunked)
}

/// What the webhook's callers send.
fn public_requests(signed: &[u8]) -> Vec<Vec<u8>> {
    let signature =
        format!("X-Hub-Signature-256: {}", sign(Setup::default().app_secrets[0].as_bytes(), signed));
    let json = "Content-Type: application/json";
    let handshake =
        format!("/webhook?hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}&hub.challenge=8675309001");
    vec![
        with_body("POST", "/webhook", &[json, &signature], signed),
        in_chunks("POST", "/webhook", &[json, &signature], signed),
        with_body("POST", "/webhook", &[json, "X-Hub-Signature-256: sha256=00"], b"{}"),
        request("GET", &handshake, &[], b""),
        request("GET", "/health/ready", &[], b""),
        request("GET", "/health/live", &["Connection: close"], b""),
    ]
}

/// What operators send, as those who may much.
fn admin_requests(tokens: &[String]) -> Vec<Vec<u8>> {
    let mut requests = vec![request("GET", "/admin/v1/openapi.json", &[], b"")];
    for token in tokens {
        let bearer = format!("Authorization: Bearer {token}");
        let lines = [bearer.as_str(), "Tamis-Reason: audit"];
        for path in [
            "/purposes",
            "/purposes/devis/leads?format=json&limit=2",
            "/purposes/devis/leads?format=csv&after=devis-1-1",
            "/forms",
            "/inbox",
            "/tokens",
            "/trail?limit=5",
            "/metrics",
        ] {
            requests.push(request("GET", &format!("/admin/v1{path}"), &lines, b""));
        }
        for (path, body) in [
            ("/find", r#"{"id":"devis-1-1","unmask":true}"#),
            ("/find", r#"{"leadgen_id":"773000000000001"}"#),
            ("/inbox/requeue", r#"{"code":"consent-missing"}"#),
            ("/inbox/drop", r#"{"form_id":"909000000000001"}"#),
            ("/tokens", r#"{"name":"one","role":"viewer"}"#),
        ] {
            requests.push(with_body("POST", &format!("/admin/v1{path}"), &lines, body.as_bytes()));
        }
        requests.push(in_chunks("POST", "/admin/v1/find", &lines, br#"{"leadgen_id":"1"}"#));
        requests.push(with_body("POST", "/admin/v1/clock/confirm", &lines, b""));
        requests.push(request("DELETE", "/admin/v1/tokens/0123456789abcdef", &lines, b""));
    }
    requests
}

/// One to three requests behind one another, changed or not.
fn input(requests: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..1 + dice.below(3) {
        let request = &requests[dice.below(requests.len())];
        match dice.below(8) {
            0 => bytes.extend_from_slice(request),
            _ => bytes.extend(mutate(request, requests, WORDS, dice)),
        }
    }
    bytes
}

/// Where it is sent.
#[derive(Clone)]
enum Door {
    Tcp(String),
    Socket(PathBuf),
}

/// A connection to either.
trait Stream: Read + Write {
    /// There will be no more.
    fn end(&self);
}

impl Stream for TcpStream {
    fn end(&self) {
        let _ = self.shutdown(Shutdown::Write);
    }
}

impl Stream for UnixStream {
    fn end(&self) {
        let _ = self.shutdown(Shutdown::Write);
    }
}

impl Door {
    fn open(&self) -> Box<dyn Stream> {
        match self {
            Self::Tcp(address) => {
                let connection = TcpStream::connect(address).expect("a connection");
                connection.set_read_timeout(Some(PATIENCE)).expect("a socket");
                connection.set_nodelay(true).expect("a socket");
                Box::new(connection)
            }
            Self::Socket(path) => {
                let connection = UnixStream::connect(path).expect("a connection");
                connection.set_read_timeout(Some(PATIENCE)).expect("a socket");
                Box::new(connection)
            }
        }
    }
}

/// What came back, and whether the other side closed in order.
struct Heard {
    bytes: Vec<u8>,
    closed: bool,
}

/// Sends these bytes, in one piece or in several, and mostly no more; hears what comes back for a while.
fn send(door: &Door, bytes: &[u8], dice: &mut Dice) -> Heard {
    let mut connection = door.open();
    let pieces = 1 + dice.below(3);
    for piece in bytes.chunks(bytes.len() / pieces + 1) {
        // It may have been refused amid what is sent.
        if connection.write_all(piece).is_err() {
            break;
        }
    }
    if dice.below(8) > 0 {
        connection.end();
    }
    let (mut heard, mut buffer) = (Vec::new(), [0; 16_384]);
    loop {
        match connection.read(&mut buffer) {
            Ok(0) => return Heard { bytes: heard, closed: true },
            Ok(read) => heard.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Heard { bytes: heard, closed: false },
        }
    }
}

/// The answers in what was heard, by status.
///
/// # Errors
/// What is wrong with them.
fn answers(heard: &Heard, may_be_heads: bool) -> Result<Vec<u16>, &'static str> {
    let mut statuses = Vec::new();
    let mut rest = heard.bytes.as_slice();
    while !rest.is_empty() {
        match answer(rest, may_be_heads)? {
            Some((status, after)) => {
                statuses.push(status);
                rest = after;
            }
            None if heard.closed => return Err("half an answer, and then the end"),
            None => break,
        }
    }
    Ok(statuses)
}

type Parsed<'h> = Option<(u16, &'h [u8])>;

/// The first answer's status and what follows it (RFC 9112); none: it is not whole.
fn answer(heard: &[u8], may_be_heads: bool) -> Result<Parsed<'_>, &'static str> {
    let Some(end) = heard.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&heard[..end]).map_err(|_| "a head that is no text")?;
    let rest = &heard[end + 4..];
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default();
    // Who asks in HTTP/1.0 is answered in it.
    let old = line.strip_prefix("HTTP/1.0 ");
    let status = line.strip_prefix("HTTP/1.1 ").or(old).ok_or("no status line")?;
    let status: u16 = status.get(..3).and_then(|code| code.parse().ok()).ok_or("no status")?;
    let (mut length, mut chunked) = (None, false);
    for line in lines {
        let (name, value) = line.split_once(": ").ok_or("a line that is no header")?;
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if name.is_empty() || !name.bytes().all(is_token) || value.chars().any(char::is_control) {
            return Err("a header that is none");
        }
        match name.to_ascii_lowercase().as_str() {
            "content-length" if length.is_some() => return Err("two lengths"),
            "content-length" => length = Some(value.parse::<usize>().map_err(|_| "a length that is none")?),
            "transfer-encoding" if value == "chunked" => chunked = true,
            "transfer-encoding" => return Err("an encoding that nobody asked for"),
            _ => {}
        }
    }
    if chunked && length.is_some() {
        return Err("a length and chunks");
    }
    let bodiless =
        matches!(status, 100 | 204) || (may_be_heads && (rest.is_empty() || rest.starts_with(b"HTTP/1.")));
    match length {
        _ if bodiless => Ok(Some((status, rest))),
        Some(length) if rest.len() < length => Ok(None),
        Some(length) => Ok(Some((status, &rest[length..]))),
        None if chunked => Ok(unchunked(rest)?.map(|rest| (status, rest))),
        None if old.is_some() => Ok(Some((status, &[]))),
        None => Err("no length and no chunks"),
    }
}

/// What follows a body in chunks; none: it is not whole.
fn unchunked(mut rest: &[u8]) -> Result<Option<&[u8]>, &'static str> {
    loop {
        let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
        let size =
            std::str::from_utf8(&rest[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.ok_or("a chunk without a size")?;
        let Some(chunk) = rest.get(end + 2..end + 2 + size + 2) else { return Ok(None) };
        if !chunk.ends_with(b"\r\n") {
            return Err("a chunk without its end");
        }
        rest = &rest[end + 2 + size + 2..];
        if size == 0 {
            return Ok(Some(rest));
        }
    }
}

/// What the senders did.
#[derive(Default)]
struct Sent {
    inputs: AtomicU64,
    answers: AtomicU64,
    good: AtomicU64,
}

fn send_until(end: Instant, door: &Door, requests: &[Vec<u8>], seed: u64, sent: &Sent) {
    let mut dice = Dice::new(seed);
    while Instant::now() < end {
        let bytes = input(requests, &mut dice);
        let heard = send(door, &bytes, &mut dice);
        let may_be_heads = bytes.windows(4).any(|word| word == b"HEAD");
        let told = answers(&heard, may_be_heads);
        let shown = || {
            let (sent, heard) = (bytes.escape_ascii(), heard.bytes.escape_ascii());
            format!("seed {seed}\nsent:  {sent}\nheard: {heard}")
        };
        let statuses = told.unwrap_or_else(|wrong| panic!("{wrong}: {}", shown()));
        assert!(statuses.iter().all(|status| STATUSES.contains(status)), "{statuses:?}: {}", shown());
        sent.inputs.fetch_add(1, Ordering::Relaxed);
        sent.answers.fetch_add(statuses.len() as u64, Ordering::Relaxed);
        let good = statuses.iter().filter(|status| (200..300).contains(*status)).count();
        sent.good.fetch_add(good as u64, Ordering::Relaxed);
    }
}

/// A true lead, delivered as Meta does.
async fn a_true_call(meta: &Simulator, daemon: &Daemon, number: usize) {
    let email = format!("t{number}@example.org");
    let id = meta.add_lead(lead(DEVIS_FORM).answer("full_name", &["Z"]).answer("email", &[&email]));
    let answer = meta.deliver(&daemon.webhook(), &meta.notification(&[&id])).await.expect("an answer");
    assert_eq!(answer.status, 200, "true call {number}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_the_answers_are_http_and_true_calls_are_taken_beside_it() {
    let (seconds, seed) = (number("TAMIS_FUZZ_SECONDS", SECONDS), number("TAMIS_FUZZ_SEED", SEED));
    println!("seed {seed}, {seconds} s");
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let token = canary("page");
    meta.add_page(Page { id: PAGE.to_owned(), name: "Atelier".to_owned(), token: token.clone() });
    add_forms(&meta);
    let home = Home::new(&meta, &token, |text| text);
    let daemon = home.serve(&[]);
    let mut tokens = Vec::new();
    for role in ["officer", "admin"] {
        let made = daemon.admin().post("/admin/v1/tokens", &json!({"name": role, "role": role})).await;
        tokens.push(made.json()["token"].as_str().expect("a token").to_owned());
    }
    let crm = json!({"name": "crm", "role": "exporter", "purposes": ["devis"], "recipient": "crm", "reason": "crm-sync"});
    let made = daemon.admin().post("/admin/v1/tokens", &crm).await;
    tokens.push(made.json()["token"].as_str().expect("a token").to_owned());
    for number in 0..20 {
        a_true_call(&meta, &daemon, number).await;
    }
    let first =
        meta.add_lead(lead(DEVIS_FORM).answer("full_name", &["Z"]).answer("email", &["s@example.org"]));
    let memory = Memory::of(daemon.pid);

    let (sent, end) = (Arc::new(Sent::default()), Instant::now() + Duration::from_secs(seconds));
    let doors = [
        (Door::Tcp(daemon.public.clone()), public_requests(&meta.notification(&[&first]))),
        (Door::Tcp(daemon.admin.clone()), admin_requests(&tokens)),
        // There the kernel vouches: whoever can connect may everything.
        (Door::Socket(daemon.socket()), admin_requests(&[String::new()])),
    ];
    let mut senders = Vec::new();
    for (at, (door, requests)) in doors.into_iter().enumerate() {
        for sender in 0..SENDERS {
            let (door, requests, sent) = (door.clone(), requests.clone(), Arc::clone(&sent));
            let seed = seed.wrapping_mul(1_000).wrapping_add(at as u64 * SENDERS + sender);
            senders.push(tokio::task::spawn_blocking(move || send_until(end, &door, &requests, seed, &sent)));
        }
    }
    let mut true_calls = 20;
    while Instant::now() < end {
        a_true_call(&meta, &daemon, true_calls).await;
        true_calls += 1;
        assert_eq!(Caller::tcp(&daemon.public, None).get("/health/ready").await.status, 200);
        tokio::time::sleep(BETWEEN).await;
    }
    for sender in senders {
        sender.await.expect("no panic");
    }
    let grown = memory.grown_bytes();
    let figure = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (inputs, told, good) = (figure(&sent.inputs), figure(&sent.answers), figure(&sent.good));
    println!(
        "{inputs} inputs, {told} answers, {good} of them good; {true_calls} true calls; {} KiB more",
        grown / 1024
    );
    assert!(good * 50 > told && good < told, "what is sent is too odd or not odd enough: {good} of {told}");
    assert!(grown < GROWTH_MAX_BYTES, "{grown} bytes");

    let wanted = |account: &Account| {
        (0..true_calls).all(|n| account.stored.contains_key(&format!("t{n}@example.org")))
    };
    let begun = Instant::now();
    let mut account = Account::of(&daemon.admin()).await;
    while !wanted(&account) && begun.elapsed() < Duration::from_secs(30) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        account = Account::of(&daemon.admin()).await;
    }
    assert!(wanted(&account), "a true lead is missing");
    assert!(account.stored.values().all(|times| *times == 1), "each once");
    let metrics = daemon.admin().get("/admin/v1/metrics").await.text();
    assert!(metrics.contains("tamis_worker_panics_total 0\n"), "{metrics}");
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    for line in said.lines() {
        assert!(!line.contains(" ERROR ") && !line.contains("panic"), "{line}");
    }
    meta.stop().await;
}

#[test]
fn an_answer_that_is_none_is_seen() {
    let heard = |text: &str, closed| Heard { bytes: text.as_bytes().to_vec(), closed };
    let whole = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    assert_eq!(answers(&heard(&format!("{whole}{chunks}{whole}"), true), false), Ok(vec![200; 3]));
    assert_eq!(answers(&heard(&whole[..whole.len() - 1], false), false), Ok(vec![]), "there may be more");
    let head = "HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\n";
    assert_eq!(answers(&heard(&format!("{head}{whole}"), true), true), Ok(vec![404, 200]));
    for (text, wrong) in [
        (&whole[..whole.len() - 1], "half an answer, and then the end"),
        ("ok", "half an answer, and then the end"),
        ("HTTP/1.1 2\r\n\r\n", "no status"),
        ("HTTP/2 200 OK\r\n\r\n", "no status line"),
        ("HTTP/1.1 200 OK\r\nx\r\n\r\n", "a line that is no header"),
        ("HTTP/1.1 200 OK\r\nx: y\nz\r\n\r\n", "a header that is none"),
        ("HTTP/1.1 200 OK\r\n\r\n", "no length and no chunks"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 0\r\n\r\n", "two lengths"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n", "a chunk without a size"),
    ] {
        assert_eq!(answers(&heard(text, true), false), Err(wrong), "{text}");
    }
}
