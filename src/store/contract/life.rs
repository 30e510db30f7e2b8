//! Purposes, closing, halting, and what is there afterwards.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::{join, join_all};

use super::Host;
use super::support::*;
use crate::clock::Day;
use crate::notification::{KeptPause, ParkCode};
use crate::people::{Pass, PassKind};
use crate::purpose::FormDefinition;
use crate::store::{
    ErasureId, ErasureRequest, KnownForm, MailEnd, MailId, MailKind, Requeue, StoreCode, ToLift, ToPass,
    ToSuppress, Token, Wanted,
};
use crate::trail::{Action, Role};

pub(crate) async fn a_purpose_admitted_later_is_settled_at_once_and_after_a_restart<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 2).await;
    store.admit(vec![purpose("devis"), purpose("nouveau")]).await.expect("admitted");
    let counted = store.stored().await.expect("counted");
    let of = |name| counted.get(&purpose(name)).copied();
    assert_eq!((of("devis"), of("nouveau")), (Some(2), Some(0)), "who has room keeps what is in it");
    let settled = store.settle(vec![stored_in("nouveau", 9, false, 10)]).await.expect("settled");
    assert_eq!(words(&settled), ["nouveau-1-1"]);
    store.close().await.expect("closed");
    drop(store);
    // The config of this start does not name it, and it is there all the same.
    let store = host.open();
    assert_eq!(store.stored().await.expect("counted").get(&purpose("nouveau")), Some(&1));
}

pub(crate) async fn a_purpose_that_left_the_config_keeps_its_records_and_counts<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 5).await;
    store.close().await.expect("closed");
    drop(store);
    let store = host.try_open(&["autre"]).expect("opens");
    let counted = store.stored().await.expect("counted");
    let of = |name| counted.get(&purpose(name)).copied();
    assert_eq!((of("devis"), of("autre")), (Some(5), Some(0)));
    assert_eq!(export(&store, 10).await.map(|read| read.len()), Ok(5));
}

pub(crate) async fn closing_serves_what_was_asked_before_and_refuses_what_comes_after<H: Host>() {
    let host = H::new();
    let store = host.open();
    let queued = join_all((0..30_u64).map(|call| store.settle(vec![stored(call)])));
    let (settled, closed) = join(queued, store.close()).await;
    assert!(settled.iter().all(Result::is_ok), "they stood in the queue before the close");
    closed.expect("closed");
    store.close().await.expect("closed again");
    assert_eq!(code(store.settle(vec![stored(99)]).await), Some(StoreCode::Closed));
    assert_eq!((store.halted(), store.ready()), (None, false));
    drop(store);
    assert_eq!(export(&host.open(), 100).await.map(|read| read.len()), Ok(30));
}

pub(crate) async fn what_is_well_needs_nobody_and_is_left_as_it_is<H: Host>() {
    let host = H::new();
    let store = host.open();
    for call in 0..3 {
        store.settle(vec![stored(call)]).await.expect("settled");
        assert_eq!(store.look_after().await, Ok(Vec::new()));
    }
    store.close().await.expect("closed");
    drop(store);
    assert_eq!(export(&host.open(), 10).await.map(|read| read.len()), Ok(3));
}

pub(crate) async fn every_verb_refuses_after_closing<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(vec![parked(1, 1, waiting(1, 0)), parked(2, 1, REFUSED)]).await.expect("settled");
    store.close().await.expect("closed");
    let by = || by_officer(Action::Requeued);
    let token = Token {
        id: "0".repeat(16),
        hash: [0; 32],
        name: "late".to_owned(),
        role: Role::Viewer,
        purposes: Vec::new(),
        recipient: None,
        reason: None,
        created_at: start(),
        expires_at: later(1),
    };
    let definition = Some(FormDefinition::asking(form_id(1), Vec::new()));
    let form = KnownForm { form: form_id(1), definition, read_at: start() };
    let pause = KeptPause { page: None, code: ParkCode::GraphThrottled, until: later(1) };
    let erasure = || ErasureRequest::of(Wanted::Leadgen(leadgen(1)));
    let pass = ToPass { record: record("devis-1-1"), kind: PassKind::Page, last_day: None };
    let mail = || MailId { record: record("devis-1-1"), kind: MailKind::Welcome };
    let refusals = [
        ("settle", code(store.settle(vec![stored(9)]).await)),
        ("open_page", code(store.open_page(request(None, 1), exporting()).await)),
        ("find", code(store.find(Wanted::Leadgen(leadgen(1)), by()).await)),
        ("known", code(store.known(&[reference(1)]).await)),
        ("seen", code(seen(&store, 1).await)),
        ("claim_due", code(store.claim_due(due(60), 1, &all_claimed()).await)),
        ("overview", code(store.overview().await)),
        ("requeue by code", code(store.requeue(Requeue::Form(form_id(1)), by()).await)),
        ("requeue", code(store.requeue(Requeue::Ref(2), by()).await)),
        ("drop_held", code(store.drop_held(form_id(1), by()).await)),
        ("expire_parked", code(store.expire_parked().await)),
        ("reseal_parked", code(store.reseal_parked().await)),
        ("handed_to", code(store.handed_to(&[record("devis-1-1")], &by_officer(Action::Accessed)).await)),
        ("trim_handed", code(store.trim_handed().await)),
        ("sealed_days", code(store.sealed_days().await)),
        ("queue_mails", code(store.queue_mails(vec![mail()]).await)),
        ("try_mail", code(store.try_mail(mail()).await)),
        ("end_mail", code(store.end_mail(mail(), MailEnd::Sent, None).await)),
        ("note_written", code(store.note_written(vec![mail()], by()).await)),
        ("note_unreachable", code(store.note_unreachable(vec![mail().record], by()).await)),
        ("records_ending", code(store.records_ending(purpose("devis"), Day(u32::MAX), None, 1).await)),
        ("correspondence", code(store.correspondence(vec![mail().record]).await)),
        ("pause_asking", code(store.pause_asking(true, by()).await)),
        ("keep_pause", code(store.keep_pause(pause).await)),
        ("forget_pause", code(store.forget_pause(None).await)),
        ("pauses", code(store.pauses().await)),
        ("lines", code(store.lines(0, 1).await)),
        ("note", code(store.note(by()).await)),
        ("create_token", code(store.create_token(token, by()).await)),
        ("token", code(store.token("0").await)),
        ("tokens", code(store.tokens().await)),
        ("revoke_token", code(store.revoke_token("0", by()).await)),
        ("form", code(store.form(&form_id(1)).await)),
        ("put_form", code(store.put_form(form).await)),
        ("forms", code(store.forms().await)),
        ("dropped", code(store.dropped().await)),
        ("scan", code(store.scan(10).await)),
        ("admit", code(store.admit(vec![purpose("nouveau")]).await)),
        ("confirm_clock", code(store.confirm_clock(by()).await)),
        ("look_after", code(store.look_after().await)),
        ("erase", code(store.erase(erasure(), by()).await)),
        ("extent", code(store.extent(erasure(), by_officer(Action::ErasureTried)).await)),
        ("erasure", code(store.erasure(ErasureId { epoch: 1, number: 1 }).await)),
        ("drop_tombstones", code(store.drop_tombstones().await)),
        (
            "suppress",
            code(store.suppress(ToSuppress { addresses: Vec::new(), purpose: None, months: 36 }, by()).await),
        ),
        ("suppressions", code(store.suppressions(None, 1, by()).await)),
        ("lift", code(store.lift(ToLift::Of(Vec::new(), Vec::new()), by()).await)),
        ("give_pass", code(store.give_pass(pass, by()).await)),
        ("open_pass", code(store.open_pass(Pass::parse(&"A".repeat(43)).expect("a pass")).await)),
        ("end_suppressions", code(store.end_suppressions().await)),
    ];
    for (verb, refusal) in refusals {
        assert_eq!(refusal, Some(StoreCode::Closed), "{verb}");
    }
}

/// Answered means durable, whoever is told first.
pub(crate) async fn what_was_answered_before_a_close_under_load_is_there_afterwards<H: Host>() {
    let host = H::new();
    let store = host.open();
    let answered = AtomicU64::new(0);
    let load = async {
        for number in 0..100_000_u64 {
            match store.settle(vec![stored(number)]).await {
                Ok(_) => answered.fetch_add(1, Ordering::SeqCst),
                Err(error) => {
                    assert_eq!(error.code, StoreCode::Closed);
                    break;
                }
            };
            // A store that answers at once would not let the closing begin.
            tokio::task::yield_now().await;
        }
    };
    let closing = async {
        until("some were answered", async || answered.load(Ordering::SeqCst) >= 5).await;
        store.close().await
    };
    let ((), closed) = join(load, closing).await;
    closed.expect("closed");
    drop(store);
    let answered = answered.into_inner();
    let store = host.open();
    assert_eq!(store.stored().await.expect("counted").get(&purpose("devis")), Some(&answered));
    assert_eq!(export(&store, 1_000).await.map(|read| read.len() as u64), Ok(answered));
}

pub(crate) async fn a_store_that_is_dropped_without_closing_opens_again_with_everything<H: Host>() {
    let host = H::new();
    for round in 0..3 {
        let store = host.open();
        store_many(&store, round * 10, 10).await;
        store.settle(vec![parked(1_000 + round, 1, waiting(1, 0))]).await.expect("settled");
        assert_eq!(claim(&store, 5, 10).await.len() as u64, round + 1, "nobody holds a lease any more");
    }
    let store = host.open();
    assert_eq!(export(&store, 100).await.expect("exported").len(), 30);
}

pub(crate) async fn a_halted_store_takes_and_gives_nothing_until_it_is_opened_again<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 5).await;
    assert_eq!((store.halted(), store.ready()), (None, true));
    host.halt();
    let halted = Some(StoreCode::Halted);
    assert_eq!((store.halted(), store.refusal(), store.ready()), (halted, halted, false));
    assert_eq!(code(store.settle(vec![stored(9)]).await), halted);
    assert_eq!(code(seen(&store, 1).await), halted);
    assert_eq!(code(store.open_page(request(None, 1), exporting()).await), halted);
    assert_eq!(code(store.sealed_days().await), halted, "no key is destroyed on its word");
    assert_eq!(code(store.close().await), halted);
    drop(store);
    let store = host.open();
    assert_eq!(export(&store, 10).await.expect("exported").len(), 5);
}

pub(crate) async fn a_keyring_that_can_be_changed_no_more_fails_readiness_and_nothing_else<H: Host>() {
    let host = H::new();
    let store = host.open();
    assert!(store.ready());
    host.keyring().failed.store(true, Ordering::SeqCst);
    assert_eq!((store.refusal(), store.halted()), (Some(StoreCode::Keyring), None));
    store_many(&store, 1, 5).await;
    host.keyring().failed.store(false, Ordering::SeqCst);
    assert!(store.ready());
}
