//! Stubs: what shows of consents when their record is gone, of whom, and how that ends.

use super::Host;
use super::consenting::confirm;
use super::several::nothing_is_wrong;
use super::support::*;
use crate::clock::Day;
use crate::forget::address::Address;
use crate::keyring::Keyring;
use crate::lead::{EventEntity, EventKind, Stub, StubCause};
use crate::store::{Asked, Erasure, ErasureRequest, SharedStore, StoreCode, Wanted};
use crate::trail::{Action, Entry, Reason};

async fn erased(store: &SharedStore, number: u64, reason: Reason) -> Erasure {
    let request = ErasureRequest::of(Wanted::Leadgen(leadgen(number)));
    let entry = Entry::by_system_because(Action::ErasureAsked, Some(reason));
    match store.erase(request, entry).await.expect("erased") {
        Asked::Erasure(erasure) => erasure,
        Asked::KeyTaken => panic!("there was no key"),
    }
}

fn mail(number: u64) -> Address {
    Address::email(&email_of(number).to_uppercase()).expect("an address")
}

async fn of(store: &SharedStore, number: u64) -> Vec<Stub> {
    store.stubs_of(vec![mail(number)], &by_officer(Action::Accessed)).await.expect("looked up")
}

/// The same in short: how the record ended, which boxes were ticked, what became of them.
async fn told(store: &SharedStore, number: u64) -> Vec<String> {
    let stubs = of(store, number).await;
    let one = |stub: &Stub| {
        let boxes: Vec<&str> = stub.boxes.iter().map(|given| given.consent.as_str()).collect();
        let events: Vec<&str> = stub.events.iter().map(|event| event.kind.as_str()).collect();
        format!("{} {} {} {}", stub.purpose, stub.cause, boxes.join("+"), events.join("+"))
    };
    stubs.iter().map(one).collect()
}

async fn ended(store: &SharedStore) -> Vec<u64> {
    let lines = store.lines(0, 1_000).await.expect("a trail");
    let about = lines.iter().filter(|line| line.entry.action() == Action::EvidenceEnded);
    about.map(|line| line.entry.count).collect()
}

pub(crate) async fn evidence_outlives_its_record_for_its_time_where_it_is_kept<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 5).await;
    assert_eq!(confirm(&store, "devis-1-2").await, crate::store::Rewritten::Anew);
    let none = erased(&store, 1, Reason::PersonRequest).await;
    assert_eq!((none.traces.evidence_until, told(&store, 1).await), (None, vec![]), "nothing is kept");
    assert!(host.keyring().evidence_months().is_empty());
    store.keep_stubs(2);
    let of_trial = ErasureRequest::of(Wanted::Leadgen(leadgen(2)));
    store.extent(of_trial, by_officer(Action::ErasureTried)).await.expect("tried");
    assert!(told(&store, 2).await.is_empty() && host.keyring().evidence_months().is_empty());
    let today = Day::of(store.now());
    let until = Some(today.plus_months(2));
    let kept = erased(&store, 2, Reason::PersonRequest).await;
    let wrong = erased(&store, 3, Reason::Error).await;
    assert_eq!((kept.traces.evidence_until, wrong.traces.evidence_until), (until, None));
    for _ in 0..2 {
        assert_eq!(told(&store, 2).await, ["devis erased email_optin confirmed"]);
        for nobody in [1, 3, 4] {
            assert!(of(&store, nobody).await.is_empty(), "{nobody}");
        }
        let stub = of(&store, 2).await.remove(0);
        assert_eq!((stub.ended, Some(stub.until)), (today, until));
        assert_eq!(stub.events[0].kind, EventKind::Confirmed);
        assert_eq!(store.erasure(kept.id).await, Ok(Some(kept.clone())));
        nothing_is_wrong(&store).await;
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
        store.keep_stubs(2);
    }
    // The time of the others is over.
    host.pass_days(&store, 11);
    assert_eq!(store.expire().await.expect("expired").total(), 2);
    assert_eq!(told(&store, 4).await, ["devis expired email_optin "]);
    assert_eq!((of(&store, 5).await[0].cause, store.end_stubs().await), (StubCause::Expired, Ok(0)));
    // The 24th of November and two months.
    host.pass_days(&store, 49);
    assert_eq!((told(&store, 2).await.len(), store.end_stubs().await), (1, Ok(0)));
    host.pass_days(&store, 1);
    assert!(of(&store, 2).await.is_empty(), "over, and not taken away yet");
    assert_eq!((store.end_stubs().await, store.end_stubs().await), (Ok(1), Ok(0)));
    assert_eq!((ended(&store).await, told(&store, 4).await.len()), (vec![1], 1));
    assert_eq!(host.keyring().evidence_months().len(), 1, "the key went with the last of its month");
    // A shorter time holds at once, and none is none.
    store.keep_stubs(0);
    assert!(of(&store, 4).await.is_empty());
    assert_eq!(store.end_stubs().await, Ok(2));
    assert!(host.keyring().evidence_months().is_empty());
    nothing_is_wrong(&store).await;
}

pub(crate) async fn what_was_taken_back_by_the_act_that_ends_a_record_is_left_as_evidence<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.keep_stubs(2);
    store_many(&store, 1, 3).await;
    for (number, reason, kind) in
        [(1, Reason::Withdrawal, EventKind::Withdrawn), (2, Reason::Objection, EventKind::Objected)]
    {
        erased(&store, number, reason).await;
        assert_eq!(told(&store, number).await, [format!("devis erased email_optin {kind}")]);
        let stub = of(&store, number).await.remove(0);
        assert_eq!((stub.events.len(), stub.events[0].entity), (1, EventEntity::Controller));
    }
    // Whoever asks for an erasure says nothing of what they had agreed to.
    erased(&store, 3, Reason::PersonRequest).await;
    assert_eq!(told(&store, 3).await, ["devis erased email_optin "]);
}

pub(crate) async fn no_evidence_ends_by_a_clock_that_nobody_confirmed<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.keep_stubs(1);
    store_many(&store, 1, 1).await;
    erased(&store, 1, Reason::Withdrawal).await;
    store.close().await.expect("closed");
    drop(store);
    let alone = host.open_alone();
    assert_eq!(code(alone.end_stubs().await), Some(StoreCode::ClockUnconfirmed));
    alone.close().await.expect("closed");
    assert_eq!(code(alone.end_stubs().await), Some(StoreCode::Closed));
    assert_eq!(
        code(alone.stubs_of(vec![mail(1)], &by_officer(Action::Accessed)).await),
        Some(StoreCode::Closed)
    );
}
