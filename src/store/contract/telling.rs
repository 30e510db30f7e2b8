//! Erasures whose person is told first: nobody uses what waits, and nothing keeps it from going.

use super::Host;
use super::several::{fates, nothing_is_wrong, settle, sieved};
use super::support::*;
use crate::clock::{Day, after};
use crate::forget::{TellingState, Untold};
use crate::purpose::RecordId;
use crate::store::{
    Asked, Erasure, ErasureId, ErasureRequest, Extent, MailId, MailKind, RepeatKey, SharedStore, StoreCode,
    StoreError, TELL_WITHIN, Telling, ToldFirst, Wanted,
};
use crate::trail::{Action, Entry, Operator, Outcome, Reason};

fn of(numbers: &[u64]) -> ErasureRequest {
    let what = numbers.iter().map(|number| Wanted::Record(own(*number)));
    ErasureRequest { what: what.collect(), told_first: true, ..ErasureRequest::default() }
}

fn own(number: u64) -> RecordId {
    record(&format!("devis-1-{number}"))
}

fn because(reason: Reason, action: Action) -> Entry {
    Entry::by(&Operator::recognised_by_kernel(1000).because(reason), action)
}

async fn begin(store: &SharedStore, request: ErasureRequest) -> (ErasureId, Telling) {
    match store.erase_once_told(request, by_officer(Action::ErasureToTell)).await.expect("it waits") {
        ToldFirst::Waits(id, telling) => (id, telling),
        other => panic!("{other:?}"),
    }
}

async fn end(store: &SharedStore, numbers: &[u64], told: Result<(), Untold>) -> Option<Erasure> {
    let action = if told.is_ok() { Action::ErasureTold } else { Action::ErasureUntold };
    let records = numbers.iter().map(|number| own(*number)).collect();
    store.end_telling(records, told, Entry::by_system(action)).await.expect("noted")
}

async fn exported(store: &SharedStore) -> Vec<String> {
    export(store, 10).await.expect("a page")
}

/// Lines of the trail that say this, of this erasure.
async fn said(store: &SharedStore, action: Action, erasure: ErasureId) -> usize {
    let lines = store.lines(0, 1_000).await.expect("a trail");
    let number = Some((erasure.epoch, erasure.number));
    lines.iter().filter(|line| line.entry.action() == action && line.entry.erasure == number).count()
}

pub(crate) async fn what_waits_for_its_letter_is_used_by_nobody_and_goes_once_that_went<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 3).await;
    let (id, telling) = begin(&store, of(&[2])).await;
    let until = after(start(), TELL_WITHIN);
    let waits = Telling { state: TellingState::Waiting, until, told: 0, untold: 0, why: None };
    assert_eq!((id.to_string().as_str(), telling), ("1-1", waits));
    let letter = MailId { record: own(2), kind: MailKind::Erasing };
    for _ in 0..2 {
        assert_eq!(exported(&store).await, [email_of(1), email_of(3)]);
        let restriction = store.restriction(&own(2)).expect("nobody uses it");
        assert_eq!((restriction.erasure, restriction.until), (Some(id), Day::of(until)));
        assert_eq!(restriction.reason, Some(Reason::PersonRequest));
        let found = store.find(Wanted::Record(own(2)), by_officer(Action::Found)).await.expect("looked up");
        assert!(found[0].lead.is_some() && found[0].restriction == Some(restriction));
        assert_eq!(store.mails_due(9), std::slice::from_ref(&letter));
        let erasure = store.erasure(id).await.expect("read").expect("it is asked for");
        assert_eq!((erasure.asked, erasure.done), (start(), None));
        assert_eq!(erasure.extent.total(), 1);
        assert_eq!(store.telling(id).await, Ok(Some(waits)));
        let to_tell = store.to_tell(own(2)).await.expect("read").expect("it waits");
        assert_eq!((to_tell.erasure, to_tell.records), (id, vec![own(2)]));
        assert_eq!(store.tellings_over().await, Ok(Vec::new()));
        assert_eq!((store.tellings_waiting(), store.stuck_erasures().pending), (1, 0));
        let refused = Err(StoreError::of(StoreCode::ToBeErased));
        let until = Day::of(start()).plus(30);
        assert_eq!(store.restrict(own(2), until, by_officer(Action::Restricted)).await, refused);
        let lifted = store.lift_restriction(own(2), by_officer(Action::RestrictionLifted)).await;
        assert_eq!(lifted, Err(StoreError::of(StoreCode::ToBeErased)));
        nothing_is_wrong(&store).await;
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    let attempt = store.try_mail(letter.clone()).await.expect("tried").expect("it waits");
    assert!(store.mail_stands(&letter, &attempt), "a letter goes although nobody may use the record");
    host.clock().advance_ms(60_000);
    let erasure = end(&store, &[2], Ok(())).await.expect("it was the last letter");
    assert!(erasure.done.is_some_and(|end| end.at >= after(start(), jiff::SignedDuration::from_mins(1))));
    assert_eq!((erasure.id, erasure.asked, erasure.reason), (id, start(), Some(Reason::PersonRequest)));
    assert_eq!(end(&store, &[2], Ok(())).await, None, "it is over");
    let told = Telling { state: TellingState::Told, told: 1, ..waits };
    let number = Some((1, 1));
    for _ in 0..2 {
        assert_eq!(exported(&store).await, [email_of(1), email_of(3)]);
        assert_eq!(store.erasure(id).await, Ok(Some(erasure.clone())));
        assert_eq!(store.telling(id).await, Ok(Some(told)));
        assert_eq!((store.restriction(&own(2)), store.mails_waiting().count), (None, 0));
        assert_eq!((store.tellings_waiting(), store.tellings_over().await), (0, Ok(Vec::new())));
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    let found = store.find(Wanted::Record(own(2)), by_officer(Action::Found)).await.expect("looked up");
    assert!(found.is_empty());
    let said: Vec<_> =
        store.lines(0, 100).await.expect("a trail").into_iter().map(|line| line.entry).collect();
    let of_it = |action| said.iter().find(|entry| entry.action() == action).expect("a line");
    for action in [Action::ErasureToTell, Action::ErasureTold, Action::Erased] {
        assert_eq!((of_it(action).erasure, of_it(action).count), (number, 1), "{action}");
    }
    assert_eq!(of_it(Action::ErasureToTell).from, Some(own(2)));
    assert_eq!(of_it(Action::ErasureAsked).reason(), Some(Reason::PersonRequest));
    assert_eq!(of_it(Action::ErasureAsked).result, Outcome::Done);
    let (next, _) = begin(&store, of(&[1])).await;
    assert_eq!(next.number, 2, "no number is given twice");
    nothing_is_wrong(&store).await;
}

pub(crate) async fn whoever_is_not_told_in_time_is_erased_all_the_same<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 4).await;
    let (id, telling) = begin(&store, of(&[1, 2])).await;
    assert_eq!(store.tellings_waiting(), 1, "it is one erasure");
    assert_eq!(end(&store, &[1], Err(Untold::NoAddress)).await, None, "another letter waits");
    assert_eq!(exported(&store).await, [email_of(3), email_of(4)]);
    host.clock().advance_ms(3 * 86_400_000 - 1);
    assert_eq!(store.tellings_over().await, Ok(Vec::new()));
    store.close().await.expect("closed");
    drop(store);
    store = host.open();
    host.clock().advance_ms(1);
    let over = store.tellings_over().await.expect("looked");
    assert_eq!(over, [vec![own(1), own(2)]]);
    let entry = Entry::by_system(Action::ErasureUntold);
    let erased = store.end_telling(over[0].clone(), Err(Untold::NotInTime), entry).await.expect("erased");
    assert!(erased.is_some_and(|erasure| erasure.id == id && erasure.extent.total() == 2));
    let shown = store.telling(id).await.expect("read").expect("kept");
    assert_eq!((shown.state, shown.told, shown.untold), (TellingState::NotTold, 0, 2));
    assert_eq!((shown.why, shown.until), (Some(Untold::NotInTime), telling.until));
    assert_eq!(said(&store, Action::ErasureUntold, id).await, 2, "one line for each record");

    // One of which no letter waits any more, as after a bounce, does not wait for the end of its time.
    begin(&store, of(&[3])).await;
    let entry = Entry::by_system(Action::Unreachable);
    store.note_unreachable(vec![own(3)], entry).await.expect("noted");
    assert_eq!(store.tellings_over().await, Ok(vec![vec![own(3)]]));
    assert!(end(&store, &[3], Err(Untold::Unreachable)).await.is_some());
    assert_eq!(exported(&store).await, [email_of(4)]);
    nothing_is_wrong(&store).await;
}

pub(crate) async fn whoever_is_erased_meanwhile_waits_no_longer_and_whoever_asks_again_has_nobody_wait_longer<
    H: Host,
>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 4).await;
    let (first, telling) = begin(&store, of(&[1, 2])).await;
    host.clock().advance_ms(3_600_000);
    let (second, again) = begin(&store, of(&[2, 3])).await;
    assert_eq!((second.number, again.until), (2, telling.until), "it goes when it was to go");
    assert_eq!(store.restriction(&own(2)).and_then(|found| found.erasure), Some(second));
    assert_eq!(store.mails_waiting().count, 3, "of each record one letter");
    // Whatever the reason: it is to be erased anyway.
    let request = ErasureRequest::of(Wanted::Record(own(1)));
    let asked = store.erase(request, because(Reason::Error, Action::ErasureAsked)).await.expect("erased");
    let Asked::Erasure(third) = asked else { panic!("no key was given") };
    assert_eq!((third.id.number, third.extent.total()), (3, 1));
    let left = store.erasure(first).await.expect("read").expect("kept");
    assert!(left.done.is_some() && left.extent == Extent::default(), "it took nothing");
    let shown = store.telling(first).await.expect("read").expect("kept");
    assert_eq!((shown.state, shown.untold, shown.why), (TellingState::NotTold, 2, Some(Untold::ByAnother)));
    assert_eq!(store.tellings_waiting(), 1);
    assert_eq!(end(&store, &[2], Ok(())).await, None);
    let erasure = end(&store, &[3], Err(Untold::NoAddress)).await.expect("the last");
    assert_eq!((erasure.id, erasure.extent.total()), (second, 2));
    let shown = store.telling(second).await.expect("read").expect("kept");
    assert_eq!((shown.state, shown.told, shown.untold), (TellingState::Told, 1, 1));
    assert_eq!(exported(&store).await, [email_of(4)]);
    nothing_is_wrong(&store).await;
}

pub(crate) async fn who_is_to_be_told_is_restricted_by_nobody_else_and_known_again_by_its_key<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 2).await;
    let until = Day::of(start()).plus(1);
    store.restrict(own(1), until, by_officer(Action::Restricted)).await.expect("restricted");
    // What nobody may use goes by the person's own request alone, told or not.
    let by_house = || because(Reason::Audit, Action::ErasureToTell);
    let refused = store.erase_once_told(of(&[1]), by_house()).await;
    assert_eq!(refused, Err(StoreError::of(StoreCode::RecordRestricted)));
    assert_eq!(store.tellings_waiting(), 0);
    let keyed = |request: ErasureRequest| ErasureRequest { repeat: RepeatKey::parse("0f6e"), ..request };
    let (id, telling) = begin(&store, keyed(of(&[1]))).await;
    assert_eq!(begin(&store, keyed(of(&[1]))).await, (id, telling), "it is the same request");
    let other = store.erase_once_told(keyed(of(&[2])), by_officer(Action::ErasureToTell)).await;
    assert_eq!(other, Ok(ToldFirst::KeyTaken));
    let untold = ErasureRequest { told_first: false, ..keyed(of(&[1])) };
    assert_eq!(store.erase(untold, by_officer(Action::ErasureAsked)).await, Ok(Asked::KeyTaken));
    let nobody = store.erase_once_told(of(&[9]), by_officer(Action::ErasureToTell)).await;
    assert_eq!(nobody, Ok(ToldFirst::NoRecord));
    host.pass_days(&store, 2);
    // No day of before ends it while it waits.
    assert_eq!(store.end_restrictions().await, Ok(0));
    assert_eq!(exported(&store).await, [email_of(2)]);
    let erasure = end(&store, &[1], Ok(())).await.expect("it was the last letter");
    let known = store.erase_once_told(keyed(of(&[1])), by_officer(Action::ErasureToTell)).await;
    assert_eq!(known, Ok(ToldFirst::Known(erasure)));
    nothing_is_wrong(&store).await;
}

pub(crate) async fn what_is_stored_meanwhile_for_another_purpose_waits_with_the_rest<H: Host>() {
    let host = H::new();
    let store = host.open();
    for number in [1, 2] {
        settle(&store, sieved(number, &["+devis", "-lettre"])).await;
    }
    let (id, _) = begin(&store, of(&[1])).await;
    let narrowed = ErasureRequest { purposes: vec![purpose("devis")], ..of(&[2]) };
    begin(&store, narrowed).await;
    for (number, late) in [(1, "lettre-1-1"), (2, "lettre-1-2")] {
        assert_eq!(settle(&store, sieved(number, &["+lettre"])).await, late);
    }
    let waits = |id: &str| store.restriction(&record(id)).and_then(|found| found.erasure);
    assert_eq!((waits("lettre-1-1"), waits("lettre-1-2")), (Some(id), None), "as far as it was asked for");
    assert_eq!(store.mails_waiting().count, 3);
    assert_eq!(end(&store, &[1], Ok(())).await, None);
    let entry = Entry::by_system(Action::ErasureTold);
    let erased = store.end_telling(vec![record("lettre-1-1")], Ok(()), entry).await.expect("noted");
    assert_eq!(erased.map(|erasure| (erasure.id, erasure.extent.total())), Some((id, 2)));
    assert_eq!(fates(&store, 1).await, "erased");
    assert!(end(&store, &[2], Ok(())).await.is_some_and(|erasure| erasure.extent.total() == 1));
    let left = store.stored().await.expect("counted");
    assert_eq!((left[&purpose("devis")], left[&purpose("lettre")]), (0, 1));
    nothing_is_wrong(&store).await;
}
