//! Memory that no swap writes to a disk.

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Resource, getrlimit};

/// Why memory is not locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotLocked {
    /// The process may lock so many bytes and no more; none: as many as it likes.
    pub limit_bytes: Option<u64>,
    /// What the system said, where it was asked.
    pub io: Option<std::io::ErrorKind>,
}

/// Keeps all memory of this process, also what it takes later, out of swap, each page from when it is first used. Only where
/// it may lock as much as it likes: under a limit what is locked for good would make allocations fail that had room.
///
/// # Errors
/// The limit (`RLIMIT_MEMLOCK`) or the system does not allow it: nothing is locked.
pub fn lock_memory() -> Result<(), NotLocked> {
    if let Some(limit) = getrlimit(Resource::Memlock).current {
        return Err(NotLocked { limit_bytes: Some(limit), io: None });
    }
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT)
        .map_err(|error| NotLocked { limit_bytes: None, io: Some(error.kind()) })
}
