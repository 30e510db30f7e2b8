//! Keys that are made ahead of the numbers that need them, and values that sled must not put into files of their own.

use super::support::*;
use crate::lead::sample;
use crate::store::sled::layout::record_key;
use crate::store::{Leads, Life, Outcome};

#[tokio::test]
async fn numbers_run_on_across_buckets_and_keys_are_made_ahead() {
    let world = World::new();
    let store = world.open();
    let at_first = world.keyring.buckets();
    store_many(&store, 1, 700).await;
    assert!(world.keyring.buckets() > at_first, "the second bucket has a key");
    let values = export(&store, 300).await.expect("exported");
    assert_eq!(values, (1..=700).map(email_of).collect::<Vec<_>>());
}

/// sled writes messages over a quarter of a segment into files of their own, which it does not sync.
#[tokio::test]
async fn the_largest_records_side_by_side_make_no_blob_files() {
    let world = World::new();
    let store = world.open();
    let value = "x".repeat(15 * 1024 + 700);
    for batch in 0..6_u64 {
        let large = |n: u64| {
            let mut large = stored(batch * 50 + n);
            let expires = start() + std::time::Duration::from_secs(864_000);
            large.outcome = Outcome::stored(sample::lead("devis", &value, false, expires));
            large
        };
        let settled = store.settle((0..50).map(large).collect()).await.expect("settled");
        assert!(settled.iter().all(|settled| record_of(settled).is_some()));
    }
    store.close().await.expect("closed");
    assert_eq!(files(&world.path().join("db/blobs")), Vec::<std::path::PathBuf>::new());
    let store = world.open();
    assert_eq!(export(&store, 1000).await.expect("exported").len(), 300);
}

/// The last transaction is lost, and a copy of it is not: its number is given again, to somebody else's answers. Under one key stream
/// both could be read without a key.
#[tokio::test]
async fn a_number_that_is_given_again_does_not_meet_one_nonce_twice() {
    use crate::lead::{Leaf, sample, seal};
    use crate::random::SeededRandom;
    use crate::secret::Key;
    // Version, leaf; expiry day and flag; nonce.
    let leaf_and_nonce = |bytes: &[u8]| (bytes[..13].to_vec(), bytes[18..30].to_vec());
    let is_met_twice = |one: &[u8], other: &[u8]| leaf_and_nonce(one) == leaf_and_nonce(other);
    let id = record("devis-1-3");
    let dice_that_repeat = |email: &str| {
        let lead = sample::lead("devis", email, false, later(10));
        let (key, dice) = (Key::new([9; 32]), SeededRandom::new(3));
        seal(&lead, &id, [5; 32], Leaf::of(&id), &key, &dice).expect("seals").encode()
    };
    assert!(is_met_twice(&dice_that_repeat("a@b.example"), &dice_that_repeat("c@d.example")), "the control");
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 3).await;
    store.close().await.expect("closed");
    let mut sealed = Vec::new();
    for again in 0..3 {
        tamper(&world, |db| {
            let row = db.open_tree("vault/devis").expect("a tree").remove(record_key(1, 3)).expect("removed");
            sealed.push(row.expect("it was there").to_vec());
            let next = 3_u64.to_be_bytes();
            db.open_tree("sequence").expect("a tree").insert(b"devis", &next).expect("written");
        });
        let store = world.open();
        let settled = store.settle(vec![stored(10 + again)]).await.expect("settled");
        assert_eq!(words(&settled), ["devis-1-3"], "the number comes back");
        store.close().await.expect("closed");
    }
    for (at, one) in sealed.iter().enumerate() {
        for other in &sealed[at + 1..] {
            assert_eq!(one[..13], other[..13], "under one leaf");
            assert!(!is_met_twice(one, other));
        }
    }
}
