//! Parked references that are sealed again under a later day's key: cut short at any place, each opens.

use std::sync::Arc;

use super::support::*;
use crate::clock::Day;
use crate::keyring::Keyring;
use crate::store::contract::Host;
use crate::store::sled::draft::OUTCOMES_MAX;
use crate::store::sled::layout::Place;
use crate::store::sled::rows::ParkedRow;
use crate::store::{Leads, Life, Parked, SharedStore};

const ROWS: u64 = 2 * OUTCOMES_MAX as u64 + 40;

/// Whether every parked reference can be claimed, by a store that finds what a kill would leave now.
async fn all_open_in_a_copy(world: &World) -> bool {
    let copy = World { keyring: world.keyring.clone(), clock: world.clock.clone(), ..World::new() };
    // Not while the writer notes how late it is.
    loop {
        let before = std::fs::read(world.witness()).expect("read");
        copy_dir(&world.path(), &copy.path());
        if std::fs::read(world.witness()).expect("read") == before {
            std::fs::write(copy.witness(), before).expect("written");
            break;
        }
    }
    let store = copy.open();
    let claimed = claim(&store, 60, 10_000).await.len() as u64;
    store.close().await.expect("closed");
    claimed == ROWS
}

/// After seven days, parked on the first.
async fn aged(world: &World) -> (Arc<crate::store::sled::SledStore>, Day) {
    let store = world.open();
    let numbers: Vec<u64> = (1..=ROWS).collect();
    for chunk in numbers.chunks(100) {
        let batch = chunk.iter().map(|number| parked(*number, 1, waiting(1, 0))).collect();
        store.settle(batch).await.expect("parked");
    }
    let shared: SharedStore = store.clone();
    world.agree(&shared);
    world.pass_days(&shared, 7);
    (store, Day::of(start()))
}

#[tokio::test]
async fn a_kill_between_any_two_transactions_leaves_all_of_it_to_be_opened() {
    let world = World::new();
    let (store, first) = aged(&world).await;
    let arrivals: Vec<u64> = (1..=ROWS).collect();
    for chunk in arrivals.chunks(OUTCOMES_MAX) {
        assert!(all_open_in_a_copy(&world).await);
        let (chunk, count) = (chunk.to_vec(), chunk.len() as u64);
        let work = move |draft: &mut crate::store::sled::draft::Draft<'_>| {
            crate::store::sled::verbs::parked::reseal(draft, &chunk, first)
        };
        assert_eq!(store.writer.write(1, work).await, Ok(count));
    }
    assert!(all_open_in_a_copy(&world).await);
    assert_eq!(store.reseal_parked().await, Ok(0), "nothing is left to be done");
    assert_eq!(store.sealed_days().await, Ok(vec![first.plus(7)]));
    world.keyring.destroy_days(&[first]).expect("destroyed");
    assert!(all_open_in_a_copy(&world).await, "nothing needs the old key");
    assert_eq!(claim(&store, 60, 10_000).await.len() as u64, ROWS);
}

/// A row whose seal was changed opens under no key: it stays for a person to see, and keeps no key from going.
#[tokio::test]
async fn a_row_that_does_not_open_keeps_no_key() {
    let world = World::new();
    let store = world.open();
    store.settle(vec![parked(1, 1, waiting(1, 0)), parked(2, 1, HELD)]).await.expect("parked");
    store.close().await.expect("closed");
    drop(store);
    tamper(&world, |db| {
        let tree = db.open_tree(Place::Parked.name()).expect("a tree");
        let bytes = tree.get(1_u64.to_be_bytes()).expect("read").expect("there");
        let mut row = ParkedRow::read(&bytes).expect("a row");
        row.sealed[3] ^= 1;
        tree.insert(1_u64.to_be_bytes(), row.bytes()).expect("written");
    });
    let store = world.open();
    let shared: SharedStore = store.clone();
    world.agree(&shared);
    world.pass_days(&shared, 7);
    let first = Day::of(start());
    assert_eq!(store.sealed_days().await, Ok(vec![first]), "nobody has looked yet");
    assert_eq!(store.reseal_parked().await, Ok(1), "the other one");
    assert_eq!(store.sealed_days().await, Ok(vec![first.plus(7)]));
    let overview = store.overview().await.expect("an overview");
    assert_eq!((overview.buried_total, overview.buried.len()), (1, 1), "it is shown as before");
}
