//! The bytes of a keyring of before, in which each bucket had one key: sealed whole by the root key. It is only read: a store
//! that has records under it moves ([`mod@crate::keyring::file`]).
//!
//! `TAMISKEY`, a version byte, a nonce of 24 bytes, then the content under XChaCha20-Poly1305 with magic and version as
//! additional data. A bucket takes about 38 bytes: 75 KB for a million leads.

use std::collections::BTreeMap;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::clock::{Day, Month};
use crate::keyring::content::{BucketKeys, Content, Numbered};
use crate::keyring::{Bucket, InstanceId, KeyringCode, KeyringError};
use crate::purpose::PurposeId;
use crate::secret::Key;
use crate::secret::cipher::{self, NONCE_BYTES, TAG_BYTES};

/// No keyring is larger: the keys of some 800 million leads.
pub const KEYRING_BYTES_MAX: u64 = 64 * 1024 * 1024;

const MAGIC: &[u8; 8] = b"TAMISKEY";
const VERSION: u8 = 1;
/// Magic and version: what the seal binds beside the content.
const PREFIX_BYTES: usize = MAGIC.len() + 1;
/// Before the sealed content: magic, version, nonce.
pub const HEADER_BYTES: usize = PREFIX_BYTES + NONCE_BYTES;

/// Opens such a keyring.
///
/// # Errors
/// [`KeyringCode::Format`] if a later version wrote it; [`KeyringCode::DoesNotOpen`] if it is no keyring, was changed, or
/// is under another root key.
pub fn open(mut bytes: Zeroizing<Vec<u8>>, root: &Key) -> Result<Content, KeyringError> {
    let refused = || KeyringError::of(KeyringCode::DoesNotOpen);
    let (header, body) = bytes.split_at_mut_checked(HEADER_BYTES).ok_or_else(refused)?;
    let (prefix, nonce) = header.split_at(PREFIX_BYTES);
    match prefix.split_last() {
        Some((&VERSION, magic)) if magic == MAGIC => {}
        Some((_, magic)) if magic == MAGIC => return Err(KeyringError::of(KeyringCode::Format)),
        _ => return Err(refused()),
    }
    let nonce: &[u8; NONCE_BYTES] = nonce.try_into().map_err(|_| refused())?;
    let (plain, tag) = body.split_last_chunk_mut::<TAG_BYTES>().ok_or_else(refused)?;
    cipher::open_in_place(root, nonce, prefix, plain, tag).map_err(|_| refused())?;
    decode(plain).ok_or(KeyringError::of(KeyringCode::Format))
}

/// The inside, layout 1. Keys are borrowed on both ways, so that none is copied but into its place.
#[derive(serde::Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct Layout1<'c> {
    instance: [u8; 16],
    generation: u64,
    seen: &'c [u8],
    trail: &'c [u8],
    #[serde(borrow)]
    months: Vec<(u32, &'c [u8])>,
    days: Vec<(u32, &'c [u8])>,
    /// By purpose, so that its name is written once.
    #[expect(clippy::type_complexity, reason = "epoch, index, newest and previous (generation, key)")]
    purposes: Vec<(&'c str, Vec<(u32, u64, (u32, &'c [u8]), Option<(u32, &'c [u8])>)>)>,
}

pub(super) fn decode(plain: &[u8]) -> Option<Content> {
    let (layout, rest) = postcard::take_from_bytes::<Layout1<'_>>(plain).ok()?;
    let key = |bytes: &[u8]| Key::from_slice(bytes).map(Arc::new);
    let numbered = |(generation, bytes)| Some(Numbered { generation, key: key(bytes)? });
    let mut buckets = BTreeMap::new();
    for (name, runs) in layout.purposes {
        let purpose = PurposeId::parse(name)?;
        for (epoch, index, newest, previous) in runs {
            let previous = previous.map_or(Some(None), |held| numbered(held).map(Some))?;
            let keys = BucketKeys { newest: numbered(newest)?, previous };
            buckets.insert(Bucket { purpose: purpose.clone(), epoch, index }, keys);
        }
    }
    let content = Content {
        instance: InstanceId(layout.instance),
        generation: layout.generation,
        seen: key(layout.seen)?,
        trail: key(layout.trail)?,
        months: layout
            .months
            .into_iter()
            .map(|(m, bytes)| Some((Month(m), key(bytes)?)))
            .collect::<Option<_>>()?,
        days: layout.days.into_iter().map(|(d, bytes)| Some((Day(d), key(bytes)?))).collect::<Option<_>>()?,
        buckets,
    };
    rest.is_empty().then_some(content)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(in crate::keyring) mod writing;
