use super::support::*;
use crate::store::sled::engine::witness::Witness;
use crate::store::{Forms, Leads, Life, Parked, Seen, StoreCode, Tokens, Trail};

#[tokio::test]
async fn closing_serves_what_is_queued_and_refuses_what_comes_after() {
    let world = World::new();
    let store = world.open();
    let queued = futures_util::future::join_all((0..30_u64).map(|call| store.settle(vec![stored(call)])));
    let (settled, closed) = futures_util::future::join(queued, store.close()).await;
    assert!(settled.iter().all(Result::is_ok), "they stood in the queue before the close");
    closed.expect("closed");
    store.close().await.expect("closed again");
    let closed = Some(StoreCode::Closed);
    assert_eq!(store.settle(vec![stored(99)]).await.err().map(|error| error.code), closed);
    assert_eq!(store.seen(&leadgen(1)).await.err().map(|error| error.code), closed);
    assert_eq!(store.open_page(request(None, 1), exporting()).await.err().map(|error| error.code), closed);
    assert_eq!(store.lines(0, 1).await.err().map(|error| error.code), closed);
    assert_eq!(store.tokens().await.err().map(|error| error.code), closed);
    assert_eq!(store.forms().await.err().map(|error| error.code), closed);
    assert_eq!(store.expire_parked(start()).await.err().map(|error| error.code), closed);
    assert_eq!(store.halted(), None);
}

/// Answered means durable, whoever is told first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_before_a_close_under_load_is_there_afterwards() {
    let world = World::new();
    let store = world.open();
    let load = {
        let store = store.clone();
        async move {
            let mut answered = 0;
            for number in 0..100_000_u64 {
                match store.settle(vec![stored(number)]).await {
                    Ok(_) => answered += 1,
                    Err(error) => {
                        assert_eq!(error.code, StoreCode::Closed);
                        break;
                    }
                }
            }
            answered
        }
    };
    let closing = {
        let store = store.clone();
        async move {
            tokio::time::sleep(std::time::Duration::from_millis(150)).await;
            store.close().await
        }
    };
    let (answered, closed) = futures_util::future::join(load, closing).await;
    closed.expect("closed");
    assert!(answered > 0);
    drop(store);
    let store = world.open();
    assert_eq!(store.stored().await.expect("counted").get(&purpose("devis")), Some(&answered));
    assert_eq!(export(&store, 1_000).await.expect("exported").len() as u64, answered);
}

#[tokio::test]
async fn a_store_that_is_dropped_without_closing_opens_again_with_everything() {
    let world = World::new();
    for round in 0..5 {
        let store = world.open();
        store_many(&store, round * 10, 10).await;
        drop(store);
    }
    let store = world.open();
    assert_eq!(export(&store, 100).await.expect("exported").len(), 50);
}

#[tokio::test]
async fn a_halted_store_takes_and_gives_nothing_until_it_is_opened_again() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 5).await;
    store.close().await.expect("closed");
    let store = world.open();
    store.shared.halt(crate::store::StoreError::of(StoreCode::Io));
    assert_eq!(store.halted(), Some(StoreCode::Halted));
    assert_eq!(store.settle(vec![stored(9)]).await.err().map(|error| error.code), Some(StoreCode::Halted));
    assert_eq!(store.seen(&leadgen(1)).await.err().map(|error| error.code), Some(StoreCode::Halted));
    assert_eq!(store.close().await.err().map(|error| error.code), Some(StoreCode::Halted));
    let store = world.open();
    assert_eq!(export(&store, 10).await.expect("exported").len(), 5);
}

#[tokio::test]
async fn the_witness_knows_how_long_a_closed_database_is() {
    let world = World::new();
    let store = world.open();
    for round in 0..40 {
        store_many(&store, round * 100, 100).await;
    }
    store.close().await.expect("closed");
    let witness = Witness::open(&world.witness()).expect("readable").expect("valid");
    assert_eq!(witness.last().db_bytes, std::fs::metadata(world.db()).expect("there").len());
}

#[tokio::test]
async fn a_keyring_that_can_be_changed_no_more_fails_readiness_and_nothing_else() {
    let world = World::new();
    let store = world.open();
    assert!(store.ready());
    world.keyring.failed.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!((store.ready(), store.halted()), (false, None));
    store_many(&store, 1, 5).await;
    world.keyring.failed.store(false, std::sync::atomic::Ordering::SeqCst);
    assert!(store.ready());
    store.close().await.expect("closed");
    assert!(!store.ready());
}
