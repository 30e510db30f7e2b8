//! Until when a record may be held.

use jiff::{SignedDuration, Timestamp};

use crate::clock::plus_months;
use crate::purpose::Purpose;

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
    let kept_until = plus_months(start, purpose.retention_months);
    let reconfirm_due = purpose.reconfirm_months.map(|months| plus_months(start, months));
    let grace = SignedDuration::from_hours(24 * i64::from(purpose.grace_days));
    let lapses_at = reconfirm_due.map(|due| due.checked_add(grace).unwrap_or(due));
    Periods { reconfirm_due, expires_at: lapses_at.map_or(kept_until, |lapse| lapse.min(kept_until)) }
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
            purpose.retention_months = months;
            let wanted = Periods { reconfirm_due: None, expires_at: at(ends) };
            assert_eq!(periods(&purpose, at(begun), at(begun)), wanted, "{months} from {begun}");
        }
    }

    #[test]
    fn who_is_asked_again_and_does_not_answer_goes_after_the_grace_and_never_after_the_retention() {
        let mut purpose = purpose("lettre", &["email"]);
        (purpose.retention_months, purpose.reconfirm_months, purpose.grace_days) = (36, Some(18), 30);
        let begun = at("2026-01-15T12:00:00Z");
        let asked = periods(&purpose, begun, begun);
        assert_eq!(asked.reconfirm_due, Some(at("2027-07-15T12:00:00Z")));
        assert_eq!(asked.expires_at, at("2027-08-14T12:00:00Z"), "thirty days later");
        purpose.grace_days = 14;
        assert_eq!(periods(&purpose, begun, begun).expires_at, at("2027-07-29T12:00:00Z"));
        purpose.retention_months = 18;
        assert_eq!(periods(&purpose, begun, begun).expires_at, at("2027-07-15T12:00:00Z"));
        purpose.retention_months = 6;
        assert_eq!(periods(&purpose, begun, begun).expires_at, at("2026-07-15T12:00:00Z"));
    }

    #[test]
    fn a_wrong_clock_at_either_side_lengthens_nothing() {
        let purpose = purpose("devis", &["email"]);
        let (early, late) = (at("2026-01-15T12:00:00Z"), at("2027-01-15T12:00:00Z"));
        assert_eq!(periods(&purpose, early, late), periods(&purpose, late, early));
        assert_eq!(periods(&purpose, early, late).expires_at, at("2027-01-15T12:00:00Z"));
    }
}
