//! What must not be found on disk.

use super::support::*;
use crate::notification::ParkCode;
use crate::store::{Leads, Life, StoreCode, Wanted};
use crate::trail::Action;

#[tokio::test]
async fn no_leadgen_and_no_answer_lies_in_clear_on_disk() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 100).await;
    let whys = [HELD, REFUSED, BURIED, waiting(60, 1)];
    let batch = (101..301).map(|n| parked(n, n % 7, whys[n as usize % 4])).collect();
    store.settle(batch).await.expect("settled");
    export(&store, 30).await.expect("exported");
    store.find(Wanted::Leadgen(leadgen(7)), by_officer(Action::Found)).await.expect("looked up");
    // A control that must be found: a question's name is kept in clear.
    let mut counted = stored(500);
    counted.dropped.note("planted_control_question");
    store.settle(vec![counted]).await.expect("settled");
    store.close().await.expect("closed");
    world.open().close().await.expect("closed");
    assert!(matches!(seen(&store, 1).await, Err(error) if error.code == StoreCode::Closed));

    let holds = |needle: &[u8]| {
        files(world.dir.path()).iter().any(|path| {
            let bytes = std::fs::read(path).expect("readable");
            bytes.windows(needle.len()).any(|window| window == needle)
        })
    };
    assert!(holds(b"planted_control_question"), "the search finds nothing at all");
    assert!(holds(ParkCode::AttemptsSpent.as_str().as_bytes()));
    for number in [1, 50, 100, 101, 150, 300] {
        assert!(!holds(leadgen(number).expose().as_bytes()), "leadgen {number}");
        assert!(!holds(email_of(number).as_bytes()), "answer {number}");
    }
    assert!(!holds(b"canary.example"));
    assert!(!holds(page_id().as_str().as_bytes()), "ids of pages are sealed with their references");
}
