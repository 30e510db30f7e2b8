//! To whom records were handed: who, between which days, for how long it is known.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Host;
use super::support::*;
use crate::clock::Day;
use crate::lead::sample;
use crate::store::{
    Asked, ErasureId, ErasureRequest, HandedTo, MayLeave, One, PageRequest, SharedStore, StoreCode,
    TestFilter, Wanted,
};
use crate::trail::{Action, Entry, Operator, Outcome, Reason, Role};

/// Exporting on behalf of this recipient, or of nobody outside.
pub(super) fn on_behalf_of(recipient: Option<&str>) -> Entry {
    let (id, purposes) = ("0011223344556677".to_owned(), vec![purpose("devis")]);
    let recipient = recipient.map(str::to_owned);
    let operator =
        Operator::recognised_by_token(id, Role::Exporter, purposes, recipient, Some(Reason::CrmSync));
    Entry::by(&operator, Action::Exported)
}

/// Opens the page of `devis` behind this number, of so many records, and reads nothing of it.
pub(super) async fn hand(store: &SharedStore, recipient: Option<&str>, after: u64, limit: usize) {
    let after = Some(record(&format!("devis-1-{after}")));
    store.open_page(request(after, limit), on_behalf_of(recipient)).await.expect("a page");
}

/// Who had any of these records of `devis`, with days counted from the start.
async fn had(store: &SharedStore, numbers: &[u64]) -> Vec<(Option<String>, u32, u32)> {
    let records: Vec<_> = numbers.iter().map(|number| record(&format!("devis-1-{number}"))).collect();
    shown(store.handed_to(&records, &by_officer(Action::Accessed)).await.expect("known"))
}

fn shown(holders: Vec<HandedTo>) -> Vec<(Option<String>, u32, u32)> {
    let first = Day::of(start()).0;
    holders.into_iter().map(|of| (of.recipient, of.first.0 - first, of.last.0 - first)).collect()
}

fn of(recipient: Option<&str>, first: u32, last: u32) -> (Option<String>, u32, u32) {
    (recipient.map(str::to_owned), first, last)
}

pub(super) async fn erase(store: &SharedStore, numbers: impl IntoIterator<Item = u64>) -> ErasureId {
    let what = numbers.into_iter().map(|number| Wanted::Leadgen(leadgen(number))).collect();
    let request = ErasureRequest { what, ..ErasureRequest::default() };
    match store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased") {
        Asked::Erasure(erasure) => erasure.id,
        Asked::KeyTaken => panic!("no key was given"),
    }
}

pub(crate) async fn what_leaves_in_a_page_is_known_by_recipient_and_day_also_after_a_restart<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 6).await;
    hand(&store, Some("crm"), 0, 3).await;
    host.pass_days(&store, 2);
    hand(&store, None, 1, 4).await;
    hand(&store, Some("crm"), 2, 2).await;
    hand(&store, Some("agency"), 0, 1).await;
    for _ in 0..2 {
        assert_eq!(had(&store, &[1]).await, [of(Some("agency"), 2, 2), of(Some("crm"), 0, 0)]);
        assert_eq!(had(&store, &[3]).await, [of(None, 2, 2), of(Some("crm"), 0, 2)]);
        assert_eq!(had(&store, &[5]).await, [of(None, 2, 2)]);
        assert_eq!(had(&store, &[6, 7]).await, []);
        let all = [of(None, 2, 2), of(Some("agency"), 2, 2), of(Some("crm"), 0, 2)];
        assert_eq!(had(&store, &[1, 2, 3, 4, 5, 6]).await, all);
        let other = record("lettre-1-3");
        assert_eq!(
            store.handed_to(&[other, record("devis-2-3")], &by_officer(Action::Accessed)).await,
            Ok(Vec::new()),
            "nothing of theirs left"
        );
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
}

pub(crate) async fn what_a_page_passes_over_was_handed_to_nobody<H: Host>() {
    let host = H::new();
    let store = host.open();
    let batch = [(1, false, 10), (2, true, 10), (3, false, 10), (4, false, 1), (5, false, 10), (6, true, 10)];
    let batch = batch.map(|(number, test, days)| stored_in("devis", number, test, days)).into();
    store.settle(batch).await.expect("settled");
    host.pass_days(&store, 1);
    hand(&store, Some("crm"), 0, 10).await;
    let mut handed = Vec::new();
    for number in 1..=6 {
        handed.push(!had(&store, &[number]).await.is_empty());
    }
    assert_eq!(handed, [true, false, true, false, true, false]);
    let only = PageRequest { test: TestFilter::Only, ..request(None, 10) };
    store.open_page(only, on_behalf_of(None)).await.expect("a page");
    assert_eq!([had(&store, &[2]).await, had(&store, &[6]).await], [[of(None, 1, 1)], [of(None, 1, 1)]]);
    assert_eq!(had(&store, &[3]).await, [of(Some("crm"), 1, 1)]);
}

pub(crate) async fn a_page_that_is_refused_hands_nothing_over<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 3).await;
    let ahead = Some(record("devis-1-9"));
    let refused = store.open_page(request(ahead, 3), on_behalf_of(Some("crm"))).await;
    assert_eq!(code(refused.map(drop)), Some(StoreCode::CursorAhead));
    host.clock().advance_ms(30 * DAY_MS);
    let refused = store.open_page(request(None, 3), on_behalf_of(Some("crm"))).await;
    assert_eq!(code(refused.map(drop)), Some(StoreCode::ClockJumped));
    assert_eq!(had(&store, &[1, 2, 3]).await, []);
}

/// Whoever reads a page while a record of it is erased had it, whether its bytes had left or not.
pub(crate) async fn an_erasure_knows_who_had_what_it_took_away_and_keeps_that<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 6).await;
    hand(&store, Some("crm"), 0, 3).await;
    host.pass_days(&store, 1);
    let open =
        store.open_page(request(Some(record("devis-1-1")), 2), on_behalf_of(None)).await.expect("a page");
    let two = erase(&store, [2, 5]).await;
    let none = erase(&store, [6]).await;
    drop(open);
    // What is handed over afterwards has no part of it.
    hand(&store, Some("agency"), 0, 10).await;
    host.pass_days(&store, 1);
    store.trim_handed().await.expect("trimmed");
    for _ in 0..2 {
        let known = shown(store.handed_of(two).await.expect("known"));
        assert_eq!(known, [of(None, 1, 1), of(Some("crm"), 0, 0)]);
        assert_eq!(store.handed_of(none).await, Ok(Vec::new()));
        let unknown = ErasureId { number: none.number + 1, ..none };
        assert_eq!(store.handed_of(unknown).await, Ok(Vec::new()));
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
}

pub(crate) async fn what_is_known_goes_with_the_last_record_of_its_range<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 9).await;
    hand(&store, Some("crm"), 0, 4).await;
    hand(&store, None, 4, 2).await;
    assert_eq!(store.trim_handed().await, Ok(0), "everything is there");
    // The ends of the first range, and all of the second.
    erase(&store, [1, 4, 5, 6]).await;
    assert_eq!(store.trim_handed().await, Ok(2));
    assert_eq!(had(&store, &[1, 4, 5, 6]).await, []);
    for _ in 0..2 {
        assert_eq!(had(&store, &[2, 3]).await, [of(Some("crm"), 0, 0)]);
        assert_eq!(store.trim_handed().await, Ok(0));
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    erase(&store, [2]).await;
    assert_eq!(store.trim_handed().await, Ok(1));
    assert_eq!(had(&store, &[3]).await, [of(Some("crm"), 0, 0)]);
    erase(&store, [3]).await;
    assert_eq!(store.trim_handed().await, Ok(1));
    assert_eq!(had(&store, &[1, 2, 3, 4, 5, 6, 7]).await, []);
}

/// A reader who takes every second record one by one fills no disk, and is remembered for each.
pub(crate) async fn however_pages_lie_what_is_kept_of_them_is_bounded_and_covers_them<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 700).await;
    for after in (0..700).step_by(2) {
        hand(&store, Some("crm"), after, 1).await;
    }
    for number in (1..700).step_by(2) {
        assert_eq!(had(&store, &[number]).await, [of(Some("crm"), 0, 0)], "{number}");
    }
}

/// The page of `devis` behind this number, of which every third record may not leave while `strict` says so.
async fn hand_some(
    store: &SharedStore,
    after: u64,
    limit: usize,
    strict: &Arc<AtomicBool>,
) -> (Vec<String>, u64) {
    let strict = Arc::clone(strict);
    let may_leave: MayLeave =
        Arc::new(move |lead, _| Ok(!strict.load(Ordering::SeqCst) || !lead.id().number.is_multiple_of(3)));
    let after = Some(record(&format!("devis-1-{after}")));
    let request = PageRequest { may_leave: Some(may_leave), ..request(after, limit) };
    let mut page = store.open_page(request, on_behalf_of(Some("partner"))).await.expect("a page");
    let (count, withheld) = (page.count, page.withheld);
    let read = read_all(&mut page).expect("readable");
    assert_eq!(read.len() as u64, count);
    (read.iter().map(sample::email).collect(), withheld)
}

pub(crate) async fn what_may_not_leave_is_in_no_page_counts_as_handed_to_nobody_and_is_in_no_feed<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 1_200).await;
    let strict = Arc::new(AtomicBool::new(false));
    // The first three left when they might.
    assert_eq!(hand_some(&store, 0, 3, &strict).await.1, 0);
    strict.store(true, Ordering::SeqCst);
    host.pass_days(&store, 1);
    let (read, withheld) = hand_some(&store, 0, 1_200, &strict).await;
    assert_eq!((read.len(), withheld), (800, 400));
    assert!(
        read.iter().enumerate().all(|(at, email)| *email == email_of(at as u64 / 2 * 3 + 1 + at as u64 % 2))
    );
    let line = store.newest(u64::MAX, 1).await.expect("a trail").remove(0).entry;
    assert_eq!(
        (line.count, line.from, line.to),
        (800, Some(record("devis-1-1")), Some(record("devis-1-1199")))
    );
    // One that is asked for by its id.
    let one = async |number: u64| {
        let may_leave: MayLeave = Arc::new(|lead, _| Ok(!lead.id().number.is_multiple_of(3)));
        let id = record(&format!("devis-1-{number}"));
        let read =
            store.read_one(id, Some(may_leave), on_behalf_of(Some("partner"))).await.expect("answered");
        matches!(read, One::Withheld)
    };
    assert!(one(6).await && !one(7).await && one(9).await);
    let line = store.newest(u64::MAX, 1).await.expect("a trail").remove(0).entry;
    assert_eq!((line.count, line.from, line.result), (0, Some(record("devis-1-9")), Outcome::Nothing));
    for _ in 0..2 {
        assert_eq!(had(&store, &[3]).await, [of(Some("partner"), 0, 1)], "it had that before");
        for number in [1, 2, 4, 700, 1_199] {
            assert_eq!(had(&store, &[number]).await.len(), 1, "{number}");
        }
        for number in [6, 9, 510, 513, 699, 1_200] {
            assert_eq!(had(&store, &[number]).await, [], "{number}");
        }
        assert_eq!(store.trim_handed().await, Ok(0), "all of them are there");
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    let erasure = erase(&store, [3, 6, 699, 700]).await;
    assert_eq!(shown(store.handed_of(erasure).await.expect("known")).len(), 1);
    let entry = Entry::by_system_for(Action::ChangesRead, "partner");
    let page = store.changes("partner".to_owned(), None, 100, entry).await.expect("read").expect("a feed");
    let told: Vec<u64> = page.changes.iter().map(|change| change.id.number).collect();
    assert_eq!(told, [3, 700]);
    // Once it may leave, and does, it is handed as any other.
    strict.store(false, Ordering::SeqCst);
    hand_some(&store, 8, 1, &strict).await;
    assert_eq!(had(&store, &[9]).await.len(), 1);
    assert_eq!(had(&store, &[12]).await, []);
    let second = erase(&store, [12]).await;
    assert_eq!(store.handed_of(second).await, Ok(Vec::new()));
}
