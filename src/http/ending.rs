//! The end of a connection, by whoever finds that it must end: through a second descriptor of its socket, since the server
//! does not let go of the first, and does not look at a client that takes nothing.

use std::any::Any;
use std::os::fd::{AsFd, OwnedFd};

use actix_web::rt::net::TcpStream;
use rustix::net::{Shutdown, shutdown};
use tokio::net::UnixStream;

/// A handle by which a connection is ended.
pub struct Ending(OwnedFd);

impl Ending {
    /// Of a connection as `HttpServer::on_connect` shows it; none without a free descriptor.
    pub fn of(connection: &dyn Any) -> Option<Self> {
        let socket = match (connection.downcast_ref::<TcpStream>(), connection.downcast_ref::<UnixStream>()) {
            (Some(stream), _) => stream.as_fd(),
            (None, Some(stream)) => stream.as_fd(),
            (None, None) => return None,
        };
        socket.try_clone_to_owned().ok().map(Self)
    }

    /// Ends it: the server reads an end, meets an error where it writes, and closes.
    pub fn end(&self) {
        // An error means that it is closed already.
        let _ = shutdown(&self.0, Shutdown::Both);
    }
}
