//! How such a keyring was written: for what holds older stores.

use std::io::ErrorKind;

use postcard::ser_flavors::Size;
use zeroize::Zeroizing;

use super::{HEADER_BYTES, KEYRING_BYTES_MAX, Layout1, MAGIC, PREFIX_BYTES, VERSION};
use crate::keyring::content::{Content, Numbered};
use crate::keyring::{KeyringCode, KeyringError};
use crate::random::Random;
use crate::secret::Key;
use crate::secret::cipher::{self, NONCE_BYTES, TAG_BYTES};

/// Seals a generation. A fresh nonce each time: XChaCha20's are long enough to be drawn at random.
///
/// # Errors
/// [`KeyringCode::NoRandomness`]; [`KeyringCode::Io`] with [`ErrorKind::FileTooLarge`] beyond [`KEYRING_BYTES_MAX`].
pub(in crate::keyring) fn seal(
    content: &Content,
    root: &Key,
    random: &dyn Random,
) -> Result<Vec<u8>, KeyringError> {
    seal_within(KEYRING_BYTES_MAX, content, root, random)
}

pub(in crate::keyring) fn seal_within(
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

pub(in crate::keyring) fn prefix_of(version: u8) -> [u8; PREFIX_BYTES] {
    let mut prefix = [version; PREFIX_BYTES];
    prefix[..MAGIC.len()].copy_from_slice(MAGIC);
    prefix
}

impl<'c> Layout1<'c> {
    pub(super) fn of(content: &'c Content) -> Self {
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
