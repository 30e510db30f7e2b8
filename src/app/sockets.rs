//! Where the daemon listens.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::app::StartError;
use crate::app::admin_socket::AdminSocket;
use crate::config::Config;

/// Callers that the system lets wait to be accepted; it takes the lower of this and `net.core.somaxconn`.
const WAITING_MAX: i32 = 4_096;

/// The addresses.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The public side.
    pub public: SocketAddr,
    /// The admin side's TCP door, if it has one.
    pub admin: Option<SocketAddr>,
    /// The admin side's socket.
    pub socket: PathBuf,
}

/// Bound, and not served yet.
pub(super) struct Sockets {
    pub public: TcpListener,
    pub admin: Option<TcpListener>,
    pub admin_socket: UnixListener,
    /// The place of the last one.
    pub place: Arc<AdminSocket>,
}

/// Binds what the config names; a port of 0 becomes one that is free.
pub(super) fn bind(config: &Config) -> Result<(Sockets, Addresses), StartError> {
    let public = bind_tcp(config.public.listen)?;
    let admin = config.admin.listen.map(bind_tcp).transpose()?;
    let (place, admin_socket) = bind_socket(&config.admin.socket)?;
    let address = |socket: &TcpListener, asked: SocketAddr| socket.local_addr().unwrap_or(asked);
    let addresses = Addresses {
        public: address(&public, config.public.listen),
        admin: admin.as_ref().zip(config.admin.listen).map(|(socket, asked)| address(socket, asked)),
        socket: config.admin.socket.clone(),
    };
    Ok((Sockets { public, admin, admin_socket, place: Arc::new(place) }, addresses))
}

fn bind_tcp(address: SocketAddr) -> Result<TcpListener, StartError> {
    let listen =
        |error: std::io::Error| StartError::Listen { address: address.to_string(), kind: error.kind() };
    let socket = TcpListener::bind(address).map_err(listen)?;
    widen(&socket).map_err(listen)?;
    socket.set_nonblocking(true).map_err(listen)?;
    Ok(socket)
}

/// Lets as many callers wait to be accepted: the standard library's 128 are a burst's first milliseconds.
fn widen(socket: &impl AsFd) -> std::io::Result<()> {
    rustix::net::listen(socket, WAITING_MAX).map_err(std::io::Error::from)
}

fn bind_socket(path: &Path) -> Result<(AdminSocket, UnixListener), StartError> {
    let listen = |error: std::io::Error| StartError::Listen {
        address: path.display().to_string(),
        kind: error.kind(),
    };
    let (place, socket) = AdminSocket::bind(path).map_err(listen)?;
    widen(&socket).map_err(listen)?;
    Ok((place, socket))
}
