//! A record's sealed form: XChaCha20-Poly1305 under its bucket's key.
//!
//! The additional data binds purpose, epoch, number, key generation, expiry day, test flag, schema and the
//! version of what stands in clear, so that a record
//! moved to another tree or number, or with another expiry in clear, does not open.

use std::borrow::Cow;

use jiff::Timestamp;
use postcard::ser_flavors::Size;
use zeroize::Zeroizing;

use crate::clock::Day;
use crate::id::{FormId, LeadgenId, PageId};
use crate::lead::minimised::{Answer, ConsentEvidence, Content, MinimisedLead, Tick};
use crate::lead::opened::OpenedLead;
use crate::purpose::{ConsentKey, FieldName, Keep, RecordId};
use crate::random::Random;
use crate::secret::Key;
use crate::secret::cipher::{self, NONCE_BYTES, TAG_BYTES};

/// The largest sealed record: what is larger is buried, so that nothing lands in sled's unsynced blob files.
pub const RECORD_BYTES_MAX: usize = 16 * 1024;

/// The layout of what is inside.
const SCHEMA: u8 = 1;
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
}

impl Head {
    /// The head that is written.
    const WRITTEN: Self = Self::One;

    /// Reads it off the front.
    fn split(bytes: &[u8]) -> Option<(Self, &[u8])> {
        match bytes {
            [0, ..] => Some((Self::Unversioned, bytes)),
            [1, rest @ ..] => Some((Self::One, rest)),
            _ => None,
        }
    }

    /// What is written in front.
    fn version(self) -> &'static [u8] {
        match self {
            Self::Unversioned => &[],
            Self::One => &[1],
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
        aad.push(SCHEMA);
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

/// Seals a lead under its name.
///
/// # Errors
/// [`SealError::TooLarge`], [`SealError::NoRandomness`].
pub fn seal(
    lead: &MinimisedLead,
    id: &RecordId,
    bucket: &BucketKey,
    random: &dyn Random,
) -> Result<SealedRecord<'static>, SealError> {
    let plain = encode(&lead.content)?;
    let size = HEADER_BYTES + plain.len() + TAG_BYTES;
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
        let content = decode(&self.plain, self.test).ok_or(SealError::UnknownLayout)?;
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

/// The inside of a record, layout 1. Names are text, so that a later config may drop one without breaking the rest.
#[derive(serde::Serialize, serde::Deserialize)]
struct Layout1<'c> {
    created: i64,
    received: i64,
    form: &'c str,
    page: &'c str,
    #[serde(borrow)]
    fields: Vec<(&'c str, Vec<&'c str>)>,
    consents: Vec<(&'c str, &'c str, Tick)>,
    expires_at: i64,
    reconfirm_due: Option<i64>,
    leadgen: Option<&'c str>,
    attribution: Vec<(&'c str, &'c str)>,
}

/// Writes layout 1 into one allocation of its size: a buffer that grows would leave copies behind, and a needlessly large
/// one costs more to wipe than all the rest.
fn encode(content: &Content) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let layout = Layout1 {
        created: content.created.as_second(),
        received: content.received.as_second(),
        form: content.form.as_str(),
        page: content.page.as_str(),
        fields: content
            .fields
            .iter()
            .map(|(name, answers)| (name.as_str(), answers.iter().map(Answer::expose).collect()))
            .collect(),
        consents: content
            .consents
            .iter()
            .map(|c| (c.key.as_str(), c.checkbox_key.as_str(), c.tick))
            .collect(),
        expires_at: content.expires_at.as_second(),
        reconfirm_due: content.reconfirm_due.map(Timestamp::as_second),
        leadgen: content.leadgen.as_ref().map(LeadgenId::expose),
        attribution: content
            .attribution
            .iter()
            .map(|(keep, value)| (keep.as_str(), value.expose()))
            .collect(),
    };
    #[expect(clippy::expect_used, reason = "counting the bytes of numbers and texts cannot fail")]
    let bytes = 1 + postcard::serialize_with_flavor(&layout, Size::default()).expect("a count grows");
    let mut out = Zeroizing::new(vec![0; bytes]);
    let (schema, body) = out.split_at_mut_checked(1).ok_or(SealError::TooLarge(bytes))?;
    schema.fill(SCHEMA);
    postcard::to_slice(&layout, body).map_err(|_| SealError::TooLarge(bytes))?;
    Ok(out)
}

pub(super) fn decode(plain: &[u8], test: bool) -> Option<Content> {
    let (schema, body) = plain.split_first()?;
    if *schema != SCHEMA {
        return None;
    }
    let layout: Layout1<'_> = postcard::from_bytes(body).ok()?;
    let moment = |seconds| Timestamp::from_second(seconds).ok();
    let mut fields = Vec::with_capacity(layout.fields.len());
    for (name, values) in layout.fields {
        let answers = values.into_iter().map(|value| Answer::from_sealed(value.to_owned())).collect();
        fields.push((FieldName::parse(name)?, answers));
    }
    let mut consents = Vec::with_capacity(layout.consents.len());
    for (key, checkbox_key, tick) in layout.consents {
        let key = ConsentKey::parse(key)?;
        consents.push(ConsentEvidence { key, checkbox_key: checkbox_key.to_owned(), tick });
    }
    let mut attribution = Vec::with_capacity(layout.attribution.len());
    for (keep, value) in layout.attribution {
        attribution.push((Keep::from_code(keep)?, Answer::from_sealed(value.to_owned())));
    }
    Some(Content {
        created: moment(layout.created)?,
        received: moment(layout.received)?,
        form: FormId::parse(layout.form)?,
        page: PageId::parse(layout.page)?,
        fields,
        consents,
        expires_at: moment(layout.expires_at)?,
        reconfirm_due: layout.reconfirm_due.map(moment).map_or(Some(None), |due| due.map(Some))?,
        test,
        leadgen: layout.leadgen.map(LeadgenId::parse).map_or(Some(None), |id| id.map(Some))?,
        attribution,
    })
}

#[cfg(test)]
mod tests;
