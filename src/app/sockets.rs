//! Where the daemon listens.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use crate::app::StartError;
use crate::config::Config;
use crate::machine::disk;

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
}

/// Binds what the config names; a port of 0 becomes one that is free.
pub(super) fn bind(config: &Config) -> Result<(Sockets, Addresses), StartError> {
    let public = bind_tcp(config.public.listen)?;
    let admin = config.admin.listen.map(bind_tcp).transpose()?;
    let admin_socket = bind_socket(&config.admin.socket)?;
    let address = |socket: &TcpListener, asked: SocketAddr| socket.local_addr().unwrap_or(asked);
    let addresses = Addresses {
        public: address(&public, config.public.listen),
        admin: admin.as_ref().zip(config.admin.listen).map(|(socket, asked)| address(socket, asked)),
        socket: config.admin.socket.clone(),
    };
    Ok((Sockets { public, admin, admin_socket }, addresses))
}

fn bind_tcp(address: SocketAddr) -> Result<TcpListener, StartError> {
    let listen =
        |error: std::io::Error| StartError::Listen { address: address.to_string(), kind: error.kind() };
    let socket = TcpListener::bind(address).map_err(listen)?;
    socket.set_nonblocking(true).map_err(listen)?;
    Ok(socket)
}

/// Binds the admin socket in a directory that only the daemon's user may enter. A socket that a predecessor left is
/// removed: the store's lock has shown that no other daemon of this store runs.
fn bind_socket(path: &Path) -> Result<UnixListener, StartError> {
    let listen = |error: std::io::Error| StartError::Listen {
        address: path.display().to_string(),
        kind: error.kind(),
    };
    if let Some(directory) = path.parent() {
        disk::private_dir(directory).map_err(listen)?;
    }
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path).map_err(listen)?,
        Ok(_) => return Err(listen(ErrorKind::AlreadyExists.into())),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(listen(error)),
    }
    let socket = UnixListener::bind(path).map_err(listen)?;
    socket.set_nonblocking(true).map_err(listen)?;
    Ok(socket)
}
