//! Takes away what has had its time: parked references that Meta no longer has, and the day keys that nothing needs.
//!
//! Hourly, and once when the workers start.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock::{Clock, Day, Due, after};
use crate::inbox::Inbox;
use crate::keyring::Keyring;
use crate::store::SharedStore;
use crate::workers::{Step, Worker};

/// How often it looks.
const EVERY: SignedDuration = SignedDuration::from_hours(1);

/// The reaper.
pub struct Reaper {
    inbox: Arc<Inbox>,
    store: SharedStore,
    keyring: Arc<dyn Keyring>,
    clock: Arc<dyn Clock>,
    due: Mutex<Due>,
}

#[async_trait]
impl Worker for Reaper {
    fn name(&self) -> &'static str {
        "reaper"
    }

    fn wake(&self) -> Option<&Notify> {
        None
    }

    async fn step(&self) -> Step {
        let now = self.clock.now();
        if let Some(until) = self.due.lock().wait(now) {
            return Step::Until(until);
        }
        self.reap(now).await;
        Step::Until(self.due.lock().set(after(now, EVERY)))
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
        Self { inbox, store, keyring, clock, due: Mutex::new(Due::within(EVERY)) }
    }

    async fn reap(&self, now: Timestamp) {
        match self.store.expire_parked().await {
            Ok(0) => {}
            Ok(count) => tracing::warn!(refs.expired = count, code = "too-old", "inbox.expired"),
            Err(error) => tracing::warn!(code = %error.code, "reaper.store-refused"),
        }
        match self.drop_day_keys(now).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(keys.destroyed = count, "keyring.days-destroyed"),
            Err(code) => tracing::warn!(code, "reaper.keys-kept"),
        }
    }

    /// Destroys the keys of days before yesterday that no reference needs. Yesterday's stays: a call that was sealed
    /// just before midnight may still be on its way into the journal.
    async fn drop_day_keys(&self, now: Timestamp) -> Result<usize, &'static str> {
        let candidates: Vec<Day> = {
            let yesterday = Day::of(now).minus(1);
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
