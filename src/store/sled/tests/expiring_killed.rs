//! A process killed while it ends what has had its time: of what was given, what is there has its key, and what is not has none.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::support::*;
use crate::clock::ManualClock;
use crate::keyring::file::FileKeyring;
use crate::keyring::lease::LeaseError;
use crate::keyring::tree::Kind;
use crate::keyring::{BUCKET_RECORDS, Bucket, Keyring};
use crate::purpose::RecordId;
use crate::random::{Random, SeededRandom, SystemRandom};
use crate::secret::Key;
use crate::store::sled::{Settings, SledStore};
use crate::store::{Leads, Life, Outcome, Retention, Settlement};

const KILLS: u64 = 12;
/// Leads a day: a bucket is full after some days, and then goes.
const LEADS_A_DAY: u64 = 90;
/// In the working directory of the process that is to be killed; holds the day on which it begins.
const ORDER: &str = "expire-from";

fn open_in(dir: &Path, day: u64) -> (Arc<SledStore>, Arc<FileKeyring>, Arc<ManualClock>) {
    let path = dir.join("keys/keyring");
    let (root, random) = (|| Key::new([9; 32]), Arc::new(SystemRandom));
    let keyring = match FileKeyring::open(&path, root(), random.clone()).expect("opens") {
        Some(keyring) => keyring,
        None => FileKeyring::create(&path, root(), random.clone()).expect("made"),
    };
    let keyring = Arc::new(keyring);
    let settings = Settings {
        path: dir.join("store"),
        witness: dir.join("keys/witness"),
        cache_mb: 8,
        free_disk_min_bytes: 0,
        ledger: None,
    };
    let clock = Arc::new(ManualClock::new(later(day as i64)));
    let purposes = vec![purpose("devis")];
    let store = SledStore::open(settings, keyring.clone(), purposes, clock.clone(), random).expect("opens");
    (store, keyring, clock)
}

/// One that ends two days later.
fn of_day(day: u64, number: u64) -> Settlement {
    let lead = crate::lead::sample::lead("devis", &email_of(number), false, later(day as i64 + 2));
    Settlement { outcome: Outcome::stored(lead), ..stored(number) }
}

/// Only in the process that the test below starts and kills: alone it has no order, and fails.
#[tokio::test]
#[ignore = "it never ends: the test below starts it, and kills it"]
async fn expires_until_it_is_killed() {
    let order = std::fs::read_to_string(ORDER).expect("an order from the test below");
    let mut day: u64 = order.parse().expect("a number");
    let (store, _, clock) = open_in(Path::new("."), day);
    println!("\nopen");
    loop {
        let agreed = store.compare_clock(store.now()).await;
        assert!(agreed.is_ok());
        let first = day * 1_000;
        store
            .settle((first..first + LEADS_A_DAY).map(|number| of_day(day, number)).collect())
            .await
            .expect("settled");
        println!("stored {day}");
        loop {
            let expired = store.expire().await.expect("swept");
            println!("expired {} {}", expired.total(), expired.done);
            if !expired.more {
                break;
            }
        }
        day += 1;
        println!("day {day}");
        clock.advance_ms(DAY_MS);
    }
}

#[tokio::test]
async fn what_is_there_after_a_kill_has_its_key_and_what_is_not_has_none() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(dir.path().join("keys")).expect("a directory");
    let this = std::env::current_exe().expect("known");
    let random = SeededRandom::new(11);
    let (mut day, mut expired) = (0, 0_u64);
    open_in(dir.path(), day).0.close().await.expect("closed");
    for kill in 0..KILLS {
        std::fs::write(dir.path().join(ORDER), day.to_string()).expect("written");
        let mut child = Command::new(&this)
            .args([
                "--exact",
                "store::sled::tests::expiring_killed::expires_until_it_is_killed",
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
            let told = lines.lines().map_while(Result::ok).inspect(|_| said.send(()).unwrap_or(()));
            told.collect::<Vec<_>>()
        });
        let mut chance = [0; 2];
        random.fill(&mut chance).expect("filled");
        for _ in 0..6 + chance[0] % 16 {
            saying.recv_timeout(Duration::from_secs(60)).expect("it goes on");
        }
        std::thread::sleep(Duration::from_micros(u64::from(chance[1]) * 60));
        child.kill().expect("killed");
        child.wait().expect("gone");
        let lines = reading.expect("started").join().expect("read");
        let days = lines.iter().filter_map(|line| line.strip_prefix("day ")?.parse::<u64>().ok());
        // The day that was under way may be stored: the next begins beyond it.
        day = days.max().unwrap_or(day) + 1;
        let counts = lines
            .iter()
            .filter_map(|line| line.strip_prefix("expired ")?.split(' ').next()?.parse::<u64>().ok());
        expired += counts.sum::<u64>();
        let (store, keyring, _) = open_in(dir.path(), day);
        let (store, there) = (store.clone(), there(&store));
        for number in 1..=there.iter().map(|id| id.number).max().unwrap_or(0) {
            let id = RecordId { purpose: purpose("devis"), epoch: 1, number };
            assert_eq!(lives(&keyring, &id), there.contains(&id), "kill {kill}, record {number}");
        }
        let scanned = scan(&store, 1_000).await.expect("scanned");
        assert_eq!(scanned.faults, [], "kill {kill}");
        store.close().await.expect("closed");
    }
    assert!(expired > 5 * LEADS_A_DAY, "only {expired} ended: killed too early");
}

/// The records that the vault has, by their numbers.
fn there(store: &SledStore) -> Vec<RecordId> {
    use crate::store::sled::layout::{Place, record_id};
    use std::ops::Bound::Unbounded;
    let place = Place::Vault(purpose("devis"));
    let rows =
        store.shared.reading(|engine| engine.scan(&place, (Unbounded, Unbounded), usize::MAX)).expect("read");
    rows.iter().map(|(key, _)| record_id(&purpose("devis"), key).expect("a key")).collect()
}

fn lives(keyring: &FileKeyring, id: &RecordId) -> bool {
    let Ok(lease) = keyring.lease(&Bucket::of(id)) else { return false };
    match lease.key((id.number % BUCKET_RECORDS) as u16, Kind::Record, 0) {
        Ok(_) => true,
        Err(LeaseError::Dead) => false,
        Err(LeaseError::Revoked) => panic!("it was just taken"),
    }
}
