//! The house as a whole: the daemon's own composition root against Meta's side, over real sockets and a real disk.
//!
//! One binary, one module a subject. Every world checks on its way out that nothing was left behind and nothing leaked.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test says what it measured")]

mod support;

mod admin;
mod api;
mod cli;
mod clock;
mod codes;
mod connections;
mod declared;
mod deploy;
mod dice;
mod disk;
mod durable;
mod edges;
mod fetching;
mod held;
mod hostile;
mod invented;
mod kill;
mod leaks;
mod leaving;
mod log_file;
mod logs;
mod lost;
mod meta;
mod model;
mod power;
mod prometheus;
mod proxy;
mod reload;
mod scan;
mod startup;
mod systemd;
mod versions;
mod walk;
