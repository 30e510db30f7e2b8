//! Whether Graph is there at all. When it is not, that is nobody's lead's fault: calls pause, and one looks.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::graph::failure::Cause;

/// So many calls in a row without an answer of Graph's, whoever made them, are an outage: fewer may be one lead's doing.
const IN_A_ROW: u32 = 5;

/// Calls in a row that Graph did not answer.
#[derive(Default)]
pub(super) struct Outage(AtomicU32);

/// What a call without an answer is a sign of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Of nothing yet.
    None,
    /// Graph is not there, by this and the calls before it; this one may have had its own reason.
    Likely,
    /// Graph is not there: nothing was even asked.
    Certain,
}

impl Outage {
    /// Graph itself answered, if only to say no.
    pub(super) fn answered(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// A call failed for this reason.
    pub(super) fn failed(&self, cause: Cause) -> Sign {
        match cause {
            Cause::Connect | Cause::Tls => Sign::Certain,
            // A front that answers for a Graph that is not there sends HTML, or nothing under a 5xx.
            Cause::Timeout | Cause::Broken | Cause::NotJson | Cause::Status => {
                let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |failed| {
                    Some(failed.saturating_add(1))
                });
                match before.unwrap_or_else(|failed| failed) {
                    failed if failed + 1 < IN_A_ROW => Sign::None,
                    _ => Sign::Likely,
                }
            }
            _ => Sign::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_connection_was_made_for_is_certain_and_the_rest_counts_in_a_row() {
        let outage = Outage::default();
        assert_eq!(outage.failed(Cause::Connect), Sign::Certain);
        for _ in 0..2 {
            let signs: Vec<Sign> = (0..6).map(|_| outage.failed(Cause::Timeout)).collect();
            assert_eq!(signs[..4], [Sign::None; 4]);
            assert_eq!(signs[4..], [Sign::Likely; 2]);
            outage.answered();
        }
        assert_eq!(outage.failed(Cause::Refused), Sign::None);
    }
}
