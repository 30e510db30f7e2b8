//! The three servers. Sockets are bound by the caller, so that their addresses are known before anything runs.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::KeepAlive;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};

use crate::http::admin::{self, Admin, Door};
use crate::http::health::{self, Health};
use crate::http::patience::{Patience, watched};
use crate::http::problem::as_problems;
use crate::http::request::{Telling, told, with_id};
use crate::http::unread::close_unread;
use crate::http::visit::visited;
use crate::http::webhook::{self, Intake};
use crate::random::Random;

/// How long a client may take to send a request's head.
const HEAD_DEADLINE: Duration = Duration::from_secs(5);
/// How long an idle connection is kept: longer than a proxy keeps its own, so that the proxy closes first.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a kept-alive connection may take from an answer to the next whole head: a little more than silence.
pub const NEXT_HEAD_MAX: Duration = Duration::from_secs(77);
/// Connections to each of the admin side's doors at one time.
pub const ADMIN_CONNECTIONS_MAX: usize = 100;

/// Threads on which a worker of the admin side waits for the disk: eight exports, four pages of the trail, and others. The
/// units in deploy/ allow 128 of all.
const ADMIN_BLOCKING_THREADS: usize = 16;

/// How a server is to run.
pub struct Listener {
    /// Its threads.
    pub workers: usize,
    /// Connections at one time; beyond, they wait in the system's queue.
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

/// The public side.
///
/// # Errors
/// The socket cannot be used.
pub fn public_server(
    socket: TcpListener,
    listener: &Listener,
    intake: Intake,
    health: Health,
    random: Arc<dyn Random>,
    patience: Arc<Patience>,
) -> std::io::Result<Server> {
    let intake = web::Data::new(intake);
    let health = web::Data::new(health);
    let random = web::Data::new(random);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(intake.clone())
            .app_data(health.clone())
            .app_data(random.clone())
            .wrap(from_fn(as_problems))
            .wrap(from_fn(with_id))
            .wrap(from_fn(close_unread))
            .wrap(from_fn(watched))
            .service(
                web::resource("/webhook")
                    .route(web::get().to(webhook::handshake))
                    .route(web::post().to(webhook::notify)),
            )
            .configure(health_routes)
    })
    .workers(listener.workers)
    .max_connections((listener.connections / listener.workers.max(1)).max(1))
    .client_request_timeout(HEAD_DEADLINE)
    .keep_alive(KEEP_ALIVE)
    .disable_signals()
    .shutdown_timeout(listener.shutdown.as_secs())
    .on_connect(move |connection, data| patience.watch(connection, data))
    .listen(socket)?;
    Ok(server.run())
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
) -> std::io::Result<Server> {
    let random = web::Data::new(random);
    let telling =
        web::Data::new(Telling { clock: Arc::clone(&state.clock), metrics: Arc::clone(&state.metrics) });
    let kind = match door {
        AdminDoor::Socket(_) => Door::Socket,
        AdminDoor::Tcp(_) => Door::Tcp,
    };
    let visits = Arc::clone(&state.visits);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(random.clone())
            .app_data(telling.clone())
            .wrap(from_fn(told))
            .wrap(from_fn(with_id))
            .wrap(from_fn(close_unread))
            .wrap(from_fn(visited))
            .configure(|routes| admin::configure(routes, kind, &state))
    })
    .workers(listener.workers)
    .max_connections((listener.connections / listener.workers.max(1)).max(1))
    .client_request_timeout(HEAD_DEADLINE)
    .worker_max_blocking_threads(ADMIN_BLOCKING_THREADS)
    // An idle connection's buffer would keep the last answers that went through it: closed, it is zeroed.
    .keep_alive(KeepAlive::Disabled)
    .disable_signals()
    .shutdown_timeout(listener.shutdown.as_secs())
    .on_connect(move |connection, data| {
        visits.watch(connection, data);
        admin::on_connect(connection, data);
    });
    let server = match door {
        AdminDoor::Socket(socket) => server.listen_uds(socket)?,
        AdminDoor::Tcp(socket) => server.listen(socket)?,
    };
    Ok(server.run())
}
