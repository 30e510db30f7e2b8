//! Each row of the start-up table, end to end.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::support::*;
use crate::keyring::{InstanceId, Keyring};
use crate::store::sled::engine::opening::presence;
use crate::store::sled::engine::startup::Presence;
use crate::store::sled::engine::witness::{Testimony, Witness};
use crate::store::{Life, Seen, StoreCode};

/// Names and contents of everything below a directory.
fn contents(dir: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found: Vec<_> = files(dir)
        .into_iter()
        .map(|path| {
            let bytes = std::fs::read(&path).expect("readable");
            (path, bytes)
        })
        .collect();
    found.sort();
    found
}

async fn with_records() -> World {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 20).await;
    store.close().await.expect("closed");
    world
}

/// The refusal, and that it changed nothing but the empty lock file.
fn refused_untouched(world: &World) -> StoreCode {
    let lock = |path: &std::path::PathBuf| path.ends_with("lock");
    let before = contents(world.dir.path());
    let code = world.refusal();
    let mut after = contents(world.dir.path());
    after.retain(|(path, _)| !lock(path) || before.iter().any(|(known, _)| known == path));
    assert!(before == after, "{code} touched something");
    code
}

#[tokio::test]
async fn neither_store_nor_keys_used_creates_a_complete_store_in_a_private_directory() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    assert_eq!(presence(&world.path()), Ok(Presence::Absent));
    assert_eq!(world.keyring.generation(), 0);
    let store = world.open();
    assert_eq!(presence(&world.path()), Ok(Presence::Present));
    assert!(world.keyring.generation() > 0, "whoever loses the store will be told");
    for dir in [world.path(), world.path().join("db")] {
        assert_eq!(std::fs::metadata(dir).expect("there").permissions().mode() & 0o777, 0o700);
    }
    let snapshots = files(&world.path().join("db"));
    let snapshot = |path: &std::path::PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap."))
    };
    assert!(snapshots.iter().any(snapshot), "sled writes one only while opening");
    store.close().await.expect("closed");
}

#[tokio::test]
async fn a_creation_cut_short_is_taken_up_over_its_remains() {
    // Before the witness: whatever lies in `db` is remains.
    let world = World::new();
    std::fs::create_dir_all(world.path().join("db")).expect("made");
    std::fs::write(world.db(), b"half a database").expect("written");
    assert_eq!(presence(&world.path()), Ok(Presence::HalfCreated));
    let store = world.open();
    store_many(&store, 1, 5).await;
    store.close().await.expect("closed");
    // After the witness, before the marker: only the marker is missing.
    let world = World::new();
    world.open().close().await.expect("closed");
    std::fs::remove_file(world.path().join("complete")).expect("removed");
    world.keyring.generation.store(0, Ordering::SeqCst);
    tamper(&world, |db| {
        let meta = db.open_tree("meta").expect("a tree");
        meta.insert(b"keyring-generation", &0_u64.to_be_bytes()).expect("written");
    });
    let store = world.open();
    assert_eq!(presence(&world.path()), Ok(Presence::Present));
    store.close().await.expect("closed");
}

#[tokio::test]
async fn a_used_keyring_without_its_store_is_refused_and_makes_nothing() {
    let world = with_records().await;
    std::fs::remove_dir_all(world.path()).expect("removed");
    assert_eq!(world.refusal(), StoreCode::Missing);
    assert!(!world.path().exists());
    std::fs::create_dir_all(world.path().join("db")).expect("made");
    assert_eq!(refused_untouched(&world), StoreCode::Missing);
}

#[tokio::test]
async fn a_store_without_its_witness_is_refused() {
    let world = with_records().await;
    std::fs::write(world.witness(), b"").expect("written");
    assert_eq!(refused_untouched(&world), StoreCode::WitnessMissing);
    std::fs::remove_file(world.witness()).expect("removed");
    assert_eq!(refused_untouched(&world), StoreCode::WitnessMissing);
}

#[tokio::test]
async fn another_stores_keyring_or_witness_is_refused() {
    let world = with_records().await;
    *world.keyring.instance.lock().expect("not poisoned") = InstanceId([9; 16]);
    assert_eq!(refused_untouched(&world), StoreCode::KeyringForeign);
    // The witness agrees with that keyring, the store does not.
    std::fs::remove_file(world.witness()).expect("removed");
    let first = Testimony { instance: InstanceId([9; 16]), epoch: 1, commit: 1, db_bytes: 1 };
    drop(Witness::create(&world.witness(), &first).expect("created"));
    assert_eq!(world.refusal(), StoreCode::KeyringForeign);
}

#[tokio::test]
async fn a_keyring_older_than_the_store_has_seen_is_refused() {
    let world = with_records().await;
    let generation = world.keyring.generation.load(Ordering::SeqCst);
    world.keyring.generation.store(generation - 1, Ordering::SeqCst);
    assert_eq!(world.refusal(), StoreCode::KeyringRolledBack);
    world.keyring.generation.store(generation, Ordering::SeqCst);
    world.open().close().await.expect("closed");
}

/// Keys that are made between two commits, also by others than the store.
#[tokio::test]
async fn a_keyring_one_generation_back_is_refused_also_where_nothing_was_written_since() {
    let world = World::new();
    let store = world.open();
    let tomorrow = crate::clock::Day::of(start()).next();
    world.keyring.make_days(&[tomorrow]).expect("made");
    let newest = world.keyring.generation();
    let recorded = || {
        let place = crate::store::sled::layout::Place::Meta;
        store.shared.reading(|engine| engine.counter(&place, b"keyring-generation"))
    };
    until("the store has seen it", async || recorded() == Ok(newest)).await;
    store.close().await.expect("closed");
    world.keyring.generation.store(newest - 1, Ordering::SeqCst);
    assert_eq!(world.refusal(), StoreCode::KeyringRolledBack);
    // What the start itself makes, and a close right after it.
    let world = World::new();
    world.open().close().await.expect("closed");
    let newest = world.keyring.generation();
    world.keyring.generation.store(newest - 1, Ordering::SeqCst);
    assert_eq!(world.refusal(), StoreCode::KeyringRolledBack);
}

#[tokio::test]
async fn more_than_a_creation_can_leave_is_never_removed() {
    let world = World::new();
    let store = world.open();
    let made: u64 = files(&world.path().join("db")).iter().map(|f| f.metadata().expect("there").len()).sum();
    assert!(made < 16 * MIB / 2, "a creation makes {made} bytes");
    store_many(&store, 1, 10).await;
    store.close().await.expect("closed");
    std::fs::write(world.path().join("db/more"), vec![7; 17 * MIB as usize]).expect("written");
    // A keyring put back from its first day, the witness and the marker gone: it looks half created.
    std::fs::remove_file(world.path().join("complete")).expect("removed");
    std::fs::remove_file(world.witness()).expect("removed");
    world.keyring.generation.store(0, Ordering::SeqCst);
    assert_eq!(refused_untouched(&world), StoreCode::Damaged);
}

#[tokio::test]
async fn a_store_of_a_later_layout_is_refused() {
    let world = with_records().await;
    tamper(&world, |db| {
        let meta = db.open_tree("meta").expect("a tree");
        meta.insert(b"format", &2_u32.to_be_bytes()).expect("written");
    });
    assert_eq!(world.refusal(), StoreCode::Format);
}

/// An older copy of the directory put back by hand: whole, and short of what was answered for.
#[tokio::test]
async fn an_older_copy_of_the_store_is_behind_the_witness() {
    let world = with_records().await;
    let copy = world.dir.path().join("copy");
    copy_dir(&world.path(), &copy);
    let store = world.open();
    store_many(&store, 21, 5).await;
    store.close().await.expect("closed");
    std::fs::remove_dir_all(world.path()).expect("removed");
    std::fs::rename(&copy, world.path()).expect("renamed");
    assert_eq!(world.refusal(), StoreCode::BehindWitness);
    assert_eq!(world.refusal(), StoreCode::BehindWitness, "at every start");
}

#[tokio::test]
async fn a_second_instance_is_refused_and_the_first_goes_on() {
    let world = World::new();
    let store = world.open();
    let second = tokio::task::spawn_blocking({
        let settings = world.settings();
        let (keyring, clock) = (world.keyring.clone(), world.clock.clone());
        move || {
            let random = std::sync::Arc::new(crate::random::SystemRandom);
            crate::store::sled::SledStore::open(settings, keyring, vec![purpose("devis")], clock, random)
        }
    });
    store_many(&store, 1, 50).await;
    let second = second.await.expect("joined");
    assert_eq!(second.err().map(|error| error.code), Some(StoreCode::Locked));
    assert!(store.seen(&leadgen(50)).await.expect("read").is_some());
    store.close().await.expect("closed");
    world.open().close().await.expect("closed");
}
