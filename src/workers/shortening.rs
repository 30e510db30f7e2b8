//! A period that became shorter: the records that are there get the end that people are told now. A day passes before they do, so
//! that a slip in the config can be taken back; meanwhile it is said how many would go (docs/decisions, 198). A million records are
//! looked at in many turns: what ends by its time meanwhile does not wait for the last.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::clock::{Rfc3339, after};
use crate::current::Current;
use crate::purpose::{Lifespan, Policy, Purpose, PurposeId};
use crate::store::{Dated, DatingSlice, KeptLifespan, SharedStore, StoreError};

/// From when a shorter period is first seen until records are dated by it.
pub(super) const GRACE: SignedDuration = SignedDuration::from_hours(24);

/// How many slices of a purpose's records a turn looks at: at their largest some 16,000 records, and seconds.
const SLICES_A_TURN: usize = 64;

/// Brings the records of each purpose to the period that holds now.
pub(super) struct Shortening {
    store: SharedStore,
    policy: Arc<Current<Policy>>,
    slices: usize,
    /// How far a look at the records of a purpose has come.
    begun: Mutex<HashMap<PurposeId, Begun>>,
}

/// A look at all records of a purpose that is not over.
struct Begun {
    lifespan: Lifespan,
    dry_run: bool,
    sum: Dated,
}

/// What a look at all purposes came to.
#[derive(Clone, Copy, Default)]
pub(super) struct Shortened {
    /// The records of some are to be dated anew.
    pub(super) is_pending: bool,
    /// Those of some were.
    pub(super) has_dated: bool,
    /// There are records that this turn did not come to.
    pub(super) has_more: bool,
}

impl Shortening {
    /// By the policy in force.
    pub(super) fn new(store: SharedStore, policy: Arc<Current<Policy>>) -> Self {
        Self { store, policy, slices: SLICES_A_TURN, begun: Mutex::default() }
    }

    /// Looks at each purpose. The records of one that the config names no more keep the ends that they carry.
    ///
    /// # Errors
    /// The store's: what is not done is done in the next turn.
    pub(super) async fn turn(&self) -> Result<Shortened, StoreError> {
        let (policy, now) = (self.policy.pin(), self.store.now());
        let kept = self.store.lifespans().await?;
        let mut shortened = Shortened::default();
        for purpose in policy.purposes() {
            let kept = kept.get(&purpose.id).cloned().unwrap_or_default();
            let of_one = self.look_at(purpose, kept, now).await?;
            shortened.is_pending |= of_one.is_pending;
            shortened.has_dated |= of_one.has_dated;
            shortened.has_more |= of_one.has_more;
        }
        Ok(shortened)
    }

    async fn look_at(
        &self,
        purpose: &Purpose,
        kept: KeptLifespan,
        now: Timestamp,
    ) -> Result<Shortened, StoreError> {
        const PENDING: Shortened = Shortened { is_pending: true, has_dated: false, has_more: false };
        let lifespan = Lifespan::of(purpose);
        let is_in_force = kept.in_force.as_ref() == Some(&lifespan);
        match &kept.pending {
            None if is_in_force => Ok(Shortened::default()),
            // It was taken back.
            Some(_) if is_in_force => self.holds(&purpose.id, lifespan).await,
            Some((pending, since)) if *pending == lifespan => {
                let due = after(*since, GRACE);
                // A clock that was set back does not put it off for longer than that.
                if now < due && *since <= now {
                    return Ok(PENDING);
                }
                let Some(Dated { earlier, over, .. }) = self.all(&purpose.id, &lifespan, false).await? else {
                    return Ok(Shortened { has_dated: true, has_more: true, ..PENDING });
                };
                tracing::warn!(
                    purpose = %purpose.id, records.shortened = earlier, records.expired = over,
                    "retention.shortened"
                );
                let held = self.holds(&purpose.id, lifespan).await?;
                Ok(Shortened { has_dated: true, ..held })
            }
            _ => {
                let Some(Dated { earlier, over, .. }) = self.all(&purpose.id, &lifespan, true).await? else {
                    let is_pending = kept.pending.is_some();
                    return Ok(Shortened { is_pending, has_dated: false, has_more: true });
                };
                if earlier == 0 {
                    return self.holds(&purpose.id, lifespan).await;
                }
                let due = after(now, GRACE);
                tracing::error!(
                    purpose = %purpose.id, records.shortened = earlier, records.expired = over,
                    retention.due = %Rfc3339(due), "retention.shorter"
                );
                let kept = KeptLifespan { pending: Some((lifespan, now)), ..kept };
                self.store.keep_lifespan(purpose.id.clone(), kept).await?;
                Ok(PENDING)
            }
        }
    }

    async fn holds(&self, purpose: &PurposeId, lifespan: Lifespan) -> Result<Shortened, StoreError> {
        let kept = KeptLifespan { in_force: Some(lifespan), pending: None };
        self.store.keep_lifespan(purpose.clone(), kept).await.map(|()| Shortened::default())
    }

    /// Looks at the records of a purpose, from where the last turn ended, and dates them anew unless it is a dry run. None: there
    /// are more. A restart begins with the first: what is dated already is dated once.
    async fn all(
        &self,
        purpose: &PurposeId,
        lifespan: &Lifespan,
        dry_run: bool,
    ) -> Result<Option<Dated>, StoreError> {
        let begun = self.begun.lock().remove(purpose);
        let is_the_same = |begun: &Begun| begun.lifespan == *lifespan && begun.dry_run == dry_run;
        let mut sum = begun.filter(is_the_same).map_or_else(Dated::default, |begun| begun.sum);
        let mut refused = None;
        for _ in 0..self.slices {
            let (purpose, lifespan, after) = (purpose.clone(), lifespan.clone(), sum.next.clone());
            match self.store.date_anew(DatingSlice { purpose, lifespan, after, dry_run }).await {
                Ok(Dated { next, earlier, over }) => {
                    sum = Dated { next, earlier: sum.earlier + earlier, over: sum.over + over };
                }
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
            if sum.next.is_none() {
                return Ok(Some(sum));
            }
        }
        self.begun.lock().insert(purpose.clone(), Begun { lifespan: lifespan.clone(), dry_run, sum });
        refused.map_or(Ok(None), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::sample::purpose as sample;
    use crate::store::DATED_AT_ONCE_MAX;
    use crate::store::contract::Host;
    use crate::store::contract::support::{DAY_MS, export, purpose, store_many};
    use crate::store::memory::MemoryHost;

    fn policy(days: u32) -> Arc<Policy> {
        let mut devis = sample("devis", &["email"]);
        (devis.retention_months, devis.retention_days) = (None, Some(days));
        Arc::new(Policy::new(vec![devis]))
    }

    struct World {
        host: MemoryHost,
        store: SharedStore,
        policy: Arc<Current<Policy>>,
        shortening: Shortening,
    }

    impl World {
        /// Three records, ten days each.
        async fn new() -> Self {
            Self::with(3).await
        }

        async fn with(records: u64) -> Self {
            let host = MemoryHost::new();
            let store = host.open();
            store_many(&store, 1, records).await;
            let policy = Arc::new(Current::of(policy(10)));
            let shortening = Shortening::new(Arc::clone(&store), Arc::clone(&policy));
            Self { host, store, policy, shortening: Shortening { slices: 2, ..shortening } }
        }

        async fn turn(&self) -> bool {
            self.shortening.turn().await.expect("looked at").is_pending
        }

        /// So many turns look at records until none is left to be looked at.
        async fn turns(&self) -> usize {
            let mut turns = 1;
            while self.shortening.turn().await.expect("looked at").has_more {
                turns += 1;
            }
            turns
        }

        fn pass_hours(&self, hours: i64) {
            self.host.clock.advance_ms(hours * 3_600_000);
            self.host.agree(&self.store);
        }

        async fn left(&self) -> usize {
            self.store.expire().await.expect("swept");
            export(&self.store, 10).await.expect("read").len()
        }
    }

    #[tokio::test]
    async fn a_shorter_period_holds_a_day_after_it_was_seen_and_not_before() {
        let world = World::new().await;
        world.host.pass_days(&world.store, 5);
        assert!(!world.turn().await, "the records are as it says");
        world.policy.replace(policy(3));
        assert!(world.turn().await);
        world.pass_hours(23);
        assert!(world.turn().await);
        assert_eq!(world.left().await, 3);
        world.pass_hours(2);
        assert!(!world.turn().await);
        assert_eq!(world.left().await, 0, "that of three days was over");
        let kept = world.store.lifespans().await.expect("read");
        assert!(kept[&purpose("devis")].pending.is_none());
    }

    #[tokio::test]
    async fn a_slip_that_is_taken_back_within_the_day_ends_nothing() {
        let world = World::new().await;
        world.host.pass_days(&world.store, 5);
        assert!(!world.turn().await);
        for days in [1, 2] {
            world.policy.replace(policy(days));
            assert!(world.turn().await, "another one begins anew");
            world.pass_hours(20);
        }
        world.policy.replace(policy(10));
        assert!(!world.turn().await);
        world.host.clock.advance_ms(DAY_MS);
        world.host.agree(&world.store);
        assert!(!world.turn().await);
        assert_eq!(world.left().await, 3);
        world.policy.replace(policy(90));
        assert!(!world.turn().await, "nothing becomes longer");
        world.host.pass_days(&world.store, 3);
        assert_eq!(world.left().await, 0);
    }

    #[tokio::test]
    async fn many_records_take_several_turns_each_from_where_the_last_one_ended() {
        let many = DATED_AT_ONCE_MAX as u64 * 5;
        let world = World::with(many).await;
        assert_eq!(world.turns().await, 3, "two slices a turn, and one that says that there is no more");
        world.policy.replace(policy(3));
        assert_eq!(world.turns().await, 3, "counted");
        world.host.pass_days(&world.store, 5);
        assert_eq!(world.store.stored().await.expect("counted")[&purpose("devis")], many);
        let first = world.shortening.turn().await.expect("looked at");
        assert!(first.has_dated && first.has_more && first.is_pending);
        assert!(
            world.left().await < many as usize,
            "what has an earlier end by now goes before the last is looked at"
        );
        world.turns().await;
        assert_eq!(world.left().await, 0);
    }

    /// A store of before says nothing of it: what it holds for too long is found.
    #[tokio::test]
    async fn what_was_stored_under_a_longer_period_that_nobody_noted_is_found() {
        let world = World::new().await;
        world.policy.replace(policy(9));
        assert!(world.turn().await);
        world.host.pass_days(&world.store, 1);
        assert!(!world.turn().await);
        world.host.pass_days(&world.store, 8);
        assert_eq!(world.left().await, 0);
    }
}
