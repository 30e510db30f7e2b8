//! Under which root keys pages lie: by what they say of themselves, without any key.

use std::collections::BTreeSet;

use crate::keyring::KeyringError;
use crate::keyring::pages::disk::Disk;
use crate::keyring::pages::page::{self, RootId};
use crate::keyring::pages::shelf::PAGES_MAX;

/// A change of the root key knows two; what names more is told of no further.
const TOLD_MAX: usize = 3;

/// The root keys that sealed these pages, a few of them where there are many. Whether a page is what it says is not looked at.
///
/// # Errors
/// [`crate::keyring::KeyringCode::Io`].
pub fn root_ids(disk: &mut impl Disk) -> Result<BTreeSet<RootId>, KeyringError> {
    let failed = |error: std::io::Error| KeyringError::io(error.kind());
    let (mut ids, mut raw) = (BTreeSet::new(), page::blank());
    for number in 1..disk.pages().map_err(failed)?.min(PAGES_MAX) {
        disk.read(number, &mut raw).map_err(failed)?;
        ids.extend(page::root_of(&raw));
        if ids.len() == TOLD_MAX {
            break;
        }
    }
    Ok(ids)
}
