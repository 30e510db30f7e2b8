//! Rows of `feeds` that cannot be read, more of them than may wait, and a store that was restored.

use std::sync::Arc;

use super::support::*;
use crate::store::contract::Host;
use crate::store::feeds::{BLOCKS_MAX, Feed};
use crate::store::sled::SledStore;
use crate::store::sled::layout;
use crate::store::{Applied, ChangesPage, ErasureRequest, Erasures, Feeds, Leads, Life, SharedStore, Wanted};
use crate::trail::{Action, Entry};

async fn erase(store: &Arc<SledStore>, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        let request = ErasureRequest::of(Wanted::Leadgen(leadgen(number)));
        store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
    }
}

async fn page(store: &Arc<SledStore>, after: Option<u64>) -> Option<ChangesPage> {
    let entry = Entry::by_system_for(Action::ChangesRead, "crm");
    store.changes("crm".to_owned(), after, 1_000, entry).await.expect("read")
}

async fn told(store: &Arc<SledStore>) -> Vec<(u64, u64)> {
    let page = page(store, None).await.expect("no number was said");
    page.changes.iter().map(|change| (change.n, change.id.number)).collect()
}

async fn apply(store: &Arc<SledStore>, up_to: u64) -> Option<Applied> {
    let entry = Entry::by_system_for(Action::ChangesApplied, "crm");
    store.apply_changes("crm".to_owned(), up_to, entry).await.expect("answered")
}

/// Of eight records that `crm` was handed these are erased, one after the other, and the store is closed.
async fn erased(world: &World, numbers: impl IntoIterator<Item = u64>) {
    let store = world.open();
    let shared: SharedStore = store.clone();
    world.agree(&shared);
    store_many(&store, 1, 8).await;
    store.open_page(request(None, 8), exporting()).await.expect("a page");
    erase(&store, numbers).await;
    store.close().await.expect("closed");
}

#[tokio::test]
async fn a_block_that_cannot_be_read_is_passed_over_and_goes_with_the_others() {
    let world = World::new();
    erased(&world, 1..=3).await;
    tamper(&world, |db| {
        let rows = db.open_tree("feeds").expect("a tree");
        let key = [b"bcrm\0".as_slice(), &2_u64.to_be_bytes()].concat();
        assert!(rows.insert(key, b"\x01\xff".as_slice()).expect("written").is_some());
    });
    let store = world.open();
    assert_eq!(told(&store).await, [(1, 1), (3, 3)]);
    assert_eq!(apply(&store, 3).await, Some(Applied { changes: 2, applied: 3 }));
    assert_eq!((told(&store).await, store.feeds().await.expect("read")[0].waiting), (vec![], 0));
    assert_eq!(store.halted(), None);
    store.close().await.expect("closed");
    drop(store);
    tamper(&world, |db| {
        let rows = db.open_tree("feeds").expect("a tree");
        assert_eq!(rows.scan_prefix(b"b").count(), 0);
    });
}

#[tokio::test]
async fn a_feed_whose_row_cannot_be_read_gives_everything_again_and_no_number_twice() {
    let world = World::new();
    erased(&world, 1..=3).await;
    let store = world.open();
    apply(&store, 1).await;
    store.close().await.expect("closed");
    drop(store);
    tamper(&world, |db| {
        let rows = db.open_tree("feeds").expect("a tree");
        assert!(rows.insert("fcrm", b"\x01\xff".as_slice()).expect("written").is_some());
    });
    let store = world.open();
    assert_eq!(told(&store).await, [(2, 2), (3, 3)]);
    assert!(page(&store, Some(99)).await.is_some(), "nobody knows what was given");
    erase(&store, [4]).await;
    let now = told(&store).await;
    assert_eq!((now.len(), now[2].1), (3, 4));
    assert!(now[2].0 > 1 << 31, "{now:?}");
    assert_eq!(apply(&store, now[2].0).await.map(|applied| applied.changes), Some(3));
    assert_eq!(store.halted(), None);
    store.close().await.expect("closed");
    drop(store);
    tamper(&world, |db| {
        let aside = db.open_tree("aside").expect("a tree").get(b"feeds\0fcrm").expect("read");
        assert_eq!(aside.as_deref(), Some(b"\x01\xff".as_slice()));
    });
}

/// Whoever never applies fills no disk, and holds up no erasure.
#[tokio::test]
async fn beyond_what_may_wait_the_oldest_goes_and_that_is_counted() {
    let world = World::new();
    erased(&world, 1..=3).await;
    tamper(&world, |db| {
        let rows = db.open_tree("feeds").expect("a tree");
        let kept = rows.get("fcrm").expect("read").expect("a row");
        let mut feed: Feed = layout::decode(&kept).expect("a feed");
        assert_eq!((feed.last, feed.blocks), (3, 3));
        feed.blocks = BLOCKS_MAX;
        rows.insert("fcrm", layout::encode(&feed)).expect("written");
    });
    let store = world.open();
    erase(&store, [4]).await;
    assert_eq!(told(&store).await, [(2, 2), (3, 3), (4, 4)]);
    erase(&store, [5]).await;
    assert_eq!(told(&store).await, [(3, 3), (4, 4), (5, 5)]);
    let page = page(&store, None).await.expect("read");
    assert_eq!((page.applied, page.dropped_to), (0, 2));
    assert_eq!(store.feeds().await.expect("read")[0].dropped, 2);
}

/// What many apply, read and erase at one moment has one order, and each number is given once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn applying_and_erasing_at_the_same_moment_lose_nothing() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 60).await;
    store.open_page(request(None, 60), exporting()).await.expect("a page");
    let eraser = Arc::clone(&store);
    #[expect(clippy::disallowed_methods, reason = "the test joins it")]
    let eraser = tokio::spawn(async move { erase(&eraser, 1..=60).await });
    let mut seen = Vec::new();
    while seen.len() < 60 {
        let told = told(&store).await;
        let Some((last, _)) = told.last().copied() else {
            tokio::task::yield_now().await;
            continue;
        };
        assert_eq!(apply(&store, last).await.map(|applied| applied.applied), Some(last));
        seen.extend(told);
    }
    eraser.await.expect("no panic");
    assert_eq!(seen, (1..=60).map(|number| (number, number)).collect::<Vec<_>>());
    assert_eq!(told(&store).await, []);
    store.close().await.expect("closed");
}
