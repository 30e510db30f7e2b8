//! The composition root: the only room that knows all others. Built here, run in `running`, given another config in
//! `reload`.
//!
//! [`App::build`] opens the rooms, binds the sockets and says where; nothing is served before [`App::run`].

mod admin_socket;
mod notices;
mod opening;
mod read;
mod receipts;
mod reload;
mod restoring;
mod rotating;
mod running;
mod settings;
mod socket_door;
mod sockets;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::app::notices::SinceStart;
use crate::app::opening::{open_keyring, open_store};
use crate::app::read::Read;
use crate::app::sockets::{Sockets, bind};
use crate::attention::Attention;
use crate::clock::{Clock, ConfirmedDay};
use crate::config::{Config, Fingerprint, Secrets};
use crate::current::Current;
use crate::forget::receipt::Stationery;
use crate::forget::receipt::note::KeyName;
use crate::graph::Graph;
use crate::http::{BodyBudget, BodyError, Intake, IntakeSettings, Proxies, Seldom, Trust};
use crate::inbox::Inbox;
use crate::keyring::Keyring;
use crate::machine::progress::Progress;
use crate::machine::systemd::Systemd;
use crate::mail;
use crate::notice::Book;
use crate::notification::{KeptPause, Verifier, VerifyToken};
use crate::purpose::Policy;
use crate::random::Random;
use crate::store::{BelievedClock, Checkpoints, LatestClock, SharedBackups, SharedStore};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::{LeadNames, LogCounts};
use crate::trail::{Action, Entry};
use crate::workers::{
    Asker, FormBook, FormCheck, Letterhead, ReloadGate, Retries, Silence, Steward, Tools, adopt_known,
    fetchers,
};

pub use opening::{StartError, StoreKnows};
pub use reload::{Applied, Reload};
pub use restoring::{RestoreError, restore};
pub use rotating::{RotateError, Rotated, Rotating};
pub use sockets::Addresses;

/// Memory that the bodies of all notifications may take together, beside the first kilobytes of each.
const BODIES_TOTAL_BYTES: usize = 32 * 1024 * 1024;
/// How long a notification's body may take.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// What comes from outside of the house.
#[derive(Clone)]
pub struct Ambient {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// How far a long start is.
    pub progress: Arc<Progress>,
}

/// The daemon, built and not yet running.
pub struct App {
    /// Where it will listen.
    pub addresses: Addresses,
    rooms: Rooms,
    sockets: Sockets,
    intake: Intake,
    drain: Duration,
    fetchers: usize,
    tools: Arc<Tools>,
    steward: Arc<Steward>,
    since_start: SinceStart,
    started: Fingerprint,
    systemd: Arc<Systemd>,
}

struct Rooms {
    inbox: Arc<Inbox>,
    store: SharedStore,
    backups: SharedBackups,
    keyring: Arc<dyn Keyring>,
    graph: Arc<Graph>,
    policy: Arc<Current<Policy>>,
    notices: Arc<Current<Book>>,
    /// What receipts of erasure are written with.
    stationery: Arc<Current<Stationery>>,
    /// Whose mails are sent.
    letterhead: Arc<Current<Letterhead>>,
    /// Which server takes them, and how many an hour; none: the config names none, and nobody is written to.
    mail: Mutex<Option<(mail::Settings, u32)>>,
    /// Who finds who is to be asked again.
    asker: Arc<Asker>,
    /// What the key is called that signs checkpoints of the trail.
    trail_name: Arc<Current<KeyName>>,
    checkpoints: Arc<Checkpoints>,
    metrics: Arc<Metrics>,
    attention: Arc<Attention>,
    confirmed_day: ConfirmedDay,
    trail_months: u32,
    /// How long requests of persons are kept once they are answered.
    request_months: u32,
    /// So many days lie between two vacuums of the store at the most.
    vacuum_days: u32,
    /// Erasures are noted for whoever restores a backup.
    has_ledger: bool,
    ambient: Ambient,
    started_at: Timestamp,
    /// Those that were kept across the start.
    pauses: Vec<KeptPause>,
}

impl App {
    /// Opens every room and binds every socket.
    ///
    /// # Errors
    /// See [`StartError`]. Nothing is left running.
    pub async fn build(config: &Config, secrets: Secrets, ambient: Ambient) -> Result<Self, StartError> {
        let policy = config.policy();
        policy.prepare();
        let keyring = open_keyring(config, &secrets.root, &ambient)?;
        let (store, backups) = open_store(config, &keyring, &policy, &ambient).await?;
        let kept = (Arc::clone(&store), backups);
        let furnished = Self::furnish(config, secrets, ambient, policy, keyring, kept).await;
        if furnished.is_err() {
            // Why it does not start is what is said; its writer must have ended before anybody else opens it.
            let _ = store.close().await;
        }
        furnished
    }

    /// Everything but the store and its keys.
    async fn furnish(
        config: &Config,
        secrets: Secrets,
        ambient: Ambient,
        policy: Arc<Policy>,
        keyring: Arc<dyn Keyring>,
        (store, backups): (SharedStore, SharedBackups),
    ) -> Result<Self, StartError> {
        let Secrets { root: _, verify_token, app_secrets, page_tokens, mail_password, warnings: _ } = secrets;
        let settings = config.graph_settings(&app_secrets, page_tokens);
        let graph = Graph::new(settings, Arc::clone(&ambient.clock), Arc::clone(&ambient.random))
            .map_err(StartError::Graph)?;
        let graph = Arc::new(graph);
        let pauses = kept_pauses(&store).await;
        graph.resume_pauses(&pauses);
        let adopted = adopt_known(&policy, &store, ambient.clock.now()).await;
        if let Err(error) = adopted {
            tracing::warn!(code = %error.code, "form.copies-not-read");
        }
        let notices = Arc::new(Current::new(notices::at_start(config, &store).await));
        notices::say_addresses_before(&store, &config.public.url).await;
        let policy = Arc::new(Current::of(policy));
        let known = StoreKnows::of(Arc::clone(&store)).claimed_by(Arc::clone(&policy), Arc::clone(&graph));
        let inbox = Inbox::open(
            config.inbox_settings(),
            Arc::clone(&keyring),
            Arc::new(known),
            Arc::new(BelievedClock(Arc::clone(&store))),
            Arc::clone(&ambient.random),
        )
        .await
        .map_err(StartError::Inbox)?;
        note_missing(&inbox, &store).await;
        let inbox = Arc::new(inbox);
        let metrics = Arc::new(Metrics::new());
        let (attention, confirmed_day) = Default::default();
        receipts::make_key(&keyring).await;
        let trail_name = Arc::new(Current::new(config.trail_name()));
        let (of_trail, signs) = (Arc::clone(&store), Arc::clone(&keyring));
        let checkpoints = Arc::new(receipts::checkpoints(of_trail, Arc::clone(&trail_name), signs));
        let started_at = ambient.clock.now();
        let (asked, by) = (Arc::clone(&store), Arc::clone(&policy));
        let asker = Arc::new(Asker::new(asked, by, config.asks_again(), Arc::clone(&ambient.clock)));
        let rooms = Rooms {
            asker,
            inbox,
            store,
            backups,
            keyring,
            graph,
            policy,
            notices,
            stationery: Arc::new(Current::new(config.stationery())),
            letterhead: Arc::new(Current::new(config.letterhead())),
            mail: Mutex::new(
                config.mail_settings(mail_password).zip(config.mail.as_ref().map(|mail| mail.rate)),
            ),
            trail_name,
            checkpoints,
            metrics,
            attention,
            confirmed_day,
            trail_months: config.trail.retention_months,
            request_months: config.requests.retention_months,
            vacuum_days: config.store.vacuum_days,
            has_ledger: config.backup.ledger.is_some(),
            ambient,
            started_at,
            pauses,
        };
        let (sockets, addresses) = bind(config)?;
        let tools = rooms.tools(config);
        let steward = Steward::new(Arc::clone(&tools), Arc::clone(&rooms.attention));
        let steward = Arc::new(steward.awaiting_recipients(config.changes.attention_days));
        rooms.feed_metrics(&steward);
        let verify_token = VerifyToken::of(&verify_token);
        let trust = Trust { verifier: Verifier::new(app_secrets), verify_token };
        let intake = rooms.intake(config, Arc::new(Current::new(trust)));
        Ok(Self {
            addresses,
            rooms,
            sockets,
            intake,
            drain: Duration::from_secs(config.public.drain_seconds),
            fetchers: fetchers(config.meta.calls_in_flight),
            tools,
            steward,
            since_start: config.since_start(),
            started: config.fingerprint(),
            systemd: Arc::default(),
        })
    }

    /// What puts another config in force while this one runs. For one caller.
    pub fn reload(&self) -> Reload {
        Reload {
            tools: Arc::downgrade(&self.tools),
            trust: Arc::clone(&self.intake.trust),
            stationery: Arc::clone(&self.rooms.stationery),
            letterhead: Arc::clone(&self.rooms.letterhead),
            trail_name: Arc::clone(&self.rooms.trail_name),
            since_start: self.since_start,
            started: self.started.clone(),
            running: tokio::sync::Mutex::new(self.started.clone()),
        }
    }

    /// Tells this service manager when calls are taken, that all is well, and when the end begins.
    pub fn watched_by(self, systemd: Systemd) -> Self {
        Self { systemd: Arc::new(systemd), ..self }
    }

    /// Tells here what day it is, once the clock is confirmed and hourly: for whoever deletes what is old and knows no store.
    pub fn telling_the_day(mut self, day: ConfirmedDay) -> Self {
        self.rooms.confirmed_day = day;
        self
    }

    /// Shows in the metrics what this log counts of itself.
    pub fn counted_by(self, counts: LogCounts) -> Self {
        self.rooms.metrics.count_log(counts);
        self
    }
}

impl Rooms {
    fn feed_metrics(&self, steward: &Arc<Steward>) {
        self.inbox.time_syncs(self.metrics.inbox_syncs());
        self.graph.time_calls(self.metrics.graph_calls());
        // The steward holds the metrics: these do not hold it.
        let steward = Arc::downgrade(steward);
        let read = Read {
            inbox: Arc::clone(&self.inbox),
            store: Arc::clone(&self.store),
            graph: Arc::clone(&self.graph),
            attention: Arc::clone(&self.attention),
            clock: Arc::clone(&self.ambient.clock),
        };
        self.metrics.read_from(move || {
            let (read, steward) = (read.clone(), steward.upgrade());
            async move {
                let mut stands = (Vec::new(), None);
                if let Some(steward) = steward {
                    steward.look().await;
                    stands = steward.form_findings();
                }
                read.readings(stands).await
            }
        });
    }

    fn tools(&self, config: &Config) -> Arc<Tools> {
        let clock = Arc::clone(&self.ambient.clock);
        Arc::new(Tools {
            inbox: Arc::clone(&self.inbox),
            store: Arc::clone(&self.store),
            graph: Arc::clone(&self.graph),
            policy: Arc::clone(&self.policy),
            forms: FormBook::new(Arc::clone(&self.store), Arc::clone(&self.graph), Arc::clone(&clock)),
            gate: ReloadGate::default(),
            silence: Silence::default(),
            form_check: FormCheck::new(&config.public.url),
            retries: Current::new(retries(config)),
            random: Arc::clone(&self.ambient.random),
            metrics: Arc::clone(&self.metrics),
            notices: Arc::clone(&self.notices),
            names: self.lead_names(),
            left: Default::default(),
            asked_in_vain: Default::default(),
            clock,
        })
    }

    /// Named by the month that is believed: the key of a month that has not come would end those of the months before.
    fn lead_names(&self) -> LeadNames {
        LeadNames::new(Arc::clone(&self.keyring), Arc::new(BelievedClock(Arc::clone(&self.store))))
    }

    fn intake(&self, config: &Config, trust: Arc<Current<Trust>>) -> Intake {
        let clock = LatestClock(Arc::clone(&self.store), Arc::clone(&self.ambient.clock));
        Intake {
            trust,
            inbox: Arc::clone(&self.inbox),
            budget: BodyBudget::new(BODIES_TOTAL_BYTES),
            settings: IntakeSettings {
                body_max_bytes: config.public.body_max_bytes,
                body_deadline: BODY_DEADLINE,
            },
            metrics: Arc::clone(&self.metrics),
            bodies_refused: self.metrics.bodies_refused::<BodyError>(),
            names: Arc::new(self.lead_names()),
            clock: Arc::new(clock),
            proxies: Proxies::new(&config.public.trusted_proxies),
            crowded: Seldom::default(),
            over: Default::default(),
        }
    }
}

/// What the journal lost of what was answered for stands in the trail, too. The log has it in any case.
async fn note_missing(inbox: &Inbox, store: &SharedStore) {
    let missing = inbox.figures().references_missing;
    if missing == 0 {
        return;
    }
    let mut entry = Entry::by_system(Action::ReferencesMissing);
    entry.count = missing;
    if let Err(error) = store.note(entry).await {
        tracing::warn!(code = %error.code, "inbox.missing-not-noted");
    }
}

/// Until when Graph had asked not to be called. Without that it is asked, and says so again.
async fn kept_pauses(store: &SharedStore) -> Vec<KeptPause> {
    let kept = store.pauses().await;
    kept.inspect_err(|error| tracing::warn!(code = %error.code, "graph.pauses-not-read")).unwrap_or_default()
}

fn retries(config: &Config) -> Retries {
    Retries { usual: config.retry(), ambiguous: config.retry_ambiguous() }
}
