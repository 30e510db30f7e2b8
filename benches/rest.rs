//! What it takes at rest, and what grows: idle memory, time to open, disk a lead, at 0, 10,000, 100,000 and 1,000,000
//! leads; and whether queues that churn stay small. `cargo bench --bench rest` (`-- --leads-max 10000000 --churn 0`).
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench fails by panicking and speaks to people"
)]

mod support;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use tamis::lead::Dropped;
use tamis::notification::{Lanes, LeadRef, ParkCode, Why};
use tamis::store::{DueBy, Outcome, Scanning, Settlement};

use support::home::{Home, NO_GRAPH};
use support::leads::reference;
use support::rooms::Rooms;
use support::{machine, option};

fn main() {
    machine::describe(&std::env::temp_dir());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let most = option("leads-max", 1_000_000_usize);
    println!(
        "\n| leads | filled, leads/s | disk bytes a lead | keyring | scan, s | open, ms | idle RSS, MB | load |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for leads in [0, 10_000, 100_000, 1_000_000, 10_000_000].into_iter().filter(|leads| *leads <= most) {
        runtime.block_on(at_rest(leads));
    }
    let churn = option("churn", 2_000_000_usize);
    if churn > 0 {
        runtime.block_on(churn_journal(churn));
        runtime.block_on(churn_parked(churn));
    }
}

async fn at_rest(leads: usize) {
    let home = Home::new(NO_GRAPH);
    let begun = Instant::now();
    let rooms = Rooms::open(home.path());
    rooms.fill(0..leads).await;
    let filled = leads as f64 / begun.elapsed().as_secs_f64();
    let scan = scan(&rooms).await;
    rooms.store.close().await.expect("closes");
    drop(rooms);
    // Twice: the first start may write sled's snapshot.
    home.serve().terminate();
    let daemon = home.serve();
    let open = daemon.start;
    std::thread::sleep(Duration::from_secs(3));
    let rss = machine::status_kb(daemon.pid(), "VmRSS");
    daemon.terminate();
    let db = machine::disk_bytes(&home.path().join("store/db"));
    let keyring = machine::disk_bytes(&home.path().join("keys"));
    println!(
        "| {leads} | {filled:.0} | {:.0} | {} kB | {:.2} | {} | {:.1} | {} |",
        db as f64 / leads.max(1) as f64,
        keyring / 1_000,
        scan.as_secs_f64(),
        open.as_millis(),
        rss as f64 / 1e3,
        machine::load_average()
    );
}

/// One look at everything that is kept, slice after slice as the scanner takes them, without its pauses.
async fn scan(rooms: &Rooms) -> Duration {
    let begun = Instant::now();
    loop {
        match rooms.store.scan(512).await.expect("scans") {
            Scanning::More => {}
            Scanning::Over(scanned) => {
                assert!(scanned.faults.is_empty(), "a scan accuses what was just filled");
                return begun.elapsed();
            }
        }
    }
}

/// References through the journal: accepted, claimed, done, a thousand at a time.
async fn churn_journal(references: usize) {
    let home = Home::new(NO_GRAPH);
    let rooms = Rooms::open(home.path());
    let inbox = rooms.inbox().await;
    let (mut disk, mut rss) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    for from in (0..references).step_by(1_000) {
        let batch = (from..from + 1_000).map(reference).collect();
        inbox.accept(batch).await.expect("accepted");
        while let Some((lane, claimed)) = inbox.claim(50) {
            let ids: Vec<_> = claimed.iter().map(|reference| reference.leadgen).collect();
            inbox.done(&lane, &ids);
        }
        if from % (references / 10).max(1_000) < 1_000 {
            disk.push(machine::disk_bytes(&home.path().join("store/inbox")) / 1_000);
            rss.push(machine::status_kb(std::process::id(), "VmRSS"));
        }
    }
    println!("\njournal, {references} references through it in {:.0} s:", begun.elapsed().as_secs_f64());
    println!("  disk, kB: {disk:?}\n  RSS, kB: {rss:?}; load {}", machine::load_average());
    inbox.close().expect("closes");
    rooms.store.close().await.expect("closes");
}

/// The same thousand references parked again and again, as when Graph is down for long.
async fn churn_parked(times: usize) {
    let home = Home::new(NO_GRAPH);
    let rooms = Rooms::open(home.path());
    let (mut disk, mut rss) = (Vec::new(), Vec::new());
    let LeadRef { page, form, .. } = reference(0);
    let lanes = Lanes { forms: Arc::new(HashSet::from([form])), pages: HashMap::from([(page, true)]) };
    let begun = Instant::now();
    for round in 0..times / 1_000 {
        for from in (0..1_000).step_by(250) {
            let batch = (from..from + 250).map(|number| Settlement {
                reference: reference(number),
                outcome: Outcome::Parked(waiting(&rooms)),
                matched: Vec::new(),
                dropped: Dropped::default(),
            });
            rooms.store.settle(batch.collect()).await.expect("settles");
        }
        while let Some((_, claims)) = rooms
            .store
            .claim_due(DueBy { now: rooms.clock.now(), longest: SignedDuration::from_hours(2) }, 50, &lanes)
            .await
            .expect("claims")
        {
            assert!(!claims.is_empty());
        }
        if round % (times / 10_000).max(1) == 0 {
            disk.push(machine::disk_bytes(&home.path().join("store/db")) / 1_000);
            rss.push(machine::status_kb(std::process::id(), "VmRSS"));
        }
    }
    println!("\nparked, {times} times in {:.0} s:", begun.elapsed().as_secs_f64());
    println!("  disk, kB: {disk:?}\n  RSS, kB: {rss:?}; load {}", machine::load_average());
    rooms.store.close().await.expect("closes");
}

fn waiting(rooms: &Rooms) -> Why {
    Why::Waiting { code: ParkCode::GraphUnavailable, not_before: rooms.clock.now(), attempts: 1 }
}
