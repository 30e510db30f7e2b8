//! A restriction as it is shown, and days as callers write them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::api::restrictions::Restricted;
use crate::api::{Moment, Word};
use crate::clock::Day;
use crate::store::Restriction;

/// A restriction on its way out.
pub(super) fn shown(restriction: &Restriction) -> Restricted {
    Restricted {
        id: restriction.id.clone(),
        reason: restriction.reason.map(Word::from),
        since: Moment(restriction.since),
        until: restriction.until.to_string(),
        erasure: restriction.erasure.map(|id| id.to_string()),
    }
}

/// A day as it is written, and no other spelling of it.
pub(super) fn day(text: &str) -> Option<Day> {
    let midnight: Timestamp = text.parse::<Date>().ok()?.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp();
    let day = Day::of(midnight);
    (day.to_string() == text).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_one_spelling() {
        assert_eq!(day("2026-11-29").map(|day| day.to_string()).as_deref(), Some("2026-11-29"));
        for odd in
            ["", "2026-11-31", "2026-11", "20261129", "2026-11-29T00:00:00Z", "+002026-11-29", "1969-12-31"]
        {
            assert_eq!(day(odd), None, "{odd}");
        }
    }
}
