//! What became of consents: told with the record, under another leaf with it, and away with it.

use super::Host;
use super::consenting::{confirm, rests_on, withdraw};
use super::rewriting::holding;
use super::several::nothing_is_wrong;
use super::support::*;
use crate::lead::{EventEntity, EventKind, Said, confirmation};
use crate::purpose::{Basis, ConsentKey};
use crate::store::{
    Asked, ErasureRequest, PageRequest, RewriteCause, RewriteRequest, Rewritten, SharedStore, Wanted,
};
use crate::trail::{Action, Entry, Reason};

/// What became of the consents of a record, as a look-up tells it; none: it is not there.
async fn told(store: &SharedStore, id: &str) -> Option<Vec<(EventKind, EventEntity)>> {
    let found = store.find(Wanted::Record(record(id)), by_officer(Action::Found)).await;
    let lead = found.expect("looked up").into_iter().next()?.lead?;
    Some(lead.events().iter().map(|event| (event.kind, event.entity)).collect())
}

/// The same of every record of a page: how many of each.
async fn paged(store: &SharedStore, evidence: bool) -> Vec<usize> {
    let request = PageRequest { evidence, ..request(None, 100) };
    let mut page = store.open_page(request, exporting()).await.expect("a page");
    read_all(&mut page).expect("read").iter().map(|lead| lead.events().len()).collect()
}

async fn corrected(store: &SharedStore, id: &str, value: &str) {
    let records = vec![(record(id), holding(value))];
    let request = RewriteRequest { records, cause: RewriteCause::Person };
    let rewriting = store.rewrite(request, by_officer(Action::Corrected)).await.expect("answered");
    assert!(rewriting.each == [Rewritten::Anew] && rewriting.keys_destroyed);
}

async fn erased(store: &SharedStore, id: &str) {
    let request = ErasureRequest::of(Wanted::Record(record(id)));
    let asked = store.erase(request, by_officer(Action::ErasureAsked)).await;
    assert!(matches!(asked, Ok(Asked::Erasure(erasure)) if erasure.done.is_some()));
}

pub(crate) async fn what_became_of_consents_goes_with_the_record_wherever_that_goes<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 3).await;
    assert_eq!(told(&store, "devis-1-1").await, Some(vec![]), "that it was given the record says");
    assert_eq!(confirm(&store, "devis-1-1").await, Rewritten::Anew);
    host.pass_days(&store, 1);
    assert_eq!(confirm(&store, "devis-1-1").await, Rewritten::Anew);
    corrected(&store, "devis-1-1", "marie@canary.example").await;
    host.pass_days(&store, 1);
    assert_eq!(withdraw(&store, "devis-1-1", Basis::PreContract).await, Rewritten::Anew);
    assert_eq!(withdraw(&store, "devis-1-1", Basis::PreContract).await, Rewritten::Same);
    assert_eq!(confirm(&store, "devis-1-2").await, Rewritten::Anew);
    corrected(&store, "devis-1-3", "zoe@canary.example").await;
    let by = EventEntity::Controller;
    let all = vec![(EventKind::Confirmed, by), (EventKind::Confirmed, by), (EventKind::Withdrawn, by)];
    for _ in 0..2 {
        assert_eq!(told(&store, "devis-1-1").await.as_ref(), Some(&all));
        assert_eq!(told(&store, "devis-1-3").await, Some(vec![]));
        assert_eq!((paged(&store, true).await, paged(&store, false).await), (vec![3, 1, 0], vec![0, 0, 0]));
        nothing_is_wrong(&store).await;
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    erased(&store, "devis-1-1").await;
    assert_eq!((told(&store, "devis-1-1").await, paged(&store, true).await), (None, vec![1, 0]));
    // What was confirmed lives on; its neighbour's time is over, and nothing is left of either that nobody reaches.
    host.pass_days(&store, 10);
    store.expire().await.expect("expired");
    assert_eq!(paged(&store, true).await, [1]);
    nothing_is_wrong(&store).await;
}

pub(crate) async fn an_event_says_how_it_was_said<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 1).await;
    let boxes = ConsentKey::parse("email_optin").into_iter().collect();
    let said = Said { entity: EventEntity::Person, notice_revision: None, language: Some("fr".to_owned()) };
    let yes = confirmation(&rests_on(Basis::Consent), boxes).expect("known").as_said(said);
    let request = RewriteRequest::confirming(record("devis-1-1"), yes);
    let entry = Entry::by_person(Action::Confirmed, Reason::PersonRequest);
    store.rewrite(request, entry).await.expect("answered");
    let found = store.find(Wanted::Record(record("devis-1-1")), by_officer(Action::Found)).await;
    let lead = found.expect("looked up").remove(0).lead.expect("there");
    let [event] = lead.events() else { panic!("one") };
    assert_eq!((event.entity, event.language.as_deref()), (EventEntity::Person, Some("fr")));
    assert_eq!((event.at, event.consent.as_str()), (store.now(), "email_optin"));
}
