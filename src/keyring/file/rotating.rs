//! Another root key: every page of the file is sealed again, while no tamis runs.
//!
//! Each page says which root key sealed it. So a change that was cut short is gone on with by whoever has both keys, and with the two
//! the other way round it is taken back; with one of them alone nothing opens (`keyring-does-not-open`), since neither has all of it. What
//! a page was is overwritten with zeros before the next one is begun.

use std::path::Path;
use std::sync::Arc;

#[cfg(doc)]
use crate::keyring::KeyringCode;
use crate::keyring::KeyringError;
use crate::keyring::files::Files;
use crate::keyring::pages::{FileDisk, Pages, Root, Roots};
use crate::machine::lock::LockFile;
use crate::random::Random;
use crate::secret::Key;

/// A keyring that is about to come under another root key; nobody else has it meanwhile.
pub struct Rotation {
    files: Files,
    _lock: LockFile,
}

/// Why no keyring can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRotated {
    /// There is none.
    Absent,
    /// It is one of before, which a start moves first.
    OfBefore,
    /// See [`KeyringCode`].
    Refused(KeyringError),
}

impl From<KeyringError> for NotRotated {
    fn from(error: KeyringError) -> Self {
        Self::Refused(error)
    }
}

impl Rotation {
    /// Takes the keyring. Nothing is changed yet.
    ///
    /// # Errors
    /// See [`NotRotated`]; [`KeyringCode::Locked`]: tamis runs.
    pub fn begin(path: &Path) -> Result<Self, NotRotated> {
        let files = Files::of(path);
        if !files.exists()? {
            return Err(NotRotated::Absent);
        }
        let lock = files.lock()?;
        if !files.is_in_pages()? || files.next_exists()? {
            return Err(NotRotated::OfBefore);
        }
        Ok(Self { files, _lock: lock })
    }

    /// Seals it again, page by page, and tells how many that were: none, and it was under the new one already. It is whole under that one
    /// alone when this returns. Blocks.
    ///
    /// # Errors
    /// [`KeyringCode::DoesNotOpen`]: some page is under neither. Otherwise see [`KeyringCode`]: what was done stays, and another rotation
    /// goes on with it.
    pub fn finish(self, from: Key, to: Key, random: Arc<dyn Random>) -> Result<usize, KeyringError> {
        let roots = Roots { seal: Root::new(to), also: Some(Root::new(from)) };
        let file = self.files.open(self.files.place())?;
        let pages = Pages::open(FileDisk::of(file), roots, random)?;
        // What a replacement or a restore that was cut short left is under the key of then.
        self.files.wipe_remains()?;
        let all = pages.under_others();
        while pages.reseal()? > 0 {}
        Ok(all)
    }
}
