//! Whether Graph is there at all. When it is not, that is nobody's lead's fault: calls pause, and one looks.

use crate::graph::failure::Cause;
use crate::id::{FormId, LeadgenId};
use parking_lot::{Mutex, MutexGuard};

/// So many different leads and forms in a row without an answer of Graph's, whoever asked, are an outage. One of them
/// alone is none, however often it is asked for.
const DIFFERENT: usize = 5;

/// What a call asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Lead(LeadgenId),
    Form(FormId),
}

/// What Graph has not answered for since it last answered anything; at most [`DIFFERENT`] of them.
#[derive(Default)]
pub(super) struct Outage(Mutex<Vec<Asked>>);

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
        self.lock().clear();
    }

    /// A call for this failed for this reason.
    pub(super) fn failed(&self, cause: Cause, asked: Asked) -> Sign {
        match cause {
            Cause::Connect | Cause::Tls => Sign::Certain,
            // A front that answers for a Graph that is not there sends HTML, or nothing under a 5xx.
            Cause::Timeout | Cause::Broken | Cause::NotJson | Cause::Status => {
                let mut unanswered = self.lock();
                if unanswered.len() < DIFFERENT && !unanswered.contains(&asked) {
                    unanswered.push(asked);
                }
                if unanswered.len() < DIFFERENT { Sign::None } else { Sign::Likely }
            }
            _ => Sign::None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::sample;

    fn lead(number: u64) -> Asked {
        Asked::Lead(sample::leadgen(number))
    }

    #[test]
    fn what_no_connection_was_made_for_is_certain_and_the_rest_counts_in_a_row() {
        let outage = Outage::default();
        assert_eq!(outage.failed(Cause::Connect, lead(1)), Sign::Certain);
        for _ in 0..2 {
            let signs: Vec<Sign> = (0..6).map(|id| outage.failed(Cause::Timeout, lead(id))).collect();
            assert_eq!(signs[..4], [Sign::None; 4]);
            assert_eq!(signs[4..], [Sign::Likely; 2]);
            outage.answered();
        }
        assert_eq!(outage.failed(Cause::Refused, lead(1)), Sign::None);
    }

    #[test]
    fn one_lead_is_no_outage_however_often_it_is_asked_for() {
        let outage = Outage::default();
        let form = Asked::Form(FormId::parse("1").expect("digits"));
        for _ in 0..100 {
            assert_eq!(outage.failed(Cause::Timeout, lead(1)), Sign::None);
            assert_eq!(outage.failed(Cause::NotJson, lead(2)), Sign::None);
            assert_eq!(
                outage.failed(Cause::Broken, form),
                Sign::None,
                "a form by the same digits is another"
            );
        }
        assert_eq!(outage.failed(Cause::Broken, lead(3)), Sign::None);
        assert_eq!(outage.failed(Cause::Broken, lead(4)), Sign::Likely);
        assert_eq!(outage.failed(Cause::Broken, lead(1)), Sign::Likely, "while nothing is answered");
    }
}
