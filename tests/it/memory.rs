//! How much memory the daemon takes: a measurement, printed, with bounds that a VPS of 512 MB sets.
//!
//! `cargo build --release && cargo test --test it memory:: -- --ignored --nocapture`

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tamis_simulator::notification::shapes;
use tamis_simulator::{Lead, Match, Rule, Setup, Simulator, What};

use crate::support::process::{Daemon, Home};
use crate::support::{DEVIS_FORM, PAGE, add_forms, an_hour_ago};

/// Leads that are stored.
const LEADS: u64 = 100_000;
/// References that wait while Graph is down: the config's bound.
const REFERENCES: u64 = 500_000;
/// Changes in a notification.
const CHANGES: u64 = 1_000;
/// What the daemon may take of a VPS with 512 MB.
const RESIDENT_MB_MAX: u64 = 300;
/// How long each part may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// Resident memory now and at its highest, in MB.
fn resident(daemon: &Daemon) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid)).expect("a process");
    let of = |name: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(name)).expect("a line");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
    };
    (of("VmRSS:") * 1_024 / 1_000_000, of("VmHWM:") * 1_024 / 1_000_000)
}

fn tell(daemon: &Daemon, when: &str, begun: Instant) {
    let (now, highest) = resident(daemon);
    println!(
        "{when}: {now} MB resident, {highest} MB at the highest, {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    assert!(highest < RESIDENT_MB_MAX, "{when}: {highest} MB");
}

async fn until(daemon: &Daemon, what: &str, condition: impl Fn(&serde_json::Value) -> bool) {
    let (begun, admin) = (Instant::now(), daemon.admin());
    loop {
        let inbox = admin.get("/admin/v1/inbox").await.json();
        if condition(&inbox) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "not {what}: {inbox}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn deliver(meta: &Simulator, daemon: &Daemon, first: u64, count: u64) {
    for from in (first..first + count).step_by(usize::try_from(CHANGES).expect("small")) {
        let body = shapes::batch(PAGE, DEVIS_FORM, from, CHANGES, an_hour_ago());
        assert_eq!(meta.deliver(&daemon.webhook(), &body).await.expect("an answer").status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement of minutes, of the release binary"]
async fn a_small_server_holds_it() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    meta.set_token(PAGE, "page-token");
    add_forms(&meta);
    let mut home =
        Home::new(&meta, "page-token", |text| text.replace("free_disk", "cache_mb = 32\nfree_disk"));
    home.binary = release();
    println!("{}", home.binary.display());
    let daemon = home.serve(&[]);
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_secs(3)).await;
    tell(&daemon, "idle, nothing stored", begun);

    let first = 770_000_000_000_000_000;
    for number in 0..LEADS {
        let lead = Lead::new(PAGE, DEVIS_FORM, an_hour_ago())
            .with_id(&(first + number).to_string())
            .answer("full_name", &["Zoé Martin"])
            .answer("email", &[&format!("p{number}@example.org")])
            .answer("phone_number", &["+33639980001"])
            .answer("budget", &["entre 5 000 et 10 000 euros"]);
        meta.add_lead(lead);
    }
    let begun = Instant::now();
    deliver(&meta, &daemon, first, LEADS).await;
    tell(&daemon, &format!("{LEADS} references accepted"), begun);
    until(&daemon, "all stored", |inbox| inbox["queued"] == 0 && inbox["waiting"] == 0).await;
    tell(&daemon, &format!("{LEADS} leads stored"), begun);
    let begun = Instant::now();
    let (mut after, mut read) = (String::new(), 0);
    loop {
        let page = daemon.admin().get(&format!("/admin/v1/purposes/devis/leads?limit=10000{after}")).await;
        read += page.body.iter().filter(|byte| **byte == b'\n').count() as u64;
        after = format!("&after={}", page.header("tamis-next-cursor"));
        if page.header("tamis-more") != "true" {
            break;
        }
    }
    assert_eq!(read, LEADS);
    tell(&daemon, "all exported", begun);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");

    let daemon = home.serve(&[]);
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_secs(3)).await;
    tell(&daemon, "started again, idle", begun);
    meta.misbehave(Rule::always(Match::any(), What::Hang));
    let begun = Instant::now();
    deliver(&meta, &daemon, first + LEADS, REFERENCES).await;
    tell(&daemon, &format!("{REFERENCES} references queued, Graph hangs"), begun);
    meta.behave();
    meta.misbehave(Rule::always(Match::any(), What::html(503)));
    let begun = Instant::now();
    until(&daemon, "all parked", |inbox| inbox["queued"] == 0).await;
    tell(&daemon, "all of them wait among the parked", begun);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    let begun = Instant::now();
    let daemon = home.serve(&[]);
    tell(&daemon, "started again with all of them parked", begun);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}

fn release() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release/tamis");
    assert!(path.exists(), "first: cargo build --release");
    path
}
