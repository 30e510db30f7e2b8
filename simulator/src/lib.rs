//! Meta's side of lead ads, for `tamis demo`, `tamis sandbox` and the tests.
//!
//! A [`Simulator`] holds forms and leads, serves them as the Graph API would, signs and sends notifications as
//! Meta's webhooks would, and misbehaves on command. It shares no code with the daemon, so that a mistake in the
//! daemon's reading of Meta's rules cannot cancel itself out here.
//!
//! What Meta does is taken from its own pages (developers.facebook.com), named beside each rule by a short title:
//! *Getting started* (graph-api/webhooks/getting-started), *Webhooks for leadgen* (…/webhooks-for-leadgen),
//! *Retrieving* (marketing-api/guides/lead-ads/retrieving), *Errors* (graph-api/guides/error-handling), *Rate
//! limits* (graph-api/overview/rate-limiting), *Secure requests* (graph-api/guides/secure-requests), *Testing*
//! (lead-ads/testing-troubleshooting). "Seen" marks what is documented nowhere and was found in public code or
//! captures; "assumed" marks what we could not find at all.
//!
//! The walk: [`Simulator::add_form`] and [`Simulator::add_lead`] fill the world (`world`) →
//! [`Simulator::notification`] or [`notification`] makes a body → [`Simulator::deliver`] signs and sends it
//! (`sender`) → the daemon asks the Graph API (`graph`), unless a rule says otherwise (`misbehave`) → what it asked
//! stands in [`Simulator::graph_calls`] (`calls`).
//!
//! ```no_run
//! # async fn example() -> Result<(), tamis_simulator::SimulatorError> {
//! use tamis_simulator::{Lead, Match, Misbehaviour, Rule, Setup, Simulator};
//! let meta = Simulator::start(Setup::default()).await?; // the daemon's `graph_url` is meta.graph_url()
//! meta.set_token("104000000000001", "EAAtoken");
//! let id = meta.add_lead(Lead::new("104000000000001", "901000000000001", 1_795_507_200).answer("email", &["a@example.org"]));
//! meta.misbehave(Rule::once(Match::any().lead(&id), Misbehaviour::code(4))); // throttled, once
//! let delivery = meta.deliver("http://127.0.0.1:8080/webhook", &meta.notification(&[&id])).await?;
//! # let _ = delivery; meta.stop().await; Ok(()) }
//! ```

#![cfg_attr(not(test), deny(unused_crate_dependencies))]

mod calls;
pub mod demo;
mod failure;
mod graph;
mod json;
mod mailbox;
mod misbehave;
pub mod notification;
pub mod people;
mod quota;
mod sender;
mod setup;
mod shared;
mod signature;
mod simulator;
mod time;
mod world;

pub use calls::{CallKind, GraphCall, ProofSeen, TokenSeen};
pub use demo::{DemoWorld, demo_world};
pub use failure::SimulatorError;
pub use graph::error::GraphError;
pub use json::Json;
pub use mailbox::{Mail, Mailboxes};
pub use misbehave::{Match, Misbehaviour, Rule, RuleId, Usage};
pub use sender::{Delivery, Signing};
pub use setup::Setup;
pub use signature::{appsecret_proof, sign};
pub use simulator::Simulator;
pub use time::{Clock, graph_time, system_clock};
pub use world::{Ad, Checkbox, Form, Lead, LegalShape, Page, Question};
