//! A period that became shorter: the records that are there get the end that people are told now. A day passes before they do, so
//! that a slip in the config can be taken back; meanwhile it is said how many would go (docs/decisions, 198).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::clock::{Rfc3339, after};
use crate::current::Current;
use crate::purpose::{Lifespan, Policy, Purpose, PurposeId};
use crate::store::{Dated, DatingSlice, KeptLifespan, SharedStore, StoreError};

/// From when a shorter period is first seen until records are dated by it.
pub(super) const GRACE: SignedDuration = SignedDuration::from_hours(24);

/// Brings the records of each purpose to the period that holds now.
pub(super) struct Shortening {
    store: SharedStore,
    policy: Arc<Current<Policy>>,
}

/// What a look at all purposes came to.
#[derive(Clone, Copy, Default)]
pub(super) struct Shortened {
    /// The records of some are to be dated anew.
    pub(super) is_pending: bool,
    /// Those of some were.
    pub(super) has_dated: bool,
}

impl Shortening {
    /// By the policy in force.
    pub(super) fn new(store: SharedStore, policy: Arc<Current<Policy>>) -> Self {
        Self { store, policy }
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
        }
        Ok(shortened)
    }

    async fn look_at(
        &self,
        purpose: &Purpose,
        kept: KeptLifespan,
        now: Timestamp,
    ) -> Result<Shortened, StoreError> {
        const PENDING: Shortened = Shortened { is_pending: true, has_dated: false };
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
                let Dated { earlier, over, .. } = self.all(&purpose.id, &lifespan, false).await?;
                tracing::warn!(
                    purpose = %purpose.id, records.shortened = earlier, records.expired = over,
                    "retention.shortened"
                );
                let held = self.holds(&purpose.id, lifespan).await?;
                Ok(Shortened { has_dated: true, ..held })
            }
            _ => {
                let Dated { earlier, over, .. } = self.all(&purpose.id, &lifespan, true).await?;
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

    /// Looks at all records of a purpose, and dates them anew unless it is a dry run.
    async fn all(
        &self,
        purpose: &PurposeId,
        lifespan: &Lifespan,
        dry_run: bool,
    ) -> Result<Dated, StoreError> {
        let mut sum = Dated::default();
        loop {
            let (purpose, lifespan, after) = (purpose.clone(), lifespan.clone(), sum.next.clone());
            let dated = self.store.date_anew(DatingSlice { purpose, lifespan, after, dry_run }).await?;
            sum =
                Dated { next: dated.next, earlier: sum.earlier + dated.earlier, over: sum.over + dated.over };
            if sum.next.is_none() {
                return Ok(sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::sample::purpose as sample;
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
    }

    impl World {
        /// Three records, ten days each.
        async fn new() -> Self {
            let host = MemoryHost::new();
            let store = host.open();
            store_many(&store, 1, 3).await;
            Self { host, store, policy: Arc::new(Current::of(policy(10))) }
        }

        async fn turn(&self) -> bool {
            let shortening = Shortening::new(Arc::clone(&self.store), Arc::clone(&self.policy));
            shortening.turn().await.expect("looked at").is_pending
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
