//! Leaps of the clock: what goes on, what waits, and how it ends.

use super::support::*;
use crate::clock::Day;
use crate::purpose::RecordId;
use crate::store::sled::SledStore;
use crate::store::{Leads, Life, Parked, Settled, StoreCode, StoreError, Trail, Wanted};
use crate::trail::{Action, Actor, Outcome};

fn code<T>(result: Result<T, StoreError>) -> Option<StoreCode> {
    result.err().map(|error| error.code)
}

fn later(days: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(START_S * 1000 + days * DAY_MS).expect("in range")
}

async fn find(store: &SledStore, id: &str) -> Result<bool, StoreError> {
    let wanted = Wanted::Record(RecordId::parse(id).expect("an id"));
    let found = store.find(wanted, by_officer(Action::Found)).await?;
    Ok(found.first().is_some_and(|found| found.lead.is_some()))
}

#[tokio::test]
async fn after_a_leap_forward_leads_are_stored_and_nothing_is_handed_out_or_destroyed() {
    let world = World::new();
    let store = world.open();
    store
        .settle(vec![stored_in("devis", 1, false, 10), stored_in("devis", 2, false, 400)])
        .await
        .expect("settled");
    store.settle(vec![parked(3, 1, HELD)]).await.expect("settled");
    world.clock.advance_ms(100 * DAY_MS);
    for _ in 0..2 {
        assert!(store.clock_jumped());
        assert_eq!(code(store.open_page(request(None, 10), exporting()).await), Some(StoreCode::ClockJumped));
        assert_eq!(code(store.expire_parked(later(100)).await), Some(StoreCode::ClockJumped));
        assert_eq!(code(store.sealed_days().await), Some(StoreCode::ClockJumped));
    }
    assert_eq!(
        code(find(&store, "devis-1-1").await),
        Some(StoreCode::ClockJumped),
        "past its expiry or not?"
    );
    assert_eq!(find(&store, "devis-1-2").await, Ok(true), "not past it by either clock");
    let settled = store.settle(vec![stored(4), parked(5, 1, HELD)]).await.expect("storing goes on");
    assert!(matches!(settled[0], Settled::Stored(_)));
    assert_eq!(store.overview().await.map(|overview| overview.held.len()), Ok(1));
    assert!(store.ready());
    store.close().await.expect("closed");
    // It is not believed after a restart either, so that a clock put right again has done no harm.
    let store = world.open();
    assert!(store.clock_jumped());
    world.clock.advance_ms(-100 * DAY_MS);
    assert!(!store.clock_jumped());
    assert_eq!(find(&store, "devis-1-1").await, Ok(true));
    assert_eq!(export(&store, 10).await.map(|read| read.len()), Ok(3));
    assert_eq!(store.sealed_days().await.map(|days| days.len()), Ok(2));
}

#[tokio::test]
async fn a_confirmed_leap_stands_in_the_trail_and_is_believed_also_after_a_restart() {
    let world = World::new();
    let store = world.open();
    store
        .settle(vec![stored_in("devis", 1, false, 10), stored_in("devis", 2, false, 400)])
        .await
        .expect("settled");
    assert_eq!(store.confirm_clock(None).await, Ok(false));
    assert_eq!(store.confirm_clock(Some(by_officer(Action::ClockConfirmed))).await, Ok(false));
    world.clock.advance_ms(100 * DAY_MS);
    assert_eq!(store.confirm_clock(Some(by_officer(Action::ClockConfirmed))).await, Ok(true));
    assert!(!store.clock_jumped());
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(2)]));
    assert_eq!(store.expire_parked(later(100)).await, Ok(0));
    store.close().await.expect("closed");
    let store = world.open();
    assert!(!store.clock_jumped());
    // A clock set back after it brings nothing back.
    world.clock.advance_ms(-50 * DAY_MS);
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(2)]));
    world.clock.advance_ms(150 * DAY_MS);
    assert!(store.clock_jumped());
    assert_eq!(store.confirm_clock(None).await, Ok(true));
    let lines = store.lines(0, 100).await.expect("a trail");
    let told = lines.iter().filter(|line| line.entry.action() == Action::ClockConfirmed);
    let told: Vec<_> = told.map(|line| (line.entry.actor().clone(), line.entry.result)).collect();
    let person = Actor::Local(1000);
    let expected =
        [(person.clone(), Outcome::Nothing), (person, Outcome::Done), (Actor::System, Outcome::Done)];
    assert_eq!(told, expected);
}

/// The recorded clock goes along also where nothing is written for weeks, so that a restart after them is no leap.
#[tokio::test]
async fn quiet_weeks_are_no_leap() {
    let world = World::new();
    let store = world.open();
    for day in [5, 10, 15] {
        world.clock.advance_ms(5 * DAY_MS);
        let recorded = || {
            let place = crate::store::sled::layout::Place::Meta;
            store.shared.reading(|engine| engine.counter(&place, b"clock-ms"))
        };
        until("the clock is recorded", async || {
            recorded().is_ok_and(|ms| ms == later(day).as_millisecond().unsigned_abs())
        })
        .await;
    }
    store.close().await.expect("closed");
    world.clock.advance_ms(6 * DAY_MS);
    let store = world.open();
    assert!(!store.clock_jumped());
    assert_eq!(store.sealed_days().await, Ok(Vec::<Day>::new()));
}
