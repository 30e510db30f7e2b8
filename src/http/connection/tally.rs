//! What a listener turned away: counted each time, said at most once a minute, since anybody can cause it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::api::problem::ProblemCode;
use crate::telemetry::metrics::{ListenerCounts, Metrics};

/// How often is looked whether there is something to say.
const LOOK: Duration = Duration::from_secs(5);
/// Looks from one line to the next: a minute.
const LOOKS_BETWEEN: u32 = 12;

crate::codes! {
    /// Why a connection was turned away.
    pub enum TurnedCode {
        /// It waited for a request longer than all others, and a new one needed its place.
        MadeWay = "made-way",
        /// All places were taken by connections with a request under way: answered 503.
        PlacesTaken = "places-taken",
        /// So was the share of its address: answered 503.
        ShareTaken = "share-taken",
        /// And so many were being answered at that moment that it was closed without.
        NotAnswered = "not-answered",
    }
}

/// The heads that were answered by the connection itself, by code.
pub(super) const HEAD_CODES: [ProblemCode; 4] =
    [ProblemCode::RequestInvalid, ProblemCode::HeadTooLarge, ProblemCode::RequestTimeout, ProblemCode::Busy];

/// Of one listener.
pub(super) struct Tally {
    door: &'static str,
    counts: ListenerCounts<TurnedCode, ProblemCode>,
    turned: [AtomicU64; TurnedCode::ALL.len()],
    heads: [AtomicU64; HEAD_CODES.len()],
}

impl Tally {
    /// Of the listener with this name in metrics and lines.
    pub(super) fn new(door: &'static str, metrics: &Metrics) -> Arc<Self> {
        let (turned, heads) = Default::default();
        Arc::new(Self { door, counts: metrics.listener(door, &HEAD_CODES), turned, heads })
    }

    pub(super) fn came(&self) {
        self.counts.connections.inc();
    }

    pub(super) fn went(&self) {
        self.counts.connections.dec();
    }

    pub(super) fn turned(&self, code: TurnedCode) {
        self.counts.turned_away.add(code, 1);
        if let Some(count) = self.turned.get(code as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A head was answered with this problem.
    pub(super) fn head_refused(&self, code: ProblemCode) {
        self.counts.heads_refused.add(code, 1);
        let at = HEAD_CODES.iter().position(|known| *known == code);
        if let Some(count) = at.and_then(|at| self.heads.get(at)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Says what there is to say, at most once a minute.
    pub(super) async fn run(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            if self.say() {
                tokio::time::sleep(LOOK * LOOKS_BETWEEN).await;
            }
        }
    }

    /// True if there was anything.
    fn say(&self) -> bool {
        let [made_way, places_taken, share_taken, not_answered] =
            [0, 1, 2, 3].map(|at| self.turned.get(at).map_or(0, |count| count.swap(0, Ordering::Relaxed)));
        let turned = made_way + places_taken + share_taken + not_answered > 0;
        if turned {
            tracing::warn!(
                listener.name = self.door,
                connections.made_way = made_way,
                connections.places_taken = places_taken,
                connections.share_taken = share_taken,
                connections.not_answered = not_answered,
                "connections.turned-away"
            );
        }
        let [invalid, too_large, too_slow, no_room] =
            [0, 1, 2, 3].map(|at| self.heads.get(at).map_or(0, |count| count.swap(0, Ordering::Relaxed)));
        let refused = invalid + too_large + too_slow + no_room > 0;
        if refused {
            tracing::debug!(
                listener.name = self.door,
                heads.invalid = invalid,
                heads.too_large = too_large,
                heads.too_slow = too_slow,
                heads.no_room = no_room,
                "heads.refused"
            );
        }
        turned || refused
    }
}
