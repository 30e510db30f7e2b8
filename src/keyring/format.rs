//! The keyring's bytes: sealed by the root key, and compact, since the whole file is written at each change.
//!
//! `TAMISKEY`, a version byte, a nonce of 24 bytes, then the content under XChaCha20-Poly1305 with magic and version as
//! additional data. A bucket takes about 38 bytes: 75 KB for a million leads.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;

use postcard::ser_flavors::Size;
use zeroize::Zeroizing;

use crate::clock::{Day, Month};
use crate::keyring::content::{BucketKeys, Content, Numbered};
use crate::keyring::{Bucket, InstanceId, KeyringCode, KeyringError};
use crate::purpose::PurposeId;
use crate::random::Random;
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

/// Seals a generation. A fresh nonce each time: XChaCha20's are long enough to be drawn at random.
///
/// # Errors
/// [`KeyringCode::NoRandomness`]; [`KeyringCode::Io`] with [`ErrorKind::FileTooLarge`] beyond [`KEYRING_BYTES_MAX`].
pub fn seal(content: &Content, root: &Key, random: &dyn Random) -> Result<Vec<u8>, KeyringError> {
    seal_within(KEYRING_BYTES_MAX, content, root, random)
}

fn seal_within(
    bytes_max: u64,
    content: &Content,
    root: &Key,
    random: &dyn Random,
) -> Result<Vec<u8>, KeyringError> {
    let mut nonce = [0; NONCE_BYTES];
    random.fill(&mut nonce).map_err(|_| KeyringError::of(KeyringCode::NoRandomness))?;
    let too_large = || KeyringError::io(ErrorKind::FileTooLarge);

    // Plain first, sealed in place: one buffer, of its final size from the start, so that no copy of the keys is left behind.
    let layout = Layout1::of(content);
    let inside_bytes = postcard::serialize_with_flavor(&layout, Size::default()).map_err(|_| too_large())?;
    let bytes = HEADER_BYTES + inside_bytes + TAG_BYTES;
    if bytes as u64 > bytes_max {
        return Err(too_large());
    }
    let mut out = Zeroizing::new(vec![0; bytes]);
    let (header, body) = out.split_at_mut(HEADER_BYTES);
    let (prefix, nonce_field) = header.split_at_mut(PREFIX_BYTES);
    prefix.copy_from_slice(&prefix_of(VERSION));
    nonce_field.copy_from_slice(&nonce);
    let (inside, tag_field) = body.split_at_mut(inside_bytes);
    postcard::to_slice(&layout, inside).map_err(|_| too_large())?;
    let tag = cipher::seal_in_place(root, &nonce, &prefix_of(VERSION), inside).map_err(|_| too_large())?;
    tag_field.copy_from_slice(&tag);
    Ok(std::mem::take(&mut *out))
}

/// Opens what [`seal`] wrote.
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

/// True if a keyring's file begins so, whosever and of whatever version.
pub fn is_head(head: &[u8; HEADER_BYTES]) -> bool {
    head.starts_with(MAGIC)
}

fn prefix_of(version: u8) -> [u8; PREFIX_BYTES] {
    let mut prefix = [version; PREFIX_BYTES];
    prefix[..MAGIC.len()].copy_from_slice(MAGIC);
    prefix
}

/// The inside, layout 1. Keys are borrowed on both ways, so that none is copied but into its place.
#[derive(serde::Serialize, serde::Deserialize)]
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

impl<'c> Layout1<'c> {
    fn of(content: &'c Content) -> Self {
        let numbered = |held: &'c Numbered| (held.generation, held.key.expose().as_slice());
        let mut purposes: Vec<(&str, Vec<_>)> = Vec::new();
        // Buckets are in order of purpose.
        for (bucket, keys) in &content.buckets {
            let name = bucket.purpose.as_str();
            if purposes.last().is_none_or(|(last, _)| *last != name) {
                purposes.push((name, Vec::new()));
            }
            if let Some((_, buckets)) = purposes.last_mut() {
                let previous = keys.previous.as_ref().map(numbered);
                buckets.push((bucket.epoch, bucket.index, numbered(&keys.newest), previous));
            }
        }
        Self {
            instance: content.instance.0,
            generation: content.generation,
            seen: content.seen.expose(),
            trail: content.trail.expose(),
            months: content.months.iter().map(|(month, key)| (month.0, key.expose().as_slice())).collect(),
            days: content.days.iter().map(|(day, key)| (day.0, key.expose().as_slice())).collect(),
            purposes,
        }
    }
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
