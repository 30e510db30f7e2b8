//! Another root key for the keyring that the config names, while tamis does not run.

use std::sync::Arc;

use crate::app::{Ambient, StartError};
use crate::config::Config;
use crate::keyring::KeyringError;
pub use crate::keyring::file::Rotated;
use crate::keyring::file::{NotRotated, Rotation};
use crate::secret::Key;

/// Why a keyring did not come under another root key, or not to the end.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// There is no keyring.
    #[error("there is no keyring")]
    Absent,
    /// It is one of an earlier version.
    #[error("the keyring is one of an earlier version")]
    OfBefore,
    /// It refuses, and is under the root key of before.
    #[error(transparent)]
    Refused(StartError),
    /// It is in the place under the new one, and the end is missing.
    #[error("the rotation has not ended: {0}")]
    NotEnded(StartError),
}

/// The keyring of a config, taken.
pub struct Rotating<'c> {
    config: &'c Config,
    rotation: Rotation,
}

impl<'c> Rotating<'c> {
    /// Takes it; nothing is changed yet.
    ///
    /// # Errors
    /// See [`RotateError`].
    pub fn begin(config: &'c Config) -> Result<Self, RotateError> {
        let begun = Rotation::begin(&config.keys.keyring);
        let rotation = begun.map_err(|why| not_rotated(config, why, &[]))?;
        Ok(Self { config, rotation })
    }

    /// Writes it anew under the other root key, and overwrites what was there. Blocks.
    ///
    /// # Errors
    /// Another rotation goes on with what was done.
    pub fn finish(self, from: &Key, to: &Key, ambient: &Ambient) -> Result<Rotated, RotateError> {
        let done = self.rotation.finish(from.clone(), to.clone(), Arc::clone(&ambient.random));
        done.map_err(|why| not_rotated(self.config, why, &[from, to]))
    }
}

fn not_rotated(config: &Config, why: NotRotated, roots: &[&Key]) -> RotateError {
    let told = |error: KeyringError| StartError::keyring(&config.keys.keyring, error, roots);
    match why {
        NotRotated::Absent => RotateError::Absent,
        NotRotated::OfBefore => RotateError::OfBefore,
        NotRotated::Refused(error) => RotateError::Refused(told(error)),
        NotRotated::NotEnded(error) => RotateError::NotEnded(told(error)),
    }
}
