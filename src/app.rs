//! The composition root: the only file that knows every room. Build, then run.
//!
//! [`App::build`] opens the rooms, binds the sockets and says where; nothing is served before [`App::run`].

mod opening;
mod reload;
mod settings;
mod sockets;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::app::opening::{open_keyring, open_store};
use crate::app::sockets::{Sockets, bind};
use crate::clock::{Clock, Rfc3339};
use crate::config::{Config, Fingerprint, Secrets};
use crate::current::Current;
use crate::graph::Graph;
use crate::http::admin::Admin;
use crate::http::{
    ADMIN_CONNECTIONS_MAX, AdminDoor, BodyBudget, Health, Intake, IntakeSettings, Listener, NEXT_HEAD_MAX,
    Patience, Proxies, Trust, admin_server, public_server,
};
use crate::inbox::Inbox;
use crate::keyring::Keyring;
use crate::lifecycle::Stop;
use crate::machine::descriptors;
use crate::machine::systemd::Systemd;
use crate::notification::Verifier;
use crate::purpose::Policy;
use crate::random::Random;
use crate::store::SharedStore;
use crate::telemetry::LeadNames;
use crate::telemetry::metrics::{Metrics, Readings};
use crate::workers::{
    Clockwatch, Fetcher, FormBook, Reaper, ReloadGate, Retries, Scanner, Tools, Worker, fetchers, run_loop,
};

pub use opening::{StartError, StoreKnows};
pub use reload::{Applied, Reload};
pub use sockets::Addresses;

/// Memory that the bodies of all notifications may take together.
const BODIES_TOTAL_BYTES: usize = 32 * 1024 * 1024;
/// How long a notification's body may take.
const BODY_DEADLINE: Duration = Duration::from_secs(10);
/// Threads of the public listener.
const PUBLIC_WORKERS: usize = 2;
/// Connections to the public side at one time, where the system allows as many open files.
const PUBLIC_CONNECTIONS_MAX: usize = 10_000;
/// A connection to the public side, and the second descriptor by which it is watched.
const FILES_A_CONNECTION: usize = 2;
/// Open files that are not connections of callers: the journal's segments, the store, Graph, the log.
const OTHER_FILES: usize = 256;
/// Of the drain, what the requests under way may take.
const LISTENERS_SHARE: f64 = 0.4;
/// Of the drain, what requests and workers may take together; the rest is for the last syncs.
const WORKERS_SHARE: f64 = 0.85;

/// What comes from outside of the house.
#[derive(Clone)]
pub struct Ambient {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
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
    started: Fingerprint,
    systemd: Arc<Systemd>,
}

struct Rooms {
    inbox: Arc<Inbox>,
    store: SharedStore,
    keyring: Arc<dyn Keyring>,
    graph: Arc<Graph>,
    policy: Arc<Current<Policy>>,
    metrics: Arc<Metrics>,
    ambient: Ambient,
}

impl App {
    /// Opens every room and binds every socket.
    ///
    /// # Errors
    /// See [`StartError`]. Nothing is left running.
    pub async fn build(config: &Config, secrets: Secrets, ambient: Ambient) -> Result<Self, StartError> {
        let policy = config.policy();
        let keyring = open_keyring(config, secrets.root.clone(), &ambient)?;
        let store = open_store(config, &keyring, &policy, &ambient)?;
        let furnished = Self::furnish(config, secrets, ambient, policy, keyring, Arc::clone(&store)).await;
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
        store: SharedStore,
    ) -> Result<Self, StartError> {
        let Secrets { root: _, verify_token, app_secrets, page_tokens } = secrets;
        let inbox = Inbox::open(
            config.inbox_settings(),
            Arc::clone(&keyring),
            Arc::new(StoreKnows(Arc::clone(&store))),
            Arc::clone(&ambient.clock),
            Arc::clone(&ambient.random),
        )
        .await
        .map_err(StartError::Inbox)?;
        let inbox = Arc::new(inbox);
        let settings = config.graph_settings(&app_secrets, page_tokens);
        let graph = Graph::new(settings, Arc::clone(&ambient.clock), Arc::clone(&ambient.random))
            .map_err(StartError::Graph)?;
        let graph = Arc::new(graph);
        let metrics = Arc::new(Metrics::new());
        let policy = Arc::new(Current::of(policy));
        let rooms = Rooms { inbox, store, keyring, graph, policy, metrics, ambient };
        rooms.feed_metrics();
        let (sockets, addresses) = bind(config)?;
        let tools = rooms.tools(config);
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
            started: config.fingerprint(),
            systemd: Arc::default(),
        })
    }

    /// What puts another config in force while this one runs. For one caller.
    pub fn reload(&self) -> Reload {
        Reload {
            tools: Arc::downgrade(&self.tools),
            trust: Arc::clone(&self.intake.trust),
            started: self.started.clone(),
            running: tokio::sync::Mutex::new(self.started.clone()),
        }
    }

    /// Tells this service manager when calls are taken, that all is well, and when the end begins.
    pub fn watched_by(self, systemd: Systemd) -> Self {
        Self { systemd: Arc::new(systemd), ..self }
    }

    /// Serves until a stop is asked for, then leaves in order: no new connections, steps under way finished, the inbox
    /// and the store synced and closed. True if everything ended well.
    pub async fn run(self, stop: Stop) -> bool {
        let Self { addresses, rooms, sockets, intake, drain, fetchers, tools, started: _, systemd } = self;
        let servers = match rooms.serve(sockets, intake, drain, &stop) {
            Ok(servers) => servers,
            Err(error) => {
                tracing::error!(io.kind = ?error.kind(), "process.cannot-serve");
                rooms.close().await;
                return false;
            }
        };
        rooms.start_workers(fetchers, &tools, &stop);
        let records = rooms.store.stored().await.ok().map(|stored| stored.values().sum::<u64>());
        let parked = rooms.store.parked().await.ok();
        tracing::info!(
            public.address = %addresses.public,
            admin.socket = %addresses.socket.display(),
            admin.address = addresses.admin.as_ref().map(tracing::field::display),
            store.records = records,
            inbox.queued = rooms.inbox.queued(),
            inbox.parked = parked,
            "process.started"
        );
        systemd.ready().await;
        rooms.feed_watchdog(&systemd, &stop);
        stop.requested().await;
        systemd.stopping().await;
        let begun = rooms.ambient.clock.now();
        let workers_end = Instant::now() + drain.mul_f64(WORKERS_SHARE);
        let stopped = futures_util::future::join_all(servers.iter().map(|server| server.stop(true)));
        let graceful = tokio::time::timeout(drain.mul_f64(LISTENERS_SHARE), stopped).await.is_ok();
        // What the requests did not need of their time is the workers'.
        let drained = stop.drain(workers_end.saturating_duration_since(Instant::now())).await;
        let closed = rooms.close().await;
        let _ = std::fs::remove_file(&addresses.socket);
        tracing::info!(
            stop.listeners_in_time = graceful,
            stop.workers_in_time = drained,
            stop.took_ms = rooms.ambient.clock.now().as_millisecond() - begun.as_millisecond(),
            stop.since = %Rfc3339(begun),
            inbox.queued = rooms.inbox.queued(),
            "process.stopped"
        );
        closed && !stop.crashed()
    }
}

impl Rooms {
    fn feed_metrics(&self) {
        self.inbox.time_syncs(self.metrics.inbox_syncs());
        let inbox = Arc::clone(&self.inbox);
        let store = Arc::clone(&self.store);
        let graph = Arc::clone(&self.graph);
        let clock = Arc::clone(&self.ambient.clock);
        self.metrics.read_from(move || {
            let (inbox, store) = (Arc::clone(&inbox), Arc::clone(&store));
            let (graph, clock) = (Arc::clone(&graph), Arc::clone(&clock));
            async move {
                let segments = inbox.figures();
                let age = |oldest: jiff::Timestamp| clock.now().as_second() - oldest.as_second();
                Readings {
                    inbox_queued: inbox.queued(),
                    inbox_oldest_seconds: inbox.oldest().map_or(0, age).try_into().unwrap_or(0),
                    inbox_segments: (segments.segments_live as u64, segments.segments_spare as u64),
                    parked: store.parked().await.ok(),
                    records: store
                        .stored()
                        .await
                        .map_or_else(|_| Vec::new(), |stored| stored.into_iter().collect()),
                    paused: graph.paused().into_iter().map(|paused| (paused.page, paused.code)).collect(),
                    ready: inbox.ready().await && store.ready(),
                }
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
            retries: Current::new(retries(config)),
            random: Arc::clone(&self.ambient.random),
            metrics: Arc::clone(&self.metrics),
            names: LeadNames::new(Arc::clone(&self.keyring), Arc::clone(&clock)),
            left: Default::default(),
            clock,
        })
    }

    fn intake(&self, config: &Config, trust: Arc<Current<Trust>>) -> Intake {
        let clock = Arc::clone(&self.ambient.clock);
        Intake {
            trust,
            inbox: Arc::clone(&self.inbox),
            budget: BodyBudget::new(BODIES_TOTAL_BYTES),
            settings: IntakeSettings {
                body_max_bytes: config.public.body_max_bytes,
                body_deadline: BODY_DEADLINE,
            },
            metrics: Arc::clone(&self.metrics),
            names: Arc::new(LeadNames::new(Arc::clone(&self.keyring), Arc::clone(&clock))),
            clock,
            proxies: Proxies::new(&config.public.trusted_proxies),
        }
    }

    fn serve(
        &self,
        sockets: Sockets,
        intake: Intake,
        drain: Duration,
        stop: &Stop,
    ) -> std::io::Result<Vec<actix_web::dev::ServerHandle>> {
        let (inbox, store) = (Arc::clone(&self.inbox), Arc::clone(&self.store));
        let health = Health::new(move || {
            let (inbox, store) = (Arc::clone(&inbox), Arc::clone(&store));
            async move { inbox.ready().await && store.ready() }
        });
        let shutdown = drain.mul_f64(LISTENERS_SHARE);
        let random = || Arc::clone(&self.ambient.random);
        let public = Listener { workers: PUBLIC_WORKERS, connections: public_connections(), shutdown };
        let admin = Listener { workers: 1, connections: ADMIN_CONNECTIONS_MAX, shutdown };
        let state = Arc::new(Admin {
            store: Arc::clone(&self.store),
            inbox: Arc::clone(&self.inbox),
            graph: Arc::clone(&self.graph),
            policy: Arc::clone(&self.policy),
            metrics: Arc::clone(&self.metrics),
            clock: Arc::clone(&self.ambient.clock),
            random: random(),
        });
        let patience = Patience::new(NEXT_HEAD_MAX);
        let mut servers = vec![
            (
                "admin-socket",
                admin_server(AdminDoor::Socket(sockets.admin_socket), &admin, state.clone(), random())?,
            ),
            (
                "public-listener",
                public_server(sockets.public, &public, intake, health, random(), Arc::clone(&patience))?,
            ),
        ];
        if let Some(socket) = sockets.admin {
            servers.push(("admin-listener", admin_server(AdminDoor::Tcp(socket), &admin, state, random())?));
        }
        let mut handles = Vec::with_capacity(servers.len());
        for (name, server) in servers {
            handles.push(server.handle());
            stop.supervise(name, async move {
                if let Err(error) = server.await {
                    tracing::error!(task.name = name, io.kind = ?error.kind(), "process.listener-failed");
                }
            });
        }
        let asked = stop.clone();
        stop.supervise("patience", async move { patience.run(asked.requested()).await });
        Ok(handles)
    }

    fn start_workers(&self, fetchers: usize, tools: &Arc<Tools>, stop: &Stop) {
        let mut workers: Vec<Arc<dyn Worker>> = vec![Arc::new(Reaper::new(
            Arc::clone(&self.inbox),
            Arc::clone(&self.store),
            Arc::clone(&self.keyring),
            Arc::clone(&self.ambient.clock),
        ))];
        workers.push(Arc::new(Clockwatch::new(
            Arc::clone(&self.store),
            Arc::clone(&self.graph),
            Arc::clone(&self.ambient.clock),
        )));
        workers.push(Arc::new(Scanner::new(
            Arc::clone(&self.store),
            Arc::clone(&self.inbox),
            Arc::clone(&self.metrics),
            Arc::clone(&self.ambient.clock),
        )));
        for _ in 0..fetchers {
            workers.push(Arc::new(Fetcher::new(Arc::clone(tools))));
        }
        for worker in workers {
            let (clock, metrics) = (Arc::clone(&self.ambient.clock), Arc::clone(&self.metrics));
            stop.supervise(worker.name(), run_loop(worker, stop.clone(), clock, metrics));
        }
    }

    /// Only what a restart may mend starves the watchdog: an inbox or a store that halted, or threads that hang. A full
    /// disk or a full queue does not: they are waited out, and calls meanwhile are answered 503.
    fn feed_watchdog(&self, systemd: &Arc<Systemd>, stop: &Stop) {
        if !systemd.is_watching() {
            return;
        }
        let (inbox, store) = (Arc::clone(&self.inbox), Arc::clone(&self.store));
        let (systemd, asked) = (Arc::clone(systemd), stop.clone());
        stop.supervise("watchdog", async move {
            tokio::select! {
                () = systemd.keep_alive(|| inbox.halted().is_none() && store.halted().is_none()) => {}
                () = asked.requested() => {}
            }
        });
    }

    async fn close(&self) -> bool {
        let inbox = self.inbox.close();
        if let Err(error) = &inbox {
            tracing::error!(code = %error.code, "inbox.close-failed");
        }
        let store = self.store.close().await;
        if let Err(error) = &store {
            tracing::error!(code = %error.code, "store.close-failed");
        }
        inbox.is_ok() && store.is_ok()
    }
}

/// As many as leave room for everything else that the daemon opens: a listener that runs out of files takes nobody.
fn public_connections() -> usize {
    let files = usize::try_from(descriptors::raise_limit()).unwrap_or(usize::MAX);
    let others = OTHER_FILES + 2 * ADMIN_CONNECTIONS_MAX;
    (files.saturating_sub(others) / FILES_A_CONNECTION).clamp(PUBLIC_WORKERS, PUBLIC_CONNECTIONS_MAX)
}

fn retries(config: &Config) -> Retries {
    Retries { usual: config.retry(), ambiguous: config.retry_ambiguous() }
}
