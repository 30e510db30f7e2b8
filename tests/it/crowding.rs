//! Whoever sends without a signature and holds all the memory that they may: signed calls go through all the same.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tamis_simulator::notification::shapes;
use tamis_simulator::{Setup, Simulator};

use crate::support::process::{Daemon, Home};
use crate::support::{DEVIS_FORM, PAGE, an_hour_ago, canary};

/// More than the 87 that once were enough.
const HOLDERS: usize = 150;
const HELD_BYTES: usize = 400_000;
/// How soon one comes back that was shut out.
const SOON: Duration = Duration::from_millis(100);
/// What a signed call of a hundred kilobytes may take while others crowd, on a machine that builds besides.
const ANSWERED_WITHIN: Duration = Duration::from_secs(4);

/// Unsigned senders that hold what they may: each sends most of a large body at once, the rest a byte now and then, and
/// begins anew when it is shut out.
struct Crowd {
    over: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Crowd {
    /// `from`: what stands in `X-Forwarded-For` for each of them, by its number. `again`: how long one stays away that was
    /// shut out.
    fn gather(
        address: &str,
        from: impl Fn(usize) -> Option<String> + Send + 'static,
        again: Duration,
    ) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (address, ending) = (address.to_owned(), Arc::clone(&over));
        let thread = std::thread::Builder::new().name("crowd".to_owned()).spawn(move || {
            let begin = |number| Holder::begin(&address, from(number).as_deref());
            let now = Instant::now;
            let mut holders: Vec<Result<Holder, Instant>> =
                (0..HOLDERS).map(|number| begin(number).ok_or_else(now)).collect();
            let mut begun = HOLDERS;
            while !ending.load(Ordering::Relaxed) {
                for (number, holder) in holders.iter_mut().enumerate() {
                    match holder {
                        Ok(there) => {
                            if !there.goes_on() {
                                *holder = Err(now());
                            }
                        }
                        Err(since) if since.elapsed() < again => {}
                        Err(_) => {
                            *holder = begin(number).ok_or_else(now);
                            begun += 1;
                        }
                    }
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            begun
        });
        Self { over, thread: thread.expect("a thread") }
    }

    /// How many bodies were begun.
    fn disperse(self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().expect("no panic")
    }
}

struct Holder {
    socket: TcpStream,
    rest: Vec<u8>,
}

impl Holder {
    fn begin(address: &str, from: Option<&str>) -> Option<Self> {
        let mut socket = TcpStream::connect(address).ok()?;
        let from = from.map_or_else(String::new, |from| format!("X-Forwarded-For: {from}\r\n"));
        let head = format!(
            "POST /webhook HTTP/1.1\r\nHost: x\r\n{from}Content-Length: {}\r\n\r\n",
            HELD_BYTES + 1_000
        );
        socket.write_all(head.as_bytes()).ok()?;
        socket.set_nonblocking(true).ok()?;
        Some(Self { socket, rest: vec![b'{'; HELD_BYTES] })
    }

    /// Sends on. False: it was shut out.
    fn goes_on(&mut self) -> bool {
        let mut answer = [0; 1_024];
        match self.socket.read(&mut answer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            _ => return false,
        }
        if self.rest.is_empty() {
            return self.socket.write_all(b"{").is_ok();
        }
        match self.socket.write(&self.rest) {
            Ok(written) => self.rest.truncate(self.rest.len() - written),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
        true
    }
}

/// A signed call of so many changes: about 150 bytes each.
async fn signed(meta: &Simulator, daemon: &Daemon, first: u64, changes: u64) -> (u16, Duration, usize) {
    let body = shapes::batch(PAGE, DEVIS_FORM, first, changes, an_hour_ago());
    let answer = meta.deliver(&daemon.webhook(), &body).await.expect("an answer");
    (answer.status, answer.elapsed, body.len())
}

async fn crowded(from: impl Fn(usize) -> Option<String> + Send + 'static, again: Duration, known_as: &str) {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, &canary("page-token"), |text| text);
    let daemon = home.serve(&[]);
    let crowd = Crowd::gather(&daemon.public, from, again);
    // Until the crowd has what it may have.
    daemon.until_said("webhook.crowded", 1);
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let (mut next, mut slowest) = (772_000_000_000_000, Duration::ZERO);
    for call in 0..20 {
        for (changes, least) in [(14, 2_000), (800, 100_000)] {
            let (status, took, bytes) = signed(&meta, &daemon, next, changes).await;
            assert!(bytes >= least, "{bytes} bytes");
            assert_eq!(status, 200, "call {call} of {bytes} bytes");
            slowest = slowest.max(took);
            next += 1_000;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let metrics = daemon.admin().get("/admin/v1/metrics").await.text();
    println!("{known_as}: {} bodies begun, slowest signed call {slowest:?}", crowd.disperse());
    assert!(slowest < ANSWERED_WITHIN, "{slowest:?}");
    let count = |code: &str| -> u64 {
        let line = format!("tamis_bodies_refused_total{{code=\"{code}\"}} ");
        metrics.lines().find_map(|found| found.strip_prefix(&line)?.parse().ok()).unwrap_or(0)
    };
    let refused = ["bodies-full", "bodies-share-spent", "body-overtaken"].map(count);
    assert!(refused.iter().sum::<u64>() > 30, "{refused:?}\n{metrics}");
    let said = daemon.said("webhook.crowded");
    assert!((1..=2).contains(&said.len()), "once a minute: {said:#?}");
    assert!(said[0].contains(&format!("caller.address={known_as}")), "{}", said[0]);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_that_holds_all_it_may_starves_no_signed_call() {
    crowded(|_| Some("198.51.100.7".to_owned()), SOON, "198.51.100.7").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_addresses_that_hold_all_they_may_starve_no_signed_call() {
    crowded(|number| Some(format!("198.51.100.{}", number % 50)), SOON, "198.51.100.").await;
}

/// The proxy says nothing of who called, so that all the world has its address, and only who is slow can be told.
#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_that_names_nobody_the_slow_starve_no_signed_call() {
    crowded(|_| None, 100 * SOON, "127.0.0.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_was_not_declared_is_said_once() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, &canary("page-token"), |text| {
        text.replace("[public]\n", "[public]\ntrusted_proxies = [\"10.1.2.3\"]\n")
    });
    let daemon = home.serve(&[]);
    for _ in 0..3 {
        let mut socket = TcpStream::connect(&daemon.public).expect("a connection");
        let head = "POST /webhook HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 198.51.100.7\r\n\
                    Content-Length: 2\r\nConnection: close\r\n\r\n{}";
        socket.write_all(head.as_bytes()).expect("open");
        let (mut answer, begun) = (Vec::new(), Instant::now());
        let _ = socket.read_to_end(&mut answer);
        assert!(answer.starts_with(b"HTTP/1.1 401 ") && begun.elapsed() < ANSWERED_WITHIN);
    }
    let (_, said) = daemon.terminate();
    let warned: Vec<&str> = said.lines().filter(|line| line.contains("webhook.proxy-not-trusted")).collect();
    assert_eq!(warned.len(), 1, "{said}");
    assert!(warned[0].contains("caller.address=127.0.0.1"), "{}", warned[0]);
    meta.stop().await;
}
