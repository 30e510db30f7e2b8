//! The highest clock seen, and what is made of the clock against it.
//!
//! A clock set back does not take us back: time is the highest seen. A clock that leaps forward by more than
//! [`JUMP_DAYS`] is not believed: it may be wrong, and believing it once would make everything count as expired, for good.
//! It may be right as well (tamis was off for a month), so accepting and storing go on; what cannot be taken back, handing
//! out and destroying, waits until Graph's `Date` or a person confirms it.

use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::clock::{Clock, Rfc3339};

/// A longer leap forward is not believed.
const JUMP_DAYS: i64 = 7;
const JUMP_MS: i64 = JUMP_DAYS * 86_400_000;

/// One look at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClockReading {
    /// What the clock says, believed or not.
    pub(super) told: Timestamp,
    /// The present moment: what the clock says, but never before the mark.
    pub(super) now: Timestamp,
    /// The highest clock that was believed.
    pub(super) mark: Timestamp,
    /// The clock has leapt ahead of the mark, and nobody has confirmed it.
    pub(super) jumped: bool,
}

/// The mark, in memory; each commit records it.
pub(super) struct ClockMark {
    clock: Arc<dyn Clock>,
    state: Mutex<MarkState>,
}

#[derive(Default)]
struct MarkState {
    seen: Option<Timestamp>,
    jumped: bool,
}

impl ClockMark {
    /// A mark that has seen nothing.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Takes over what a store has recorded.
    pub(super) fn adopt(&self, recorded: Timestamp) {
        let mut state = self.state.lock();
        state.seen = Some(state.seen.map_or(recorded, |seen| seen.max(recorded)));
    }

    /// Looks at the clock, and raises the mark where the clock is believed.
    pub(super) fn look(&self) -> ClockReading {
        let exact = self.clock.now();
        let now = Timestamp::from_millisecond(exact.as_millisecond()).unwrap_or(exact);
        let mut state = self.state.lock();
        let seen = state.seen.unwrap_or(now);
        let jumped = now.as_millisecond() - seen.as_millisecond() > JUMP_MS;
        let mark = if jumped { seen } else { seen.max(now) };
        state.seen = Some(mark);
        match (std::mem::replace(&mut state.jumped, jumped), jumped) {
            (false, true) => {
                tracing::error!(clock.now = %Rfc3339(now), clock.seen = %Rfc3339(seen), "clock.jumped");
            }
            (true, false) => tracing::info!(clock.now = %Rfc3339(now), "clock.back"),
            _ => {}
        }
        ClockReading { told: now, now: now.max(mark), mark, jumped }
    }

    /// Believes the clock up to this moment.
    pub(super) fn confirm(&self, moment: Timestamp) {
        let mut state = self.state.lock();
        state.seen = Some(state.seen.map_or(moment, |seen| seen.max(moment)));
        state.jumped = false;
        tracing::info!(clock.seen = %Rfc3339(moment), "clock.confirmed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const DAY_MS: i64 = 86_400_000;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_millisecond(1_764_000_000_000 + day * DAY_MS).expect("in range")
    }

    fn marked() -> (Arc<ManualClock>, ClockMark) {
        let clock = Arc::new(ManualClock::new(at(0)));
        let mark = ClockMark::new(clock.clone());
        mark.adopt(at(0));
        (clock, mark)
    }

    #[test]
    fn a_clock_set_back_does_not_take_us_back() {
        let (clock, mark) = marked();
        clock.advance_ms(2 * DAY_MS);
        assert_eq!(mark.look(), ClockReading { told: at(2), now: at(2), mark: at(2), jumped: false });
        clock.advance_ms(-DAY_MS);
        assert_eq!(mark.look(), ClockReading { told: at(1), now: at(2), mark: at(2), jumped: false });
    }

    #[test]
    fn a_leap_of_seven_days_is_believed_and_a_longer_one_is_not() {
        let (clock, mark) = marked();
        clock.advance_ms(7 * DAY_MS);
        assert_eq!(mark.look(), ClockReading { told: at(7), now: at(7), mark: at(7), jumped: false });
        clock.advance_ms(7 * DAY_MS + 1);
        let look = mark.look();
        assert_eq!((look.mark, look.jumped), (at(7), true));
        assert!(look.now > at(14), "what the clock says");
        assert_eq!(mark.look().mark, at(7), "not believed the second time either");
        clock.advance_ms(-DAY_MS);
        let now = at(13) + jiff::SignedDuration::from_millis(1);
        assert_eq!(mark.look(), ClockReading { told: now, now, mark: now, jumped: false });
    }

    #[test]
    fn a_confirmed_leap_is_believed_from_then_on() {
        let (clock, mark) = marked();
        clock.advance_ms(90 * DAY_MS);
        assert!(mark.look().jumped);
        mark.confirm(at(90));
        assert_eq!(mark.look(), ClockReading { told: at(90), now: at(90), mark: at(90), jumped: false });
        clock.advance_ms(8 * DAY_MS);
        assert!(mark.look().jumped, "the next one is another");
    }
}
