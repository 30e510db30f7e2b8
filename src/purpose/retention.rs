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
