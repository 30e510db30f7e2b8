//! Time as a parameter. Nothing else reads the system's clock (a lint forbids it).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// Tells the time, in UTC.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
        Timestamp::now()
    }
}

/// A clock that moves only when told, for tests and simulations.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Stands at `start` until it is moved. Milliseconds are kept, finer parts are not.
    pub fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.as_millisecond()))
    }

    /// Moves by `by` milliseconds, forwards or backwards.
    pub fn advance_ms(&self, by: i64) {
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// A day in UTC, counted from 1970-01-01: what stands in clear where a moment would say too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(pub u32);

impl Day {
    /// The day that holds this moment; moments before 1970 count as day 0.
    pub fn of(moment: Timestamp) -> Self {
        Self(u32::try_from(moment.as_second().div_euclid(86_400)).unwrap_or(0))
    }

    /// The day after.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The day this many days later, up to the last that can be counted.
    pub fn plus(self, days: u32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The day this many calendar months later, the last of its month where the month is shorter.
    pub fn plus_months(self, months: u32) -> Self {
        let midnight = Timestamp::from_second(i64::from(self.0) * 86_400);
        midnight.map_or(self, |midnight| Self::of(plus_months(midnight, months)))
    }

    /// The day this many days earlier, not before day 0.
    pub fn minus(self, days: u32) -> Self {
        Self(self.0.saturating_sub(days))
    }
}

impl fmt::Display for Day {
    /// As `2026-11-29`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let midnight = Timestamp::from_second(i64::from(self.0) * 86_400).unwrap_or(Timestamp::MAX);
        midnight.to_zoned_datetime(TimeZone::UTC).date().fmt(f)
    }
}

/// The day by which old files may go, for whoever knows no store: none until somebody has confirmed the clock, and then the
/// one that was told last.
#[derive(Clone, Default)]
pub struct ConfirmedDay(Arc<AtomicU32>);

impl ConfirmedDay {
    /// The clock is confirmed, and says that it is this day.
    pub fn tell(&self, day: Day) {
        self.0.store(day.0, Ordering::Relaxed);
    }

    /// The day that was told last. No clock is confirmed on day 0.
    pub fn told(&self) -> Option<Day> {
        Some(Day(self.0.load(Ordering::Relaxed))).filter(|day| day.0 > 0)
    }
}

/// A calendar month in UTC, counted from January 1970: the period of the log key and of the tombstones'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month(pub u32);

impl Month {
    /// The month that holds this moment.
    pub fn of(moment: Timestamp) -> Self {
        let date = moment.to_zoned_datetime(TimeZone::UTC);
        Self(u32::try_from((i32::from(date.year()) - 1970) * 12 + i32::from(date.month()) - 1).unwrap_or(0))
    }

    /// The first day of the month after; past the calendar's end the last day that there is.
    pub fn end(self) -> Day {
        let months = self.0.saturating_add(1);
        let year = i16::try_from(1970 + months / 12).ok();
        let month = i8::try_from(months % 12 + 1).ok();
        let first = year.zip(month).and_then(|(year, month)| Date::new(year, month, 1).ok());
        let first = first.and_then(|first| first.to_zoned_datetime(TimeZone::UTC).ok());
        first.map_or(Day(u32::MAX), |first| Day::of(first.timestamp()))
    }
}

/// Adds calendar months in UTC: the 31st of January plus one month is the last day of February.
/// Past the calendar's end the moment stays where it is, so that a period never becomes endless.
pub fn plus_months(moment: Timestamp, months: u32) -> Timestamp {
    moment
        .to_zoned_datetime(TimeZone::UTC)
        .checked_add(i64::from(months).months())
        .map_or(moment, |later| later.timestamp())
}

/// So much later, up to the calendar's end.
pub fn after(moment: Timestamp, wait: SignedDuration) -> Timestamp {
    moment.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// So many milliseconds later, up to the calendar's end.
pub fn after_ms(moment: Timestamp, ms: u64) -> Timestamp {
    after(moment, SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX)))
}

/// When something that comes again and again comes next. A clock that was set back does not put it off for longer than the
/// longest wait between two of them.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    longest: SignedDuration,
    next: Option<Timestamp>,
}

impl Due {
    /// Due at once, and afterwards never later than this after the last time.
    pub fn within(longest: SignedDuration) -> Self {
        Self { longest, next: None }
    }

    /// True until the first time is set.
    pub fn is_new(&self) -> bool {
        self.next.is_none()
    }

    /// Until when there is nothing to do; none: it is due.
    pub fn wait(&self, now: Timestamp) -> Option<Timestamp> {
        self.next.filter(|next| now < *next && *next <= after(now, self.longest))
    }

    /// Due next at this moment.
    pub fn set(&mut self, next: Timestamp) -> Timestamp {
        self.next = Some(next);
        next
    }
}

/// Writes a moment as RFC 3339 in UTC with whole seconds: `2026-11-25T08:47:38Z`.
pub struct Rfc3339(pub Timestamp);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = Timestamp::from_second(self.0.as_second()).unwrap_or(self.0);
        write!(f, "{whole}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    #[test]
    fn months_are_calendar_months() {
        assert_eq!(plus_months(at("2026-01-31T10:00:00Z"), 1), at("2026-02-28T10:00:00Z"));
        assert_eq!(plus_months(at("2024-02-29T00:00:00Z"), 12), at("2025-02-28T00:00:00Z"));
        assert_eq!(plus_months(at("2026-11-25T08:00:00Z"), 18), at("2028-05-25T08:00:00Z"));
    }

    #[test]
    fn a_day_some_months_later_is_within_its_month() {
        let later = |text: &str, months| Day::of(at(text)).plus_months(months).to_string();
        assert_eq!(later("2026-01-31T10:00:00Z", 1), "2026-02-28");
        assert_eq!(later("2026-11-30T23:59:59Z", 3), "2027-02-28");
        assert_eq!(Day(u32::MAX).plus_months(1), Day(u32::MAX), "past the calendar's end it stays");
    }

    #[test]
    fn a_month_ends_on_the_first_day_of_the_next() {
        let end = |text: &str| Month::of(at(text)).end().to_string();
        assert_eq!(end("2026-11-30T23:59:59Z"), "2026-12-01");
        assert_eq!(end("2026-12-01T00:00:00Z"), "2027-01-01");
        assert_eq!(end("2028-02-29T12:00:00Z"), "2028-03-01");
        assert_eq!(Month(0).end().to_string(), "1970-02-01");
        assert_eq!(Month(u32::MAX).end(), Day(u32::MAX), "and never earlier");
        assert_eq!((Day(7).plus(3), Day(7).plus(u32::MAX)), (Day(10), Day(u32::MAX)));
    }

    #[test]
    fn what_is_due_waits_for_its_time_and_no_longer_than_it_ever_may() {
        let hour = SignedDuration::from_hours(1);
        let now = at("2026-11-25T08:00:00Z");
        let mut due = Due::within(hour);
        assert!(due.is_new() && due.wait(now).is_none());
        let next = due.set(after(now, hour));
        assert_eq!(due.wait(now), Some(next));
        assert_eq!(due.wait(next), None);
        assert_eq!(due.wait(at("2026-11-25T07:59:59Z")), None, "the clock was set back");
        assert_eq!(after(now, SignedDuration::MAX), Timestamp::MAX);
        assert_eq!(after_ms(now, 1_500), at("2026-11-25T08:00:01.5Z"));
    }

    #[test]
    fn text_is_rfc_3339_with_whole_seconds() {
        assert_eq!(Rfc3339(at("2026-11-25T08:47:38.123Z")).to_string(), "2026-11-25T08:47:38Z");
    }

    #[test]
    fn days_and_months_count_from_1970() {
        assert_eq!(Day::of(at("1970-01-02T00:00:00Z")), Day(1));
        assert_eq!(Month::of(at("1971-02-28T23:59:59Z")), Month(13));
    }
}
