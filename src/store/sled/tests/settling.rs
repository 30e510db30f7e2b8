//! Keys that are made ahead of the numbers that need them, and values that sled must not put into files of their own.

use super::support::*;
use crate::lead::sample;
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
