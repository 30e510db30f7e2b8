//! Keyring, witness, locks and socket removed, damaged or replaced while tamis runs: the process still has what they held.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use tamis::clock::{Clock, ManualClock, SystemClock};
use tamis::keyring::file::FileKeyring;
use tamis::random::SystemRandom;
use tamis::secret::Key;

use crate::support::mounts::Mounted;
use crate::support::{Caller, DEVIS_FORM, Plan, World, canary, lead, log};

const MINUTE_MS: i64 = 60_000;

/// Held by a test that has a keyring replaced: the lines of the log are counted, and all worlds of the process write them.
static REPLACING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A running daemon with a record, on a clock that is moved.
struct Running {
    world: World,
    clock: Arc<ManualClock>,
}

impl Running {
    async fn start() -> Self {
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let world = World::planned(Plan::at(clock.clone())).await;
        let running = Self { world, clock };
        running.lead().await;
        running
    }

    /// One more lead comes and is stored.
    async fn lead(&self) {
        let email = format!("{}@example.org", canary("tampering"));
        let answers = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]);
        let id = self.world.submit(answers, &[&email]);
        assert_eq!(self.world.deliver(&[&id]).await.status, 200);
        self.world.settled().await;
    }

    fn at(&self, path: &str) -> PathBuf {
        self.world.directory.path().join(path)
    }

    fn pass_a_minute(&self) {
        self.clock.advance_ms(MINUTE_MS + 1_000);
    }

    /// What the metrics say needs a person, as an operator sees it.
    async fn attention(&self) -> Vec<String> {
        let text = self.metrics().await;
        let codes = text
            .lines()
            .filter_map(|line| line.strip_prefix("tamis_attention{code=\"")?.strip_suffix("\"} 1"));
        let mut codes: Vec<String> = codes.map(str::to_owned).collect();
        codes.sort_unstable();
        codes
    }

    async fn metrics(&self) -> String {
        let answer = self.world.admin().get("/admin/v1/metrics").await;
        assert_eq!(answer.status, 200);
        answer.text()
    }

    async fn until_attention(&self, codes: &[&str]) {
        self.world.until("it is told", || async { self.attention().await == codes }).await;
    }

    async fn until_there(&self, path: &str) {
        let path = self.at(path);
        self.world.until("it is written again", || async { path.exists() }).await;
    }

    /// Takes a lead, restarts, and finds every record readable.
    async fn whole_again(mut self, records: usize) {
        self.lead().await;
        self.world.restart().await;
        assert_eq!(self.world.records("devis").await.len(), records + 1);
        self.world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_keyring_is_written_again_from_memory() {
    let running = Running::start().await;
    fs::remove_file(running.at("keys/keyring")).expect("removed");
    running.pass_a_minute();
    running.until_there("keys/keyring").await;
    assert!(log().text().contains("keyring.written-again"));
    assert_eq!(running.attention().await, [""; 0]);
    running.whole_again(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_directory_of_the_keys_is_made_again_with_all_that_was_in_it() {
    let running = Running::start().await;
    fs::remove_dir_all(running.at("keys")).expect("removed");
    running.pass_a_minute();
    for name in ["keys/keyring", "keys/keyring.lock", "keys/witness"] {
        running.until_there(name).await;
    }
    running.whole_again(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_keyring_is_written_over() {
    let running = Running::start().await;
    let path = running.at("keys/keyring");
    let mut bytes = fs::read(&path).expect("there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).expect("written");
    running.pass_a_minute();
    running.world.until("it is mended", || async { fs::read(&path).is_ok_and(|now| now != bytes) }).await;
    running.whole_again(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_keyring_in_its_place_is_told_and_never_written_over() {
    let _alone = REPLACING.lock().await;
    let running = Running::start().await;
    let elsewhere = running.world.directory.path().join("another");
    drop(FileKeyring::create(&elsewhere, Key::new([42; 32]), Arc::new(SystemRandom)).expect("created"));
    let theirs = fs::read(&elsewhere).expect("there");
    let said = || {
        let lines = log().events("attention.needed");
        lines.iter().filter(|line| line.contains("keyring-replaced")).count()
    };
    let before = said();
    fs::rename(&elsewhere, running.at("keys/keyring")).expect("in its place");
    running.pass_a_minute();
    running.until_attention(&["keyring-replaced"]).await;
    assert_eq!(said() - before, 1);
    for _ in 0..3 {
        running.pass_a_minute();
        tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    }
    assert_eq!(said() - before, 1, "not each minute");
    running.clock.advance_ms(60 * MINUTE_MS);
    running.world.until("it is said again", || async { said() - before == 2 }).await;
    assert!(fs::read(running.at("keys/keyring")).expect("there") == theirs, "it was written over");
    let public = running.world.addresses.public.to_string();
    let ready = Caller::tcp(&public, None).get("/health/ready").await.status;
    assert_eq!(ready, 200, "notifications are taken");
    fs::remove_file(running.at("keys/keyring")).expect("out of the way");
    running.pass_a_minute();
    running.until_attention(&[]).await;
    running.until_there("keys/keyring").await;
    running.whole_again(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_or_damaged_witness_is_written_again() {
    let mut running = Running::start().await;
    let path = running.at("keys/witness");
    fs::remove_file(&path).expect("removed");
    running.lead().await;
    running.pass_a_minute();
    running.until_there("keys/witness").await;
    running.world.restart().await;
    let whole = fs::read(&path).expect("there");
    fs::write(&path, vec![0; whole.len()]).expect("written");
    running.pass_a_minute();
    running
        .world
        .until("it is mended", || async {
            fs::read(&path).is_ok_and(|now| now.chunks(4_096).any(|slot| slot.starts_with(b"TAMISWIT")))
        })
        .await;
    running.whole_again(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_lock_and_marker_of_the_store_are_made_again() {
    let running = Running::start().await;
    for name in ["store/lock", "store/complete", "keys/keyring.lock"] {
        fs::remove_file(running.at(name)).expect("removed");
    }
    running.pass_a_minute();
    for name in ["store/lock", "store/complete", "keys/keyring.lock"] {
        running.until_there(name).await;
    }
    assert_eq!(running.attention().await, [""; 0]);
    running.whole_again(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_or_journal_that_was_moved_away_is_told_until_it_is_back() {
    let running = Running::start().await;
    fs::rename(running.at("store"), running.at("moved")).expect("moved");
    running.pass_a_minute();
    running.until_attention(&["journal-replaced", "store-replaced"]).await;
    assert!(!running.at("store").exists(), "no other store is made");
    fs::rename(running.at("moved"), running.at("store")).expect("moved back");
    running.pass_a_minute();
    running.until_attention(&[]).await;
    fs::rename(running.at("store/inbox"), running.at("moved")).expect("moved");
    running.pass_a_minute();
    running.until_attention(&["journal-replaced"]).await;
    fs::rename(running.at("moved"), running.at("store/inbox")).expect("moved back");
    running.pass_a_minute();
    running.until_attention(&[]).await;
    let segment =
        fs::read_dir(running.at("store/inbox")).expect("readable").flatten().next().expect("a segment");
    fs::rename(segment.path(), running.at("moved")).expect("moved");
    running.pass_a_minute();
    running.until_attention(&["journal-replaced"]).await;
    fs::rename(running.at("moved"), segment.path()).expect("moved back");
    running.pass_a_minute();
    running.until_attention(&[]).await;
    running.whole_again(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_socket_is_bound_again_and_every_verb_works_on() {
    let running = Running::start().await;
    for directory_too in [false, true, false] {
        let socket = running.world.addresses.socket.clone();
        let removed =
            if directory_too { fs::remove_dir_all(running.at("run")) } else { fs::remove_file(&socket) };
        removed.expect("removed");
        running.pass_a_minute();
        running.until_there("run/admin.sock").await;
        // Another caller: one whose connection was open would prove nothing.
        running
            .world
            .until("it is served", || async { running.world.records("devis").await.len() == 1 })
            .await;
    }
    assert!(log().text().contains("admin.socket-bound-again"));
    running.whole_again(1).await;
}

/// A full disk is told and waited out. What was mounted and is not any more is told too, and nothing is written into the
/// place below it: it would be a second generation once the mount is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_keyring_that_cannot_be_written_again_is_told_until_it_can() {
    let _alone = REPLACING.lock().await;
    let mut running = Running::start().await;
    running.world.stop_daemon().await;
    let Some(disk) = Mounted::memory(&running.at("keys"), 8_192) else {
        return running.world.end().await;
    };
    running.world.start_daemon().await;
    fs::remove_file(running.at("keys/keyring")).expect("removed");
    disk.fill(0);
    running.pass_a_minute();
    running.until_attention(&["keyring-lost"]).await;
    assert!(!running.at("keys/keyring").exists());
    assert_eq!(running.world.records("devis").await.len(), 1, "its keys are in memory");
    disk.empty();
    running.pass_a_minute();
    running.until_attention(&[]).await;
    running.until_there("keys/keyring").await;
    drop(disk);
    let below = || fs::read(running.at("keys/keyring")).expect("what was there before the mount");
    let before = below();
    running.pass_a_minute();
    running.until_attention(&["keyring-replaced"]).await;
    assert!(below() == before, "it was written over");
    running.world.end().await;
}
