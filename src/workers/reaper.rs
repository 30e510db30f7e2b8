//! Takes away what has had its time: parked references that Meta no longer has, tombstones and their keys, and the day keys
//! that nothing needs. Tells the log's file, which takes away its own, what day it is.
//!
//! Hourly, and once when the workers start; never before the clock was confirmed since the start.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::clock::{Clock, ConfirmedDay, Day, after};
use crate::inbox::Inbox;
use crate::keyring::Keyring;
use crate::store::SharedStore;
use crate::workers::routine::{Routine, Schedule, Turn};

/// How often it looks.
const EVERY: SignedDuration = SignedDuration::from_hours(1);
/// How often it looks whether the clock is confirmed.
const UNTIL_CONFIRMED: SignedDuration = SignedDuration::from_secs(10);

/// The reaper.
pub struct Reaper {
    inbox: Arc<Inbox>,
    store: SharedStore,
    keyring: Arc<dyn Keyring>,
    day: ConfirmedDay,
    schedule: Schedule,
}

#[async_trait]
impl Routine for Reaper {
    const NAME: &'static str = "reaper";

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    async fn turn(&self, Turn { now, .. }: Turn) -> Timestamp {
        // By a clock that may be ahead nothing is old.
        if !self.store.clock_confirmed() {
            return after(now, UNTIL_CONFIRMED);
        }
        self.day.tell(Day::of(self.store.now()));
        self.reap().await;
        after(now, EVERY)
    }
}

impl Reaper {
    /// A reaper that has not looked yet.
    pub fn new(
        inbox: Arc<Inbox>,
        store: SharedStore,
        keyring: Arc<dyn Keyring>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let day = ConfirmedDay::default();
        Self { inbox, store, keyring, day, schedule: Schedule::within(EVERY, clock) }
    }

    /// Tells the day here, to whoever else deletes what is old.
    pub fn telling(self, day: ConfirmedDay) -> Self {
        Self { day, ..self }
    }

    async fn reap(&self) {
        match self.store.expire_parked().await {
            Ok(0) => {}
            Ok(count) => tracing::warn!(refs.expired = count, code = "too-old", "inbox.expired"),
            Err(error) => tracing::warn!(code = %error.code, "reaper.store-refused"),
        }
        match self.store.drop_tombstones().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(tombstones.dropped = count, "store.tombstones-dropped"),
            Err(error) => tracing::warn!(code = %error.code, "reaper.store-refused"),
        }
        match self.drop_day_keys().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(keys.destroyed = count, "keyring.days-destroyed"),
            Err(code) => tracing::warn!(code, "reaper.keys-kept"),
        }
    }

    /// Destroys the keys of days before yesterday that no reference needs. Yesterday's stays: a call that was sealed
    /// just before midnight may still be on its way into the journal.
    async fn drop_day_keys(&self) -> Result<usize, &'static str> {
        let candidates: Vec<Day> = {
            let yesterday = Day::of(self.store.now()).minus(1);
            self.keyring.days().into_iter().filter(|day| *day < yesterday).collect()
        };
        if candidates.is_empty() {
            return Ok(0);
        }
        let mut needed: HashSet<Day> = self.inbox.days().into_iter().collect();
        needed.extend(self.store.sealed_days().await.map_err(|error| error.code.as_str())?);
        let idle: Vec<Day> = candidates.into_iter().filter(|day| !needed.contains(day)).collect();
        if !idle.is_empty() {
            self.keyring.destroy_days(&idle).map_err(|error| error.code.as_str())?;
        }
        Ok(idle.len())
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::app::StoreKnows;
    use crate::inbox::Settings;
    use crate::notification::ParkCode;
    use crate::random::SystemRandom;
    use crate::store::contract::Host;
    use crate::store::contract::support::{DAY_MS, HELD, by_officer, leadgen, parked, start, stored};
    use crate::store::memory::MemoryHost;
    use crate::store::{SeenState, Wanted};
    use crate::trail::Action;
    use crate::workers::{Step, Worker};

    struct World {
        host: MemoryHost,
        store: SharedStore,
        day: ConfirmedDay,
        reaper: Reaper,
        _directory: TempDir,
    }

    impl World {
        async fn new() -> Self {
            let host = MemoryHost::new();
            let store = host.open();
            let directory = tempfile::tempdir().expect("a directory");
            let settings = Settings {
                path: directory.path().join("inbox"),
                witness: directory.path().join("inbox-witness"),
                max_references: 1_000,
                max_held_by_form: 1_000,
                free_disk_min_bytes: 1,
                body_max_bytes: 1_000,
            };
            let known = Arc::new(StoreKnows::of(Arc::clone(&store)));
            let (keyring, clock): (Arc<dyn Keyring>, Arc<dyn Clock>) =
                (host.keyring.clone(), host.clock.clone());
            let random = Arc::new(SystemRandom);
            let inbox = Inbox::open(settings, Arc::clone(&keyring), known, Arc::clone(&clock), random);
            let inbox = Arc::new(inbox.await.expect("opens"));
            let day = ConfirmedDay::default();
            let reaper = Reaper::new(inbox, Arc::clone(&store), keyring, clock).telling(day.clone());
            Self { host, store, day, reaper, _directory: directory }
        }

        /// The days that have a key, counted from the start.
        fn days(&self) -> Vec<u32> {
            let first = Day::of(start()).0;
            self.host.keyring.days().iter().map(|day| day.0 - first).collect()
        }
    }

    /// The inbox holds the keys of the day on which it was opened, and of the next: other days tell more.
    #[tokio::test]
    async fn the_key_of_a_day_goes_once_nothing_is_sealed_under_it() {
        let world = World::new().await;
        world.host.pass_days(&world.store, 2);
        world.store.settle(vec![parked(1, 1, HELD)]).await.expect("parked");
        world.host.pass_days(&world.store, 4);
        let of = |days: [u32; 3]| days.map(|day| Day(Day::of(start()).0 + day)).to_vec();
        world.host.keyring.make_days(&of([3, 5, 6])).expect("made");
        world.reaper.step().await;
        let left = world.days();
        assert!(left.contains(&2), "a parked reference is sealed under it");
        assert!(!left.contains(&3), "nothing is");
        assert!(left.contains(&5) && left.contains(&6), "yesterday's and today's stay");
        world.store.settle(vec![stored(1)]).await.expect("stored");
        world.host.clock.advance_ms(DAY_MS / 2);
        world.host.agree(&world.store);
        world.reaper.step().await;
        assert!(!world.days().contains(&2));
    }

    #[tokio::test]
    async fn while_the_clock_is_not_believed_no_key_goes_and_nothing_expires() {
        let world = World::new().await;
        world.store.settle(vec![parked(1, 1, HELD)]).await.expect("parked");
        world.host.keyring.make_days(&[Day(Day::of(start()).0 + 3)]).expect("made");
        world.host.clock.advance_ms(100 * DAY_MS);
        world.reaper.step().await;
        assert!(world.days().contains(&3));
        assert_eq!(world.day.told(), None, "nor does a file of the log");
        assert_eq!(world.store.parked().await, Ok(1));
        assert_eq!(world.store.compare_clock(world.host.clock.now()).await, Ok(true));
        world.host.clock.advance_ms(10_000);
        world.reaper.step().await;
        assert!(!world.days().contains(&3));
        assert_eq!(world.day.told(), Some(Day::of(world.store.now())));
        assert_eq!(world.store.parked().await, Ok(0), "Meta has it no more");
        let found = world.store.find(Wanted::Leadgen(leadgen(1)), by_officer(Action::Found)).await;
        let state = found.expect("found").pop().map(|found| found.state);
        assert!(matches!(state, Some(SeenState::Refused(ParkCode::TooOld))));
    }

    #[tokio::test]
    async fn it_looks_at_once_then_hourly_and_is_not_put_off_by_a_clock_that_was_set_back() {
        let world = World::new().await;
        let until = |step: Step| match step {
            Step::Until(moment) => moment.as_millisecond() - world.host.clock.now().as_millisecond(),
            _ => panic!("it names a moment"),
        };
        assert_eq!(until(world.reaper.step().await), 3_600_000);
        world.host.clock.advance_ms(3_599_000);
        assert_eq!(until(world.reaper.step().await), 1_000, "not yet");
        world.host.clock.advance_ms(1_000);
        assert_eq!(until(world.reaper.step().await), 3_600_000);
        world.host.clock.advance_ms(-86_400_000);
        assert_eq!(until(world.reaper.step().await), 10_000, "it was set: nobody has confirmed it since");
        world.store.confirm_clock(by_officer(Action::ClockConfirmed)).await.expect("confirmed");
        world.host.clock.advance_ms(10_000);
        assert_eq!(until(world.reaper.step().await), 3_600_000, "it looked again");
    }
}
