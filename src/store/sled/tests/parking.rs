//! Rows that cannot be read: set aside, shown, and no other is harmed.

use super::support::*;
use crate::keyring::Keyring;
use crate::notification::ParkCode;
use crate::store::{Leads, Life, Parked, Requeue, SeenState};
use crate::trail::Action;

/// The row's first byte is its version.
const OF_A_LATER_VERSION: &[u8] = &[9, 1, 2, 3];
const CUT_SHORT: &[u8] = &[1, 1, 2, 3];

#[tokio::test]
async fn a_reference_moved_to_another_row_does_not_open_and_the_others_do() {
    let world = World::new();
    let store = world.open();
    store.settle(vec![parked(1, 1, waiting(1, 0)), parked(2, 1, waiting(1, 0))]).await.expect("settled");
    store.close().await.expect("closed");
    tamper(&world, |db| {
        let parked = db.open_tree("parked").expect("a tree");
        let value = parked.get(1_u64.to_be_bytes()).expect("read").expect("there");
        parked.insert(2_u64.to_be_bytes(), value).expect("written");
    });
    let store = world.open();
    assert_eq!(claim(&store, 10, 10).await, [(1, 0)]);
    assert_eq!(store.halted(), None);
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_set_aside_and_shown_and_harm_no_other() {
    let world = World::new();
    let store = world.open();
    let whys = [waiting(1, 0), waiting(1, 0), HELD, BURIED, REFUSED, waiting(1, 0)];
    let batch = (1..).zip(whys).map(|(number, why)| parked(number, 1, why)).collect();
    store.settle(batch).await.expect("settled");
    store.close().await.expect("closed");
    tamper(&world, |db| {
        let parked = db.open_tree("parked").expect("a tree");
        parked.insert(1_u64.to_be_bytes(), OF_A_LATER_VERSION).expect("written");
        parked.insert(4_u64.to_be_bytes(), CUT_SHORT).expect("written");
        let value = parked.get(2_u64.to_be_bytes()).expect("read").expect("there");
        parked.insert(5_u64.to_be_bytes(), value).expect("written");
    });
    let store = world.open();
    assert_eq!(claim(&store, 10, 1).await.len(), 1);
    assert_eq!(claim(&store, 10, 10).await.len(), 2);
    assert_eq!(store.parked().await, Ok(3));
    let shown = async || {
        let buried = store.overview().await.expect("an overview").buried;
        buried.iter().map(|buried| (buried.arrival, buried.code)).collect::<Vec<_>>()
    };
    let unreadable = ParkCode::ReferenceUnreadable;
    assert_eq!(shown().await, [(1, unreadable), (4, unreadable), (5, unreadable)]);
    let gone = SeenState::Parked(crate::notification::Why::Buried { code: unreadable, attempts: 0 });
    assert_eq!(seen(&store, 1).await, Ok(Some(gone)), "known, so that no redelivery is answered with a 503");
    for which in [Requeue::Ref(1), Requeue::Ref(5), Requeue::Code(unreadable), Requeue::Form(form_id(1))] {
        assert_eq!(store.requeue(which, by_officer(Action::Requeued)).await, Ok(0));
    }
    // A row that does not say which day's key it needs: none is destroyed on the store's word, for as long as Meta has
    // what the row names.
    assert_eq!(store.compare_clock(start()).await, Ok(false));
    assert_eq!(store.sealed_days().await, Ok(world.keyring.days()));
    for _ in 0..91 {
        world.clock.advance_ms(DAY_MS);
        assert!(!store.clock_jumped());
    }
    assert_eq!(store.compare_clock(later(91)).await, Ok(false));
    assert_eq!(store.expire_parked().await, Ok(1), "the one that still says since when");
    let first = crate::clock::Day::of(start());
    assert!(world.keyring.days().contains(&first));
    assert!(!store.sealed_days().await.expect("said").contains(&first));
    assert_eq!(shown().await.len(), 2);
    assert_eq!(store.halted(), None);
}

#[tokio::test]
async fn a_row_that_is_unreadable_once_it_is_claimed_does_not_keep_the_others_waiting() {
    let world = World::new();
    let store = world.open();
    store.settle((1..=4).map(|n| parked(n, 1, waiting(n as i64, 0))).collect()).await.expect("settled");
    let cut = |draft: &mut crate::store::sled::draft::Draft<'_>| {
        draft.write(crate::store::sled::layout::Place::Parked, &1_u64.to_be_bytes(), CUT_SHORT.to_vec())
    };
    store.writer.write(1, cut).await.expect("written");
    assert_eq!(claim(&store, 10, 2).await, [(2, 0)]);
    assert_eq!(claim(&store, 10, 10).await, [(3, 0), (4, 0)]);
    assert_eq!((store.parked().await, store.halted()), (Ok(3), None));
    let buried = store.overview().await.expect("an overview").buried;
    assert_eq!(buried.iter().map(|buried| buried.arrival).collect::<Vec<_>>(), [1]);
}
