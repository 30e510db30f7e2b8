//! Takes away what has had its time: records whose expiry day has come, those that waited in vain for a letter about their erasure, restrictions whose last day is over, lines of the trail, parked references that Meta no longer
//! has, tombstones and their keys, suppressions, evidence that outlived its record, requests of persons, changes that no recipient applies, what is known of records that are gone, the keys of months, and those of days once
//! what is parked under old ones is sealed again. Tells the log's file, which takes away its own, what day it is.
//!
//! Before the listeners open, hourly, and each minute while anything that is due could not be taken away; never before the clock was
//! confirmed since the start. What is a day past its time, and can still be opened, needs a person (`overdue`) until it is gone.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::attention::{Attention, AttentionCode, Concern};
use crate::clock::{Clock, ConfirmedDay, Day, Month, after};
use crate::current::Current;
use crate::forget::Untold;
use crate::graph::Graph;
use crate::inbox::Inbox;
use crate::keyring::Keyring;
use crate::purpose::Policy;
use crate::store::{SharedStore, StoreCode, StoreError, VigilEnded};
use crate::telemetry::metrics::{EndCause, Metrics};
use crate::trail::{Action, Entry};
use crate::workers::carried_out::say_carried_out;
use crate::workers::clockwatch::{AskedInVain, confirmed_now};
use crate::workers::routine::{Routine, Schedule, Turn};
use crate::workers::shortening::{Shortened, Shortening};

/// How often it looks.
const EVERY: SignedDuration = SignedDuration::from_hours(1);
/// The same while something that is due could not be taken away, or the store refused: a vacuum is over in moments.
const UNTIL_GONE: SignedDuration = SignedDuration::from_mins(1);
/// The same while there are records of a purpose whose period became shorter that it did not look at yet.
const NEXT: SignedDuration = SignedDuration::from_secs(1);
/// How often it looks whether the clock is confirmed.
const UNTIL_CONFIRMED: SignedDuration = SignedDuration::from_secs(10);
/// So many batches are taken in one turn: four million records.
const BATCHES_MAX: usize = 1_000;
/// For how long lines of the trail are kept where nothing else is said.
const TRAIL_MONTHS: u32 = 12;
/// The same of requests of persons, once they are answered.
const REQUEST_MONTHS: u32 = 36;
/// A store that cannot say for so long whether something is overdue is taken to have something.
const SAYS_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// The reaper.
pub struct Reaper {
    inbox: Arc<Inbox>,
    store: SharedStore,
    keyring: Arc<dyn Keyring>,
    day: ConfirmedDay,
    attention: Arc<Attention>,
    trail_months: u32,
    request_months: u32,
    shortening: Option<Shortening>,
    graph: Option<Arc<Graph>>,
    asked_in_vain: AskedInVain,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    schedule: Schedule,
    overdue: Mutex<Overdue>,
    /// Since when it waits for dates that are put right, and when that was last said.
    dates_awaited: Mutex<Option<(Timestamp, Timestamp)>>,
}

/// What is known of what is overdue.
#[derive(Default)]
struct Overdue {
    /// When the store last said.
    said: Option<Timestamp>,
    /// How many records, as it stands in the log.
    told: u64,
}

#[async_trait]
impl Routine for Reaper {
    const NAME: &'static str = "reaper";

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    async fn turn(&self, Turn { now, .. }: Turn) -> Timestamp {
        // By a clock that may be ahead nothing is old.
        // Nor before records that a clock received that was behind have got their time.
        let is_early = self.store.early_up_to().is_some();
        if !self.store.clock_confirmed() || !self.is_undisputed().await {
            return after(now, UNTIL_CONFIRMED);
        }
        if is_early {
            self.wait_for_dates(now);
            return after(now, UNTIL_CONFIRMED);
        }
        *self.dates_awaited.lock() = None;
        self.day.tell(Day::of(self.store.now()));
        let are_told = self.carry_out_untold().await;
        let have_ended = self.end_restrictions().await;
        let mut is_done = self.expire().await;
        let shortened = self.shorten(now).await;
        if shortened.is_some_and(|shortened| shortened.has_dated) {
            is_done = self.expire().await;
        }
        // What is no record is not looked through each second.
        let is_long = shortened.is_some_and(|shortened| shortened.has_more);
        let is_reaped = is_long || self.reap().await;
        let is_overdue = self.look_for_overdue(now).await;
        let is_whole = are_told && have_ended && is_done && shortened.is_some() && is_reaped;
        let wait = if is_whole && !is_overdue { EVERY } else { UNTIL_GONE };
        after(now, if is_long { wait.min(NEXT) } else { wait })
    }
}

impl Reaper {
    /// A reaper that has not looked yet.
    pub fn new(
        inbox: Arc<Inbox>,
        store: SharedStore,
        keyring: Arc<dyn Keyring>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (day, attention, overdue) = Default::default();
        let schedule = Schedule::within(EVERY, Arc::clone(&clock));
        let (trail_months, request_months) = (TRAIL_MONTHS, REQUEST_MONTHS);
        let (shortening, graph, asked_in_vain, metrics) =
            (None, None, Default::default(), Default::default());
        Self {
            inbox,
            store,
            keyring,
            day,
            attention,
            trail_months,
            request_months,
            shortening,
            graph,
            asked_in_vain,
            metrics,
            clock,
            schedule,
            overdue,
            dates_awaited: Mutex::default(),
        }
    }

    /// Tells the day here, to whoever else deletes what is old.
    pub fn telling(self, day: ConfirmedDay) -> Self {
        Self { day, ..self }
    }

    /// Says here what needs a person.
    pub fn attending(self, attention: Arc<Attention>) -> Self {
        Self { attention, ..self }
    }

    /// Counts here what it takes away.
    pub fn counting(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..self }
    }

    /// Lines of the trail are kept for so many months.
    pub fn keeping_trail(self, trail_months: u32) -> Self {
        Self { trail_months, ..self }
    }

    /// Requests of persons are kept for so many months once they are answered.
    pub fn keeping_requests(self, request_months: u32) -> Self {
        Self { request_months, ..self }
    }

    /// Nothing goes by a clock that this one denies, whoever has confirmed it.
    pub fn asking(self, graph: Arc<Graph>) -> Self {
        Self { graph: Some(graph), ..self }
    }

    /// False if Graph says another time: a person may be wrong, and what goes cannot be taken back. Where Graph does not tell, the
    /// person's word holds.
    async fn is_undisputed(&self) -> bool {
        let Some(graph) = &self.graph else { return true };
        confirmed_now(&self.store, graph, &*self.clock, &self.asked_in_vain).await.is_some()
    }

    /// Records end by the periods of this policy, where these are shorter than what they carry.
    pub fn by(self, policy: Arc<Current<Policy>>) -> Self {
        let shortening = Some(Shortening::new(Arc::clone(&self.store), policy));
        Self { shortening, ..self }
    }

    /// Looks at periods that became shorter. None: the store refused.
    async fn shorten(&self, now: Timestamp) -> Option<Shortened> {
        let Some(shortening) = &self.shortening else { return Some(Shortened::default()) };
        let shortened = match shortening.turn().await {
            Ok(shortened) => shortened,
            Err(error) => {
                tracing::warn!(code = %error.code, "reaper.store-refused");
                return None;
            }
        };
        let concern = shortened.is_pending.then(|| Concern::of(AttentionCode::RetentionShorter));
        let concerns: Vec<Concern> = concern.into_iter().collect();
        self.attention.found(&[AttentionCode::RetentionShorter], &concerns, now);
        Some(shortened)
    }

    /// Nothing ends before records that a clock received that was behind have got their dates. Where that takes long somebody is
    /// told, and after a day it counts as what it may be: something is overdue.
    fn wait_for_dates(&self, now: Timestamp) {
        let mut awaited = self.dates_awaited.lock();
        let (since, said) = *awaited.get_or_insert((now, now));
        // A clock that was set back does not silence it.
        if now < said || now.duration_since(said) >= EVERY {
            tracing::warn!(
                waits.seconds = now.duration_since(since).as_secs().max(0),
                "reaper.waits-for-dates"
            );
            *awaited = Some((since.min(now), now));
        }
        if now.duration_since(since) > SAYS_WITHIN {
            self.attention.found(&[AttentionCode::Overdue], &[Concern::of(AttentionCode::Overdue)], now);
        }
    }

    /// Whoever was to be told first, and was not in time, is erased without. False: the store refused.
    async fn carry_out_untold(&self) -> bool {
        let over = match self.store.tellings_over().await {
            Ok(over) => over,
            Err(error) => {
                tracing::warn!(code = %error.code, "reaper.store-refused");
                return false;
            }
        };
        let mut is_done = true;
        for records in over {
            let entry = Entry::by_system(Action::ErasureUntold);
            match self.store.end_telling(records, Err(Untold::NotInTime), entry).await {
                Ok(Some(erasure)) => {
                    say_carried_out(&self.store, &erasure).await;
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(code = %error.code, "reaper.store-refused");
                    is_done = false;
                }
            }
        }
        is_done
    }

    /// What fell due while it was restricted goes with the rest. False: the store refused.
    async fn end_restrictions(&self) -> bool {
        taken(self.store.end_restrictions().await, |count| {
            tracing::info!(records.released = count, "store.restrictions-ended");
        })
    }

    /// Records first: they are what somebody was promised. False: something is left that is due.
    async fn expire(&self) -> bool {
        let (mut expired, mut lapsed, mut is_done) = (0, 0, false);
        for _ in 0..BATCHES_MAX {
            match self.store.expire().await {
                Ok(batch) => {
                    lapsed += batch.lapsed;
                    expired += batch.total().saturating_sub(batch.lapsed);
                    if !batch.done || !batch.more {
                        is_done = batch.done;
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(code = %error.code, "reaper.store-refused");
                    break;
                }
            }
        }
        self.metrics.ended(EndCause::Expired, expired);
        self.metrics.ended(EndCause::Lapsed, lapsed);
        if expired > 0 {
            tracing::info!(records.expired = expired, "store.records-expired");
        }
        if lapsed > 0 {
            tracing::info!(records.lapsed = lapsed, "store.records-lapsed");
        }
        is_done
    }

    /// True if something is overdue.
    async fn look_for_overdue(&self, now: Timestamp) -> bool {
        let found = match self.store.overdue().await {
            Ok(count) => Some(count),
            // Then nothing is.
            Err(error) if [StoreCode::ClockJumped, StoreCode::ClockUnconfirmed].contains(&error.code) => {
                return false;
            }
            Err(_) => None,
        };
        let is_overdue = {
            let mut overdue = self.overdue.lock();
            match found {
                Some(count) => {
                    overdue.said = Some(now);
                    if count > 0 && count != overdue.told {
                        tracing::error!(
                            code = %AttentionCode::Overdue, records.overdue = count, "store.records-overdue"
                        );
                    }
                    overdue.told = count;
                    count > 0
                }
                None => now.duration_since(*overdue.said.get_or_insert(now)) > SAYS_WITHIN,
            }
        };
        let concerns: Vec<Concern> =
            is_overdue.then(|| Concern::of(AttentionCode::Overdue)).into_iter().collect();
        self.attention.found(&[AttentionCode::Overdue], &concerns, now);
        is_overdue
    }

    /// Takes away what is no record. False: something was refused, as while a vacuum or a backup copies the store, and is there
    /// still.
    async fn reap(&self) -> bool {
        let oldest_queued = self.inbox.oldest().map(|(_, arrived)| arrived);
        let rows = [
            taken(self.store.drop_lines(self.trail_months).await, |count| {
                tracing::info!(trail.lines_dropped = count, "trail.closed");
            }),
            taken(self.store.expire_parked().await, |count| {
                tracing::warn!(refs.expired = count, code = "too-old", "inbox.expired");
            }),
            taken(self.store.drop_tombstones().await, |count| {
                tracing::info!(tombstones.dropped = count, "store.tombstones-dropped");
            }),
            taken(self.store.end_vigils(oldest_queued).await.map(|ended| say_ended(&ended)), |count| {
                tracing::info!(vigils.ended = count, "store.vigils-ended");
            }),
            taken(self.store.end_suppressions().await, |count| {
                tracing::info!(suppressions.ended = count, "store.suppressions-ended");
            }),
            taken(self.store.end_stubs().await, |count| {
                tracing::info!(evidence.ended = count, "store.evidence-ended");
            }),
            taken(self.store.end_requests(self.request_months).await, |count| {
                tracing::info!(requests.ended = count, "store.requests-ended");
            }),
            taken(self.store.drop_changes().await, |count| {
                tracing::warn!(changes.dropped = count, "store.changes-dropped");
            }),
            taken(self.store.trim_handed().await, |count| {
                tracing::debug!(handed.ranges = count, "store.handed-trimmed");
            }),
            taken(self.store.reseal_parked().await, |count| {
                tracing::info!(refs.resealed = count, "store.parked-resealed");
            }),
        ];
        // After the rows that are sealed under them.
        let keys = [self.drop_month_keys(), self.drop_day_keys().await];
        rows.into_iter().chain(keys).all(|is_done| is_done)
    }

    /// Destroys the keys of the months whose log is gone. False: they are kept.
    fn drop_month_keys(&self) -> bool {
        match self.keyring.drop_log_months(Month::of(self.store.now())) {
            Ok(0) => true,
            Ok(count) => {
                tracing::info!(keys.destroyed = count, "keyring.months-destroyed");
                true
            }
            Err(error) => kept(error.code.as_str()),
        }
    }

    /// Destroys the keys of days that nothing needs. False: they are kept.
    async fn drop_day_keys(&self) -> bool {
        match self.idle_days_destroyed().await {
            Ok(0) => true,
            Ok(count) => {
                tracing::info!(keys.destroyed = count, "keyring.days-destroyed");
                true
            }
            Err(code) => kept(code),
        }
    }

    /// Destroys the keys of days before yesterday that no reference needs. Yesterday's stays: a call that was sealed
    /// just before midnight may still be on its way into the journal.
    async fn idle_days_destroyed(&self) -> Result<usize, &'static str> {
        let candidates: Vec<Day> = {
            let yesterday = Day::of(self.store.now()).minus(1);
            self.keyring.days().into_iter().filter(|day| *day < yesterday).collect()
        };
        if candidates.is_empty() {
            return Ok(0);
        }
        let mut needed: HashSet<Day> = self.inbox.days().into_iter().collect();
        needed.extend(self.store.sealed_days().await.map_err(|error| error.code.as_str())?);
        let idle: Vec<Day> = candidates.into_iter().filter(|day| !needed.contains(day)).collect();
        if !idle.is_empty() {
            self.keyring.destroy_days(&idle).map_err(|error| error.code.as_str())?;
        }
        Ok(idle.len())
    }
}

/// Says how many rows were taken away, if any were. False: the store refused.
fn taken(done: Result<u64, StoreError>, say: impl FnOnce(u64)) -> bool {
    match done {
        Ok(0) => true,
        Ok(count) => {
            say(count);
            true
        }
        Err(error) => {
            tracing::warn!(code = %error.code, "reaper.store-refused");
            false
        }
    }
}

/// Says that keys were not destroyed.
fn kept(code: &'static str) -> bool {
    tracing::warn!(code, "reaper.keys-kept");
    false
}

/// Whoever was told that a second receipt follows is handed it by a person, who has to know that it is there. How many vigils there
/// are.
fn say_ended(ended: &[VigilEnded]) -> u64 {
    for VigilEnded { erasure, follows } in ended {
        if let (Some(erasure), Some(first)) = (erasure, follows) {
            tracing::warn!(erasure.id = %erasure, erasure.follows = %first, "erasure.followed");
        }
    }
    ended.len() as u64
}

#[cfg(test)]
mod tests;
