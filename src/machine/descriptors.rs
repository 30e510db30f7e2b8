//! How many files and connections the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enough for every system that is asked.
const WANTED: u64 = 65_536;

/// Raises the process's own limit as far as the system lets it without privileges, and returns what it is now.
///
/// Systems start services with 1,024 for the sake of programs that call `select` (systemd's `LimitNOFILE=` default); a
/// thousand idle connections would then keep every signed call out.
pub fn raise_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(WANTED);
    let wanted = limit.maximum.unwrap_or(WANTED).min(WANTED);
    if current >= wanted {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }) {
        Ok(()) => wanted,
        Err(_) => current,
    }
}
