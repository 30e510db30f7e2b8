//! No erased submission comes back.

use super::Host;
use super::several::{claimed, fates, matched, nothing_is_wrong, requeue, settle, sieved};
use super::support::*;
use crate::keyring::Keyring;
use crate::store::{Asked, ErasureRequest, Extent, Requeue, SharedStore, StoreCode, Wanted};
use crate::trail::Action;

async fn erase(store: &SharedStore, number: u64, purposes: &[&str]) -> Extent {
    let purposes = purposes.iter().map(|name| purpose(name)).collect();
    let request = ErasureRequest { purposes, ..ErasureRequest::of(Wanted::Leadgen(leadgen(number))) };
    match store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased") {
        Asked::Erasure(erasure) => erasure.extent,
        Asked::KeyTaken => panic!("no key was given"),
    }
}

pub(crate) async fn neither_a_redelivery_nor_a_late_settlement_brings_it_back<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store.settle(vec![sieved(1, &["+devis"]), stored(2)]).await.expect("settled");
    erase(&store, 1, &[]).await;
    for _ in 0..2 {
        let calls = [reference(1), reference_of(1, 2), reference(2), reference(3)];
        assert_eq!(store.known(&calls).await, Ok(vec![true, true, true, false]), "under whatever form");
        assert_eq!(settle(&store, sieved(1, &["+devis", "+lettre"])).await, "known");
        assert_eq!(settle(&store, matched(1, &["devis"], waiting(0, 0))).await, "known");
        assert_eq!(settle(&store, parked(1, 2, HELD)).await, "known");
        assert_eq!((fates(&store, 1).await, store.parked().await), ("erased".to_owned(), Ok(0)));
        nothing_is_wrong(&store).await;
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
}

pub(crate) async fn what_is_parked_of_it_is_neither_claimed_nor_brought_back<H: Host>() {
    let host = H::new();
    let store = host.open();
    let batch =
        vec![parked(1, 1, waiting(0, 0)), parked(2, 1, REFUSED), parked(3, 2, BURIED), parked(3, 3, HELD)];
    store.settle(batch).await.expect("settled");
    // While it is being fetched.
    assert_eq!(claim(&store, 1, 1).await, [(1, 0)]);
    let taken = [erase(&store, 1, &[]).await, erase(&store, 2, &[]).await, erase(&store, 3, &[]).await];
    assert_eq!(taken.map(|extent| extent.references), [1, 1, 2], "under whatever form it was named");
    assert_eq!(settle(&store, sieved(1, &["+devis"])).await, "known");
    assert_eq!(requeue(&store, Requeue::Form(form_id(1))).await, 0);
    assert_eq!((claim(&store, 100, 10).await, store.parked().await), (Vec::new(), Ok(0)));
    let overview = store.overview().await.expect("an overview");
    assert!(overview.refused.is_empty() && overview.buried.is_empty() && overview.held.is_empty());
    nothing_is_wrong(&store).await;
    drop(store);
    let store = host.open();
    assert_eq!((claim(&store, 100, 10).await, fates(&store, 3).await), (Vec::new(), "erased".to_owned()));
}

pub(crate) async fn what_nobody_knew_yet_is_not_taken_in<H: Host>() {
    let host = H::new();
    let store = host.open();
    assert_eq!(erase(&store, 1, &[]).await, Extent::default());
    assert_eq!(erase(&store, 2, &["devis"]).await, Extent::default());
    assert_eq!(store.known(&[reference(1), reference(2)]).await, Ok(vec![true, true]));
    assert_eq!(settle(&store, sieved(1, &["+devis"])).await, "known");
    assert_eq!((fates(&store, 1).await, fates(&store, 2).await), ("erased".into(), "devis: erased".into()));
    let no_way_back = async |number: u64, name: &str| {
        let fates = store.seen(&leadgen(number)).await.expect("known");
        fates.iter().any(|fate| fate.has_no_way_back_for(&purpose(name)))
    };
    assert!(no_way_back(1, "devis").await && no_way_back(1, "lettre").await, "for all");
    assert!(no_way_back(2, "devis").await && !no_way_back(2, "lettre").await);
}

pub(crate) async fn what_was_not_matched_yet_is_judged_when_it_is<H: Host>() {
    let host = H::new();
    let store = host.open();
    for number in 1..=3 {
        store.settle(vec![parked(number, 1, waiting(0, 0))]).await.expect("settled");
        assert_eq!(erase(&store, number, &["lettre"]).await, Extent::default());
    }
    assert_eq!(claimed(&store).await, Some((String::new(), false)), "it is there, and nobody knows for what");
    assert_eq!(settle(&store, sieved(1, &["+devis", "+lettre"])).await, "devis-1-1");
    assert_eq!(fates(&store, 1).await, "devis: devis-1-1, lettre: erased");
    assert_eq!(settle(&store, sieved(2, &["+lettre"])).await, "known", "for that alone");
    assert_eq!(fates(&store, 2).await, "lettre: erased");
    let again = matched(3, &["devis", "lettre"], waiting(0, 1));
    assert_eq!(settle(&store, again).await, "graph-unavailable");
    assert_eq!(claimed(&store).await, Some(("devis".to_owned(), false)), "open for the others");
    assert_eq!(store.parked().await, Ok(1));
    nothing_is_wrong(&store).await;
}

pub(crate) async fn tombstones_serve_until_120_days_after_their_month_and_go_with_its_key<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    // The 24th of November.
    erase(&store, 1, &[]).await;
    host.pass_days(&store, 10);
    erase(&store, 2, &[]).await;
    host.pass_days(&store, 7 + 109);
    assert_eq!((store.drop_tombstones().await, host.keyring().tombstone_months().len()), (Ok(0), 2));
    host.pass_days(&store, 1);
    assert_eq!((store.drop_tombstones().await, host.keyring().tombstone_months().len()), (Ok(1), 1));
    for _ in 0..2 {
        assert_eq!((fates(&store, 1).await, fates(&store, 2).await), (String::new(), "erased".to_owned()));
        assert_eq!(store.known(&[reference(1), reference(2)]).await, Ok(vec![false, true]));
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    drop(store);
    let alone = host.open_alone();
    assert_eq!(code(alone.drop_tombstones().await), Some(StoreCode::ClockUnconfirmed));
}
