//! More connections than there are places: who gives way, who is told, and what it costs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tamis_simulator::{Setup, Simulator};

use crate::support::memory::Memory;
use crate::support::process::{Daemon, Home, installed};
use crate::support::{DEVIS_FORM, PAGE, an_hour_ago, canary};

/// A signed call is answered within this, whatever else is connected: before those that sit idle have had their time.
const ANSWERED_WITHIN: Duration = Duration::from_secs(4);
const LIVE: &[u8] = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
/// As systems start a service that nobody gave more: some 480 places.
const FEW_FILES: [&str; 2] = ["/usr/bin/prlimit", "--nofile=1024:1024"];

async fn world(wrapper: &[&str]) -> (Simulator, Home, Daemon) {
    // A kept connection that gives way just as its client sends again is an end that every client must reckon with (RFC 9112
    // section 9.5): it tells nothing of new ones.
    let setup = Setup { keeps_connections: false, ..Setup::default() };
    let meta = Simulator::start(setup).await.expect("Meta's side");
    let home = Home::new(&meta, &canary("page-token"), |text| text);
    let daemon = home.serve(wrapper);
    (meta, home, daemon)
}

/// Signed calls, one after the other, each on a connection of its own and with a lead of its own.
async fn signed_calls(meta: &Simulator, daemon: &Daemon, first: u64, count: u64) {
    for (at, elapsed) in calls(meta, daemon, first, count).await {
        assert!(elapsed < ANSWERED_WITHIN, "call {at} took {elapsed:?}");
    }
}

/// The same; how long each took.
async fn calls(meta: &Simulator, daemon: &Daemon, first: u64, count: u64) -> Vec<(u64, Duration)> {
    let mut all = Vec::new();
    for at in first..first + count {
        let id = 779_000_000_000_000 + at;
        let body = tamis_simulator::notification::shapes::batch(PAGE, DEVIS_FORM, id, 1, an_hour_ago());
        let answer = meta.deliver(&daemon.webhook(), &body).await.expect("an answer");
        assert_eq!(answer.status, 200);
        all.push((at, answer.elapsed));
    }
    all
}

/// So many connections, each with these bytes sent.
async fn connections(daemon: &Daemon, count: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let (address, bytes) = (daemon.public.clone(), bytes.to_vec());
    let open = move || {
        let open = |_| {
            let mut connection = TcpStream::connect(&address).expect("a connection");
            // Whoever was answered and closed before the last byte does not take it.
            let _ = connection.write_all(&bytes);
            connection
        };
        (0..count).map(open).collect()
    };
    tokio::task::spawn_blocking(open).await.expect("no panic")
}

async fn metric(daemon: &Daemon, series: &str) -> u64 {
    let metrics = daemon.admin().get("/admin/v1/metrics").await.text();
    let value = metrics.lines().find_map(|line| line.strip_prefix(series)).map(str::trim);
    value.map_or(0, |value| value.parse().expect("a number"))
}

fn raise(files: u64) {
    let limit = tamis::machine::descriptors::raise_limit();
    assert!(limit > files, "this test needs more than {limit} open files");
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_give_way_and_signed_calls_are_answered_at_once() {
    if !installed("prlimit") {
        println!("skipped: prlimit is not installed");
        return;
    }
    raise(3_000);
    let (meta, _home, daemon) = world(&FEW_FILES).await;
    let mut idle = Vec::new();
    for (round, bytes) in [b"".as_slice(), LIVE, b"GET /health/live HTTP/1.1\r\nX: "].into_iter().enumerate()
    {
        idle.extend(connections(&daemon, 700, bytes).await);
        signed_calls(&meta, &daemon, 10 * round as u64, 10).await;
    }
    let made_way =
        metric(&daemon, "tamis_connections_turned_away_total{listener=\"public\",code=\"made-way\"}").await;
    // The others had had their five seconds.
    assert!(made_way > 500, "{made_way}");
    let not_answered = "tamis_connections_turned_away_total{listener=\"public\",code=\"not-answered\"}";
    assert_eq!(metric(&daemon, not_answered).await, 0, "waited for those who make way");
    let open = metric(&daemon, "tamis_connections{listener=\"public\"}").await;
    assert!((300..1_000).contains(&open), "{open}");
    // Said in one line, with the number.
    let said = daemon.until_said("connections.turned-away", 1);
    assert!(said[0].contains("WARN") && said[0].contains("connections.made_way="), "{said:?}");
    assert_eq!(daemon.said("connections.turned-away").len(), 1);
    drop(idle);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    // Meta knows no page here, so that its token is refused, which needs a person and no place.
    let mut errors =
        said.lines().filter(|line| line.contains(" ERROR ") && !line.contains("code=page-refused"));
    assert_eq!(errors.next(), None, "{said}");
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_are_at_work_a_new_one_is_told_so() {
    if !installed("prlimit") {
        println!("skipped: prlimit is not installed");
        return;
    }
    raise(2_000);
    let (meta, _home, daemon) = world(&FEW_FILES).await;
    let body = b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{";
    let busy = connections(&daemon, 600, body).await;
    let address = daemon.public.clone();
    // Those that were told so are listened to for a second, and only so many are told at once.
    let told = tokio::task::spawn_blocking(move || {
        (0..30).find_map(|_| {
            std::thread::sleep(Duration::from_millis(200));
            let mut connection = TcpStream::connect(&address).expect("a connection");
            let mut told = String::new();
            let sent = connection.write_all(LIVE).and_then(|()| connection.read_to_string(&mut told));
            sent.is_ok_and(|read| read > 0).then_some(told)
        })
    });
    let told = told.await.expect("no panic").expect("an answer within six seconds");
    assert!(told.starts_with("HTTP/1.1 503 ") && told.contains("\r\nretry-after: 30\r\n"), "{told}");
    assert!(told.contains("\"code\":\"busy\""), "{told}");
    drop(busy);
    let refused =
        metric(&daemon, "tamis_connections_turned_away_total{listener=\"public\",code=\"places-taken\"}")
            .await;
    assert!(refused > 50, "{refused}");
    signed_calls(&meta, &daemon, 0, 5).await;
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}

/// Heads without an end, second ones included: what they may take is bounded, and given back.
#[tokio::test(flavor = "multi_thread")]
async fn unfinished_heads_take_little_memory() {
    const EACH: usize = 1_000;
    /// What the daemon may have at the most for all of them: the old one took 129 KB for each.
    const GROWN_MAX: u64 = 40 * 1_024 * 1_024;
    raise(4 * EACH as u64);
    let (meta, _home, daemon) = world(&[]).await;
    signed_calls(&meta, &daemon, 0, 20).await;
    let memory = Memory::of(daemon.pid);
    let begun = |bytes: usize| format!("GET /x HTTP/1.1\r\nHost: x\r\nX: {}", "a".repeat(bytes));
    let mut all = Vec::new();
    for bytes in [
        [LIVE, begun(129_000).as_bytes()].concat(),
        [LIVE, begun(16_000).as_bytes()].concat(),
        begun(1_500).into_bytes(),
    ] {
        all.extend(connections(&daemon, EACH, &bytes).await);
        calls(&meta, &daemon, 20 + all.len() as u64, 5).await;
    }
    let grown = memory.grown_bytes();
    println!("{} unfinished heads: {} KB more at the most", all.len(), grown / 1_024);
    assert!(grown < GROWN_MAX, "{grown} bytes for {} connections", all.len());
    drop(all);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}

/// While the daemon gets no time, callers wait; none of them is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_connects_waits_to_be_accepted() {
    const BURST: usize = 1_500;
    let somaxconn = std::fs::read_to_string("/proc/sys/net/core/somaxconn").expect("a number");
    if somaxconn.trim().parse::<usize>().is_ok_and(|most| most < BURST) {
        println!("skipped: net.core.somaxconn is {somaxconn}");
        return;
    }
    raise(2 * BURST as u64);
    let (meta, _home, daemon) = world(&[]).await;
    daemon.freeze();
    let began = Instant::now();
    let burst = connections(&daemon, BURST, LIVE).await;
    let took = began.elapsed();
    daemon.thaw();
    assert!(took < Duration::from_secs(2), "the last of {BURST} connected after {took:?}");
    let answered = tokio::task::spawn_blocking(move || {
        let mut answered = 0;
        for mut connection in burst {
            connection.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
            let mut start = [0; 12];
            connection.read_exact(&mut start).expect("an answer");
            answered += usize::from(&start == b"HTTP/1.1 200");
        }
        answered
    });
    assert_eq!(answered.await.expect("no panic"), BURST);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}
