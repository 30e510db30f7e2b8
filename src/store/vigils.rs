//! Vigils: what was accepted and not read when an address was erased is matched with it when it is settled.
//!
//! An erasure by address meets what is stored. What is unread has no address yet: so a keyed hash of the address is kept until
//! every reference that had been accepted before has its end, and a submission that holds it is not stored: a tombstone takes its
//! place (docs/decisions, 239). Then the hash goes, and a second erasure says what came of it.

use std::collections::{BTreeMap, HashSet};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::clock::after;
use crate::forget::address::{Address, Scope, SuppressionKey};
use crate::keyring::Keyring;
use crate::lead::MinimisedLead;
use crate::notification::{LeadRef, META_KEEPS_DAYS};
use crate::purpose::PurposeId;
use crate::store::{ErasureId, Papers, RepeatKey, StoreCode, StoreError};
use crate::trail::Entry;

/// So many stand at one time: the hashes of all of them lie in memory.
pub const VIGILS_MAX: usize = 10_000;
/// So many spellings of an address are kept at once.
pub const AWAITED_AT_ONCE_MAX: usize = 256;
/// No vigil stands for longer: Meta has nothing any more then of what was submitted before.
const STANDS_AT_MOST: SignedDuration = SignedDuration::from_hours(24 * (META_KEEPS_DAYS as i64 + 1));

/// Counts the vigils of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VigilId(pub(super) u64);

/// An address of which what is unread is to be erased. It holds one: no `Debug`.
pub struct ToAwait {
    /// In every spelling that it has: under one purpose, or under each; at most [`AWAITED_AT_ONCE_MAX`].
    pub addresses: Vec<(Option<PurposeId>, Address)>,
    /// A submission that holds it is erased for these of its purposes; none named: for all.
    pub purposes: Vec<PurposeId>,
    /// How many submissions are unread, as far as whoever asks knows.
    pub unread: u64,
    /// By what the request is known again: then the vigil is the one that it had.
    pub repeat: Option<RepeatKey>,
    /// What is kept for the receipt that follows.
    pub papers: Papers,
}

impl ToAwait {
    /// # Errors
    /// [`StoreCode::ValueTooLarge`].
    pub(super) fn require_bound(&self) -> Result<(), StoreError> {
        let is_long = self.addresses.len() > AWAITED_AT_ONCE_MAX || self.purposes.len() > AWAITED_AT_ONCE_MAX;
        match is_long || self.papers.bytes() > super::PAPERS_BYTES_MAX {
            true => Err(StoreError::of(StoreCode::ValueTooLarge)),
            false => Ok(()),
        }
    }

    /// What is kept of the address.
    pub(super) fn hashes(&self, keyring: &dyn Keyring) -> Vec<[u8; 32]> {
        let key = key_of(keyring);
        let hash = |(purpose, address): &(Option<PurposeId>, Address)| {
            let scope = purpose.as_ref().map_or(Scope::All, Scope::Purpose);
            *key.fingerprint(address, scope).bytes()
        };
        let mut hashes: Vec<[u8; 32]> = self.addresses.iter().map(hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes
    }
}

/// A vigil that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VigilEnded {
    /// The erasure that says what came of it; none: nothing was unread when it began.
    pub erasure: Option<ErasureId>,
    /// The one that this adds to; none: that had no end that is known.
    pub follows: Option<ErasureId>,
}

/// What of a lead may be among the hashes of vigils.
pub(super) fn hashes_of(lead: &MinimisedLead, keyring: &dyn Keyring) -> Vec<[u8; 32]> {
    let looked = lead.reach().looked(&key_of(keyring));
    looked.iter().flat_map(|looked| &looked.fingerprints).map(|found| *found.bytes()).collect()
}

/// Under which addresses are hashed: not under the key of who objected, so that neither list shows who is on the other.
fn key_of(keyring: &dyn Keyring) -> SuppressionKey {
    SuppressionKey::new(keyring.seen_key())
}

/// True if a reference had been accepted when a vigil began. What says neither is judged by when it arrived.
pub(super) fn was_accepted_by(reference: &LeadRef, asked: Timestamp) -> bool {
    reference.received <= asked && reference.created.is_none_or(|created| created <= asked)
}

/// True if a vigil that began then is over, by what is known of the unread: when the oldest that is queued arrived, and on which day
/// the oldest that is parked was submitted (`first_parked`, in days since 1970). Its longest time ends by a confirmed clock alone.
pub(super) fn is_over(
    asked: Timestamp,
    oldest_queued: Option<Timestamp>,
    first_parked: Option<u32>,
    confirmed: Option<Timestamp>,
) -> bool {
    let is_queued = oldest_queued.is_some_and(|arrived| arrived <= asked);
    let is_parked = first_parked.is_some_and(|day| day <= crate::clock::Day::of(asked).0);
    (!is_queued && !is_parked) || confirmed.is_some_and(|now| after(asked, STANDS_AT_MOST) <= now)
}

/// The hashes that are awaited, and since when: in memory, so that a lead costs nothing where nobody is.
#[derive(Default)]
pub(super) struct HeldVigils {
    hashes: HashSet<[u8; 32]>,
    began: BTreeMap<VigilId, Timestamp>,
}

impl HeldVigils {
    /// One that was read at the start, or is new.
    pub(super) fn insert(&mut self, id: VigilId, asked: Timestamp, hashes: &[[u8; 32]]) {
        self.hashes.extend(hashes);
        self.began.insert(id, asked);
    }

    /// One is over; of its hashes these are nobody else's.
    pub(super) fn remove(&mut self, id: VigilId, hashes: &[[u8; 32]]) {
        self.began.remove(&id);
        for hash in hashes {
            self.hashes.remove(hash);
        }
    }

    /// True if somebody awaits this.
    pub(super) fn awaits(&self, hash: &[u8; 32]) -> bool {
        self.hashes.contains(hash)
    }

    /// Each, and since when.
    pub(super) fn all(&self) -> Vec<(VigilId, Timestamp)> {
        self.began.iter().map(|(id, asked)| (*id, *asked)).collect()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.began.len()
    }
}

/// Vigils.
#[async_trait]
pub trait Vigils: Send + Sync {
    /// From here on what was accepted before and is settled later is held against this address: a submission that holds it is not
    /// stored, and a tombstone takes its place, for all of its purposes or those that are named; what was stored of it before, for a
    /// purpose that keeps no address, is erased with it and has a receipt of its own. A request that had this key before has its
    /// vigil already. Named in [`crate::store::ErasureRequest::vigil`] it is known which erasure it follows. None: too many stand.
    ///
    /// # Errors
    /// [`StoreCode::ValueTooLarge`]; otherwise see [`StoreCode`]: nothing of it is done.
    async fn await_unread(&self, what: ToAwait, entry: Entry) -> Result<Option<VigilId>, StoreError>;

    /// Ends those for which nothing is left to be read: no reference that had been accepted before is queued (the oldest that is
    /// arrived then) or parked. Its hashes go, and where something was unread an erasure that is done says how many submissions it
    /// met. Returns those that ended.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn end_vigils(&self, oldest_queued: Option<Timestamp>) -> Result<Vec<VigilEnded>, StoreError>;

    /// How many stand: a look into memory.
    fn vigils(&self) -> u64;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Day;
    use crate::store::contract::support::{later, reference, start};

    #[test]
    fn a_vigil_is_over_once_nothing_that_came_before_it_is_left_or_meta_has_it_no_more() {
        let (asked, before, behind) = (later(2), Some(later(1)), Some(later(3)));
        let day = |moment: Timestamp| Some(Day::of(moment).0);
        assert!(is_over(asked, None, None, None));
        assert!(is_over(asked, behind, day(later(3)), None));
        assert!(!is_over(asked, before, None, None));
        assert!(!is_over(asked, None, day(later(2)), None), "of the same day it may be from before");
        let (last, end) = (later(2 + 90), later(2 + 91));
        assert!(!is_over(asked, before, None, Some(last)) && is_over(asked, before, None, Some(end)));
    }

    #[test]
    fn what_came_later_or_was_sent_in_later_is_not_met() {
        let mut one = reference(1);
        assert!(was_accepted_by(&one, start()));
        one.received = later(1);
        assert!(!was_accepted_by(&one, start()) && was_accepted_by(&one, later(1)));
        (one.received, one.created) = (start(), Some(later(1)));
        assert!(!was_accepted_by(&one, start()));
        one.created = None;
        assert!(was_accepted_by(&one, start()));
    }
}
