//! Where a secret is, and reading it from there. The config holds locations only, so that printing a config, or an
//! error about one, is always safe.

use std::collections::HashMap;
use std::fmt;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::secret::Secret;
use crate::secret::owner::{Harm, Owners};
use crate::secret::reading::{NotRead, read_small};

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
        /// It is no file: a directory, a pipe, a device.
        NotAFile = "secret-not-a-file",
        /// It could not be read within three seconds: what it lies on hangs.
        NotInTime = "secret-not-in-time",
        /// Others than the owner may read or write the file.
        WorldReadable = "secret-world-readable",
        /// The file, or a directory above it, belongs to neither root nor the daemon's user.
        ForeignOwner = "secret-foreign-owner",
        /// Others may write a directory above the file.
        PlaceWritable = "secret-place-writable",
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
        self.read_under(&Owners::of_this_process(), environment)
    }

    /// The same, where a file may belong to these.
    ///
    /// # Errors
    /// See [`LocationCode`].
    pub fn read_under(&self, owners: &Owners, environment: &Environment) -> Result<Secret, LocationCode> {
        match self {
            Self::File(path) => {
                // Read first: that is given up in time where the mount hangs.
                let secret = read_file(path, true)?;
                require_own(path, owners).map(|()| secret)
            }
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

/// Refuses a file that somebody else could have put there.
fn require_own(path: &Path, owners: &Owners) -> Result<(), LocationCode> {
    match owners.look_at_file(path) {
        Ok(Some(Harm::ForeignOwner)) => Err(LocationCode::ForeignOwner),
        Ok(Some(Harm::WayWritable)) => Err(LocationCode::PlaceWritable),
        // The file's own mode is looked at when it is open, and what is not there is told then.
        Ok(Some(Harm::Writable) | None) | Err(_) => Ok(()),
    }
}

fn read_file(path: &Path, check_mode: bool) -> Result<Secret, LocationCode> {
    let file = read_small(path, SECRET_BYTES_MAX).map_err(|not_read| match not_read {
        NotRead::Io(ErrorKind::NotFound) => LocationCode::Absent,
        NotRead::Io(_) => LocationCode::Unreadable,
        NotRead::NotAFile => LocationCode::NotAFile,
        NotRead::TooLong => LocationCode::TooLong,
        NotRead::NotInTime => LocationCode::NotInTime,
    })?;
    if check_mode && file.metadata.mode() & 0o077 != 0 {
        return Err(LocationCode::WorldReadable);
    }
    trimmed(&file.bytes)
}

fn trimmed(bytes: &[u8]) -> Result<Secret, LocationCode> {
    match bytes.trim_ascii() {
        [] => Err(LocationCode::Empty),
        text => Ok(Secret::new(text.to_vec())),
    }
}
