//! A disk that hangs: what waits for it is not waited for without end.

use std::fs;
use std::time::{Duration, Instant};

use tamis_simulator::{Setup, Simulator};

use crate::support::process::{Home, installed};
use crate::support::{DEVIS_FORM, PAGE, add_forms, lead};

/// `drain_seconds`, and what the process may take beyond it before it ends by force.
const DRAIN: Duration = Duration::from_secs(2);
const GRACE: Duration = Duration::from_secs(20);
/// How long a sync hangs: the test does not wait that long.
const HANG: &str = "120s";

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_does_not_come_back_does_not_keep_the_process() {
    if !installed("strace") {
        println!("no strace here");
        return;
    }
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    meta.set_token(PAGE, "page-token");
    add_forms(&meta);
    let home = Home::new(&meta, "page-token", |text| text.replace("drain_seconds = 10", "drain_seconds = 2"));
    // Counted by thread: the start's syncs are fewer.
    let inject = format!("inject=fdatasync:delay_enter={HANG}:when=30+");
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", &inject];
    let daemon = home.serve(&strace);
    let webhook = daemon.webhook();
    let mut hangs = false;
    for number in 0..60 {
        let email = format!("p{number}@example.org");
        let id = meta.add_lead(lead(DEVIS_FORM).answer("full_name", &["Z"]).answer("email", &[&email]));
        let body = meta.notification(&[&id]);
        let call = tokio::time::timeout(Duration::from_secs(4), meta.deliver(&webhook, &body));
        hangs = call.await.map_or(true, |answer| answer.expect("an answer").status != 200);
        if hangs {
            break;
        }
    }
    assert!(hangs, "no sync hangs, so nothing is proved");
    let begun = Instant::now();
    daemon.signal_end();
    // strace itself holds on to the threads that it delays, and so to the end of what it was told to run.
    while is_there(daemon.pid) {
        let said = || daemon.said(" ").join("\n");
        assert!(begun.elapsed() < DRAIN + GRACE + Duration::from_secs(10), "it stays:\n{}", said());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("the disk hangs: left within {:?}", begun.elapsed());
    for event in ["process.stopping", "inbox.close-failed"] {
        assert_eq!(daemon.until_said(event, 1).len(), 1, "{event}");
    }
    // By itself where only the journal hangs, by force where the store does, too.
    let ends = ["process.stopped", "process.end-forced"].map(|event| daemon.said(event).len());
    assert_eq!(ends.iter().sum::<usize>(), 1, "{ends:?}");
    daemon.kill();
    meta.stop().await;
}

/// True until this process has ended, its parent's leave-taking aside. Of its threads the first tells: it ends with all.
fn is_there(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}
