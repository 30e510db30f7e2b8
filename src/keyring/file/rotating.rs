//! Another root key: the whole keyring is written anew under it, while no tamis runs, and changes places with the one that was there.
//!
//! | step | opens alone | a crash behind it leaves beside the keyring |
//! |---|---|---|
//! | 1 it opens, under one of the two root keys or both | the old one | – |
//! | 2 what lies beside it is overwritten and removed | the old one | – |
//! | 3 `keyring.new` written under the new one, synced, read back | the old one | all of it, or a part |
//! | 4 the two exchanged by one rename(2), the directory synced | either, whole: which of them, the pages say | the other of the two |
//! | 5 `keyring.new`, which is the old one now, overwritten, removed | the new one | the old one, or zeros |
//!
//! Which of the two lies beside it a start need not know: what is in the place has opened, so the other one goes, and that is made durable
//! first. The same command goes on from every step. Where nothing exchanges names, step 4 takes the old one's name away: a crash between 4
//! and 5 then leaves its bytes in freed blocks. A keyring half of which an earlier version sealed again in its place opens with both root
//! keys, and this ends it.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

#[cfg(doc)]
use crate::keyring::KeyringCode;
use crate::keyring::KeyringError;
use crate::keyring::files::{Files, wipe_nameless};
use crate::keyring::pages::{FileDisk, Pages, Root, RootId, Roots};
use crate::machine::lock::LockFile;
use crate::random::Random;
use crate::secret::Key;

/// A keyring that is about to come under another root key; nobody else has it meanwhile.
pub struct Rotation {
    pub(super) files: Files,
    _lock: LockFile,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// So many pages came under the new root key: none, and all of them were already.
    pub pages: usize,
    /// The public name of the root key of before.
    pub from: RootId,
    /// That of the one that opens it now.
    pub to: RootId,
}

/// Why no keyring can, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRotated {
    /// There is none.
    Absent,
    /// It is one of before, which a start moves first.
    OfBefore,
    /// It is under the root key of before. See [`KeyringCode`].
    Refused(KeyringError),
    /// The new one is in the place, and the end is missing: it is not sure to be there after a power cut, or the one of before is not
    /// overwritten. The same rotation once more ends it.
    NotEnded(KeyringError),
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

    /// Writes it anew under the other root key and puts that in its place; then it opens under that one alone, and what was there is
    /// overwritten. Memory holds the keys and one page. Blocks.
    ///
    /// # Errors
    /// [`KeyringCode::DoesNotOpen`]: some page is under neither. Otherwise see [`NotRotated`].
    pub fn finish(self, from: Key, to: Key, random: Arc<dyn Random>) -> Result<Rotated, NotRotated> {
        let (from, to, files) = (Root::new(from), Root::new(to), &self.files);
        let mut rotated = Rotated { pages: 0, from: from.id(), to: to.id() };
        let file = files.open(files.place())?;
        let pages = Pages::open(FileDisk::of(file), Roots { seal: to, also: Some(from) }, random)?;
        rotated.pages = pages.under_others();
        let is_there = rotated.pages == 0;
        // Not before it has opened: until then what lies beside it may be all that there is.
        files.wipe_remains().map_err(|error| match is_there {
            true => NotRotated::NotEnded(error),
            false => NotRotated::Refused(error),
        })?;
        if is_there {
            return Ok(rotated);
        }
        let (file, moved) = (files.create_new()?, Cell::new(false));
        let written = pages.write_anew(FileDisk::of(file), || {
            let is_kept = files.exchange(files.place())?;
            moved.set(true);
            files.sync_names().map(|()| is_kept)
        });
        let (before, is_kept) = match written {
            Ok(written) => written,
            Err(error) if moved.get() => return Err(NotRotated::NotEnded(error)),
            Err(error) => {
                // At best; the next rotation and the next start do it as well.
                let _ = files.wipe_new();
                return Err(NotRotated::Refused(error));
            }
        };
        let wiped = match is_kept {
            true => files.wipe_new(),
            false => wipe_nameless(before.into_file()).map_err(KeyringError::file),
        };
        wiped.map(|()| rotated).map_err(NotRotated::NotEnded)
    }
}
