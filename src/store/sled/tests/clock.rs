//! The recorded clock.

use super::support::*;
use crate::clock::Day;
use crate::store::{Life, Parked};

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
    assert_eq!(store.compare_clock(later(21)).await, Ok(false));
    assert_eq!(store.sealed_days().await, Ok(Vec::<Day>::new()));
}
