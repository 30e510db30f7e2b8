//! The verbs of the face, by subject.

pub(super) mod addresses;
mod closing;
mod dating;
mod erased;
pub(super) mod erasing;
mod erasure_targets;
pub(super) mod erasures;
pub(super) mod expiring;
pub(super) mod form_looks;
pub(super) mod forms;
mod handed;
pub(super) mod leads;
pub(super) mod life;
pub(super) mod notices;
mod oldest;
pub(super) mod parked;
pub(super) mod pauses;
pub(super) mod reading;
mod resealing;
mod retention;
pub(super) mod seen;
pub(super) mod settle;
mod suppressed;
pub(super) mod suppressions;
pub(super) mod tokens;
pub(super) mod trail;
