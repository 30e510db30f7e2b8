//! Who is paused, why, and until when: one page, or all of them.
//!
//! A pause ends in a probe: one call, to see. It clears the pause or makes it longer. Nothing here waits or calls; the
//! time comes in, so that each rule is a test.

use std::collections::HashMap;

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};

use crate::clock::{Rfc3339, after_ms};
use crate::graph::failure::{GraphErrorCode, Scope};
use crate::graph::form::FIELDS;
use crate::graph::retry::below;
use crate::id::PageId;
use crate::notification::{KeptPause, ParkCode};
use crate::random::Random;

/// The first pause for what a human must mend, or for throttling of unknown length.
const FIRST_MS: u64 = 5 * 60_000;
/// The longest such pause; also the longest that a regain time given by Graph is believed.
pub(super) const LONGEST_MS: u64 = 60 * 60_000;
/// Where Meta has blocked the app: calling on makes it worse.
const POLICY_FIRST_MS: u64 = 60 * 60_000;
const POLICY_LONGEST_MS: u64 = 6 * 60 * 60_000;
/// Where Graph is not there: it is asked again soon, by one call for all pages.
const OUTAGE_FIRST_MS: u64 = 1_000;
const OUTAGE_LONGEST_MS: u64 = 60_000;
/// Calls that may go ahead of a pause where somebody wants to see at once: for the form's definition, as often as Graph may
/// refuse a part of it, and for a lead.
const EARLY_CALLS: u32 = FIELDS.len() as u32 + 1;
/// How long a second caller stays away while a probe is under way.
const PROBE_MS: u64 = 5_000;

/// Whether a page's leads may be read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Yes.
    Ready,
    /// A pause is over: one lead, to see.
    Probe,
    /// Not before a moment.
    Paused {
        /// The moment.
        until: Timestamp,
        /// Why.
        code: ParkCode,
    },
    /// The page is not in the config.
    NoToken,
}

/// A page that an operator sees as paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paused {
    /// The page.
    pub page: PageId,
    /// Why.
    pub code: ParkCode,
    /// Until when; if that has passed, one lead is being read to see.
    pub until: Timestamp,
}

/// What is to be paused, and why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Halt {
    pub scope: Scope,
    pub code: ParkCode,
    pub graph: Option<GraphErrorCode>,
    pub length: Length,
}

/// For how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// Longer each time that a probe fails.
    Growing,
    /// As Graph says, or as the usage is; at most [`LONGEST_MS`].
    Given(u64),
}

/// How much a call without a halt shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// A lead was read: everything is in order.
    Lead,
    /// Graph let the token in, but showed no lead: a missing permission may still be missing.
    TokenOnly,
    /// Nothing: the network failed, or Graph did.
    Nothing,
}

struct Pause {
    code: ParkCode,
    graph: Option<GraphErrorCode>,
    until: Timestamp,
    /// Probes that failed.
    strikes: u32,
    /// When it was imposed or last prolonged, in halts since the start.
    generation: u64,
    probing: bool,
    /// The longest that the rules behind it allow.
    longest_ms: u64,
    /// Somebody wants it tried at once: calls of this page may go ahead, so many.
    early: Option<(PageId, u32)>,
}

#[derive(Default)]
struct PauseState {
    /// Halts since the start.
    generation: u64,
    app: Option<Pause>,
    pages: HashMap<PageId, Pause>,
}

/// All pauses. At most one a page and one for the app.
#[derive(Default)]
pub(super) struct Pauses(Mutex<PauseState>);

/// Leave to make one call. While it lives after a pause, nobody else gets one for the page.
pub(super) struct Ticket<'p> {
    pauses: &'p Pauses,
    page: PageId,
    generation: u64,
    probes: bool,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.probes {
            let mut state = self.pauses.lock();
            let PauseState { app, pages, .. } = &mut *state;
            for pause in app.iter_mut().chain(pages.get_mut(&self.page)) {
                pause.probing = false;
            }
        }
    }
}

impl Pauses {
    /// What the page's pauses say of it: `Ready`, `Probe` or `Paused`.
    pub(super) fn availability(&self, page: &PageId, now: Timestamp) -> Availability {
        self.lock().availability(page, now)
    }

    /// Leave for a call to the page; or until when there is none, and why.
    pub(super) fn begin(&self, page: &PageId, now: Timestamp) -> Result<Ticket<'_>, (Timestamp, ParkCode)> {
        let mut state = self.lock();
        if let Availability::Paused { until, code } = state.availability(page, now) {
            return Err((until, code));
        }
        let PauseState { generation, app, pages } = &mut *state;
        let mut probes = false;
        for pause in app.iter_mut().chain(pages.get_mut(page)) {
            pause.probing = true;
            probes = true;
            pause.early = match pause.early {
                Some((early, calls)) if early == *page && calls > 1 => Some((early, calls - 1)),
                Some((early, _)) if early == *page => None,
                early => early,
            };
        }
        Ok(Ticket { pauses: self, page: *page, generation: *generation, probes })
    }

    /// Pauses, and says until when. While a pause lasts only Graph's own word for a later moment makes it longer: no other
    /// refusal does, be it of a call that was under way when it began or of one that somebody wanted to see at once. What
    /// was under way then does not begin it anew either, once it is over.
    pub(super) fn halt(
        &self,
        ticket: &Ticket<'_>,
        halt: Halt,
        now: Timestamp,
        random: &dyn Random,
    ) -> Timestamp {
        let mut state = self.lock();
        let before = state.at(halt.scope, &ticket.page);
        let strikes = match before {
            Some(pause) if pause.is_active(now) || pause.is_later_than(ticket) => pause.strikes,
            Some(pause) if halt.length == Length::Growing => pause.strikes.saturating_add(1),
            _ => 0,
        };
        let asked = halt.shortest(strikes, now);
        let until = match before {
            Some(pause) if pause.tells_already(ticket, &halt, asked, now) => {
                let until = pause.until;
                return state.called_early(halt.scope, &ticket.page, until);
            }
            Some(pause) if pause.is_active(now) && asked <= pause.until => pause.until,
            _ => halt.lengthened(asked, now, random),
        };
        let changed = before.is_none_or(|pause| pause.code != halt.code);
        let probing = before.is_some_and(|pause| pause.probing);
        let longest_ms = match before {
            Some(pause) if pause.until == until => pause.longest_ms,
            _ => halt.longest_ms(),
        };
        state.generation = state.generation.saturating_add(1);
        let Halt { code, graph, .. } = halt;
        let generation = state.generation;
        let pause = Pause { code, graph, until, strikes, generation, probing, longest_ms, early: None };
        if changed {
            log_paused(halt.scope, &ticket.page, &pause);
        }
        match halt.scope {
            Scope::App => state.app = Some(pause),
            Scope::Page => {
                state.pages.insert(ticket.page, pause);
            }
        }
        until
    }

    /// A call went through. Clears the pauses that it was the probe of; not those imposed while it was under way.
    pub(super) fn passed(&self, ticket: &Ticket<'_>, passed: Passed) {
        let mut state = self.lock();
        let ends = |pause: &Pause| {
            pause.generation <= ticket.generation
                && match passed {
                    Passed::Lead => true,
                    Passed::TokenOnly => pause.code != ParkCode::PermissionMissing,
                    Passed::Nothing => false,
                }
        };
        if state.app.as_ref().is_some_and(ends) {
            log_resumed(Scope::App, &ticket.page, state.app.take());
        }
        if state.pages.get(&ticket.page).is_some_and(ends) {
            log_resumed(Scope::Page, &ticket.page, state.pages.remove(&ticket.page));
        }
    }

    /// Graph itself answered, if only to say no: it is there, so that a pause since it was not is over.
    pub(super) fn answered(&self, ticket: &Ticket<'_>) {
        let mut state = self.lock();
        let ends = |pause: &Pause| pause.code == ParkCode::GraphUnavailable && !pause.is_later_than(ticket);
        if state.app.as_ref().is_some_and(ends) {
            log_resumed(Scope::App, &ticket.page, state.app.take());
        }
    }

    /// Lets one lead of the page go ahead, whatever is paused, to see. False: nothing is. Is it refused, nothing becomes longer
    /// for it.
    pub(super) fn retry(&self, page: &PageId, now: Timestamp) -> bool {
        let mut state = self.lock();
        let PauseState { app, pages, .. } = &mut *state;
        let mut paused = false;
        for pause in app.iter_mut().chain(pages.get_mut(page)).filter(|pause| pause.is_active(now)) {
            pause.early = Some((*page, EARLY_CALLS));
            paused = true;
        }
        paused
    }

    /// The pauses that a restart does not end: those that Graph asked for, and where calling on makes it worse.
    pub(super) fn kept(&self, now: Timestamp) -> Vec<KeptPause> {
        let state = self.lock();
        let of_app = state.app.iter().map(|pause| (None, pause));
        let of_pages = state.pages.iter().map(|(page, pause)| (Some(*page), pause));
        let lasting =
            of_app.chain(of_pages).filter(|(_, pause)| pause.is_active(now) && outlives(pause.code));
        lasting
            .map(|(page, Pause { code, until, .. })| KeptPause { page, code: *code, until: *until })
            .collect()
    }

    /// Takes a pause over from before the start, if it is not over, and no longer than its rules allow.
    pub(super) fn resume(&self, kept: &KeptPause, now: Timestamp) {
        let KeptPause { page, code, until } = *kept;
        let mut state = self.lock();
        let generation = state.generation;
        let length =
            if code == ParkCode::GraphThrottled { Length::Given(LONGEST_MS) } else { Length::Growing };
        let scope = if page.is_some() { Scope::Page } else { Scope::App };
        let longest_ms = Halt { scope, code, graph: None, length }.longest_ms();
        let pause = Pause {
            code,
            graph: None,
            until,
            strikes: 0,
            generation,
            probing: false,
            longest_ms,
            early: None,
        };
        if !pause.is_active(now) || !outlives(code) {
            return;
        }
        match page {
            Some(page) => {
                log_paused(scope, &page, &pause);
                state.pages.insert(page, pause);
            }
            None => {
                tracing::warn!(code = %code, pause.until = %Rfc3339(until), "graph.app-paused");
                state.app = Some(pause);
            }
        }
    }

    /// The page's token was replaced: what was said of the old one counts no more.
    pub(super) fn token_replaced(&self, page: &PageId) {
        let mut state = self.lock();
        log_resumed(Scope::Page, page, state.pages.remove(page));
    }

    /// The pauses of these pages, the app's among them, by page. One that is over is none, save while one lead is being read to
    /// see.
    pub(super) fn paused(&self, pages: impl Iterator<Item = PageId>, now: Timestamp) -> Vec<Paused> {
        let state = self.lock();
        let until = |pause: &Pause| if pause.is_active(now) { pause.until } else { pause.until.min(now) };
        let paused = |page| {
            let lasts = |pause: &&Pause| pause.is_active(now) || pause.probing;
            let longest = state.of(&page).filter(lasts).max_by_key(|pause| until(pause))?;
            Some(Paused { page, code: longest.code, until: until(longest) })
        };
        let mut all: Vec<Paused> = pages.filter_map(paused).collect();
        all.sort_by_key(|paused| paused.page);
        all
    }

    fn lock(&self) -> MutexGuard<'_, PauseState> {
        // Every change is one assignment: a panic elsewhere leaves nothing half done.
        self.0.lock()
    }
}

impl PauseState {
    fn availability(&self, page: &PageId, now: Timestamp) -> Availability {
        let holds = |pause: &&Pause| pause.is_active(now) && !pause.is_early(page);
        let active = self.of(page).filter(holds).max_by_key(|pause| pause.until);
        if let Some(pause) = active {
            return Availability::Paused { until: pause.until, code: pause.code };
        }
        // While one call looks, the page is as paused as before to all others: what they would claim would come back at
        // once, and be claimed again.
        match self.of(page).max_by_key(|pause| pause.probing) {
            Some(pause) if pause.probing => {
                Availability::Paused { until: after_ms(now, PROBE_MS), code: pause.code }
            }
            Some(_) => Availability::Probe,
            None => Availability::Ready,
        }
    }

    fn of(&self, page: &PageId) -> impl Iterator<Item = &Pause> {
        self.app.iter().chain(self.pages.get(page))
    }

    fn at(&self, scope: Scope, page: &PageId) -> Option<&Pause> {
        match scope {
            Scope::App => self.app.as_ref(),
            Scope::Page => self.pages.get(page),
        }
    }

    /// The call that somebody wanted to see at once was refused: the pause stands as it did.
    fn called_early(&mut self, scope: Scope, page: &PageId, until: Timestamp) -> Timestamp {
        let pause = match scope {
            Scope::App => self.app.as_mut(),
            Scope::Page => self.pages.get_mut(page),
        };
        if let Some(pause) = pause.filter(|pause| pause.is_early(page)) {
            pause.early = None;
        }
        until
    }
}

impl Pause {
    /// False also if the clock was set back so far that the pause would outlast what its rules allow.
    fn is_active(&self, now: Timestamp) -> bool {
        now < self.until && self.until <= after_ms(now, self.longest_ms)
    }

    /// True if somebody wants to see at once whether the page can be read.
    fn is_early(&self, page: &PageId) -> bool {
        self.early.is_some_and(|(early, _)| early == *page)
    }

    /// True if it was imposed, or prolonged, while the call was under way.
    fn is_later_than(&self, ticket: &Ticket<'_>) -> bool {
        ticket.generation < self.generation
    }

    /// True if the refusal of this call says no more than the pause does.
    fn tells_already(&self, ticket: &Ticket<'_>, halt: &Halt, asked: Timestamp, now: Timestamp) -> bool {
        let lasts = self.is_active(now) || self.is_later_than(ticket);
        self.code == halt.code && lasts && (halt.length == Length::Growing || asked <= self.until)
    }
}

/// True of a pause that a new start does not end: Graph asked for it, or calling on prolongs it at Meta's.
fn outlives(code: ParkCode) -> bool {
    matches!(code, ParkCode::GraphThrottled | ParkCode::PolicyBlock)
}

impl Halt {
    /// The end of this pause, with nothing added.
    fn shortest(&self, strikes: u32, now: Timestamp) -> Timestamp {
        let (first_ms, longest_ms) = self.growth_ms();
        let length_ms = match self.length {
            Length::Growing => first_ms.saturating_mul(2_u64.saturating_pow(strikes)).min(longest_ms),
            Length::Given(ms) => ms.min(LONGEST_MS),
        };
        after_ms(now, length_ms)
    }

    /// Up to a tenth longer at random, so that pages do not all resume at one moment.
    fn lengthened(&self, until: Timestamp, now: Timestamp, random: &dyn Random) -> Timestamp {
        let length_ms = u64::try_from(until.duration_since(now).as_millis()).unwrap_or(0);
        after_ms(until, below(random, length_ms / 10 + 1))
    }

    /// The longest pause that comes of this, what is added at random included.
    fn longest_ms(&self) -> u64 {
        let longest_ms = match self.length {
            Length::Growing => self.growth_ms().1,
            Length::Given(_) => LONGEST_MS,
        };
        longest_ms + longest_ms / 10
    }

    /// The first and the longest of growing pauses.
    fn growth_ms(&self) -> (u64, u64) {
        match self.code {
            ParkCode::PolicyBlock => (POLICY_FIRST_MS, POLICY_LONGEST_MS),
            ParkCode::GraphUnavailable => (OUTAGE_FIRST_MS, OUTAGE_LONGEST_MS),
            _ => (FIRST_MS, LONGEST_MS),
        }
    }
}

fn log_paused(scope: Scope, page: &PageId, pause: &Pause) {
    let graph_code = pause.graph.map(|graph| graph.code);
    let graph_subcode = pause.graph.and_then(|graph| graph.subcode);
    let until = Rfc3339(pause.until);
    match scope {
        Scope::Page => tracing::warn!(
            page.id = %page, code = %pause.code, graph.code = graph_code, graph.subcode = graph_subcode,
            pause.until = %until, "graph.page-paused"
        ),
        Scope::App => tracing::warn!(
            code = %pause.code, graph.code = graph_code, graph.subcode = graph_subcode, pause.until = %until,
            "graph.app-paused"
        ),
    }
}

fn log_resumed(scope: Scope, page: &PageId, ended: Option<Pause>) {
    let Some(pause) = ended else { return };
    match scope {
        Scope::Page => tracing::info!(page.id = %page, code = %pause.code, "graph.page-resumed"),
        Scope::App => tracing::info!(code = %pause.code, "graph.app-resumed"),
    }
}

#[cfg(test)]
mod tests;
