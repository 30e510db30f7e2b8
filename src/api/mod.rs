//! What goes over the wire of the admin side, each shape once: `http` writes these types, `cli` reads them, and the OpenAPI
//! document is made from them. Pure: no runtime, no network, no files.
//!
//! A shape that holds a person's answers has neither `Debug` nor `Display`. Documentation comments on shapes and their
//! members stand in the document, so they speak to whoever calls.

pub mod access;
pub mod backups;
pub mod bounces;
pub mod changes;
pub mod clock;
pub mod consents;
pub mod corrections;
pub mod document;
pub mod erasures;
pub mod evidence;
pub mod find;
pub mod findings;
pub mod forms;
mod id_text;
pub mod inbox;
pub mod leads;
mod member;
mod moment;
mod pairs;
pub mod passes;
pub mod problem;
pub mod purposes;
pub mod reconfirmations;
pub mod requests;
pub mod restrictions;
mod schema;
pub mod status;
pub mod suppressions;
pub mod tokens;
pub mod trail;
mod word;

pub use id_text::IdText;
pub use moment::Moment;
pub use pairs::Pairs;
pub use word::Word;
