//! What becomes of a claimed lead that was not read: when it is tried again, and when no more.

use jiff::Timestamp;

use crate::clock::after_ms;
use crate::graph::{Decision, Failure, Retry};
use crate::notification::{ParkCode, Why};
use crate::workers::Tools;
use crate::workers::claimed::Claimed;

/// How failures are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Those that may pass.
    pub usual: Retry,
    /// An ambiguous "not there or not ours".
    pub ambiguous: Retry,
}

impl Tools {
    /// What an odd reply may be asked for again once; the second time a human must look.
    pub(super) fn once_more(&self, code: ParkCode, claim: &Claimed) -> Why {
        if claim.last_code == Some(code) {
            return Why::Buried { code, attempts: claim.attempts + 1 };
        }
        self.again(&self.usual(), 0, code, None, self.clock.now())
    }

    /// A reply without any answers is asked for again, as a lead that Graph cannot find is; then, by none, it is judged as it
    /// is.
    pub(super) fn until_answered(&self, claim: &Claimed) -> Option<Why> {
        let code = ParkCode::AnswersMissing;
        // Attempts that an outage spent do not count.
        let before = if claim.last_code == Some(code) { claim.attempts } else { 0 };
        match self.again(&self.retries.pin().ambiguous, before, code, None, self.clock.now()) {
            Why::Buried { .. } => None,
            waiting => Some(waiting),
        }
    }

    pub(super) fn after_failure(&self, failure: &Failure, claim: &Claimed, now: Timestamp) -> Why {
        let code = failure.code;
        match failure.decision {
            Decision::Halt { .. } => paused(claim, code, now),
            Decision::Bury | Decision::ForGood => Why::Buried { code, attempts: claim.attempts + 1 },
            Decision::Later { not_before } => {
                self.again(&self.usual(), claim.attempts, code, not_before, now)
            }
            Decision::Ambiguous => {
                // Attempts that an outage spent do not count against a lead that Graph cannot find.
                let before =
                    if claim.last_code == Some(ParkCode::LeadUnreadable) { claim.attempts } else { 0 };
                self.again(&self.retries.pin().ambiguous, before, code, None, now)
            }
        }
    }

    pub(super) fn after_form_failure(&self, failure: &Failure, claim: &Claimed, now: Timestamp) -> Why {
        match self.after_failure(failure, claim, now) {
            // The lead itself was never asked for: only its form could not be read.
            Why::Buried { .. } => self.again(&self.usual(), claim.attempts, ParkCode::FormUnread, None, now),
            Why::Waiting { not_before, attempts, code: ParkCode::LeadUnreadable } => {
                Why::Waiting { not_before, attempts, code: ParkCode::FormUnread }
            }
            why => why,
        }
    }

    pub(super) fn again(
        &self,
        retry: &Retry,
        spent: u32,
        code: ParkCode,
        not_before: Option<Timestamp>,
        now: Timestamp,
    ) -> Why {
        let attempts = spent.saturating_add(1);
        match retry.delay_ms(attempts, self.random.as_ref()) {
            None => Why::Buried { code: ParkCode::AttemptsSpent, attempts },
            Some(delay_ms) => {
                let due = after_ms(now, delay_ms);
                let not_before = not_before.map_or(due, |moment| moment.max(due));
                Why::Waiting { not_before, attempts, code }
            }
        }
    }

    pub(super) fn usual(&self) -> Retry {
        self.retries.pin().usual
    }
}

/// Due at once, in the order in which they came: while the page is paused nobody claims them, the pause may end early (a
/// new token), and then the oldest goes first.
pub(super) fn paused(claim: &Claimed, code: ParkCode, now: Timestamp) -> Why {
    Why::Waiting { not_before: claim.reference.received.min(now), attempts: claim.attempts, code }
}
