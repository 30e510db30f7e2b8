//! What the journal had answered for and no longer has is said at the next start, with the right number, once, and the
//! daemon goes on. After an honest kill nothing is said.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tamis_simulator::notification::shapes;
use tamis_simulator::{Match, Misbehaviour, Rule, Setup, Simulator};

use crate::support::process::{Daemon, Home};
use crate::support::{DEVIS_FORM, PAGE, add_forms, an_hour_ago};

const TOKEN: &str = "page-token";
const FIRST_ID: u64 = 660_000_000_000_000;
const CALLS: u64 = 12;
/// Changes in a call.
const CHANGES: u64 = 20;
/// Where the first frame of a segment is.
const FIRST_FRAME: usize = 8_192;
/// The witness lags behind by a second, and a tick of whoever tells it.
const LAG: Duration = Duration::from_millis(2_500);

/// A Meta whose Graph never answers, so that what is accepted stays in the journal.
async fn silent_graph() -> Simulator {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    meta.set_token(PAGE, TOKEN);
    add_forms(&meta);
    meta.misbehave(Rule::always(Match::any(), Misbehaviour::Delay(Duration::from_secs(600))));
    meta
}

fn home(meta: &Simulator) -> Home {
    Home::new(meta, TOKEN, |text| text)
}

fn serve(home: &Home) -> Daemon {
    home.serve_in(&[], &[("TAMIS__META__READ_TIMEOUT_MS", "60000")])
}

/// Delivers calls, each answered 200.
async fn deliver(meta: &Simulator, daemon: &Daemon, calls: std::ops::Range<u64>) {
    for call in calls {
        let body = shapes::batch(PAGE, DEVIS_FORM, FIRST_ID + call * CHANGES, CHANGES, an_hour_ago());
        let answer = meta.deliver(&daemon.webhook(), &body).await.expect("an answer");
        assert_eq!(answer.status, 200, "call {call}");
    }
}

async fn queued(daemon: &Daemon) -> u64 {
    daemon.admin().get("/admin/v1/inbox").await.json()["queued"].as_u64().expect("a number")
}

async fn metric(daemon: &Daemon) -> String {
    let text = daemon.admin().get("/admin/v1/metrics").await.text();
    let line = text.lines().find(|line| line.starts_with("tamis_inbox_references_missing "));
    line.expect("the metric").rsplit(' ').next().unwrap_or_default().to_owned()
}

/// The segment that holds frames, and where each begins.
fn written(inbox: &Path) -> (PathBuf, Vec<usize>) {
    let files = fs::read_dir(inbox).expect("a directory").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<(PathBuf, Vec<usize>)> =
        files.map(|file| (file.clone(), frames(&file))).filter(|(_, frames)| !frames.is_empty()).collect();
    assert_eq!(found.len(), 1, "one segment is in use");
    found.remove(0)
}

fn frames(file: &Path) -> Vec<usize> {
    let content = fs::read(file).expect("read");
    let mut at = FIRST_FRAME;
    std::iter::from_fn(|| {
        let length = u32::from_le_bytes(content.get(at..at + 4)?.try_into().ok()?);
        let begun = (length > 0).then_some(at)?;
        at += 32 + usize::try_from(length).ok()?;
        Some(begun)
    })
    .collect()
}

fn zero_from(file: &Path, at: usize) {
    let mut content = fs::read(file).expect("read");
    content[at..].fill(0);
    fs::write(file, content).expect("written");
}

fn cut(file: &Path, at: usize) {
    fs::OpenOptions::new().write(true).open(file).expect("opens").set_len(at as u64).expect("cut");
}

type Damage = fn(&Path);

/// What is done to the journal at rest, and how many calls of it are gone then.
const DAMAGES: [(&str, Damage, u64); 4] = [
    ("the directory", |inbox| fs::remove_dir_all(inbox).expect("removed"), CALLS),
    ("a segment", |inbox| fs::remove_file(written(inbox).0).expect("removed"), CALLS),
    (
        "zeroed frames",
        |inbox| {
            let (file, frames) = written(inbox);
            zero_from(&file, frames[7]);
        },
        CALLS - 7,
    ),
    (
        "a cut",
        |inbox| {
            let (file, frames) = written(inbox);
            cut(&file, frames[3] + 100);
        },
        CALLS - 3,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_from_the_journal_is_said_with_its_number_and_the_daemon_goes_on() {
    let meta = silent_graph().await;
    for (round, (what, damage, calls)) in DAMAGES.into_iter().enumerate() {
        let home = home(&meta);
        let inbox = home.directory.path().join("store/inbox");
        let daemon = serve(&home);
        deliver(&meta, &daemon, 0..CALLS).await;
        // By a kill, when the witness knows; or by a stop, which tells it.
        if round % 2 == 0 {
            tokio::time::sleep(LAG).await;
            daemon.kill();
        } else {
            let (status, said) = daemon.terminate();
            assert!(status.success(), "{what}: {said}");
        }
        damage(&inbox);
        let lost = calls * CHANGES;
        let daemon = serve(&home);
        let said = daemon.said("inbox.references-missing");
        assert_eq!(said.len(), 1, "{what}: {said:?}");
        for part in ["ERROR", &format!("refs.missing={lost} "), "meta.keeps_days=90"] {
            assert!(said[0].contains(part), "{what}: {part}: {}", said[0]);
        }
        assert_eq!(queued(&daemon).await, CALLS * CHANGES - lost, "{what}");
        assert_eq!(metric(&daemon).await, lost.to_string(), "{what}");
        let trail = daemon.admin().get("/admin/v1/trail?limit=10000").await.lines();
        let noted: Vec<_> = trail.iter().filter(|line| line["action"] == "references-missing").collect();
        assert_eq!((noted.len(), noted[0]["count"].as_u64()), (1, Some(lost)), "{what}");
        deliver(&meta, &daemon, CALLS..CALLS + 1).await;
        daemon.kill();
        let daemon = serve(&home);
        assert_eq!(daemon.said("inbox.references-missing"), Vec::<String>::new(), "{what}: said once");
        assert_eq!(queued(&daemon).await, (CALLS + 1) * CHANGES - lost, "{what}");
        assert_eq!(metric(&daemon).await, "0", "{what}");
    }
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_kill_and_a_stop_say_nothing() {
    let meta = silent_graph().await;
    let home = home(&meta);
    for life in 0..6 {
        let daemon = serve(&home);
        for event in ["inbox.references-missing", "inbox.witness", "inbox.torn-tail"] {
            assert_eq!(daemon.said(event), Vec::<String>::new(), "life {life}");
        }
        assert_eq!(queued(&daemon).await, life * 2 * CHANGES);
        deliver(&meta, &daemon, life * 2..life * 2 + 2).await;
        match life % 3 {
            0 => daemon.kill(),
            1 => {
                tokio::time::sleep(LAG).await;
                daemon.kill();
            }
            _ => drop(daemon.terminate()),
        }
    }
    meta.stop().await;
}

/// What a person does whom `inbox-corrupt` keeps from starting.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_segment_that_refuses_is_moved_away_and_what_was_in_it_is_said() {
    let meta = silent_graph().await;
    let home = home(&meta);
    let daemon = serve(&home);
    deliver(&meta, &daemon, 0..CALLS).await;
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    let (file, frames) = written(&home.directory.path().join("store/inbox"));
    let mut content = fs::read(&file).expect("read");
    content[frames[5] + 60] ^= 1;
    fs::write(&file, content).expect("written");
    let refused = home.try_serve::<&str>(&[], &[]).err().expect("it refuses");
    assert!(refused.contains("inbox-corrupt"), "{refused}");
    fs::rename(&file, home.directory.path().join("000001.seg")).expect("moved away");
    let daemon = serve(&home);
    let said = daemon.said("inbox.references-missing");
    assert!(said.len() == 1 && said[0].contains(&format!("refs.missing={} ", CALLS * CHANGES)), "{said:?}");
    meta.stop().await;
}
