//! The highest clock seen, and what is made of the clock against it.
//!
//! A clock set back does not take us back: time is the highest seen. A clock that leaps forward by more than
//! [`JUMP_DAYS`], or that is ahead of another one that is known to be right, is not believed: believing it once would make
//! everything count as expired, for good. Time then goes on from the highest seen by what passes. The clock may be right as
//! well (tamis was off for a month), so accepting and storing go on; what cannot be taken back, handing out and
//! destroying, waits until Graph's `Date` or a person confirms it.
//!
//! A clock that looks right may be wrong all the same, from the first start on. So nothing is destroyed before somebody
//! has confirmed the clock since this start, and the highest clock seen is lowered where another one says that it is ahead.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::clock::{Clock, Day, Rfc3339, after};
use crate::store::{StoreCode, StoreError};

/// A longer leap forward is not believed.
const JUMP_DAYS: i64 = 7;
const JUMP: SignedDuration = SignedDuration::from_hours(24 * JUMP_DAYS);
/// Two clocks that are no further apart agree; a clock that moved by more between two looks was set.
const AGREES_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// What is made of the clock, for whoever looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockStanding {
    /// What the clock says, believed or not.
    pub told: Timestamp,
    /// The highest clock seen that was believed, by which time goes.
    pub seen: Timestamp,
    /// How far it is trusted.
    pub trust: ClockTrust,
}

/// How far the clock is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockTrust {
    /// This one has confirmed it since this start.
    Confirmed(ClockVoice),
    /// It looks right, and nobody has confirmed it.
    Unconfirmed,
    /// It is ahead, and not believed.
    Ahead,
}

/// Who says what time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockVoice {
    /// Another clock.
    OtherClock,
    /// A person.
    Person,
}

impl ClockVoice {
    /// A person who says that the clock is right names no other.
    fn of(other: Option<Timestamp>) -> Self {
        if other.is_some() { Self::OtherClock } else { Self::Person }
    }
}

/// One look at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClockReading {
    told: Timestamp,
    now: Timestamp,
    certain: Option<Timestamp>,
    trust: ClockTrust,
}

impl ClockReading {
    /// For whoever looks.
    pub(super) fn standing(&self) -> ClockStanding {
        ClockStanding { told: self.told, seen: self.now, trust: self.trust }
    }

    /// What the clock says, believed or not.
    pub(super) fn told(&self) -> Timestamp {
        self.told
    }

    /// The present moment: the highest clock that was believed.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// The latest that it may be.
    pub(super) fn latest(&self) -> Timestamp {
        self.told.max(self.now)
    }

    /// The highest clock that somebody has confirmed.
    pub(super) fn certain(&self) -> Option<Timestamp> {
        self.certain
    }

    /// True while the clock is ahead, and not believed.
    pub(super) fn is_ahead(&self) -> bool {
        self.trust == ClockTrust::Ahead
    }

    /// True if somebody has confirmed the clock since this start.
    pub(super) fn is_confirmed(&self) -> bool {
        matches!(self.trust, ClockTrust::Confirmed(_))
    }

    /// Whether the day has come; none: that depends on whether the clock is right.
    pub(super) fn has_come(&self, day: Day) -> Option<bool> {
        if self.certain.is_some_and(|certain| day <= Day::of(certain)) {
            return Some(true);
        }
        (day > Day::of(self.latest())).then_some(false)
    }

    /// The present moment, for what cannot be taken back.
    ///
    /// # Errors
    /// [`StoreCode::ClockJumped`], [`StoreCode::ClockUnconfirmed`].
    pub(super) fn confirmed(&self) -> Result<Timestamp, StoreError> {
        match self.trust {
            ClockTrust::Confirmed(_) => Ok(self.now),
            ClockTrust::Unconfirmed | ClockTrust::Ahead => Err(self.doubt()),
        }
    }

    /// Why it is not known what the time is.
    pub(super) fn doubt(&self) -> StoreError {
        StoreError::of(match self.trust {
            ClockTrust::Ahead => StoreCode::ClockJumped,
            ClockTrust::Confirmed(_) | ClockTrust::Unconfirmed => StoreCode::ClockUnconfirmed,
        })
    }

    /// As it is once this correction holds.
    pub(super) fn corrected(self, correction: Correction) -> Self {
        let Correction { to, agrees, by } = correction;
        let trust = match agrees {
            true => ClockTrust::Confirmed(by),
            false if self.told.duration_since(to) > AGREES_WITHIN => ClockTrust::Ahead,
            false => ClockTrust::Unconfirmed,
        };
        let certain = match agrees {
            true => Some(to),
            false => self.certain.map(|certain| certain.min(to)),
        };
        Self { told: self.told, now: to, certain, trust }
    }

    /// What has to change where another clock says this; none: nothing that has to be kept.
    fn correction(&self, other: Timestamp, by: ClockVoice) -> Option<Correction> {
        let agrees = self.told.duration_since(other).abs() <= AGREES_WITHIN;
        let best = if agrees { self.told.max(other) } else { other };
        match () {
            () if agrees && self.is_ahead() => Some(Correction { to: self.told, agrees, by }),
            () if self.now.duration_since(best) > AGREES_WITHIN => Some(Correction { to: best, agrees, by }),
            () => None,
        }
    }
}

/// One look at the clock, for whoever hands data out: what has ended by then is not handed out.
#[derive(Clone, Copy, Debug)]
pub struct DayLook(pub(super) ClockReading);

impl DayLook {
    /// Whether the day has come.
    ///
    /// # Errors
    /// [`StoreCode::ClockJumped`], [`StoreCode::ClockUnconfirmed`]: that depends on whether the clock is right.
    pub fn has_come(&self, day: Day) -> Result<bool, StoreError> {
        self.0.has_come(day).ok_or(self.0.doubt())
    }

    /// A look at a clock that is right.
    #[cfg(test)]
    pub(crate) fn at(now: Timestamp) -> Self {
        Self(ClockReading {
            told: now,
            now,
            certain: Some(now),
            trust: ClockTrust::Confirmed(ClockVoice::OtherClock),
        })
    }
}

/// Another highest clock seen, to be made durable before it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Correction {
    to: Timestamp,
    /// The clock and the other one agree.
    agrees: bool,
    by: ClockVoice,
}

impl Correction {
    /// True if the highest clock seen is lowered by it.
    pub(super) fn lowers(&self, look: &ClockReading) -> bool {
        self.to < look.now
    }
}

/// The mark, in memory; each commit records it.
pub(super) struct ClockMark {
    clock: Arc<dyn Clock>,
    state: Mutex<MarkState>,
}

#[derive(Default)]
struct MarkState {
    /// The highest clock that was believed.
    seen: Option<Timestamp>,
    /// The highest clock that somebody has confirmed.
    certain: Option<Timestamp>,
    /// What the clock said at the last look.
    told: Option<Timestamp>,
    /// While the clock is not believed: how far ahead it may be to be believed again.
    ahead: Option<SignedDuration>,
    /// Who has confirmed the clock since this start.
    confirmed: Option<ClockVoice>,
    /// That the clock is behind another stands in the log.
    behind: bool,
}

impl ClockMark {
    /// A mark that has seen nothing.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Takes over what a store has recorded: the highest clock seen, and the highest that somebody had confirmed.
    pub(super) fn adopt(&self, recorded: Timestamp, certain: Option<Timestamp>) {
        let mut state = self.state.lock();
        state.seen = Some(state.seen.map_or(recorded, |seen| seen.max(recorded)));
        state.certain = state.certain.max(certain);
    }

    /// Looks at the clock, and raises the mark where the clock is believed.
    pub(super) fn look(&self) -> ClockReading {
        self.state.lock().look(self.clock.now())
    }

    /// What has to be kept where another clock, which is right, says this; it holds with [`ClockMark::correct`]. None: what
    /// follows is for this process alone, with [`ClockMark::hear`]. A person who says that the clock is right names no other.
    pub(super) fn weigh(&self, other: Option<Timestamp>) -> Option<Correction> {
        let look = self.look();
        look.correction(other.unwrap_or(look.told), ClockVoice::of(other))
    }

    /// Another clock, which is right, says this, and nothing has to be kept of it.
    pub(super) fn hear(&self, other: Option<Timestamp>) {
        let mut state = self.state.lock();
        let look = state.look(self.clock.now());
        state.hear(&look, other.unwrap_or(look.told), ClockVoice::of(other));
    }

    /// A correction is durable.
    pub(super) fn correct(&self, correction: Correction) {
        let mut state = self.state.lock();
        let before = state.look(self.clock.now());
        let after = before.corrected(correction);
        let (now, seen) = (Rfc3339(after.told), Rfc3339(before.now));
        let to = Rfc3339(after.now);
        (state.seen, state.certain) = (Some(after.now), after.certain);
        state.confirmed = after.is_confirmed().then_some(correction.by);
        state.ahead = after.is_ahead().then_some(AGREES_WITHIN);
        match (correction.lowers(&before), after.is_ahead()) {
            (true, true) => {
                tracing::error!(clock.now = %now, clock.seen = %seen, clock.right = %to, "clock.ahead")
            }
            (true, false) => {
                tracing::warn!(clock.now = %now, clock.seen = %seen, clock.right = %to, "clock.lowered")
            }
            (false, _) => tracing::info!(clock.seen = %to, "clock.confirmed"),
        }
    }
}

impl MarkState {
    fn look(&mut self, exact: Timestamp) -> ClockReading {
        let told = Timestamp::from_millisecond(exact.as_millisecond()).unwrap_or(exact);
        let passed = told.duration_since(self.told.replace(told).unwrap_or(told));
        if passed.abs() > AGREES_WITHIN {
            self.confirmed = None;
        }
        let seen = self.seen.unwrap_or(told);
        let now = match self.ahead {
            Some(allowed) => self.while_ahead(told, seen, passed, allowed),
            None if told.duration_since(seen) > JUMP => {
                (self.ahead, self.confirmed) = (Some(JUMP), None);
                tracing::error!(clock.now = %Rfc3339(told), clock.seen = %Rfc3339(seen), "clock.jumped");
                seen
            }
            None => seen.max(told),
        };
        self.seen = Some(now);
        if self.confirmed.is_some() {
            self.certain = self.certain.max(Some(now));
        }
        let trust = match (self.ahead, self.confirmed) {
            (Some(_), _) => ClockTrust::Ahead,
            (None, Some(voice)) => ClockTrust::Confirmed(voice),
            (None, None) => ClockTrust::Unconfirmed,
        };
        ClockReading { told, now, certain: self.certain, trust }
    }

    /// Time while the clock is not believed: it goes on by what passes, if that is no leap, until the clock is right again.
    fn while_ahead(
        &mut self,
        told: Timestamp,
        seen: Timestamp,
        passed: SignedDuration,
        allowed: SignedDuration,
    ) -> Timestamp {
        if told.duration_since(seen) > allowed {
            let is_time = passed.is_positive() && passed <= JUMP;
            return if is_time { after(seen, passed) } else { seen };
        }
        self.ahead = None;
        tracing::info!(clock.now = %Rfc3339(told), "clock.back");
        seen.max(told)
    }

    /// Another clock says this, and nothing has to be kept of it.
    fn hear(&mut self, look: &ClockReading, other: Timestamp, by: ClockVoice) {
        let apart = look.told.duration_since(other);
        self.confirmed = (apart.abs() <= AGREES_WITHIN).then_some(by);
        if self.confirmed.is_some() {
            self.certain = self.certain.max(Some(look.now));
            self.behind = false;
        } else if apart.is_negative() {
            if !std::mem::replace(&mut self.behind, true) {
                tracing::warn!(clock.now = %Rfc3339(look.told), clock.right = %Rfc3339(other), "clock.behind");
            }
        } else if self.ahead.replace(AGREES_WITHIN) != Some(AGREES_WITHIN) {
            tracing::error!(
                clock.now = %Rfc3339(look.told), clock.seen = %Rfc3339(look.now),
                clock.right = %Rfc3339(other), "clock.ahead"
            );
        }
    }
}

#[cfg(test)]
mod tests;
