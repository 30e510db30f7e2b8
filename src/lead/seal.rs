//! A record's sealed form: XChaCha20-Poly1305 under its bucket's key.
//!
//! The additional data binds purpose, epoch, number, key generation, expiry day, test flag, schema and the
//! version of what stands in clear, so that a record
//! moved to another tree or number, or with another expiry in clear, does not open.

use std::borrow::Cow;

use zeroize::Zeroizing;

use crate::clock::Day;
use crate::lead::minimised::{Content, MinimisedLead};
use crate::lead::opened::OpenedLead;
use crate::lead::schema::{self, Schema};
use crate::purpose::RecordId;
use crate::random::Random;
use crate::secret::Key;
use crate::secret::cipher::{self, NONCE_BYTES, TAG_BYTES};

/// The largest sealed record: what is larger is buried, so that nothing lands in sled's unsynced blob files.
pub const RECORD_BYTES_MAX: usize = 16 * 1024;

/// Version, key generation, expiry day, test flag, nonce.
const HEADER_BYTES: usize = 1 + 4 + 4 + 1 + NONCE_BYTES;

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
}

impl Head {
    /// The head that is written.
    const WRITTEN: Self = Self::Two;

    /// Reads it off the front.
    fn split(bytes: &[u8]) -> Option<(Self, &[u8])> {
        match bytes {
            [0, ..] => Some((Self::Unversioned, bytes)),
            [1, rest @ ..] => Some((Self::One, rest)),
            [2, rest @ ..] => Some((Self::Two, rest)),
            _ => None,
        }
    }

    /// What is written in front.
    fn version(self) -> &'static [u8] {
        match self {
            Self::Unversioned => &[],
            Self::One => &[1],
            Self::Two => &[2],
        }
    }

    /// What is inside.
    fn schema(self) -> Schema {
        match self {
            Self::Unversioned | Self::One => Schema::One,
            Self::Two => Schema::Two,
        }
    }
}

/// The key of one bucket, and which generation of it: an erasure gives the bucket a new one.
#[derive(Clone)]
pub struct BucketKey {
    /// Counts the keys this bucket has had, from 0.
    pub generation: u32,
    /// The key.
    pub key: Key,
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
    /// Which of its bucket's keys opens it.
    pub generation: u32,
    /// The first day on which it is no longer exported.
    pub expiry_day: Day,
    /// One of Meta's test leads.
    pub test: bool,
    head: Head,
    nonce: [u8; NONCE_BYTES],
    sealed: Cow<'r, [u8]>,
}

impl<'r> SealedRecord<'r> {
    /// The bytes that the vault keeps.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES + self.sealed.len());
        out.extend_from_slice(self.head.version());
        out.extend_from_slice(&self.generation.to_be_bytes());
        out.extend_from_slice(&self.expiry_day.0.to_be_bytes());
        out.push(u8::from(self.test));
        out.extend_from_slice(&self.nonce);
        out.extend_from_slice(&self.sealed);
        out
    }

    /// Reads what stands in clear: key generation, expiry day, test flag.
    pub fn peek(bytes: &[u8]) -> Option<(u32, Day, bool)> {
        let (_, clear) = Head::split(bytes)?;
        Clear::read(clear).map(|(clear, _)| (clear.generation, clear.expiry_day, clear.test))
    }

    /// Reads what [`SealedRecord::encode`] wrote, and the heads of before.
    pub fn decode(bytes: &'r [u8]) -> Option<Self> {
        let (head, clear) = Head::split(bytes)?;
        let (Clear { generation, expiry_day, test }, rest) = Clear::read(clear)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
        Some(Self { generation, expiry_day, test, head, nonce: *nonce, sealed: sealed.into() })
    }

    fn additional_data(&self, id: &RecordId) -> Vec<u8> {
        let purpose = id.purpose.as_str().as_bytes();
        let mut aad = Vec::with_capacity(purpose.len() + 32);
        aad.extend_from_slice(b"tamis/record");
        aad.push(self.head.schema().byte());
        aad.push(purpose.len() as u8);
        aad.extend_from_slice(purpose);
        aad.extend_from_slice(&id.epoch.to_be_bytes());
        aad.extend_from_slice(&id.number.to_be_bytes());
        aad.extend_from_slice(&self.generation.to_be_bytes());
        aad.extend_from_slice(&self.expiry_day.0.to_be_bytes());
        aad.push(u8::from(self.test));
        aad.extend_from_slice(self.head.version());
        aad
    }
}

/// What stands in clear, whatever the head.
struct Clear {
    generation: u32,
    expiry_day: Day,
    test: bool,
}

impl Clear {
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (generation, rest) = bytes.split_first_chunk::<4>()?;
        let (day, rest) = rest.split_first_chunk::<4>()?;
        let (test, rest) = match rest.split_first()? {
            (0, rest) => (false, rest),
            (1, rest) => (true, rest),
            _ => return None,
        };
        let (generation, expiry_day) = (u32::from_be_bytes(*generation), Day(u32::from_be_bytes(*day)));
        Some((Self { generation, expiry_day, test }, rest))
    }
}

/// Seals a lead under its name, and with it its key in `seen`, by which an erasure finds that row.
///
/// # Errors
/// [`SealError::TooLarge`], [`SealError::NoRandomness`].
pub fn seal(
    lead: &MinimisedLead,
    id: &RecordId,
    seen: [u8; 32],
    bucket: &BucketKey,
    random: &dyn Random,
) -> Result<SealedRecord<'static>, SealError> {
    let plain = schema::encode(&lead.content, seen).map_err(SealError::TooLarge)?;
    let size = size_of(plain.len());
    if size > RECORD_BYTES_MAX {
        return Err(SealError::TooLarge(size));
    }
    let mut nonce = [0; NONCE_BYTES];
    random.fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
    let mut record = SealedRecord {
        generation: bucket.generation,
        expiry_day: lead.expiry_day(),
        test: lead.is_test(),
        head: Head::WRITTEN,
        nonce,
        sealed: Cow::Borrowed(&[]),
    };
    let aad = record.additional_data(id);
    let sealed = cipher::seal(&bucket.key, &nonce, &aad, &plain).map_err(|_| SealError::TooLarge(size))?;
    record.sealed = sealed.into();
    Ok(record)
}

/// The bytes that the vault would keep of this.
pub(in crate::lead) fn size(content: &Content) -> usize {
    size_of(schema::size(content))
}

fn size_of(plain: usize) -> usize {
    HEADER_BYTES + plain + TAG_BYTES
}

/// Opens a record under its name.
///
/// # Errors
/// [`SealError::DoesNotOpen`] if the bytes are another record's, changed, or under another key;
/// [`SealError::UnknownLayout`] if a later version wrote them.
pub fn open(record: &SealedRecord<'_>, id: &RecordId, bucket: &BucketKey) -> Result<OpenedLead, SealError> {
    unseal(record, id, bucket)?.read()
}

/// A record whose seal is off and in which nothing was read yet: one block of bytes, wiped when dropped. No answer in it is
/// a value, so it goes from thread to thread for what one allocation costs.
pub struct UnsealedLead {
    id: RecordId,
    test: bool,
    plain: Zeroizing<Vec<u8>>,
}

impl UnsealedLead {
    /// Reads what is inside.
    ///
    /// # Errors
    /// [`SealError::UnknownLayout`] if a later version wrote it.
    pub fn read(&self) -> Result<OpenedLead, SealError> {
        let content = schema::decode(&self.plain, self.test).ok_or(SealError::UnknownLayout)?;
        Ok(OpenedLead { id: self.id.clone(), content })
    }
}

/// Checks that a record would open; no answer becomes a value.
///
/// # Errors
/// [`SealError::DoesNotOpen`].
pub fn check(record: &SealedRecord<'_>, id: &RecordId, bucket: &BucketKey) -> Result<(), SealError> {
    unseal(record, id, bucket).map(drop)
}

/// Takes the seal off, for whoever reads it.
///
/// # Errors
/// [`SealError::DoesNotOpen`].
pub fn unseal(
    record: &SealedRecord<'_>,
    id: &RecordId,
    bucket: &BucketKey,
) -> Result<UnsealedLead, SealError> {
    let aad = record.additional_data(id);
    let plain = cipher::open(&bucket.key, &record.nonce, &aad, &record.sealed);
    let plain = plain.map_err(|_| SealError::DoesNotOpen)?;
    Ok(UnsealedLead { id: id.clone(), test: record.test, plain })
}

#[cfg(test)]
mod tests;
