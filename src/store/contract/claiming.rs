//! Lanes, leases, due times: who may fetch what next.

use futures_util::future::join_all;

use super::Host;
use super::support::*;
use crate::id::PageId;
use crate::notification::{Lane, Lanes, ParkCode};
use crate::store::{SeenState, Settled, Settlement, SharedStore};

/// The form that is claimed, and whose references they are.
async fn claim_of(store: &SharedStore, lanes: &Lanes) -> Option<(Lane, Vec<(u64, u32)>)> {
    let claimed = store.claim_due(due(60), 10, lanes).await.expect("claimed");
    claimed.map(|(lane, claims)| (lane, numbers(&claims)))
}

fn of_form(claimed: Option<(Lane, Vec<(u64, u32)>)>, form: u64) -> Vec<(u64, u32)> {
    let (lane, claims) = claimed.expect("some");
    assert_eq!(lane, Lane { page: page_id(), form: form_id(form) });
    claims
}

pub(crate) async fn waiting_ones_are_claimed_when_due_in_the_order_of_being_due_and_leased<H: Host>() {
    let host = H::new();
    let store = host.open();
    let batch =
        vec![parked(1, 1, waiting(30, 1)), parked(2, 1, waiting(10, 2)), parked(3, 1, waiting(20, 3))];
    let settled = store.settle(batch).await.expect("settled");
    assert_eq!(settled[0], Settled::Parked(ParkCode::GraphUnavailable));
    assert_eq!((store.parked().await, store.next_due(due(0)).await), (Ok(3), Ok(Some(after(10)))));
    assert_eq!(claim(&store, 9, 10).await, []);
    assert_eq!(claim(&store, 20, 10).await, [(2, 2), (3, 3)]);
    assert_eq!(claim(&store, 20, 10).await, [], "leased");
    assert_eq!(store.parked().await, Ok(3), "leased ones still count");
    store.release(&reference(3).lane(), &[leadgen(3)]).await;
    assert_eq!(claim(&store, 60, 1).await, [(3, 3)], "back at its old place, the bound holds");
    assert_eq!(claim(&store, 60, 10).await, [(1, 1)]);
}

pub(crate) async fn only_one_lane_is_claimed_that_of_the_oldest_that_may_move<H: Host>() {
    let host = H::new();
    let store = host.open();
    let batch = vec![
        parked(1, 1, waiting(1, 0)),
        parked(2, 2, waiting(2, 0)),
        parked(3, 3, waiting(3, 0)),
        parked(4, 2, waiting(4, 0)),
    ];
    store.settle(batch).await.expect("settled");
    let lanes = claimed([2, 3]);
    let mut paused = claimed([1, 2, 3]);
    paused.pages.insert(page_id(), false);
    assert!(claim_of(&store, &paused).await.is_none(), "they stay");
    // Nobody claims form 1: what waits of it comes first, to be held.
    assert_eq!(of_form(claim_of(&store, &lanes).await, 1), [(1, 0)]);
    assert_eq!(of_form(claim_of(&store, &lanes).await, 2), [(2, 0), (4, 0)]);
    assert_eq!(of_form(claim_of(&store, &lanes).await, 3), [(3, 0)]);
    assert!(claim_of(&store, &lanes).await.is_none());
}

pub(crate) async fn one_form_on_two_pages_is_two_lanes<H: Host>() {
    let host = H::new();
    let store = host.open();
    let other = PageId::parse("104000000000002").expect("digits");
    let of_other = |number| {
        let mut settlement: Settlement = parked(number, 1, waiting(2, 0));
        settlement.reference.page = other;
        settlement
    };
    let batch = vec![of_other(1), parked(2, 1, waiting(3, 0)), of_other(3)];
    store.settle(batch).await.expect("settled");
    let mut lanes = all_claimed();
    lanes.pages.insert(other, false);
    assert_eq!(of_form(claim_of(&store, &lanes).await, 1), [(2, 0)], "the older ones are paused");
    assert!(claim_of(&store, &lanes).await.is_none());
    lanes.pages.insert(other, true);
    let (lane, claims) = claim_of(&store, &lanes).await.expect("some");
    assert_eq!((lane.page, claims), (other, vec![(1, 0), (3, 0)]));
}

pub(crate) async fn held_ones_are_due_as_soon_as_a_purpose_claims_their_form<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(vec![parked(1, 1, HELD), parked(2, 1, HELD)]).await.expect("settled");
    assert!(claim_of(&store, &unclaimed()).await.is_none());
    assert_eq!(store.next_due(due(0)).await, Ok(None));
    assert_eq!(claim(&store, 60, 10).await, [(1, 0), (2, 0)]);
    assert_eq!(store.settle(vec![stored(1), stored(2)]).await.expect("settled").len(), 2);
    assert_eq!(store.parked().await, Ok(0));
    assert_eq!(export(&store, 10).await.expect("exported"), [email_of(1), email_of(2)]);
}

pub(crate) async fn a_waiting_one_whose_form_lost_its_purpose_is_claimed_to_be_held<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(vec![parked(1, 1, waiting(1, 4))]).await.expect("settled");
    assert_eq!(of_form(claim_of(&store, &unclaimed()).await, 1), [(1, 4)]);
    store.settle(vec![parked(1, 1, HELD)]).await.expect("settled");
    assert_eq!(seen(&store, 1).await, Ok(Some(SeenState::Parked(HELD))));
    assert_eq!(store.parked().await, Ok(1));
    assert!(claim_of(&store, &unclaimed()).await.is_none(), "held, and nobody may read it");
}

pub(crate) async fn a_claim_says_attempts_and_code_and_gives_the_whole_reference<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(vec![parked(1, 1, waiting(1, 4)), parked(2, 2, HELD)]).await.expect("settled");
    for (number, form, attempts, code) in [(2, 2, 0, None), (1, 1, 4, Some(ParkCode::GraphUnavailable))] {
        let claimed = store.claim_due(due(60), 10, &all_claimed()).await.expect("claimed");
        let (_, claims) = claimed.expect("some");
        assert_eq!(claims.len(), 1);
        assert!(claims[0].reference == reference_of(number, form), "with its times");
        assert_eq!((claims[0].attempts, claims[0].code), (attempts, code));
    }
}

pub(crate) async fn what_is_leased_is_not_what_is_due_next<H: Host>() {
    let host = H::new();
    let store = host.open();
    let batch = vec![parked(1, 1, waiting(10, 0)), parked(2, 1, waiting(20, 0))];
    store.settle(batch).await.expect("settled");
    assert_eq!(claim(&store, 15, 10).await, [(1, 0)]);
    assert_eq!(store.next_due(due(5)).await, Ok(Some(after(20))));
    store.release(&reference(1).lane(), &[leadgen(1), leadgen(99)]).await;
    assert_eq!(store.next_due(due(5)).await, Ok(Some(after(10))));
}

pub(crate) async fn nobody_claims_what_another_has_claimed<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle((1..=60).map(|n| parked(n, n % 3 + 1, waiting(1, 0))).collect()).await.expect("settled");
    let calls = (0..30).map(|_| claim(&store, 5, 4));
    let mut claims = join_all(calls).await.concat();
    claims.sort_unstable();
    assert_eq!(claims, (1..=60).map(|number| (number, 0)).collect::<Vec<_>>());
}

/// What was parked while the clock was 200 days ahead would wait for 200 days, through every restart.
pub(crate) async fn nothing_waits_longer_than_the_longest_wait_there_is<H: Host>() {
    let host = H::new();
    let store = host.open();
    let ahead = 200 * 86_400;
    let longest = LONGEST.as_secs();
    let batch = vec![
        parked(1, 1, waiting(ahead + 1, 1)),
        parked(2, 1, waiting(30, 0)),
        parked(3, 1, waiting(longest, 0)),
        parked(4, 2, waiting(ahead, 2)),
    ];
    store.settle(batch).await.expect("settled");
    assert_eq!(store.next_due(due(20)).await, Ok(Some(after(20))), "the first are due now");
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(claim(&store, 0, 10).await, [(4, 2)], "of two that are due the earlier one's lane");
    assert_eq!(claim(&store, 0, 10).await, [(1, 1)]);
    assert_eq!(store.next_due(due(0)).await, Ok(Some(after(30))), "the others have their time to come");
    store.release(&reference(1).lane(), &[leadgen(1)]).await;
    assert_eq!(claim(&store, 31, 10).await, [(2, 0), (1, 1)], "behind those whose time has come");
    assert_eq!(claim(&store, longest - 1, 10).await, []);
    assert_eq!(claim(&store, longest, 10).await, [(3, 0)]);
    store.settle(vec![stored(1), stored(2), stored(3), stored(4)]).await.expect("settled");
    assert_eq!((store.parked().await, store.next_due(due(0)).await), (Ok(0), Ok(None)));
}
