//! The scan: whatever is gone or changed is found and named, and while records arrive nobody is accused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::support::*;
use crate::keyring::Bucket;
use crate::notification::ParkCode;
use crate::random::{Random, SeededRandom};
use crate::store::sled::buckets::{self, BucketRow};
use crate::store::sled::layout::{meta, record_key, seen_key};
use crate::store::{
    BucketsFault, Fault, Leads, Life, Parked, ParkedFault, RecordsFault, Requeue, Scan, StoreCode,
};
use crate::trail::Action;

const RECORDS: u64 = 120;

/// A store with records and one parked reference of each kind, closed.
async fn filled() -> World {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, RECORDS).await;
    let whys = [waiting(60, 0), HELD, REFUSED, BURIED];
    let batch = (9_001..).zip(whys).map(|(number, why)| parked(number, 1, why)).collect();
    store.settle(batch).await.expect("settled");
    store.close().await.expect("closed");
    world
}

/// The writer commits once by itself after a start: not between the count of the rows and its comparison.
async fn open_quiet(world: &World) -> Arc<crate::store::sled::SledStore> {
    let store = world.open();
    store.settle(Vec::new()).await.expect("settled");
    store
}

/// What a scan finds after sled's files were changed.
async fn after(world: &World, change: impl FnOnce(&::sled::Db)) -> Vec<Fault> {
    tamper(world, change);
    let store = open_quiet(world).await;
    let scanned = scan(&store, 50).await.expect("scanned");
    store.close().await.expect("closed");
    scanned.faults
}

fn tree(db: &::sled::Db, name: &str) -> ::sled::Tree {
    db.open_tree(name).expect("a tree")
}

fn vault(db: &::sled::Db) -> ::sled::Tree {
    tree(db, "vault/devis")
}

fn seen_of(world: &World, number: u64) -> [u8; 32] {
    use crate::keyring::Keyring;
    seen_key(&world.keyring.seen_key(), &leadgen(number))
}

/// The records of `devis`, of which nothing is wrong.
fn sound() -> RecordsFault {
    RecordsFault {
        purpose: purpose("devis"),
        counted: RECORDS,
        found: RECORDS,
        indexed: RECORDS,
        absent: 0,
        unreadable: 0,
        first: None,
    }
}

fn id(number: u64) -> Option<crate::purpose::RecordId> {
    crate::purpose::RecordId::parse(&format!("devis-1-{number}"))
}

#[tokio::test]
async fn a_removed_note_of_a_stored_leadgen_is_found() {
    let world = filled().await;
    let key = seen_of(&world, 33);
    let faults = after(&world, |db| drop(tree(db, "seen").remove(key))).await;
    assert_eq!(faults, [Fault::Records(RecordsFault { indexed: RECORDS - 1, ..sound() })]);
    let store = world.open();
    assert!(store.open_page(request(None, 10), exporting()).await.is_ok(), "no record is missing");
}

#[tokio::test]
async fn a_record_removed_together_with_its_note_is_found() {
    let world = filled().await;
    let key = seen_of(&world, 33);
    let faults = after(&world, |db| {
        tree(db, "seen").remove(key).expect("removed");
        vault(db).remove(record_key(1, 33)).expect("removed");
    });
    let fault = RecordsFault { found: RECORDS - 1, indexed: RECORDS - 1, ..sound() };
    assert_eq!(fault.missing(), 1);
    assert_eq!(faults.await, [Fault::Records(fault)]);
}

#[tokio::test]
async fn a_flipped_byte_anywhere_in_a_record_is_found_and_the_record_named() {
    let world = filled().await;
    let mut bytes = 0;
    tamper(&world, |db| bytes = vault(db).get(record_key(1, 9)).expect("read").expect("there").len());
    for at in [0, 4, 8, 9, 33, bytes / 2, bytes - 1] {
        let mut intact = None;
        let faults = after(&world, |db| {
            let found = vault(db).get(record_key(1, 9)).expect("read").expect("there");
            let mut damaged = found.to_vec();
            damaged[at] ^= 0x10;
            vault(db).insert(record_key(1, 9), damaged).expect("written");
            intact = Some(found);
        });
        let fault = RecordsFault { unreadable: 1, first: id(9), ..sound() };
        assert!(fault.is_of_seals());
        assert_eq!(faults.await, [Fault::Records(fault)], "byte {at}");
        tamper(&world, |db| drop(vault(db).insert(record_key(1, 9), intact.expect("there"))));
    }
    let faults = after(&world, |db| drop(vault(db).insert(record_key(1, 9), b"".as_slice()))).await;
    assert_eq!(faults, [Fault::Records(RecordsFault { unreadable: 1, first: id(9), ..sound() })]);
}

#[tokio::test]
async fn a_vault_or_a_counter_that_is_gone_is_found_and_no_number_is_given_twice() {
    let world = filled().await;
    let faults = after(&world, |db| drop(tree(db, "meta").remove(meta::stored(&purpose("devis"))))).await;
    assert_eq!(faults, [Fault::Records(RecordsFault { counted: 0, ..sound() })]);

    let world = filled().await;
    let faults = after(&world, |db| drop(tree(db, "sequence").remove("devis"))).await;
    assert_eq!(faults, [Fault::Records(RecordsFault { found: 0, indexed: 0, ..sound() })]);
    let store = world.open();
    assert!(store.settle(vec![stored(700)]).await.is_err(), "it would overwrite a record");
    assert_eq!(store.halted(), Some(StoreCode::Halted));
    drop(store);

    let world = filled().await;
    let faults = after(&world, |db| drop(db.drop_tree("vault/devis"))).await;
    let fault = RecordsFault { found: 0, absent: RECORDS, first: None, ..sound() };
    assert!(matches!(&faults[..], [Fault::Records(found)] if found.first.is_some()));
    let without_name = |fault: &Fault| match fault {
        Fault::Records(fault) => Fault::Records(RecordsFault { first: None, ..fault.clone() }),
        other => other.clone(),
    };
    assert_eq!(faults.iter().map(without_name).collect::<Vec<_>>(), [Fault::Records(fault)]);
}

#[tokio::test]
async fn a_parked_row_that_is_gone_unnoted_or_changed_is_found() {
    // Arrivals count from 1, in the order of the batch.
    let sound = ParkedFault { found: 4, counted: Some(4), ..ParkedFault::default() };
    let world = filled().await;
    let faults = after(&world, |db| drop(tree(db, "parked").remove(2_u64.to_be_bytes()))).await;
    // The index is read from the rows at the start, so the two agree; the note does not.
    let fault = ParkedFault { found: 3, counted: Some(3), absent: 1, ..sound.clone() };
    assert_eq!(faults, [Fault::Parked(fault)]);

    let world = filled().await;
    let key = seen_of(&world, 9_002);
    let faults = after(&world, |db| drop(tree(db, "seen").remove(key))).await;
    assert_eq!(faults, [Fault::Parked(ParkedFault { unnoted: 1, ..sound.clone() })]);

    let world = filled().await;
    let faults = after(&world, |db| {
        let row = tree(db, "parked").get(3_u64.to_be_bytes()).expect("read").expect("there");
        let mut row = row.to_vec();
        *row.last_mut().expect("bytes") ^= 1;
        tree(db, "parked").insert(3_u64.to_be_bytes(), row).expect("written");
    });
    assert_eq!(faults.await, [Fault::Parked(ParkedFault { unreadable: 1, ..sound.clone() })]);

    // Row and note together, behind the back of a running store: only what is counted tells.
    let world = filled().await;
    let store = open_quiet(&world).await;
    let engine = store.shared.engine().expect("open");
    let place = crate::store::sled::layout::Place::Parked;
    engine.tree(&place).expect("a tree").remove(2_u64.to_be_bytes()).expect("removed");
    let place = crate::store::sled::layout::Place::Seen;
    engine.tree(&place).expect("a tree").remove(seen_of(&world, 9_002)).expect("removed");
    drop(engine);
    let scanned = scan(&store, 3).await.expect("scanned");
    assert_eq!(scanned.faults, [Fault::Parked(ParkedFault { found: 3, ..sound })]);
}

#[tokio::test]
async fn a_line_of_the_trail_that_is_gone_and_a_note_that_cannot_be_read_are_found() {
    let world = filled().await;
    let faults = after(&world, |db| drop(tree(db, "trail").remove(2_u64.to_be_bytes()))).await;
    assert_eq!(faults, [Fault::Trail]);
    let world = filled().await;
    let key = seen_of(&world, 9_003);
    let faults = after(&world, |db| drop(tree(db, "seen").insert(key, b"\x01\xff\xff".as_slice()))).await;
    assert!(faults.contains(&Fault::Seen(1)), "{faults:?}");
}

/// Everything that the store's verbs can do at once, for some seconds, beside scans of every pace.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_accused_while_leads_are_stored_parked_brought_back_and_ended() {
    const FOR: Duration = Duration::from_secs(4);
    let world = filled().await;
    let store = world.open();
    let over = Arc::new(AtomicBool::new(false));
    let next = Arc::new(AtomicU64::new(20_000));
    let mut tasks = Vec::new();
    for seed in 0..3 {
        let (store, over, next) = (Arc::clone(&store), Arc::clone(&over), Arc::clone(&next));
        #[expect(clippy::disallowed_methods, reason = "the test joins it")]
        tasks.push(tokio::spawn(async move {
            let random = SeededRandom::new(seed);
            let mut waits: Vec<u64> = Vec::new();
            while !over.load(Ordering::SeqCst) {
                let mut byte = [0; 2];
                random.fill(&mut byte).expect("filled");
                let first = next.fetch_add(40, Ordering::SeqCst);
                match byte[0] % 4 {
                    0 => drop(store.settle((first..first + 30).map(stored).collect()).await.expect("stored")),
                    1 => {
                        let why = [waiting(-60, 1), HELD, REFUSED, BURIED][usize::from(byte[1] % 4)];
                        let batch = (first..first + 20).map(|number| parked(number, 1, why)).collect();
                        store.settle(batch).await.expect("parked");
                        waits.extend(first..first + 20);
                    }
                    2 => {
                        let which = [ParkCode::ConsentMissing, ParkCode::AttemptsSpent];
                        let which = Requeue::Code(which[usize::from(byte[1] % 2)]);
                        store.requeue(which, by_officer(Action::Requeued)).await.expect("brought back");
                    }
                    _ => {
                        let from = waits.len().saturating_sub(usize::from(byte[1] % 40));
                        let batch: Vec<_> = waits.drain(from..).map(stored).collect();
                        store.settle(batch).await.expect("stored in the end");
                    }
                }
            }
        }));
    }
    let begun = Instant::now();
    let (mut scans, mut compared) = (0, 0);
    while begun.elapsed() < FOR {
        for slice in [3, 64, 1_000] {
            let scanned = scan(&store, slice).await.expect("scanned");
            assert_eq!(scanned.faults, [], "scan {scans} in slices of {slice}");
            scans += 1;
            compared += scanned.records;
        }
    }
    over.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.expect("no panic");
    }
    println!("{scans} scans, {compared} records");
    assert!(scans >= 3 && compared > RECORDS);
    let last = scan(&store, 500).await.expect("scanned");
    assert_eq!(
        (last.faults, Some(&last.records)),
        (Vec::new(), store.stored().await.expect("counted").get(&purpose("devis")))
    );
    store.close().await.expect("closed");
}

/// The row of the one bucket that these records lie in.
fn bucket_row(db: &::sled::Db) -> (Vec<u8>, Vec<u8>) {
    let rows: Vec<_> = tree(db, "buckets").iter().map(|row| row.expect("read")).collect();
    assert_eq!(rows.len(), 1);
    (rows[0].0.to_vec(), rows[0].1.to_vec())
}

#[tokio::test]
async fn a_bucket_that_counts_wrong_is_told_and_put_right() {
    let world = filled().await;
    let mut sound = (Vec::new(), Vec::new());
    tamper(&world, |db| sound = bucket_row(db));
    let row = BucketRow::read(&sound.1).expect("a row");
    let changes = [
        (BucketRow { live: row.live + 5, ..row }.bytes(), RECORDS + 5),
        (BucketRow { live: 1, ..row }.bytes(), 1),
        (BucketRow { earliest: row.earliest + 1, ..row }.bytes(), RECORDS),
        (BucketRow { latest: row.latest - 1, ..row }.bytes(), RECORDS),
        (BucketRow::UNKNOWN.bytes(), 0),
        (b"\x01\xff".to_vec(), 0),
    ];
    for (changed, counted) in changes {
        let faults =
            after(&world, |db| drop(tree(db, "buckets").insert(&sound.0, changed).expect("written"))).await;
        let fault = BucketsFault { wrong: 1, counted, found: RECORDS, repaired: 1 };
        assert_eq!(faults, [Fault::Buckets(fault)]);
        tamper(&world, |db| assert_eq!(bucket_row(db), sound));
    }
    let faults = after(&world, |db| drop(tree(db, "buckets").remove(&sound.0).expect("removed"))).await;
    let gone = BucketsFault { wrong: 1, counted: 0, found: RECORDS, repaired: 1 };
    assert_eq!(faults, [Fault::Buckets(gone)]);
    // One under whose tree nothing lives, beside one whose days are wider than need be.
    let other = buckets::key(&Bucket { purpose: purpose("devis"), epoch: 1, index: 9 });
    let wide = BucketRow { earliest: 0, latest: row.latest + 9, ..row }.bytes();
    let faults = after(&world, |db| {
        tree(db, "buckets").insert(&other, sound.1.clone()).expect("written");
        tree(db, "buckets").insert(&sound.0, wide.clone()).expect("written");
    });
    let empty = BucketsFault { wrong: 1, counted: RECORDS, found: 0, repaired: 1 };
    assert_eq!(faults.await, [Fault::Buckets(empty)]);
    tamper(&world, |db| assert_eq!(bucket_row(db), (sound.0.clone(), wide)));
    assert_eq!(after(&world, |_| {}).await, [], "it is told once");
}

/// What a row says more than is there may be what is missing: its tree must not go for it.
#[tokio::test]
async fn where_records_are_missing_no_bucket_is_put_right() {
    let world = filled().await;
    let mut before = (Vec::new(), Vec::new());
    let faults = after(&world, |db| {
        before = bucket_row(db);
        vault(db).remove(record_key(1, 33)).expect("removed");
    });
    let fault = RecordsFault { found: RECORDS - 1, absent: 1, first: id(33), ..sound() };
    assert_eq!(faults.await, [Fault::Records(fault)]);
    tamper(&world, |db| assert_eq!(bucket_row(db), before));
}

/// A bucket that is written into while a walk looks is not judged by it, and not put right by it either.
#[tokio::test]
async fn a_bucket_that_changes_meanwhile_is_left_to_the_next_scan() {
    let world = filled().await;
    tamper(&world, |db| {
        let (key, bytes) = bucket_row(db);
        let row = BucketRow::read(&bytes).expect("a row");
        let wrong = BucketRow { live: row.live + 5, ..row };
        tree(db, "buckets").insert(key, wrong.bytes()).expect("written");
    });
    let store = open_quiet(&world).await;
    for number in 700.. {
        store.settle(vec![stored(number)]).await.expect("stored");
        match store.scan(50).await.expect("scanned") {
            crate::store::Scanning::More => {}
            crate::store::Scanning::Over(scanned) => {
                assert_eq!(scanned.faults, []);
                break;
            }
        }
    }
    let scanned = scan(&store, 50).await.expect("scanned");
    assert!(matches!(&scanned.faults[..], [Fault::Buckets(BucketsFault { wrong: 1, repaired: 1, .. })]));
    store.close().await.expect("closed");
}

/// Its own leaf is punctured, as that of what has had its time: it is the other one that says whether it is lost.
#[tokio::test]
async fn a_record_that_was_corrected_and_is_lost_is_missed() {
    use crate::store::contract::rewriting::holding;
    use crate::store::{RewriteCause, RewriteRequest, Rewrites};
    let world = filled().await;
    let store = world.open();
    let records = vec![(record("devis-1-7"), holding("marie@canary.example"))];
    let request = RewriteRequest { records, cause: RewriteCause::Person };
    assert!(store.rewrite(request, by_officer(Action::Corrected)).await.expect("answered").keys_destroyed);
    store.close().await.expect("closed");
    assert_eq!(after(&world, |_| ()).await, [], "the control");
    let faults = after(&world, |db| {
        vault(db).remove(record_key(1, 7)).expect("removed").expect("it was there");
    })
    .await;
    let [Fault::Records(fault)] = faults.as_slice() else { panic!("{faults:?}") };
    assert_eq!((fault.absent, fault.first.clone()), (1, Some(record("devis-1-7"))));
}
