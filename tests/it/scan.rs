//! The scan through the daemon: what is gone is said in the log, in a metric and to whoever exports, and leads go on coming
//! in.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tamis::clock::{Clock, SystemClock};

use crate::support::process::BINARY;
use crate::support::{Caller, DEVIS_FORM, Plan, World, canary, lead, log};

/// The machine's clock, so many minutes off.
#[derive(Default)]
struct Shifted(AtomicI64);

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_mins(self.0.load(Ordering::SeqCst))
    }
}

/// A scan begins a minute after the start.
const PAST_THE_FIRST_MINUTE: i64 = 2;

async fn deliver(world: &World) {
    let email = format!("{}@example.org", canary("scan"));
    let answers = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]);
    let id = world.submit(answers, &[&email]);
    assert_eq!(world.deliver(&[&id]).await.status, 200);
    world.settled().await;
}

async fn metric(world: &World, name: &str) -> Option<u64> {
    let text = world.admin().get("/admin/v1/metrics").await.text();
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

/// What the log says of this in a scan from here on. The worlds beside this one write into the same log.
fn told(since: usize, of: &str) -> Vec<String> {
    let mut lines = log().events("store.scan-fault").split_off(since);
    lines.retain(|line| line.contains(of));
    lines
}

/// `tamis export`: whether it worked, and what it said beside the records.
fn export(world: &World, more: &[&str]) -> (bool, String) {
    let mut command = std::process::Command::new(BINARY);
    command
        .args(["export", "devis", "--reason", "audit", "--socket"])
        .arg(&world.addresses.socket)
        .args(more);
    let done = command.env_clear().output().expect("it runs");
    (done.status.success(), String::from_utf8(done.stderr).expect("text"))
}

/// Works on sled's own files, while the daemon is stopped.
fn with_tree(world: &World, name: &str, change: impl Fn(&sled::Tree)) {
    let config = sled::Config::new().path(world.store_path().join("db")).segment_size(2 * 1024 * 1024);
    let mut tries = 0;
    let db = loop {
        match config.clone().open() {
            Ok(db) => break db,
            // Its own lock goes a moment after its last handle.
            Err(_) if tries < 50 => std::thread::sleep(Duration::from_millis(50)),
            Err(error) => panic!("sled does not open: {error}"),
        }
        tries += 1;
    };
    change(&db.open_tree(name).expect("a tree"));
    db.flush().expect("flushed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_gone_is_told_to_the_operator_and_to_whoever_exports() {
    let clock = Arc::new(Shifted::default());
    let mut world = World::planned(Plan::at(clock.clone())).await;
    for _ in 0..3 {
        deliver(&world).await;
    }
    assert_eq!(metric(&world, "tamis_scan_ended_timestamp_seconds").await, Some(0));
    let ended = async |world: &World| metric(world, "tamis_scan_ended_timestamp_seconds").await > Some(0);
    world
        .until("a scan ends", || async {
            clock.0.fetch_add(PAST_THE_FIRST_MINUTE, Ordering::SeqCst);
            ended(&world).await
        })
        .await;
    assert_eq!(metric(&world, "tamis_scan_faults").await, Some(0));
    assert!(log().events("store.scanned").iter().any(|line| line.contains("scan.records=3")));

    world.stop_daemon().await;
    // Epoch 1, number 2.
    let key = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2];
    with_tree(&world, "vault/devis", |vault| {
        drop(vault.remove(key).expect("removed").expect("it was there"))
    });
    let before = log().events("store.scan-fault").len();
    world.start_daemon().await;
    // Again and again: the minutes count from the scanner's first step, which may come after ours.
    world
        .until("it is found", || async {
            clock.0.fetch_add(PAST_THE_FIRST_MINUTE, Ordering::SeqCst);
            !told(before, "purpose=devis").is_empty()
        })
        .await;
    let line = &told(before, "purpose=devis")[0];
    for part in [
        " ERROR ",
        "code=store-count-mismatch",
        "purpose=devis",
        "scan.counted=3",
        "scan.found=2",
        "record.id=devis-1-2",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert_eq!(metric(&world, "tamis_scan_faults").await, Some(1));

    let path = "/admin/v1/purposes/devis/leads";
    for again in [false, true] {
        let refused = world.admin().get(path).await;
        assert_eq!((refused.status, &refused.json()["code"]), (500, &json!("store-count-mismatch")));
        let allowed = world.admin().get(&format!("{path}?incomplete=allow")).await;
        assert_eq!((allowed.status, allowed.header("tamis-missing")), (200, "1"), "after a restart: {again}");
        let ready = Caller::tcp(&world.addresses.public.to_string(), None).get("/health/ready").await;
        assert_eq!(ready.status, 200, "nothing is gained by refusing leads");
        deliver(&world).await;
        if !again {
            world.restart().await;
        }
    }
    let allowed = world.admin().get(&format!("{path}?incomplete=allow")).await;
    assert_eq!(allowed.lines().len(), 4);
    let (done, told) = export(&world, &[]);
    assert!(!done && told.contains("store-count-mismatch"), "{told}");
    let (done, told) = export(&world, &["--incomplete"]);
    assert!(done && told.contains("incomplete: 1 record of devis missing"), "{told}");
    world.end().await;
}

/// What the reaper goes by is counted anew where it is wrong: told once, and put right.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_counts_wrong_is_told_to_the_operator_and_put_right() {
    let clock = Arc::new(Shifted::default());
    let mut world = World::planned(Plan::at(clock.clone())).await;
    deliver(&world).await;
    world.stop_daemon().await;
    with_tree(&world, "buckets", |rows| {
        let (key, row) = rows.iter().next().expect("a row").expect("read");
        let mut wrong = row.to_vec();
        assert_eq!(wrong[..2], [1, 1], "version, and one record");
        wrong[1] = 7;
        rows.insert(key, wrong).expect("written");
    });
    let before = log().events("store.scan-fault").len();
    world.start_daemon().await;
    world
        .until("it is found", || async {
            clock.0.fetch_add(PAST_THE_FIRST_MINUTE, Ordering::SeqCst);
            !told(before, "scan.part=buckets").is_empty()
        })
        .await;
    let line = &told(before, "scan.part=buckets")[0];
    for part in [
        " ERROR ",
        "code=store-count-mismatch",
        "scan.part=buckets",
        "scan.counted=7",
        "scan.found=1",
        "scan.wrong=1",
        "scan.repaired=1",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert_eq!(
        world.admin().get("/admin/v1/purposes/devis/leads").await.lines().len(),
        1,
        "nothing else is refused"
    );
    world.stop_daemon().await;
    with_tree(&world, "buckets", |rows| {
        let (_, row) = rows.iter().next().expect("a row").expect("read");
        assert_eq!(row[..2], [1, 1]);
    });
    world.end().await;
}
