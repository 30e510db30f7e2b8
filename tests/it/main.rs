//! The house as a whole: the daemon's own composition root against Meta's side, over real sockets and a real disk.
//!
//! One binary, one module a subject. Every world checks on its way out that nothing was left behind and nothing leaked.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

mod admin;
mod cli;
mod codes;
mod connections;
mod durable;
mod edges;
mod fetching;
mod held;
mod kill;
mod leaks;
mod leaving;
mod log_file;
mod logs;
mod reload;
mod startup;
mod walk;
