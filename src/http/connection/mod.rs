//! Connections, below the HTTP server: who has a place, how long a head may take, and what of it the server gets to see.
//!
//! The server (actix) reads one request at a time from a stream of ours, an `Exchange`, which is made when the head is
//! whole and goes with the answer. So an idle or slow connection holds none of its buffers, and what it keeps of past
//! requests holds no secret.

mod arrival;
mod attending;
mod ending;
mod exchange;
mod framing;
mod head;
mod places;
mod refusal;
mod serving;
mod socket;
mod tally;
mod waiting;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::http::caller::Proxies;
use crate::random::Random;
use crate::telemetry::metrics::Metrics;
use places::Places;
use tally::Tally;
use waiting::{Deadlines, HeadRoom};

pub(in crate::http) use arrival::Arrival;
pub(in crate::http) use attending::attending;
pub use ending::Ending;
pub(in crate::http) use exchange::{Exchange, arrived};
pub use places::connections_at_most;
pub(in crate::http) use serving::Hall;
pub use tally::TurnedCode;

/// How long a client may take to send a request's head, from its first byte; on a new connection from the beginning.
pub const HEAD_DEADLINE: Duration = Duration::from_secs(5);
/// How long an idle connection is kept: longer than a proxy keeps its own, so that the proxy closes first.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a client may take nothing of an answer, whatever else is known of it.
pub const UNSENT_MAX: Duration = Duration::from_secs(90);

/// How often is looked whether those that are to end have gone.
const GONE_LOOK: Duration = Duration::from_millis(2);

/// What the connections of a listener are to know.
pub(in crate::http) struct Rules {
    /// The listener's name in metrics and lines.
    pub(in crate::http) door: &'static str,
    /// Places.
    pub(in crate::http) places: usize,
    /// Whose connections are everybody's.
    pub(in crate::http) proxies: Proxies,
    /// Queries hold a secret and go with the request (see [`Arrival`]).
    pub(in crate::http) keeps_query: bool,
    /// Counts.
    pub(in crate::http) metrics: Arc<Metrics>,
    /// For the numbers of refusals.
    pub(in crate::http) random: Arc<dyn Random>,
    /// For their dates.
    pub(in crate::http) clock: Arc<dyn Clock>,
}

impl Hall {
    /// Of a listener with these rules.
    pub(in crate::http) fn new(rules: Rules) -> Arc<Self> {
        let deadlines = Deadlines { head: HEAD_DEADLINE, idle: KEEP_ALIVE, unsent: UNSENT_MAX };
        Self::with(rules, deadlines)
    }

    fn with(rules: Rules, deadlines: Deadlines) -> Arc<Self> {
        let Rules { door, places, proxies, keeps_query, metrics, random, clock } = rules;
        let tally = Tally::new(door, &metrics);
        let places = Places::new(places, proxies, Arc::clone(&tally));
        Arc::new(Self { places, room: HeadRoom::new(), deadlines, tally, random, clock, keeps_query })
    }

    /// From now on idle connections end at once, the others after their answer.
    pub(in crate::http) fn end(&self) {
        self.places.end();
    }

    /// Completes once there is no connection.
    pub(in crate::http) async fn emptied(&self) {
        while self.places.occupied() > 0 {
            tokio::time::sleep(GONE_LOOK).await;
        }
    }

    /// Says now and then what was turned away. Never ends.
    pub(in crate::http) async fn tell(&self) {
        self.tally.run().await;
    }
}
