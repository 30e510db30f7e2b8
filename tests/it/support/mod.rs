//! A test world: Meta's side, a daemon of its own on loopback, a private directory; and an opinion when it ends.

pub mod account;
pub mod browser;
mod caddy;
mod client;
pub mod cuts;
pub mod deeds;
pub mod disk;
pub mod front;
pub mod held;
pub mod killing;
mod load;
mod log;
pub mod memory;
pub mod mounts;
pub mod outage;
pub mod power;
pub mod process;
pub mod rights;
pub mod senders;
pub mod standing;
pub mod steps;
pub mod threads;
pub mod tls;
mod world;

pub use client::{Answer, Caller};
pub use load::{Account, Load};
pub use log::log;
pub use threads::none_is_left as no_thread_is_left;
pub use world::{DEVIS_FORM, LETTRE_FORM, PAGE, Plan, World, add_forms, canary, furnish, lead, refusal};

/// The moment that all worlds' leads refer to: an hour before the test runs would do as well, but not the future.
pub fn an_hour_ago() -> u64 {
    use tamis::clock::{Clock, SystemClock};
    u64::try_from(SystemClock.now().as_second()).expect("after 1970") - 3_600
}

/// The daemon's source files.
pub fn sources() -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).expect("sources").flatten() {
            match entry.path() {
                path if path.is_dir() => open.push(path),
                path => found.push(path),
            }
        }
    }
    found
}
