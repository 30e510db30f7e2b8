//! A copy of the pages, as a backup has them: each as it lies there, sealed by the root key as it is.

use crate::keyring::pages::disk::Disk;
use crate::keyring::pages::mending::Compared;
use crate::keyring::pages::page;
use crate::keyring::pages::set::Pages;
use crate::keyring::{KeyringCode, KeyringError};

impl<D: Disk> Pages<D> {
    /// Copies every page onto an empty disk, no change in between, and looks whether the copy is what memory holds. It is
    /// durable when this returns; its name is the caller's matter.
    ///
    /// # Errors
    /// [`KeyringCode::Io`]; [`KeyringCode::Incomplete`]: what lies on the own disk is not what memory holds; or why nothing
    /// is changed any more.
    pub fn copy(&self, to: &mut impl Disk) -> Result<(), KeyringError> {
        let mut disk = self.disk.lock();
        if let Some(error) = self.failed() {
            return Err(error);
        }
        let failed = |error: std::io::Error| KeyringError::io(error.kind());
        let pages = disk.pages().map_err(failed)?;
        to.grow(pages).map_err(failed)?;
        let mut raw = page::blank();
        for number in 0..pages {
            disk.read(number, &mut raw).map_err(failed)?;
            to.write(number, &raw).map_err(failed)?;
        }
        to.sync().map_err(failed)?;
        match self.compare(to)? {
            Compared::Same => Ok(()),
            _ => Err(KeyringError::of(KeyringCode::Incomplete)),
        }
    }
}
