//! Look-ups, and what is known of each leadgen.

use super::support::*;
use super::{Host, Row};
use crate::lead::sample;
use crate::notification::ParkCode;
use crate::store::{Found, SeenState, SharedStore, StoreCode, StoreError, Wanted};
use crate::trail::{Action, Outcome};

async fn find(store: &SharedStore, wanted: Wanted) -> Result<Vec<Found>, StoreError> {
    store.find(wanted, by_officer(Action::Found)).await
}

/// The one that was found.
async fn found(store: &SharedStore, wanted: Wanted) -> Found {
    let mut found = find(store, wanted).await.expect("looked up");
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn email(found: &Found) -> Option<String> {
    found.lead.as_ref().map(sample::email)
}

pub(crate) async fn a_record_is_found_by_either_id_and_the_look_up_stands_in_the_trail<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(vec![stored(1), stored(2), parked(3, 1, REFUSED)]).await.expect("settled");
    let id = record("devis-1-2");
    let by_leadgen = found(&store, Wanted::Leadgen(leadgen(2))).await;
    assert_eq!((&by_leadgen.state, email(&by_leadgen)), (&SeenState::Stored(id.clone()), Some(email_of(2))));
    let by_id = found(&store, Wanted::Record(id.clone())).await;
    assert_eq!((&by_id.state, email(&by_id)), (&SeenState::Stored(id.clone()), Some(email_of(2))));
    let refused = found(&store, Wanted::Leadgen(leadgen(3))).await;
    assert_eq!((&refused.state, email(&refused)), (&SeenState::Parked(REFUSED), None));
    assert!(find(&store, Wanted::Leadgen(leadgen(4))).await.expect("looked up").is_empty());
    for absent in ["devis-1-3", "devis-2-2", "inconnu-1-1"] {
        assert!(find(&store, Wanted::Record(record(absent))).await.expect("looked up").is_empty());
    }
    // After the line of what was stored.
    let lines = store.lines(1, 100).await.expect("a trail");
    assert_eq!(lines.len(), 7);
    let told = |at: usize| {
        let entry = &lines[at].entry;
        (entry.result, entry.count, entry.purpose.clone(), entry.from.clone(), entry.to.clone())
    };
    assert_eq!(told(0), (Outcome::Done, 1, Some(purpose("devis")), Some(id.clone()), Some(id)));
    assert_eq!(told(2), (Outcome::Done, 1, None, None, None));
    assert_eq!(told(3), (Outcome::Nothing, 0, None, None, None));
}

pub(crate) async fn past_its_expiry_a_record_is_known_and_not_shown<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(vec![stored(1)]).await.expect("settled");
    host.pass_days(&store, 5);
    assert!(found(&store, Wanted::Leadgen(leadgen(1))).await.lead.is_some());
    host.pass_days(&store, 5);
    for wanted in [Wanted::Leadgen(leadgen(1)), Wanted::Record(record("devis-1-1"))] {
        let found = found(&store, wanted).await;
        assert!(found.lead.is_none() && matches!(found.state, SeenState::Stored(_)));
    }
}

pub(crate) async fn a_record_that_does_not_open_is_told_after_its_line<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(vec![stored(1), stored(2)]).await.expect("settled");
    store.close().await.expect("closed");
    drop(store);
    let row = |id: &str| Row::Record(record(id));
    let other = host.take(&row("devis-1-1"));
    host.put(&row("devis-1-2"), other);
    let store = host.open();
    let refused = find(&store, Wanted::Leadgen(leadgen(2))).await;
    assert_eq!(code(refused), Some(StoreCode::RecordUnreadable));
    let lines = store.lines(1, 100).await.expect("a trail");
    assert_eq!(lines.iter().map(|line| line.entry.action()).collect::<Vec<_>>(), [Action::Found]);
}

pub(crate) async fn whatever_became_of_a_leadgen_it_is_known_in_the_order_asked<H: Host>() {
    let host = H::new();
    let store = host.open();
    let batch = vec![
        stored(1),
        parked(2, 1, waiting(60, 0)),
        parked(3, 1, HELD),
        parked(4, 1, REFUSED),
        parked(5, 1, BURIED),
    ];
    store.settle(batch).await.expect("settled");
    let asked = [9, 5, 1, 8, 2, 3, 4, 1].map(reference);
    let known = vec![false, true, true, false, true, true, true, true];
    assert_eq!(store.known(&asked).await, Ok(known));
    assert_eq!(store.known(&[]).await, Ok(Vec::new()));
    host.pass_days(&store, 91);
    assert_eq!(store.expire_parked().await, Ok(4));
    assert_eq!(store.known(&[reference(4), reference(6)]).await, Ok(vec![true, false]), "refused for good");
}

pub(crate) async fn what_became_of_a_leadgen_is_said_also_after_a_restart<H: Host>() {
    let host = H::new();
    let store = host.open();
    let whys = [waiting(60, 2), HELD, REFUSED, BURIED];
    let batch = (1..).zip(whys).map(|(number, why)| parked(number, 1, why)).collect();
    store.settle(batch).await.expect("settled");
    host.pass_days(&store, 91);
    assert_eq!(store.expire_parked().await, Ok(4));
    let batch = (11..).zip(whys).map(|(number, why)| parked(number, 1, why)).collect();
    store.settle(batch).await.expect("settled");
    store.settle(vec![stored(20)]).await.expect("settled");
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    let too_old = SeenState::Refused(ParkCode::TooOld);
    for number in 1..=4 {
        assert_eq!(seen(&store, number).await, Ok(Some(too_old.clone())));
    }
    for (number, why) in (11..).zip(whys) {
        assert_eq!(seen(&store, number).await, Ok(Some(SeenState::Parked(why))));
    }
    assert_eq!(seen(&store, 20).await, Ok(Some(SeenState::Stored(record("devis-1-1")))));
    assert_eq!(seen(&store, 21).await, Ok(None));
}
