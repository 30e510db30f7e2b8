//! A store of before, whose records are under their buckets' keys, is moved to leaves at a start: once, wherever it is cut
//! short, and so that the keys that it had open nothing afterwards.

use std::time::Duration;

use super::support::*;
use crate::keyring::{BUCKET_RECORDS, Before, Bucket, Keyring};
use crate::lead::{SealedRecord, Under, check, move_to_bucket};
use crate::purpose::RecordId;
use crate::random::SeededRandom;
use crate::store::leaves::Leaves;
use crate::store::sled::buckets::{self, BucketRow};
use crate::store::sled::layout::record_id;
use crate::store::{Leads, Life, Parked, StoreCode};

/// Every record as it lies there.
fn vault(db: &::sled::Db) -> Vec<(RecordId, ::sled::IVec)> {
    let rows = ["devis", "lettre"].into_iter().flat_map(|name| {
        let tree = db.open_tree(format!("vault/{name}")).expect("a tree");
        tree.iter()
            .map(|row| row.expect("read"))
            .map(move |(key, value)| (record_id(&purpose(name), &key).expect("a record's key"), value))
    });
    rows.collect()
}

/// Puts a closed store and its keyring into the layout of before.
fn age(world: &World) {
    let random = SeededRandom::new(99);
    tamper(world, |db| {
        let mut leaves = Leaves::default();
        for (id, value) in vault(db) {
            let record = SealedRecord::decode(&value).expect("a record");
            let key = leaves.key(&*world.keyring, &id.purpose, record.under).expect("its key");
            let old = world.keyring.key_of_before(&Bucket::of(&id));
            let aged = move_to_bucket(&record, &id, key.key(), &old, &random).expect("opens").encode();
            let tree = db.open_tree(format!("vault/{}", id.purpose)).expect("a tree");
            let key = crate::store::sled::layout::record_key(id.epoch, id.number);
            tree.insert(key, aged).expect("written");
        }
        for tree in ["buckets", "erasures", "tombstones", "restrictions", "handed"] {
            db.drop_tree(tree).expect("dropped");
        }
        let meta = db.open_tree("meta").expect("a tree");
        meta.insert(b"format", &2_u32.to_be_bytes()).expect("written");
    });
    *world.keyring.before.lock().expect("not poisoned") = Some(Before::Alone);
    world.keyring.forget_trees();
}

/// A store of before with so many records of `devis`, some of `lettre`, and one parked reference.
async fn of_before(records: u64) -> World {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, records).await;
    store.settle(vec![parked(records + 1, 1, HELD)]).await.expect("settled");
    store.close().await.expect("closed");
    age(&world);
    world
}

/// What lies in a store that was moved: each record under its own leaf and under no key of before, each bucket counted.
fn is_moved(world: &World, records: u64) {
    assert_eq!(world.keyring.before(), None);
    tamper(world, |db| {
        let rows = vault(db);
        assert_eq!(rows.len() as u64, records);
        let mut leaves = Leaves::default();
        let mut counted = std::collections::BTreeMap::<Vec<u8>, BucketRow>::new();
        for (id, value) in &rows {
            let record = SealedRecord::decode(value).expect("a record");
            let Under::Leaf(leaf) = record.under else { panic!("{id} was left") };
            assert_eq!((leaf.epoch, leaf.number), (id.epoch, id.number));
            let key = leaves.key(&*world.keyring, &id.purpose, record.under).expect("its key");
            assert_eq!(check(&record, id, key.key()), Ok(()));
            let old = world.keyring.key_of_before(&Bucket::of(id));
            assert!(check(&record, id, &old).is_err(), "the old key opens {id}");
            let row = counted.entry(buckets::key(&Bucket::of(id)));
            row.and_modify(|row| *row = row.with(record.expiry_day))
                .or_insert_with(|| BucketRow::of(record.expiry_day));
        }
        let kept = db.open_tree("buckets").expect("a tree");
        let kept: Vec<_> = kept
            .iter()
            .map(|row| row.expect("read"))
            .map(|(key, value)| (key.to_vec(), BucketRow::read(&value).expect("a row")))
            .collect();
        assert_eq!(kept, counted.into_iter().collect::<Vec<_>>());
        let meta = db.open_tree("meta").expect("a tree");
        assert_eq!(meta.get(b"format").expect("read").as_deref(), Some(&3_u32.to_be_bytes()[..]));
    });
}

async fn goes_on(world: &World, records: u64) {
    let store = world.open();
    let read = export(&store, 10_000).await.expect("read");
    assert_eq!(read, (1..=records).map(email_of).collect::<Vec<_>>());
    assert_eq!(store.parked().await, Ok(1));
    assert_eq!(scan(&store, 100).await.map(|scanned| scanned.faults), Ok(Vec::new()));
    store_many(&store, records + 10, 3).await;
    assert_eq!(export(&store, 10_000).await.map(|read| read.len() as u64), Ok(records + 3));
    store.close().await.expect("closed");
    is_moved(world, records + 3);
}

#[tokio::test]
async fn every_record_goes_to_its_leaf_and_the_keys_of_before_open_nothing() {
    const RECORDS: u64 = BUCKET_RECORDS + 40;
    let world = of_before(RECORDS).await;
    let before = world.keyring.generation();
    goes_on(&world, RECORDS).await;
    assert!(world.keyring.generation() > before);
}

/// Each change of the keyring is a step; a start that fails there leaves what the next one goes on with.
#[tokio::test]
async fn cut_short_after_every_step_of_the_keyring_the_next_start_goes_on() {
    const RECORDS: u64 = 30;
    let mut cut = 0;
    for changes in 0.. {
        let world = of_before(RECORDS).await;
        *world.keyring.changes_left.lock().expect("not poisoned") = Some(changes);
        let opened = world.try_open();
        *world.keyring.changes_left.lock().expect("not poisoned") = None;
        match opened {
            Ok(store) => {
                store.close().await.expect("closed");
                break;
            }
            Err(error) => assert_eq!(error.code, StoreCode::Keyring, "after {changes}"),
        }
        cut += 1;
        goes_on(&world, RECORDS).await;
    }
    assert_eq!(cut, 4, "trees begun, trees made, the old keys ended, keys made ahead");
}

/// What a kill or a power cut leaves of the records: some buckets moved, some not, the layout's number not written.
#[tokio::test]
async fn buckets_that_are_under_their_old_keys_again_are_moved_again() {
    const RECORDS: u64 = BUCKET_RECORDS + 40;
    let world = of_before(RECORDS).await;
    let mut old = Vec::new();
    tamper(&world, |db| old = vault(db));
    // It fails where the old keys would end: all is moved, and they are still there.
    *world.keyring.changes_left.lock().expect("not poisoned") = Some(2);
    assert_eq!(world.refusal(), StoreCode::Keyring);
    *world.keyring.changes_left.lock().expect("not poisoned") = None;
    assert_eq!(world.keyring.before(), Some(Before::BesideTrees));
    let back = |db: &::sled::Db, from: u64| {
        for (id, value) in old.iter().filter(|(id, _)| id.number / BUCKET_RECORDS >= from) {
            let tree = db.open_tree(format!("vault/{}", id.purpose)).expect("a tree");
            tree.insert(crate::store::sled::layout::record_key(id.epoch, id.number), value).expect("written");
            db.open_tree("buckets").expect("a tree").remove(buckets::key(&Bucket::of(id))).expect("removed");
        }
        db.open_tree("meta").expect("a tree").insert(b"format", &2_u32.to_be_bytes()).expect("written");
    };
    for from in [1, 0] {
        tamper(&world, |db| back(db, from));
        if from == 1 {
            *world.keyring.changes_left.lock().expect("not poisoned") = Some(0);
            assert_eq!(world.refusal(), StoreCode::Keyring, "nothing to make, the old keys not to end");
            *world.keyring.changes_left.lock().expect("not poisoned") = None;
        }
    }
    goes_on(&world, RECORDS).await;
}

#[tokio::test]
async fn what_does_not_open_is_set_aside_and_missed_and_too_many_are_a_refusal() {
    const RECORDS: u64 = 60;
    let damage = |world: &World, numbers: std::ops::Range<u64>| {
        tamper(world, |db| {
            let tree = db.open_tree("vault/devis").expect("a tree");
            for number in numbers {
                let key = crate::store::sled::layout::record_key(1, number);
                let mut value = tree.get(key).expect("read").expect("there").to_vec();
                *value.last_mut().expect("a byte") ^= 1;
                tree.insert(key, value).expect("written");
            }
        });
    };
    let world = of_before(RECORDS).await;
    damage(&world, 5..7);
    let store = world.open();
    let scanned = scan(&store, 100).await.expect("scanned");
    assert!(!scanned.faults.is_empty(), "two are missing");
    store.close().await.expect("closed");
    is_moved(&world, RECORDS - 2);
    tamper(&world, |db| {
        let aside = db.open_tree("aside").expect("a tree");
        assert_eq!(
            aside.iter().filter(|row| row.as_ref().expect("read").0.starts_with(b"vault/")).count(),
            2
        );
    });

    let world = of_before(RECORDS).await;
    damage(&world, 1..20);
    for _ in 0..2 {
        assert_eq!(world.refusal(), StoreCode::RecordUnreadable);
        assert_eq!(world.keyring.before(), Some(Before::BesideTrees), "both keyrings stay");
        tamper(&world, |db| assert_eq!(vault(db).len() as u64, RECORDS, "and every record"));
    }
}

#[tokio::test]
async fn records_of_before_without_their_keys_and_a_keyring_of_before_beside_a_newer_store_are_refused() {
    for before in [None, Some(Before::Ending)] {
        let world = of_before(5).await;
        *world.keyring.before.lock().expect("not poisoned") = before;
        assert_eq!(world.refusal(), StoreCode::KeysGone);
        tamper(&world, |db| assert_eq!(vault(db).len(), 5));
    }
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 5).await;
    store.close().await.expect("closed");
    *world.keyring.before.lock().expect("not poisoned") = Some(Before::Alone);
    assert_eq!(world.refusal(), StoreCode::KeyringRolledBack);
    assert_eq!(world.keyring.before(), Some(Before::Alone));
}

#[tokio::test]
async fn without_room_for_every_record_once_more_nothing_is_begun() {
    let mut world = of_before(5).await;
    world.free_disk_min_bytes = u64::MAX;
    assert_eq!(world.refusal(), StoreCode::DiskFull);
    assert_eq!(world.keyring.before(), Some(Before::Alone));
    world.free_disk_min_bytes = 0;
    goes_on(&world, 5).await;
}

/// A key that no record was given may say any number: the pass goes by it and on, wherever it points.
#[tokio::test]
async fn keys_that_are_no_records_stop_no_move() {
    const RECORDS: u64 = 20;
    let planted = [(1, u64::MAX), (1, u64::MAX - 600), (7, 3), (u32::MAX, u64::MAX)];
    let world = of_before(RECORDS).await;
    tamper(&world, |db| {
        let tree = db.open_tree("vault/devis").expect("a tree");
        for (epoch, number) in planted {
            let key = crate::store::sled::layout::record_key(epoch, number);
            tree.insert(key, b"no record".as_slice()).expect("written");
        }
    });
    let moved = tokio::task::spawn_blocking(move || {
        drop(world.open());
        world
    });
    let moved = tokio::time::timeout(Duration::from_secs(60), moved).await;
    let world = moved.expect("it ends").expect("no panic");
    tamper(&world, |db| {
        let left = vault(db).iter().filter(|(id, _)| *id.purpose.as_str() == *"devis").count();
        assert!(left >= RECORDS as usize, "{left}");
    });
}
