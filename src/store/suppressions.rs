//! Suppressions: addresses that may not be stored, and what becomes of a lead that reaches one (docs/decisions, 193, 194).
//!
//! Of an address a keyed hash is kept. Whatever the list does not say for certain, it says against storing: a row that cannot
//! be read bars its address for good, and without the list's key nobody is stored.

use std::collections::HashMap;
use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::forget::address::{Address, Fingerprint, Scope, SuppressionKey};
use crate::forget::suppression::{Decision, Entry as Bar, decide};
use crate::keyring::Keyring;
use crate::lead::{MinimisedLead, Reach};
use crate::purpose::PurposeId;
use crate::purpose::law::Contact;
use crate::store::{StoreCode, StoreError};
use crate::trail::{Entry, Reason};

/// So many entries are kept: beyond it none is taken, and whoever asks is told.
pub const SUPPRESSIONS_MAX: u64 = 1_000_000;
/// So many are listed at once.
pub const SUPPRESSIONS_LISTED_MAX: usize = 1_000;
/// So many addresses are named at once: the spellings of one, under the regions of all purposes.
pub const SUPPRESSED_AT_ONCE_MAX: usize = 256;
/// So many are held in memory; while there are more, a look goes to the disk as well.
const HELD_MAX: usize = 200_000;

/// Counts the suppressions of a store; with its epoch, as an erasure's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SuppressionId {
    /// Of the store, when it was made.
    pub epoch: u32,
    /// From 1.
    pub number: u64,
}

impl SuppressionId {
    /// Reads what [`fmt::Display`] wrote, and no other spelling of it.
    pub fn parse(text: &str) -> Option<Self> {
        let (epoch, number) = text.split_once('-')?;
        let parsed = Self { epoch: epoch.parse().ok()?, number: number.parse().ok()? };
        (parsed.to_string() == text).then_some(parsed)
    }
}

impl fmt::Display for SuppressionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.number)
    }
}

/// An entry of the list, without its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Its number.
    pub id: SuppressionId,
    /// Of what kind the address is.
    pub contact: Contact,
    /// For which purpose it may not be stored; none: for none of them.
    pub purpose: Option<PurposeId>,
    /// Why.
    pub reason: Option<Reason>,
    /// Since when.
    pub since: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

/// What is not to be stored.
pub struct ToSuppress {
    /// One address in every spelling that it has under the purposes; at most [`SUPPRESSED_AT_ONCE_MAX`].
    pub addresses: Vec<Address>,
    /// For this purpose; none: for all.
    pub purpose: Option<PurposeId>,
    /// For how long, in calendar months from now.
    pub months: u32,
}

/// Which entries are to go.
pub enum ToLift {
    /// The one with this number.
    One(SuppressionId),
    /// Those of an address, in each of these spellings, for each of these purposes (none: the entry for all).
    Of(Vec<Address>, Vec<Option<PurposeId>>),
}

/// The list.
#[async_trait]
pub trait Suppressions: Send + Sync {
    /// Puts an address on the list, and writes the trail's line (`entry`, completed with purpose and count). One that stands
    /// there already keeps its number and counts from now on. Gives the entries, one for each spelling.
    ///
    /// # Errors
    /// [`StoreCode::TooManySuppressions`]; [`StoreCode::ValueTooLarge`]: too many at once; [`StoreCode::Keyring`]: the list's key
    /// cannot be made. Otherwise see [`StoreCode`]. Nothing of it is done.
    async fn suppress(&self, what: ToSuppress, entry: Entry) -> Result<Vec<Suppression>, StoreError>;

    /// The entries after this one, at most `limit` and at most [`SUPPRESSIONS_LISTED_MAX`], by their numbers; the trail's line
    /// (`entry`, completed with how many) is written first. One that cannot be read is passed over here, and bars all the same.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn suppressions(
        &self,
        after: Option<SuppressionId>,
        limit: usize,
        entry: Entry,
    ) -> Result<Vec<Suppression>, StoreError>;

    /// The entries of an address, in each of these spellings, for each of these purposes (none: the entry for all), by their
    /// numbers. It leaves no line: whoever asks (`by`) leaves one of their own. One that cannot be read is passed over here, and bars all
    /// the same.
    ///
    /// # Errors
    /// [`StoreCode::ValueTooLarge`]: too many spellings; [`StoreCode::SuppressionKey`]. Otherwise see [`StoreCode`].
    async fn suppressions_of(
        &self,
        addresses: Vec<Address>,
        scopes: Vec<Option<PurposeId>>,
        by: &Entry,
    ) -> Result<Vec<Suppression>, StoreError>;

    /// How many entries were put on the list, or counted from another moment on, since the start: a look into memory, for whoever wants
    /// to know whether anybody objected meanwhile.
    fn objections(&self) -> u64;

    /// Takes entries off the list, and writes the trail's line (`entry`, completed with how many). Returns how many. What was
    /// barred by them stays so: its submissions had their end.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn lift(&self, which: ToLift, entry: Entry) -> Result<u64, StoreError>;

    /// Takes those away whose time is over, with a line in the trail. Returns how many. One that cannot be read says no time,
    /// and stays.
    ///
    /// # Errors
    /// [`StoreCode::ClockJumped`], [`StoreCode::ClockUnconfirmed`]; otherwise see [`StoreCode`].
    async fn end_suppressions(&self) -> Result<u64, StoreError>;
}

/// # Errors
/// [`StoreCode::ValueTooLarge`].
pub(super) fn require_few(addresses: &[Address]) -> Result<(), StoreError> {
    match addresses.len() <= SUPPRESSED_AT_ONCE_MAX {
        true => Ok(()),
        false => Err(StoreError::of(StoreCode::ValueTooLarge)),
    }
}

impl ToSuppress {
    /// # Errors
    /// [`StoreCode::ValueTooLarge`].
    pub(super) fn require_bound(&self) -> Result<(), StoreError> {
        require_few(&self.addresses)
    }

    /// What is kept of each address, and of what kind it is.
    pub(super) fn hashes(&self, key: &SuppressionKey) -> Vec<([u8; 32], Contact)> {
        let scope = scope_of(self.purpose.as_ref());
        let hash = |address: &Address| (*key.fingerprint(address, scope).bytes(), address.contact());
        self.addresses.iter().map(hash).collect()
    }
}

/// What is kept of these addresses in each of these scopes.
pub(super) fn hashes_of(
    key: &SuppressionKey,
    addresses: &[Address],
    scopes: &[Option<PurposeId>],
) -> Vec<[u8; 32]> {
    let hash =
        |address, scope: &Option<PurposeId>| *key.fingerprint(address, scope_of(scope.as_ref())).bytes();
    let each = addresses.iter().flat_map(|address| scopes.iter().map(move |scope| hash(address, scope)));
    each.collect()
}

fn scope_of(purpose: Option<&PurposeId>) -> Scope<'_> {
    purpose.map_or(Scope::All, Scope::Purpose)
}

/// The key of the list.
///
/// # Errors
/// [`StoreCode::SuppressionKey`]: it is not there.
pub(super) fn key_of_list(keyring: &dyn Keyring) -> Result<SuppressionKey, StoreError> {
    let key = keyring.suppression_key();
    key.map(SuppressionKey::new).map_err(|_| StoreError::of(StoreCode::SuppressionKey))
}

/// Holds the list's key against its canary: a list under a key that is lost, or under another, would let everybody through.
///
/// # Errors
/// [`StoreCode::SuppressionKey`].
pub(super) fn require_key(keyring: &dyn Keyring, canary: Option<[u8; 32]>) -> Result<(), StoreError> {
    let key = key_of_list(keyring)?;
    match canary.is_none_or(|canary| key.made(&Fingerprint::kept(canary))) {
        true => Ok(()),
        false => Err(StoreError::of(StoreCode::SuppressionKey)),
    }
}

/// An entry as it bars: by the hash under which it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Barring {
    /// Since when.
    pub(super) since: Timestamp,
    /// When it ends.
    pub(super) until: Timestamp,
}

impl Barring {
    /// One that cannot be read: it bars for good, and no yes is later.
    pub(super) const UNREADABLE: Self = Self { since: Timestamp::MAX, until: Timestamp::MAX };
}

/// Those that are held in memory.
#[derive(Default)]
pub(super) struct HeldSuppressions {
    held: HashMap<[u8; 32], Barring>,
    count: u64,
    /// So many came in, or anew.
    came: u64,
    /// There are more than are held.
    is_short: bool,
}

impl HeldSuppressions {
    /// One that was read at the start, or is new, or counts from another moment on.
    pub(super) fn insert(&mut self, hash: [u8; 32], barring: Barring, is_new: bool) {
        self.count += u64::from(is_new);
        self.came += 1;
        if self.held.len() < HELD_MAX || self.held.contains_key(&hash) {
            self.held.insert(hash, barring);
        } else {
            self.is_short = true;
        }
    }

    /// One is gone.
    pub(super) fn remove(&mut self, hash: &[u8; 32]) {
        self.held.remove(hash);
        self.count = self.count.saturating_sub(1);
    }

    /// How many came in, or anew, since the start.
    pub(super) fn came(&self) -> u64 {
        self.came
    }

    /// How many there are, in memory or not.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The entry under a hash; `read` looks one up where they do not all lie here.
    ///
    /// # Errors
    /// What `read` says.
    pub(super) fn find(
        &self,
        hash: &[u8; 32],
        read: impl Fn(&[u8; 32]) -> Result<Option<Barring>, StoreError>,
    ) -> Result<Option<Barring>, StoreError> {
        match self.held.get(hash) {
            None if self.is_short => read(hash),
            found => Ok(found.copied()),
        }
    }
}

/// What becomes of a lead that is about to be sealed.
pub(super) enum Judged {
    /// Nothing of it is stored.
    Barred,
    /// It is stored as it is now, and with it these entries end.
    Stored(Vec<[u8; 32]>),
}

/// Judges a lead by the list: looks its addresses up and leaves out of it what may not be kept. By a clock that nobody has
/// confirmed no entry is over (`confirmed` is none then). What lacks a field that its purpose needs, since that field may not
/// be kept, is barred: read again it would lack it again. So is what has more addresses than are compared.
///
/// # Errors
/// What `find` says.
pub(super) fn judge(
    lead: &mut MinimisedLead,
    key: &SuppressionKey,
    confirmed: Option<Timestamp>,
    find: impl Fn(&[u8; 32]) -> Result<Option<Barring>, StoreError>,
) -> Result<Judged, StoreError> {
    if lead.reach().is_crowded() {
        return Ok(Judged::Barred);
    }
    let (mut hashes, mut bars) = (Vec::new(), Vec::new());
    for looked in lead.reach().looked(key) {
        for fingerprint in &looked.fingerprints {
            if let Some(Barring { since, until }) = find(fingerprint.bytes())? {
                hashes.push(*fingerprint.bytes());
                bars.push(Bar { contact: looked.contact, since, until });
            }
        }
    }
    if bars.is_empty() {
        return Ok(Judged::Stored(Vec::new()));
    }
    let decision = decide(lead.reach().submission(), &bars, confirmed.unwrap_or(Timestamp::MIN));
    let Decision::Stored { without, unheard, closed } = decision else { return Ok(Judged::Barred) };
    if !lead.leave_out(&without, &unheard) {
        return Ok(Judged::Barred);
    }
    Ok(Judged::Stored(closed.into_iter().filter_map(|at| hashes.get(at).copied()).collect()))
}

/// True if whom this reaches may not be stored, as far as anybody can say: by a clock that nobody has confirmed no entry is over.
///
/// # Errors
/// What `find` says.
pub(super) fn bars(
    reach: &Reach,
    key: &SuppressionKey,
    confirmed: Option<Timestamp>,
    find: impl Fn(&[u8; 32]) -> Result<Option<Barring>, StoreError>,
) -> Result<bool, StoreError> {
    for fingerprint in reach.looked(key).iter().flat_map(|looked| &looked.fingerprints) {
        let found = find(fingerprint.bytes())?;
        if found.is_some_and(|entry| confirmed.is_none_or(|now| now < entry.until)) {
            return Ok(true);
        }
    }
    Ok(reach.is_crowded())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Barring = Barring { since: Timestamp::UNIX_EPOCH, until: Timestamp::MAX };

    #[test]
    fn a_number_has_one_spelling() {
        for text in ["1-1", "4294967295-18446744073709551615"] {
            assert_eq!(SuppressionId::parse(text).map(|id| id.to_string()).as_deref(), Some(text));
        }
        for bad in ["", "1", "1-", "-1", "01-1", "1-+1", "1-1-1", "1-01", "4294967296-1", "a-1"] {
            assert_eq!(SuppressionId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn those_that_are_not_held_are_looked_for_on_the_disk_and_counted() {
        let mut list = HeldSuppressions::default();
        let hash = |number: u32| {
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&number.to_be_bytes());
            hash
        };
        let nowhere = |_: &[u8; 32]| Ok(None);
        let everywhere = |_: &[u8; 32]| Ok(Some(SOON));
        list.insert(hash(0), SOON, true);
        assert_eq!(list.find(&hash(7), everywhere), Ok(None), "all are here: nothing is read");
        (1..HELD_MAX as u32 + 1).for_each(|number| list.insert(hash(number), SOON, true));
        assert_eq!(list.count(), HELD_MAX as u64 + 1);
        let last = hash(HELD_MAX as u32);
        assert_eq!((list.find(&last, nowhere), list.find(&last, everywhere)), (Ok(None), Ok(Some(SOON))));
        assert_eq!(list.find(&hash(0), nowhere), Ok(Some(SOON)));
        list.insert(hash(0), Barring::UNREADABLE, false);
        assert_eq!(list.find(&hash(0), nowhere), Ok(Some(Barring::UNREADABLE)));
        list.remove(&hash(0));
        assert_eq!((list.find(&hash(0), nowhere), list.count()), (Ok(None), HELD_MAX as u64));
    }
}
