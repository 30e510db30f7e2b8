//! What goes on and what waits while a clock is not believed, and how that ends.

use super::Host;
use super::support::*;
use super::tokens::token;
use crate::clock::Day;
use crate::store::{
    ClockStanding, ClockTrust, ClockVoice, SeenState, SharedStore, StoreCode, StoreError, Token, Wanted,
};
use crate::trail::{Action, Actor, Entry, Outcome};

async fn find(store: &SharedStore, id: &str) -> Result<bool, StoreError> {
    let found = store.find(Wanted::Record(record(id)), by_officer(Action::Found)).await?;
    Ok(found.first().is_some_and(|found| found.lead.is_some()))
}

const PERSON: Actor = Actor::Local(1000);
const SYSTEM: Actor = Actor::System;

fn by_person() -> Entry {
    by_officer(Action::ClockConfirmed)
}

/// The lines about the clock.
async fn told(store: &SharedStore) -> Vec<(Actor, Action, Outcome)> {
    let lines = store.lines(0, 100).await.expect("a trail").into_iter().map(|line| line.entry);
    let of_clock = |entry: &Entry| matches!(entry.action(), Action::ClockConfirmed | Action::ClockLowered);
    lines.filter(of_clock).map(|entry| (entry.actor().clone(), entry.action(), entry.result)).collect()
}

/// A record that lives for ten days, and one that lives for 400.
async fn short_and_long(store: &SharedStore) {
    let batch = vec![stored_in("devis", 1, false, 10), stored_in("devis", 2, false, 400)];
    store.settle(batch).await.expect("settled");
}

pub(crate) async fn a_page_says_which_days_have_come_and_which_depend_on_the_clock<H: Host>() {
    let host = H::new();
    let store = host.open();
    let (today, tomorrow) = (Day::of(start()), Day::of(start()).next());
    let page = store.open_page(request(None, 10), exporting()).await.expect("a page");
    assert_eq!((page.days.has_come(today), page.days.has_come(tomorrow)), (Ok(true), Ok(false)));
    drop(page);
    store.close().await.expect("closed");
    drop(store);
    host.clock().advance_ms(2 * DAY_MS);
    let store = host.open_alone();
    let page = store.open_page(request(None, 10), exporting()).await.expect("a page");
    assert_eq!(page.days.has_come(today), Ok(true), "somebody had confirmed that much");
    assert_eq!(code(page.days.has_come(tomorrow)), Some(StoreCode::ClockUnconfirmed));
    assert_eq!(page.days.has_come(tomorrow.next().next()), Ok(false));
}

pub(crate) async fn after_a_leap_forward_leads_are_stored_and_nothing_is_handed_out_or_destroyed<H: Host>() {
    let host = H::new();
    let store = host.open();
    short_and_long(&store).await;
    store.settle(vec![parked(3, 1, HELD)]).await.expect("settled");
    host.clock().advance_ms(100 * DAY_MS);
    let jumped = Some(StoreCode::ClockJumped);
    for _ in 0..2 {
        assert!(store.clock_jumped());
        assert_eq!(code(store.open_page(request(None, 10), exporting()).await), jumped);
        assert_eq!(code(store.expire_parked().await), jumped);
        assert_eq!(code(store.sealed_days().await), jumped);
    }
    assert_eq!(code(find(&store, "devis-1-1").await), jumped, "past its expiry or not?");
    assert_eq!(find(&store, "devis-1-2").await, Ok(true), "not past it by either clock");
    let settled = store.settle(vec![stored(4), parked(5, 1, HELD)]).await.expect("storing goes on");
    assert!(record_of(&settled[0]).is_some());
    assert_eq!(store.overview().await.map(|overview| overview.held.len()), Ok(1));
    assert!(store.ready());
    store.close().await.expect("closed");
    drop(store);
    // It is not believed after a restart either, so that a clock put right again has done no harm.
    let store = host.open();
    assert!(store.clock_jumped());
    host.clock().advance_ms(-100 * DAY_MS);
    assert!(!store.clock_jumped());
    assert_eq!(find(&store, "devis-1-1").await, Ok(true));
    assert_eq!(export(&store, 10).await.map(|read| read.len()), Ok(3));
    host.agree(&store);
    assert_eq!(store.sealed_days().await, Ok(vec![Day::of(start())]), "no day is kept that has not come");
}

pub(crate) async fn a_confirmed_leap_stands_in_the_trail_and_is_believed_also_after_a_restart<H: Host>() {
    let host = H::new();
    let store = host.open();
    short_and_long(&store).await;
    assert_eq!(store.compare_clock(start()).await, Ok(false));
    assert_eq!(store.confirm_clock(by_person()).await, Ok(false));
    host.clock().advance_ms(100 * DAY_MS);
    assert_eq!(store.confirm_clock(by_person()).await, Ok(true));
    assert!(!store.clock_jumped());
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(2)]));
    assert_eq!(store.expire_parked().await, Ok(0));
    // Without a close: what was confirmed is durable by itself.
    drop(store);
    let store = host.open();
    assert!(!store.clock_jumped());
    host.clock().advance_ms(100 * DAY_MS);
    assert!(store.clock_jumped(), "the next one is another");
    assert_eq!(store.compare_clock(later(200)).await, Ok(true));
    let confirmed = Action::ClockConfirmed;
    let expected = [
        (PERSON, confirmed, Outcome::Nothing),
        (PERSON, confirmed, Outcome::Done),
        (SYSTEM, confirmed, Outcome::Done),
    ];
    assert_eq!(told(&store).await, expected, "where there is nothing to confirm the system says nothing");
}

pub(crate) async fn a_clock_set_back_brings_nothing_back_also_after_a_restart<H: Host>() {
    let host = H::new();
    let store = host.open();
    short_and_long(&store).await;
    host.pass_days(&store, 10);
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(2)]));
    host.clock().advance_ms(-9 * DAY_MS);
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(2)]));
    assert_eq!(find(&store, "devis-1-1").await, Ok(false));
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert!(!store.clock_jumped());
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(2)]));
    assert_eq!(find(&store, "devis-1-1").await, Ok(false));
}

pub(crate) async fn steps_of_a_few_days_are_no_leap_and_seven_days_neither<H: Host>() {
    let host = H::new();
    let store = host.open();
    for _ in 0..3 {
        host.clock().advance_ms(7 * DAY_MS);
        assert!(!store.clock_jumped());
    }
    store.close().await.expect("closed");
    drop(store);
    host.clock().advance_ms(7 * DAY_MS);
    let store = host.open();
    assert!(!store.clock_jumped(), "what a store has seen it knows after a restart");
    assert_eq!(store.sealed_days().await, Ok(Vec::new()));
    host.clock().advance_ms(7 * DAY_MS + 1);
    assert!(store.clock_jumped());
}

pub(crate) async fn nothing_is_destroyed_before_the_clock_was_confirmed_since_the_start<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(vec![parked(1, 1, HELD)]).await.expect("settled");
    host.pass_days(&store, 91);
    assert!(store.clock_confirmed());
    store.close().await.expect("closed");
    drop(store);
    let store = host.open_alone();
    assert!(!store.clock_jumped() && !store.clock_confirmed());
    let unconfirmed = Some(StoreCode::ClockUnconfirmed);
    assert_eq!(code(store.expire_parked().await), unconfirmed);
    assert_eq!(code(store.sealed_days().await), unconfirmed);
    assert_eq!(seen(&store, 1).await, Ok(Some(SeenState::Parked(HELD))));
    assert_eq!(store.compare_clock(later(91)).await, Ok(false), "no line: it was believed");
    let standing = |trust| ClockStanding { told: later(91), seen: later(91), trust };
    assert_eq!(store.clock(), standing(ClockTrust::Confirmed(ClockVoice::OtherClock)));
    host.clock().advance_ms(2 * 3_600_000);
    assert_eq!(code(store.expire_parked().await), unconfirmed, "it was set meanwhile");
    assert_eq!(store.clock().trust, ClockTrust::Unconfirmed);
    assert_eq!(store.confirm_clock(by_person()).await, Ok(true));
    assert_eq!(store.clock().trust, ClockTrust::Confirmed(ClockVoice::Person));
    assert_eq!(store.confirm_clock(by_person()).await, Ok(false));
    assert_eq!(store.expire_parked().await, Ok(1));
    assert_eq!(store.sealed_days().await, Ok(Vec::new()));
    let confirmed = Action::ClockConfirmed;
    assert_eq!(
        told(&store).await,
        [(PERSON, confirmed, Outcome::Done), (PERSON, confirmed, Outcome::Nothing)]
    );
}

pub(crate) async fn what_only_an_unconfirmed_clock_says_is_expired_is_not_passed_over<H: Host>() {
    let host = H::new();
    let store = host.open();
    short_and_long(&store).await;
    host.pass_days(&store, 5);
    store.close().await.expect("closed");
    drop(store);
    host.clock().advance_ms(6 * DAY_MS);
    let store = host.open_alone();
    assert!(!store.clock_jumped(), "it is believed");
    let unconfirmed = Some(StoreCode::ClockUnconfirmed);
    assert_eq!(code(export(&store, 10).await), unconfirmed, "a cursor would go past it for good");
    assert_eq!(code(find(&store, "devis-1-1").await), unconfirmed);
    assert_eq!(find(&store, "devis-1-2").await, Ok(true));
    assert_eq!(store.compare_clock(later(11)).await, Ok(false));
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(2)]));
    store.close().await.expect("closed");
    drop(store);
    let store = host.open_alone();
    assert_eq!(
        export(&store, 10).await,
        Ok(vec![email_of(2)]),
        "what was certain is certain after a restart"
    );
}

/// The clock is 200 days ahead from the first start on: nothing is a leap, and every record seems to be expired.
pub(crate) async fn a_first_clock_that_was_ahead_is_lowered_and_nothing_counts_as_expired_by_it<H: Host>() {
    let host = H::new();
    host.clock().advance_ms(200 * DAY_MS);
    let store = host.open_alone();
    short_and_long(&store).await;
    store.settle(vec![parked(3, 1, HELD)]).await.expect("settled");
    assert!(!store.clock_jumped());
    assert_eq!(code(store.expire_parked().await), Some(StoreCode::ClockUnconfirmed));
    assert_eq!(store.compare_clock(start()).await, Ok(true));
    assert_eq!((store.now(), store.clock_jumped()), (start(), true));
    assert_eq!(code(export(&store, 10).await), Some(StoreCode::ClockJumped));
    assert_eq!(store.compare_clock(start()).await, Ok(false), "it is said once");
    // Without a close: what was lowered is durable by itself.
    drop(store);
    let store = host.open_alone();
    assert!(store.clock_jumped());
    host.clock().advance_ms(-200 * DAY_MS);
    assert!(!store.clock_jumped());
    host.agree(&store);
    assert_eq!(store.expire_parked().await, Ok(0), "Meta has it still");
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(1), email_of(2)]));
    assert_eq!(told(&store).await, [(SYSTEM, Action::ClockLowered, Outcome::Done)]);
}

pub(crate) async fn a_wrong_word_of_a_person_is_taken_back_by_another_clock_and_by_a_person<H: Host>() {
    let host = H::new();
    let store = host.open();
    short_and_long(&store).await;
    host.clock().advance_ms(60 * DAY_MS);
    assert_eq!(store.confirm_clock(by_person()).await, Ok(true));
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(2)]));
    assert_eq!(store.compare_clock(start()).await, Ok(true), "another clock knows better");
    assert_eq!(code(export(&store, 10).await), Some(StoreCode::ClockJumped));
    assert_eq!(store.confirm_clock(by_person()).await, Ok(true), "once more");
    host.clock().advance_ms(-60 * DAY_MS);
    assert_eq!(store.now(), later(60), "a clock that is put right does not lower it by itself");
    assert_eq!(store.confirm_clock(by_person()).await, Ok(true));
    assert_eq!(store.now(), start());
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(1), email_of(2)]));
    drop(store);
    let store = host.open();
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(1), email_of(2)]));
    let person = (PERSON, Action::ClockConfirmed, Outcome::Done);
    let lowered = (SYSTEM, Action::ClockLowered, Outcome::Done);
    let expected = [person.clone(), lowered.clone(), person.clone(), lowered, person];
    assert_eq!(told(&store).await, expected);
}

pub(crate) async fn a_token_made_while_the_clock_was_ahead_lives_no_longer_for_it<H: Host>() {
    let host = H::new();
    let store = host.open();
    let making = || by_officer(Action::TokenCreated);
    store.create_token(token(1), making()).await.expect("made");
    host.clock().advance_ms(200 * DAY_MS);
    assert_eq!(store.confirm_clock(by_person()).await, Ok(true));
    let ahead = Token { created_at: later(200), expires_at: later(230), ..token(2) };
    store.create_token(ahead.clone(), making()).await.expect("made");
    assert_eq!(store.compare_clock(start()).await, Ok(true));
    let mended = Token { created_at: start(), expires_at: later(30), ..ahead };
    assert_eq!(store.tokens().await, Ok(vec![token(1), mended]));
}

pub(crate) async fn while_the_clock_is_not_believed_time_goes_on_and_is_kept_by_its_days<H: Host>() {
    let host = H::new();
    let store = host.open();
    host.clock().advance_ms(200 * DAY_MS);
    assert!(store.clock_jumped());
    for day in 1..=3 {
        host.clock().advance_ms(DAY_MS);
        assert_eq!((store.now(), store.clock_jumped()), (later(day), true));
    }
    store.settle(vec![parked(1, 1, HELD)]).await.expect("settled");
    host.clock().advance_ms(-200 * DAY_MS);
    assert_eq!((store.now(), store.clock_jumped()), (later(3), false));
    host.agree(&store);
    assert_eq!(store.sealed_days().await, Ok(vec![Day::of(later(3))]));
    assert_eq!(store.overview().await.expect("an overview").held[0].oldest, later(3));
}
