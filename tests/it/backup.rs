//! Backups and what becomes of them: made while tamis runs, restored beside the keyring of today or without one, twice, and cut
//! short at every step.

mod by_hand;
mod crm;
mod cut;
mod kept;
mod ledger;
mod left;
mod under_way;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tamis::keyring::file::FileKeyring;
use tamis::keyring::tree::Kind;
use tamis::keyring::{Bucket, Keyring};
use tamis::purpose::PurposeId;
use tamis::random::SystemRandom;
use tamis::secret::Key;
use tamis_simulator::Simulator;

use crate::support::power;
use crate::support::process::{BINARY, Daemon, Home, ROOT_KEY, installed};
use crate::support::senders::{self, Chance};
use crate::support::{DEVIS_FORM, lead};

/// Every so many steps of a restore a kill.
const STRIDE: u64 = 7;
/// More steps than this a restore does not have.
const STEPS_MAX: u64 = 2_000;

/// A home, and a daemon in it that was sent leads.
pub struct World {
    pub meta: Simulator,
    pub home: Home,
    sent: usize,
}

impl World {
    pub async fn new() -> Self {
        let meta = senders::meta().await;
        let home = senders::home(&meta);
        Self { meta, home, sent: 0 }
    }

    /// Another home, of the same Meta.
    fn beside(other: &Self) -> Self {
        Self { meta: other.meta.clone(), home: senders::home(&other.meta), sent: other.sent }
    }

    /// With a ledger.
    async fn with_ledger() -> Self {
        Self::new().await.given_ledger()
    }

    fn given_ledger(self) -> Self {
        let config = fs::read_to_string(self.home.config()).expect("a config");
        let ledger = self.path("ledger");
        let more = format!("{config}\n[backup]\nledger = \"{}\"\n", ledger.display());
        fs::write(self.home.config(), more).expect("written");
        fs::write(&ledger, "").expect("made");
        fs::set_permissions(&ledger, fs::Permissions::from_mode(0o600)).expect("a mode");
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.directory.path().join(name)
    }

    /// So many more leads are stored.
    pub async fn store(&mut self, daemon: &Daemon, count: usize) {
        let before = daemon.said("lead.stored").len();
        let numbered = |number: usize| {
            lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&senders::email(number)])
        };
        let ids: Vec<String> =
            (self.sent..self.sent + count).map(|number| self.meta.add_lead(numbered(number))).collect();
        self.sent += count;
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let answer = self.meta.deliver(&daemon.webhook(), &self.meta.notification(&ids)).await;
        assert_eq!(answer.expect("an answer").status, 200);
        daemon.until_said("lead.stored", before + count);
    }

    pub fn tamis(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(BINARY);
        command.args(arguments).arg("--config").arg(self.home.config()).env_clear();
        command.output().expect("tamis runs")
    }

    /// Makes a backup, and says where.
    fn back_up(&self, name: &str) -> PathBuf {
        let to = self.path(name);
        let made = self.tamis(&["backup", &to.display().to_string()]);
        assert!(made.status.success(), "{}", told(&made));
        to
    }

    fn restore(&self, from: &Path, more: &[&str]) -> Output {
        let from = from.display().to_string();
        self.tamis(&[&["restore", from.as_str()], more].concat())
    }

    /// What is left of the store is somewhere else.
    /// The machine is lost, with the keyring or without it, and what a backup and the ledger have is put back.
    fn restore_after_loss(&self, backup: &Path, keys_are_lost: bool) {
        self.lose_store();
        if keys_are_lost {
            self.lose_keys();
        }
        let ledger = self.path("ledger").display().to_string();
        let restored = self.restore(backup, &["--ledger", &ledger]);
        assert!(restored.status.success(), "{}", told(&restored));
    }

    fn lose_store(&self) {
        let _ = fs::remove_dir_all(self.path("lost"));
        fs::rename(self.path("store"), self.path("lost")).expect("moved");
    }

    /// All that lies beside the root key.
    fn lose_keys(&self) {
        fs::remove_dir_all(self.path("keys")).expect("removed");
    }
}

pub fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Ids and addresses, in the order of the export, and the cursor behind them.
pub async fn exported(daemon: &Daemon) -> (Vec<(String, String)>, String) {
    let page = async || daemon.admin().get("/admin/v1/purposes/devis/leads?limit=10000").await;
    let (mut read, begun) = (page().await, Instant::now());
    // A store that never had a vacuum has one by itself as soon as nothing is queued.
    while read.status == 503 && read.json()["code"] == "busy" && begun.elapsed() < Duration::from_secs(30) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        read = page().await;
    }
    assert_eq!(read.status, 200, "{}", read.text());
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let line = |line: Value| (text(&line["id"]), text(&line["fields"]["email"][0]));
    let lines = read.lines().into_iter().map(line).collect();
    (lines, read.header("tamis-next-cursor").to_owned())
}

fn ids(records: &[(String, String)]) -> Vec<&str> {
    records.iter().map(|(id, _)| id.as_str()).collect()
}

fn epoch(id: &str) -> u32 {
    id.split('-').nth(1).and_then(|epoch| epoch.parse().ok()).expect("an epoch")
}

pub async fn post(daemon: &Daemon, path: &str, body: Value) -> (u16, Value) {
    let answer = daemon
        .admin()
        .call(reqwest::Method::POST, path, Some(body.to_string()), Some("person-request"))
        .await;
    (answer.status, answer.json())
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("readable") {
        let path = entry.expect("readable").path();
        found.push(path.clone());
        if path.is_dir() {
            found.extend(files(&path));
        }
    }
    found
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_whole_private_without_the_root_key_and_over_nothing() {
    let mut world = World::new().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 5).await;
    let backup = world.back_up("backup");
    for path in files(&backup).into_iter().chain([backup.clone()]) {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), expected, "{}", path.display());
        if path.is_file() {
            let bytes = fs::read(&path).expect("readable");
            let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
            assert!(!has(&ROOT_KEY) && !has(hex::encode(ROOT_KEY).as_bytes()), "{}", path.display());
            assert!(!has(b"@example.org"), "{}", path.display());
        }
    }
    assert!(backup.join("keys/keyring").is_file() && !backup.join("keys/witness").exists());
    assert!(files(&backup.join("store")).iter().all(|path| !path.ends_with("keyring")));
    let before = fs::read(backup.join("keys/keyring")).expect("there");
    for (directory, status, code) in [
        (backup.clone(), 409, "directory-taken"),
        (world.path("secrets/root-key"), 409, "directory-taken"),
        (world.path("nowhere/backup"), 422, "directory-refused"),
        (world.path("store/backup"), 422, "directory-refused"),
        (world.path("keys/backup"), 422, "directory-refused"),
        (PathBuf::from("backup"), 422, "directory-refused"),
        (PathBuf::from("/"), 422, "directory-refused"),
        (world.path("a\0b"), 422, "directory-refused"),
    ] {
        let (answered, problem) =
            post(&daemon, "/admin/v1/backups", json!({ "directory": &directory })).await;
        assert_eq!((answered, problem["code"].as_str()), (status, Some(code)), "{}", directory.display());
    }
    assert!(fs::read(backup.join("keys/keyring")).expect("there") == before);
    let names = fs::read_dir(world.home.directory.path()).expect("readable").flatten();
    assert!(names.map(|entry| entry.file_name()).all(|name| !name.to_string_lossy().ends_with(".part")));
    let trail = daemon.admin().get("/admin/v1/trail").await;
    let backed_up = trail.lines().into_iter().filter(|line| line["action"] == "backed-up").count();
    assert_eq!(backed_up, 1, "what is refused at once is none");
    assert_eq!(daemon.said("backup.made").len(), 1);
    // While tamis runs nothing is restored.
    let refused = world.restore(&backup, &["--without-ledger"]);
    assert_eq!(refused.status.code(), Some(75), "{}", told(&refused));
    assert!(daemon.terminate().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_backup_beside_today_s_keyring_brings_nobody_back_and_gives_no_id_again() {
    let mut world = World::new().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 6).await;
    let backup = world.back_up("backup");
    let (_, there) = exported(&daemon).await;
    world.store(&daemon, 2).await;
    let (before, beyond) = exported(&daemon).await;
    assert_eq!(before.len(), 8);
    let (status, _) = post(&daemon, "/admin/v1/erasures", json!({"by": {"id": "devis-1-2"}})).await;
    assert_eq!(status, 200);
    assert!(daemon.terminate().0.success());
    world.lose_store();

    let refused = world.restore(&backup, &[]);
    assert_eq!(refused.status.code(), Some(1));
    let said = told(&refused);
    assert!(said.contains("since 20") && said.contains("--without-ledger"), "{said}");
    assert!(!world.path("store/db").exists() && !world.path("store/restoring").exists());
    let restored = world.restore(&backup, &["--without-ledger"]);
    assert!(restored.status.success(), "{}", told(&restored));
    assert!(told(&restored).contains("5 records; 1 more"), "{}", told(&restored));

    let daemon = world.home.serve(&[]);
    let (after, _) = exported(&daemon).await;
    let kept: Vec<_> = before[..6].iter().filter(|(id, _)| id != "devis-1-2").cloned().collect();
    assert_eq!(after, kept);
    // Whoever read up to the backup goes on; whoever read beyond it is told where to.
    let read = daemon.admin().get(&format!("/admin/v1/purposes/devis/leads?after={there}")).await;
    assert_eq!((read.status, read.lines().len()), (200, 0));
    for ahead in [beyond.as_str(), "devis-1-7", "devis-2-1"] {
        let ahead = daemon.admin().get(&format!("/admin/v1/purposes/devis/leads?after={ahead}")).await;
        assert_eq!((ahead.status, ahead.json()["code"].as_str()), (409, Some("cursor-ahead")));
        let resume = ahead.json()["resume_after"].as_str().expect("a cursor").to_owned();
        assert!([there.as_str(), "devis-1-0"].contains(&resume.as_str()), "{resume}");
        let read = daemon.admin().get(&format!("/admin/v1/purposes/devis/leads?after={resume}")).await;
        assert_eq!(read.status, 200);
    }
    world.store(&daemon, 3).await;
    let (first, _) = exported(&daemon).await;
    let new: Vec<&str> = ids(&first)[5..].to_vec();
    assert!(new.len() == 3 && new.iter().all(|id| epoch(id) > 1), "{new:?}");
    let read = daemon.admin().get(&format!("/admin/v1/purposes/devis/leads?after={there}")).await;
    assert_eq!(read.lines().len(), 3, "a cursor of before the restore leads to what came after it");
    let verified = world.tamis(&["trail", "verify"]);
    assert!(verified.status.success(), "{}", told(&verified));
    assert!(daemon.terminate().0.success());

    // Once more from the same backup: nobody has an id that somebody had.
    world.lose_store();
    let restored = world.restore(&backup, &["--without-ledger"]);
    assert!(restored.status.success(), "{}", told(&restored));
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 3).await;
    let (second, _) = exported(&daemon).await;
    let again: Vec<&str> = ids(&second)[5..].to_vec();
    assert!(again.len() == 3 && again.iter().all(|id| !ids(&first).contains(id)), "{again:?} {first:?}");
    assert!(again.iter().all(|id| epoch(id) > epoch(new[0])));
    assert!(daemon.terminate().0.success());
    world.meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_part_comes_back_where_there_is_no_keyring_and_only_with_a_store_that_it_knows() {
    let mut world = World::new().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 3).await;
    let first = world.back_up("first");
    world.store(&daemon, 3).await;
    let second = world.back_up("second");
    let (before, _) = exported(&daemon).await;
    assert!(daemon.terminate().0.success());
    // A rolled-back key part beside a newer store part.
    let mixed = world.path("mixed");
    fs::create_dir(&mixed).expect("made");
    std::os::unix::fs::symlink(second.join("store"), mixed.join("store")).expect("a link");
    std::os::unix::fs::symlink(first.join("keys"), mixed.join("keys")).expect("a link");
    world.lose_store();
    world.lose_keys();
    let refused = world.restore(&mixed, &["--without-ledger"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(told(&refused).contains("keyring-rolled-back"), "{}", told(&refused));
    let left: Vec<_> = fs::read_dir(world.path("keys")).expect("there").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!world.path("store/db").exists());
    let restored = world.restore(&second, &["--without-ledger"]);
    assert!(restored.status.success(), "{}", told(&restored));
    let over = world.restore(&second, &["--without-ledger"]);
    assert!(told(&over).contains("store-exists"), "{}", told(&over));
    let daemon = world.home.serve(&[]);
    assert_eq!(exported(&daemon).await.0, before);
    world.store(&daemon, 1).await;
    assert!(daemon.terminate().0.success());
    world.meta.stop().await;
}

/// The promise of [`tamis::store::Backups::back_up`] about what is stored after it, held against the keys themselves.
#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_a_backup_open_what_it_has_and_nothing_that_came_later() {
    let mut world = World::new().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 4).await;
    let backup = world.back_up("backup");
    world.store(&daemon, 4).await;
    assert!(daemon.terminate().0.success());
    let copy = tempfile::tempdir().expect("a directory");
    fs::copy(backup.join("keys/keyring"), copy.path().join("keyring")).expect("copied");
    let keys = |path: &Path| {
        let keyring = FileKeyring::open(path, Key::new(ROOT_KEY), Arc::new(SystemRandom));
        let keyring = keyring.expect("opens").expect("there");
        let bucket = Bucket { purpose: PurposeId::parse("devis").expect("a purpose"), epoch: 1, index: 0 };
        let lease = keyring.lease(&bucket).expect("a bucket");
        let key = |leaf| lease.key(leaf, Kind::Record, 0).ok().map(|key| *key.key().expose());
        (1..12).map(key).collect::<Vec<_>>()
    };
    let (then, now) = (keys(&copy.path().join("keyring")), keys(&world.path("keys/keyring")));
    assert!(then.iter().chain(&now).all(Option::is_some));
    assert!(then[..4] == now[..4], "what it has");
    assert!(then[4..].iter().zip(&now[4..]).all(|(then, now)| then != now), "what came later");
    world.meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_killed_during_a_backup_leaves_a_whole_one_or_none() {
    let mut world = World::new().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 40).await;
    drop(daemon);
    let chance = Chance::new(11);
    let (mut whole, mut none) = (0, 0);
    for turn in 0..8 {
        let daemon = world.home.serve(&[]);
        let backup = world.path(&format!("backup-{turn}"));
        let mut asking = Command::new(BINARY);
        asking
            .args(["backup", &backup.display().to_string(), "--config"])
            .arg(world.home.config())
            .env_clear();
        let mut asking = asking.stderr(std::process::Stdio::null()).spawn().expect("tamis runs");
        tokio::time::sleep(Duration::from_millis(chance.below(120))).await;
        daemon.kill();
        asking.wait().expect("its end");
        if !backup.exists() {
            none += 1;
            continue;
        }
        whole += 1;
        let elsewhere = World::beside(&world);
        let restored = elsewhere.restore(&backup, &["--without-ledger"]);
        assert!(restored.status.success(), "{}", told(&restored));
        assert!(told(&restored).contains("40 records"), "{}", told(&restored));
    }
    println!("{whole} whole, {none} none");
    let daemon = world.home.serve(&[]);
    let last = world.back_up("backup-last");
    assert!(last.exists() && exported(&daemon).await.0.len() == 40);
    assert!(daemon.terminate().0.success());
    world.meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_killed_at_its_steps_is_begun_again_and_ends_the_same() {
    assert!(installed("cc"), "the layer that kills is C");
    let mut world = World::new().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 8).await;
    let backup = world.back_up("backup");
    let (before, _) = exported(&daemon).await;
    assert!(daemon.terminate().0.success());
    let aside = tempfile::tempdir().expect("a directory");
    let layer = power::layer(aside.path());
    let chance = Chance::new(3);
    let (mut kills, mut step) = (0, 1 + chance.below(STRIDE));
    while step < STEPS_MAX {
        // Every other time the keys are lost as well.
        world.lose_store();
        if kills % 2 == 1 {
            world.lose_keys();
        }
        let mut command = Command::new(BINARY);
        command.args(["restore", &backup.display().to_string(), "--without-ledger", "--config"]);
        command.arg(world.home.config()).env_clear();
        command.env("LD_PRELOAD", &layer).env("TAMIS_UNSYNCED_LOG", aside.path().join("changes"));
        command.env("TAMIS_UNSYNCED_ROOT", world.home.directory.path());
        command.env("TAMIS_UNSYNCED_KILL_AT", step.to_string());
        let ended = command.output().expect("tamis runs");
        let done = ended.status.success();
        if !done {
            kills += 1;
            assert_eq!(ended.status.code(), None, "step {step}: {}", told(&ended));
            // Either it is there already, or it can be begun again.
            let again = world.restore(&backup, &["--without-ledger"]);
            let is_there = told(&again).contains("store-exists");
            assert!(again.status.success() || is_there, "step {step}: {}", told(&again));
        }
        let daemon = world.home.serve(&[]);
        assert_eq!(exported(&daemon).await.0, before, "step {step}");
        assert!(daemon.terminate().0.success());
        if done {
            break;
        }
        step += STRIDE;
    }
    assert!(kills > 5 && step < STEPS_MAX, "{kills} kills");
    println!("{kills} kills");
    world.meta.stop().await;
}

/// `tests/data/backup-2520c971.tar.gz` was made by the build of that commit, which was the first that makes backups: six records stored,
/// `devis-1-2` erased, a backup; two more stored, `devis-1-3` erased, stopped. `keys` is its keyring of then, `expected.json` what it exported
/// before the backup. Its purpose keeps for ten years.
#[tokio::test]
async fn a_backup_of_the_first_build_that_made_one_is_restored_by_this_one_beside_the_keyring_of_then_or_its_own()
 {
    for beside in [true, false] {
        let world = World::new().await;
        let config = fs::read_to_string(world.home.config()).expect("a config");
        let longer = config.replace("retention_months = 12", "retention_months = 120");
        fs::write(world.home.config(), longer).expect("written");
        let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/backup-2520c971.tar.gz");
        let packed = flate2::read::GzDecoder::new(fs::File::open(packed).expect("the old backup"));
        tar::Archive::new(packed).unpack(world.home.directory.path()).expect("unpacked");
        if !beside {
            world.lose_keys();
        }
        let expected = fs::read_to_string(world.path("expected.json")).expect("there");
        let expected: Value = serde_json::from_str(&expected).expect("JSON");
        let expected: Vec<(String, String)> =
            serde_json::from_value(expected["records"].clone()).expect("pairs");

        let restored = world.restore(&world.path("backup"), &["--without-ledger"]);
        assert!(restored.status.success(), "{}", told(&restored));
        let daemon = world.home.serve(&[]);
        let (records, _) = exported(&daemon).await;
        let kept = |(id, _): &&(String, String)| !beside || id != "devis-1-3";
        assert_eq!(records, expected.iter().filter(kept).cloned().collect::<Vec<_>>(), "{beside}");
        assert!(!ids(&records).contains(&"devis-1-2"));
        // It goes on, and gives no id again.
        let mut world = world;
        // Meta gave these numbers to those of then.
        (0..8).for_each(|_| drop(world.meta.add_lead(lead(DEVIS_FORM))));
        world.store(&daemon, 2).await;
        let (after, _) = exported(&daemon).await;
        assert!(
            after.len() == records.len() + 2 && ids(&after)[records.len()..].iter().all(|id| epoch(id) > 1)
        );
        let verified = world.tamis(&["trail", "verify"]);
        assert!(verified.status.success(), "{}", told(&verified));
        assert!(daemon.terminate().0.success());
    }
}
