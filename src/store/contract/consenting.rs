//! Consents taken back and said once more: what a record then is, and of which nothing is taken.

use std::sync::Arc;

use super::Host;
use super::several::nothing_is_wrong;
use super::support::*;
use crate::clock::Day;
use crate::forget::address::Address;
use crate::lead::{OpenedLead, Revision, RevisionRefusal, confirmation, sample, withdrawal};
use crate::purpose::sample::{consent, field, purpose as purpose_of};
use crate::purpose::{Basis, Channel, ConsentKey, ConsentRule, Purpose, Whitelist};
use crate::store::{
    Restricting, RewriteCause, RewriteRequest, Rewriting, Rewritten, SharedStore, StoreCode, ToSuppress,
    Wanted,
};
use crate::trail::{Action, Actor, Entry, Outcome, Reason, Role};

/// What the records of these tests rest on: a box that was ticked, and beside it one that is required.
pub(crate) fn rests_on(basis: Basis) -> Arc<Purpose> {
    let mut devis = purpose_of("devis", &["email"]);
    let mut city = field("city");
    city.consent = ConsentKey::parse("email_optin");
    devis.whitelist = Whitelist::new(vec![field("email"), city]).expect("fields");
    let required = ConsentRule { required: true, ..consent("email_optin", Channel::Email) };
    devis.consents = vec![required];
    (devis.basis, devis.retention_months) = (basis, Some(6));
    Arc::new(devis)
}

pub(crate) fn yes() -> Revision {
    let boxes = ConsentKey::parse("email_optin").into_iter().collect();
    confirmation(&rests_on(Basis::Consent), boxes).expect("known")
}

pub(crate) fn no(store: &SharedStore, basis: Basis) -> Revision {
    withdrawal(&rests_on(basis), None, store.now()).expect("known")
}

async fn done(store: &SharedStore, id: &str, revision: Revision, cause: RewriteCause) -> Rewriting {
    let (action, reason) = match cause {
        RewriteCause::Yes => (Action::Confirmed, Reason::PersonRequest),
        _ => (Action::Withdrawn, Reason::Withdrawal),
    };
    let request = RewriteRequest { records: vec![(record(id), revision)], cause };
    store.rewrite(request, Entry::by_person(action, reason)).await.expect("answered")
}

pub(crate) async fn confirm(store: &SharedStore, id: &str) -> Rewritten {
    let rewriting = done(store, id, yes(), RewriteCause::Yes).await;
    assert!(rewriting.keys_destroyed);
    rewriting.each[0]
}

pub(crate) async fn withdraw(store: &SharedStore, id: &str, basis: Basis) -> Rewritten {
    let rewriting = done(store, id, no(store, basis), RewriteCause::Withdrawal).await;
    assert!(rewriting.keys_destroyed);
    rewriting.each[0]
}

async fn opened(store: &SharedStore, id: &str) -> OpenedLead {
    let found = store.find(Wanted::Record(record(id)), by_officer(Action::Found)).await;
    found.expect("looked up").remove(0).lead.expect("it is there")
}

pub(crate) async fn what_is_taken_back_ends_and_what_rests_on_nothing_is_left_for_its_erasure<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 2).await;
    host.pass_days(&store, 1);
    let lines = store.lines(0, 100).await.expect("a trail").len() as u64;
    assert_eq!(withdraw(&store, "devis-1-1", Basis::PreContract).await, Rewritten::Anew);
    let ended = Some(store.now());
    let no_ground = Rewritten::Refused(RevisionRefusal::NoGround);
    assert_eq!(withdraw(&store, "devis-1-2", Basis::Consent).await, no_ground);
    host.pass_days(&store, 1);
    assert_eq!(withdraw(&store, "devis-1-1", Basis::PreContract).await, Rewritten::Same);
    for _ in 0..2 {
        let second = opened(&store, "devis-1-2").await;
        assert!(second.consents()[0].valid_until.is_none(), "nothing of it was done");
        let first = opened(&store, "devis-1-1").await;
        let [box_ticked] = first.consents() else { panic!("one") };
        assert!(box_ticked.given() && box_ticked.valid_until == ended);
        nothing_is_wrong(&store).await;
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    let told = store.lines(lines, 100).await.expect("a trail");
    let told: Vec<_> = told
        .iter()
        .filter(|line| line.entry.action() == Action::Withdrawn)
        .map(|line| (line.entry.actor(), line.entry.role(), line.entry.count, line.entry.result))
        .collect();
    let line = |count, result| (&Actor::Person, Role::Person, count, result);
    assert_eq!(told, [line(1, Outcome::Done), line(0, Outcome::Nothing)], "an erasure has its own");
}

pub(crate) async fn a_yes_gives_a_record_the_periods_of_its_day_and_another_leaf<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 2).await;
    host.pass_days(&store, 3);
    assert_eq!(confirm(&store, "devis-1-1").await, Rewritten::Anew);
    let said = store.now();
    assert_eq!(confirm(&store, "devis-1-1").await, Rewritten::Same, "once a day");
    // Ten days after it was stored it would have gone, and its neighbour does.
    host.pass_days(&store, 8);
    for _ in 0..2 {
        let lead = opened(&store, "devis-1-1").await;
        assert_eq!((lead.acted(), lead.created()), (said, start()));
        assert_eq!(lead.expires_at(), crate::clock::plus_months(said, 6));
        assert_eq!(lead.consents()[0].confirmed, Some(said));
        let mut page = store.open_page(request(None, 100), exporting()).await.expect("a page");
        assert_eq!(page.expired, 1);
        let values: Vec<_> = read_all(&mut page).expect("read").iter().map(sample::email).collect();
        assert_eq!(values, [email_of(1)]);
        nothing_is_wrong(&store).await;
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
}

pub(crate) async fn nobody_says_yes_for_who_may_not_be_asked<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 4).await;
    let until = Day::of(start()).plus(5);
    let restricted = store.restrict(record("devis-1-1"), until, by_officer(Action::Restricted)).await;
    assert!(matches!(restricted, Ok(Restricting::Restricted(_))));
    let addresses = vec![Address::email(&email_of(2)).expect("an address")];
    let what = ToSuppress { addresses, purpose: None, months: 36 };
    store.suppress(what, by_officer(Action::Suppressed)).await.expect("on the list");
    assert_eq!(confirm(&store, "devis-1-1").await, Rewritten::Restricted);
    assert_eq!(confirm(&store, "devis-1-2").await, Rewritten::Suppressed);
    assert_eq!(withdraw(&store, "devis-1-3", Basis::PreContract).await, Rewritten::Anew);
    let nothing = Rewritten::Refused(RevisionRefusal::NothingToConfirm);
    assert_eq!(confirm(&store, "devis-1-3").await, nothing);
    assert_eq!(confirm(&store, "devis-1-9").await, Rewritten::Unknown);
    // A withdrawal goes through all of it.
    assert_eq!(withdraw(&store, "devis-1-1", Basis::PreContract).await, Rewritten::Anew);
    assert_eq!(withdraw(&store, "devis-1-2", Basis::PreContract).await, Rewritten::Anew);
    host.pass_days(&store, 11);
    assert_eq!(confirm(&store, "devis-1-4").await, Rewritten::Gone, "its time is over");
    nothing_is_wrong(&store).await;
}

/// From when on a yes counts nobody knows by a clock that leapt; that a consent is over is so by any.
pub(crate) async fn no_yes_counts_by_a_clock_that_nobody_has_confirmed<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 1).await;
    store.close().await.expect("closed");
    drop(store);
    let store = host.open_alone();
    let request = RewriteRequest::confirming(record("devis-1-1"), yes());
    let refused = store.rewrite(request, Entry::by_person(Action::Confirmed, Reason::PersonRequest)).await;
    assert_eq!(refused.map_err(|error| error.code), Err(StoreCode::ClockUnconfirmed));
    assert_eq!(withdraw(&store, "devis-1-1", Basis::PreContract).await, Rewritten::Anew);
}
