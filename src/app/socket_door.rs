//! The admin side behind its socket, served anew where the socket had to be bound again.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::app::admin_socket::{AdminSocket, Place};
use crate::attention::{AttentionCode, Concern};
use crate::http::{Running, Stopper};
use crate::workers::Door;

/// What lies on the disk of it, and the way to the task that serves it.
pub(super) struct SocketDoor {
    place: Arc<AdminSocket>,
    bound: mpsc::Sender<UnixListener>,
    current: Arc<Mutex<Stopper>>,
}

impl SocketDoor {
    /// A door and the task that serves it; `make` makes a server of a listener.
    ///
    /// # Errors
    /// The first server cannot be made.
    pub(super) fn new(
        place: Arc<AdminSocket>,
        first: UnixListener,
        make: impl Fn(UnixListener) -> io::Result<Running> + Send + 'static,
    ) -> io::Result<(Self, impl Future<Output = io::Result<()>> + Send + 'static)> {
        let server = make(first)?;
        let current = Arc::new(Mutex::new(server.stopper()));
        let (bound, listeners) = mpsc::channel(1);
        let serving = serve(server, Arc::clone(&current), listeners, make);
        Ok((Self { place, bound, current }, serving))
    }

    /// The server that serves it now.
    pub(super) fn current(&self) -> Stopper {
        self.current.lock().clone()
    }
}

impl Door for SocketDoor {
    fn look_after(&self) -> Vec<Concern> {
        match self.place.look() {
            Ok(Place::Own) => return Vec::new(),
            Ok(Place::Taken) => return vec![Concern::of(AttentionCode::SocketTaken)],
            Ok(Place::Free) => {}
            Err(error) => return vec![Concern::io(AttentionCode::SocketLost, error.kind())],
        }
        // Only who is sure to serve it binds it.
        let Ok(serving) = self.bound.try_reserve() else {
            return vec![Concern::of(AttentionCode::SocketLost)];
        };
        match self.place.bind_again() {
            Ok(listener) => {
                serving.send(listener);
                tracing::warn!("admin.socket-bound-again");
                Vec::new()
            }
            Err(error) if matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::AlreadyExists) => {
                vec![Concern::of(AttentionCode::SocketTaken)]
            }
            Err(error) => vec![Concern::io(AttentionCode::SocketLost, error.kind())],
        }
    }
}

/// Serves until the server is told to stop. With another listener another server begins; the one before finishes what it
/// has.
async fn serve(
    first: Running,
    current: Arc<Mutex<Stopper>>,
    mut listeners: mpsc::Receiver<UnixListener>,
    make: impl Fn(UnixListener) -> io::Result<Running> + Send + 'static,
) -> io::Result<()> {
    let mut server: BoxFuture<'static, io::Result<()>> = Box::pin(first.run());
    let mut leaving = FuturesUnordered::new();
    loop {
        tokio::select! {
            ended = &mut server => return ended,
            Some(listener) = listeners.recv() => match make(listener) {
                Ok(next) => {
                    let before = std::mem::replace(&mut *current.lock(), next.stopper());
                    let old = std::mem::replace(&mut server, Box::pin(next.run()));
                    leaving.push(async move { tokio::join!(before.stop(), old) });
                }
                Err(error) => tracing::error!(
                    task.name = "admin-socket", io.kind = ?error.kind(), "process.listener-failed"
                ),
            },
            Some(_) = leaving.next() => {}
        }
    }
}
