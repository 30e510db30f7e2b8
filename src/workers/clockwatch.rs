//! Watches the clock: after a leap forward nothing is handed out or destroyed until Graph's own clock agrees, which it
//! does with its first reply where tamis was only off for a while.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::graph::Graph;
use crate::store::SharedStore;
use crate::workers::{Step, Worker};

/// Two clocks that are no further apart agree.
const AGREES_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// The watch.
pub struct Clockwatch {
    store: SharedStore,
    graph: Arc<Graph>,
    clock: Arc<dyn Clock>,
}

impl Clockwatch {
    /// Over the store that judges the clock, and the other clock there is.
    pub fn new(store: SharedStore, graph: Arc<Graph>, clock: Arc<dyn Clock>) -> Self {
        Self { store, graph, clock }
    }
}

#[async_trait]
impl Worker for Clockwatch {
    fn name(&self) -> &'static str {
        "clockwatch"
    }

    async fn step(&self) -> Step {
        // Looking is what notices a leap, whoever else looks.
        if !self.store.clock_jumped() || !self.graph.date().is_some_and(|said| agree(said.date, self.clock.now()))
        {
            return Step::Idle;
        }
        match self.store.confirm_clock(None).await {
            Ok(_) => Step::Did(1),
            Err(error) => {
                tracing::debug!(code = %error.code, "clock.not-confirmed");
                Step::Idle
            }
        }
    }
}

/// A `Date` from before a leap is far from the clock after it: nothing stale agrees.
fn agree(date: Timestamp, now: Timestamp) -> bool {
    date.duration_since(now).abs() <= AGREES_WITHIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_agree_within_an_hour_either_way() {
        let at = |second: i64| Timestamp::from_second(1_764_000_000 + second).expect("in range");
        assert!(agree(at(3_600), at(0)) && agree(at(0), at(3_600)));
        assert!(!agree(at(3_601), at(0)) && !agree(at(0), at(3_601)));
    }
}
