//! Erasures: what is to be forgotten, how far that is, and what remembers that it was.
//!
//! The store first, then the keyring (docs/decisions, 185): one transaction takes the records away and notes the erasure as
//! pending; then their leaves are punctured; then the row says that it is done. What is found pending at a start is brought
//! to its end before the store is given to anybody.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::clock::{Day, Month};
use crate::id::LeadgenId;
use crate::keyring::DAY_KEY_SERVES_DAYS;
use crate::purpose::{PurposeId, RecordId};
use crate::secret::{Key, Wiped};
use crate::store::tombstones::{ErasedFor, serves_until};
use crate::store::{StoreCode, StoreError, VigilId, Wanted};
use crate::trail::{Actor, Entry, Outcome, Reason};

/// So many submissions are erased at once: as one transaction, and one change of the keyring.
pub const ERASED_AT_ONCE_MAX: usize = 256;

/// The longest key by which a request is known again.
const REPEAT_BYTES_MAX: usize = 255;

/// What is kept beside an erasure may have so many bytes: whatever a config of the largest size, a mebibyte, has to say of its
/// recipients and purposes. A quote or a backslash of it is two when it is kept.
pub const PAPERS_BYTES_MAX: usize = 5 << 19;

/// Counts the erasures of a store. As a record's id it has the epoch, so that a store that was restored gives none again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErasureId {
    /// Of the store, when it was asked for.
    pub epoch: u32,
    /// From 1.
    pub number: u64,
}

impl ErasureId {
    /// Reads what [`fmt::Display`] wrote, and no other spelling of it.
    pub fn parse(text: &str) -> Option<Self> {
        let (epoch, number) = text.split_once('-')?;
        let parsed = Self { epoch: epoch.parse().ok()?, number: number.parse().ok()? };
        (parsed.to_string() == text).then_some(parsed)
    }
}

impl fmt::Display for ErasureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.number)
    }
}

/// By what a request is known again that was sent twice. It is kept as a keyed hash.
#[derive(Clone)]
pub struct RepeatKey(String);

impl RepeatKey {
    /// Of the caller's choosing: 1 to 255 visible characters of ASCII.
    pub fn parse(text: &str) -> Option<Self> {
        let is_one =
            (1..=REPEAT_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_one.then(|| Self(text.to_owned()))
    }

    /// The key of one of several erasures of one request: its own, and no caller's, since those can be seen.
    pub fn part(&self, number: u64) -> Self {
        Self(format!("{}\n{number}", self.0))
    }

    /// Under what it is kept: another caller's key is another.
    pub(super) fn hash(&self, key: &Key, actor: &Actor) -> [u8; 32] {
        key.hmac(&[b"tamis/repeat", actor.to_string().as_bytes(), &[0], self.0.as_bytes()])
    }

    /// What tells the request from another under the same key. It is hashed with the caller's key, which is not kept: nobody
    /// can ask of what is kept whom it was about.
    pub(super) fn hash_of_request(&self, key: &Key, request: &ErasureRequest, entry: &Entry) -> [u8; 32] {
        let mut parts: Vec<Vec<u8>> = vec![b"tamis/repeated".to_vec(), self.0.clone().into_bytes()];
        parts.push(entry.reason().map_or("", Reason::as_str).as_bytes().to_vec());
        parts.push([b"s".as_slice(), &request.papers.said].concat());
        parts.extend(request.told_first.then(|| b"t".to_vec()));
        match &request.named {
            Some(address) => parts.push([b"a", address.as_bytes()].concat()),
            None => parts.extend(request.what.iter().map(|what| match what {
                Wanted::Leadgen(leadgen) => [b"l", leadgen.expose().as_bytes()].concat(),
                Wanted::Record(id) => [b"r", id.to_string().as_bytes()].concat(),
            })),
        }
        let narrowed = ErasedFor::of(request.purposes_said.as_ref().unwrap_or(&request.purposes));
        parts.extend(narrowed.purposes().iter().map(|purpose| [b"p", purpose.as_str().as_bytes()].concat()));
        // None of them has a zero.
        let parts: Vec<&[u8]> = parts.iter().flat_map(|part| [part.as_slice(), &[0]]).collect();
        key.hmac(&parts)
    }
}

/// What is kept of the time at which an erasure is asked for, for its receipt: whatever of it may be another later. The store
/// does not read it. Nothing in it is of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Papers {
    /// What the caller says beside what is to be erased: another request says something else. It has no zero.
    pub said: Vec<u8>,
    /// Whatever is erased.
    pub of_all: Vec<u8>,
    /// By purpose: it is kept of those whose records are taken away.
    pub of_purposes: BTreeMap<PurposeId, Vec<u8>>,
}

impl Papers {
    /// What is kept of them where this much is taken away.
    pub(super) fn of(&self, extent: &Extent) -> Self {
        let mut kept = self.clone();
        kept.of_purposes.retain(|purpose, _| extent.records.iter().any(|(of, _)| of == purpose));
        kept
    }

    /// How many bytes they have.
    pub(super) fn bytes(&self) -> usize {
        let of_purposes = self.of_purposes.values().map(Vec::len).sum::<usize>();
        self.said.len() + self.of_all.len() + of_purposes
    }
}

/// What is to be erased.
#[derive(Clone, Default)]
pub struct ErasureRequest {
    /// The submissions, each by its leadgen or by one of its records; at most [`ERASED_AT_ONCE_MAX`].
    pub what: Vec<Wanted>,
    /// As which address they were named, where they were: it tells the request from another under the same key in place of what
    /// was found by it, and is kept nowhere.
    pub named: Option<Wiped<String>>,
    /// For these of their purposes; none named: for all.
    pub purposes: Vec<PurposeId>,
    /// Those that the caller named, where what the caller said and the config of that moment made others of them: by these the
    /// request is known again, whatever the config says then.
    pub purposes_said: Option<Vec<PurposeId>>,
    /// Of them those that lie in the journal, as far as whoever asks knows: they count as references that end, where the store
    /// knows nothing of them.
    pub queued: Vec<LeadgenId>,
    /// By what the request is known again.
    pub repeat: Option<RepeatKey>,
    /// Its person is told first ([`crate::store::Tellings`]): the same without that is another request.
    pub told_first: bool,
    /// The vigil of its address, which ends with an erasure that follows this one.
    pub vigil: Option<VigilId>,
    /// What is kept for its receipt.
    pub papers: Papers,
}

impl ErasureRequest {
    /// One submission, in all its purposes.
    pub fn of(what: Wanted) -> Self {
        Self { what: vec![what], ..Self::default() }
    }

    /// # Errors
    /// [`StoreCode::ValueTooLarge`].
    pub(super) fn require_bound(&self) -> Result<(), StoreError> {
        let is_long = |count: usize| count > ERASED_AT_ONCE_MAX;
        if is_long(self.what.len())
            || is_long(self.purposes.len())
            || is_long(self.queued.len())
            || self.papers.bytes() > PAPERS_BYTES_MAX
        {
            return Err(StoreError::of(StoreCode::ValueTooLarge));
        }
        Ok(())
    }
}

/// How much an erasure takes, or would take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Records by purpose, in their order.
    pub records: Vec<(PurposeId, u64)>,
    /// Parked references that end, and those that lie in the journal alone, where whoever asks says so.
    pub references: u64,
}

impl Extent {
    /// True if there is nothing.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.references == 0
    }

    /// A record more.
    pub(super) fn count(&mut self, purpose: &PurposeId) {
        match self.records.binary_search_by(|(of, _)| of.cmp(purpose)) {
            Ok(at) => self.records[at].1 += 1,
            Err(at) => self.records.insert(at, (purpose.clone(), 1)),
        }
    }

    /// With another one.
    pub fn add(&mut self, other: &Self) {
        for (purpose, records) in &other.records {
            match self.records.binary_search_by(|(of, _)| of.cmp(purpose)) {
                Ok(at) => self.records[at].1 += records,
                Err(at) => self.records.insert(at, (purpose.clone(), *records)),
            }
        }
        self.references += other.references;
    }

    /// How many records there are.
    pub fn total(&self) -> u64 {
        self.records.iter().map(|(_, count)| count).sum()
    }
}

/// Days that an erasure leaves something behind until, or that count from; each as it was known when it was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    /// The latest day on which some of it was submitted, at the latest; none: nothing was there.
    pub submitted: Option<Day>,
    /// In the course of this day the key goes at the latest under which the references that ended are sealed; none: there were none.
    pub day_keys_until: Option<Day>,
    /// In the course of this day the key of the tombstones goes; none: there are none.
    pub tombstones_until: Option<Day>,
    /// In the course of this day the last of what shows of consents goes; none: nothing is kept of them.
    pub evidence_until: Option<Day>,
}

impl Traces {
    /// Something that was there was submitted on this day.
    pub(super) fn note_submitted(&mut self, day: Day) {
        self.submitted = self.submitted.max(Some(day));
    }

    /// A reference that ended was sealed on this day.
    pub(super) fn note_sealed(&mut self, day: Day) {
        self.day_keys_until = self.day_keys_until.max(Some(day.plus(DAY_KEY_SERVES_DAYS)));
    }

    /// What is left of either.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            submitted: self.submitted.max(other.submitted),
            day_keys_until: self.day_keys_until.max(other.day_keys_until),
            tombstones_until: self.tombstones_until.max(other.tombstones_until),
            evidence_until: self.evidence_until.max(other.evidence_until),
        }
    }

    /// A tombstone was made in this month.
    pub(super) fn note_tombstone(&mut self, month: Month) {
        self.tombstones_until = self.tombstones_until.max(Some(serves_until(month)));
    }
}

/// An erasure, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Its number.
    pub id: ErasureId,
    /// When it was asked for.
    pub asked: Timestamp,
    /// Why.
    pub reason: Option<Reason>,
    /// How much was taken away.
    pub extent: Extent,
    /// The number of the first line in the trail that says that it was asked for.
    pub line: u64,
    /// What is left of it.
    pub traces: Traces,
    /// What was kept for its receipt.
    pub papers: Papers,
    /// The one that it adds to: what was unread then is read by now.
    pub follows: Option<ErasureId>,
    /// The one that says what came of what was unread; none: there is none yet, or nothing was.
    pub followed_by: Option<ErasureId>,
    /// Its end; none: the records are gone, and their keys are not destroyed yet.
    pub done: Option<ErasureEnd>,
}

/// The end of an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErasureEnd {
    /// When the keys were destroyed and the disk had it.
    pub at: Timestamp,
    /// A generation of the keyring that has them no more.
    pub generation: u64,
}

/// Erasures, and records written anew, that have no end and are not about to have one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StuckErasures {
    /// Whose keys could not be destroyed when that was last tried; it is tried again each second.
    pub pending: u64,
    /// Of which it cannot be read any more what is to be destroyed.
    pub damaged: u64,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, as an answer")]
pub enum Asked {
    /// This erasure, now or when the request came first.
    Erasure(Erasure),
    /// The caller used its key for another request.
    KeyTaken,
}

/// Erasing submissions.
#[async_trait]
pub trait Erasures: Send + Sync {
    /// Erases submissions, each whole or for the purposes that are named: takes their records and what is parked of them away,
    /// puts tombstones in the place of what is known of them, writes the trail lines (`entry`, completed: one for each record, or
    /// one that says that there is none), syncs, destroys the keys, and only then answers. What others are asked meanwhile goes
    /// the same way at the same time. A leadgen of which nothing is known is remembered as erased as well: it may lie in the
    /// journal, or be on its way; a record that is not there is nobody's.
    ///
    /// The keys may not be destroyed for now: then the erasure has no end yet, nothing of it can be exported or found, and it is
    /// tried again each second and at the next start. Nobody may be told that it is done.
    ///
    /// # Errors
    /// [`StoreCode::ValueTooLarge`]: too many at once. Otherwise see [`StoreCode`]: nothing of it is done, or (stalled, halted) it
    /// is not known whether it is.
    async fn erase(&self, request: ErasureRequest, entry: Entry) -> Result<Asked, StoreError>;

    /// What came of the request that had its key before, as far as that is by now; none: none had it, or it has none. Nothing is
    /// erased and nothing is written: whoever has to look for what is to be erased asks this first.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn repeated(&self, request: ErasureRequest, entry: Entry) -> Result<Option<Asked>, StoreError>;

    /// How much an erasure would take. It changes nothing, and tells whether somebody is there: the trail line (`entry`,
    /// completed) is synced before the answer.
    ///
    /// # Errors
    /// As [`Erasures::erase`]: also [`StoreCode::RecordRestricted`], with its line.
    async fn extent(&self, request: ErasureRequest, entry: Entry) -> Result<Extent, StoreError>;

    /// An erasure, as it stands; none: there is no such number.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn erasure(&self, id: ErasureId) -> Result<Option<Erasure>, StoreError>;

    /// Which erasure says of each what came of what was unread then; of one of which nothing does, or that is not there, none. Those that
    /// are asked for at once are few ([`crate::store::REQUESTS_LISTED_MAX`]).
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn followed_by(&self, ids: Vec<ErasureId>) -> Result<Vec<Option<ErasureId>>, StoreError>;

    /// Those that are stuck: a look into memory.
    fn stuck_erasures(&self) -> StuckErasures;

    /// Takes the tombstones away whose month ended 120 days ago, and destroys its key: what remains of them anywhere is noise
    /// then. Returns how many.
    ///
    /// # Errors
    /// [`StoreCode::ClockJumped`], [`StoreCode::ClockUnconfirmed`]; otherwise see [`StoreCode`].
    async fn drop_tombstones(&self) -> Result<u64, StoreError>;
}

/// The trail's line of a question how much that would be. Whoever is told that somebody restricted it was told something too.
///
/// # Errors
/// It is not known how much that would be.
pub(super) fn line_of_extent(
    looked: Result<&Extent, &StoreError>,
    mut entry: Entry,
) -> Result<Entry, StoreError> {
    match looked {
        Ok(extent) => {
            entry.count = extent.total();
            entry.result = if extent.is_empty() { Outcome::Nothing } else { Outcome::Done };
        }
        Err(error) if error.code == StoreCode::RecordRestricted => entry.result = Outcome::Refused,
        Err(error) => return Err(*error),
    }
    Ok(entry)
}

/// The trail's lines of a request that took these records away: one for each, or one that names none.
pub(super) fn lines_of_erasure(records: &[RecordId], extent: &Extent, entry: &Entry) -> Vec<Entry> {
    let line = |record: Option<&RecordId>, count: u64| {
        let mut line = entry.clone();
        line.count = count;
        line.result = if extent.is_empty() { Outcome::Nothing } else { Outcome::Done };
        line.purpose = record.map(|id| id.purpose.clone());
        (line.from, line.to) = (record.cloned(), record.cloned());
        line
    };
    if records.is_empty() {
        return vec![line(None, extent.references)];
    }
    records.iter().map(|id| line(Some(id), 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::support::{by_officer, by_token, leadgen, purpose, record};
    use crate::trail::Action;

    #[test]
    fn a_number_has_one_spelling() {
        for text in ["1-1", "4294967295-18446744073709551615"] {
            assert_eq!(ErasureId::parse(text).map(|id| id.to_string()).as_deref(), Some(text));
        }
        for bad in ["", "1", "1-", "-1", "01-1", "1-+1", "1-1-1", "1-01", "4294967296-1"] {
            assert_eq!(ErasureId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_key_of_a_caller_is_short_and_can_be_seen() {
        assert!(RepeatKey::parse("0f6e").is_some() && RepeatKey::parse(&"x".repeat(255)).is_some());
        for bad in ["", "a b", "a\n", "é", "x".repeat(256).as_str()] {
            assert!(RepeatKey::parse(bad).is_none(), "{bad:?}");
        }
        let RepeatKey(part) = RepeatKey::parse("k").expect("a key").part(1);
        assert!(RepeatKey::parse(&part).is_none(), "no caller has one of its parts");
    }

    #[test]
    fn a_request_is_known_again_by_its_caller_and_differs_by_all_it_says() {
        let key = Key::new([7; 32]);
        let repeat = |text: &str| RepeatKey::parse(text).expect("a key");
        let entry = || by_officer(Action::ErasureAsked);
        let request = |what: Vec<Wanted>, purposes: &[&str]| ErasureRequest {
            what,
            purposes: purposes.iter().map(|name| purpose(name)).collect(),
            ..ErasureRequest::default()
        };
        let saying = |said: &[u8], of_all: &[u8]| {
            let papers = Papers { said: said.to_vec(), of_all: of_all.to_vec(), ..Papers::default() };
            let request = ErasureRequest { papers, ..request(vec![Wanted::Leadgen(leadgen(1))], &[]) };
            repeat("k").hash_of_request(&key, &request, &entry())
        };
        assert!(
            saying(b"person", b"a") == saying(b"person", b"b"),
            "a config that changed is no other request"
        );
        assert!(saying(b"person", b"a") != saying(b"authority", b"a"));
        let one = || vec![Wanted::Leadgen(leadgen(1))];
        let hashes = [
            repeat("k").hash_of_request(&key, &request(one(), &[]), &entry()),
            repeat("l").hash_of_request(&key, &request(one(), &[]), &entry()),
            repeat("k").hash_of_request(&key, &request(one(), &["devis"]), &entry()),
            repeat("k").hash_of_request(&key, &request(vec![Wanted::Leadgen(leadgen(2))], &[]), &entry()),
            repeat("k").hash_of_request(&key, &request(vec![Wanted::Record(record("a-1-1"))], &[]), &entry()),
            repeat("k").hash_of_request(&key, &request(one(), &[]), &Entry::by_system(Action::ErasureAsked)),
        ];
        for (at, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..at].contains(hash), "{at}");
        }
        let named = |address: &str, what: Vec<Wanted>| {
            let named = Some(Wiped::new(address.to_owned()));
            repeat("k").hash_of_request(&key, &ErasureRequest { named, ..request(what, &[]) }, &entry())
        };
        assert!(named("a", one()) == named("a", Vec::new()), "what was found by it says nothing");
        assert!(named("a", one()) != named("b", one()) && !hashes.contains(&named("a", one())));
        let again = repeat("k").hash_of_request(&key, &request(one(), &["lettre", "devis"]), &entry());
        let turned = repeat("k").hash_of_request(&key, &request(one(), &["devis", "lettre"]), &entry());
        assert!(again == turned, "an order of purposes says nothing");
        let by = |id: &str| by_token(id, Action::ErasureAsked).actor().clone();
        assert!(repeat("k").hash(&key, &by("a")) == repeat("k").hash(&key, &by("a")));
        assert!(repeat("k").hash(&key, &by("a")) != repeat("k").hash(&key, &by("b")));
        assert!(repeat("k").hash(&key, &by("a")) != repeat("l").hash(&key, &by("a")));
    }
}
