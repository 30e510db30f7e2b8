//! Another root key for the keyring that the config names, while tamis does not run.

use std::sync::Arc;

use crate::app::{Ambient, StartError};
use crate::config::Config;
use crate::keyring::KeyringError;
use crate::keyring::file::{NotRotated, Rotation};
use crate::secret::Key;

/// Why a keyring did not come under another root key.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// There is no keyring.
    #[error("there is no keyring")]
    Absent,
    /// It is one of an earlier version.
    #[error("the keyring is one of an earlier version")]
    OfBefore,
    /// It refuses.
    #[error(transparent)]
    Refused(StartError),
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
        let rotation = Rotation::begin(&config.keys.keyring).map_err(|why| match why {
            NotRotated::Absent => RotateError::Absent,
            NotRotated::OfBefore => RotateError::OfBefore,
            NotRotated::Refused(error) => RotateError::Refused(refused(config, error)),
        })?;
        Ok(Self { config, rotation })
    }

    /// Seals it under the other root key, page by page; how many pages that were. Blocks.
    ///
    /// # Errors
    /// What was done stays, and another rotation goes on with it.
    pub fn finish(self, from: Key, to: Key, ambient: &Ambient) -> Result<usize, RotateError> {
        let done = self.rotation.finish(from, to, Arc::clone(&ambient.random));
        done.map_err(|error| RotateError::Refused(refused(self.config, error)))
    }
}

fn refused(config: &Config, error: KeyringError) -> StartError {
    StartError::Keyring { path: config.keys.keyring.clone(), error }
}
