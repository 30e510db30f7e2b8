//! The start-up table, through the composition root: what each refusal says, and that it touches nothing.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tamis::keyring::file::FileKeyring;
use tamis::random::SystemRandom;
use tamis::secret::Key;
use tamis_simulator::{Setup, Simulator};

use crate::support::disk::visit;
use crate::support::process::{BINARY, Home};
use crate::support::{DEVIS_FORM, Plan, World, furnish, lead, no_thread_is_left, refusal};

/// Every file and directory below one, with what is in it.
type Snapshot = BTreeMap<PathBuf, Vec<u8>>;

fn snapshot(directory: &Path) -> Snapshot {
    let mut files = Snapshot::new();
    visit(directory, &mut |path, bytes| {
        files.insert(path.to_owned(), bytes.to_vec());
    });
    files
}

/// A daemon that has stored a lead and left, with its directory.
async fn used() -> World {
    let mut world = World::start().await;
    let id =
        world.submit(lead(DEVIS_FORM).answer("full_name", &["Z"]).answer("email", &["z@example.org"]), &[]);
    world.deliver(&[&id]).await;
    world.settled().await;
    assert_eq!(world.records("devis").await.len(), 1);
    world.stop_daemon().await;
    world
}

/// Tries to start, which must fail with this code and change no byte.
async fn refused(world: &World, code: &str) {
    let before = snapshot(world.directory.path());
    let said = refusal(world.directory.path(), &Plan::default()).await;
    assert!(said.contains(code), "{code} expected: {said}");
    let after = snapshot(world.directory.path());
    let differs = |path: &&PathBuf| before.get(*path) != after.get(*path);
    let touched: Vec<&PathBuf> = before.keys().chain(after.keys()).filter(differs).collect();
    assert!(touched.is_empty(), "{code}: touched {touched:?}");
    no_thread_is_left().await;
}

/// Starts, which must succeed with the one record still there, and stops.
async fn opens(world: &mut World) {
    world.start_daemon().await;
    assert_eq!(world.records("devis").await.len(), 1);
    world.stop_daemon().await;
}

fn path(world: &World, name: &str) -> PathBuf {
    world.directory.path().join(name)
}

fn move_away(world: &World, name: &str) -> impl FnOnce() + use<> {
    let (there, away) = (path(world, name), path(world, "away"));
    fs::rename(&there, &away).expect("a move");
    move || fs::rename(away, there).expect("a move back")
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_of_the_three_is_missing_the_start_is_refused_and_nothing_is_touched() {
    let mut world = used().await;
    for (name, code) in [
        ("keys/keyring", "keyring-missing"),
        ("keys/witness", "witness-missing"),
        ("store", "store-missing"),
        ("store/db", "store-missing"),
        ("store/complete", "store-missing"),
        ("store/db/db", "store-missing"),
    ] {
        let back = move_away(&world, name);
        refused(&world, code).await;
        back();
        opens(&mut world).await;
    }
    // Keyring and witness lie in one directory, and get lost together.
    let back = move_away(&world, "keys");
    refused(&world, "keyring-missing").await;
    back();
    opens(&mut world).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_witness_counts_as_none() {
    let mut world = used().await;
    let witness = path(&world, "keys/witness");
    let good = fs::read(&witness).expect("a witness");
    fs::write(&witness, vec![0x5a; good.len()]).expect("a file");
    refused(&world, "witness-missing").await;
    fs::write(&witness, good).expect("a file");
    opens(&mut world).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_stores_keyring_is_foreign() {
    let other = used().await;
    let others = ["keys/keyring", "keys/witness"].map(|name| fs::read(path(&other, name)).expect("a file"));
    other.end().await;
    let mut world = used().await;
    let keyring = path(&world, "keys/keyring");
    let own = fs::read(&keyring).expect("a keyring");
    fs::write(&keyring, &others[0]).expect("a file");
    refused(&world, "keyring-foreign").await;
    // With its own witness the other keyring still does not fit the store. sled has been opened by then.
    let witness = fs::read(path(&world, "keys/witness")).expect("a witness");
    fs::write(path(&world, "keys/witness"), &others[1]).expect("a file");
    let said = refusal(world.directory.path(), &Plan::default()).await;
    assert!(said.contains("keyring-foreign"), "{said}");
    fs::write(path(&world, "keys/witness"), witness).expect("a file");
    fs::write(&keyring, own).expect("a file");
    opens(&mut world).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_keyring_is_rolled_back() {
    let mut world = used().await;
    let keyring = path(&world, "keys/keyring");
    let old = fs::read(&keyring).expect("a keyring");
    // Another purpose needs keys of its own: the keyring goes on.
    world.reconfigure(|text| {
        format!(
            "{text}\n[purposes.rappel]\ntitle = {{ fr = \"Vous rappeler\", en = \"Call you back\", de = \"Sie zurückrufen\" }}\n\
             forms = [\"901000000000003\"]\nbasis = \"pre_contract\"\nretention_months = 6\n\n\
             [purposes.rappel.fields]\nphone_number = {{ required = true }}\n"
        )
    });
    opens(&mut world).await;
    let new = fs::read(&keyring).expect("a keyring");
    assert_ne!(old, new, "the keyring did not go on");
    world.start_daemon().await;
    let id =
        world.submit(lead(DEVIS_FORM).answer("full_name", &["Y"]).answer("email", &["y@example.org"]), &[]);
    world.deliver(&[&id]).await;
    world.settled().await;
    world.stop_daemon().await;
    fs::write(&keyring, old).expect("a file");
    let said = refusal(world.directory.path(), &Plan::default()).await;
    assert!(said.contains("keyring-rolled-back"), "{said}");
    fs::write(&keyring, new).expect("a file");
    world.start_daemon().await;
    assert_eq!(world.records("devis").await.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_another_root_key_nothing_opens() {
    let mut world = used().await;
    let root = path(&world, "secrets/root-key");
    let own = fs::read(&root).expect("a root key");
    fs::write(&root, hex::encode([43; 32])).expect("a file");
    refused(&world, "keyring-does-not-open").await;
    fs::write(&root, own).expect("a file");
    opens(&mut world).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_half_created_is_made_anew_while_nothing_was_sealed() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let directory = tempfile::tempdir().expect("a directory");
    let secrets = ["app-secret-0123456789abcdef0123", "verify-me", "page-token"].map(str::to_owned);
    furnish(directory.path(), &meta.graph_url(), &secrets, &Plan::default());
    fs::create_dir(directory.path().join("keys")).expect("a directory");
    let keyring = directory.path().join("keys/keyring");
    drop(FileKeyring::create(&keyring, Key::new([42; 32]), Arc::new(SystemRandom)).expect("a keyring"));
    fs::create_dir_all(directory.path().join("store/db")).expect("a directory");
    fs::write(directory.path().join("store/db/db"), "half of something").expect("a file");
    assert_eq!(refusal(directory.path(), &Plan::default()).await, "");
    no_thread_is_left().await;
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_fails_at_its_last_step_leaves_nothing_running_and_nothing_locked() {
    let mut world = used().await;
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let config = fs::read_to_string(path(&world, "tamis.toml")).expect("a config");
    world
        .reconfigure(|text| text.replacen("listen = \"127.0.0.1:0\"", &format!("listen = \"{address}\""), 1));
    let said = refusal(world.directory.path(), &Plan::default()).await;
    assert!(said.contains("cannot listen on") && said.contains(&address), "{said}");
    no_thread_is_left().await;
    drop(taken);
    fs::write(path(&world, "tamis.toml"), config).expect("a file");
    opens(&mut world).await;
    world.end().await;
}

/// Runs `tamis serve` to its end; exit code and what it said.
fn serve(config: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(BINARY);
    command.args(["serve", "--config"]).arg(config).env_clear().stdin(Stdio::null());
    let output = command.output().expect("the binary runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_tells_a_locked_store_and_a_refused_config_by_its_exit_code() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text);
    let daemon = home.serve(&[]);
    let config = home.config();
    let (code, said) = tokio::task::spawn_blocking(move || serve(&config)).await.expect("no panic");
    assert_eq!(code, Some(75), "{said}");
    assert!(said.contains("-locked"), "{said}");
    assert_eq!(daemon.admin().get("/admin/v1/purposes").await.status, 200, "the first one was disturbed");
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");

    let good = fs::read_to_string(home.config()).expect("a config");
    let bad = good.replace("retention_months = 12", "retention_months = \"for-ever-and-a-day\"");
    assert_ne!(good, bad);
    fs::write(home.config(), bad).expect("a file");
    let before = snapshot(home.directory.path());
    let (code, said) = serve(&home.config());
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("retention_months") && !said.contains("for-ever-and-a-day"), "{said}");
    assert_eq!(before, snapshot(home.directory.path()));

    fs::write(home.config(), good).expect("a file");
    fs::remove_file(home.directory.path().join("secrets/root-key")).expect("a file");
    let (code, said) = serve(&home.config());
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("tamis init"), "{said}");
    meta.stop().await;
}
