//! SIGTERM: the daemon stops listening, finishes what it can, and ends well in time, whatever is under way; what was
//! acknowledged is there after a restart, once.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use tamis_simulator::{Lead, Match, Misbehaviour, Rule, Setup, Simulator};

use crate::support::process::{Daemon, Home};
use crate::support::{Account, DEVIS_FORM, Load, PAGE, add_forms, an_hour_ago};

/// The drain that the config allows, `drain_seconds`.
const DRAIN: Duration = Duration::from_secs(5);
/// How soon after the signal nobody listens any more.
const STILL_LISTENING_MAX: Duration = Duration::from_secs(1);

async fn meta() -> Simulator {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    meta.set_token(PAGE, "page-token");
    add_forms(&meta);
    meta
}

fn home(meta: &Simulator) -> Home {
    Home::new(meta, "page-token", |text| {
        assert!(text.contains("drain_seconds = 10"));
        text.replace("drain_seconds = 10", "drain_seconds = 5")
    })
}

/// Sends SIGTERM and holds the end against the drain: exit 0, in time, and deaf soon after the signal. What was said.
fn leave(daemon: Daemon) -> String {
    let public = daemon.public.clone();
    let begun = Instant::now();
    daemon.signal_end();
    while TcpStream::connect(&public).is_ok() {
        assert!(begun.elapsed() < STILL_LISTENING_MAX, "it goes on listening");
        std::thread::sleep(Duration::from_millis(5));
    }
    let (status, said) = daemon.ended();
    let took = begun.elapsed();
    assert!(status.success(), "{status}\n{said}");
    assert!(took <= DRAIN, "took {took:?}\n{said}");
    println!("left within {took:?}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_it_leaves_in_time_and_keeps_what_it_acknowledged() {
    let meta = meta().await;
    let home = home(&meta);
    let load = Load::new(&meta);
    for round in 0..3 {
        let daemon = home.serve(&[]);
        let webhook = daemon.webhook();
        let leaver = async {
            tokio::time::sleep(Duration::from_millis(150 + round * 130)).await;
            tokio::task::spawn_blocking(|| leave(daemon)).await.expect("no panic")
        };
        let ((), said) = tokio::join!(load.send(&webhook), leaver);
        assert!(said.contains(" process.stopped ") && !said.contains(" ERROR "), "{said}");
    }
    let daemon = home.serve(&[]);
    let account = Account::of(&daemon.admin()).await;
    leave(daemon);
    assert!(load.acknowledged() > 100, "the load was too small: {}", load.acknowledged());
    load.hold_against(&account);
    meta.stop().await;
}

/// Meta keeps its connection for the next call, and so may a proxy: nobody waits for those.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_kept_for_the_next_call_holds_up_no_end() {
    let meta = meta().await;
    let home = home(&meta);
    // A server that looks again after a whole second takes that long each time; a machine that is loaded does not.
    let mut took = Vec::new();
    while took.iter().all(|ms: &u64| *ms >= 1_000) {
        assert!(took.len() < 5, "{took:?}");
        let daemon = home.serve(&[]);
        let mut kept = TcpStream::connect(&daemon.public).expect("a connection");
        kept.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").expect("open");
        let mut head = [0; 12];
        kept.read_exact(&mut head).expect("an answer");
        assert_eq!(&head, b"HTTP/1.1 200");
        let said = leave(daemon);
        drop(kept);
        let ms = said.split("stop.took_ms=").nth(1).and_then(|rest| rest.split(' ').next());
        took.push(ms.and_then(|ms| ms.parse().ok()).expect("how long it took"));
    }
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_graph_hangs_it_leaves_in_time_and_fetches_after_a_restart() {
    let meta = meta().await;
    let home = home(&meta);
    let load = Load::new(&meta);
    meta.misbehave(Rule::always(Match::any(), Misbehaviour::Hang));
    let daemon = home.serve(&[]);
    let webhook = daemon.webhook();
    let leaver = async {
        load.until_acknowledged(20).await;
        while meta.graph_calls().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::task::spawn_blocking(|| leave(daemon)).await.expect("no panic")
    };
    let leaver = tokio::time::timeout(Duration::from_secs(60), leaver);
    let ((), said) = tokio::join!(load.send(&webhook), leaver);
    let said = said.expect("calls were acknowledged, one to Graph is under way, and it leaves");
    assert!(said.contains("stop.workers_in_time=false"), "nothing hung, so nothing is proved\n{said}");
    meta.behave();
    let daemon = home.serve(&[]);
    let account = Account::of(&daemon.admin()).await;
    leave(daemon);
    load.hold_against(&account);
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_an_export_is_read_slowly_it_leaves_in_time_and_the_export_does_not_look_whole() {
    const LEADS: usize = 800;
    let meta = meta().await;
    let home = home(&meta);
    let daemon = home.serve(&[]);
    // Larger together than every buffer between the store and a reader that does not read.
    let name = "é".repeat(1_500);
    let ids: Vec<String> = (0..LEADS)
        .map(|number| {
            let lead = Lead::new(PAGE, DEVIS_FORM, an_hour_ago())
                .answer("full_name", &[&name])
                .answer("email", &[&format!("p{number}@example.org")]);
            meta.add_lead(lead)
        })
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(
        meta.deliver(&daemon.webhook(), &meta.notification(&ids)).await.expect("an answer").status,
        200
    );
    assert_eq!(Account::of(&daemon.admin()).await.stored.len(), LEADS);

    // Besides, a fetcher waits for Graph: requests and workers both need all the time that they are given.
    meta.misbehave(Rule::always(Match::any(), Misbehaviour::Hang));
    let hung = meta.add_lead(Lead::new(PAGE, DEVIS_FORM, an_hour_ago()));
    let body = meta.notification(&[&hung]);
    assert_eq!(meta.deliver(&daemon.webhook(), &body).await.expect("an answer").status, 200);

    let mut reader = UnixStream::connect(daemon.socket()).expect("the admin socket");
    reader.set_read_timeout(Some(DRAIN)).expect("a timeout");
    let request =
        "GET /admin/v1/purposes/devis/leads?limit=10000 HTTP/1.1\r\nHost: x\r\nTamis-Reason: audit\r\n\r\n";
    reader.write_all(request.as_bytes()).expect("a request");
    let mut head = [0; 1_000];
    reader.read_exact(&mut head).expect("the beginning of an answer");
    assert!(head.starts_with(b"HTTP/1.1 200 "));
    let said = leave(daemon);
    assert!(said.contains(" export.abandoned "), "the export was over already\n{said}");
    assert!(said.contains("stop.workers_in_time=false"), "no fetcher hung\n{said}");
    let mut rest = Vec::new();
    let _ = reader.read_to_end(&mut rest);
    assert!(!rest.ends_with(b"\r\n0\r\n\r\n"), "half an export, ended like a whole one");
    meta.stop().await;
}
