//! After a clock that was behind: records that were received under it, by that before they were submitted, get the periods of
//! their submission (docs/decisions, 204). Only once the clock is confirmed, and before the reaper ends anything by its day.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::clock::{Clock, after};
use crate::current::Current;
use crate::purpose::{Cursor, Policy};
use crate::store::{REWRITTEN_AT_ONCE_MAX, RecordsFound, RewriteRequest, Rewritten, SharedStore, StoreError};
use crate::workers::routine::{Routine, Schedule, Turn};

/// It looks no more often than that, whatever says that it is of tomorrow.
const EVERY: SignedDuration = SignedDuration::from_hours(1);
/// How often it looks whether there is something to do.
const SOON: SignedDuration = SignedDuration::from_secs(10);
/// The same while there is: others write meanwhile.
const NEXT: SignedDuration = SignedDuration::from_secs(1);
/// Records that are looked at at once.
const LOOK_RECORDS: usize = REWRITTEN_AT_ONCE_MAX;
/// So many slices of [`LOOK_RECORDS`] are looked at in one turn.
const SLICES_MAX: usize = 40;

/// The redater.
pub struct Redater {
    store: SharedStore,
    policy: Arc<Current<Policy>>,
    schedule: Schedule,
    pass: Mutex<Option<Pass>>,
    slices_max: usize,
}

/// A look through the records of every purpose that the config names: of any other nobody knows how long it may be kept. One that a
/// restart breaks off begins anew: what it had done is done.
struct Pass {
    up_to: u64,
    policy: Arc<Policy>,
    /// How many purposes are looked through.
    purposes: usize,
    /// Up to where in the next.
    after: Option<Cursor>,
    redated: u64,
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
        match self.go_on(up_to).await {
            Ok(Some(redated)) => {
                if redated > 0 {
                    tracing::warn!(records.redated = redated, "store.redated");
                }
                after(now, EVERY)
            }
            Ok(None) => after(now, NEXT),
            Err(error) => {
                tracing::warn!(code = %error.code, "redater.store-refused");
                after(now, SOON)
            }
        }
    }
}

impl Redater {
    /// A redater that has not looked yet.
    pub fn new(store: SharedStore, policy: Arc<Current<Policy>>, clock: Arc<dyn Clock>) -> Self {
        let (schedule, pass) = (Schedule::within(EVERY, clock), Mutex::default());
        Self { store, policy, schedule, pass, slices_max: SLICES_MAX }
    }

    /// Goes on with the look that is under way, or begins one. How many records were dated anew once it is over; none: there is more.
    async fn go_on(&self, up_to: u64) -> Result<Option<u64>, StoreError> {
        // By other periods, or of more purposes, it begins anew. What is settled meanwhile is looked at the next time.
        let is_of_now = |pass: &Pass| self.policy.is(&pass.policy);
        let under_way = self.pass.lock().take().filter(is_of_now);
        let mut pass = under_way.unwrap_or_else(|| Pass {
            up_to,
            policy: self.policy.pin(),
            purposes: 0,
            after: None,
            redated: 0,
        });
        let looked = self.look(&mut pass).await;
        if let Ok(true) = looked {
            self.store.early_looked_at(pass.up_to).await?;
            return Ok(Some(pass.redated));
        }
        *self.pass.lock() = Some(pass);
        looked.map(|_| None)
    }

    /// Looks at the next slices. True: that was all.
    async fn look(&self, pass: &mut Pass) -> Result<bool, StoreError> {
        for _ in 0..self.slices_max {
            let Some(purpose) = pass.policy.purposes().get(pass.purposes) else { return Ok(true) };
            let RecordsFound { records, next } =
                self.store.early_records(purpose.id.clone(), pass.after.clone(), LOOK_RECORDS).await?;
            if !records.is_empty() {
                let (request, entry) = RewriteRequest::redating(records, purpose);
                let each = self.store.rewrite(request, entry).await?.each;
                pass.redated += each.iter().filter(|each| **each == Rewritten::Anew).count() as u64;
            }
            if next.is_none() {
                pass.purposes += 1;
            }
            pass.after = next;
        }
        Ok(pass.purposes >= pass.policy.purposes().len())
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

    #[tokio::test]
    async fn one_turn_takes_so_much_and_the_next_goes_on() {
        let host = MemoryHost::new();
        let store = host.open_alone();
        let policy = || Policy::new(vec![purpose("devis", &["email"])]);
        let policies = Arc::new(Current::new(policy()));
        let mut redater = Redater::new(store.clone(), policies.clone(), host.clock.clone());
        redater.slices_max = 1;
        let slice = LOOK_RECORDS as u64;
        let numbers: Vec<u64> = (1..=slice * 2 + 1).collect();
        for some in numbers.chunks(50) {
            let some = some.iter().map(|number| settlement(*number, MONTH_DAYS)).collect();
            store.settle(some).await.expect("settled");
        }
        let redated = async || {
            let lines = store.lines(0, 100).await.expect("a trail");
            let lines = lines.iter().filter(|line| line.entry.action() == Action::Redated);
            lines.map(|line| line.entry.count).collect::<Vec<_>>()
        };
        host.agree(&store);
        let turn = async || {
            host.clock.advance_ms(1_000);
            assert!(matches!(redater.step().await, Step::Until(_)));
        };
        turn().await;
        assert_eq!(redated().await, [slice]);
        turn().await;
        assert_eq!(redated().await, [slice, slice]);
        assert!(store.early_up_to().is_some(), "nothing may end by its day yet");
        // A reload changes what is looked at: it begins anew, and finds what is left.
        policies.replace(Arc::new(policy()));
        turn().await;
        turn().await;
        assert_eq!(redated().await, [slice, slice]);
        turn().await;
        assert_eq!((redated().await, store.early_up_to()), (vec![slice, slice, 1], None));
    }
}
