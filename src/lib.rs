//! tamis receives lead-form submissions from Facebook and Instagram, keeps what a declared purpose allows, sealed, and
//! forgets on time.

pub mod api;
pub mod app;
pub mod cli;
pub mod clock;
pub mod code;
pub mod config;
pub mod current;
pub mod descriptors;
pub mod disk;
pub mod graph;
pub mod http;
pub mod id;
pub mod inbox;
pub mod json;
pub mod keyring;
pub mod lead;
pub mod lifecycle;
pub mod location;
pub mod metrics;
pub mod notification;
pub mod priority;
pub mod purpose;
pub mod random;
pub mod secret;
pub mod store;
pub mod systemd;
pub mod telemetry;
pub mod trail;
pub mod wait;
pub mod workers;
