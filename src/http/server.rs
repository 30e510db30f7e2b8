//! The three servers. Sockets are bound by the caller, so that their addresses are known before anything runs.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use actix_http::KeepAlive;
use actix_server::{Server, ServerBuilder, ServerHandle};
use actix_web::dev::Extensions;
use actix_web::middleware::from_fn;
use actix_web::{App, web};

use crate::http::admin::{self, Admin, Door};
use crate::http::caller::Proxies;
use crate::http::connection::{Exchange, Hall, Rules, arrived, attending, connections_at_most};
use crate::http::health::{self, Health};
use crate::http::problem::as_problems;
use crate::http::public::{self, MetaCallbacks, Notices, Persons};
use crate::http::request::{Telling, told, with_id};
use crate::http::unread::close_unread;
use crate::http::visit::{Visits, visited};
use crate::http::webhook::{self, Intake};
use crate::random::Random;

/// Connections to each of the admin side's doors at one time.
pub const ADMIN_CONNECTIONS_MAX: usize = 100;

/// Threads on which a worker of the admin side waits for the disk: eight exports, four pages of the trail, and others. The
/// units in deploy/ allow 128 of all.
const ADMIN_BLOCKING_THREADS: usize = 16;

/// How a server is to run.
pub struct Listener {
    /// Its threads.
    pub workers: usize,
    /// Connections at one time. Beyond, one that waits for a request gives way to the new one.
    pub connections: usize,
    /// How long requests under way may take once it is told to stop.
    pub shutdown: Duration,
}

/// One of the admin side's doors.
pub enum AdminDoor {
    /// The socket: the kernel says who calls.
    Socket(UnixListener),
    /// TCP: a token says who calls.
    Tcp(TcpListener),
}

/// How long a server that is to stop waits for those that go at once. Less than a listener ever gets of a drain.
const GONE_WITHIN: Duration = Duration::from_millis(200);

/// A server that listens.
pub struct Running {
    server: Server,
    hall: Arc<Hall>,
}

/// What stops a server.
#[derive(Clone)]
pub struct Stopper {
    handle: ServerHandle,
    hall: Arc<Hall>,
}

impl Stopper {
    /// Stops it: idle connections end, the others after their answer, if it comes within the listener's time.
    ///
    /// A worker of actix that has a connection when it is told to stop looks again after a whole second, so what ends at once
    /// has ended before it is told. Workers and whoever accepts are told at once, and a connection that comes when the workers are gone is
    /// an error of actix: so nothing is accepted from here on.
    pub async fn stop(&self) {
        self.handle.pause().await;
        self.hall.end();
        let _ = tokio::time::timeout(GONE_WITHIN, self.hall.emptied()).await;
        self.handle.stop(true).await;
    }
}

impl Running {
    /// What stops it.
    pub fn stopper(&self) -> Stopper {
        Stopper { handle: self.server.handle(), hall: Arc::clone(&self.hall) }
    }

    /// Serves until it is stopped.
    ///
    /// # Errors
    /// The listener ended by itself.
    pub async fn run(self) -> std::io::Result<()> {
        let Self { server, hall } = self;
        let mut server = std::pin::pin!(server);
        tokio::select! {
            served = &mut server => return served,
            () = hall.tell() => {}
        }
        server.await
    }
}

impl Listener {
    /// A builder of servers, whose own bound is beyond ours: a connection gets a place or an answer, and does not wait in
    /// the system's queue.
    fn builder(&self) -> ServerBuilder {
        let workers = self.workers.max(1);
        Server::build()
            .workers(workers)
            // A worker's bound: all together have no more descriptors than were reckoned with.
            .max_concurrent_connections(connections_at_most(self.connections).div_ceil(workers) + 1)
            .disable_signals()
            .shutdown_timeout(self.shutdown.as_secs())
    }
}

/// What the handlers of the admin side know of their connection: who is at the other end, and how their answers are taken.
fn introducing(visits: Arc<Visits>) -> impl Fn(&Exchange, &mut Extensions) + Clone {
    move |exchange, data| {
        visits.watch(data);
        if let Some(uid) = exchange.peer_uid() {
            admin::introduce(uid, data);
        }
    }
}

/// What people are shown on the public side.
pub struct Shown {
    /// Notices.
    pub notices: Notices,
    /// Their own pages; none: this listener has none.
    pub persons: Option<Persons>,
    /// What Meta is answered for users of the app; none: nothing.
    pub meta: Option<MetaCallbacks>,
}

/// The public side.
///
/// # Errors
/// The socket cannot be used.
pub fn public_server(
    socket: TcpListener,
    listener: &Listener,
    intake: Intake,
    health: Health,
    shown: Shown,
    random: Arc<dyn Random>,
) -> std::io::Result<Running> {
    let hall = Hall::new(Rules {
        door: "public",
        places: listener.connections,
        proxies: intake.proxies.clone(),
        keeps_query: true,
        metrics: Arc::clone(&intake.metrics),
        random: Arc::clone(&random),
        clock: Arc::clone(&intake.clock),
    });
    let intake = web::Data::new(intake);
    let health = web::Data::new(health);
    let Shown { notices, persons, meta } = shown;
    let notices = web::Data::new(notices);
    let (persons, meta) = (persons.map(web::Data::new), meta.map(web::Data::new));
    let random = web::Data::new(random);
    let shared = Arc::clone(&hall);
    let server = listener.builder().listen("public", socket, move || {
        let app = App::new()
            .app_data(intake.clone())
            .app_data(health.clone())
            .app_data(notices.clone())
            .app_data(random.clone())
            .wrap(from_fn(as_problems))
            .wrap(from_fn(with_id))
            .wrap(from_fn(close_unread))
            .wrap(from_fn(arrived))
            .service(
                web::resource("/webhook")
                    .route(web::get().to(webhook::handshake))
                    .route(web::post().to(webhook::notify)),
            )
            .configure(public::notice_routes)
            .configure(|routes| {
                if let Some(persons) = &persons {
                    public::person_routes(routes.app_data(persons.clone()));
                }
                if let Some(meta) = &meta {
                    public::meta_routes(routes.app_data(meta.clone()));
                }
            })
            .configure(health_routes);
        attending(app, KeepAlive::Os, Arc::clone(&shared), |_, _| {})
    })?;
    Ok(Running { server: server.run(), hall })
}

/// Watchers ask by GET, and some by HEAD.
pub(super) fn health_routes(routes: &mut web::ServiceConfig) {
    routes
        .service(
            web::resource("/health/live")
                .route(web::get().to(health::live))
                .route(web::head().to(health::live)),
        )
        .service(
            web::resource("/health/ready")
                .route(web::get().to(health::ready))
                .route(web::head().to(health::ready)),
        );
}

/// The admin side behind one door.
///
/// # Errors
/// The socket cannot be used.
pub fn admin_server(
    door: AdminDoor,
    listener: &Listener,
    state: Arc<Admin>,
    random: Arc<dyn Random>,
) -> std::io::Result<Running> {
    let (kind, name) = match door {
        AdminDoor::Socket(_) => (Door::Socket, "admin-socket"),
        AdminDoor::Tcp(_) => (Door::Tcp, "admin-tcp"),
    };
    let hall = Hall::new(Rules {
        door: name,
        places: listener.connections,
        proxies: Proxies::default(),
        keeps_query: false,
        metrics: Arc::clone(&state.metrics),
        random: Arc::clone(&random),
        clock: Arc::clone(&state.clock),
    });
    let random = web::Data::new(random);
    let telling =
        web::Data::new(Telling { clock: Arc::clone(&state.clock), metrics: Arc::clone(&state.metrics) });
    let introduced = introducing(Arc::clone(&state.visits));
    let builder = listener.builder().worker_max_blocking_threads(ADMIN_BLOCKING_THREADS);
    let shared = Arc::clone(&hall);
    let app = move || {
        App::new()
            .app_data(random.clone())
            .app_data(telling.clone())
            .wrap(from_fn(told))
            .wrap(from_fn(with_id))
            .wrap(from_fn(close_unread))
            .wrap(from_fn(visited))
            .wrap(from_fn(arrived))
            .configure(|routes| admin::configure(routes, kind, &state))
    };
    // A call an hour needs no connection that stays.
    let server = match door {
        AdminDoor::Socket(socket) => builder.listen_uds(name, socket, move || {
            attending(app(), KeepAlive::Disabled, Arc::clone(&shared), introduced.clone())
        })?,
        AdminDoor::Tcp(socket) => builder.listen(name, socket, move || {
            attending(app(), KeepAlive::Disabled, Arc::clone(&shared), introduced.clone())
        })?,
    };
    Ok(Running { server: server.run(), hall })
}
