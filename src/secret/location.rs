//! Where a secret is, and reading it from there. The config holds locations only, so that printing a config, or an
//! error about one, is always safe.

use std::collections::HashMap;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// No secret is longer; a larger file is a mistake.
const SECRET_BYTES_MAX: u64 = 8 * 1024;

/// The process's environment as it was at the start. Read once, in `main`, and handed in.
#[derive(Clone, Default)]
pub struct Environment(Arc<HashMap<String, String>>);

impl Environment {
    /// Takes the variables over; those that are not UTF-8 are left out.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(Arc::new(variables.into_iter().collect()))
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All variables whose name begins with `prefix`, in no order.
    pub fn with_prefix<'e>(&'e self, prefix: &'e str) -> impl Iterator<Item = (&'e str, &'e str)> {
        self.0.iter().filter(move |(name, _)| name.starts_with(prefix)).map(|(n, v)| (n.as_str(), v.as_str()))
    }
}

/// Where a secret lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A file that only its owner may read.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// A systemd credential: a file in `$CREDENTIALS_DIRECTORY` (systemd.exec(5), `LoadCredential=`).
    Credential(String),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::Credential(name) => write!(f, "credential {name}"),
        }
    }
}

crate::codes! {
    /// Why a secret cannot be had from its location.
    pub enum LocationCode {
        /// Nothing is there.
        Absent = "secret-absent",
        /// It cannot be read.
        Unreadable = "secret-unreadable",
        /// Others than the owner may read or write the file.
        WorldReadable = "secret-world-readable",
        /// It is empty.
        Empty = "secret-empty",
        /// It is longer than 8 KiB.
        TooLong = "secret-too-long",
        /// Not started by systemd with `LoadCredential=`: a credential cannot be read here.
        NoCredentials = "credentials-not-here",
    }
}

impl Location {
    /// Reads the secret. Spaces and line ends around it are not part of it (editors add them).
    ///
    /// # Errors
    /// See [`LocationCode`].
    pub fn read(&self, environment: &Environment) -> Result<Secret, LocationCode> {
        match self {
            Self::File(path) => read_file(path, true),
            Self::Env(name) => trimmed(environment.get(name).ok_or(LocationCode::Absent)?.as_bytes()),
            Self::Credential(name) => {
                let directory =
                    environment.get("CREDENTIALS_DIRECTORY").ok_or(LocationCode::NoCredentials)?;
                // systemd keeps this directory private by itself; its files may be group-readable by ACL.
                read_file(&Path::new(directory).join(name), false)
            }
        }
    }
}

fn read_file(path: &Path, check_mode: bool) -> Result<Secret, LocationCode> {
    let mut file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => LocationCode::Absent,
        _ => LocationCode::Unreadable,
    })?;
    let metadata = file.metadata().map_err(|_| LocationCode::Unreadable)?;
    if !metadata.is_file() {
        return Err(LocationCode::Unreadable);
    }
    if check_mode && metadata.mode() & 0o077 != 0 {
        return Err(LocationCode::WorldReadable);
    }
    if metadata.len() > SECRET_BYTES_MAX {
        return Err(LocationCode::TooLong);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX as usize + 1));
    let limited = file.by_ref().take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes);
    match limited.map_err(|_| LocationCode::Unreadable)? {
        read if read as u64 > SECRET_BYTES_MAX => Err(LocationCode::TooLong),
        _ => trimmed(&bytes),
    }
}

fn trimmed(bytes: &[u8]) -> Result<Secret, LocationCode> {
    match bytes.trim_ascii() {
        [] => Err(LocationCode::Empty),
        text => Ok(Secret::new(text.to_vec())),
    }
}

/// A secret that is read again when its file changes, so that a replaced page token works without a restart.
pub struct WatchedSecret {
    location: Location,
    environment: Environment,
    held: Mutex<Held>,
}

struct Held {
    /// Of the version that `secret` was read from.
    stamp: Option<Stamp>,
    secret: Arc<Secret>,
    /// Of the last version that could not be read.
    refused: Option<Stamp>,
}

/// What tells one version of a file from the next.
type Stamp = (u64, i64, i64, u64);

/// What a look at a watched secret found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretLook {
    /// What was there before.
    Same,
    /// Another secret.
    Replaced,
    /// Another version of the file, which cannot be read; said once for each version. The last secret holds on.
    Refused(LocationCode),
}

impl WatchedSecret {
    /// Reads the secret for the first time.
    ///
    /// # Errors
    /// See [`LocationCode`].
    pub fn read(location: Location, environment: Environment) -> Result<Self, LocationCode> {
        let stamp = stamp(&location);
        let secret = Arc::new(location.read(&environment)?);
        Ok(Self { location, environment, held: Mutex::new(Held { stamp, secret, refused: None }) })
    }

    /// The secret as it is now, and what became of it since the last look. A file that is away for the moment changes
    /// nothing: it is being replaced.
    pub fn current(&self) -> (Arc<Secret>, SecretLook) {
        let mut held = self.held.lock();
        let now = stamp(&self.location);
        let look = match now.filter(|_| now != held.stamp).map(|_| self.location.read(&self.environment)) {
            None => SecretLook::Same,
            Some(Ok(secret)) => {
                let same = secret.equals(held.secret.expose());
                *held = Held { stamp: now, secret: Arc::new(secret), refused: None };
                if same { SecretLook::Same } else { SecretLook::Replaced }
            }
            Some(Err(_)) if held.refused == now => SecretLook::Same,
            Some(Err(code)) => {
                held.refused = now;
                SecretLook::Refused(code)
            }
        };
        (Arc::clone(&held.secret), look)
    }
}

fn stamp(location: &Location) -> Option<Stamp> {
    let Location::File(path) = location else { return None };
    let stamp = |m: Metadata| (m.ino(), m.mtime(), m.mtime_nsec(), m.len());
    std::fs::metadata(path).ok().map(stamp)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn put(path: &Path, secret: &str, mode: u32) {
        let new = path.with_extension("new");
        std::fs::write(&new, secret).expect("a file");
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(mode)).expect("a mode");
        std::fs::rename(&new, path).expect("a file");
    }

    #[test]
    fn a_replaced_file_is_seen_and_one_that_cannot_be_read_is_said_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("token");
        put(&path, "one", 0o600);
        let watched = WatchedSecret::read(Location::File(path.clone()), Environment::default());
        let watched = watched.expect("a secret");
        let look = |wanted: &[u8], look: SecretLook| {
            let (secret, found) = watched.current();
            assert!(secret.equals(wanted) && found == look, "{found:?}");
        };
        look(b"one", SecretLook::Same);
        put(&path, "two two", 0o644);
        look(b"one", SecretLook::Refused(LocationCode::WorldReadable));
        look(b"one", SecretLook::Same);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
        look(b"two two", SecretLook::Replaced);
        put(&path, "two two\n", 0o600);
        look(b"two two", SecretLook::Same);
        put(&path, " \n", 0o600);
        look(b"two two", SecretLook::Refused(LocationCode::Empty));
        std::fs::remove_file(&path).expect("a file");
        look(b"two two", SecretLook::Same);
        put(&path, "three", 0o600);
        look(b"three", SecretLook::Replaced);
    }
}
