//! One submission, several purposes: the sieve, once for each.
//!
//! Each sees the same reply under its own whitelist and makes a lead of its own: an answer that none of them permits is
//! never decoded, and what one may hold no other gets.

use crate::lead::dropped::Dropped;
use crate::lead::minimise::{Sieved, minimise};
use crate::lead::raw::RawLead;
use crate::notification::LeadRef;
use crate::purpose::Matching;

/// What the sieve made of a lead for each of its purposes.
pub struct SievedForEach {
    /// One for each purpose, in the order in which they were given.
    pub each: Vec<Sieved>,
    /// The questions whose answers none of them kept.
    pub dropped: Dropped,
}

/// Sieves a lead under each of these purposes. What those in `beside` may hold does not count as dropped: they have it, or
/// had their say.
///
/// A test lead is one for all of them, whichever of its answers a purpose may see.
pub fn minimise_for_each(
    raw: &RawLead<'_>,
    reference: &LeadRef,
    purposes: &[Matching<'_>],
    beside: &[Matching<'_>],
) -> SievedForEach {
    let mut each: Vec<Sieved> = purposes.iter().map(|matching| minimise(raw, reference, matching)).collect();
    let leads = || each.iter().filter_map(|sieved| sieved.result.as_ref().ok());
    if leads().any(|lead| lead.content.test) {
        each.iter_mut()
            .filter_map(|sieved| sieved.result.as_mut().ok())
            .for_each(|lead| lead.content.test = true);
    }
    let mut dropped = Dropped::by_all(each.iter_mut().map(|sieved| std::mem::take(&mut sieved.dropped)));
    dropped.retain(|name| beside.iter().all(|matching| matching.permit(name).is_none()));
    SievedForEach { each, dropped }
}

#[cfg(test)]
mod tests;
