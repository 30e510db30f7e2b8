//! Many erasures by one actor: a token in the wrong hands, or a script that went wrong. An erasure cannot be taken back, so a
//! person is told while it goes on (docs/decisions/0222-many-erasures-by-one-actor.md).
//!
//! Read from the trail, in which every erasure stands whoever asked for it and by whatever way; nothing is kept beside it, and a
//! restart forgets nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::attention::{Attention, AttentionCode, Concern};
use crate::clock::{Clock, after};
use crate::store::{SharedStore, StoreError};
use crate::trail::{Action, Actor, Line, Outcome};
use crate::workers::routine::{Routine, Schedule, Turn};

/// How often it looks.
const EVERY: SignedDuration = SignedDuration::from_mins(1);
/// The same after a store that gives no answer.
const AFTER_REFUSAL: SignedDuration = SignedDuration::from_mins(10);
/// Within so long...
const WITHIN: SignedDuration = SignedDuration::from_hours(1);
/// ...one actor erases no more than this unnoticed.
const ERASED_MAX: u64 = 100;
/// For how long it is told: somebody looks once a day.
const TOLD_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Lines that are read at once.
const LINES_AT_ONCE: usize = 5_000;
/// Lines that are read in one turn: the rest is for the next.
const LINES_A_TURN_MAX: usize = 100_000;
/// So many actors are told apart. Erasing is for officers: there are a handful.
const ACTORS_MAX: usize = 1_000;
/// Erasures are counted by the minute.
const MINUTE_MS: i64 = 60_000;
const MS_PER_SECOND: i64 = 1_000;

/// The lookout.
pub struct Lookout {
    store: SharedStore,
    attention: Arc<Attention>,
    schedule: Schedule,
    seen: Mutex<Seen>,
}

/// What it has read so far.
#[derive(Default)]
struct Seen {
    /// The last line read; none: it begins with what the last day brought.
    line: Option<u64>,
    actors: BTreeMap<String, Erasing>,
}

/// What one actor erased of late.
#[derive(Default)]
struct Erasing {
    /// By the minute since 1970: so many records and submissions.
    minutes: BTreeMap<i64, u64>,
    /// It was said.
    is_told: bool,
}

#[async_trait]
impl Routine for Lookout {
    const NAME: &'static str = "lookout";

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    async fn turn(&self, Turn { now, .. }: Turn) -> Timestamp {
        match self.look().await {
            Ok(()) => after(now, EVERY),
            Err(error) => {
                tracing::warn!(code = %error.code, "lookout.store-refused");
                after(now, AFTER_REFUSAL)
            }
        }
    }
}

impl Lookout {
    /// A lookout that has not looked yet.
    pub fn new(store: SharedStore, attention: Arc<Attention>, clock: Arc<dyn Clock>) -> Self {
        Self { store, attention, schedule: Schedule::within(AFTER_REFUSAL, clock), seen: Mutex::default() }
    }

    async fn look(&self) -> Result<(), StoreError> {
        let now = self.schedule.now().max(self.store.now());
        let last = self.seen.lock().line;
        match last {
            None => self.read_back(now).await?,
            Some(line) => self.read_on(line).await?,
        }
        let is_bulk = self.seen.lock().judge(now);
        let concern = is_bulk.then(|| Concern::of(AttentionCode::BulkErasing));
        let concerns: Vec<Concern> = concern.into_iter().collect();
        self.attention.found(&[AttentionCode::BulkErasing], &concerns, self.schedule.now());
        Ok(())
    }

    /// After a start: what may still be told, newest line first.
    async fn read_back(&self, now: Timestamp) -> Result<(), StoreError> {
        // A turn before this one may have broken off half way: nothing is counted twice.
        self.seen.lock().actors.clear();
        let (mut before, mut newest, mut looked_at) = (u64::MAX, 0, 0);
        while looked_at < LINES_A_TURN_MAX {
            let lines = self.store.newest(before, LINES_AT_ONCE).await?;
            let Some(oldest) = lines.last() else { break };
            newest = lines.first().map_or(newest, |line| newest.max(line.seq));
            before = oldest.seq;
            looked_at += lines.len();
            let is_old = now.duration_since(oldest.time) > TOLD_FOR + WITHIN;
            let is_all = lines.len() < LINES_AT_ONCE;
            self.seen.lock().note(&lines);
            if is_old || is_all {
                break;
            }
        }
        self.seen.lock().line = Some(newest);
        Ok(())
    }

    /// What came since.
    async fn read_on(&self, mut line: u64) -> Result<(), StoreError> {
        let mut looked_at = 0;
        while looked_at < LINES_A_TURN_MAX {
            let lines = self.store.lines(line, LINES_AT_ONCE).await?;
            let Some(newest) = lines.last() else { break };
            line = newest.seq;
            looked_at += lines.len();
            let is_all = lines.len() < LINES_AT_ONCE;
            let mut seen = self.seen.lock();
            seen.note(&lines);
            seen.line = Some(line);
            if is_all {
                break;
            }
        }
        Ok(())
    }
}

impl Seen {
    /// An erasure has a line for each record, or one that counts what was not read yet.
    fn note(&mut self, lines: &[Line]) {
        for line in lines {
            let entry = &line.entry;
            let erased = entry.action() == Action::ErasureAsked && entry.result == Outcome::Done;
            if !erased || matches!(entry.actor(), Actor::System | Actor::Person) {
                continue;
            }
            let actor = entry.actor().to_string();
            if self.actors.len() >= ACTORS_MAX && !self.actors.contains_key(&actor) {
                continue;
            }
            let minute = line.time.as_millisecond().div_euclid(MINUTE_MS);
            let count = self.actors.entry(actor).or_default().minutes.entry(minute).or_default();
            *count = count.saturating_add(entry.count);
        }
    }

    /// True if somebody erased too many within an hour of the last day. Says of whom it is the first time.
    fn judge(&mut self, now: Timestamp) -> bool {
        let oldest = now.as_millisecond() - (TOLD_FOR + WITHIN).as_secs() * MS_PER_SECOND;
        let mut is_bulk = false;
        self.actors.retain(|actor, erasing| {
            erasing.minutes.retain(|minute, _| (minute + 1) * MINUTE_MS > oldest);
            let most = erasing.most_within_an_hour();
            let is_too_many = most > ERASED_MAX;
            if is_too_many && !erasing.is_told {
                tracing::error!(
                    code = %AttentionCode::BulkErasing, actor = %actor, records.erased = most, "erasures.bulk"
                );
            }
            erasing.is_told = is_too_many;
            is_bulk |= is_too_many;
            !erasing.minutes.is_empty()
        });
        is_bulk
    }
}

impl Erasing {
    /// The most that any hour had which ends with a minute of an erasure.
    fn most_within_an_hour(&self) -> u64 {
        let hour = WITHIN.as_mins();
        let within =
            |minute: i64| self.minutes.range(minute - hour + 1..=minute).map(|(_, count)| count).sum();
        self.minutes.keys().map(|minute| within(*minute)).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::Host;
    use crate::store::contract::support::{by_officer, by_token, leadgen, store_many};
    use crate::store::memory::MemoryHost;
    use crate::store::{ErasureRequest, Wanted};
    use crate::workers::{Step, Worker};

    const HOUR_MS: i64 = 3_600_000;

    struct World {
        host: MemoryHost,
        store: SharedStore,
        attention: Arc<Attention>,
        lookout: Lookout,
    }

    impl World {
        async fn new() -> Self {
            let host = MemoryHost::new();
            let store = host.open();
            store_many(&store, 1, 400).await;
            let attention = Arc::<Attention>::default();
            let lookout = Lookout::new(Arc::clone(&store), Arc::clone(&attention), host.clock.clone());
            Self { host, store, attention, lookout }
        }

        async fn erase(&self, numbers: std::ops::Range<u64>, token: Option<&str>) {
            for number in numbers {
                let request = ErasureRequest::of(Wanted::Leadgen(leadgen(number)));
                let entry = match token {
                    Some(id) => by_token(id, Action::ErasureAsked),
                    None => by_officer(Action::ErasureAsked),
                };
                self.store.erase(request, entry).await.expect("erased");
            }
        }

        /// Looks, and says whether somebody is needed.
        async fn needs(&self) -> bool {
            assert!(matches!(self.lookout.step().await, Step::Until(_)));
            self.attention.standing().iter().any(|(code, _)| *code == AttentionCode::BulkErasing)
        }

        fn pass_ms(&self, ms: i64) {
            self.host.clock.advance_ms(ms);
        }
    }

    #[tokio::test]
    async fn more_than_a_hundred_by_one_actor_within_an_hour_are_told_for_a_day() {
        let world = World::new().await;
        world.erase(1..101, None).await;
        assert!(!world.needs().await, "a hundred are not more");
        world.pass_ms(60_000);
        world.erase(101..102, None).await;
        assert!(world.needs().await);
        world.pass_ms(23 * HOUR_MS);
        assert!(world.needs().await, "somebody looks once a day");
        world.pass_ms(3 * HOUR_MS);
        assert!(!world.needs().await);
    }

    #[tokio::test]
    async fn neither_several_actors_nor_several_hours_nor_what_was_not_there_add_up() {
        let world = World::new().await;
        world.erase(1..81, None).await;
        world.erase(81..161, Some("0f3a9c1e5b7d2468")).await;
        // Asked for once more: nothing is there.
        world.erase(1..81, None).await;
        assert!(!world.needs().await);
        world.pass_ms(HOUR_MS + 60_000);
        world.erase(161..241, None).await;
        assert!(!world.needs().await, "by the hour");
        world.pass_ms(60_000);
        world.erase(241..262, None).await;
        assert!(world.needs().await);
    }

    #[tokio::test]
    async fn a_restart_forgets_none_of_it() {
        let world = World::new().await;
        world.erase(1..120, Some("0f3a9c1e5b7d2468")).await;
        world.pass_ms(2 * HOUR_MS);
        let attention = Arc::<Attention>::default();
        let lookout =
            Lookout::new(Arc::clone(&world.store), Arc::clone(&attention), world.host.clock.clone());
        assert!(attention.standing().is_empty());
        lookout.step().await;
        assert_eq!(attention.standing().len(), 1);
    }
}
