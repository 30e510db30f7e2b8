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

/// A length of time by the calendar: months first, counted at once and clamped to the month's end, then days of 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Calendar months.
    pub months: u32,
    /// Days of 24 hours after them.
    pub days: u32,
}

impl Term {
    /// So many calendar months.
    pub const fn months(months: u32) -> Self {
        Self { months, days: 0 }
    }

    /// So many days.
    pub const fn days(days: u32) -> Self {
        Self { months: 0, days }
    }

    /// When it ends that begins then.
    pub fn end(self, start: Timestamp) -> Timestamp {
        after(plus_months(start, self.months), days(self.days))
    }

    /// True if it ends first whenever both begin. Months have 28 to 31 days, and no year is shorter than 365.
    fn is_always_before(self, other: Self) -> bool {
        let longest = u64::from(self.months) * LONGEST_MONTH_DAYS + u64::from(self.days);
        let shortest = u64::from(other.months / 12) * SHORTEST_YEAR_DAYS
            + u64::from(other.months % 12) * SHORTEST_MONTH_DAYS
            + u64::from(other.days);
        longest < shortest
    }
}

const LONGEST_MONTH_DAYS: u64 = 31;
const SHORTEST_MONTH_DAYS: u64 = 28;
const SHORTEST_YEAR_DAYS: u64 = 365;

/// Four years, one of them a leap year: after them the calendar begins anew, but in 2100.
const LEAP_CYCLE_DAYS: u32 = 4 * 365 + 1;

/// How long a purpose holds a record: until the first of these terms ends. By it records are dated, and from it people are
/// told. Without any nothing is kept: the config refuses that, and it fails closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifespan(Vec<Term>);

impl Lifespan {
    /// A purpose's: its retention, and where people are to be asked again, that date and the grace after it.
    pub fn of(purpose: &Purpose) -> Self {
        let mut terms = purpose.retention();
        if !terms.is_empty() {
            terms.extend(purpose.lapse());
        }
        Self(terms)
    }

    /// As it was kept: [`Lifespan::all`].
    pub fn from_terms(terms: Vec<Term>) -> Self {
        Self(terms)
    }

    /// All its terms.
    pub fn all(&self) -> &[Term] {
        &self.0
    }

    /// When a record ends that was submitted and arrived then.
    pub fn end_of(&self, created: Timestamp, received: Timestamp) -> Timestamp {
        self.end(created.min(received))
    }

    /// When a record ends whose time began then.
    pub fn end(&self, start: Timestamp) -> Timestamp {
        self.0.iter().map(|term| term.end(start)).min().unwrap_or(start)
    }

    /// The terms that can be the first to end.
    pub fn terms(&self) -> Vec<Term> {
        let counts = |term: &Term| !self.0.iter().any(|other| other.is_always_before(*term));
        self.0.iter().copied().filter(counts).collect()
    }

    /// True if there is a day on which a record's time may begin that then ends earlier than by the other. The calendar
    /// decides (a month and a day end before or after 30 days), so that each day of four years is looked at.
    pub fn can_end_before(&self, other: &Self) -> bool {
        let day = |number: u32| after(Timestamp::UNIX_EPOCH, days(number));
        (0..LEAP_CYCLE_DAYS).map(day).any(|start| self.end(start) < other.end(start))
    }
}

impl Purpose {
    /// For how long its records are held at most, whoever is asked again.
    pub fn retention(&self) -> Vec<Term> {
        let kept = [self.retention_months.map(Term::months), self.retention_days.map(Term::days)];
        kept.into_iter().flatten().collect()
    }

    /// When a record lapses whose person was to be asked again and did not answer.
    pub fn lapse(&self) -> Option<Term> {
        self.reconfirm_months.map(|months| Term { months, days: self.grace_days })
    }
}

/// Periods start at the earlier of the submission and its arrival, so that a wrong clock at either side never lengthens
/// them. A record dies at the end of its retention, or, where re-confirmation is due, when the grace after it has passed
/// (retention fails closed: no mail sent is no reason to keep).
pub fn periods(purpose: &Purpose, created: Timestamp, received: Timestamp) -> Periods {
    let start = created.min(received);
    let reconfirm_due = purpose.reconfirm_months.map(|months| plus_months(start, months));
    Periods { reconfirm_due, expires_at: Lifespan::of(purpose).end(start) }
}

/// True if the time of a lead that was submitted then is over now: a record of it would be in no export, since those pass a
/// record over from its expiry day on. Who was submitted later than now was submitted now.
pub fn is_over(purpose: &Purpose, created: Timestamp, now: Timestamp) -> bool {
    let start = created.min(now);
    Day::of(periods(purpose, start, start).expires_at) <= Day::of(now)
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

    /// People are told of the terms that can end a record, and of no other.
    #[test]
    fn a_term_that_never_ends_first_is_not_told() {
        let mut purpose = purpose("lettre", &["email"]);
        let terms = |purpose: &Purpose| Lifespan::of(purpose).terms();
        assert_eq!(terms(&purpose), [Term::months(12)]);
        (purpose.retention_months, purpose.reconfirm_months, purpose.grace_days) = (Some(36), Some(18), 30);
        let lapse = Term { months: 18, days: 30 };
        assert_eq!(terms(&purpose), [lapse], "it lapses first, whatever the calendar");
        purpose.retention_months = Some(6);
        assert_eq!(terms(&purpose), [Term::months(6)]);
        purpose.retention_months = Some(19);
        assert_eq!(terms(&purpose), [Term::months(19), lapse], "the calendar decides");
        purpose.retention_months = None;
        assert_eq!(
            (terms(&purpose), Lifespan::of(&purpose).end(at("2026-01-15T12:00:00Z"))),
            (vec![], at("2026-01-15T12:00:00Z"))
        );
    }

    #[test]
    fn a_lifespan_is_shorter_where_some_record_ends_earlier_by_it() {
        let of = |terms: &[Term]| Lifespan::from_terms(terms.to_vec());
        let lapse = Term { months: 18, days: 30 };
        for (one, other, is_shorter) in [
            (of(&[Term::months(12)]), of(&[Term::months(12)]), false),
            (of(&[Term::months(12)]), of(&[Term::months(24)]), true),
            (of(&[Term::months(24)]), of(&[Term::months(12)]), false),
            // A term that never ends first shortens nothing.
            (of(&[Term::months(36), lapse]), of(&[lapse]), false),
            (of(&[lapse]), of(&[Term::months(36), lapse]), false),
            (of(&[Term::months(24), lapse]), of(&[Term::months(36), lapse]), false),
            (of(&[lapse]), of(&[Term::months(36)]), true),
            // By the calendar: 31 January and a month are 28 days, 1 January and a month are 31.
            (of(&[Term::months(1)]), of(&[Term::days(29)]), true),
            (of(&[Term::days(29)]), of(&[Term::months(1)]), true),
            (of(&[Term::days(27)]), of(&[Term::months(1)]), true),
            (of(&[Term::months(1)]), of(&[Term::days(27)]), false),
            (of(&[Term::days(366)]), of(&[Term::months(12)]), false),
            (of(&[Term::months(12)]), of(&[Term::days(366)]), true),
        ] {
            assert_eq!(one.can_end_before(&other), is_shorter, "{one:?} {other:?}");
        }
    }

    proptest::proptest! {
        /// Leaving a term out changes no record's end.
        #[test]
        fn the_terms_that_are_told_are_those_by_which_records_end(
            months in 1_u32..=120, asked in proptest::option::of(6_u32..=24), grace in 14_u32..=60, hour in 0_i64..200_000
        ) {
            let begun = after(at("2020-01-01T00:00:00Z"), SignedDuration::from_hours(hour));
            let mut purpose = purpose("lettre", &["email"]);
            (purpose.retention_months, purpose.reconfirm_months, purpose.grace_days) = (Some(months), asked, grace);
            let told = Lifespan::of(&purpose).terms().into_iter().map(|term| term.end(begun)).min();
            proptest::prop_assert_eq!(told, Some(periods(&purpose, begun, begun).expires_at));
        }

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
