//! The admin socket in its place: bound by this process, and taken from nobody who lives.
//!
//! A socket that a killed process left is replaced. One at which somebody listens never is, nor any file that is no
//! socket, and at the end only the socket that this process bound is removed.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use crate::machine::disk::{directory_of, private_dir};
use crate::machine::identity::FileId;
use crate::machine::lock::{LockError, LockFile};

/// Its owner alone; the kernel's word about the caller is asked besides.
const MODE: u32 = 0o600;

/// The place of the socket, and what this process bound there.
pub(super) struct AdminSocket {
    path: PathBuf,
    held: Mutex<Held>,
}

struct Held {
    /// Against a second process that looks and binds at the same moment.
    lock: LockFile,
    bound: FileId,
}

/// What a look at the place found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The socket that this process bound.
    Own,
    /// Nothing, or a socket at which nobody listens.
    Free,
    /// Somebody's socket, or what is no socket.
    Taken,
}

impl AdminSocket {
    /// Binds in a directory that only the daemon's user may enter; it is made where there is none.
    ///
    /// # Errors
    /// [`ErrorKind::AddrInUse`]: another process listens there, or is about to. [`ErrorKind::AlreadyExists`]: what lies
    /// there is no socket. Otherwise what the system says. Nothing of anybody's was touched.
    pub(super) fn bind(path: &Path) -> io::Result<(Self, UnixListener)> {
        private_dir(directory_of(path))?;
        let lock = LockFile::take(&lock_path(path)).map_err(in_use)?;
        let (listener, bound) = bind_locked(path)?;
        Ok((Self { path: path.to_owned(), held: Mutex::new(Held { lock, bound }) }, listener))
    }

    /// Looks whether the socket is still in its place.
    ///
    /// # Errors
    /// It cannot be told.
    pub(super) fn look(&self) -> io::Result<Place> {
        let own = Some(self.held.lock().bound);
        if FileId::at(&self.path)? == own {
            return Ok(Place::Own);
        }
        Ok(match find(&self.path)? {
            Found::Nothing | Found::LeftOver => Place::Free,
            Found::Living | Found::NoSocket => Place::Taken,
        })
    }

    /// Binds once more, where the place is free.
    ///
    /// # Errors
    /// As [`AdminSocket::bind`].
    pub(super) fn bind_again(&self) -> io::Result<UnixListener> {
        let mut held = self.held.lock();
        private_dir(directory_of(&self.path))?;
        held.lock.retake().map_err(in_use)?;
        let (listener, bound) = bind_locked(&self.path)?;
        held.bound = bound;
        Ok(listener)
    }

    /// Removes the socket if it is the one that this process bound.
    pub(super) fn remove(&self) {
        let held = self.held.lock();
        // Without the lock the number might be that of a socket which another process has bound since ours was closed.
        if held.lock.stands().is_ok_and(|stands| stands)
            && FileId::at(&self.path).is_ok_and(|found| found == Some(held.bound))
        {
            // What is left is replaced at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn lock_path(socket: &Path) -> PathBuf {
    let mut name = socket.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn in_use(error: LockError) -> io::Error {
    match error {
        LockError::Held => ErrorKind::AddrInUse.into(),
        LockError::Io(error) => error,
    }
}

fn bind_locked(path: &Path) -> io::Result<(UnixListener, FileId)> {
    match find(path)? {
        Found::Nothing => {}
        Found::LeftOver => fs::remove_file(path)?,
        Found::Living => return Err(ErrorKind::AddrInUse.into()),
        Found::NoSocket => return Err(ErrorKind::AlreadyExists.into()),
    }
    let listener = UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    // The mode that it was made with hangs on the umask of whoever started this process.
    fs::set_permissions(path, Permissions::from_mode(MODE))?;
    let bound = FileId::at(path)?.ok_or(ErrorKind::NotFound)?;
    Ok((listener, bound))
}

enum Found {
    Nothing,
    /// A socket that no process holds any more.
    LeftOver,
    Living,
    NoSocket,
}

/// What lies at a path. A socket is asked: connecting tells whether somebody holds it, and ends at once.
fn find(path: &Path) -> io::Result<Found> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {}
        Ok(_) => return Ok(Found::NoSocket),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Found::Nothing);
        }
        Err(error) => return Err(error),
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let asking = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    Ok(match connect(&asking, &SocketAddrUnix::new(path)?) {
        Err(Errno::CONNREFUSED) => Found::LeftOver,
        Err(Errno::NOENT) => Found::Nothing,
        // Also one whose queue is full, one of another kind, one that we may not enter: somebody's.
        _ => Found::Living,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixDatagram, UnixStream};

    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("run/admin.sock");
        (directory, path)
    }

    fn kind<T>(bound: io::Result<T>) -> Option<ErrorKind> {
        bound.err().map(|error| error.kind())
    }

    #[test]
    fn a_living_socket_is_taken_from_nobody_and_a_left_one_is_replaced() {
        let (_directory, path) = place();
        let (first, listener) = AdminSocket::bind(&path).expect("free");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, MODE);
        assert_eq!(kind(AdminSocket::bind(&path)), Some(ErrorKind::AddrInUse), "held by the lock");
        drop(first);
        assert_eq!(kind(AdminSocket::bind(&path)), Some(ErrorKind::AddrInUse), "somebody listens");
        assert!(UnixStream::connect(&path).is_ok(), "and still does");
        drop(listener);
        let (again, _listener) = AdminSocket::bind(&path).expect("left by a process that is gone");
        assert_eq!(again.look().expect("told"), Place::Own);
        assert!(UnixStream::connect(&path).is_ok());
    }

    #[test]
    fn what_is_no_such_socket_stays() {
        let (directory, path) = place();
        fs::create_dir(directory.path().join("run")).expect("made");
        fs::write(&path, "a file").expect("written");
        assert_eq!(kind(AdminSocket::bind(&path)), Some(ErrorKind::AlreadyExists));
        assert_eq!(fs::read_to_string(&path).expect("there"), "a file");
        fs::remove_file(&path).expect("removed");
        let other = UnixDatagram::bind(&path).expect("bound");
        assert_eq!(kind(AdminSocket::bind(&path)), Some(ErrorKind::AddrInUse), "of another kind");
        drop(other);
        std::os::unix::fs::symlink("/nowhere", directory.path().join("run/link")).expect("a link");
        let link = directory.path().join("run/link");
        assert_eq!(kind(AdminSocket::bind(&link)), Some(ErrorKind::AlreadyExists));
    }

    #[test]
    fn only_the_own_socket_is_removed_at_the_end() {
        let (_directory, path) = place();
        let (first, _listener) = AdminSocket::bind(&path).expect("free");
        fs::remove_file(&path).expect("removed");
        let others = UnixListener::bind(&path).expect("bound");
        assert_eq!(first.look().expect("told"), Place::Taken);
        first.remove();
        assert!(UnixStream::connect(&path).is_ok(), "it is another's");
        drop(others);
        assert_eq!(first.look().expect("told"), Place::Free);
        let _again = first.bind_again().expect("free");
        assert_eq!(first.look().expect("told"), Place::Own);
        first.remove();
        assert!(!path.exists());
    }

    #[test]
    fn it_is_bound_again_where_its_whole_directory_was_removed() {
        let (directory, path) = place();
        let (first, _listener) = AdminSocket::bind(&path).expect("free");
        fs::remove_dir_all(directory.path().join("run")).expect("removed");
        assert_eq!(first.look().expect("told"), Place::Free);
        let _again = first.bind_again().expect("free");
        assert!(UnixStream::connect(&path).is_ok());
        assert_eq!(kind(AdminSocket::bind(&path)), Some(ErrorKind::AddrInUse), "and its lock is held");
    }
}
