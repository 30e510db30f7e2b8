//! What the binary tells the service manager, and what it forbids itself before it reads a secret.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use tamis_simulator::notification::{Change, Entry, Notification};
use tamis_simulator::{Setup, Simulator};

use crate::support::process::{BINARY, Home};
use crate::support::{PAGE, an_hour_ago};

/// How long a word may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// So many times the watchdog is fed: at half of 100 ms for longer than a start takes.
const FED: u32 = 24;

/// The words up to and with the one that is waited for.
fn words_until(socket: &UnixDatagram, last: &str) -> Vec<String> {
    socket.set_read_timeout(Some(PATIENCE)).expect("a limit");
    let begun = Instant::now();
    let mut words = Vec::new();
    while words.last().is_none_or(|word| word != last) {
        assert!(begun.elapsed() < PATIENCE, "no {last} after {words:?}");
        let mut word = [0; 256];
        let length = socket.recv(&mut word).unwrap_or_else(|_| panic!("no {last} after {words:?}"));
        words.push(String::from_utf8_lossy(&word[..length]).into_owned());
    }
    words
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_ready_then_alive_then_stopping() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text);
    let path = home.directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    let named = path.display().to_string();
    let begun = Instant::now();
    let daemon = home.serve_in(&[], &[("NOTIFY_SOCKET", &named), ("WATCHDOG_USEC", "100000")]);
    assert_eq!(words_until(&socket, "READY=1"), ["READY=1"], "the first word");
    // Words may have gathered while this test did not run: only how many there were in all the time says how often.
    for _ in 0..FED {
        assert_eq!(words_until(&socket, "WATCHDOG=1"), ["WATCHDOG=1"]);
    }
    let at_least = Duration::from_millis(50) * (FED - 1);
    assert!(begun.elapsed() >= at_least, "fed at half of what is allowed, not without end");
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    words_until(&socket, "STOPPING=1");
    socket.set_nonblocking(true).expect("non-blocking");
    assert!(socket.recv(&mut [0; 64]).is_err(), "STOPPING=1 is the last word");
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_manager_that_has_gone_is_told_in_the_log_and_harms_nothing() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text);
    let daemon = home.serve_in(&[], &[("NOTIFY_SOCKET", "/nonexistent/notify")]);
    let (status, said) = daemon.terminate();
    assert!(status.success() && said.contains("process.systemd-not-found"), "{said}");
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_leaves_no_core() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text);
    let daemon = home.serve(&[]);
    let limits = fs::read_to_string(format!("/proc/{}/limits", daemon.pid)).expect("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a line");
    let values: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(values, ["0", "0"], "soft and hard");
    daemon.terminate();
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_tells_ready_not_ready_and_down_by_exit_code() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let one = "[store]\ninbox_max_references = 1\n";
    let home = Home::new(&meta, "page-token", |text| text.replace("[store]\n", one));
    let daemon = home.serve(&[]);
    let url = format!("http://{}", daemon.public);
    assert_eq!(health(&url), (Some(0), "ready\n".to_owned()));
    assert_eq!(health(&meta.graph_url()), (Some(1), String::new()), "somebody else's listener");
    // A form that nobody claims is held, and there is room for no other.
    let change = Change::leadgen("772000000000001", PAGE, "909000000000001", an_hour_ago());
    let body = Notification::page().entry(Entry::of(PAGE).change(change)).bytes();
    assert_eq!(meta.deliver(&daemon.webhook(), &body).await.expect("an answer").status, 200);
    assert_eq!(health(&url), (Some(1), String::new()), "full");
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    assert_eq!(health(&url), (Some(69), String::new()), "nobody listens");
    meta.stop().await;
}

fn health(url: &str) -> (Option<i32>, String) {
    let told = std::process::Command::new(BINARY).args(["health", "--url", url]).env_clear().output();
    let told = told.expect("the command line");
    (told.status.code(), String::from_utf8(told.stdout).expect("text"))
}
