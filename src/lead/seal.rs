//! A record's sealed form: ChaCha20-Poly1305 under the key of its own leaf. Records of before are under their bucket's one
//! key, with XChaCha20-Poly1305, until the store that has them moves.
//!
//! The additional data binds purpose, epoch, number, what it is sealed under, expiry day, test flag, schema and the version
//! of what stands in clear, so that a record moved to another tree or number, or with another expiry in clear, does not
//! open.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::clock::Day;
use crate::lead::event::ConsentEvent;
use crate::lead::minimised::{Content, MinimisedLead};
use crate::lead::opened::OpenedLead;
use crate::lead::schema::{self, Schema};
use crate::purpose::RecordId;
use crate::random::Random;
use crate::secret::cipher::{self, NONCE_BYTES, SHORT_NONCE_BYTES, TAG_BYTES};
use crate::secret::{Key, Wiped};

/// The largest sealed record: what is larger is buried, so that nothing lands in sled's unsynced blob files.
pub const RECORD_BYTES_MAX: usize = 16 * 1024;

/// Version, leaf, expiry day, test flag, nonce.
const HEADER_BYTES: usize = 1 + LEAF_BYTES + 4 + 1 + SHORT_NONCE_BYTES;
/// Epoch and number.
const LEAF_BYTES: usize = 4 + 8;

/// A leaf of a bucket's tree, which seals one record: the record's own number, unless it was corrected or counted in
/// another epoch since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The epoch in which it was given.
    pub epoch: u32,
    /// Its number within purpose and epoch.
    pub number: u64,
}

impl Leaf {
    /// The leaf that has a record's own number.
    pub fn of(id: &RecordId) -> Self {
        Self { epoch: id.epoch, number: id.number }
    }
}

/// What a record is sealed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Under {
    /// Its leaf's key.
    Leaf(Leaf),
    /// Its bucket's one key, of this generation: a record of before.
    Bucket(u32),
}

/// Which head a record has: what stands in clear, and what the seal binds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    /// Of commit 5a9719d and before: without a version byte. It begins with the key's generation, which was always 0, so
    /// its first byte is 0.
    Unversioned,
    /// A version byte of 1 before that.
    One,
    /// A version byte of 2; what is inside has the second schema.
    Two,
    /// A version byte of 3, 4 or 5, and the leaf; what is inside has the first schema (a record that was moved), the second, or the
    /// third (one whose person said yes once more).
    OfLeaf(Schema),
}

impl Head {
    /// The head that is written.
    const WRITTEN: Self = Self::OfLeaf(Schema::Two);

    /// Reads it off the front.
    fn split(bytes: &[u8]) -> Option<(Self, &[u8])> {
        match bytes {
            [0, ..] => Some((Self::Unversioned, bytes)),
            [1, rest @ ..] => Some((Self::One, rest)),
            [2, rest @ ..] => Some((Self::Two, rest)),
            [3, rest @ ..] => Some((Self::OfLeaf(Schema::One), rest)),
            [4, rest @ ..] => Some((Self::OfLeaf(Schema::Two), rest)),
            [5, rest @ ..] => Some((Self::OfLeaf(Schema::Three), rest)),
            _ => None,
        }
    }

    /// What is written in front.
    fn version(self) -> &'static [u8] {
        match self {
            Self::Unversioned => &[],
            Self::One => &[1],
            Self::Two => &[2],
            Self::OfLeaf(Schema::One) => &[3],
            Self::OfLeaf(Schema::Two) => &[4],
            Self::OfLeaf(Schema::Three) => &[5],
        }
    }

    /// What is inside.
    fn schema(self) -> Schema {
        match self {
            Self::Unversioned | Self::One => Schema::One,
            Self::Two => Schema::Two,
            Self::OfLeaf(schema) => schema,
        }
    }
}

/// Drawn at random; which length it has goes with the head.
#[derive(Clone, Copy)]
enum Nonce {
    Short([u8; SHORT_NONCE_BYTES]),
    Long([u8; NONCE_BYTES]),
}

impl Nonce {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Short(bytes) => bytes,
            Self::Long(bytes) => bytes,
        }
    }
}

/// Why a record could not be sealed or opened. No text of foreign crates, no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The record exceeds [`RECORD_BYTES_MAX`].
    #[error("record of {0} bytes, at most {RECORD_BYTES_MAX} are kept")]
    TooLarge(usize),
    /// The system gave no randomness for a nonce.
    #[error("no randomness for a nonce")]
    NoRandomness,
    /// The bytes are not a record under this name and key.
    #[error("the record does not open")]
    DoesNotOpen,
    /// It opened, but its inside is of no known layout.
    #[error("the record's layout is unknown")]
    UnknownLayout,
}

/// A record as it lies in the vault: a little in clear, the rest sealed. It borrows what it was read from.
#[derive(Clone)]
pub struct SealedRecord<'r> {
    /// Which key opens it.
    pub under: Under,
    /// The first day on which it is no longer exported.
    pub expiry_day: Day,
    /// One of Meta's test leads.
    pub test: bool,
    head: Head,
    nonce: Nonce,
    sealed: Cow<'r, [u8]>,
}

impl<'r> SealedRecord<'r> {
    /// The bytes that the vault keeps.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES + NONCE_BYTES + self.sealed.len());
        out.extend_from_slice(self.head.version());
        self.under.write(&mut out);
        out.extend_from_slice(&self.expiry_day.0.to_be_bytes());
        out.push(u8::from(self.test));
        out.extend_from_slice(self.nonce.bytes());
        out.extend_from_slice(&self.sealed);
        out
    }

    /// Reads what stands in clear: what it is under, expiry day, test flag.
    pub fn peek(bytes: &[u8]) -> Option<(Under, Day, bool)> {
        let (head, clear) = Head::split(bytes)?;
        Clear::read(head, clear).map(|(clear, _)| (clear.under, clear.expiry_day, clear.test))
    }

    /// Reads what [`SealedRecord::encode`] wrote, and the heads of before.
    pub fn decode(bytes: &'r [u8]) -> Option<Self> {
        let (head, clear) = Head::split(bytes)?;
        let (Clear { under, expiry_day, test }, rest) = Clear::read(head, clear)?;
        let (nonce, sealed) = match under {
            Under::Leaf(_) => rest.split_first_chunk().map(|(nonce, sealed)| (Nonce::Short(*nonce), sealed)),
            Under::Bucket(_) => rest.split_first_chunk().map(|(nonce, sealed)| (Nonce::Long(*nonce), sealed)),
        }?;
        Some(Self { under, expiry_day, test, head, nonce, sealed: sealed.into() })
    }

    fn additional_data(&self, id: &RecordId) -> Vec<u8> {
        let purpose = id.purpose.as_str().as_bytes();
        let mut aad = Vec::with_capacity(purpose.len() + 48);
        aad.extend_from_slice(b"tamis/record");
        aad.push(self.head.schema().byte());
        aad.push(purpose.len() as u8);
        aad.extend_from_slice(purpose);
        aad.extend_from_slice(&id.epoch.to_be_bytes());
        aad.extend_from_slice(&id.number.to_be_bytes());
        self.under.write(&mut aad);
        aad.extend_from_slice(&self.expiry_day.0.to_be_bytes());
        aad.push(u8::from(self.test));
        aad.extend_from_slice(self.head.version());
        aad
    }

    /// Seals the inside under this head and nonce.
    fn filled(mut self, plain: &[u8], id: &RecordId, key: &Key) -> Result<SealedRecord<'static>, SealError> {
        let aad = self.additional_data(id);
        let sealed = match &self.nonce {
            Nonce::Short(nonce) => cipher::seal(key, nonce, &aad, plain),
            Nonce::Long(nonce) => cipher::seal(key, nonce, &aad, plain),
        };
        self.sealed = sealed.map_err(|_| SealError::TooLarge(plain.len()))?.into();
        let Self { under, expiry_day, test, head, nonce, sealed } = self;
        Ok(SealedRecord { under, expiry_day, test, head, nonce, sealed: sealed.into_owned().into() })
    }

    fn plain(&self, id: &RecordId, key: &Key) -> Result<Wiped<Vec<u8>>, SealError> {
        let aad = self.additional_data(id);
        let plain = match &self.nonce {
            Nonce::Short(nonce) => cipher::open(key, nonce, &aad, &self.sealed),
            Nonce::Long(nonce) => cipher::open(key, nonce, &aad, &self.sealed),
        };
        plain.map_err(|_| SealError::DoesNotOpen)
    }
}

impl Under {
    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Leaf(Leaf { epoch, number }) => {
                out.extend_from_slice(&epoch.to_be_bytes());
                out.extend_from_slice(&number.to_be_bytes());
            }
            Self::Bucket(generation) => out.extend_from_slice(&generation.to_be_bytes()),
        }
    }

    fn read(head: Head, bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (first, rest) = bytes.split_first_chunk::<4>()?;
        let first = u32::from_be_bytes(*first);
        if !matches!(head, Head::OfLeaf(_)) {
            return Some((Self::Bucket(first), rest));
        }
        let (number, rest) = rest.split_first_chunk::<8>()?;
        Some((Self::Leaf(Leaf { epoch: first, number: u64::from_be_bytes(*number) }), rest))
    }
}

/// What stands in clear, whatever the head.
struct Clear {
    under: Under,
    expiry_day: Day,
    test: bool,
}

impl Clear {
    fn read(head: Head, bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (under, rest) = Under::read(head, bytes)?;
        let (day, rest) = rest.split_first_chunk::<4>()?;
        let (test, rest) = match rest.split_first()? {
            (0, rest) => (false, rest),
            (1, rest) => (true, rest),
            _ => return None,
        };
        let expiry_day = Day(u32::from_be_bytes(*day));
        Some((Self { under, expiry_day, test }, rest))
    }
}

/// Seals a lead under its name with the key of its leaf, and with it its key in `seen`, by which an erasure finds that row.
///
/// # Errors
/// [`SealError::TooLarge`], [`SealError::NoRandomness`].
pub fn seal(
    lead: &MinimisedLead,
    id: &RecordId,
    seen: [u8; 32],
    leaf: Leaf,
    key: &Key,
    random: &dyn Random,
) -> Result<SealedRecord<'static>, SealError> {
    let plain = schema::encode(&lead.content, seen).map_err(SealError::TooLarge)?;
    let size = size_of(plain.len());
    if size > RECORD_BYTES_MAX {
        return Err(SealError::TooLarge(size));
    }
    let record = SealedRecord {
        under: Under::Leaf(leaf),
        expiry_day: lead.expiry_day(),
        test: lead.is_test(),
        head: Head::WRITTEN,
        nonce: Nonce::Short(drawn(random)?),
        sealed: Cow::Borrowed(&[]),
    };
    record.filled(&plain, id, key)
}

/// Seals a record again as it was before there were leaves, under its bucket's key: for what holds older stores.
///
/// # Errors
/// [`SealError::DoesNotOpen`], [`SealError::NoRandomness`].
#[cfg(test)]
pub(crate) fn move_to_bucket(
    record: &SealedRecord<'_>,
    id: &RecordId,
    leaf_key: &Key,
    key: &Key,
    random: &dyn Random,
) -> Result<SealedRecord<'static>, SealError> {
    let plain = record.plain(id, leaf_key)?;
    let head = if record.head.schema() == Schema::One { Head::One } else { Head::Two };
    let (under, nonce, sealed) = (Under::Bucket(0), Nonce::Long(drawn(random)?), Cow::Borrowed(&[][..]));
    SealedRecord { under, head, nonce, sealed, ..*record }.filled(&plain, id, key)
}

/// Seals a record again, as it is, under a leaf; no answer becomes a value.
///
/// # Errors
/// [`SealError::DoesNotOpen`] under the key that it has; [`SealError::NoRandomness`].
pub fn move_to_leaf(
    record: &SealedRecord<'_>,
    id: &RecordId,
    key: &Key,
    leaf: Leaf,
    leaf_key: &Key,
    random: &dyn Random,
) -> Result<SealedRecord<'static>, SealError> {
    let plain = record.plain(id, key)?;
    let moved = SealedRecord {
        under: Under::Leaf(leaf),
        head: Head::OfLeaf(record.head.schema()),
        nonce: Nonce::Short(drawn(random)?),
        sealed: Cow::Borrowed(&[]),
        ..*record
    };
    moved.filled(&plain, id, leaf_key)
}

/// Seals a record again, under the key that it has, with the end that follows from when it was submitted and when it arrived; no
/// answer becomes a value. None: its own is no later.
///
/// # Errors
/// [`SealError::DoesNotOpen`], [`SealError::UnknownLayout`], [`SealError::NoRandomness`].
pub fn date_anew(
    record: &SealedRecord<'_>,
    id: &RecordId,
    key: &Key,
    end: impl FnOnce(Timestamp, Timestamp) -> Timestamp,
    random: &dyn Random,
) -> Result<Option<SealedRecord<'static>>, SealError> {
    let plain = record.plain(id, key)?;
    let dated = schema::date_anew(&plain, end).ok_or(SealError::UnknownLayout)?;
    let Some((plain, ends)) = dated else { return Ok(None) };
    let (expiry_day, nonce) = (Day::of(ends), Nonce::Short(drawn(random)?));
    let dated = SealedRecord { expiry_day, nonce, sealed: Cow::Borrowed(&[]), ..*record };
    dated.filled(&plain, id, key).map(Some)
}

/// Seals an inside under another leaf, with what stands in clear: the leaf, the expiry day, the test flag.
///
/// # Errors
/// [`SealError::TooLarge`], [`SealError::NoRandomness`].
pub(in crate::lead) fn reseal(
    plain: &[u8],
    schema: Schema,
    (leaf, expiry_day, test): (Leaf, Day, bool),
    id: &RecordId,
    key: &Key,
    random: &dyn Random,
) -> Result<SealedRecord<'static>, SealError> {
    let (under, head) = (Under::Leaf(leaf), Head::OfLeaf(schema));
    let (nonce, sealed) = (Nonce::Short(drawn(random)?), Cow::Borrowed(&[][..]));
    SealedRecord { under, expiry_day, test, head, nonce, sealed }.filled(plain, id, key)
}

fn drawn<const N: usize>(random: &dyn Random) -> Result<[u8; N], SealError> {
    let mut nonce = [0; N];
    random.fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
    Ok(nonce)
}

/// The bytes that the vault would keep of this.
pub(in crate::lead) fn size(content: &Content) -> usize {
    size_of(schema::size(content))
}

/// The bytes that the vault would keep of an inside of this size.
pub(in crate::lead) fn size_of(plain: usize) -> usize {
    HEADER_BYTES + plain + TAG_BYTES
}

/// Opens a record under its name.
///
/// # Errors
/// [`SealError::DoesNotOpen`] if the bytes are another record's, changed, or under another key;
/// [`SealError::UnknownLayout`] if a later version wrote them.
pub fn open(record: &SealedRecord<'_>, id: &RecordId, key: &Key) -> Result<OpenedLead, SealError> {
    unseal(record, id, key)?.read()
}

/// A record whose seal is off and in which nothing was read yet: one block of bytes, wiped when dropped. No answer in it is
/// a value, so it goes from thread to thread for what one allocation costs.
pub struct UnsealedLead {
    id: RecordId,
    test: bool,
    plain: Wiped<Vec<u8>>,
    events: Vec<ConsentEvent>,
}

impl UnsealedLead {
    /// The same, with what became of its consents.
    #[must_use = "it is the same with them"]
    pub fn with_events(self, events: Vec<ConsentEvent>) -> Self {
        Self { events, ..self }
    }

    /// Its name.
    pub fn id(&self) -> &RecordId {
        &self.id
    }

    /// Its key in `seen`; none: an earlier version stored it.
    pub fn seen(&self) -> Option<[u8; 32]> {
        schema::seen(&self.plain)
    }

    /// Has each answer looked at, with the name of its field, where it lies: it becomes no value, and nothing of it outlives this.
    ///
    /// # Errors
    /// [`SealError::UnknownLayout`] if a later version wrote it.
    pub fn each_answer(&self, look: impl FnMut(&str, &str)) -> Result<(), SealError> {
        schema::each_answer(&self.plain, look).ok_or(SealError::UnknownLayout)
    }

    /// Reads what is inside.
    ///
    /// # Errors
    /// [`SealError::UnknownLayout`] if a later version wrote it.
    pub fn read(&self) -> Result<OpenedLead, SealError> {
        let content = schema::decode(&self.plain, self.test).ok_or(SealError::UnknownLayout)?;
        Ok(OpenedLead { id: self.id.clone(), content, events: self.events.clone() })
    }
}

/// Checks that a record would open; no answer becomes a value.
///
/// # Errors
/// [`SealError::DoesNotOpen`].
pub fn check(record: &SealedRecord<'_>, id: &RecordId, key: &Key) -> Result<(), SealError> {
    record.plain(id, key).map(drop)
}

/// The key in `seen` that a record has inside; no answer becomes a value. None: an earlier version stored it.
///
/// # Errors
/// [`SealError::DoesNotOpen`].
pub fn seen_of(record: &SealedRecord<'_>, id: &RecordId, key: &Key) -> Result<Option<[u8; 32]>, SealError> {
    record.plain(id, key).map(|plain| schema::seen(&plain))
}

/// What is inside, as bytes.
///
/// # Errors
/// [`SealError::DoesNotOpen`].
pub(in crate::lead) fn plain_of(
    record: &SealedRecord<'_>,
    id: &RecordId,
    key: &Key,
) -> Result<Wiped<Vec<u8>>, SealError> {
    record.plain(id, key)
}

/// Takes the seal off, for whoever reads it.
///
/// # Errors
/// [`SealError::DoesNotOpen`].
pub fn unseal(record: &SealedRecord<'_>, id: &RecordId, key: &Key) -> Result<UnsealedLead, SealError> {
    let plain = record.plain(id, key)?;
    Ok(UnsealedLead { id: id.clone(), test: record.test, plain, events: Vec::new() })
}

#[cfg(test)]
mod tests;
