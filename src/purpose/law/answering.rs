//! What somebody may ask for by right, and by when they are answered (GDPR art. 12(3)).

use crate::clock::Day;

crate::codes! {
    /// What a person asks for.
    pub enum RequestKind {
        /// What is held of them (art. 15).
        Access = "access",
        /// That it is put right (art. 16).
        Rectification = "rectification",
        /// That it is erased (art. 17).
        Erasure = "erasure",
        /// That nobody uses it for a while (art. 18).
        Restriction = "restriction",
        /// That they get what they gave, for a program (art. 20).
        Portability = "portability",
        /// That it is used no more (art. 21).
        Objection = "objection",
        /// A consent is taken back (art. 7(3)).
        Withdrawal = "withdrawal",
    }
}

crate::codes! {
    /// Why an answer takes two months more (art. 12(3)): the two grounds that there are.
    pub enum ExtensionGround {
        /// What they ask for is complex.
        Complex = "complex",
        /// There are many requests.
        ManyRequests = "many-requests",
    }
}

/// Within how long a request is answered, in calendar months.
const MONTHS: u32 = 1;
/// By how much that may be extended, once.
const EXTENDED_MONTHS: u32 = 2;

/// Of days since 1970-01-01, a Thursday.
const DAYS_OF_WEEK: u32 = 7;
const SATURDAY: u32 = 2;
const SUNDAY: u32 = 3;

/// The day by whose end a request that came on this day is answered. A period in months ends on the day of the same date, or on
/// the last one of a shorter month, and not on a Saturday or a Sunday but on the Monday after (Regulation 1182/71 art. 3(2)(c),
/// (4)). Holidays are other ones in each country: they are not known here, and only give more time.
pub fn answered_by(received: Day, is_extended: bool) -> Day {
    let months = if is_extended { MONTHS + EXTENDED_MONTHS } else { MONTHS };
    let day = received.plus_months(months);
    match day.0 % DAYS_OF_WEEK {
        SATURDAY => day.plus(2),
        SUNDAY => day.plus(1),
        _ => day,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::of(format!("{text}T12:00:00Z").parse().expect("a time"))
    }

    #[test]
    fn a_month_ends_on_the_same_date_and_never_on_a_weekend() {
        for (received, due, extended) in [
            ("2026-11-30", "2026-12-30", "2027-03-01"),
            ("2026-10-31", "2026-11-30", "2027-02-01"),
            // A Saturday, a Sunday.
            ("2026-11-05", "2026-12-07", "2027-02-05"),
            ("2026-11-06", "2026-12-07", "2027-02-08"),
            ("2026-01-30", "2026-03-02", "2026-04-30"),
            ("2028-01-31", "2028-02-29", "2028-05-01"),
        ] {
            let received = day(received);
            assert_eq!(answered_by(received, false).to_string(), due, "{received}");
            assert_eq!(answered_by(received, true).to_string(), extended, "{received}");
        }
    }

    #[test]
    fn whatever_the_day_nobody_is_answered_on_a_weekend_or_before_the_month_is_over() {
        for number in 20_000..22_000 {
            let due = answered_by(Day(number), false);
            assert!(![SATURDAY, SUNDAY].contains(&(due.0 % DAYS_OF_WEEK)), "{due}");
            let days = due.0 - number;
            assert!((28..=33).contains(&days), "{days}");
        }
    }
}
