//! Who looks for an address meets each record that is stored.

use super::support::*;
use super::{Host, Row};
use crate::lead::sample;
use crate::purpose::RecordId;
use crate::store::{ErasureRequest, Kept, SHOWN_AT_ONCE_MAX, SharedStore, StoreCode, Wanted};
use crate::trail::{Action, Outcome};

/// Everything that is met, in order: a record's id and its answers; of one that does not open its id alone.
fn met(store: &SharedStore) -> Vec<String> {
    let each = store.each_kept(&[by_officer(Action::Found)]).expect("opens");
    each.map(|kept| told(kept.expect("read"))).collect()
}

fn told(kept: Kept) -> String {
    match kept {
        Kept::Record(lead) => {
            let mut said = lead.id().to_string();
            lead.each_answer(|_, answer| said = format!("{said} {answer}")).expect("of our layout");
            assert!(lead.seen().is_some());
            said
        }
        Kept::Unreadable(id) => format!("{id}?"),
    }
}

fn holds(record: &str, number: u64) -> String {
    format!("{record} {}", email_of(number))
}

pub(crate) async fn each_record_is_met_once_whatever_its_purpose_its_expiry_or_its_kind<H: Host>() {
    let host = H::new();
    let store = host.open();
    assert!(met(&store).is_empty());
    // More than are read at a time; of another purpose a test lead, and one that is past its expiry soon.
    store_many(&store, 1, 600).await;
    let others = vec![stored_in("lettre", 700, true, 10), stored_in("lettre", 701, false, 2)];
    store.settle(others).await.expect("settled");
    host.pass_days(&store, 3);
    let devis: Vec<String> = (1..=600).map(|n| holds(&format!("devis-1-{n}"), n)).collect();
    let lettre = vec![holds("lettre-1-1", 700), holds("lettre-1-2", 701)];
    let all = [devis, lettre].concat();
    assert_eq!(met(&store), all);
    assert_eq!(store.each_kept(&[]).expect("opens").count(), 0, "nobody looks");
    store.close().await.expect("closed");
    drop(store);
    // Also where the config names a purpose no longer.
    let store = host.try_open(&["devis"]).expect("opens");
    assert_eq!(met(&store), all);
}

pub(crate) async fn what_is_erased_meanwhile_is_passed_over_and_what_comes_later_is_not_met<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 4).await;
    let mut each = store.each_kept(&[by_officer(Action::Found)]).expect("opens");
    let first = each.next().expect("one").expect("read");
    assert_eq!(told(first), holds("devis-1-1", 1));
    for id in ["devis-1-1", "devis-1-3"] {
        let request = ErasureRequest::of(Wanted::Record(record(id)));
        store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
    }
    store_many(&store, 5, 2).await;
    let rest: Vec<String> = each.map(|kept| told(kept.expect("read"))).collect();
    assert_eq!(rest, [holds("devis-1-2", 2), holds("devis-1-4", 4)]);
}

pub(crate) async fn a_record_that_does_not_open_is_named_and_the_others_are_met<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 3).await;
    store.close().await.expect("closed");
    drop(store);
    let row = |id: &str| Row::Record(record(id));
    let other = host.take(&row("devis-1-1"));
    host.put(&row("devis-1-2"), other);
    let store = host.open();
    assert_eq!(met(&store), ["devis-1-2?".to_owned(), holds("devis-1-3", 3)]);
}

pub(crate) async fn a_look_ends_with_the_store<H: Host>() {
    let host = H::new();
    let store = host.open();
    // More than are read at a time.
    store_many(&store, 1, 600).await;
    let mut each = store.each_kept(&[by_officer(Action::Found)]).expect("opens");
    assert!(each.next().is_some_and(|kept| kept.is_ok()));
    store.close().await.expect("closed, though somebody looks");
    let last = each.by_ref().find_map(Result::err).map(|error| error.code);
    assert_eq!(last, Some(StoreCode::Closed));
    assert!(each.next().is_none());
    assert_eq!(
        store.each_kept(&[by_officer(Action::Found)]).err().map(|error| error.code),
        Some(StoreCode::Closed)
    );
}

pub(crate) async fn each_record_that_is_shown_leaves_its_line_and_no_more_are_than_may_be<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 3).await;
    let asked: Vec<RecordId> = ["devis-1-3", "devis-1-9", "devis-1-1"].map(record).to_vec();
    let found = store.find_records(asked, by_officer(Action::FoundUnmasked)).await.expect("looked up");
    let shown: Vec<String> = found
        .iter()
        .map(|found| {
            format!("{} {}", word(&found.state), found.lead.as_ref().map(sample::email).expect("it"))
        })
        .collect();
    assert_eq!(shown, [holds("devis-1-3", 3), holds("devis-1-1", 1)]);
    assert!(store.find_records(Vec::new(), by_officer(Action::Found)).await.expect("looked up").is_empty());
    let lines = store.lines(1, 100).await.expect("a trail");
    let told: Vec<_> = lines
        .iter()
        .map(|line| &line.entry)
        .map(|entry| (entry.action(), entry.result, entry.count, entry.from.clone()))
        .collect();
    assert_eq!(
        told,
        [
            (Action::FoundUnmasked, Outcome::Done, 1, Some(record("devis-1-3"))),
            (Action::FoundUnmasked, Outcome::Done, 1, Some(record("devis-1-1"))),
            (Action::Found, Outcome::Nothing, 0, None),
        ]
    );
    let many = vec![record("devis-1-1"); SHOWN_AT_ONCE_MAX + 1];
    let refused = store.find_records(many, by_officer(Action::Found)).await;
    assert_eq!(code(refused), Some(StoreCode::ValueTooLarge));
}
