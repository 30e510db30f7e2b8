//! What the list of suppressions leaves in sled, and what it says where a row of it cannot be read: against storing, and of
//! nobody else.

use super::support::*;
use crate::forget::address::Address;
use crate::lead::sample;
use crate::purpose::Basis;
use crate::store::sled::SledStore;
use crate::store::{
    Leads, Life, Outcome, Settlement, StoreCode, Suppression, Suppressions, ToLift, ToSuppress, Verdict,
};
use crate::trail::Action;

const PHONE: &str = "+33639980000";

async fn objects(store: &SledStore, number: u64) -> Suppression {
    let addresses = vec![Address::email(&email_of(number)).expect("an address")];
    let what = ToSuppress { addresses, purpose: None, months: 36 };
    store.suppress(what, by_officer(Action::Suppressed)).await.expect("taken").remove(0)
}

/// What becomes of lead `number` with that person's address, sent in on this day with a ticked box.
async fn sent(store: &SledStore, number: u64, person: u64, day: i64) -> String {
    let (email, at) = (email_of(person), later(day));
    let lead = sample::lead_of(("devis", Basis::Consent), (&email, PHONE), (at, true), later(day + 10));
    let outcome = Outcome::Sieved(vec![Verdict::Stored(Box::new(lead))]);
    let settlement = Settlement { outcome, ..parked(number, 1, HELD) };
    words(&store.settle(vec![settlement]).await.expect("settled")).concat()
}

/// The rows of the list, by the first byte of their keys.
fn rows(db: &::sled::Db, kind: u8) -> Vec<(Vec<u8>, Vec<u8>)> {
    let tree = db.open_tree("suppressions").expect("a tree");
    let rows = tree.iter().map(|row| row.expect("read")).map(|(key, value)| (key.to_vec(), value.to_vec()));
    rows.filter(|(key, _)| key[0] == kind).collect()
}

#[tokio::test]
async fn an_entry_is_a_hash_and_its_dates_and_nothing_of_it_is_left() {
    let world = World::new();
    let store = world.open();
    let one = objects(&store, 1).await;
    store.close().await.expect("closed");
    tamper(&world, |db| {
        assert_eq!([b'c', b'h', b'n'].map(|kind| rows(db, kind).len()), [1, 1, 1]);
        let (hash, listed) = (rows(db, b'h').remove(0), rows(db, b'n').remove(0));
        assert_eq!((hash.0.len(), listed.0.len()), (33, 13));
        for bytes in [&hash.0, &hash.1, &listed.0, &listed.1] {
            let has = |part: &[u8]| bytes.windows(part.len()).any(|found| found == part);
            assert!(!has(b"amelie") && !has(b"canary.example"), "it says whose it is");
        }
    });
    let store = world.open();
    assert_eq!(store.lift(ToLift::One(one.id), by_officer(Action::SuppressionRemoved)).await, Ok(1));
    store.close().await.expect("closed");
    tamper(&world, |db| {
        assert_eq!([b'c', b'h', b'n'].map(|kind| rows(db, kind).len()), [1, 0, 0], "the canary stays");
    });
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_bars_for_good_and_nobody_else() {
    let world = World::new();
    let store = world.open();
    objects(&store, 1).await;
    store.close().await.expect("closed");
    tamper(&world, |db| {
        let tree = db.open_tree("suppressions").expect("a tree");
        let (key, _) = rows(db, b'h').remove(0);
        tree.insert(key, b"\x01\xff".as_slice()).expect("written");
    });
    let store = world.open();
    world.clock.advance_ms(DAY_MS);
    assert_eq!(sent(&store, 1, 1, 1).await, "suppressed", "no yes is later than what nobody can read");
    assert_eq!(sent(&store, 2, 2, 1).await, "devis-1-1");
    assert_eq!(store.compare_clock(store.now()).await, Ok(false));
    assert_eq!(store.end_suppressions().await, Ok(0));
    // Named again, it is an entry like others.
    assert_eq!(objects(&store, 1).await.since, later(1));
    world.clock.advance_ms(DAY_MS);
    assert_eq!(sent(&store, 3, 1, 2).await, "devis-1-2");
    assert_eq!(sent(&store, 4, 1, 0).await, "devis-1-3", "it was closed");
}

#[tokio::test]
async fn a_canary_that_cannot_be_read_stops_nobody_and_the_list_serves() {
    let world = World::new();
    let store = world.open();
    objects(&store, 1).await;
    store.close().await.expect("closed");
    tamper(&world, |db| {
        let tree = db.open_tree("suppressions").expect("a tree");
        tree.insert(b"c".as_slice(), b"\x01".as_slice()).expect("written");
    });
    let store = world.open();
    assert_eq!(sent(&store, 1, 1, -1).await, "suppressed");
    store.close().await.expect("closed");
    *world.keyring.suppressions.lock().expect("not poisoned") = None;
    assert_eq!(code(world.try_open()), Some(StoreCode::SuppressionKey), "but a key there must be");
}
