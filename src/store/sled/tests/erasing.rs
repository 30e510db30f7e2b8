//! What an erasure leaves in sled's trees and in older copies of them, and how it goes on where it was cut short.

use futures_util::future::{join, join_all};

use super::support::*;
use crate::keyring::{Bucket, Keyring};
use crate::lead::{SealedRecord, check};
use crate::purpose::RecordId;
use crate::store::leaves::Leaves;
use crate::store::seen::seen_key;
use crate::store::sled::buckets::{self, BucketRow};
use crate::store::sled::layout::record_id;
use crate::store::{
    Asked, Erasure, ErasureRequest, Erasures, Fate, Leads, Life, Scan, Scanning, Seen, SeenState, StoreCode,
    StuckErasures, Wanted,
};
use crate::trail::Action;

async fn erase(store: &std::sync::Arc<crate::store::sled::SledStore>, number: u64) -> Erasure {
    let request = ErasureRequest::of(Wanted::Leadgen(leadgen(number)));
    match store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased") {
        Asked::Erasure(erasure) => erasure,
        Asked::KeyTaken => panic!("no key was given"),
    }
}

/// The keys and values of a tree.
pub(super) fn rows(db: &::sled::Db, tree: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let tree = db.open_tree(tree).expect("a tree");
    tree.iter().map(|row| row.expect("read")).map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

/// Which records of `devis` these rows have, and whether each opens by this keyring.
pub(super) fn opening(rows: &[(Vec<u8>, Vec<u8>)], keyring: &MemoryKeyring) -> Vec<(u64, bool)> {
    let mut leaves = Leaves::default();
    let opens = |(key, value): &(Vec<u8>, Vec<u8>)| {
        let id = record_id(&purpose("devis"), key).expect("a record's key");
        let record = SealedRecord::decode(value).expect("a record");
        let key = leaves.key(keyring, &id.purpose, record.under);
        (id.number, key.is_ok_and(|key| check(&record, &id, key.key()).is_ok()))
    };
    rows.iter().map(opens).collect()
}

#[tokio::test]
async fn what_is_left_of_a_submission_is_a_hash_under_the_month_s_key() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 3).await;
    for number in [1, 2] {
        erase(&store, number).await;
    }
    store.close().await.expect("closed");
    let seen = |number| seen_key(&world.keyring.seen_key(), &leadgen(number));
    tamper(&world, |db| {
        assert_eq!(opening(&rows(db, "vault/devis"), &world.keyring), [(3, true)]);
        let noted: Vec<Vec<u8>> = rows(db, "seen").into_iter().map(|(key, _)| key).collect();
        assert_eq!(noted, [seen(3).to_vec()]);
        let row = rows(db, "buckets");
        let bucket = Bucket::of(&RecordId { purpose: purpose("devis"), epoch: 1, number: 3 });
        assert_eq!(row.len(), 1);
        assert_eq!(row[0].0, buckets::key(&bucket));
        assert_eq!(BucketRow::read(&row[0].1).map(|row| row.live), Ok(1));
        let stones = rows(db, "tombstones");
        assert_eq!(stones.len(), 2);
        for number in [1, 2] {
            let hash = seen(number);
            let says = |(key, value): &(Vec<u8>, Vec<u8>)| {
                [key, value].iter().any(|bytes| bytes.windows(32).any(|part| part == hash))
            };
            assert!(!stones.iter().any(says), "a tombstone says under which key it was known");
            assert!(!rows(db, "erasures").iter().any(says), "an erasure says whose it was");
        }
        let kinds: Vec<u8> = rows(db, "erasures").iter().map(|(key, _)| key[0]).collect();
        assert_eq!(kinds, [b'e', b'e'], "none is pending");
    });
    let store = world.open();
    erase(&store, 3).await;
    store.close().await.expect("closed");
    tamper(&world, |db| {
        for tree in ["vault/devis", "seen", "buckets"] {
            assert_eq!(rows(db, tree), [], "{tree}");
        }
    });
}

/// The reason of all this: the database of yesterday, with the keyring of today.
#[tokio::test]
async fn an_older_copy_of_the_store_with_today_s_keyring_opens_survivors_alone() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 6).await;
    store.close().await.expect("closed");
    let mut older = Vec::new();
    tamper(&world, |db| older = rows(db, "vault/devis"));
    let all: Vec<(u64, bool)> = (1..=6).map(|number| (number, true)).collect();
    assert_eq!(opening(&older, &world.keyring), all, "the control");
    let store = world.open();
    for number in [2, 5] {
        assert!(erase(&store, number).await.done.is_some());
    }
    let left = all.iter().map(|(number, _)| (*number, ![2, 5].contains(number)));
    assert_eq!(opening(&older, &world.keyring), left.collect::<Vec<_>>());
}

/// Whoever asks while the disk is busy with somebody before waits for one change of the keyring, and not for one each.
#[tokio::test]
async fn erasures_that_are_asked_for_at_once_share_changes_of_the_keyring() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 60).await;
    let before = world.keyring.generation();
    let erased = join_all((1..=60).map(|number| erase(&store, number))).await;
    let mut generations: Vec<u64> =
        erased.iter().map(|erasure| erasure.done.expect("it has its end").generation).collect();
    generations.sort_unstable();
    generations.dedup();
    assert!(generations.len() < erased.len(), "each had its own: {generations:?}");
    let (first, last) = (generations[0], generations[generations.len() - 1]);
    assert!(first > before && last == world.keyring.generation());
}

#[tokio::test]
async fn keys_that_could_not_be_destroyed_are_tried_again_without_a_word_from_anybody() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 3).await;
    erase(&store, 3).await;
    *world.keyring.changes_left.lock().expect("not poisoned") = Some(0);
    let (first, second) = (erase(&store, 1).await, erase(&store, 2).await);
    assert_eq!((first.done, second.done), (None, None));
    *world.keyring.changes_left.lock().expect("not poisoned") = None;
    let of = async |erasure: &Erasure| store.erasure(erasure.id).await.expect("read").expect("there");
    until("both have their end", async || {
        of(&first).await.done.is_some() && of(&second).await.done.is_some()
    })
    .await;
    let generations =
        [of(&first).await, of(&second).await].map(|erasure| erasure.done.map(|end| end.generation));
    assert_eq!(generations[0], generations[1], "by one change of the keyring");
    assert_eq!(store.settle(vec![stored(1)]).await.map(|settled| words(&settled)), Ok(vec!["known".into()]));
}

#[tokio::test]
async fn below_the_floor_of_the_disk_erasures_alone_are_taken_down_to_a_quarter_of_it() {
    let mut world = World::new();
    let store = world.open();
    store_many(&store, 1, 3).await;
    store.close().await.expect("closed");
    world.free_disk_min_bytes = crate::machine::disk::free_bytes(world.dir.path()).expect("known") * 2;
    let store = world.open();
    let (erased, settled) = join(erase(&store, 1), store.settle(vec![stored(9)])).await;
    assert!(erased.done.is_some());
    assert_eq!(code(settled), Some(StoreCode::DiskFull), "what is asked beside it");
    assert_eq!(store.stored().await.expect("counted").get(&purpose("devis")), Some(&2));
    until("its row says so", async || {
        store.erasure(erased.id).await.expect("read").expect("there").done.is_some()
    })
    .await;
    store.close().await.expect("closed");
    world.free_disk_min_bytes = u64::MAX;
    let store = world.open();
    let request = ErasureRequest::of(Wanted::Leadgen(leadgen(2)));
    let refused = store.erase(request, by_officer(Action::ErasureAsked)).await;
    assert_eq!((code(refused), store.halted()), (Some(StoreCode::DiskFull), None));
}

/// Whoever has a link says no, takes back and erases there too: the line of the look, the register, the list.
#[tokio::test]
async fn below_the_floor_of_the_disk_a_person_looks_to_end_objects_and_is_answered() {
    use crate::clock::Day;
    use crate::forget::address::Address;
    use crate::purpose::law::RequestKind;
    use crate::store::{Requests, Suppressions, ToSuppress, Trail};
    use crate::trail::{Entry, Reason};

    let mut world = World::new();
    let store = world.open();
    store_many(&store, 1, 3).await;
    store.close().await.expect("closed");
    let free = crate::machine::disk::free_bytes(world.dir.path()).expect("known");
    world.free_disk_min_bytes = free * 2;
    let store = world.open();
    let found = || Entry::by_person(Action::Found, Reason::PersonRequest);
    let wanted = || Wanted::Record(record("devis-1-2"));
    assert_eq!(code(store.find(wanted(), found()).await), Some(StoreCode::DiskFull), "a look alone");
    let looked = store.find_to_end(wanted(), found()).await.expect("looked");
    assert!(looked.len() == 1 && looked[0].lead.is_some());
    let last = store.newest(u64::MAX, 1).await.expect("a trail").remove(0);
    assert_eq!((last.entry.action(), last.entry.from), (Action::Found, Some(record("devis-1-2"))));
    let today = Day::of(store.now());
    let entry = |action| Entry::by_person(action, Reason::PersonRequest);
    for kind in [RequestKind::Erasure, RequestKind::Objection, RequestKind::Withdrawal] {
        let opened = store.open_request(kind, today, entry(Action::RequestOpened)).await.expect("opened");
        let answered = store.answer_request(opened.id, None, entry(Action::RequestAnswered)).await;
        assert!(answered.expect("answered").is_some(), "{kind:?}");
    }
    let other = store.open_request(RequestKind::Access, today, entry(Action::RequestOpened)).await;
    assert_eq!(code(other), Some(StoreCode::DiskFull), "of what takes room and gives none");
    let address = Address::email("anne@canary.example").expect("an address");
    let no = ToSuppress { addresses: vec![address], purpose: None, months: 36 };
    assert!(store.suppress(no, entry(Action::Suppressed)).await.is_ok());
    store.close().await.expect("closed");
    world.free_disk_min_bytes = u64::MAX;
    let store = world.open();
    assert_eq!(
        code(store.find_to_end(wanted(), found()).await),
        Some(StoreCode::DiskFull),
        "there is an end"
    );
}

/// While keys cannot be destroyed, what waits for it is bounded: more is refused, and is then still there.
#[tokio::test]
async fn a_thousand_may_be_pending_and_the_next_is_refused_and_changes_nothing() {
    const PENDING: u64 = 1_000;
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, PENDING + 2).await;
    erase(&store, PENDING + 2).await;
    *world.keyring.changes_left.lock().expect("not poisoned") = Some(0);
    let pending = join_all((1..=PENDING).map(|number| erase(&store, number))).await;
    assert!(pending.iter().all(|erasure| erasure.done.is_none()));
    let next = || {
        let request = ErasureRequest::of(Wanted::Leadgen(leadgen(PENDING + 1)));
        store.erase(request, by_officer(Action::ErasureAsked))
    };
    assert_eq!(code(next().await), Some(StoreCode::Keyring));
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(PENDING + 1)]));
    *world.keyring.changes_left.lock().expect("not poisoned") = None;
    let last = pending.iter().max_by_key(|erasure| erasure.id).expect("a thousand");
    until("they have their end", async || {
        store.erasure(last.id).await.expect("read").expect("there").done.is_some()
    })
    .await;
    assert!(next().await.is_ok());
    assert_eq!(export(&store, 10).await, Ok(Vec::new()));
}

/// What a killed process leaves: the store has the erasure, the keyring has not. A start that cannot destroy the keys gives
/// the store to nobody.
#[tokio::test]
async fn a_start_destroys_what_is_pending_before_anybody_has_the_store_or_refuses() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 3).await;
    erase(&store, 3).await;
    *world.keyring.changes_left.lock().expect("not poisoned") = Some(0);
    assert_eq!(erase(&store, 1).await.done, None);
    drop(store);
    assert_eq!(world.refusal(), StoreCode::Keyring);
    *world.keyring.changes_left.lock().expect("not poisoned") = None;
    let before = world.keyring.generation();
    let store = world.open();
    assert_eq!(world.keyring.generation(), before + 1);
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(2)]));
}

/// A look at everything takes a day; who is erased meanwhile is no record that is missing. They go on being erased for longer
/// than one look takes: what is wrong in it alone would not be said.
#[tokio::test]
async fn a_scan_takes_nobody_who_is_erased_while_it_looks_for_missing() {
    const RECORDS: u64 = 120;
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, RECORDS).await;
    let (mut calls, mut erased) = (0_u64, 0_u64);
    let scanned = loop {
        if let Scanning::Over(scanned) = store.scan(3).await.expect("scanned") {
            break scanned;
        }
        calls += 1;
        if calls % 3 == 0 && erased < 70 {
            // From both ends: before and behind where it looks.
            let number = if erased % 2 == 0 { 1 + erased / 2 } else { RECORDS - erased / 2 };
            assert!(erase(&store, number).await.done.is_some());
            erased += 1;
        }
    };
    assert!(erased > 20 && scanned.faults.is_empty(), "{erased}: {:?}", scanned.faults);
    let again = scan(&store, 100).await.map(|scanned| (scanned.records, scanned.faults));
    assert_eq!(again, Ok((RECORDS - erased, Vec::new())));
}

/// A row that cannot be read lets a lead in again, rather than lose it; of an erased one it must not.
#[tokio::test]
async fn no_flipped_bit_brings_an_erased_submission_back() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 1).await;
    erase(&store, 1).await;
    store.close().await.expect("closed");
    tamper(&world, |db| {
        let stones = db.open_tree("tombstones").expect("a tree");
        let (key, _) = stones.first().expect("read").expect("there");
        stones.insert(key, &[9, 9, 9]).expect("written");
        db.open_tree("seen")
            .expect("a tree")
            .insert(seen_key(&world.keyring.seen_key(), &leadgen(1)), &[9])
            .expect("written");
    });
    let store = world.open();
    assert_eq!(store.known(&[reference(1)]).await, Ok(vec![true]));
    let erased = Fate { purpose: None, state: SeenState::Erased };
    assert_eq!(store.seen(&leadgen(1)).await, Ok(vec![erased]));
    assert_eq!(store.settle(vec![stored(1)]).await.map(|settled| words(&settled)), Ok(vec!["known".into()]));
}

/// Nobody knows any more which keys are to go: that is said for as long as it is so, and the erasure never gets an end.
#[tokio::test]
async fn an_erasure_whose_leaves_cannot_be_read_any_more_is_counted_and_not_taken_for_done() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 2).await;
    erase(&store, 2).await;
    *world.keyring.changes_left.lock().expect("not poisoned") = Some(0);
    let erasure = erase(&store, 1).await;
    store.close().await.expect("closed");
    *world.keyring.changes_left.lock().expect("not poisoned") = None;
    tamper(&world, |db| {
        let erasures = db.open_tree("erasures").expect("a tree");
        let (key, _) = erasures.scan_prefix([b'p']).next().expect("one").expect("read");
        erasures.insert(key, &[9, 9, 9]).expect("written");
    });
    let store = world.open();
    assert_eq!(store.stuck_erasures(), StuckErasures { pending: 0, damaged: 1 });
    let found = store.erasure(erasure.id).await.expect("read").expect("there");
    assert_eq!(found.done, None);
}
