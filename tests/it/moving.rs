//! A store of the first layout while its records are sealed again under keys of their own: the process is killed at its steps,
//! and the power is cut there. Whatever that leaves, the next start goes on to the end, and every record opens.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tamis::clock::ManualClock;
use tamis::keyring::Keyring;
use tamis::keyring::file::FileKeyring;
use tamis::machine::progress::Progress;
use tamis::purpose::PurposeId;
use tamis::random::SystemRandom;
use tamis::secret::Key;
use tamis::store::{Scanning, Settings};

use crate::support::power::{self, Disk, Unsynced};
use crate::support::process::{Home, installed};
use crate::support::senders::{self, Chance};
use crate::versions::{DAY, expected_records, unpack};

/// Every so many steps a kill.
const STRIDE: u64 = 5;
/// More steps than this a start does not have.
const STEPS_MAX: u64 = 1_000;
const ROOT: [u8; 32] = [42; 32];

fn root() -> Key {
    Key::new(ROOT)
}

/// Opens what lies there as the next start does, and holds every record against what the old build answered.
async fn goes_on(directory: &Path, what: &str) {
    let random = Arc::new(SystemRandom);
    let keyring = FileKeyring::open(&directory.join("keys/keyring"), root(), random.clone());
    let keyring: Arc<dyn Keyring> = match keyring {
        Ok(Some(keyring)) => Arc::new(keyring),
        Ok(None) => panic!("{what}: the keyring is gone"),
        Err(error) => panic!("{what}: {error}"),
    };
    let settings = Settings {
        path: directory.join("store"),
        witness: directory.join("keys/witness"),
        cache_mb: 8,
        free_disk_min_bytes: 0,
        ledger: None,
    };
    let purposes = ["devis", "lettre"].map(|name| PurposeId::parse(name).expect("a purpose"));
    let clock = Arc::new(ManualClock::new(DAY.parse().expect("a moment")));
    let progress = Progress::default();
    let opened =
        tamis::store::open_telling(settings, keyring.clone(), purposes.into(), clock, random, &progress);
    let (store, _) = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(keyring.before(), None, "{what}: the keys of before are there");
    let scanned = loop {
        match store.scan(1_000).await.unwrap_or_else(|error| panic!("{what}: {error}")) {
            Scanning::More => {}
            Scanning::Over(scanned) => break scanned,
        }
    };
    assert_eq!((scanned.records, scanned.faults), (expected_records(directory), Vec::new()), "{what}");
    store.close().await.expect("closed");
    let names: Vec<_> = fs::read_dir(directory.join("keys"))
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("text"))
        .filter(|name| name.starts_with("keyring"))
        .collect();
    assert_eq!(names.len(), 2, "{what}: the keyring and its lock, and not {names:?}");
    assert!(fs::read(directory.join("keys/keyring")).expect("there").starts_with(b"TAMISKEY\x02"));
}

/// A home with the old store in it.
fn old_home(meta: &tamis_simulator::Simulator) -> Home {
    let home = senders::home(meta);
    unpack(home.directory.path());
    fs::write(home.directory.path().join("secrets/root-key"), hex::encode(ROOT)).expect("a key");
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_its_steps_and_cut_off_there_a_move_loses_nothing_and_ends() {
    assert!(installed("cc"), "the layer that writes changes down is C");
    let meta = senders::meta().await;
    let aside = tempfile::tempdir().expect("a directory");
    let layer = power::layer(aside.path());
    let chance = Chance::new(7);
    let (mut kills, mut between, mut step) = (0, 0, 1 + chance.below(STRIDE));
    while step < STEPS_MAX {
        let home = old_home(&meta);
        let here = home.directory.path();
        let disk = Disk::holding(here);
        let log = aside.path().join(format!("changes-{step}"));
        let kill_at = step.to_string();
        let environment: [(&str, &Path); 4] = [
            ("LD_PRELOAD", &layer),
            ("TAMIS_UNSYNCED_LOG", &log),
            ("TAMIS_UNSYNCED_ROOT", here),
            ("TAMIS_UNSYNCED_KILL_AT", Path::new(&kill_at)),
        ];
        match home.try_serve(&[], &environment) {
            // It outlived its start: there are no more steps.
            Ok(daemon) => {
                daemon.kill();
                goes_on(here, "after a whole start").await;
                break;
            }
            Err(said) => assert!(!said.contains("error: "), "step {step}: {said}"),
        }
        kills += 1;
        between += u32::from(here.join("keys/keyring.next").exists());
        let mut disk = disk;
        let changes = fs::read(&log).expect("a log");
        power::records(&changes).iter().for_each(|record| disk.take(record));
        for unsynced in [Unsynced::Gone, Unsynced::InPart] {
            let cut = tempfile::tempdir().expect("a directory");
            disk.rebuild(cut.path(), unsynced, &chance);
            goes_on(cut.path(), &format!("power cut at step {step}, {unsynced:?}")).await;
        }
        goes_on(here, &format!("killed at step {step}")).await;
        step += STRIDE;
    }
    assert!(kills > 5 && between > 0, "{kills} kills, {between} of them between the two keyrings");
    println!("{kills} kills, {between} of them between the two keyrings");
    meta.stop().await;
}
