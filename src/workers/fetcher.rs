//! From references to records: claim, fetch, minimise, settle. One lead at a time, and many fetchers beside one another:
//! more than calls may be in flight, so that some settle while the others' calls are under way.
//!
//! A crash at any point costs at most a repeated fetch: what is not settled is claimed again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::clock::{Clock, after_ms};
use crate::current::Current;
use crate::graph::{Availability, Cause, Failure, Graph, LeadRead};
use crate::id::LeadgenId;
use crate::inbox::Inbox;
use crate::lead::{Dropped, RawLead, SievedForEach, minimise_for_each, submitted};
use crate::notice::Book;
use crate::notification::{Lane, Lanes, LeadRef, ParkCode, Why};
use crate::purpose::{Policy, graph_fields};
use crate::random::Random;
use crate::store::{DueBy, Outcome, Settlement, SharedStore, StoreError};
use crate::telemetry::LeadNames;
use crate::telemetry::metrics::Metrics;
use crate::workers::claimed::{Claimed, Purposes};
use crate::workers::clockwatch::AskedInVain;
use crate::workers::forms::{FormBook, FormRead, Unknown};
use crate::workers::retrying::{Retries, paused};
use crate::workers::settlement_log::SettlementLog;
use crate::workers::{FormCheck, ReloadGate, Silence, Step, Worker};

/// A claim is one lead: a lead that hangs keeps no other waiting.
const CLAIM_MAX: usize = 1;
/// What nobody may read now is parked so many at a time, as one transaction: while Graph is away they come faster than
/// syncs do.
const PARKED_TOGETHER: usize = 64;
/// How many fetchers there are for each call that may be in flight: while one waits for the store to sync, another reads.
const FETCHERS_A_CALL: usize = 2;
/// How long a fetcher rests after the store refused.
const STORE_REST_MS: u64 = 2_000;
/// How long a fetcher rests after its page was paused between its claim and its call.
const PAUSED_REST_MS: u64 = 100;

/// How many fetchers are to run where so many calls may be in flight.
pub fn fetchers(calls_in_flight: usize) -> usize {
    calls_in_flight.saturating_mul(FETCHERS_A_CALL)
}

/// What the fetchers share.
pub struct Tools {
    /// The journal.
    pub inbox: Arc<Inbox>,
    /// The store.
    pub store: SharedStore,
    /// The Graph API.
    pub graph: Arc<Graph>,
    /// The purposes.
    pub policy: Arc<Current<Policy>>,
    /// What every settlement passes, so that a reload falls between two of them.
    pub gate: ReloadGate,
    /// Definitions of forms.
    pub forms: FormBook,
    /// How failures are tried again.
    pub retries: Current<Retries>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For jitter.
    pub random: Arc<dyn Random>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Which revision of a notice was in force when.
    pub notices: Arc<Current<Book>>,
    /// Which fields no question feeds.
    pub silence: Silence,
    /// What looks at forms found.
    pub form_check: FormCheck,
    /// How leads are named in the log.
    pub names: LeadNames,
    /// Parked references whose claim was dropped, to be given back by the next step.
    pub left: Mutex<Vec<(Lane, LeadgenId)>>,
    /// So that many leads which may be over do not all ask Graph what time it is.
    pub asked_in_vain: AskedInVain,
}

/// One fetcher.
pub struct Fetcher {
    tools: Arc<Tools>,
    /// The journal and the parked take turns, so that neither starves the other.
    parked_first: AtomicBool,
}

/// Where a claim came from: that is where its lease is given back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Journal,
    Parked,
}

#[async_trait]
impl Worker for Fetcher {
    fn name(&self) -> &'static str {
        "fetcher"
    }

    fn wake(&self) -> Option<&Notify> {
        Some(self.tools.inbox.arrived())
    }

    async fn step(&self) -> Step {
        let now = self.tools.clock.now();
        if self.tools.store.halted().is_some() {
            return Step::Until(after_ms(now, STORE_REST_MS));
        }
        // What would be read now could not be stored.
        if self.tools.store.is_copying() {
            return Step::Until(after_ms(now, STORE_REST_MS));
        }
        // One policy from claim to settle.
        let policy = self.tools.policy.pin();
        self.tools.give_back().await;
        let (source, lane, claim) = match self.claim(&policy, now).await {
            Ok(Some(claim)) => claim,
            Ok(None) => return self.until_due(now).await,
            Err(error) => return self.rest(now, error),
        };
        // Where one was, another may be: arrivals wake one fetcher, and each wakes the next.
        self.tools.inbox.arrived().notify_one();
        let leadgens = vec![claim.reference.leadgen];
        let mut lease = Lease { tools: &self.tools, source, lane, leadgens, held: true };
        // A form that nobody claims may be a copy of one that is claimed.
        self.tools.forms.consider(&policy, &lane).await;
        let claimants = policy.of_form(&lane.form);
        let fetched = match self.may_read(&policy, &lane) {
            true => self.fetch(&policy, &mut Purposes::of(&claimants, &claim), claim).await,
            false => Fetched::Closed(self.not_now(&policy, &lane, claim, now)),
        };
        let settlements = match fetched {
            Fetched::Settle(settlement) => vec![settlement],
            // The store has it as it is: there is nothing to write.
            Fetched::Closed(Settlement { outcome: Outcome::Parked(Why::Waiting { .. }), .. })
                if source == Source::Parked =>
            {
                lease.give_back().await;
                return Step::Until(after_ms(self.tools.clock.now(), PAUSED_REST_MS));
            }
            Fetched::Closed(settlement) if source == Source::Journal => {
                self.with_the_rest(settlement, &mut lease, &policy, &lane, now)
            }
            Fetched::Closed(settlement) => vec![settlement],
        };
        match self.tools.settle(&policy, &lane, settlements).await {
            // Under another config these may be no outcomes at all: they are claimed again.
            Ok(None) => {
                lease.give_back().await;
                Step::Did(0)
            }
            Ok(Some(settled)) => {
                lease.done();
                Step::Did(settled)
            }
            Err(error) => {
                lease.give_back().await;
                self.rest(now, error)
            }
        }
    }
}

/// What came of a claim.
enum Fetched {
    Settle(Settlement),
    /// No call was made: nobody may read its lane now. This parks it.
    Closed(Settlement),
}

/// Gives a claim back unless it was settled: an error, a stop or a panic on the way costs nothing but a second fetch.
/// After a panic the next step does, since nothing can be awaited while this is dropped.
struct Lease<'t> {
    tools: &'t Tools,
    source: Source,
    lane: Lane,
    leadgens: Vec<LeadgenId>,
    held: bool,
}

impl Lease<'_> {
    fn done(&mut self) {
        self.held = false;
        if self.source == Source::Journal {
            self.tools.inbox.done(&self.lane, &self.leadgens);
        }
    }

    async fn give_back(&mut self) {
        match self.source {
            Source::Journal => self.tools.inbox.release(&self.lane, &self.leadgens),
            Source::Parked => self.tools.store.release(&self.lane, &self.leadgens).await,
        }
        self.held = false;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if self.held {
            match self.source {
                Source::Journal => self.tools.inbox.release(&self.lane, &self.leadgens),
                Source::Parked => {
                    let left = self.leadgens.drain(..).map(|leadgen| (self.lane, leadgen));
                    self.tools.left().extend(left);
                }
            }
        }
    }
}

impl Fetcher {
    /// A fetcher over the shared tools.
    pub fn new(tools: Arc<Tools>) -> Self {
        Self { tools, parked_first: AtomicBool::new(true) }
    }

    fn rest(&self, now: Timestamp, error: StoreError) -> Step {
        tracing::warn!(code = %error.code, "fetcher.store-refused");
        Step::Until(after_ms(now, STORE_REST_MS))
    }

    /// What is due and still not claimed has no lane for now (its page is paused): it is looked at when polled.
    async fn until_due(&self, now: Timestamp) -> Step {
        match self.tools.store.next_due(self.tools.due_by(now)).await {
            Ok(due) => due.filter(|due| *due > now).map_or(Step::Idle, Step::Until),
            Err(error) => self.rest(now, error),
        }
    }

    async fn claim(
        &self,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Option<(Source, Lane, Claimed)>, StoreError> {
        let parked_first = self.parked_first.fetch_xor(true, Ordering::Relaxed);
        if parked_first {
            Ok(self.claim_parked(policy, now).await?.or_else(|| self.claim_journal()))
        } else {
            match self.claim_journal() {
                Some(claim) => Ok(Some(claim)),
                None => self.claim_parked(policy, now).await,
            }
        }
    }

    /// From the journal everything is claimed: what cannot be fetched now leaves it for `parked`.
    fn claim_journal(&self) -> Option<(Source, Lane, Claimed)> {
        let (lane, references) = self.tools.inbox.claim(CLAIM_MAX)?;
        Some((Source::Journal, lane, Claimed::from_journal(references.into_iter().next()?)))
    }

    /// From the parked what can be fetched now, and what waits though nobody may fetch it any more: that is held from now
    /// on.
    async fn claim_parked(
        &self,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Option<(Source, Lane, Claimed)>, StoreError> {
        let forms = policy.claimed_forms();
        let lanes = Lanes { forms, pages: self.tools.graph.pages() };
        let Some((lane, claims)) =
            self.tools.store.claim_due(self.tools.due_by(now), CLAIM_MAX, &lanes).await?
        else {
            return Ok(None);
        };
        Ok(claims.into_iter().next().map(|claim| (Source::Parked, lane, Claimed::from_parked(claim))))
    }

    /// True if a purpose claims the lane's form, and its page may be read now.
    fn may_read(&self, policy: &Policy, lane: &Lane) -> bool {
        !policy.of_form(&lane.form).is_empty()
            && matches!(self.tools.graph.availability(&lane.page), Availability::Ready | Availability::Probe)
    }

    /// Parks what nobody may read now.
    fn not_now(&self, policy: &Policy, lane: &Lane, claim: Claimed, now: Timestamp) -> Settlement {
        let is_claimed = !policy.of_form(&lane.form).is_empty();
        let why = match (is_claimed, self.tools.graph.availability(&lane.page)) {
            (false, _) | (true, Availability::NoToken) => held(&self.tools.graph, policy, &claim),
            (true, Availability::Paused { code, .. }) => paused(&claim, code, now),
            // It was paused a moment ago: due at once.
            (true, Availability::Ready | Availability::Probe) => {
                paused(&claim, ParkCode::GraphUnavailable, now)
            }
        };
        parked(claim.reference, why)
    }

    /// With the first of a lane that is parked, what the journal has behind it in the lane.
    fn with_the_rest(
        &self,
        first: Settlement,
        lease: &mut Lease<'_>,
        policy: &Policy,
        lane: &Lane,
        now: Timestamp,
    ) -> Vec<Settlement> {
        let mut settlements = vec![first];
        // The page may have become readable since: then the rest is read.
        if !self.may_read(policy, lane) {
            for reference in self.tools.inbox.claim_of(lane, PARKED_TOGETHER - 1) {
                lease.leadgens.push(reference.leadgen);
                settlements.push(self.not_now(policy, lane, Claimed::from_journal(reference), now));
            }
        }
        settlements
    }

    async fn fetch(&self, policy: &Policy, purposes: &mut Purposes<'_>, claim: Claimed) -> Fetched {
        let tools = &self.tools;
        // What was erased is not asked for, whoever names it; nor is what was barred when it was read before: its end may be in
        // the store, and not in the journal yet.
        let fates = match tools.store.seen(&claim.reference.leadgen).await {
            Ok(fates) => fates,
            Err(error) => return Fetched::Settle(tools.after_refusal(error, claim)),
        };
        let named = claim.reference.created.unwrap_or(claim.reference.received);
        tools.set_over_aside(purposes, &fates, named).await;
        let purposes = &*purposes;
        if purposes.read.is_empty() {
            let outcome = Outcome::Sieved(purposes.verdicts(Vec::new()).collect());
            let (matched, dropped) = (Vec::new(), Dropped::default());
            return Fetched::Settle(Settlement { reference: claim.reference, outcome, matched, dropped });
        }
        let LeadRef { page, form, leadgen, .. } = claim.reference;
        let known = match tools.forms.form(&page, &form).await {
            Ok(known) => known,
            Err(Unknown::Graph(failure)) => {
                let why = tools.after_form_failure(&failure, &claim, tools.clock.now());
                return fetched(&failure, parked(claim.reference, why));
            }
            Err(Unknown::Store(error)) => return Fetched::Settle(tools.after_refusal(error, claim)),
        };
        if known.definition.as_ref().is_some_and(|definition| definition.is_of_another_page(&page)) {
            // Should Graph have said it wrongly, it is asked again for the next one.
            tools.forms.doubt(&form);
            let why = Why::Buried { code: ParkCode::PageMismatch, attempts: claim.attempts + 1 };
            return Fetched::Settle(parked(claim.reference, why));
        }
        if !tools.forms.still_counts(policy, purposes.copy_of, &page, &known).await {
            return Fetched::Settle(parked(claim.reference, Why::Held { code: ParkCode::FormDiffers }));
        }
        if let Some(definition) = &known.definition {
            for purpose in &purposes.read {
                tools.silence.look(purpose, definition);
            }
        }
        let fields = graph_fields(&purposes.read.iter().copied());
        let LeadRead { outcome, .. } = tools.graph.read_lead(&page, &fields, &leadgen).await;
        match &outcome {
            // The reply is wiped on the way out.
            Ok(reply) => {
                let raw = reply.lead();
                let submitted = raw.as_ref().map(|raw| submitted(raw, &claim.reference));
                let mut settlement = tools.sieve(purposes, raw, claim, &known);
                if let (Some(submitted), Outcome::Sieved(verdicts)) = (submitted, &mut settlement.outcome) {
                    tools.unless_over(purposes, submitted, verdicts).await;
                }
                Fetched::Settle(settlement)
            }
            Err(failure) => {
                // A read may take longer than the first delays: they count from the failure, not from the claim.
                let why = tools.after_failure(failure, &claim, tools.clock.now());
                let matched = purposes.matched();
                fetched(failure, Settlement { matched, ..parked(claim.reference, why) })
            }
        }
    }
}

fn fetched(failure: &Failure, settlement: Settlement) -> Fetched {
    if failure.cause == Cause::Paused { Fetched::Closed(settlement) } else { Fetched::Settle(settlement) }
}

impl Tools {
    fn left(&self) -> MutexGuard<'_, Vec<(Lane, LeadgenId)>> {
        self.left.lock()
    }

    /// The store does not say what must be known before a call: the reference waits.
    fn after_refusal(&self, error: StoreError, claim: Claimed) -> Settlement {
        tracing::warn!(code = %error.code, "fetcher.store-refused");
        let not_before = after_ms(self.clock.now(), STORE_REST_MS);
        let why = Why::Waiting { not_before, attempts: claim.attempts, code: ParkCode::FormUnread };
        parked(claim.reference, why)
    }

    /// Nothing waits longer than the longer of the two rules allows.
    fn due_by(&self, now: Timestamp) -> DueBy {
        let Retries { usual, ambiguous } = *self.retries.pin();
        DueBy { now, longest: usual.longest().max(ambiguous.longest()) }
    }

    async fn give_back(&self) {
        let left = std::mem::take(&mut *self.left());
        for (lane, leadgen) in left {
            self.store.release(&lane, &[leadgen]).await;
        }
    }

    /// Minimises what came, for each purpose under its own whitelist.
    fn sieve(
        &self,
        purposes: &Purposes<'_>,
        raw: Option<RawLead<'_>>,
        claim: Claimed,
        known: &FormRead,
    ) -> Settlement {
        let matched = purposes.matched();
        let Some(raw) = raw else {
            // Graph's room gives no reply without a lead in it; should one be, it is read again.
            let now = self.clock.now();
            let why = self.again(&self.usual(), claim.attempts, ParkCode::GraphUnavailable, None, now);
            return Settlement { matched, ..parked(claim.reference, why) };
        };
        let reading = known.matchings(&purposes.read, purposes.copy_of);
        let beside = known.matchings(&purposes.beside, purposes.copy_of);
        let SievedForEach { mut each, dropped } =
            minimise_for_each(&raw, &claim.reference, &reading, &beside);
        let notices = self.notices.pin();
        for lead in each.iter_mut().filter_map(|sieved| sieved.result.as_mut().ok()) {
            lead.note_notice(|purpose, created| notices.in_force(purpose, created));
        }
        if each.iter().any(|sieved| sieved.unknown_key) {
            self.forms.doubt(&claim.reference.form);
        }
        for purpose in &purposes.read {
            self.forms.look_at_boxes(&claim.reference.page, purpose, (purposes.copy_of, known));
        }
        // Whose reply it is, and whether it has answers, each sieve says alike.
        let as_a_whole = each.iter().find_map(|sieved| match sieved.result.as_ref().err()? {
            code @ ParkCode::FormUnnamed => Some(self.once_more(*code, &claim)),
            code @ (ParkCode::FormMismatch | ParkCode::ReplyUnreadable) => {
                Some(Why::Buried { code: *code, attempts: claim.attempts + 1 })
            }
            _ if sieved.unanswered => self.until_answered(&claim),
            _ => None,
        });
        let outcome = match as_a_whole {
            Some(why) => Outcome::Parked(why),
            None => Outcome::Sieved(purposes.verdicts(each).collect()),
        };
        Settlement { reference: claim.reference, outcome, matched, dropped }
    }

    /// Settles and says so, with what was dropped. None, and nothing is done, if the config that was
    /// claimed under is in force no more: what it allowed may be forbidden now. While this runs no config is replaced.
    async fn settle(
        &self,
        policy: &Arc<Policy>,
        lane: &Lane,
        settlements: Vec<Settlement>,
    ) -> Result<Option<usize>, StoreError> {
        let _passing = self.gate.pass().await;
        let stores = settlements.iter().any(Settlement::stores);
        if !self.policy.is(policy) || (stores && !self.graph.knows(&lane.page)) {
            tracing::info!(page.id = %lane.page, form.id = %lane.form, refs.count = settlements.len(), "fetcher.sent-back");
            return Ok(None);
        }
        let told: Vec<SettlementLog> =
            settlements.iter().map(|settlement| SettlementLog::of(settlement, &self.names)).collect();
        let settled = self.store.settle(settlements).await?;
        if policy.of_form(&lane.form).is_empty() && self.graph.knows(&lane.page) {
            self.forms.note_news(&lane.form);
        }
        let now = self.clock.now();
        for (told, settled) in told.iter().zip(&settled) {
            told.say(lane, settled, &self.metrics, now);
        }
        Ok(Some(settled.len()))
    }
}

fn parked(reference: LeadRef, why: Why) -> Settlement {
    Settlement { reference, outcome: Outcome::Parked(why), matched: Vec::new(), dropped: Dropped::default() }
}

/// What nobody may fetch now: its page has no token, or else its form no purpose, or one whose notice lacks something. The page
/// comes first: without its token nobody can see what the form is.
fn held(graph: &Graph, policy: &Policy, claim: &Claimed) -> Why {
    let LeadRef { page, form, .. } = &claim.reference;
    let code = match (graph.knows(page), policy.copies().differing(form)) {
        (false, _) => ParkCode::PageUnknown,
        (true, _) if policy.is_withheld(form) => ParkCode::NoticeIncomplete,
        (true, None) => ParkCode::FormUnclaimed,
        (true, Some(_)) => ParkCode::FormDiffers,
    };
    Why::Held { code }
}
