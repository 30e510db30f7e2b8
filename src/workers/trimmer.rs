//! What a purpose may no longer hold goes: a field that left its whitelist, one whose consent is over, what is kept beside them
//! (docs/decisions, 238). Records are sealed anew without it and their old keys destroyed, as with a correction; what shows how a
//! consent was given stays.
//!
//! Where the config lets a purpose hold less, a day passes before anything goes, as with a shorter period: a slip can be taken back.
//! What a day ends, a consent, goes that day. Only once the clock is confirmed, and Graph does not deny it.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::attention::{Attention, AttentionCode, Concern};
use crate::clock::{Clock, Day, Rfc3339, after};
use crate::current::Current;
use crate::graph::Graph;
use crate::lead::Revision;
use crate::purpose::{Cursor, Policy, PurposeId, Remit};
use crate::store::{
    KeptRemit, REWRITTEN_AT_ONCE_MAX, RecordsFound, RewriteRequest, Rewritten, SharedStore, StoreError,
};
use crate::telemetry::metrics::{Metrics, TrimCause};
use crate::workers::clockwatch::{AskedInVain, confirmed_now};
use crate::workers::routine::{Routine, Schedule, Turn};
use crate::workers::shortening::GRACE;

/// How often it looks whether there is something to do.
const EVERY: SignedDuration = SignedDuration::from_mins(1);
/// How often it looks whether the clock is confirmed.
const UNTIL_CONFIRMED: SignedDuration = SignedDuration::from_secs(10);
/// The same while there is: others write meanwhile.
const NEXT: SignedDuration = SignedDuration::from_secs(1);
/// What is due goes within so long, or somebody is told.
const BEHIND: SignedDuration = SignedDuration::from_hours(24);
/// So many slices of [`REWRITTEN_AT_ONCE_MAX`] records are looked at in one turn.
const SLICES_MAX: usize = 40;

/// The trimmer.
pub struct Trimmer {
    store: SharedStore,
    policy: Arc<Current<Policy>>,
    attention: Arc<Attention>,
    graph: Option<Arc<Graph>>,
    asked_in_vain: AskedInVain,
    clock: Arc<dyn Clock>,
    schedule: Schedule,
    pass: Mutex<Option<Pass>>,
    metrics: Arc<Metrics>,
    slices_max: usize,
}

/// A look through all records of a purpose, a few slices a turn. One that a restart breaks off begins anew: what it had done is done.
struct Pass {
    purpose: PurposeId,
    remit: Arc<Remit>,
    kept: KeptRemit,
    /// Nothing is changed: it counts what would go.
    is_count: bool,
    /// On which it began.
    day: Day,
    after: Option<Cursor>,
    /// Records that hold more than they may.
    found: u64,
    trimmed: u64,
    restricted: u64,
}

impl Pass {
    /// What lets it take something away: what hung on another remit goes with what was over by then.
    fn cause(&self) -> TrimCause {
        match self.kept.in_force == Some(self.remit.hash()) {
            true => TrimCause::ConsentOver,
            false => TrimCause::RemitNarrower,
        }
    }
}

/// What is to be done for a purpose.
enum Next {
    Nothing,
    /// Records hold too much, and their day is not over.
    Wait,
    /// It was taken back.
    Note,
    Pass {
        is_count: bool,
    },
}

#[async_trait]
impl Routine for Trimmer {
    const NAME: &'static str = "trimmer";

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    async fn turn(&self, Turn { now, .. }: Turn) -> Timestamp {
        // Nor before records that a clock received that was behind have got their time: that of their consents with it.
        if !self.store.clock_confirmed() || self.store.early_up_to().is_some() {
            return after(now, UNTIL_CONFIRMED);
        }
        let went_on = self.go_on(now).await;
        self.look_for_behind(now).await;
        match went_on {
            Ok(true) => after(now, NEXT),
            Ok(false) => after(now, EVERY),
            Err(error) => {
                tracing::warn!(code = %error.code, "trimmer.store-refused");
                after(now, EVERY)
            }
        }
    }
}

impl Trimmer {
    /// A trimmer that has not looked yet.
    pub fn new(store: SharedStore, policy: Arc<Current<Policy>>, clock: Arc<dyn Clock>) -> Self {
        let (attention, graph, asked_in_vain, pass, metrics) = Default::default();
        let schedule = Schedule::within(EVERY, Arc::clone(&clock));
        Self {
            store,
            policy,
            attention,
            graph,
            asked_in_vain,
            clock,
            schedule,
            pass,
            metrics,
            slices_max: SLICES_MAX,
        }
    }

    /// Says here what needs a person.
    pub fn attending(self, attention: Arc<Attention>) -> Self {
        Self { attention, ..self }
    }

    /// Counts here.
    pub fn counting(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..self }
    }

    /// Nothing goes by a clock that this one denies, whoever has confirmed it.
    pub fn asking(self, graph: Arc<Graph>) -> Self {
        Self { graph: Some(graph), ..self }
    }

    /// False if Graph says another time.
    async fn is_undisputed(&self) -> bool {
        let Some(graph) = &self.graph else { return true };
        confirmed_now(&self.store, graph, &*self.clock, &self.asked_in_vain).await.is_some()
    }

    /// Goes on with the look that is under way, or begins the next. True: there is more to do.
    async fn go_on(&self, now: Timestamp) -> Result<bool, StoreError> {
        let policy = self.policy.pin();
        let of_now = |pass: &Pass| {
            let purpose = policy.purpose(pass.purpose.as_str());
            purpose.is_some_and(|purpose| Remit::of(purpose) == *pass.remit)
        };
        let under_way = self.pass.lock().take().filter(of_now);
        let pass = match under_way {
            Some(pass) => Some(pass),
            None => self.next_pass(&policy, now).await?,
        };
        let Some(mut pass) = pass else { return Ok(false) };
        if !pass.is_count && !self.is_undisputed().await {
            *self.pass.lock() = Some(pass);
            return Ok(false);
        }
        let looked = self.look(&mut pass).await;
        match looked {
            Ok(true) => self.conclude(pass).await.map(|()| true),
            Ok(false) => {
                *self.pass.lock() = Some(pass);
                Ok(true)
            }
            Err(error) => {
                *self.pass.lock() = Some(pass);
                Err(error)
            }
        }
    }

    /// The first purpose of which something is to be looked at.
    async fn next_pass(&self, policy: &Policy, now: Timestamp) -> Result<Option<Pass>, StoreError> {
        let noted = self.store.remits().await?;
        let (now_believed, mut first, mut is_waiting) = (self.store.now(), None, false);
        let day = Day::of(now_believed);
        for purpose in policy.purposes() {
            let remit = Remit::of(purpose);
            let kept = noted.get(&purpose.id).cloned().unwrap_or_default();
            match next(&kept, &remit, now_believed) {
                Next::Nothing => {}
                Next::Wait => is_waiting = true,
                Next::Note => {
                    let kept = KeptRemit { pending: None, ..kept };
                    self.store.keep_remit(purpose.id.clone(), kept).await?;
                }
                Next::Pass { is_count } => {
                    is_waiting |= kept.pending.is_some() && !is_count;
                    first.get_or_insert_with(|| Pass {
                        purpose: purpose.id.clone(),
                        remit: Arc::new(remit),
                        kept,
                        is_count,
                        day,
                        after: None,
                        found: 0,
                        trimmed: 0,
                        restricted: 0,
                    });
                }
            }
        }
        let concern = is_waiting.then(|| Concern::of(AttentionCode::RemitNarrower));
        let concerns: Vec<Concern> = concern.into_iter().collect();
        self.attention.found(&[AttentionCode::RemitNarrower], &concerns, now);
        Ok(first)
    }

    /// Says whether records have held for a day more than they may: a look that did not come to its end. Where the store does not say,
    /// what stood stands.
    async fn look_for_behind(&self, now: Timestamp) {
        let Ok(noted) = self.store.remits().await else { return };
        let (policy, now_believed) = (self.policy.pin(), self.store.now());
        let is_behind = policy.purposes().iter().any(|purpose| {
            let kept = noted.get(&purpose.id);
            kept.is_some_and(|kept| is_behind(kept, &Remit::of(purpose), now_believed))
        });
        let concern = is_behind.then(|| Concern::of(AttentionCode::TrimOverdue));
        let concerns: Vec<Concern> = concern.into_iter().collect();
        self.attention.found(&[AttentionCode::TrimOverdue], &concerns, now);
    }

    /// Looks at the next slices. True: that was all.
    async fn look(&self, pass: &mut Pass) -> Result<bool, StoreError> {
        for _ in 0..self.slices_max {
            let revision = Revision::trimmed_to(Arc::clone(&pass.remit));
            let (purpose, after) = (pass.purpose.clone(), pass.after.clone());
            let RecordsFound { records, next } =
                self.store.to_rewrite(purpose, revision, after, REWRITTEN_AT_ONCE_MAX).await?;
            pass.found += records.len() as u64;
            if !pass.is_count && !records.is_empty() {
                let (request, entry) = RewriteRequest::trimming(records, &pass.remit);
                let each = self.store.rewrite(request, entry).await?.each;
                let count = |wanted| each.iter().filter(|each| **each == wanted).count() as u64;
                pass.trimmed += count(Rewritten::Anew);
                self.metrics.trimmed(pass.cause(), count(Rewritten::Anew));
                pass.restricted += count(Rewritten::Restricted);
            }
            if next.is_none() {
                return Ok(true);
            }
            pass.after = next;
        }
        Ok(false)
    }

    /// Notes what a look through all of a purpose's records came to.
    async fn conclude(&self, pass: Pass) -> Result<(), StoreError> {
        let Pass { purpose, remit, kept, is_count, day, found, trimmed, restricted, .. } = pass;
        let (hash, now) = (remit.hash(), self.store.now());
        let is_pending = is_count && found > 0;
        let kept = match is_pending {
            true => KeptRemit { pending: Some((hash, now)), ..kept },
            false => KeptRemit {
                in_force: Some(hash),
                pending: None,
                looked_on: Some(day),
                passed_over: restricted > 0,
            },
        };
        self.store.keep_remit(purpose.clone(), kept).await?;
        if is_pending {
            let due = after(now, GRACE);
            tracing::error!(
                purpose = %purpose, records.too_much = found, remit.due = %Rfc3339(due), "remit.narrower"
            );
        } else if trimmed + restricted > 0 {
            tracing::info!(
                purpose = %purpose, records.trimmed = trimmed, records.restricted = restricted,
                "store.records-trimmed"
            );
        }
        Ok(())
    }
}

fn next(kept: &KeptRemit, remit: &Remit, now: Timestamp) -> Next {
    let hash = remit.hash();
    if kept.in_force == Some(hash) {
        let may_have_ended = remit.depends_on_the_day() || kept.passed_over;
        return match kept.pending {
            Some(_) => Next::Note,
            None if may_have_ended && kept.looked_on != Some(Day::of(now)) => Next::Pass { is_count: false },
            None => Next::Nothing,
        };
    }
    match kept.pending {
        // A clock that was set back does not put it off for longer than that.
        Some((pending, since)) if pending == hash => match now < after(since, GRACE) && since <= now {
            true => Next::Wait,
            false => Next::Pass { is_count: false },
        },
        _ => Next::Pass { is_count: true },
    }
}

/// True if what this remit takes away has been due for a day.
fn is_behind(kept: &KeptRemit, remit: &Remit, now: Timestamp) -> bool {
    let hash = remit.hash();
    match kept.pending {
        _ if kept.in_force == Some(hash) => {
            let may_have_ended = remit.depends_on_the_day() || kept.passed_over;
            // Of yesterday it need not have looked before today is over.
            may_have_ended && kept.looked_on.is_none_or(|day| day < Day::of(now).minus(1))
        }
        Some((pending, since)) => pending == hash && after(since, GRACE + BEHIND) <= now,
        None => false,
    }
}

#[cfg(test)]
mod tests;
