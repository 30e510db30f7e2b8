//! Running: the listeners and the workers, until a stop is asked for, and the way out in order.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::app::receipts::receipts;
use crate::app::socket_door::SocketDoor;
use crate::app::sockets::Sockets;
use crate::app::{App, Rooms};
use crate::clock::Rfc3339;
use crate::http::admin::{
    Admin, AskingLook, Askings, DueLook, DuePiece, FormStands, PersonActs, Search, Standing, Whole,
    trail_places,
};
use crate::http::{
    ADMIN_CONNECTIONS_MAX, AdminDoor, Callbacks, Health, Intake, Listener, MetaCallbacks, Notices, Persons,
    Shown, Stopper, Visits, admin_server, connections_at_most, public_server,
};
use crate::lifecycle::Stop;
use crate::machine::descriptors;
use crate::machine::priority;
use crate::machine::systemd::Systemd;
use crate::purpose::PurposeId;
use crate::trail::{Action, Entry, Reason};
use crate::workers::{
    Adopter, Archivist, ArchivistRules, Checkpointer, Clockwatch, CopyFiles, CopyOf, Copying, DuePeople,
    Fetcher, Inspector, Lookout, Pausekeeper, Postman, Reaper, Redater, Scanner, SearchTools, Searcher,
    Stands, Steward, Tools, Trimmer, Usher, Warden, Worker, run_loop, say_checkpoint,
};

/// Threads of the public listener.
const PUBLIC_WORKERS: usize = 2;
/// Threads of each of the admin side's doors: while one writes a large page, the other serves.
const ADMIN_WORKERS: usize = 2;
/// Connections to the public side at one time, where the system allows as many open files.
const PUBLIC_CONNECTIONS_MAX: usize = 10_000;
/// Open files that are not connections of callers: the journal's segments, the store, Graph, the log.
const OTHER_FILES: usize = 256;
/// Of the drain, what the requests under way may take.
const LISTENERS_SHARE: f64 = 0.4;
/// Of the drain, what requests and workers may take together; the rest is for the last syncs.
const WORKERS_SHARE: f64 = 0.85;
/// Of that rest, what the last checkpoint may take.
const CHECKPOINT_SHARE: f64 = 0.05;

/// How long a start waits for Graph to say what time it is.
const CLOCK_TOLD_WITHIN: Duration = Duration::from_secs(2);
/// How long a start waits for what has had its time to be gone.
const SWEPT_WITHIN: Duration = Duration::from_secs(10);

/// What runs, once the listeners do.
struct Serving {
    servers: Vec<Stopper>,
    door: Arc<SocketDoor>,
    /// Who looks for addresses.
    searcher: Arc<Searcher>,
    /// Who sends links to whoever lost theirs; none: no mail is sent.
    usher: Option<Arc<Usher>>,
    /// What people can have done, for what is mailed to them.
    person_acts: PersonActs,
}

impl App {
    /// Serves until a stop is asked for, then leaves in order: no new connections, steps under way finished, the inbox
    /// and the store synced and closed. True if everything ended well.
    pub async fn run(self, stop: Stop) -> bool {
        let Self {
            addresses,
            rooms,
            sockets,
            intake,
            drain,
            fetchers,
            tools,
            steward,
            since_start: _,
            started: _,
            systemd,
        } = self;
        let place = Arc::clone(&sockets.place);
        let (reaper, clockwatch, redater) = (rooms.reaper(), rooms.clockwatch(), rooms.redater());
        let trimmer = rooms.trimmer();
        sweep_before_listening(&*clockwatch, &[&*redater, &*reaper, &*trimmer]).await;
        let archivist = rooms.archivist();
        let serving = match rooms.serve(sockets, intake, drain, (&steward, &archivist), &stop) {
            Ok(serving) => serving,
            Err(error) => {
                tracing::error!(io.kind = ?error.kind(), "process.cannot-serve");
                rooms.close().await;
                place.remove();
                return false;
            }
        };
        let Serving { mut servers, door, searcher, usher, person_acts } = serving;
        let mut before: Vec<Arc<dyn Worker>> = vec![reaper, clockwatch, redater, trimmer];
        before.extend(rooms.postman(searcher, person_acts));
        before.extend(usher.map(|usher| -> Arc<dyn Worker> { usher }));
        rooms.start_workers(before, fetchers, &tools, (steward, archivist), Arc::clone(&door), &stop);
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
        servers.push(door.current());
        let stopped = futures_util::future::join_all(servers.iter().map(Stopper::stop));
        let graceful = tokio::time::timeout(drain.mul_f64(LISTENERS_SHARE), stopped).await.is_ok();
        // What the requests did not need of their time is the workers'.
        let drained = stop.drain(workers_end.saturating_duration_since(Instant::now())).await;
        // The last word on the trail: what is changed while nothing runs is held against it.
        let _ =
            tokio::time::timeout(drain.mul_f64(CHECKPOINT_SHARE), say_checkpoint(&rooms.checkpoints)).await;
        let closed = rooms.close().await;
        place.remove();
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
    fn serve(
        &self,
        sockets: Sockets,
        intake: Intake,
        drain: Duration,
        (steward, archivist): (&Arc<Steward>, &Arc<Archivist>),
        stop: &Stop,
    ) -> std::io::Result<Serving> {
        let (inbox, store) = (Arc::clone(&self.inbox), Arc::clone(&self.store));
        let health = Health::new(move || {
            let (inbox, store) = (Arc::clone(&inbox), Arc::clone(&store));
            async move { inbox.ready().await && store.ready() }
        });
        let kept: Arc<dyn crate::store::Notices> = self.store.clone();
        let notices = Notices::new(Arc::clone(&self.notices), kept, intake.proxies.clone());
        let meta = MetaCallbacks::new(Callbacks {
            trust: Arc::clone(&intake.trust),
            trail: self.store.clone(),
            stationery: Arc::clone(&self.stationery),
            book: Arc::clone(&self.notices),
            clock: Arc::clone(&intake.clock),
            random: Arc::clone(&self.ambient.random),
            proxies: intake.proxies.clone(),
        });
        let shutdown = drain.mul_f64(LISTENERS_SHARE);
        let random = || Arc::clone(&self.ambient.random);
        let public = Listener { workers: PUBLIC_WORKERS, connections: public_connections(), shutdown };
        let admin = move || Listener { workers: ADMIN_WORKERS, connections: ADMIN_CONNECTIONS_MAX, shutdown };
        let visits = Arc::new(Visits::default());
        let searcher = self.searcher(stop)?;
        let searches = Arc::clone(&searcher);
        let search = Search::new(move |sought, after, by| {
            let searcher = Arc::clone(&searches);
            Box::pin(async move { searcher.look(sought, after, by).await })
        });
        let state = Arc::new(Admin {
            store: Arc::clone(&self.store),
            backups: Arc::clone(&self.backups),
            inbox: Arc::clone(&self.inbox),
            graph: Arc::clone(&self.graph),
            policy: Arc::clone(&self.policy),
            checkpoints: Arc::clone(&self.checkpoints),
            receipts: Arc::new(receipts(Arc::clone(&self.stationery), Arc::clone(&self.keyring))),
            metrics: Arc::clone(&self.metrics),
            whole: Arc::new(self.whole(steward, archivist)),
            clock: Arc::clone(&self.ambient.clock),
            random: random(),
            visits: Arc::clone(&visits),
            trail_pages: trail_places(),
            lookups: Arc::default(),
            search: Arc::new(search),
            askings: Arc::new(self.askings()),
            sends_mail: self.mail.lock().is_some(),
        });
        let (usher, person_acts) = (self.usher(&searcher), state.person_acts());
        let mut persons = Persons::new(state.person_acts(), intake.proxies.clone());
        if let Some(usher) = &usher {
            let usher = Arc::clone(usher);
            persons = persons.mailing(move |sought| usher.ask(sought));
        }
        let shown = Shown { notices, persons: Some(persons), meta: Some(meta) };
        let (of_socket, dice) = (Arc::clone(&state), random());
        let (door, socket_served) = SocketDoor::new(sockets.place, sockets.admin_socket, move |listener| {
            let door = AdminDoor::Socket(listener);
            admin_server(door, &admin(), Arc::clone(&of_socket), Arc::clone(&dice))
        })?;
        let mut servers = vec![(
            "public-listener",
            public_server(sockets.public, &public, intake, health, shown, random())?,
        )];
        if let Some(socket) = sockets.admin {
            servers
                .push(("admin-listener", admin_server(AdminDoor::Tcp(socket), &admin(), state, random())?));
        }
        let mut handles = Vec::with_capacity(servers.len());
        let supervise = |name, serving: BoxFuture<'static, std::io::Result<()>>| {
            stop.supervise(name, async move {
                if let Err(error) = serving.await {
                    tracing::error!(task.name = name, io.kind = ?error.kind(), "process.listener-failed");
                }
            });
        };
        supervise("admin-socket", Box::pin(socket_served));
        for (name, server) in servers {
            handles.push(server.stopper());
            supervise(name, Box::pin(server.run()));
        }
        let asked = stop.clone();
        stop.supervise("visits", async move { visits.run(asked.requested()).await });
        Ok(Serving { servers: handles, door: Arc::new(door), searcher, usher, person_acts })
    }

    /// Who looks for addresses: on a thread of its own, until workers are to take no new step.
    fn searcher(&self, stop: &Stop) -> std::io::Result<Arc<Searcher>> {
        let inbox = Arc::clone(&self.inbox);
        let tools = SearchTools {
            kept: self.store.clone(),
            policy: Arc::clone(&self.policy),
            metrics: Arc::clone(&self.metrics),
            busy: Box::new(move || inbox.queued() > 0),
        };
        let searcher = Arc::new(Searcher::start(tools, |work| {
            std::thread::Builder::new().name("address-search".to_owned()).spawn(move || {
                priority::yield_to_listeners();
                work();
            })
        })?);
        let (ending, asked) = (Arc::clone(&searcher), stop.clone());
        stop.supervise("search", async move {
            asked.draining().await;
            ending.end().await;
        });
        Ok(searcher)
    }

    /// Who sends links to whoever lost theirs; none: the config names no mail server.
    fn usher(&self, searcher: &Arc<Searcher>) -> Option<Arc<Usher>> {
        self.mail.lock().as_ref()?;
        let (store, policy) = (Arc::clone(&self.store), Arc::clone(&self.policy));
        let ambient = (Arc::clone(&self.ambient.clock), Arc::clone(&self.ambient.random));
        Some(Arc::new(Usher::new(store, Arc::clone(searcher), policy, ambient)))
    }

    /// Who finds who is to be asked again.
    fn askings(&self) -> Askings {
        let (asker, listing) = (Arc::clone(&self.asker), Arc::clone(&self.asker));
        let policy = Arc::clone(&self.policy);
        let look = move |queues| -> AskingLook {
            let asker = Arc::clone(&asker);
            Box::pin(async move { asker.look(queues).await.map(|asking| (asking.purposes, asking.queued)) })
        };
        let list = move |purpose: PurposeId, piece, entry| -> DueLook {
            let (asker, policy) = (Arc::clone(&listing), policy.pin());
            Box::pin(async move {
                match policy.purpose(purpose.as_str()) {
                    Some(purpose) if purpose.reconfirm_months.is_some() => {
                        let DuePeople { people, left_out, next } = asker.list(purpose, piece, entry).await?;
                        Ok(DuePiece { people, left_out, next })
                    }
                    _ => Ok(DuePiece::default()),
                }
            })
        };
        Askings { by_mail: self.asker.writes(), look: Box::new(look), list: Box::new(list) }
    }

    fn whole(&self, steward: &Arc<Steward>, archivist: &Arc<Archivist>) -> Whole {
        let (steward, archivist) = (Arc::clone(steward), Arc::clone(archivist));
        let attention = Arc::clone(&self.attention);
        let look = move || -> BoxFuture<'static, Standing> {
            let (steward, archivist) = (Arc::clone(&steward), Arc::clone(&archivist));
            let attention = Arc::clone(&attention);
            Box::pin(async move {
                steward.look().await;
                archivist.look();
                let (stands, forms_looked_at) = steward.form_findings();
                let finding = |stands: Stands| FormStands {
                    severity: stands.severity,
                    code: stands.code,
                    forms: stands.forms,
                };
                Standing {
                    attention: attention.standing(),
                    unfed: steward.unfed(),
                    findings: stands.into_iter().map(finding).collect(),
                    forms_looked_at,
                }
            })
        };
        Whole { started_at: self.started_at, look: Box::new(look) }
    }

    fn reaper(&self) -> Arc<Reaper> {
        let reaper = Reaper::new(
            Arc::clone(&self.inbox),
            Arc::clone(&self.store),
            Arc::clone(&self.keyring),
            Arc::clone(&self.ambient.clock),
        );
        let reaper = reaper.telling(self.confirmed_day.clone()).attending(Arc::clone(&self.attention));
        let reaper = reaper.counting(Arc::clone(&self.metrics));
        let reaper = reaper.by(Arc::clone(&self.policy)).asking(Arc::clone(&self.graph));
        Arc::new(reaper.keeping_trail(self.trail_months).keeping_requests(self.request_months))
    }

    fn archivist(&self) -> Arc<Archivist> {
        let (stationery, inbox) = (Arc::clone(&self.stationery), Arc::clone(&self.inbox));
        let rules = ArchivistRules {
            vacuum_days: self.vacuum_days,
            horizon_days: Box::new(move || stationery.pin().key_backups_days),
            has_ledger: self.has_ledger,
            is_quiet: Box::new(move || inbox.queued() == 0),
        };
        Arc::new(Archivist::new(
            Arc::clone(&self.store),
            Arc::clone(&self.backups),
            Arc::clone(&self.attention),
            rules,
            Arc::clone(&self.ambient.clock),
        ))
    }

    fn clockwatch(&self) -> Arc<Clockwatch> {
        let (store, graph) = (Arc::clone(&self.store), Arc::clone(&self.graph));
        Arc::new(Clockwatch::new(store, graph, Arc::clone(&self.ambient.clock)))
    }

    fn redater(&self) -> Arc<Redater> {
        let (store, policy) = (Arc::clone(&self.store), Arc::clone(&self.policy));
        Arc::new(Redater::new(store, policy, Arc::clone(&self.ambient.clock)))
    }

    fn trimmer(&self) -> Arc<Trimmer> {
        let (store, policy) = (Arc::clone(&self.store), Arc::clone(&self.policy));
        let trimmer = Trimmer::new(store, policy, Arc::clone(&self.ambient.clock));
        let trimmer = trimmer.attending(Arc::clone(&self.attention)).counting(Arc::clone(&self.metrics));
        Arc::new(trimmer.asking(Arc::clone(&self.graph)))
    }

    fn start_workers(
        &self,
        mut workers: Vec<Arc<dyn Worker>>,
        fetchers: usize,
        tools: &Arc<Tools>,
        (steward, archivist): (Arc<Steward>, Arc<Archivist>),
        door: Arc<SocketDoor>,
        stop: &Stop,
    ) {
        workers.push(Arc::new(Scanner::new(
            Arc::clone(&self.store),
            Arc::clone(&self.inbox),
            Arc::clone(&self.metrics),
            Arc::clone(&self.ambient.clock),
        )));
        workers.push(Arc::new(Warden::new(
            Arc::clone(&self.keyring),
            Arc::clone(&self.store),
            Arc::clone(&self.inbox),
            door,
            Arc::clone(&self.attention),
            Arc::clone(&self.ambient.clock),
        )));
        workers.push(Arc::new(Pausekeeper::new(
            Arc::clone(&self.store),
            Arc::clone(&self.graph),
            Arc::clone(&self.ambient.clock),
            self.pauses.clone(),
        )));
        workers.push(Arc::new(Lookout::new(
            Arc::clone(&self.store),
            Arc::clone(&self.attention),
            Arc::clone(&self.ambient.clock),
        )));
        workers.push(self.asker.clone());
        let clock = Arc::clone(&self.ambient.clock);
        workers.push(Arc::new(Checkpointer::new(Arc::clone(&self.checkpoints), clock)));
        workers.push(steward);
        workers.push(archivist);
        workers.push(Arc::new(Adopter::new(Arc::clone(tools))));
        workers.push(Arc::new(Inspector::new(Arc::clone(tools))));
        for _ in 0..fetchers {
            workers.push(Arc::new(Fetcher::new(Arc::clone(tools))));
        }
        for worker in workers {
            let (clock, metrics) = (Arc::clone(&self.ambient.clock), Arc::clone(&self.metrics));
            stop.supervise(worker.name(), run_loop(worker, stop.clone(), clock, metrics));
        }
    }

    /// Who sends mails; none: the config names no server. It takes the settings, which hold a password.
    fn postman(&self, searcher: Arc<Searcher>, person_acts: PersonActs) -> Option<Arc<dyn Worker>> {
        let Some((settings, rate)) = self.mail.lock().take() else {
            Postman::counted(&self.metrics);
            return None;
        };
        let server = (settings, rate, self.asker.writes());
        let (policy, letterhead) = (Arc::clone(&self.policy), Arc::clone(&self.letterhead));
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.ambient.clock));
        let postman = Postman::new(store, server, (policy, letterhead), &self.metrics, clock);
        let postman = postman.answering(searcher, copying(person_acts));
        Some(Arc::new(postman.attending(Arc::clone(&self.attention))))
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

/// Who makes the copies that people have sent to their mailboxes.
fn copying(person_acts: PersonActs) -> Copying {
    let acts = Arc::new(person_acts);
    Box::new(move |CopyOf { records, address, language, lacks }| {
        let acts = Arc::clone(&acts);
        Box::pin(async move {
            let by = Entry::by_person(Action::Accessed, Reason::PersonRequest);
            let copy = acts.copy(records, &address, language, (lacks.total, lacks.unreadable), by).await;
            copy.map(|(json, html)| CopyFiles { json, html }).map_err(|code| code.as_str())
        })
    })
}

/// What has had its time goes before anybody can ask for it. It waits for Graph's word on the clock, and for the end of what is due,
/// no longer than this: the rest goes on beside the listeners, as it does hourly, and no reader is given what is over.
async fn sweep_before_listening(clockwatch: &dyn Worker, sweepers: &[&dyn Worker]) {
    // Who does not tell is asked again beside the listeners.
    let _ = tokio::time::timeout(CLOCK_TOLD_WITHIN, clockwatch.step()).await;
    let swept = async {
        // What a clock that was behind received gets its time before anything ends by it.
        for sweeper in sweepers {
            sweeper.step().await;
        }
    };
    if tokio::time::timeout(SWEPT_WITHIN, swept).await.is_err() {
        tracing::warn!("reaper.goes-on");
    }
}

/// As many as leave room for everything else that the daemon opens: a listener that runs out of files takes nobody.
fn public_connections() -> usize {
    let files = usize::try_from(descriptors::raise_limit()).unwrap_or(usize::MAX);
    let others = OTHER_FILES + 2 * connections_at_most(ADMIN_CONNECTIONS_MAX);
    let room = files.saturating_sub(others);
    // Some of it is for those that are leaving.
    let places = room.saturating_sub(connections_at_most(room) - room);
    places.clamp(PUBLIC_WORKERS, PUBLIC_CONNECTIONS_MAX)
}
