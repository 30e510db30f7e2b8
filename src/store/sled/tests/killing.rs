//! A process killed at any moment: what it was answered for is there, each once.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::support::*;
use crate::clock::Day;
use crate::keyring::{Bucket, Keyring};
use crate::lead::sample;
use crate::random::{Random, SeededRandom, SystemRandom};
use crate::store::sled::{Settings, SledStore};
use crate::store::{Leads, Life, Outcome, Parked, Settled, Settlement, Verdict};

const KILLS: u64 = 10;
/// In the working directory of the process that is to be killed; holds the number of its first lead.
const ORDER: &str = "settle-from";

/// A keyring that has every key, as the file's would.
fn full_keyring(generation: u64) -> Arc<MemoryKeyring> {
    let keyring = MemoryKeyring::of_instance(7);
    let bucket = |name: &str, index| Bucket { purpose: purpose(name), epoch: 1, index };
    let of_both = |index| [bucket("devis", index), bucket("lettre", index)];
    let buckets: Vec<Bucket> = (0..100).flat_map(of_both).collect();
    keyring.make_buckets(&buckets).expect("made");
    keyring.make_days(&[Day::of(start())]).expect("made");
    keyring.generation.store(generation, Ordering::SeqCst);
    keyring
}

fn open_in(dir: &Path, keyring: Arc<MemoryKeyring>) -> Arc<SledStore> {
    let settings = Settings {
        path: dir.join("store"),
        witness: dir.join("witness"),
        cache_mb: 8,
        free_disk_min_bytes: 0,
        ledger: None,
    };
    let clock = World::new().clock;
    let purposes = vec![purpose("devis"), purpose("lettre")];
    SledStore::open(settings, keyring, purposes, clock, Arc::new(SystemRandom)).expect("opens")
}

/// A submission of two purposes.
fn of_two(number: u64) -> Settlement {
    let lead = |name| Verdict::Stored(Box::new(sample::lead(name, &email_of(number), false, later(10))));
    Settlement { outcome: Outcome::Sieved(vec![lead("devis"), lead("lettre")]), ..stored(number) }
}

/// Only in the process that the test below starts and kills: alone it has no order, and fails.
#[tokio::test]
#[ignore = "it never ends: the test below starts it, and kills it"]
async fn settles_until_it_is_killed() {
    let order = std::fs::read_to_string(ORDER).expect("an order from the test below");
    let mut next: u64 = order.parse().expect("a number");
    let keyring = full_keyring(1_000 + next);
    let store = open_in(Path::new("."), keyring);
    println!("\nopen");
    loop {
        let mut batch: Vec<_> = (next..next + 6).map(stored).collect();
        batch.push(of_two(next + 6));
        batch.push(parked(next + 7, 1, HELD));
        let settled = store.settle(batch).await.expect("settled");
        for settled in settled {
            assert!(!matches!(settled, Settled::Known));
        }
        println!("settled {next}");
        next += 8;
    }
}

#[tokio::test]
async fn what_was_answered_before_a_kill_is_there_and_each_lead_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let this = std::env::current_exe().expect("known");
    let (mut acknowledged, mut next) = (Vec::new(), 1_u64);
    let random = SeededRandom::new(5);
    // Created before any key is made, as a first start would.
    open_in(dir.path(), MemoryKeyring::of_instance(7)).close().await.expect("closed");
    for _ in 0..KILLS {
        std::fs::write(dir.path().join(ORDER), next.to_string()).expect("written");
        let mut child = Command::new(&this)
            .args([
                "--exact",
                "store::sled::tests::killing::settles_until_it_is_killed",
                "--ignored",
                "--nocapture",
            ])
            .current_dir(dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        let (said, saying) = std::sync::mpsc::channel();
        let reading = std::thread::Builder::new().name("lines".to_owned()).spawn(move || {
            // The end of whoever listens is no end of what is read.
            lines.lines().map_while(Result::ok).inspect(|_| said.send(()).unwrap_or(())).collect::<Vec<_>>()
        });
        let mut chance = [0; 2];
        random.fill(&mut chance).expect("filled");
        // After so many lines, of which some are said while it starts, and a moment: however slow the machine is.
        for _ in 0..chance[0] % 16 {
            saying.recv_timeout(Duration::from_secs(60)).expect("it goes on");
        }
        std::thread::sleep(Duration::from_micros(u64::from(chance[1]) * 100));
        child.kill().expect("killed");
        child.wait().expect("gone");
        let lines = reading.expect("started").join().expect("read");
        let settled = lines.iter().filter_map(|line| line.strip_prefix("settled "));
        acknowledged.extend(settled.map(|number| number.parse::<u64>().expect("a number")));
        // What was not answered may be there all the same; the next one starts beyond it.
        next = acknowledged.last().map_or(next, |last| last + 8).max(next) + 8;
    }
    assert!(acknowledged.len() > 20, "only {} batches: killed too early", acknowledged.len());
    let store = open_in(dir.path(), full_keyring(1_000_000));
    let values = export(&store, 5_000).await.expect("exported");
    let found: std::collections::BTreeSet<&String> = values.iter().collect();
    assert_eq!(found.len(), values.len(), "a lead twice");
    for first in &acknowledged {
        for number in *first..first + 7 {
            assert!(found.contains(&email_of(number)), "lead {number} was answered for");
        }
    }
    assert_eq!(store.stored().await.expect("counted").get(&purpose("devis")), Some(&(values.len() as u64)));
    let batches = store.parked().await.expect("counted");
    assert_eq!(batches * 7, values.len() as u64, "a batch is there whole or not at all");
    let letters = store.stored().await.expect("counted").get(&purpose("lettre")).copied();
    assert_eq!(letters, Some(batches), "all purposes of a submission, or none");
}
