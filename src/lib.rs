//! tamis receives lead-form submissions from Facebook and Instagram, and keeps what a declared purpose allows,
//! sealed. This is the walk through the house; the map with its promises is ARCHITECTURE.md.
//!
//! **A lead comes in.** Meta calls the webhook in [`http`]. The body is read within bounds, and [`notification`] verifies it
//! over its raw bytes: only what is authentic is read, into references, which say that a submission exists and where. The
//! [`inbox`] seals them into its journal, syncs, and only then is Meta answered 200. From here on nothing may be lost.
//!
//! **It is fetched.** The fetchers among the [`workers`] claim references, the oldest first, and ask [`graph`] for each lead
//! by itself, if a [`purpose`] claims its form. What Graph answers is classified once: a lead, later, never, or a pause.
//!
//! **It is sieved.** [`lead`] reads the reply where it lies. An answer that no permit of the purpose names is never decoded.
//! What is left is sealed under a key of the [`keyring`].
//!
//! **It is kept.** The [`store`] settles it in one transaction: record, what became of the reference, the line of the
//! [`trail`]. The engine is embedded ([`store::sled`]); its face is made so that another could stand there.
//!
//! **It is forgotten.** The store takes a submission away and the keyring destroys its keys; [`forget`] has what is said of it, the
//! receipt, by which addresses records are found, and what becomes of who objected.
//!
//! **It is let out.** `http::admin` knows who calls, in which role and why, writes that down first, and hands out pages by
//! cursor. The shapes on the wire are in [`api`], once for the server, the commands and the OpenAPI document.
//!
//! **People are told.** [`notice`] makes of a purpose, its controller and its recipients what the law wants said, in three
//! languages; the public listener in [`http`] shows it, and every revision of it stays.
//!
//! **People are written to.** [`mail`] writes a mail and hands it to the operator's server; what waits for whom the store knows, and
//! a postman in [`workers`] takes it there. On which day each person is to be asked again, and goes if they stay silent, is in [`people`].
//!
//! **It is run.** [`cli`] has one file a verb. `serve` reads the [`config`], which refuses a file whole and names every
//! fault, and hands it to [`app`], the only place that knows all rooms: it opens them, runs them, reloads and closes them.
//! What a task is and how it ends is in [`lifecycle`]; what is said meanwhile, and never of a person, in [`telemetry`]. The
//! commands that look into a running tamis speak to it as any client does (`client`), and say what they found through
//! `terminal`; `export` is the file that grows on the operator's side, `play` the demonstration and the sandbox.
//!
//! **What everybody stands on.** [`clock`], [`random`] and [`secret`] are handed in, never reached for; [`id`] has Meta's
//! names, `base_url` the addresses that are called, [`code`] the closed lists of reasons, `json` the reader that decodes
//! nothing unasked, `visible` the characters that may reach a terminal, [`current`] what a reload replaces, [`machine`] the
//! disk, descriptors and the service manager, [`attention`] what a person must look at although all goes on, `version` what
//! binary this is.
//!
//! A room is `pub` here only where a test or bench of the house needs it: this is no library for others.

// A dependency that nobody names is taken out of Cargo.toml. Tests have more of them than each needs.
#![cfg_attr(not(test), deny(unused_crate_dependencies))]

pub mod api;
pub mod app;
pub mod attention;
mod base_url;
pub mod checkpoint;
pub mod cli;
mod client;
pub mod clock;
pub mod code;
pub mod config;
pub mod current;
mod desk;
mod export;
pub mod forget;
pub mod graph;
pub mod http;
pub mod id;
pub mod inbox;
mod json;
pub mod keyring;
pub mod language;
pub mod lead;
pub mod lifecycle;
pub mod machine;
pub mod mail;
pub mod notice;
pub mod notification;
pub mod people;
#[cfg(feature = "demo")]
mod play;
pub mod purpose;
pub mod random;
pub mod secret;
mod spreadsheet;
pub mod store;
pub mod telemetry;
mod terminal;
pub mod trail;
mod version;
mod visible;
pub mod workers;

// Of the package's dependencies the one that only main.rs names: it makes it the allocator.
use zeroizing_alloc as _;
