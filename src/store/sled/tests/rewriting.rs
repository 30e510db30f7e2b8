//! What a correction leaves in sled's trees and in older copies of them.

use std::sync::Arc;

use super::erasing::{opening, rows};
use super::support::*;
use crate::keyring::Bucket;
use crate::purpose::RecordId;
use crate::store::contract::Host;
use crate::store::contract::consenting::confirm;
use crate::store::contract::rewriting::holding;
use crate::store::sled::buckets::{self, BucketRow};
use crate::store::sled::{SledStore, leaf_rows};
use crate::store::{
    ErasureRequest, Erasures, Leads, Life, RewriteCause, RewriteRequest, Rewrites, Rewriting, Rewritten,
    StoreCode, Wanted,
};
use crate::trail::Action;

pub(super) async fn corrected(store: &Arc<SledStore>, number: u64, value: &str) -> Rewriting {
    let records = vec![(record(&format!("devis-1-{number}")), holding(value))];
    let request = RewriteRequest { records, cause: RewriteCause::Person };
    store.rewrite(request, by_officer(Action::Corrected)).await.expect("answered")
}

fn bucket(index: u64) -> Bucket {
    Bucket { purpose: purpose("devis"), epoch: 1, index }
}

/// The reason of all this: the database of yesterday, with the keyring of today.
#[tokio::test]
async fn an_older_copy_of_the_store_with_today_s_keyring_does_not_open_what_was_corrected() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 4).await;
    store.close().await.expect("closed");
    let mut older = Vec::new();
    tamper(&world, |db| older = rows(db, "vault/devis"));
    assert!(opening(&older, &world.keyring).iter().all(|(_, opens)| *opens), "the control");
    let store = world.open();
    for number in [2, 4] {
        let rewriting = corrected(&store, number, "marie@canary.example").await;
        assert_eq!(rewriting, Rewriting { each: vec![Rewritten::Anew], keys_destroyed: true });
    }
    assert_eq!(opening(&older, &world.keyring), [(1, true), (2, false), (3, true), (4, false)]);
    store.close().await.expect("closed");
    tamper(&world, |db| {
        let now = rows(db, "vault/devis");
        assert!(opening(&now, &world.keyring).iter().all(|(_, opens)| *opens));
        assert!(rows(db, "erasures").is_empty(), "nothing is pending");
    });
}

/// What became of consents lies under keys of the record's leaf, and no row of it is left of a record that is not there.
#[tokio::test]
async fn no_event_is_left_of_a_record_that_went_or_opens_by_the_leaf_that_it_had() {
    let world = World::new();
    let store = world.open();
    world.agree(&(Arc::clone(&store) as crate::store::SharedStore));
    store_many(&store, 1, 3).await;
    let shared: crate::store::SharedStore = Arc::clone(&store) as _;
    for id in ["devis-1-1", "devis-1-2", "devis-1-3"] {
        assert_eq!(confirm(&shared, id).await, Rewritten::Anew);
    }
    drop(shared);
    store.close().await.expect("closed");
    drop(store);
    let mut older = Vec::new();
    tamper(&world, |db| older = rows(db, "evidence"));
    assert_eq!(older.len(), 3);
    let store = world.open();
    assert!(corrected(&store, 2, "marie@canary.example").await.keys_destroyed);
    let request = ErasureRequest::of(Wanted::Leadgen(leadgen(1)));
    store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
    store.close().await.expect("closed");
    drop(store);
    tamper(&world, |db| {
        let now = rows(db, "evidence");
        assert_eq!(now.len(), 2, "of the two that are there");
        assert!(now[0].0 == older[1].0 && now[0].1 != older[1].1, "sealed again with its record");
        assert!(now[1] == older[2], "the neighbour's is not touched");
        // The row of before, put back, opens no more.
        db.open_tree("evidence").expect("a tree").insert(&older[1].0, older[1].1.clone()).expect("put");
    });
    let store = world.open();
    let found = store.find(Wanted::Record(record("devis-1-2")), by_officer(Action::Found)).await;
    let lead = found.expect("looked up").remove(0).lead.expect("one row is one row");
    assert!(lead.events().is_empty());
}

/// What is counted in a bucket is what lies under its leaves, and who goes through it finds it, whatever its number.
#[tokio::test]
async fn a_record_is_counted_and_found_in_the_bucket_of_its_leaf() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 511).await;
    assert!(corrected(&store, 3, "a@canary.example").await.keys_destroyed);
    assert!(corrected(&store, 7, "a@canary.example").await.keys_destroyed);
    let found =
        |index| store.shared.reading(|engine| leaf_rows::in_bucket(engine, &bucket(index))).expect("read");
    let ids = |numbers: &[u64]| -> Vec<RecordId> {
        numbers.iter().map(|number| record(&format!("devis-1-{number}"))).collect()
    };
    assert_eq!((found(0), found(1)), (ids(&[]), ids(&[3, 7])));
    // Once more: another leaf in the place of the one that was in its place.
    assert!(corrected(&store, 3, "b@canary.example").await.keys_destroyed);
    assert_eq!(found(1), ids(&[7, 3]));
    let request = ErasureRequest::of(Wanted::Record(record("devis-1-7")));
    store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
    assert_eq!(found(1), ids(&[3]));
    store.close().await.expect("closed");
    tamper(&world, |db| {
        let live = |index| {
            let row = db.open_tree("buckets").expect("a tree").get(buckets::key(&bucket(index)));
            row.expect("read").and_then(|row| BucketRow::read(&row).ok()).map(|row| row.live)
        };
        assert_eq!((live(0), live(1)), (Some(509), Some(1)));
    });
}

#[tokio::test]
async fn keys_of_what_was_corrected_are_tried_again_without_a_word_from_anybody() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 2).await;
    *world.keyring.changes_left.lock().expect("not poisoned") = Some(0);
    assert!(!corrected(&store, 1, "a@canary.example").await.keys_destroyed);
    // It was corrected once more before that: both leaves are pending.
    assert!(!corrected(&store, 1, "b@canary.example").await.keys_destroyed);
    *world.keyring.changes_left.lock().expect("not poisoned") = None;
    let dead = |leaf: u16| {
        use crate::keyring::Keyring;
        let lease = world.keyring.lease(&bucket(0)).expect("there");
        lease.key(leaf, crate::keyring::tree::Kind::Record, 0).is_err()
    };
    until("both are destroyed", async || dead(1) && dead(3)).await;
    assert!(!dead(2) && !dead(4));
    assert_eq!(export(&store, 10).await, Ok(vec!["b@canary.example".to_owned(), email_of(2)]));
    store.close().await.expect("closed");
    tamper(&world, |db| assert!(rows(db, "erasures").is_empty(), "and noted as done"));
}

/// What cannot be read of a restriction restricts, until somebody lifts it.
#[tokio::test]
async fn a_restriction_that_cannot_be_read_stands_until_it_is_lifted() {
    use crate::store::{Restricting, Restrictions};
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 2).await;
    let until = crate::clock::Day::of(start()).plus(3);
    let restricted = store.restrict(record("devis-1-1"), until, by_officer(Action::Restricted)).await;
    assert!(matches!(restricted, Ok(Restricting::Restricted(_))));
    store.close().await.expect("closed");
    tamper(&world, |db| {
        let tree = db.open_tree("restrictions").expect("a tree");
        let (key, _) = tree.first().expect("read").expect("there");
        tree.insert(key, &[9, 9, 9]).expect("written");
    });
    let store = world.open();
    let of = |store: &Arc<SledStore>| store.restriction(&record("devis-1-1"));
    assert_eq!(of(&store).map(|found| found.reason), Some(None));
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(2)]));
    let lifted = store.lift_restriction(record("devis-1-1"), by_officer(Action::RestrictionLifted)).await;
    assert_eq!((lifted, of(&store)), (Ok(true), None));
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(1), email_of(2)]));
}

/// Its row may come back from a backup: what was erased does not open then either, whatever leaf it lay under.
#[tokio::test]
async fn what_was_corrected_and_is_lost_is_erased_under_the_leaf_that_it_moved_to() {
    use crate::store::contract::{Host, Row};
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 3).await;
    assert!(corrected(&store, 2, "marie@canary.example").await.keys_destroyed);
    store.close().await.expect("closed");
    drop(store);
    let mut copy = Vec::new();
    tamper(&world, |db| copy = rows(db, "vault/devis"));
    drop(world.take(&Row::Record(record("devis-1-2"))));
    let store = world.open();
    assert_eq!(opening(&copy, &world.keyring), [(1, true), (2, true), (3, true)], "the control");
    let request = ErasureRequest::of(Wanted::Leadgen(leadgen(2)));
    store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
    assert_eq!(opening(&copy, &world.keyring), [(1, true), (2, false), (3, true)]);
    store.close().await.expect("closed");
    tamper(&world, |db| {
        assert!(rows(db, "leaves").iter().all(|(_, of)| of.is_empty()), "nothing says whose")
    });
}

/// Whoever takes away what has had its time finds a record by its leaf, also where the row that says so is lost.
#[tokio::test]
async fn what_was_corrected_ends_with_its_time_though_nothing_says_any_more_where_it_lies() {
    use crate::store::contract::Host;
    for is_lost in [false, true] {
        let world = World::new();
        let store = Host::open(&world);
        store_many(&store, 1, 511).await;
        let records = vec![(record("devis-1-3"), holding("marie@canary.example"))];
        let request = RewriteRequest { records, cause: RewriteCause::Person };
        assert!(
            store.rewrite(request, by_officer(Action::Corrected)).await.expect("answered").keys_destroyed
        );
        store.close().await.expect("closed");
        drop(store);
        tamper(&world, |db| {
            let tree = db.open_tree("leaves").expect("a tree");
            assert_eq!(tree.len(), 1);
            if is_lost {
                tree.clear().expect("cleared");
            }
        });
        let store = Host::open(&world);
        world.pass_days(&store, 10);
        assert_eq!(store.expire().await.map(|expired| expired.total()), Ok(511), "{is_lost}");
        assert_eq!(store.overdue().await, Ok(0));
        store.close().await.expect("closed");
        drop(store);
        tamper(&world, |db| {
            assert!(rows(db, "vault/devis").is_empty());
            assert!(rows(db, "leaves").iter().all(|(_, of)| of.is_empty()), "nothing says whose");
        });
    }
}

/// The row that says which number is next is gone, or is an older one: neither a record's own leaf nor one that another moved to is
/// given away.
#[tokio::test]
async fn a_leaf_that_is_taken_is_nobody_else_s_whatever_the_sequence_says() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 3).await;
    assert!(corrected(&store, 3, "a@canary.example").await.keys_destroyed, "it lies under leaf 4 now");
    store.close().await.expect("closed");
    for (next, is_settled) in [(2_u64, false), (2, true), (4, false), (4, true), (5, false), (6, true)] {
        tamper(&world, |db| {
            let tree = db.open_tree("sequence").expect("a tree");
            tree.insert(b"devis", &next.to_be_bytes()).expect("written");
        });
        let store = world.open();
        let records = vec![(record("devis-1-1"), holding("b@canary.example"))];
        let request = RewriteRequest { records, cause: RewriteCause::Person };
        let refused = match is_settled {
            true => code(store.settle(vec![stored(9)]).await),
            false => code(store.rewrite(request, by_officer(Action::Corrected)).await.map(|done| done.each)),
        };
        assert_eq!(refused, (next < 5).then_some(StoreCode::Halted), "{next} {is_settled}");
        let _ = store.close().await;
    }
}

/// Nobody knows any more of which keys it is: so nobody is told that they are destroyed, and its bytes are kept.
#[tokio::test]
async fn what_is_pending_and_cannot_be_read_is_not_called_destroyed_and_is_kept_aside() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 2).await;
    *world.keyring.changes_left.lock().expect("not poisoned") = Some(0);
    assert!(!corrected(&store, 1, "a@canary.example").await.keys_destroyed);
    store.close().await.expect("closed");
    *world.keyring.changes_left.lock().expect("not poisoned") = None;
    tamper(&world, |db| {
        let tree = db.open_tree("erasures").expect("a tree");
        let (key, _) = tree.first().expect("read").expect("there");
        tree.insert(key, &[9]).expect("written");
    });
    let store = world.open();
    let again = corrected(&store, 1, "a@canary.example").await;
    assert_eq!(again, Rewriting { each: vec![Rewritten::Same], keys_destroyed: false });
    assert!(corrected(&store, 1, "b@canary.example").await.keys_destroyed, "of what it held last");
    assert_eq!(export(&store, 10).await, Ok(vec!["b@canary.example".to_owned(), email_of(2)]));
    store.close().await.expect("closed");
    tamper(&world, |db| assert_eq!(rows(db, "aside").len(), 1));
}

/// A page passes a restricted record by without a look at it: one whose head is damaged breaks no page off.
#[tokio::test]
async fn a_restricted_record_that_does_not_read_breaks_no_page_off() {
    use crate::store::Restrictions;
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 3).await;
    let until = crate::clock::Day::of(start()).plus(3);
    store.restrict(record("devis-1-2"), until, by_officer(Action::Restricted)).await.expect("restricted");
    store.close().await.expect("closed");
    tamper(&world, |db| {
        let tree = db.open_tree("vault/devis").expect("a tree");
        let (key, _) = tree.iter().nth(1).expect("there").expect("read");
        tree.insert(key, &[9]).expect("written");
    });
    let store = world.open();
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(1), email_of(3)]));
}

/// What ends by its time waits for its dates, and makes room: both are taken as far below the floor.
#[tokio::test]
async fn dates_are_put_right_below_the_floor_of_the_disk_and_nothing_is_corrected_there() {
    let mut world = World::new();
    let store = world.open();
    store_many(&store, 1, 2).await;
    store.close().await.expect("closed");
    world.free_disk_min_bytes = crate::machine::disk::free_bytes(world.dir.path()).expect("known") * 2;
    let store = world.open();
    store.early_looked_at(0).await.expect("noted");
    let records = vec![(record("devis-1-1"), holding("a@canary.example"))];
    let by_clock = RewriteRequest { records: records.clone(), cause: RewriteCause::Clock };
    let entry = crate::trail::Entry::by_system(Action::Redated);
    let dated = store.rewrite(by_clock, entry).await.expect("written anew");
    assert_eq!(dated, Rewriting { each: vec![Rewritten::Anew], keys_destroyed: true });
    // Nor is a full disk a reason to hold what may no longer be held.
    let _ = store.compare_clock(store.now()).await;
    let remit = Arc::new(crate::purpose::Remit::of(&crate::purpose::sample::purpose("devis", &["city"])));
    let (trimming, entry) = RewriteRequest::trimming(vec![record("devis-1-2")], &remit);
    let trimmed = store.rewrite(trimming, entry).await.expect("written anew");
    assert_eq!(trimmed, Rewriting { each: vec![Rewritten::Anew], keys_destroyed: true });
    store.keep_remit(purpose("devis"), crate::store::KeptRemit::default()).await.expect("noted");
    let by_person = RewriteRequest { records, cause: RewriteCause::Person };
    let refused = store.rewrite(by_person, by_officer(Action::Corrected)).await.map(|done| done.each);
    assert_eq!(code(refused), Some(StoreCode::DiskFull));
}
