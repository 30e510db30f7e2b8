//! Until when a record may be held.

use jiff::{SignedDuration, Timestamp};

use crate::clock::{Day, after, plus_months};
use crate::purpose::Purpose;

const DAY_HOURS: i64 = 24;

/// The dates that a record is born with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Periods {
    /// When the person must be asked again.
    pub reconfirm_due: Option<Timestamp>,
    /// From when on the record is neither exported nor kept.
    pub expires_at: Timestamp,
}

/// Periods start at the earlier of the submission and its arrival, so that a wrong clock at either side never lengthens
/// them. A record dies at the end of its retention, or, where re-confirmation is due, when the grace after it has passed
/// (retention fails closed: no mail sent is no reason to keep).
pub fn periods(purpose: &Purpose, created: Timestamp, received: Timestamp) -> Periods {
    let start = created.min(received);
    let kept_until = kept_until(purpose, start);
    let reconfirm_due = purpose.reconfirm_months.map(|months| plus_months(start, months));
    let grace = days(purpose.grace_days);
    let lapses_at = reconfirm_due.map(|due| due.checked_add(grace).unwrap_or(due));
    Periods { reconfirm_due, expires_at: lapses_at.map_or(kept_until, |lapse| lapse.min(kept_until)) }
}

/// True if the time of a lead that was submitted then is over now: a record of it would be in no export, since those pass a
/// record over from its expiry day on. Who was submitted later than now was submitted now.
pub fn is_over(purpose: &Purpose, created: Timestamp, now: Timestamp) -> bool {
    let start = created.min(now);
    Day::of(periods(purpose, start, start).expires_at) <= Day::of(now)
}

/// The end of the retention: calendar months from this moment on, counted at once and clamped to the month's end, or days.
/// Without either nothing is kept: the config refuses that, and it fails closed.
fn kept_until(purpose: &Purpose, start: Timestamp) -> Timestamp {
    let by_months = purpose.retention_months.map(|months| plus_months(start, months));
    let by_days = purpose.retention_days.map(|number| after(start, days(number)));
    by_months.into_iter().chain(by_days).min().unwrap_or(start)
}

fn days(number: u32) -> SignedDuration {
    SignedDuration::from_hours(DAY_HOURS * i64::from(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::sample::purpose;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_record_dies_at_the_end_of_its_retention_by_the_calendar() {
        let mut purpose = purpose("devis", &["email"]);
        for (months, begun, ends) in [
            (1, "2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z"),
            (12, "2028-02-29T00:00:00Z", "2029-02-28T00:00:00Z"),
            (36, "2026-11-25T08:47:38Z", "2029-11-25T08:47:38Z"),
        ] {
            purpose.retention_months = Some(months);
            let wanted = Periods { reconfirm_due: None, expires_at: at(ends) };
            assert_eq!(periods(&purpose, at(begun), at(begun)), wanted, "{months} from {begun}");
        }
    }

    #[test]
    fn who_is_asked_again_and_does_not_answer_goes_after_the_grace_and_never_after_the_retention() {
        let mut purpose = purpose("lettre", &["email"]);
        (purpose.retention_months, purpose.reconfirm_months, purpose.grace_days) = (Some(36), Some(18), 30);
        let begun = at("2026-01-15T12:00:00Z");
        let asked = periods(&purpose, begun, begun);
        assert_eq!(asked.reconfirm_due, Some(at("2027-07-15T12:00:00Z")));
        assert_eq!(asked.expires_at, at("2027-08-14T12:00:00Z"), "thirty days later");
        purpose.grace_days = 14;
        assert_eq!(periods(&purpose, begun, begun).expires_at, at("2027-07-29T12:00:00Z"));
        purpose.retention_months = Some(18);
        assert_eq!(periods(&purpose, begun, begun).expires_at, at("2027-07-15T12:00:00Z"));
        purpose.retention_months = Some(6);
        assert_eq!(periods(&purpose, begun, begun).expires_at, at("2026-07-15T12:00:00Z"));
    }

    #[test]
    fn a_wrong_clock_at_either_side_lengthens_nothing() {
        let purpose = purpose("devis", &["email"]);
        let (early, late) = (at("2026-01-15T12:00:00Z"), at("2027-01-15T12:00:00Z"));
        assert_eq!(periods(&purpose, early, late), periods(&purpose, late, early));
        assert_eq!(periods(&purpose, early, late).expires_at, at("2027-01-15T12:00:00Z"));
    }

    #[test]
    fn months_are_counted_at_once_from_the_first_moment_and_days_have_24_hours() {
        let mut purpose = purpose("devis", &["email"]);
        for (months, begun, ends) in [
            // Month by month it would be the 28th from the second month on.
            (2, "2026-12-31T10:00:00Z", "2027-02-28T10:00:00Z"),
            (3, "2026-12-31T10:00:00Z", "2027-03-31T10:00:00Z"),
            (6, "2026-08-31T23:59:59Z", "2027-02-28T23:59:59Z"),
            (48, "2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"),
        ] {
            purpose.retention_months = Some(months);
            let ended = periods(&purpose, at(begun), at(begun)).expires_at;
            assert_eq!(ended, at(ends), "{months} from {begun}");
        }
        (purpose.retention_months, purpose.retention_days) = (None, Some(30));
        // The night in which the clocks of Paris change has 24 hours here as any other.
        let begun = at("2026-10-10T22:30:00Z");
        assert_eq!(periods(&purpose, begun, begun).expires_at, at("2026-11-09T22:30:00Z"));
        purpose.retention_days = Some(3_650);
        assert_eq!(periods(&purpose, begun, begun).expires_at, at("2036-10-07T22:30:00Z"));
        purpose.retention_months = Some(1);
        assert_eq!(periods(&purpose, begun, begun).expires_at, at("2026-11-10T22:30:00Z"), "the earlier");
        (purpose.retention_months, purpose.retention_days) = (None, None);
        assert_eq!(periods(&purpose, begun, begun).expires_at, begun, "no period keeps nothing");
    }

    #[test]
    fn a_time_is_over_from_the_day_on_on_which_a_record_is_exported_no_more() {
        let mut purpose = purpose("devis", &["email"]);
        (purpose.retention_months, purpose.retention_days) = (None, Some(30));
        let created = at("2026-10-10T12:00:00Z");
        for (now, over) in [
            ("2026-10-10T12:00:00Z", false),
            ("2026-11-08T23:59:59Z", false),
            ("2026-11-09T00:00:00Z", true),
            ("2026-11-09T12:00:00Z", true),
            ("2036-11-09T12:00:00Z", true),
            ("2026-01-01T00:00:00Z", false),
        ] {
            assert_eq!(is_over(&purpose, created, at(now)), over, "{now}");
        }
        // Where people are asked again, what would lapse unanswered is over as well.
        (purpose.retention_months, purpose.retention_days) = (Some(36), None);
        (purpose.reconfirm_months, purpose.grace_days) = (Some(6), 14);
        assert!(!is_over(&purpose, created, at("2027-04-23T23:59:59Z")));
        assert!(is_over(&purpose, created, at("2027-04-24T00:00:00Z")));
    }

    proptest::proptest! {
        /// What is stored is never over at once, whatever the period.
        #[test]
        fn nothing_is_over_on_the_day_before_its_end(months in 1_u32..=120, number in 1_u32..=3_650, hour in 0_i64..200_000) {
            let begun = after(at("2020-01-01T00:00:00Z"), SignedDuration::from_hours(hour));
            for (by_months, by_days) in [(Some(months), None), (None, Some(number))] {
                let mut purpose = purpose("devis", &["email"]);
                (purpose.retention_months, purpose.retention_days) = (by_months, by_days);
                let ends = periods(&purpose, begun, begun).expires_at;
                proptest::prop_assert!(is_over(&purpose, begun, ends));
                let day_before = ends - SignedDuration::from_hours(DAY_HOURS);
                proptest::prop_assert!(!is_over(&purpose, begun, day_before));
            }
        }
    }
}
