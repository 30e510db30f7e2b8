//! Readings: a panic in one, and how many there are.

use super::support::*;
use crate::store::{Leads, StoreCode};

#[tokio::test]
async fn a_panic_while_reading_ends_the_page_with_an_error() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 3).await;
    world.keyring.panics.store(true, std::sync::atomic::Ordering::SeqCst);
    let mut page = store.open_page(request(None, 3), exporting()).await.expect("a page");
    assert!(read_all(&mut page).is_err(), "a short list that looks whole");
    assert!(page.records.next().is_none());
}

#[tokio::test]
async fn eight_pages_are_read_at_one_time() {
    let world = World::new();
    let store = world.open();
    // More than are read from the engine at a time.
    store_many(&store, 1, 600).await;
    let mut pages = Vec::new();
    for _ in 0..8 {
        pages.push(store.open_page(request(None, 600), exporting()).await.expect("a page"));
    }
    let ninth = store.open_page(request(None, 600), exporting()).await;
    assert_eq!(ninth.err().map(|error| error.code), Some(StoreCode::Busy));
    drop(pages.pop());
    assert_eq!(export(&store, 50).await.map(|read| read.len()), Ok(600), "a place is free");
    for mut page in pages {
        assert_eq!(read_all(&mut page).map(|read| read.len()), Ok(600));
    }
}
