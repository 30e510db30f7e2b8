//! A submission that was named with several forms or pages: each is kept beside the others until Graph has confirmed one.

use super::Host;
use super::support::*;
use crate::notification::{LeadRef, ParkCode, Why};
use crate::store::{Requeue, SeenState, Settled, SharedStore};
use crate::trail::Action;

const MISMATCH: Why = Why::Buried { code: ParkCode::FormMismatch, attempts: 1 };

/// Of lead 1 under each of these forms, whether a call that names it brings nothing new.
async fn known<const N: usize>(store: &SharedStore, forms: [u64; N]) -> [bool; N] {
    let asked = forms.map(|form| reference_of(1, form));
    let known = store.known(&asked).await.expect("an answer");
    known.try_into().expect("one each")
}

async fn nothing_is_wrong(store: &SharedStore) {
    assert_eq!(scan(store, 10).await.map(|scanned| scanned.faults), Ok(Vec::new()));
}

pub(crate) async fn a_call_with_another_form_is_new_until_graph_has_confirmed_one<H: Host>() {
    let host = H::new();
    let store = host.open();
    for why in [HELD, waiting(60, 1), MISMATCH, BURIED] {
        store.settle(vec![parked(1, 2, why)]).await.expect("settled");
        assert_eq!(known(&store, [2, 1]).await, [true, false], "{why:?}");
    }
    store.settle(vec![parked(1, 2, REFUSED)]).await.expect("settled");
    assert_eq!(known(&store, [2, 1]).await, [true, true]);
    let settled = store.settle(vec![parked(1, 1, HELD)]).await;
    assert_eq!(settled, Ok(vec![Settled::Known]), "nor is it parked any more");
    assert_eq!(store.requeue(Requeue::Form(form_id(2)), by_officer(Action::Requeued)).await, Ok(1));
    assert_eq!(known(&store, [2, 1]).await, [true, false], "it is to be confirmed anew");
}

pub(crate) async fn the_first_that_is_stored_ends_the_others<H: Host>() {
    let host = H::new();
    let store = host.open();
    let settled = store.settle(vec![parked(1, 2, HELD), parked(1, 3, MISMATCH)]).await.expect("settled");
    assert!(matches!(settled[..], [Settled::Parked(_), Settled::Parked(_)]));
    assert_eq!(seen(&store, 1).await, Ok(Some(SeenState::Parked(HELD))), "the foremost is said");
    nothing_is_wrong(&store).await;
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(
        (known(&store, [1, 2, 3, 4]).await, store.parked().await),
        ([false, true, true, false], Ok(1))
    );
    let settled =
        store.settle(vec![stored(1), parked(1, 2, waiting(60, 1)), stored(1)]).await.expect("settled");
    assert_eq!(words(&settled), ["devis-1-1", "known", "known"]);
    assert_eq!((known(&store, [1, 2, 4]).await, store.parked().await), ([true; 3], Ok(0)));
    let overview = store.overview().await.expect("an overview");
    assert!(overview.held.is_empty() && overview.buried.is_empty());
    assert_eq!(
        (store.sealed_days().await, export(&store, 10).await),
        (Ok(Vec::new()), Ok(vec![email_of(1)]))
    );
    nothing_is_wrong(&store).await;
}

pub(crate) async fn the_first_that_is_refused_ends_the_others_and_keeps_its_place<H: Host>() {
    let host = H::new();
    let store = host.open();
    let batch = vec![parked(1, 2, waiting(10, 1)), parked(1, 3, HELD), parked(1, 1, waiting(20, 1))];
    store.settle(batch).await.expect("settled");
    store.settle(vec![parked(1, 1, REFUSED)]).await.expect("settled");
    assert_eq!((store.parked().await, store.next_due(due(0)).await), (Ok(0), Ok(None)));
    assert_eq!(seen(&store, 1).await, Ok(Some(SeenState::Parked(REFUSED))));
    assert_eq!(
        store.requeue(Requeue::Ref(3), by_officer(Action::Requeued)).await,
        Ok(1),
        "the third arrival"
    );
    nothing_is_wrong(&store).await;
}

pub(crate) async fn three_are_kept_and_only_what_can_no_longer_be_right_gives_way<H: Host>() {
    let host = H::new();
    let store = host.open();
    let batch = vec![parked(1, 2, HELD), parked(1, 3, MISMATCH), parked(1, 4, waiting(60, 1))];
    store.settle(batch).await.expect("settled");
    assert_eq!(known(&store, [1]).await, [false]);
    assert_eq!(
        store.settle(vec![parked(1, 5, HELD)]).await,
        Ok(vec![Settled::Known]),
        "held makes nobody leave"
    );
    let settle = async |form, why| {
        let settled = store.settle(vec![parked(1, form, why)]).await.expect("settled");
        (words(&settled).concat(), known(&store, [2, 3, 4, 5, 6, 7]).await)
    };
    let unavailable = || "graph-unavailable".to_owned();
    let (yes, no) = (true, false);
    assert_eq!(
        settle(5, waiting(60, 1)).await,
        (unavailable(), [yes, no, yes, yes, no, no]),
        "the buried leaves"
    );
    assert_eq!(settle(6, waiting(60, 1)).await, (unavailable(), [yes; 6]), "the held leaves, and three wait");
    assert_eq!(settle(7, waiting(60, 1)).await, ("known".to_owned(), [yes; 6]), "a fourth");
    assert_eq!(settle(5, MISMATCH).await, ("form-mismatch".to_owned(), [no, no, yes, yes, yes, no]));
    assert_eq!(store.parked().await, Ok(2));
    nothing_is_wrong(&store).await;
}

pub(crate) async fn each_is_leased_given_back_dropped_and_expired_by_itself<H: Host>() {
    let host = H::new();
    let store = host.open();
    let batch = vec![parked(1, 2, HELD), parked(1, 3, waiting(0, 1)), parked(1, 4, HELD)];
    store.settle(batch).await.expect("settled");
    let mut lanes = Vec::new();
    while let Some((lane, claims)) = store.claim_due(due(0), 10, &all_claimed()).await.expect("claimed") {
        assert_eq!(claims.len(), 1);
        lanes.push(lane);
    }
    assert_eq!(lanes.len(), 3, "each by itself");
    let (second, fourth) = (reference_of(1, 2).lane(), reference_of(1, 4).lane());
    store.release(&second, &[leadgen(1)]).await;
    let claimed = store.claim_due(due(0), 10, &all_claimed()).await.expect("claimed");
    assert!(claimed.is_some_and(|(lane, _)| lane == second), "the others are leased still");
    store.release(&fourth, &[leadgen(1)]).await;
    assert_eq!(store.drop_held(form_id(4), by_officer(Action::HeldDropped)).await, Ok(1));
    assert_eq!(known(&store, [2, 3, 4]).await, [true, true, false]);
    nothing_is_wrong(&store).await;
    for lane in [second, reference_of(1, 3).lane()] {
        store.release(&lane, &[leadgen(1)]).await;
    }
    host.pass_days(&store, 91);
    assert_eq!(store.expire_parked().await, Ok(2));
    let gone = SeenState::Refused(ParkCode::TooOld);
    assert_eq!((seen(&store, 1).await, known(&store, [1]).await), (Ok(Some(gone)), [true]));
    nothing_is_wrong(&store).await;
}

pub(crate) async fn what_was_buried_comes_back_with_a_call_an_hour_later_in_its_own_place<H: Host>() {
    let host = H::new();
    let store = host.open();
    let called = async |store: &SharedStore, seconds| {
        let call = LeadRef { received: after(seconds), ..reference(1) };
        store.known(&[call]).await
    };
    store.settle(vec![parked(1, 1, BURIED), parked(2, 1, HELD)]).await.expect("settled");
    assert_eq!(called(&store, 3_599).await, Ok(vec![true]));
    assert_eq!(called(&store, 3_600).await, Ok(vec![false]));
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(called(&store, 3_600).await, Ok(vec![false]), "nothing has become of it yet");
    host.clock().advance_ms(3_601_000);
    store.settle(vec![parked(1, 1, waiting(9_000, 1))]).await.expect("settled");
    assert_eq!(called(&store, 90_000).await, Ok(vec![true]), "it waits");
    store.settle(vec![parked(1, 1, BURIED)]).await.expect("settled");
    assert_eq!(called(&store, 3_600).await, Ok(vec![true]), "the call of before does not, at a start");
    assert_eq!(called(&store, 7_201).await, Ok(vec![false]));
    let buried = store.overview().await.expect("an overview").buried;
    assert_eq!(buried.iter().map(|buried| buried.arrival).collect::<Vec<_>>(), [1]);
    nothing_is_wrong(&store).await;
}
