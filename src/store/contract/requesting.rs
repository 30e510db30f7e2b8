//! The register of requests: numbers, days, what is due, what ends.

use super::Host;
use super::support::*;
use crate::clock::Day;
use crate::purpose::law::{ExtensionGround, RequestKind};
use crate::store::{ErasureId, Extending, PersonRequest, REQUESTS_LISTED_MAX, RequestId, SharedStore};
use crate::trail::{Action, Outcome as Ended};

/// The day of the start, so many days on.
fn day(days: i64) -> Day {
    Day::of(later(days))
}

async fn opened(store: &SharedStore, kind: RequestKind, received: Day) -> PersonRequest {
    store.open_request(kind, received, by_officer(Action::RequestOpened)).await.expect("opened")
}

async fn all(store: &SharedStore) -> Vec<PersonRequest> {
    store.requests(None, REQUESTS_LISTED_MAX).await.expect("listed")
}

/// The lines about requests: what, how many, and whether nothing was done.
async fn lines(store: &SharedStore) -> Vec<String> {
    let lines = store.lines(0, 100).await.expect("a trail");
    let about = lines.iter().filter(|line| line.entry.action().as_str().starts_with("request"));
    let said = about.map(|line| {
        let nothing = if line.entry.result == Ended::Nothing { " nothing" } else { "" };
        format!("{} {} {}{nothing}", line.entry.role(), line.entry.action(), line.entry.count)
    });
    said.collect()
}

pub(crate) async fn a_request_is_numbered_answered_once_and_there_after_a_restart<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    assert_eq!(all(&store).await, []);
    let access = opened(&store, RequestKind::Access, day(-3)).await;
    let erasure = opened(&store, RequestKind::Erasure, day(0)).await;
    assert_eq!((access.id.to_string(), erasure.id.to_string()), ("1-1".to_owned(), "1-2".to_owned()));
    let by = ErasureId { epoch: 1, number: 7 };
    let answer = |id| store.answer_request(id, Some(by), by_officer(Action::RequestAnswered));
    let answered = answer(erasure.id).await.expect("answered").expect("it is there");
    assert_eq!(answered.answered, Some((day(0), Some(by))));
    host.clock().advance_ms(DAY_MS);
    let again = store.answer_request(erasure.id, None, by_officer(Action::RequestAnswered)).await;
    assert_eq!(again, Ok(Some(answered.clone())), "it stays as it was");
    let nobody = RequestId { epoch: 1, number: 9 };
    assert_eq!(answer(nobody).await, Ok(None));
    for _ in 0..2 {
        assert_eq!(all(&store).await, [access.clone(), answered.clone()]);
        assert_eq!(store.requests(Some(access.id), 5).await, Ok(vec![answered.clone()]));
        assert_eq!(store.requests(None, 1).await, Ok(vec![access.clone()]));
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    assert_eq!(opened(&store, RequestKind::Objection, day(1)).await.id.number, 3, "no number is given twice");
    let expected = [
        "local request-opened 1",
        "local request-opened 1",
        "local request-answered 1",
        "local request-opened 1",
    ];
    assert_eq!(lines(&store).await, expected);
}

pub(crate) async fn a_request_is_extended_once_and_within_its_month<H: Host>() {
    let host = H::new();
    let store = host.open();
    let extend = async |id| {
        let entry = by_officer(Action::RequestExtended);
        store.extend_request(id, ExtensionGround::Complex, entry).await.expect("asked")
    };
    let one = opened(&store, RequestKind::Access, day(0)).await;
    let Extending::Extended(extended) = extend(one.id).await else { panic!("it is extended") };
    assert_eq!(extended.extended, Some((ExtensionGround::Complex, day(0))));
    assert!(extended.due() > one.due() && extended.due().0 - day(0).0 >= 89, "{}", extended.due());
    assert_eq!(all(&store).await, [extended]);
    assert_eq!(extend(one.id).await, Extending::TooLate, "once");
    let late = opened(&store, RequestKind::Access, day(-40)).await;
    assert_eq!(extend(late.id).await, Extending::TooLate, "whoever asked had to be told within the month");
    let done = opened(&store, RequestKind::Access, day(0)).await;
    store.answer_request(done.id, None, by_officer(Action::RequestAnswered)).await.expect("answered");
    assert_eq!(extend(done.id).await, Extending::TooLate);
    assert_eq!(extend(RequestId { epoch: 1, number: 99 }).await, Extending::Unknown);
    let nothing = lines(&store).await.into_iter().filter(|line| line.ends_with(" nothing")).count();
    assert_eq!(nothing, 4);
}

pub(crate) async fn what_is_due_is_counted_and_what_was_answered_long_ago_ends<H: Host>() {
    let host = H::new();
    let store = host.open();
    let old = opened(&store, RequestKind::Erasure, day(-20)).await;
    let young = opened(&store, RequestKind::Access, day(0)).await;
    let due = async |by: Day| store.requests_due(by).await.expect("counted");
    assert_eq!((due(old.due().minus(1)).await, due(old.due()).await, due(young.due()).await), (0, 1, 2));
    store.answer_request(old.id, None, by_officer(Action::RequestAnswered)).await.expect("answered");
    assert_eq!(due(young.due()).await, 1, "what is answered is not due");
    assert_eq!(store.end_requests(12).await, Ok(0));
    host.pass_days(&store, 364);
    assert_eq!(store.end_requests(12).await, Ok(0));
    host.pass_days(&store, 2);
    assert_eq!(store.end_requests(12).await, Ok(1));
    assert_eq!(all(&store).await, [young], "what is not answered stays, however old");
    assert_eq!(lines(&store).await.last().map(String::as_str), Some("system requests-ended 1"));
    assert_eq!(store.end_requests(12).await, Ok(0));
}
