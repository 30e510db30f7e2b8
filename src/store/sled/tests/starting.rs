//! Each row of the start-up table, end to end.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::support::*;
use crate::keyring::{InstanceId, Keyring};
use crate::store::sled::engine::opening::presence;
use crate::store::sled::engine::startup::Presence;
use crate::store::sled::engine::witness::{Testimony, Witness};
use crate::store::sled::layout::FORMAT;
use crate::store::{Leads, Life, Parked, Seen, StoreCode, Trail};

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
    let written = files(&world.path().join("db"));
    assert!(written.iter().any(|path| is_snapshot(path)), "sled writes one only while opening");
    store.close().await.expect("closed");
}

/// A creation, ended after a step by what makes the next one fail, as a crash there would; the cause is gone again. The
/// steps are those of `engine/startup`; the keyring is the first of them.
#[derive(Clone, Copy, Debug)]
enum Interrupted {
    BeforeTheDatabase,
    WithinTheDatabase(u64),
    AfterTheDatabase,
    AfterTheWitness,
    AfterTheSnapshot,
    AfterTheMarker,
}

fn is_snapshot(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap."))
}

fn interrupted(when: Interrupted) -> World {
    let mut world = World::new();
    match when {
        Interrupted::BeforeTheDatabase => {}
        Interrupted::WithinTheDatabase(_) | Interrupted::AfterTheDatabase => {
            // No directory, no witness.
            world.witness = world.dir.path().join("absent/witness");
            assert_eq!(world.refusal(), StoreCode::Io);
            world.witness = world.dir.path().join("witness");
            if let Interrupted::WithinTheDatabase(bytes) = when {
                std::fs::File::options()
                    .write(true)
                    .open(world.db())
                    .expect("there")
                    .set_len(bytes)
                    .expect("cut");
            }
        }
        Interrupted::AfterTheWitness | Interrupted::AfterTheSnapshot => {
            // A link to nowhere is no marker, and no marker can be written.
            std::fs::create_dir(world.path()).expect("made");
            let marker = world.path().join("complete");
            std::os::unix::fs::symlink(world.dir.path().join("absent/complete"), &marker).expect("linked");
            assert_eq!(world.refusal(), StoreCode::NotOwn);
            std::fs::remove_file(marker).expect("removed");
            let snapshots: Vec<_> =
                files(&world.path().join("db")).into_iter().filter(|path| is_snapshot(path)).collect();
            assert!(!snapshots.is_empty(), "it is written before the marker");
            if matches!(when, Interrupted::AfterTheWitness) {
                snapshots.iter().for_each(|path| std::fs::remove_file(path).expect("removed"));
            }
        }
        Interrupted::AfterTheMarker => {
            world.keyring.refuses.store(true, Ordering::SeqCst);
            assert_eq!(world.refusal(), StoreCode::DiskFull, "no key is made");
            world.keyring.refuses.store(false, Ordering::SeqCst);
        }
    }
    world
}

#[tokio::test]
async fn creation_interrupted_after_each_step_is_taken_up_and_the_store_holds_what_it_is_then_given() {
    use Interrupted as I;
    let cases = [
        (I::BeforeTheDatabase, Presence::Absent, false),
        (I::WithinTheDatabase(0), Presence::HalfCreated, false),
        (I::WithinTheDatabase(1_000), Presence::HalfCreated, false),
        (I::AfterTheDatabase, Presence::HalfCreated, false),
        (I::AfterTheWitness, Presence::HalfCreated, true),
        (I::AfterTheSnapshot, Presence::HalfCreated, true),
        (I::AfterTheMarker, Presence::Present, true),
    ];
    for (when, found, testified) in cases {
        let world = interrupted(when);
        assert_eq!(world.keyring.generation(), 0, "{when:?}");
        assert_eq!(presence(&world.path()), Ok(found), "{when:?}");
        assert_eq!(Witness::open(&world.witness()).expect("readable").is_some(), testified, "{when:?}");

        let store = world.open();
        assert_eq!(presence(&world.path()), Ok(Presence::Present), "{when:?}");
        assert!(files(&world.path().join("db")).iter().any(|path| is_snapshot(path)), "{when:?}");
        let counted = store.stored().await.expect("counted");
        assert_eq!(
            (counted.len(), counted.values().sum::<u64>()),
            (2, 0),
            "{when:?}: two purposes, no record"
        );
        assert_eq!((store.lines(0, 10).await, store.parked().await), (Ok(Vec::new()), Ok(0)), "{when:?}");
        let settled = store.settle(vec![stored(1), parked(2, 1, HELD)]).await.expect("settled");
        assert_eq!(words(&settled), ["devis-1-1", "form-unclaimed"], "{when:?}: from the first number on");
        store.close().await.expect("closed");

        let store = world.open();
        assert_eq!(export(&store, 10).await, Ok(vec![email_of(1)]), "{when:?}");
        assert_eq!(
            store.known(&[reference(1), reference(2), reference(3)]).await,
            Ok(vec![true, true, false])
        );
        assert_eq!(scan(&store, 10).await.map(|scanned| scanned.faults), Ok(Vec::new()), "{when:?}");
        store.close().await.expect("closed");
    }
}

#[tokio::test]
async fn what_a_creation_left_that_is_no_database_is_made_anew() {
    let world = World::new();
    std::fs::create_dir_all(world.path().join("db")).expect("made");
    std::fs::write(world.db(), b"half a database").expect("written");
    assert_eq!(presence(&world.path()), Ok(Presence::HalfCreated));
    let store = world.open();
    store_many(&store, 1, 5).await;
    store.close().await.expect("closed");
    assert_eq!(export(&world.open(), 10).await.map(|read| read.len()), Ok(5));
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
async fn files_that_somebody_may_have_put_there_are_refused() {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    let world = with_records().await;
    let away = world.dir.path().join("away");
    let witness = world.witness();
    std::fs::hard_link(&witness, &away).expect("linked");
    assert_eq!(world.refusal(), StoreCode::NotOwn, "a second name");
    std::fs::remove_file(&witness).expect("removed");
    symlink(&away, &witness).expect("linked");
    assert_eq!(world.refusal(), StoreCode::NotOwn, "a link");
    std::fs::rename(&away, &witness).expect("put back");
    let lock = world.path().join("lock");
    std::fs::remove_file(&lock).expect("removed");
    symlink(&away, &lock).expect("linked");
    assert_eq!(world.refusal(), StoreCode::NotOwn, "a link to nowhere");
    assert!(!away.exists(), "nothing was made behind the link");
    std::fs::remove_file(&lock).expect("removed");
    let mode =
        |mode| std::fs::set_permissions(world.path(), PermissionsExt::from_mode(mode)).expect("a mode");
    mode(0o777);
    assert_eq!(world.refusal(), StoreCode::NotOwn, "anybody may exchange it");
    mode(0o700);
    if rustix::process::geteuid().is_root() {
        for given in [witness, world.path()] {
            chown(&given, Some(65_534), None).expect("given away");
            assert_eq!(world.refusal(), StoreCode::NotOwn, "{}", given.display());
            chown(&given, Some(0), None).expect("taken back");
        }
    }
    world.open().close().await.expect("closed");
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
    for format in [FORMAT + 1, 0] {
        let world = with_records().await;
        tamper(&world, |db| {
            let meta = db.open_tree("meta").expect("a tree");
            meta.insert(b"format", &format.to_be_bytes()).expect("written");
        });
        assert_eq!(world.refusal(), StoreCode::Format, "{format}");
    }
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
    assert!(seen(&store, 50).await.expect("read").is_some());
    store.close().await.expect("closed");
    world.open().close().await.expect("closed");
}
