//! Authentic bytes → references, ids only, and what may become of a reference that is not stored. Pure.
//!
//! [`Verifier`] hands out [`Authentic`], the only thing that [`read`] takes; [`Challenge`] answers Meta's handshake.

mod census;
mod challenge;
mod fate;
mod lane;
mod moment;
mod pause;
mod reference;
#[cfg(test)]
pub(crate) mod sample;
mod signature;
mod signed_request;
mod wire;

pub use census::{Census, ChangeCode};
pub use challenge::{Challenge, ChallengeCode, VerifyToken};
pub use fate::{ParkCode, Why};
pub use lane::{Claims, Lane, Lanes, Move};
pub(crate) use moment::moment;
pub use pause::KeptPause;
pub use reference::{LeadRef, META_KEEPS_DAYS};
pub use signature::{Authentic, SignatureCode, Verifier};
pub use signed_request::{SignedRequest, received_by};
pub use wire::{Notification, REFERENCES_MAX, WireCode, read};
