//! The demo's own clock: the machine's, set ahead as the story goes on.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

use crate::clock::{Clock, SystemClock, after};

/// So many seconds ahead of the machine's.
#[derive(Default)]
pub(super) struct Ahead(AtomicI64);

impl Ahead {
    /// So many seconds more.
    pub(super) fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        after(SystemClock.now(), SignedDuration::from_secs(self.0.load(Ordering::SeqCst)))
    }
}
