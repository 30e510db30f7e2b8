//! What ends by its time, in sled's trees: damaged rows, lost records, records under other leaves than their own, batches.

use super::support::*;
use crate::keyring::lease::LeaseError;
use crate::keyring::tree::Kind;
use crate::keyring::{Bucket, Keyring};
use crate::lead::{Leaf, SealedRecord, move_to_leaf};
use crate::store::contract::{Host, Row};
use crate::store::leaves::Leaves;
use crate::store::sled::buckets::{self, BucketRow};
use crate::store::sled::layout::{meta, record_key};
use crate::store::{Asked, EXPIRED_AT_ONCE_MAX, ErasureRequest, SharedStore, StoreCode, Wanted};
use crate::trail::Action;

fn bucket(index: u64) -> Bucket {
    Bucket { purpose: purpose("devis"), epoch: 1, index }
}

fn lives(world: &World, index: u64, leaf: u16) -> Option<bool> {
    let lease = world.keyring.lease(&bucket(index)).ok()?;
    match lease.key(leaf, Kind::Record, 0) {
        Ok(_) => Some(true),
        Err(LeaseError::Dead) => Some(false),
        Err(LeaseError::Revoked) => panic!("it was just taken"),
    }
}

/// A store as the contract has it, closed after these leads and tampered with.
async fn tampered(world: &World, from: u64, count: u64, change: impl FnOnce(&::sled::Db)) -> SharedStore {
    let store = Host::open(world);
    store_many(&store, from, count).await;
    store.close().await.expect("closed");
    drop(store);
    tamper(world, change);
    Host::open(world)
}

fn rows_of(db: &::sled::Db) -> ::sled::Tree {
    db.open_tree("buckets").expect("a tree")
}

#[tokio::test]
async fn a_bucket_whose_row_cannot_be_read_ends_all_the_same_and_is_right_again() {
    let world = World::new();
    let store = tampered(&world, 1, 3, |db| {
        rows_of(db).insert(buckets::key(&bucket(0)), &[9, 9]).expect("written");
    })
    .await;
    store.settle(vec![stored_in("devis", 9, false, 30)]).await.expect("settled");
    assert_eq!(store.expire().await.map(|expired| expired.total()), Ok(0), "nothing is due");
    world.pass_days(&store, 10);
    assert_eq!(store.expire().await.map(|expired| expired.total()), Ok(3));
    assert_eq!(store.overdue().await, Ok(0));
    store.close().await.expect("closed");
    drop(store);
    tamper(&world, |db| {
        let row = rows_of(db).get(buckets::key(&bucket(0))).expect("read").expect("there");
        let day = crate::clock::Day::of(later(30));
        assert_eq!(BucketRow::read(&row), Ok(BucketRow::of(day)));
    });
    assert_eq!([1, 3, 4].map(|leaf| lives(&world, 0, leaf)), [false, false, true].map(Some));
}

/// Nobody knows any more which keys were to go with it: that is told for good, and all others go.
#[tokio::test]
async fn a_row_of_what_is_pending_that_cannot_be_read_holds_nothing_up_and_is_told() {
    let no_purpose = [1, 0, 1, 1, b'!', 1, 0, 0, 0];
    for bytes in [&[9, 9][..], &no_purpose] {
        let world = World::new();
        let mut store = tampered(&world, 1, 3, |db| {
            db.open_tree("erasures").expect("a tree").insert(b"x", bytes).expect("written");
        })
        .await;
        assert_eq!(store.overdue().await, Ok(1));
        world.pass_days(&store, 10);
        let expired = store.expire().await.expect("nothing holds it up");
        assert_eq!((expired.total(), expired.done, store.overdue().await), (3, true, Ok(1)));
        assert_eq!([1, 2, 3].map(|leaf| lives(&world, 0, leaf)), [Some(false); 3]);
        store.settle(vec![stored_in("devis", 9, false, 30)]).await.expect("settled");
        store.close().await.expect("closed");
        drop(store);
        tamper(&world, |db| {
            let aside = db.open_tree("aside").expect("a tree");
            assert_eq!(aside.get(b"erasures\0x").expect("read").as_deref(), Some(bytes));
        });
        store = Host::open(&world);
        world.pass_days(&store, 30);
        assert_eq!((store.expire().await.map(|swept| swept.total()), store.overdue().await), (Ok(1), Ok(1)));
    }
}

/// A head that nobody can read says nothing of its end: that of its bucket's last is its own.
#[tokio::test]
async fn a_record_whose_head_cannot_be_read_ends_with_the_last_of_its_bucket() {
    let world = World::new();
    let store = tampered(&world, 1, 3, |db| {
        let vault = db.open_tree("vault/devis").expect("a tree");
        vault.insert(record_key(1, 2), &[255, 1, 2]).expect("written");
    })
    .await;
    world.pass_days(&store, 10);
    assert_eq!(store.expire().await.map(|expired| expired.total()), Ok(3));
    assert_eq!(lives(&world, 0, 2), Some(false));
    assert_eq!(
        (store.overdue().await, store.stored().await.expect("counted")[&purpose("devis")]),
        (Ok(0), 0)
    );
}

/// What was lost may come back from a backup: its key stays for as long as its time may last, and no longer.
#[tokio::test]
async fn the_key_of_a_record_that_is_lost_goes_when_the_last_of_its_bucket_ends() {
    let world = World::new();
    let store = Host::open(&world);
    store
        .settle((1..=511).map(|number| stored_in("devis", number, false, 5)).collect())
        .await
        .expect("settled");
    store.settle(vec![stored_in("devis", 600, false, 9)]).await.expect("settled");
    store.close().await.expect("closed");
    drop(store);
    let lost = world.take(&Row::Record(record("devis-1-7")));
    let store = Host::open(&world);
    world.pass_days(&store, 4);
    assert_eq!(store.expire().await.map(|expired| expired.total()), Ok(0));
    assert_eq!(lives(&world, 0, 7), Some(true));
    store.close().await.expect("closed");
    drop(store);
    world.put(&Row::Record(record("devis-1-7")), lost);
    let store = Host::open(&world);
    assert_eq!(export(&store, 1_000).await.map(|read| read.len()), Ok(512), "it is back, and opens");
    store.close().await.expect("closed");
    drop(store);
    drop(world.take(&Row::Record(record("devis-1-7"))));
    let store = Host::open(&world);
    assert!(!scan(&store, 1_000).await.expect("scanned").faults.is_empty(), "one is missing");
    world.pass_days(&store, 1);
    assert_eq!(store.expire().await.map(|expired| expired.total()), Ok(510));
    assert_eq!(scan(&store, 1_000).await.map(|scanned| scanned.faults), Ok(Vec::new()), "its time is over");
    assert_eq!(store.stored().await.expect("counted")[&purpose("devis")], 1);
    assert_eq!(
        (lives(&world, 0, 7), lives(&world, 1, 0)),
        (None, Some(true)),
        "nothing of that bucket is left"
    );
}

/// Its row may come back from a backup: what was erased does not open then either.
#[tokio::test]
async fn the_key_of_a_record_that_is_lost_goes_with_its_erasure() {
    let world = World::new();
    let store = Host::open(&world);
    store_many(&store, 1, 2).await;
    store.close().await.expect("closed");
    drop(store);
    drop(world.take(&Row::Record(record("devis-1-1"))));
    let store = Host::open(&world);
    let request = ErasureRequest::of(Wanted::Leadgen(leadgen(1)));
    let asked = store.erase(request, by_officer(Action::ErasureAsked)).await;
    assert!(matches!(asked, Ok(Asked::Erasure(erasure)) if erasure.done.is_some()));
    assert_eq!((lives(&world, 0, 1), lives(&world, 0, 2)), (Some(false), Some(true)));
}

/// As a correction leaves it: the record's id stays, its leaf is one of another bucket.
#[tokio::test]
async fn a_record_under_another_leaf_than_its_number_s_ends_with_that_leaf() {
    let world = World::new();
    let store = Host::open(&world);
    store
        .settle((1..=600).map(|number| stored_in("devis", number, false, 30)).collect())
        .await
        .expect("settled");
    store.close().await.expect("closed");
    drop(store);
    tamper(&world, |db| {
        let vault = db.open_tree("vault/devis").expect("a tree");
        let (id, leaf) = (record("devis-1-3"), Leaf { epoch: 1, number: 700 });
        let value = vault.get(record_key(1, 3)).expect("read").expect("there");
        let sealed = SealedRecord::decode(&value).expect("a record");
        let mut leaves = Leaves::default();
        let key = leaves.key(&*world.keyring, &id.purpose, sealed.under).expect("alive");
        let new = leaves.key(&*world.keyring, &id.purpose, crate::lead::Under::Leaf(leaf)).expect("alive");
        let moved = move_to_leaf(&sealed, &id, key.key(), leaf, new.key(), &*world.random).expect("sealed");
        vault.insert(record_key(1, 3), moved.encode()).expect("written");
        let rows = rows_of(db);
        for (index, more) in [(0, false), (1, true)] {
            let at = buckets::key(&bucket(index));
            let row = BucketRow::read(&rows.get(&at).expect("read").expect("there")).expect("a row");
            let day = crate::clock::Day(row.latest);
            let row = if more { Some(row.with(day)) } else { row.without() };
            rows.insert(at, row.expect("some are left").bytes()).expect("written");
        }
    });
    let store = Host::open(&world);
    assert_eq!(export(&store, 1_000).await.map(|read| read.len()), Ok(600));
    assert_eq!(lives(&world, 1, (700 - 512) as u16), Some(true), "the control");
    world.pass_days(&store, 30);
    assert_eq!(store.expire().await.map(|expired| expired.total()), Ok(600));
    assert_eq!(
        (lives(&world, 0, 3), lives(&world, 1, 188), lives(&world, 1, 189)),
        (None, Some(false), Some(true))
    );
    assert_eq!(scan(&store, 100).await.map(|scanned| scanned.faults), Ok(Vec::new()));
}

#[tokio::test]
async fn what_is_due_goes_in_batches_and_each_is_told_that_more_is() {
    let world = World::new();
    let store = Host::open(&world);
    let count = EXPIRED_AT_ONCE_MAX as u64 + 600;
    for from in (0..count).step_by(200) {
        let batch = (from..(from + 200).min(count)).map(stored);
        store.settle(batch.collect()).await.expect("settled");
    }
    world.pass_days(&store, 10);
    let first = store.expire().await.expect("swept");
    assert!(first.more && first.done && first.total() <= EXPIRED_AT_ONCE_MAX as u64, "{first:?}");
    let mut left = count - first.total();
    while left > 0 {
        let next = store.expire().await.expect("swept");
        assert!(next.done && next.total() > 0);
        left -= next.total();
    }
    assert_eq!((store.overdue().await, export(&store, 10).await), (Ok(0), Ok(Vec::new())));
    assert_eq!(world.keyring.buckets(), 2, "the one in which the numbers go on, of each purpose");
}

/// Whoever cuts the front off and moves the mark has no line that says so.
#[tokio::test]
async fn a_trail_whose_beginning_was_cut_off_is_broken_wherever_its_mark_is_put() {
    let world = World::new();
    let store = Host::open(&world);
    for number in 1..=3 {
        store.settle(vec![stored(number)]).await.expect("settled");
    }
    world.pass_days(&store, 40);
    for number in 4..=6 {
        store.settle(vec![stored(number)]).await.expect("settled");
    }
    assert_eq!(store.drop_lines(0).await, Ok(3));
    store.close().await.expect("closed");
    drop(store);
    tamper(&world, |db| {
        let (lines, meta_rows) =
            (db.open_tree("trail").expect("a tree"), db.open_tree("meta").expect("a tree"));
        let line = lines.remove(4_u64.to_be_bytes()).expect("removed").expect("there");
        let mac = line.last_chunk::<32>().expect("a mac");
        let base = [4_u64.to_be_bytes().as_slice(), mac].concat();
        meta_rows.insert(meta::TRAIL_BASE, base).expect("written");
    });
    let store = Host::open(&world);
    assert_eq!(code(store.lines(0, 100).await), Some(StoreCode::TrailBroken));
}

/// A batch looks at so many buckets: those in which all that is due is restricted are none of them.
#[tokio::test]
async fn buckets_in_which_nothing_may_end_keep_none_that_is_due_from_its_turn() {
    let world = World::new();
    let names: Vec<String> = (10..50).map(|number| format!("a{number}")).collect();
    let mut purposes: Vec<&str> = names.iter().map(String::as_str).collect();
    purposes.push("devis");
    let store: SharedStore = world.try_open_for(&purposes).expect("opens");
    world.agree(&store);
    let batch = (1..).zip(&purposes).map(|(number, name)| stored_in(name, number, false, 5));
    store.settle(batch.collect()).await.expect("settled");
    let until = crate::clock::Day::of(start()).plus(30);
    for name in &names {
        let id = record(&format!("{name}-1-1"));
        store.restrict(id, until, by_officer(Action::Restricted)).await.expect("restricted");
    }
    world.pass_days(&store, 7);
    assert_eq!(store.overdue().await, Ok(1), "of what is restricted nothing is");
    let expired = store.expire().await.expect("swept");
    assert_eq!((expired.records, expired.more), (vec![(purpose("devis"), 1)], false));
    assert_eq!((store.expire().await.map(|expired| expired.total()), store.overdue().await), (Ok(0), Ok(0)));
    let id = record("a49-1-1");
    assert_eq!(store.lift_restriction(id, by_officer(Action::RestrictionLifted)).await, Ok(true));
    assert_eq!(store.expire().await.map(|expired| expired.records), Ok(vec![(purpose("a49"), 1)]));
}

/// Each says of which keys nobody knows any more: neither takes the other's place.
#[tokio::test]
async fn two_rows_of_what_is_pending_that_cannot_be_read_are_both_kept_aside() {
    let world = World::new();
    let mut store: SharedStore = Host::open(&world);
    store
        .settle(vec![
            stored_in("devis", 1, false, 3),
            stored_in("devis", 2, false, 5),
            stored_in("devis", 3, false, 7),
        ])
        .await
        .expect("settled");
    for (days, bytes) in [(3, [9, 1]), (2, [9, 2])] {
        world.pass_days(&store, days);
        *world.keyring.changes_left.lock().expect("not poisoned") = Some(0);
        assert_eq!(store.expire().await.map(|expired| expired.done), Ok(false));
        let _ = store.close().await;
        drop(store);
        *world.keyring.changes_left.lock().expect("not poisoned") = None;
        tamper(&world, |db| {
            let rows = db.open_tree("erasures").expect("a tree");
            assert!(rows.insert(b"x", &bytes).expect("written").is_some(), "it is pending");
        });
        store = Host::open(&world);
    }
    world.pass_days(&store, 2);
    assert_eq!(store.expire().await.map(|expired| expired.total()), Ok(1), "nothing is held up");
    store.close().await.expect("closed");
    drop(store);
    tamper(&world, |db| {
        let kept: Vec<Vec<u8>> = db
            .open_tree("aside")
            .expect("a tree")
            .iter()
            .values()
            .map(|row| row.expect("read").to_vec())
            .collect();
        assert_eq!(kept, [vec![9, 1], vec![9, 2]]);
    });
}

/// Buckets that are done with are not gone through for each batch behind them.
#[tokio::test]
async fn a_batch_begins_where_the_one_before_it_ended() {
    let world = World::new();
    let store = world.open();
    let shared: SharedStore = store.clone();
    world.agree(&shared);
    let count = EXPIRED_AT_ONCE_MAX as u64 + 600;
    store_many(&store, 1, count).await;
    world.pass_days(&shared, 10);
    assert_eq!(store.shared.swept_to(), None);
    let first = shared.expire().await.expect("swept");
    let at = store.shared.swept_to();
    assert!(first.more && at.is_some());
    let mut left = count - first.total();
    while left > 0 {
        let next = shared.expire().await.expect("swept");
        left -= next.total();
        assert!(!next.more || store.shared.swept_to() > at);
    }
    assert_eq!(shared.expire().await.map(|expired| expired.total()), Ok(0));
    assert_eq!((shared.overdue().await, store.shared.swept_to()), (Ok(0), None));
}
