//! An end to waiting for the next request of a kept-alive connection.
//!
//! The server's own deadlines are one for the head of the first request and one for silence between two requests. A byte
//! of the next head ends the second, and nothing takes its place: whoever sends the rest of it a byte now and then, or
//! never, would keep the connection for as long as they like. So each connection is watched from outside: by a second
//! descriptor of its socket, through which it is shut down when too long has passed since its last answer.

use std::any::Any;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::rt::net::TcpStream;
use parking_lot::{Mutex, MutexGuard};
use rustix::net::{Shutdown, shutdown};

/// How often connections are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The connections of a server.
pub struct Patience {
    /// How many looks a connection may take from an answer to the next whole head.
    looks_max: u64,
    /// Looks so far; the clock of all this, so that a request costs no look at a real one.
    looks: AtomicU64,
    /// Dead ones leave at the next look.
    connections: Mutex<Vec<Weak<Watched>>>,
}

/// A connection; dropped with it.
struct Watched {
    socket: OwnedFd,
    patience: Arc<Patience>,
    /// The look at which the last answer went out, plus one; 0: a request is under way, or none came yet.
    answered: AtomicU64,
}

impl Patience {
    /// With so much time from an answer to the next whole head, up to a second more.
    pub fn new(limit: Duration) -> Arc<Self> {
        let looks_max = limit.as_secs().div_ceil(LOOK.as_secs()).max(1);
        Arc::new(Self { looks_max, looks: AtomicU64::new(0), connections: Mutex::default() })
    }

    /// Begins to watch a connection. Without a free descriptor it stays unwatched.
    pub fn watch(self: &Arc<Self>, connection: &dyn Any, data: &mut Extensions) {
        let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
        let Ok(socket) = stream.as_fd().try_clone_to_owned() else { return };
        let watched = Arc::new(Watched { socket, patience: Arc::clone(self), answered: AtomicU64::new(0) });
        self.lock().push(Arc::downgrade(&watched));
        data.insert(watched);
    }

    /// Looks again and again, until this is over.
    pub async fn run(&self, ended: impl Future<Output = ()>) {
        let mut ended = std::pin::pin!(ended);
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => self.look(),
                () = &mut ended => return,
            }
        }
    }

    /// Shuts down what has waited too long.
    fn look(&self) {
        let now = self.looks.fetch_add(1, Ordering::Relaxed) + 1;
        self.lock().retain(|connection| {
            let Some(connection) = connection.upgrade() else { return false };
            let answered = connection.answered.load(Ordering::Relaxed);
            if answered > 0 && now.saturating_sub(answered - 1) > self.looks_max {
                // The server then reads an end, and closes. An error means that it is closed already.
                let _ = shutdown(&connection.socket, Shutdown::Both);
            }
            true
        });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Watched>>> {
        self.connections.lock()
    }
}

/// Middleware: notes when a request of a watched connection begins and when it is answered.
///
/// # Errors
/// Those of the service below.
pub async fn watched(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let connection = request.conn_data::<Arc<Watched>>().cloned();
    if let Some(connection) = &connection {
        connection.answered.store(0, Ordering::Relaxed);
    }
    let answer = next.call(request).await;
    if let Some(connection) = &connection {
        let looks = connection.patience.looks.load(Ordering::Relaxed);
        connection.answered.store(looks + 1, Ordering::Relaxed);
    }
    answer
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net::{TcpListener, TcpStream as Client};
    use std::time::Instant;

    use actix_web::middleware::from_fn;
    use actix_web::{App, HttpServer, web};

    use super::*;

    const WHOLE: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    /// Sends these bytes, then one more every 20 ms; true if the other side closes within `limit`.
    fn is_closed(address: std::net::SocketAddr, first: &[u8], drip: Option<u8>, limit: Duration) -> bool {
        let mut connection = Client::connect(address).expect("a connection");
        connection.set_read_timeout(Some(Duration::from_millis(20))).expect("a socket");
        connection.write_all(first).expect("open");
        let (begun, mut buffer) = (Instant::now(), [0; 1_024]);
        while begun.elapsed() < limit {
            match connection.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if drip.is_some_and(|byte| connection.write_all(&[byte]).is_err()) {
                        return true;
                    }
                }
                Err(_) => return true,
            }
        }
        false
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_next_request_that_never_becomes_whole_ends_its_connection() {
        let patience = Patience::new(Duration::from_secs(1));
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
        socket.set_nonblocking(true).expect("a socket");
        let address = socket.local_addr().expect("an address");
        let watching = Arc::clone(&patience);
        let server = HttpServer::new(|| {
            let slow = web::get().to(async || {
                tokio::time::sleep(Duration::from_millis(600)).await;
                "ok"
            });
            App::new().wrap(from_fn(watched)).route("/", web::get().to(async || "ok")).route("/slow", slow)
        })
        .on_connect(move |connection, data| watching.watch(connection, data))
        .workers(1)
        .keep_alive(Duration::from_secs(60))
        .disable_signals()
        .listen(socket)
        .expect("it listens")
        .run();
        let handle = server.handle();
        let looking = async {
            // A look every 100 ms in place of a second, so that the limit is a fifth of a second.
            for _ in 0..32 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                patience.look();
            }
        };
        let ask = |first: &[u8], drip| {
            let first = first.to_vec();
            tokio::task::spawn_blocking(move || is_closed(address, &first, drip, Duration::from_secs(3)))
        };
        let begun = [WHOLE, b"GET / HT"].concat();
        let slow = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";
        let clients = async {
            let closed = tokio::join!(
                ask(WHOLE, Some(b'G')),
                ask(&begun, None),
                ask(WHOLE, None),
                ask(slow, None),
                ask(b"", None),
            );
            assert!(closed.0.expect("no panic"), "a dripped second head");
            assert!(closed.1.expect("no panic"), "a second head that was begun with the first request");
            assert!(closed.2.expect("no panic"), "silence");
            assert!(closed.3.expect("no panic"), "silence after a slow answer");
            assert!(!closed.4.expect("no panic"), "the first head is the server's own matter");
            handle.stop(false).await;
        };
        let (served, (), ()) = tokio::join!(server, looking, clients);
        served.expect("served");
        for _ in 0..100 {
            patience.look();
            if patience.lock().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("connections are remembered for longer than they last");
    }
}
