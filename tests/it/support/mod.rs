//! A test world: Meta's side, a daemon of its own on loopback, a private directory; and an opinion when it ends.

mod client;
mod disk;
mod log;
pub mod process;
mod world;

pub use client::{Answer, Caller};
pub use disk::search;
pub use log::{Log, log};
pub use world::{DEVIS_FORM, LETTRE_FORM, PAGE, Plan, World, add_forms, canary, lead};

/// The moment that all worlds' leads refer to: an hour before the test runs would do as well, but not the future.
pub fn an_hour_ago() -> u64 {
    use tamis::clock::{Clock, SystemClock};
    u64::try_from(SystemClock.now().as_second()).expect("after 1970") - 3_600
}
