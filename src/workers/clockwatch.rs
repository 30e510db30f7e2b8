//! Watches the clock: compares it with Graph's own, which comes with each reply. Before the two agree, nothing is
//! destroyed; after a leap forward nothing is handed out either; and where Graph's says that ours is ahead, ours is not
//! believed. Where no lead brings a `Date`, Graph is asked for it: at the start, every five minutes until the two agree, and
//! daily.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::clock::Clock;
use crate::graph::{Cause, Graph, GraphDate};
use crate::store::{SharedStore, StoreError};
use crate::workers::{Step, Worker};

/// Two clocks that are no further apart agree.
const AGREES_WITHIN: SignedDuration = SignedDuration::from_hours(1);
/// By our clock a `Date` is of use for so long: what moved it further set it.
const FRESH: SignedDuration = SignedDuration::from_hours(1);
/// How often Graph is asked while it has not confirmed the clock.
const ASK_AGAIN: SignedDuration = SignedDuration::from_mins(5);
/// For so long nobody else asks after Graph did not tell.
const LEFT_ALONE: SignedDuration = SignedDuration::from_secs(30);
/// How often it is asked while all is well.
const ASK_DAILY: SignedDuration = SignedDuration::from_hours(24);

/// The watch.
pub struct Clockwatch {
    store: SharedStore,
    graph: Arc<Graph>,
    clock: Arc<dyn Clock>,
    state: Mutex<WatchState>,
}

#[derive(Clone, Copy, Default)]
struct WatchState {
    /// The last `Date` that the clock was compared with.
    compared: Option<GraphDate>,
    /// When Graph last told, or was asked.
    asked: Option<Timestamp>,
    /// That Graph does not tell stands in the log.
    told: bool,
}

impl Clockwatch {
    /// Over the store that judges the clock, and the other clock there is.
    pub fn new(store: SharedStore, graph: Arc<Graph>, clock: Arc<dyn Clock>) -> Self {
        Self { store, graph, clock, state: Mutex::default() }
    }
}

#[async_trait]
impl Worker for Clockwatch {
    fn name(&self) -> &'static str {
        "clockwatch"
    }

    async fn step(&self) -> Step {
        // Looking is what notices a leap, whoever else looks.
        let confirmed = self.store.clock_confirmed();
        let now = self.clock.now();
        let mut state = *self.state.lock();
        if !is_news(self.graph.date(), &state, now) && is_due(state.asked, confirmed, now) {
            state.asked = Some(now);
            if let Err(cause) = self.graph.ask_date().await {
                self.say_not_told(cause, &mut state);
            }
        }
        let step = match self.graph.date().filter(|date| is_news(Some(*date), &state, now)) {
            Some(date) => self.compare(date, now, &mut state).await,
            None => Step::Idle,
        };
        *self.state.lock() = state;
        step
    }
}

impl Clockwatch {
    async fn compare(&self, date: GraphDate, now: Timestamp, state: &mut WatchState) -> Step {
        let right = right_now(date, now);
        match self.store.compare_clock(right).await {
            Ok(changed) => {
                *state = WatchState { compared: Some(date), asked: Some(now), told: false };
                if changed { Step::Did(1) } else { Step::Idle }
            }
            Err(StoreError { code, .. }) => {
                tracing::debug!(code = %code, "clock.not-confirmed");
                Step::Idle
            }
        }
    }

    /// Graph was asked in vain. While nobody has confirmed the clock something waits, which is said once; of a leap there is a
    /// line already.
    fn say_not_told(&self, cause: Cause, state: &mut WatchState) {
        let waits = !self.store.clock_confirmed() && !self.store.clock_jumped();
        if waits && !std::mem::replace(&mut state.told, true) {
            tracing::warn!(cause = %cause, "clock.unconfirmed");
        } else {
            tracing::debug!(cause = %cause, "clock.date-not-told");
        }
    }
}

/// When Graph was last asked what time it is by somebody who could not go on without, and did not tell.
#[derive(Default)]
pub struct AskedInVain(tokio::sync::Mutex<Option<Timestamp>>);

/// The present moment, for what must not be done by a wrong clock: none before Graph or a person has confirmed ours since
/// this start. Where nobody has, but our clock agrees with Graph's, it is Graph's word; Graph is asked if no reply of the
/// last hour has told what time it is. Where it disagrees there is none, also if a person has confirmed ours: a person may
/// be wrong.
///
/// Of many that want to know one asks, and the others take what it hears; who hears nothing leaves Graph alone for a while.
pub(super) async fn confirmed_now(
    store: &SharedStore,
    graph: &Graph,
    clock: &dyn Clock,
    asked: &AskedInVain,
) -> Option<Timestamp> {
    let told = || graph.date().filter(|date| is_fresh(*date, clock.now()));
    if told().is_none() {
        let mut in_vain = asked.0.lock().await;
        let is_recent = |at: Timestamp| clock.now().duration_since(at).abs() < LEFT_ALONE;
        if told().is_none() && !in_vain.is_some_and(is_recent) {
            *in_vain = match graph.ask_date().await {
                Ok(()) => None,
                Err(cause) => {
                    tracing::debug!(cause = %cause, "clock.date-not-told");
                    Some(clock.now())
                }
            };
        }
    }
    let now = clock.now();
    certain(told().map(|date| right_now(date, now)), now, store.clock_confirmed().then(|| store.now()))
}

/// The present moment, from what Graph's clock says now, ours, and the time of a clock that somebody has confirmed.
fn certain(graphs: Option<Timestamp>, ours: Timestamp, confirmed: Option<Timestamp>) -> Option<Timestamp> {
    match graphs {
        Some(right) if ours.duration_since(right).abs() > AGREES_WITHIN => None,
        Some(right) => Some(confirmed.unwrap_or(right)),
        None => confirmed,
    }
}

/// True of a `Date` that our clock has not left behind since: what moved it further set it.
fn is_fresh(date: GraphDate, now: Timestamp) -> bool {
    now.duration_since(date.at).abs() <= FRESH
}

/// True of a `Date` that the clock was not compared with, and that our clock has not left behind since.
fn is_news(date: Option<GraphDate>, state: &WatchState, now: Timestamp) -> bool {
    date.is_some_and(|date| Some(date) != state.compared && is_fresh(date, now))
}

/// True if Graph is to be asked.
fn is_due(asked: Option<Timestamp>, confirmed: bool, now: Timestamp) -> bool {
    let every = if confirmed { ASK_DAILY } else { ASK_AGAIN };
    // A clock that was set back puts nothing off.
    asked.is_none_or(|asked| now < asked || every <= now.duration_since(asked))
}

/// What Graph's clock says now.
fn right_now(date: GraphDate, now: Timestamp) -> Timestamp {
    date.date.checked_add(now.duration_since(date.at)).unwrap_or(date.date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_764_000_000 + second).expect("in range")
    }

    #[test]
    fn a_date_counts_once_and_not_after_our_clock_was_set() {
        let date = GraphDate { date: at(10), at: at(0) };
        let mut state = WatchState::default();
        assert!(!is_news(None, &state, at(0)));
        assert!(is_news(Some(date), &state, at(3_600)) && is_news(Some(date), &state, at(-3_600)));
        assert!(!is_news(Some(date), &state, at(3_601)) && !is_news(Some(date), &state, at(-3_601)));
        state.compared = Some(date);
        assert!(!is_news(Some(date), &state, at(1)));
        assert_eq!(right_now(date, at(5)), at(15));
    }

    #[test]
    fn graphs_word_counts_where_our_clock_agrees_and_was_not_set_since() {
        let date = GraphDate { date: at(10), at: at(0) };
        assert!(is_fresh(date, at(3_600)) && is_fresh(date, at(-3_600)));
        assert!(!is_fresh(date, at(3_601)), "too long ago by our clock, or that was set");
        assert!(!is_fresh(date, at(-3_601)), "it was set back");
        for (ahead, agrees) in [(3_600, true), (3_601, false), (-3_600, true), (-3_601, false)] {
            assert_eq!(certain(Some(at(0)), at(ahead), None), agrees.then(|| at(0)), "{ahead}");
            let confirmed = Some(at(ahead));
            assert_eq!(certain(Some(at(0)), at(ahead), confirmed), confirmed.filter(|_| agrees), "{ahead}");
        }
        assert_eq!(certain(None, at(5), Some(at(7))), Some(at(7)), "Graph does not tell: a person's word");
        assert_eq!(certain(None, at(5), None), None);
    }

    #[test]
    fn graph_is_asked_at_once_then_every_five_minutes_until_it_agrees_and_daily() {
        assert!(is_due(None, false, at(0)) && is_due(None, true, at(0)));
        assert!(!is_due(Some(at(0)), false, at(299)) && is_due(Some(at(0)), false, at(300)));
        assert!(!is_due(Some(at(0)), true, at(86_399)) && is_due(Some(at(0)), true, at(86_400)));
        assert!(is_due(Some(at(0)), true, at(-1)), "the clock was set back");
    }
}
