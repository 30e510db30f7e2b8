//! A vacuum as the engine does it: what it clears out, what it leaves as it is, cut short wherever that may be.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::support::*;
use crate::forget::address::Address;
use crate::store::sled::SledStore;
use crate::store::sled::engine::copying::copy_within;
use crate::store::sled::engine::witness::Witness;
use crate::store::sled::engine::{Changes, exchanging};
use crate::store::sled::layout::Place;
use crate::store::sled::vacuum;
use crate::store::{
    Backups, ErasureRequest, Erasures, Leads, Life, NotVacuumed, Parked, StoreCode, StoreError, Stubs, Trail,
    Vacuumed, Wanted,
};
use crate::trail::Action;

async fn vacuum_now(store: &Arc<SledStore>) -> Result<Vacuumed, NotVacuumed> {
    store.vacuum(by_officer(Action::Vacuumed)).await
}

/// The sealed bytes of a record, as they lie in the store.
fn sealed(store: &SledStore, number: u64) -> Vec<u8> {
    let key = crate::store::sled::layout::record_key(1, number);
    let read = store.shared.reading(|engine| engine.read(&Place::Vault(purpose("devis")), &key));
    read.expect("readable").expect("there").to_vec()
}

/// Of the keyed hash by which a submission is known as much as lies in one piece: pages leave out what their keys begin with alike.
fn hashed(store: &SledStore, number: u64) -> Vec<u8> {
    store.shared.seen_key(&leadgen(number))[8..].to_vec()
}

/// True if these bytes lie anywhere below the store's directory.
fn lie_there(world: &World, bytes: &[u8]) -> bool {
    files(&world.path()).iter().any(|path| {
        let file = std::fs::read(path).expect("readable");
        file.windows(bytes.len()).any(|window| window == bytes)
    })
}

async fn erase(store: &SledStore, number: u64) {
    let request = ErasureRequest::of(Wanted::Leadgen(leadgen(number)));
    store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
}

fn below(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).expect("readable").flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().expect("text")).collect();
    names.sort();
    names
}

/// What outlives its record goes where the store goes.
#[tokio::test]
async fn evidence_is_found_behind_a_vacuum_and_of_nobody_else() {
    let world = World::new();
    let store = world.open();
    store.keep_stubs(36);
    store_many(&store, 1, 3).await;
    erase(&store, 2).await;
    vacuum_now(&store).await.expect("vacuumed");
    let of = |number| Address::email(&email_of(number)).expect("an address");
    let kept = async |store: &SledStore, number| {
        store.stubs_of(vec![of(number)], &by_officer(Action::Accessed)).await.expect("looked up").len()
    };
    assert_eq!((kept(&store, 2).await, kept(&store, 3).await), (1, 0));
    store.close().await.expect("closed");
    let store = world.open();
    store.keep_stubs(36);
    assert_eq!(kept(&store, 2).await, 1);
    erase(&store, 3).await;
    // Of two with one number the second would count as the first in another spelling.
    let both = store.stubs_of(vec![of(2), of(3)], &by_officer(Action::Accessed)).await.expect("looked up");
    assert_eq!(both.len(), 2, "no number is given twice");
}

#[tokio::test]
async fn of_what_was_erased_not_even_sealed_bytes_are_left_and_everything_else_is_as_it_was() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 300).await;
    store.settle(vec![parked(900, 1, HELD)]).await.expect("settled");
    let mut gone: Vec<Vec<u8>> = [7, 250].map(|number| sealed(&store, number)).into();
    gone.extend([7, 250].map(|number| hashed(&store, number)));
    let (stays, known) = (sealed(&store, 8), hashed(&store, 8));
    erase(&store, 7).await;
    erase(&store, 250).await;
    assert!(gone.iter().all(|bytes| lie_there(&world, bytes)), "sled leaves them in its file");
    // What a suspect open leaves beside the store.
    let aside = world.path().join("aside-3");
    std::fs::create_dir(&aside).expect("made");
    std::fs::write(aside.join("db"), &gone[0]).expect("written");
    assert_eq!(store.copies_aside().await, Ok(1));
    let before = export(&store, 100).await.expect("exported");
    world.clock.advance_ms(60_000);
    let made = vacuum_now(&store).await.expect("vacuumed");
    assert_eq!(made.records, 298);
    assert_eq!(store.last_copies().vacuumed, Some(made.at));
    assert!(!gone.iter().any(|bytes| lie_there(&world, bytes)));
    assert_eq!(store.copies_aside().await, Ok(0));
    assert!(lie_there(&world, &stays) && lie_there(&world, &known), "the look itself finds what is there");
    assert_eq!(below(&world.path()), ["complete", "db", "lock"]);
    // It goes on: reads, writes, and its counts are right.
    assert_eq!(export(&store, 100).await.expect("exported"), before);
    store_many(&store, 301, 5).await;
    let lines = store.lines(0, 1_000).await.expect("it chains");
    assert_eq!(lines.iter().filter(|line| line.entry.action() == Action::Vacuumed).count(), 1);
    assert_eq!(store.parked().await, Ok(1));
    assert_eq!(scan(&store, 10_000).await.expect("scanned").faults, Vec::new());
    store.close().await.expect("closed");
    let store = world.open();
    assert_eq!(store.last_copies().vacuumed, Some(made.at));
    assert_eq!(export(&store, 100).await.map(|read| read.len()), Ok(303));
    store.close().await.expect("closed");
}

#[tokio::test]
async fn a_file_that_was_churned_comes_back_to_size() {
    let world = World::new();
    let _closed = world.open().close().await;
    tamper(&world, |db| {
        let tree = db.open_tree("aside").expect("a tree");
        for number in 0..20_000_u32 {
            tree.insert(number.to_be_bytes(), vec![7; 2_000]).expect("written");
        }
        for number in 0..20_000_u32 {
            tree.remove(number.to_be_bytes()).expect("removed");
        }
    });
    let store = world.open();
    store_many(&store, 1, 20).await;
    let made = vacuum_now(&store).await.expect("vacuumed");
    assert!(made.before_bytes > 10 * MIB, "{made:?}");
    assert!(made.store_bytes <= 6 * MIB, "{made:?}");
    store.close().await.expect("closed");
}

/// Each batch of the copy and of what it is held against.
#[tokio::test]
async fn a_vacuum_that_is_cut_short_leaves_nothing_and_the_store_as_it_was() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 300).await;
    let (mut steps, stopped) = (0, StoreError::of(StoreCode::Closed));
    loop {
        let mut left = steps;
        let mut between = || match left {
            0 => Err(stopped),
            _ => {
                left -= 1;
                Ok(())
            }
        };
        match vacuum::copy(&store.shared, &mut between) {
            Ok(_) => break,
            Err(error) => assert_eq!(error, stopped),
        }
        vacuum::leave(&store.shared);
        assert_eq!(below(&world.path()), ["complete", "db", "lock"]);
        steps += 1;
    }
    assert!(steps > 2 * Place::FIXED.len(), "{steps} steps");
    // What is left of one that was killed is no obstacle.
    vacuum_now(&store).await.expect("vacuumed");
    assert_eq!(export(&store, 100).await.map(|read| read.len()), Ok(300));
    store.close().await.expect("closed");
}

/// The table of `engine/exchanging`: the directory as a kill behind each step leaves it.
#[tokio::test]
async fn a_kill_behind_any_step_leaves_one_whole_store_that_the_next_start_opens() {
    for step in ["copied", "exchanged", "first rename", "second rename"] {
        let world = World::new();
        let store = world.open();
        store_many(&store, 1, 40).await;
        erase(&store, 3).await;
        world.clock.advance_ms(60_000);
        // Here it is not the writer that copies: what an erasure leaves to be written down is, before that.
        for _ in 0..2 {
            store.note(by_officer(Action::TrailRead)).await.expect("noted");
        }
        vacuum::copy(&store.shared, &mut || Ok(())).expect("copied");
        store.close().await.expect("closed");
        // A copy has a witness of its own; the store's says at every step what both have.
        let path = world.path();
        let (work, db) = (exchanging::work(&path), path.join("db"));
        let copied = work.join("db");
        shorten_witness(&world, &copied);
        match step {
            "copied" => {}
            "exchanged" => {
                exchanging::exchange(&path).expect("exchanged");
            }
            "first rename" => std::fs::rename(&db, work.join("old")).expect("renamed"),
            _ => {
                std::fs::rename(&db, work.join("old")).expect("renamed");
                std::fs::rename(&copied, &db).expect("renamed");
            }
        }
        let store = world.open();
        assert_eq!(below(&path), ["complete", "db", "lock"], "{step}");
        let is_new = ["exchanged", "second rename"].contains(&step);
        assert_eq!(store.last_copies().vacuumed.is_some_and(|at| at > start()), is_new, "{step}");
        assert_eq!(export(&store, 100).await.map(|read| read.len()), Ok(39), "{step}");
        assert_eq!(scan(&store, 10_000).await.expect("scanned").faults, Vec::new(), "{step}");
        store_many(&store, 50, 2).await;
        store.close().await.expect("closed");
    }
}

fn shorten_witness(world: &World, copied: &Path) {
    let mut witness = Witness::open(&world.witness()).expect("readable").expect("there");
    let (last, bytes) = (witness.last(), std::fs::metadata(copied.join("db")).expect("there").len());
    let testimony =
        crate::store::sled::engine::witness::Testimony { db_bytes: last.db_bytes.min(bytes), ..last };
    witness.record(&testimony).expect("recorded");
}

#[tokio::test]
async fn without_room_it_is_refused_with_figures_before_a_line_is_written() {
    let mut world = World::new();
    world.open().close().await.expect("closed");
    world.free_disk_min_bytes = u64::MAX / 2;
    let store = world.open();
    let lines = store.lines(0, 100).await.expect("a trail").len();
    let refused = vacuum_now(&store).await.expect_err("no room");
    let NotVacuumed::NoRoom { needed_bytes, free_bytes } = refused else { panic!("{refused:?}") };
    assert!(needed_bytes > free_bytes && needed_bytes > world.free_disk_min_bytes, "{refused:?}");
    assert_eq!(store.lines(0, 100).await.expect("a trail").len(), lines);
    assert_eq!(below(&world.path()), ["complete", "db", "lock"]);
    store.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_meanwhile_is_given_everything_and_whoever_would_write_is_turned_away() {
    let world = World::new();
    let _closed = world.open().close().await;
    tamper(&world, |db| {
        let tree = db.open_tree("aside").expect("a tree");
        for number in 0..150_000_u32 {
            tree.insert(number.to_be_bytes(), vec![7; 40]).expect("written");
        }
    });
    let store = world.open();
    store_many(&store, 1, 300).await;
    let done = AtomicBool::new(false);
    let reading = async {
        let mut reads = 0;
        while !done.load(Ordering::SeqCst) {
            // Without a line in the trail: what needs one is turned away.
            let known = store.shared.reading(|engine| {
                let rows = engine.scan(
                    &Place::Vault(purpose("devis")),
                    (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded),
                    1_000,
                )?;
                Ok(rows.len())
            });
            assert_eq!(known, Ok(300));
            reads += 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        reads
    };
    let writing = async {
        until("a copy is made", async || store.is_copying()).await;
        assert_eq!(code(store.settle(vec![stored(9_999)]).await), Some(StoreCode::CopyUnderWay));
        let again = vacuum_now(&store).await.expect_err("one at a time");
        assert_eq!(again.code(), StoreCode::CopyUnderWay);
        assert!(store.ready(), "it is well");
    };
    let vacuuming = async {
        let made = vacuum_now(&store).await;
        done.store(true, Ordering::SeqCst);
        made
    };
    let (made, reads, ()) = tokio::join!(vacuuming, reading, writing);
    assert_eq!(made.expect("vacuumed").records, 300);
    assert!(reads > 10, "{reads} reads");
    store.settle(vec![stored(9_999)]).await.expect("settled");
    store.close().await.expect("closed");
}

#[tokio::test]
async fn where_another_database_lies_or_the_lock_is_gone_nothing_is_touched() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 40).await;
    let (path, moved) = (world.path(), world.dir.path().join("moved"));
    let refused = async || vacuum_now(&store).await.expect_err("refused").code();

    let lock = path.join("lock");
    std::fs::rename(&lock, world.dir.path().join("lock")).expect("moved");
    assert_eq!(refused().await, StoreCode::Locked);
    assert_eq!(below(&path), ["complete", "db"]);
    std::fs::rename(world.dir.path().join("lock"), &lock).expect("moved");

    // Its copy is whole, and meanwhile somebody put a database of before there.
    for _ in 0..2 {
        store.note(by_officer(Action::TrailRead)).await.expect("noted");
    }
    let copied = vacuum::copy(&store.shared, &mut || Ok(())).expect("copied");
    std::fs::rename(path.join("db"), &moved).expect("moved");
    copy_dir(&moved, &path.join("db"));
    let foreign = std::fs::read(world.db()).expect("readable");
    let told = std::fs::read(world.witness()).expect("readable");
    let mut witness = Witness::open(&world.witness()).expect("readable").expect("there");
    let exchanged = vacuum::exchange(&store.shared, &mut witness, &copied);
    assert_eq!(exchanged.map(|made| made.records), Err(StoreError::of(StoreCode::Missing)));
    assert!(std::fs::read(world.witness()).expect("readable") == told, "nor is the witness told");
    assert_eq!(refused().await, StoreCode::Missing);
    assert!(std::fs::read(world.db()).expect("readable") == foreign, "not exchanged");
    assert_eq!(below(&path), ["complete", "db", "lock", "vacuum"], "nor anything removed");

    std::fs::remove_dir_all(path.join("db")).expect("removed");
    std::fs::rename(&moved, path.join("db")).expect("put back");
    assert_eq!(vacuum_now(&store).await.expect("vacuumed").records, 40);
    store.close().await.expect("closed");
}

#[tokio::test]
async fn a_panic_while_they_change_places_halts_the_store_and_a_refusal_does_not() {
    let world = World::new();
    let store = world.open();
    let damaged = StoreError::of(StoreCode::Damaged);
    assert_eq!(vacuum::or_halted::<()>(&store.shared, || Err(damaged)), Err(damaged), "it was put back");
    assert!(store.ready());
    let panicked = vacuum::or_halted::<()>(&store.shared, || panic!("within"));
    assert_eq!(panicked.map_err(|error| error.code), Err(StoreCode::Halted));
    assert_eq!(store.halted(), Some(StoreCode::Halted));
    assert_eq!(code(store.settle(vec![stored(1)]).await), Some(StoreCode::Halted));
    let _halted = store.close().await;
}

#[tokio::test]
async fn an_old_file_that_could_not_be_removed_is_counted_and_goes_at_the_next_look() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 3).await;
    let old = exchanging::work(&world.path()).join("old");
    std::fs::create_dir_all(&old).expect("made");
    std::fs::write(old.join("db"), b"sealed").expect("written");
    assert_eq!(store.copies_aside().await, Ok(1));
    // As long as it may be another's turn it stays: the store is not the one in the place.
    let (db, moved) = (world.path().join("db"), world.dir.path().join("moved"));
    std::fs::rename(&db, &moved).expect("moved");
    assert_eq!(store.look_after().await.map(|concerns| concerns.len()), Ok(1));
    assert!(old.join("db").exists());
    std::fs::rename(&moved, &db).expect("put back");
    assert_eq!(store.look_after().await, Ok(Vec::new()));
    assert_eq!(below(&world.path()), ["complete", "db", "lock"]);
    assert_eq!(store.copies_aside().await, Ok(0));
    store.close().await.expect("closed");
}

#[tokio::test]
async fn the_time_of_a_copy_goes_on_while_it_is_held_against_what_it_was_copied_from() {
    let world = World::new();
    let store = world.open();
    // Its writer commits once after a start; whoever is looked after comes behind that, and nothing is written from here on.
    assert_eq!(store.look_after().await, Ok(Vec::new()));
    let (engine, instance) = (store.shared.engine().expect("open"), store.shared.keyring().instance());
    // sled takes no transaction in which nothing is written.
    let mut marks = Changes::default();
    marks.0.entry(Place::Meta).or_default().insert(b"vacuumed-at".to_vec(), Some(vec![0; 8]));
    let copy = |name: &str, within: Duration, between: &mut dyn FnMut() -> Result<(), StoreError>| {
        let place = world.dir.path().join(name);
        std::fs::create_dir(&place).expect("made");
        copy_within(&engine, &place, 8, &marks, instance, within, between).map(drop)
    };
    let (mut steps, mut step) = (0, 0);
    let hour = Duration::from_secs(3_600);
    let mut count = || {
        steps += 1;
        Ok(())
    };
    assert_eq!(copy("first", hour, &mut count), Ok(()));
    let within = Duration::from_secs(4);
    let late = copy("second", within, &mut || {
        step += 1;
        if step == steps - 1 {
            std::thread::sleep(within);
        }
        Ok(())
    });
    assert_eq!((late, step), (Err(StoreError::of(StoreCode::CopyTooSlow)), steps - 1));
    drop(engine);
    store.close().await.expect("closed");
}

#[tokio::test]
async fn what_a_later_version_keeps_is_not_dropped_by_an_earlier_one() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 3).await;
    store.close().await.expect("closed");
    drop(store);
    tamper(&world, |db| {
        db.open_tree("of a later version").expect("a tree").insert("key", "value").expect("written");
    });
    let store = world.open();
    assert_eq!(vacuum_now(&store).await.expect_err("refused").code(), StoreCode::Format);
    let apart = tempfile::tempdir().expect("a directory");
    let backup = apart.path().join("backup");
    let refused = store.back_up(backup.clone(), by_officer(Action::BackedUp)).await;
    assert_eq!(refused.map(|made| made.records), Err(StoreError::of(StoreCode::Format)));
    assert!(!backup.exists());
    assert_eq!(below(&world.path()), ["complete", "db", "lock"]);
    store_many(&store, 4, 1).await;
    store.close().await.expect("closed");
    drop(store);
    tamper(&world, |db| {
        let kept = db.open_tree("of a later version").expect("a tree").get("key").expect("readable");
        assert_eq!(kept.as_deref(), Some(b"value".as_slice()));
    });
}
