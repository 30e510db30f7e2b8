//! The register of requests is bounded by a row that counts them, and nobody walks through it to open one.

use super::support::*;
use crate::clock::Day;
use crate::purpose::law::RequestKind;
use crate::store::contract::Host;
use crate::store::requests::REQUESTS_MAX;
use crate::store::sled::SledStore;
use crate::store::{
    AskedFor, Life, MailId, MailKind, Outbox, Requests, SharedStore, StoreCode, StoreError, ToRequest,
};
use crate::trail::Action;

async fn open(store: &SledStore) -> Result<u64, StoreCode> {
    let opened = store.open_request(RequestKind::Access, Day::of(start()), by_officer(Action::RequestOpened));
    opened.await.map(|request| request.id.number).map_err(|error: StoreError| error.code)
}

/// Works on the row while the store is closed: what it says, and what is put in its place.
fn count(world: &World, other: Option<Option<u64>>) -> Option<u64> {
    let mut was = None;
    tamper(world, |db| {
        let meta = db.open_tree("meta").expect("a tree");
        let read = meta.get("requests").expect("read");
        was = read.map(|bytes| u64::from_be_bytes(bytes.as_ref().try_into().expect("a number")));
        match other {
            Some(Some(count)) => drop(meta.insert("requests", &count.to_be_bytes()).expect("written")),
            Some(None) => drop(meta.remove("requests").expect("removed")),
            None => {}
        }
    });
    was
}

#[tokio::test]
async fn the_register_is_full_by_its_count_and_has_room_again_when_requests_end() {
    let world = World::new();
    let store = world.open();
    assert_eq!((open(&store).await, open(&store).await), (Ok(1), Ok(2)));
    for request in store.requests(None, 10).await.expect("listed") {
        store.answer_request(request.id, None, by_officer(Action::RequestAnswered)).await.expect("answered");
    }
    store.close().await.expect("closed");
    assert_eq!(count(&world, Some(Some(REQUESTS_MAX as u64))), Some(2));
    let store = world.open();
    assert_eq!(open(&store).await, Err(StoreCode::TooManyRequests));
    let shared: SharedStore = store.clone();
    // What a mail answers goes all the same, and is counted by nobody.
    store_many(&shared, 1, 1).await;
    let mail = MailId { record: record("devis-1-1"), kind: MailKind::Copy };
    let (received, entry) = (Day::of(start()), by_officer(Action::RequestOpened));
    let request = ToRequest { kind: RequestKind::Access, received, entry };
    assert_eq!(store.ask_by_right(mail.clone(), request).await, Ok(AskedFor::Queued));
    let attempt = store.try_mail(mail).await.expect("tried").expect("it waits");
    assert_eq!(attempt.request, None);
    world.pass_days(&shared, 500);
    assert_eq!(store.end_requests(12).await, Ok(2));
    assert_eq!(open(&store).await, Ok(3));
    store.close().await.expect("closed");
    assert_eq!(count(&world, None), Some(REQUESTS_MAX as u64 - 1));
}

/// Of before there was such a row.
#[tokio::test]
async fn what_was_never_counted_is_counted_once() {
    let world = World::new();
    let store = world.open();
    assert_eq!((open(&store).await, open(&store).await), (Ok(1), Ok(2)));
    store.close().await.expect("closed");
    count(&world, Some(None));
    let store = world.open();
    assert_eq!(open(&store).await, Ok(3));
    store.close().await.expect("closed");
    assert_eq!(count(&world, None), Some(3));
}
