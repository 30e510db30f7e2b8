//! No fetch and no record past its time: whether a lead's time is over under a purpose.

use jiff::Timestamp;

use crate::notification::{ParkCode, Why};
use crate::purpose::{Purpose, is_over};
use crate::store::Outcome;
use crate::workers::Tools;
use crate::workers::clockwatch::confirmed_now;

/// What becomes of a lead whose time is over. A requeue judges it anew, by the period that holds then.
pub(super) const OVER: Why = Why::Refused { code: ParkCode::RetentionOver };

impl Tools {
    /// Whether the time of a lead that was submitted then is over under this purpose: it is neither fetched nor kept. Nothing
    /// is over by a clock that nobody has confirmed since this start.
    pub(super) async fn is_over(&self, purpose: &Purpose, submitted: Timestamp) -> bool {
        // By neither clock: nobody need be asked.
        if !is_over(purpose, submitted, self.store.now().max(self.clock.now())) {
            return false;
        }
        let now = confirmed_now(&self.store, &self.graph, self.clock.as_ref()).await;
        now.is_some_and(|now| is_over(purpose, submitted, now))
    }

    /// Before a lead is sealed, by the time that Graph says it was submitted: it knows better than the notification.
    pub(super) async fn unless_over(&self, purpose: &Purpose, submitted: Timestamp, outcome: &mut Outcome) {
        if matches!(outcome, Outcome::Stored(_)) && self.is_over(purpose, submitted).await {
            *outcome = Outcome::Parked(OVER);
        }
    }
}
