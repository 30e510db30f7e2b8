//! What goes on and what waits while a clock is not believed, and how that ends.

use super::Host;
use super::support::*;
use crate::store::{Settled, SharedStore, StoreCode, StoreError, Wanted};
use crate::trail::{Action, Actor, Outcome};

async fn find(store: &SharedStore, id: &str) -> Result<bool, StoreError> {
    let found = store.find(Wanted::Record(record(id)), by_officer(Action::Found)).await?;
    Ok(found.first().is_some_and(|found| found.lead.is_some()))
}

/// A record that lives for ten days, and one that lives for 400.
async fn short_and_long(store: &SharedStore) {
    let batch = vec![stored_in("devis", 1, false, 10), stored_in("devis", 2, false, 400)];
    store.settle(batch).await.expect("settled");
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
    assert!(matches!(settled[0], Settled::Stored(_)));
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
    assert_eq!(store.sealed_days().await.map(|days| days.len()), Ok(2));
}

pub(crate) async fn a_confirmed_leap_stands_in_the_trail_and_is_believed_also_after_a_restart<H: Host>() {
    let host = H::new();
    let store = host.open();
    short_and_long(&store).await;
    assert_eq!(store.confirm_clock(None).await, Ok(false));
    assert_eq!(store.confirm_clock(Some(by_officer(Action::ClockConfirmed))).await, Ok(false));
    host.clock().advance_ms(100 * DAY_MS);
    assert_eq!(store.confirm_clock(Some(by_officer(Action::ClockConfirmed))).await, Ok(true));
    assert!(!store.clock_jumped());
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(2)]));
    assert_eq!(store.expire_parked().await, Ok(0));
    // Without a close: what was confirmed is durable by itself.
    drop(store);
    let store = host.open();
    assert!(!store.clock_jumped());
    host.clock().advance_ms(100 * DAY_MS);
    assert!(store.clock_jumped(), "the next one is another");
    assert_eq!(store.confirm_clock(None).await, Ok(true));
    let lines = store.lines(0, 100).await.expect("a trail");
    let told = lines.iter().filter(|line| line.entry.action() == Action::ClockConfirmed);
    let told: Vec<_> = told.map(|line| (line.entry.actor().clone(), line.entry.result)).collect();
    let person = Actor::Local(1000);
    let expected =
        [(person.clone(), Outcome::Nothing), (person, Outcome::Done), (Actor::System, Outcome::Done)];
    assert_eq!(told, expected, "where there is nothing to confirm the system says nothing");
}

pub(crate) async fn a_clock_set_back_brings_nothing_back_also_after_a_restart<H: Host>() {
    let host = H::new();
    let store = host.open();
    short_and_long(&store).await;
    for _ in 0..2 {
        host.clock().advance_ms(5 * DAY_MS);
        assert!(!store.clock_jumped());
    }
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
