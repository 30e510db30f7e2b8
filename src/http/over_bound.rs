//! References that were passed over because as much is held as may be: whoever can sign calls can invent them, so the log
//! says how many they were once a minute at the most.

use jiff::Timestamp;
use parking_lot::Mutex;

/// So long the log says nothing more of them.
const SAY_EVERY_MS: i64 = 60_000;

/// What of them the log has not said yet.
#[derive(Default)]
pub struct OverBound(Mutex<Untold>);

#[derive(Default)]
struct Untold {
    said: Option<Timestamp>,
    count: u64,
}

impl OverBound {
    /// So many more; how many the log is to speak of now, if it is.
    pub(super) fn note(&self, count: u64, now: Timestamp) -> Option<u64> {
        let mut untold = self.0.lock();
        untold.count = untold.count.saturating_add(count);
        let since = |said: Timestamp| now.as_millisecond().abs_diff(said.as_millisecond());
        if untold.said.is_some_and(|said| since(said) < SAY_EVERY_MS.unsigned_abs()) {
            return None;
        }
        untold.said = Some(now);
        Some(std::mem::take(&mut untold.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_said_once_a_minute_and_none_is_left_out() {
        let over = OverBound::default();
        let at = |ms| Timestamp::from_millisecond(ms).expect("in range");
        assert_eq!(over.note(3, at(1_000)), Some(3));
        assert_eq!((over.note(4, at(2_000)), over.note(5, at(60_999))), (None, None));
        assert_eq!(over.note(1, at(61_000)), Some(10));
        assert_eq!(over.note(2, at(-100_000)), Some(2), "a clock set back does not keep it silent");
    }
}
