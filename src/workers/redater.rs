//! After a clock that was behind: records that were received under it, by that before they were submitted, get the periods of
//! their submission (docs/decisions, 204). Only once the clock is confirmed, and before the reaper ends anything by its day.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::clock::{Clock, after};
use crate::current::Current;
use crate::purpose::{Policy, Purpose};
use crate::store::{REWRITTEN_AT_ONCE_MAX, RecordsFound, RewriteRequest, Rewritten, SharedStore, StoreError};
use crate::workers::routine::{Routine, Schedule, Turn};

/// It looks no more often than that, whatever says that it is of tomorrow.
const EVERY: SignedDuration = SignedDuration::from_hours(1);
/// How often it looks whether there is something to do.
const SOON: SignedDuration = SignedDuration::from_secs(10);
/// Records that are looked at at once.
const LOOK_RECORDS: usize = REWRITTEN_AT_ONCE_MAX;

/// The redater.
pub struct Redater {
    store: SharedStore,
    policy: Arc<Current<Policy>>,
    schedule: Schedule,
}

#[async_trait]
impl Routine for Redater {
    const NAME: &'static str = "redater";

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    async fn turn(&self, Turn { now, .. }: Turn) -> Timestamp {
        let Some(up_to) = self.store.early_up_to().filter(|_| self.store.clock_confirmed()) else {
            return after(now, SOON);
        };
        match self.redate(up_to).await {
            Ok(count) if count > 0 => tracing::warn!(records.redated = count, "store.redated"),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(code = %error.code, "redater.store-refused");
                return after(now, SOON);
            }
        }
        after(now, EVERY)
    }
}

impl Redater {
    /// A redater that has not looked yet.
    pub fn new(store: SharedStore, policy: Arc<Current<Policy>>, clock: Arc<dyn Clock>) -> Self {
        Self { store, policy, schedule: Schedule::within(EVERY, clock) }
    }

    /// Looks through the records of every purpose that the config names: of any other nobody knows how long it may be kept.
    async fn redate(&self, up_to: u64) -> Result<u64, StoreError> {
        let policy = self.policy.pin();
        let mut count = 0;
        for purpose in policy.purposes() {
            count += self.redate_purpose(purpose).await?;
        }
        self.store.early_looked_at(up_to).await?;
        Ok(count)
    }

    async fn redate_purpose(&self, purpose: &Arc<Purpose>) -> Result<u64, StoreError> {
        let (mut count, mut after) = (0, None);
        loop {
            let RecordsFound { records, next } =
                self.store.early_records(purpose.id.clone(), after.take(), LOOK_RECORDS).await?;
            if !records.is_empty() {
                let (request, entry) = RewriteRequest::redating(records, purpose);
                let rewriting = self.store.rewrite(request, entry).await?;
                count += rewriting.each.iter().filter(|each| **each == Rewritten::Anew).count() as u64;
            }
            match next {
                Some(next) => after = Some(next),
                None => return Ok(count),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Day;
    use crate::lead::{Dropped, sample as leads};
    use crate::purpose::sample::purpose;
    use crate::store::contract::Host;
    use crate::store::contract::support::{by_officer, export, record, reference, start};
    use crate::store::memory::MemoryHost;
    use crate::store::{Outcome, Settlement, Wanted};
    use crate::trail::Action;
    use crate::workers::{Step, Worker};

    const MONTH_DAYS: i64 = 30;

    /// A lead that was submitted so many days after it was received.
    fn settlement(number: u64, days: i64) -> Settlement {
        let purpose = purpose("devis", &["email"]);
        let created = start();
        let received = created.checked_sub(SignedDuration::from_hours(24 * days)).expect("in range");
        let lead =
            leads::received("devis", &format!("n{number}@canary.example"), created, received, &purpose);
        let outcome = Outcome::stored(lead);
        Settlement { reference: reference(number), outcome, matched: Vec::new(), dropped: Dropped::default() }
    }

    #[tokio::test]
    async fn what_a_clock_that_was_behind_received_lives_as_long_as_what_it_did_not() {
        let host = MemoryHost::new();
        let store = host.open_alone();
        let policy = Policy::new(vec![purpose("devis", &["email"])]);
        let redater = Redater::new(store.clone(), Arc::new(Current::new(policy)), host.clock.clone());
        store
            .settle(vec![settlement(1, 0), settlement(2, MONTH_DAYS * 5), settlement(3, 0)])
            .await
            .expect("settled");
        let ends = async |number: u64| {
            let wanted = Wanted::Record(record(&format!("devis-1-{number}")));
            let mut found = store.find(wanted, by_officer(Action::Found)).await.expect("looked up");
            Day::of(found.remove(0).lead.expect("it is shown").expires_at())
        };
        let whole = ends(1).await;
        assert!(ends(2).await < whole);
        assert!(matches!(redater.step().await, Step::Until(_)));
        assert!(ends(2).await < whole, "nobody has confirmed the clock");
        assert_eq!(store.early_up_to(), Some(1));
        host.agree(&store);
        host.clock.advance_ms(11_000);
        assert!(matches!(redater.step().await, Step::Until(_)));
        assert_eq!((ends(2).await, ends(3).await), (whole, whole));
        assert_eq!(store.early_up_to(), None);
        assert_eq!(export(&store, 10).await.expect("exported").len(), 3);
        let line = store.newest(u64::MAX, 100).await.expect("a trail");
        let line = line.iter().find(|line| line.entry.action() == Action::Redated).expect("a line");
        assert_eq!((line.entry.count, line.entry.from.clone()), (1, Some(record("devis-1-2"))));
    }
}
