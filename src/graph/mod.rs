//! The Graph API: reading leads and forms, paced, with every failure classified once.
//!
//! A page whose token is dead is paused while others go on; what concerns the app pauses all of them, and so does a Graph
//! that is not there. Replies are handed on as bytes that nobody has looked into further than to see whether they are an error.

mod call;
mod client;
mod connection;
#[doc(hidden)]
pub mod door;
mod failure;
mod form;
mod lead;
mod legal;
mod outage;
mod outcome;
mod pace;
mod pause;
mod retry;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};

use crate::clock::{Clock, after_ms};
use crate::current::Current;
use crate::id::{FormId, LeadgenId, PageId};
use crate::notification::{KeptPause, ParkCode};
use crate::purpose::FormDefinition;
use crate::random::Random;
use crate::secret::{Secret, SecretLook, WatchedSecret};

use client::Client;
use failure::Refusal;
use outage::Outage;
use outcome::Told;
use pace::Pace;
use pause::Pauses;

pub use failure::{Cause, Decision, Failure, GraphErrorCode};
pub use lead::{LeadRead, LeadReply};
pub use outcome::CallOutcome;
pub use pause::{Availability, Paused};
pub use retry::Retry;

/// What Graph needs to be read.
pub struct Settings {
    /// `https://graph.facebook.com`, or `http:` to this machine.
    pub url: String,
    /// `v27.0`.
    pub version: String,
    /// Newest first; the other is tried when Graph refuses the first one's proof. None: no proof is sent.
    pub app_secrets: Vec<Secret>,
    /// The pages that can be read.
    pub pages: Vec<PageAccess>,
    /// The most calls at one time, over all pages.
    pub calls_in_flight: usize,
    /// For the connection, TLS included.
    pub connect_timeout: Duration,
    /// For each wait on the reply; a whole call takes at most the sum of both.
    pub read_timeout: Duration,
    /// A larger reply is a failure.
    pub reply_max_bytes: usize,
}

/// A page and the token that reads it.
pub struct PageAccess {
    /// The page.
    pub id: PageId,
    /// What the operator calls it.
    pub name: String,
    /// Read again when its file changes, which also ends a pause of the page.
    pub token: WatchedSecret,
}

crate::codes! {
    /// Why there can be no client for Graph.
    pub enum GraphCode {
        /// The address is neither `https:` nor `http:` to this machine, or has more than a host and a path.
        Url = "graph-url",
        /// The version is not like `v27.0`.
        Version = "graph-version",
        /// The system has no root certificates to check Meta's by.
        Client = "graph-client",
    }
}

/// There can be no client for Graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GraphError(pub GraphCode);

/// What Graph's clock said, and what ours said at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphDate {
    /// Graph's.
    pub date: Timestamp,
    /// Ours.
    pub at: Timestamp,
}

/// A page of the config, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageStanding {
    /// The page.
    pub page: PageId,
    /// What the operator calls it.
    pub name: String,
    /// Whether its leads may be read now.
    pub availability: Availability,
}

/// The Graph API as the pages of the config may use it.
pub struct Graph {
    client: Client,
    pages: Current<HashMap<PageId, Arc<Access>>>,
    /// Their ids, for whoever asks no more than that.
    page_ids: Current<HashSet<PageId>>,
    permits: Semaphore,
    reply_max_bytes: usize,
    pauses: Pauses,
    pauses_changed: Notify,
    /// When somebody last wanted a page tried at once; pages of the config alone.
    retried: Mutex<HashMap<PageId, Timestamp>>,
    outage: Outage,
    told: Told,
    pace: Pace,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// A page's token, the app's secrets, and which of them went with it last.
struct Access {
    page: PageId,
    name: String,
    token: WatchedSecret,
    app_secrets: Arc<[Secret]>,
    app_secret: AtomicUsize,
}

impl Graph {
    /// Builds the client; calls nobody.
    ///
    /// # Errors
    /// See [`GraphCode`].
    pub fn new(
        settings: Settings,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, GraphError> {
        let client = Client::new(&settings, Arc::clone(&clock))?;
        let pages = accesses(settings.app_secrets, settings.pages);
        let calls_in_flight = settings.calls_in_flight.clamp(1, Semaphore::MAX_PERMITS);
        Ok(Self {
            client,
            page_ids: Current::new(pages.keys().copied().collect()),
            pages: Current::new(pages),
            permits: Semaphore::new(calls_in_flight),
            reply_max_bytes: settings.reply_max_bytes,
            pauses: Pauses::default(),
            pauses_changed: Notify::new(),
            retried: Mutex::default(),
            outage: Outage::default(),
            told: Told::default(),
            pace: Pace::default(),
            clock,
            random,
        })
    }

    /// Puts other pages, tokens and app secrets in force. Calls under way end with what they began with. A page whose
    /// token or app secrets are new starts with a clean slate, and so does one that comes back after it was removed.
    pub fn replace_access(&self, app_secrets: Vec<Secret>, pages: Vec<PageAccess>) {
        let (before, after) = (self.pages.pin(), Arc::new(accesses(app_secrets, pages)));
        self.pages.replace(Arc::clone(&after));
        self.page_ids.replace(Arc::new(after.keys().copied().collect()));
        for (page, old) in before.iter() {
            // A file that changed unnoticed until now counts as a replaced token.
            let (_, look) = old.token.current();
            if look == SecretLook::Replaced || !after.get(page).is_some_and(|new| new.is_as(old)) {
                self.pauses.token_replaced(page);
            }
        }
    }

    /// Tells of each call that reads a lead or a form what came of it and how long it took. The first word holds.
    pub fn time_calls(&self, told: impl Fn(CallOutcome, Duration) + Send + Sync + 'static) {
        self.told.set(Box::new(told));
    }

    /// True if the page is in the config.
    pub fn knows(&self, page: &PageId) -> bool {
        self.pages.pin().contains_key(page)
    }

    /// The pages of the config. Looks at no token and at no pause.
    pub fn page_ids(&self) -> Arc<HashSet<PageId>> {
        self.page_ids.pin()
    }

    /// Whether leads of this page may be read now. Looks whether a paused page's token was replaced.
    pub fn availability(&self, page: &PageId) -> Availability {
        let Some(access) = self.access(page) else { return Availability::NoToken };
        let now = self.clock.now();
        match self.pauses.availability(page, now) {
            Availability::Ready => match self.pace.far_turn(page, now) {
                Some(until) => Availability::Paused { until, code: ParkCode::GraphThrottled },
                None => Availability::Ready,
            },
            paused => {
                if self.token(&access).1 {
                    self.pauses.availability(page, now)
                } else {
                    paused
                }
            }
        }
    }

    /// All pages; true: its leads may be read now.
    pub fn pages(&self) -> HashMap<PageId, bool> {
        let readable =
            |page: &PageId| matches!(self.availability(page), Availability::Ready | Availability::Probe);
        self.pages.pin().keys().map(|page| (*page, readable(page))).collect()
    }

    /// The pages of the config, by page, each with what the config calls it and whether its leads may be read now. Looks whether
    /// a paused page's token was replaced.
    pub fn standing(&self) -> Vec<PageStanding> {
        let pages = self.pages.pin();
        let standing = |access: &Arc<Access>| PageStanding {
            page: access.page,
            name: access.name.clone(),
            availability: self.availability(&access.page),
        };
        let mut all: Vec<PageStanding> = pages.values().map(standing).collect();
        all.sort_by_key(|standing| standing.page);
        all
    }

    /// The pages that are paused, by page; one whose pause is over is not, save while one lead is being read to see.
    pub fn paused(&self) -> Vec<Paused> {
        self.pauses.paused(self.pages.pin().keys().copied(), self.clock.now())
    }

    /// Lets one lead of the page be read now, although the page or the app is paused, to see. A refusal makes no pause longer.
    /// False: nothing is paused.
    pub fn retry(&self, page: &PageId) -> bool {
        let now = self.now();
        if self.knows(page) {
            self.retried.lock().insert(*page, now);
        }
        self.pauses.retry(page, now)
    }

    /// True if somebody wanted the page tried at once since then: what Graph refused of it may be given now.
    pub fn is_retried_since(&self, page: &PageId, moment: Timestamp) -> bool {
        self.retried.lock().get(page).is_some_and(|retried| moment < *retried)
    }

    /// The pauses that a restart must not end.
    pub fn kept_pauses(&self) -> Vec<KeptPause> {
        self.pauses.kept(self.now())
    }

    /// Takes over what was kept of them before the start.
    pub fn resume_pauses(&self, kept: &[KeptPause]) {
        let known = |pause: &&KeptPause| pause.page.is_none_or(|page| self.knows(&page));
        kept.iter().filter(known).for_each(|pause| self.pauses.resume(pause, self.now()));
    }

    /// Rouses whoever keeps them.
    pub fn pauses_changed(&self) -> &Notify {
        &self.pauses_changed
    }

    /// What Graph's own clock said with its last reply (the header `Date`); none: no reply has told yet.
    pub fn date(&self) -> Option<GraphDate> {
        self.client.date()
    }

    /// Asks Graph what time it is, where no lead's reply tells: a `HEAD` without a token, which spends none of the app's calls.
    /// Takes five seconds at most.
    ///
    /// # Errors
    /// Why there was no reply.
    pub async fn ask_date(&self) -> Result<(), Cause> {
        self.client.ask_date().await
    }

    /// Reads one lead of a page. Waits for its turn under the page's usage, then for one of the calls that may be in
    /// flight, in the order in which callers came.
    ///
    /// `fields` is a list of Graph's field names ([`crate::purpose::Purpose::graph_fields`]). While the page is paused no
    /// call is made; after a pause one caller's is, to see.
    pub async fn read_lead(&self, page: &PageId, fields: &str, id: &LeadgenId) -> LeadRead {
        self.lead(page, fields, id).await
    }

    /// Reads the definition of a form.
    ///
    /// # Errors
    /// [`Decision::ForGood`] if the token may not see it or it is not there; [`Decision::Halt`] if the page is paused;
    /// [`Decision::Later`] for everything that may pass.
    pub async fn read_form(&self, page: &PageId, form: &FormId) -> Result<FormDefinition, Failure> {
        self.form(page, form).await
    }

    /// What a form is called, at most 200 characters: its author's words, which tamis does not keep. None: Graph does not say,
    /// or the page is unknown or paused.
    pub async fn form_name(&self, page: &PageId, form: &FormId) -> Option<String> {
        self.name(page, form).await
    }

    fn access(&self, page: &PageId) -> Option<Arc<Access>> {
        self.pages.pin().get(page).map(Arc::clone)
    }

    /// The page's token as it is now, and whether it was just replaced. A new one starts with a clean slate.
    fn token(&self, access: &Access) -> (Arc<Secret>, bool) {
        let (token, look) = access.token.current();
        match look {
            SecretLook::Same => {}
            SecretLook::Replaced => self.pauses.token_replaced(&access.page),
            SecretLook::Refused(code) => {
                tracing::warn!(page.id = %access.page, code = %code, "graph.token-not-read");
            }
        }
        (token, look == SecretLook::Replaced)
    }

    /// What is said of a page that is not in the config: its references are held by whoever asks first.
    fn no_token(&self) -> Failure {
        let until = after_ms(self.clock.now(), pause::LONGEST_MS);
        Refusal::plain(failure::Fault::Passing, Cause::Paused).halted(until, ParkCode::PageUnknown)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl Access {
    /// True if a call under this access says as much as one under the other.
    fn is_as(&self, other: &Self) -> bool {
        let (token, before) = (self.token.current().0, other.token.current().0);
        let secrets = self.app_secrets.iter().zip(other.app_secrets.iter());
        token.equals(before.expose())
            && self.app_secrets.len() == other.app_secrets.len()
            && secrets.into_iter().all(|(one, other)| one.equals(other.expose()))
    }
}

fn accesses(app_secrets: Vec<Secret>, pages: Vec<PageAccess>) -> HashMap<PageId, Arc<Access>> {
    let app_secrets: Arc<[Secret]> = app_secrets.into();
    let access = |page: PageAccess| {
        let (app_secrets, app_secret) = (Arc::clone(&app_secrets), AtomicUsize::new(0));
        let PageAccess { id, name, token } = page;
        (id, Arc::new(Access { page: id, name, token, app_secrets, app_secret }))
    };
    pages.into_iter().map(access).collect()
}
