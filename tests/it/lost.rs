//! A store that is lost, short or older than it was, through the daemon's own start: a refusal with a code, never an empty
//! store, and everything there again once what was missing is put back. The rest of the table is in `startup`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tamis::keyring::Keyring;
use tamis::keyring::file::FileKeyring;
use tamis::random::SystemRandom;
use tamis::secret::Key;

use crate::support::{DEVIS_FORM, Plan, World, canary, lead, refusal};

/// Leads in each of these worlds.
const LEADS: usize = 3;

/// A stopped daemon that holds [`LEADS`] records; beside it what it was.
struct Stopped {
    world: World,
    copy: tempfile::TempDir,
}

impl Stopped {
    async fn new() -> Self {
        let mut world = World::start().await;
        deliver(&world, LEADS).await;
        world.stop_daemon().await;
        let copy = tempfile::tempdir().expect("a directory");
        for place in ["store", "keys"] {
            copy_dir(&world.directory.path().join(place), &copy.path().join(place));
        }
        Self { world, copy }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.world.directory.path().join(path)
    }

    fn remove(&self, path: &str) {
        let path = self.at(path);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("removed");
    }

    /// Starts, is refused with this code, and finds everything as it was; then puts back what was there.
    async fn refused(&self, code: &str) {
        let before = self.contents();
        self.refused_at_least(code).await;
        assert!(before == self.contents(), "{code} touched something");
    }

    /// The same, where sled itself may have touched its files.
    async fn refused_at_least(&self, code: &str) {
        let told = refusal(self.world.directory.path(), &Plan::default()).await;
        assert!(told.ends_with(&format!(": {code}")), "{told}, and not {code}");
    }

    fn put_back(&self) {
        for place in ["store", "keys"] {
            let _ = fs::remove_dir_all(self.at(place));
            copy_dir(&self.copy.path().join(place), &self.at(place));
        }
    }

    /// Names and contents of all files but locks.
    fn contents(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut open = vec![self.at("store"), self.at("keys")];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                let path = entry.path();
                match path.is_dir() {
                    true => open.push(path),
                    false if path.to_string_lossy().ends_with("lock") => {}
                    false => found.push((path.clone(), fs::read(path).expect("readable"))),
                }
            }
        }
        found.sort();
        found
    }

    /// Puts everything back, and finds every record.
    async fn whole_again(mut self) {
        self.put_back();
        self.world.start_daemon().await;
        assert_eq!(self.world.records("devis").await.len(), LEADS);
        self.world.end().await;
    }
}

async fn deliver(world: &World, count: usize) {
    for _ in 0..count {
        let email = format!("{}@example.org", canary("start"));
        let id = world
            .submit(lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]), &[&email]);
        assert_eq!(world.deliver(&[&id]).await.status, 200);
    }
    world.until("all are stored", || async { world.records("devis").await.len() >= count }).await;
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("readable") {
        let path = entry.expect("readable").path();
        let copy = to.join(path.file_name().expect("named"));
        if path.is_dir() {
            copy_dir(&path, &copy);
        } else {
            fs::copy(&path, &copy).expect("copied");
        }
    }
}

/// The root key that the world's secrets hold.
fn root() -> Key {
    Key::new([42; 32])
}

fn generation(path: &Path) -> u64 {
    let keyring = FileKeyring::open(path, root(), Arc::new(SystemRandom)).expect("opens").expect("there");
    keyring.generation()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_keyring_without_its_store_is_refused() {
    let stopped = Stopped::new().await;
    stopped.remove("store");
    stopped.refused("store-missing").await;
    assert!(!stopped.at("store").exists(), "not even a directory is made");
    stopped.put_back();
    // What a mounted, empty volume looks like.
    stopped.remove("store");
    fs::create_dir(stopped.at("store")).expect("made");
    stopped.refused("store-missing").await;
    stopped.put_back();
    stopped.remove("store/complete");
    stopped.refused("store-missing").await;
    stopped.whole_again().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyring_one_generation_back_is_refused_also_where_no_lead_came_since() {
    let mut stopped = Stopped::new().await;
    // One generation is enough: whatever was made or destroyed in between would be wrong.
    let old = fs::read(stopped.at("keys/keyring")).expect("readable");
    let before = generation(&stopped.at("keys/keyring"));
    let keyring = FileKeyring::open(&stopped.at("keys/keyring"), root(), Arc::new(SystemRandom));
    let keyring = keyring.expect("opens").expect("there");
    keyring.make_days(&[tamis::clock::Day(1)]).expect("made");
    drop(keyring);
    assert_eq!(generation(&stopped.at("keys/keyring")), before + 1);
    stopped.world.start_daemon().await;
    stopped.world.stop_daemon().await;
    fs::write(stopped.at("keys/keyring"), old).expect("written");
    stopped.refused_at_least("keyring-rolled-back").await;
    stopped.whole_again().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_lost_what_was_answered_for_is_refused() {
    let stopped = Stopped::new().await;
    let db = stopped.at("store/db/db");
    let whole = fs::read(&db).expect("readable");
    fs::write(&db, b"").expect("written");
    stopped.refused("store-missing").await;
    fs::remove_file(&db).expect("removed");
    stopped.refused("store-missing").await;
    let padding = whole.last().copied().unwrap_or(0);
    let end = whole.iter().rposition(|byte| *byte != padding).expect("data") + 1;
    for bytes in [end - 1, end - 1_000, end / 2] {
        stopped.put_back();
        fs::write(&db, &whole[..bytes]).expect("written");
        let told = refusal(stopped.world.directory.path(), &Plan::default()).await;
        let codes = ["store-behind-witness", "store-damaged"];
        assert!(codes.iter().any(|code| told.ends_with(code)), "cut to {bytes}: {told}");
        let copies = fs::read_dir(stopped.at("store")).expect("readable").flatten();
        let copies = copies.filter(|entry| entry.file_name().to_string_lossy().starts_with("aside-"));
        let copies: Vec<PathBuf> = copies.map(|entry| entry.path()).collect();
        assert_eq!(copies.len(), 1, "cut to {bytes}: kept as it was found");
        assert!(fs::read(copies[0].join("db")).expect("readable") == whole[..bytes]);
    }
    stopped.whole_again().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_of_the_store_is_refused() {
    let mut stopped = Stopped::new().await;
    stopped.world.start_daemon().await;
    deliver(&stopped.world, LEADS + 1).await;
    stopped.world.stop_daemon().await;
    stopped.remove("store/db");
    copy_dir(&stopped.copy.path().join("store/db"), &stopped.at("store/db"));
    stopped.refused_at_least("store-behind-witness").await;
    stopped.refused_at_least("store-behind-witness").await;
    stopped.whole_again().await;
}
