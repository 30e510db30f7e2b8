//! The house as a whole: the daemon's own composition root against Meta's side, over real sockets and a real disk.
//!
//! One binary, one module a subject. Every world checks on its way out that nothing was left behind and nothing leaked.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test says what it measured")]

mod support;

mod admin;
mod api;
mod at_rest;
mod cli;
mod clock;
mod codes;
mod connections;
mod consents;
mod copies;
mod crowding;
mod declared;
mod demo;
mod deploy;
mod dice;
mod disk;
mod durable;
mod edges;
mod ends;
mod examples;
mod fetching;
mod fields;
mod hanging;
mod heads;
mod held;
mod hostile;
mod invented;
mod kill;
mod leaks;
mod leaving;
mod log_file;
mod logs;
mod lost;
mod manual;
mod meta;
mod missing;
mod model;
mod moving;
mod mutated;
mod no_way_back;
mod notice;
mod odd_bytes;
mod odd_files;
mod others;
mod overdue;
mod pauses;
mod places;
mod power;
mod prometheus;
mod proxy;
mod receipt;
mod reload;
mod retention;
mod sandbox;
mod scan;
mod screen;
mod seen;
mod server;
mod several;
mod silence;
mod spreadsheet;
mod startup;
mod status;
mod sync;
mod systemd;
mod tampering;
mod unread_log;
mod vectors;
mod version;
mod versions;
mod walk;
