//! Restoring: a backup's store, and its keyring where there is none, in the places that the config names. tamis does not run
//! meanwhile: both are locked.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use crate::app::{Ambient, StartError};
use crate::config::Config;
use crate::keyring::file::{FileKeyring, KeyringCopy};
use crate::keyring::{Keyring, KeyringCode};
use crate::machine::own::is_of_this_user;
use crate::secret::Key;
use crate::store::{Restored, Restoring, Since, StoreCode, StoreError, Whose, forget_own_keyring};

/// Where the keyring lies in a backup.
const KEYRING: &str = "keys/keyring";

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Store or keyring refuse.
    #[error(transparent)]
    Refused(#[from] StartError),
    /// Nobody said that it may be done without knowing what was erased since.
    #[error("what was erased since is not known")]
    ErasuresUnknown {
        /// Since when; none: the backup does not say.
        since: Option<Timestamp>,
    },
    /// Another user owns the place of the store: tamis could not use what is made there.
    #[error("another user owns the place of the store")]
    OtherUser,
}

/// Restores a backup. A keyring that is in its place stays there: it is the newer one, which knows what was erased.
///
/// # Errors
/// See [`RestoreError`]. Nothing is in the place of the store then.
pub async fn restore(
    config: &Config,
    root: Key,
    backup: &Path,
    since: Option<Since>,
    ambient: &Ambient,
) -> Result<Restored, RestoreError> {
    let places = Places::of(config, backup);
    let (settings, from) = (config.store_settings(), backup.to_owned());
    let own = settings.path.ancestors().find(|path| path.exists()).map_or(Ok(true), is_of_this_user);
    if !own.map_err(|error| places.store_refused(StoreError::io(error)))? {
        return Err(RestoreError::OtherUser);
    }
    let begun = tokio::task::spawn_blocking(move || Restoring::begin(settings, &from)).await;
    // A panic of ours, whose place is in the log.
    let begun = begun.unwrap_or(Err(StoreError::of(StoreCode::Halted)));
    let restoring = begun.map_err(|error| places.store_refused(error))?;
    let Some(since) = since else {
        let since = restoring.made_at();
        restoring.leave().map_err(|error| places.store_refused(error))?;
        return Err(RestoreError::ErasuresUnknown { since });
    };
    let Found { keyring, whose, is_put } = match places.keyring(&restoring, &root, ambient) {
        Ok(found) => found,
        Err(error) => {
            // Why it is not restored is what is said; the next restore removes it as well.
            let _ = restoring.leave();
            return Err(error.into());
        }
    };
    let policy = config.policy();
    let purposes = policy.purposes().iter();
    let recipients = purposes.map(|purpose| (purpose.id.clone(), purpose.recipients.clone())).collect();
    let (clock, random) = (Arc::clone(&ambient.clock), Arc::clone(&ambient.random));
    let restored = restoring.finish((keyring, whose), recipients, clock, random, since).await;
    restored.map_err(|error| {
        if is_put {
            places.take_keyring_back();
        }
        places.store_refused(error).into()
    })
}

/// The keyring that a store is restored under.
struct Found {
    keyring: Arc<dyn Keyring>,
    whose: Whose,
    /// This restore put it there.
    is_put: bool,
}

struct Places<'c> {
    config: &'c Config,
    keyring: std::path::PathBuf,
}

impl<'c> Places<'c> {
    fn of(config: &'c Config, backup: &Path) -> Self {
        Self { config, keyring: backup.join(KEYRING) }
    }

    /// The keyring that is there, or else the backup's, put there.
    fn keyring(&self, restoring: &Restoring, root: &Key, ambient: &Ambient) -> Result<Found, StartError> {
        let place = &self.config.keys.keyring;
        let open = || FileKeyring::open(place, root.clone(), Arc::clone(&ambient.random));
        let refused = |error| StartError::keyring(place, error, &[root]);
        let there = open().map_err(refused)?;
        if let Some(keyring) = there {
            self.require(restoring, &keyring)?;
            return Ok(Found { keyring: Arc::new(keyring), whose: restoring.whose(), is_put: false });
        }
        let copy = KeyringCopy::take(&self.keyring, place, root.clone(), Arc::clone(&ambient.random))
            .map_err(|error| match error.code {
                // The backup's own does not: most often it is one of before a rotation.
                KeyringCode::DoesNotOpen => StartError::keyring(&self.keyring, error, &[root]),
                _ => refused(error),
            })?;
        if let Err(error) = restoring.require(copy.instance(), copy.generation()) {
            copy.leave();
            return Err(self.store_refused(error));
        }
        // Before it has its name: a restore that begins again would take it for the newer one.
        if let Err(error) = restoring.note_own_keyring() {
            copy.leave();
            return Err(self.store_refused(error));
        }
        copy.put().map_err(refused)?;
        let put = open().map_err(refused)?;
        let gone = || self.store_refused(StoreError::of(StoreCode::KeyringMissing));
        let keyring = Arc::new(put.ok_or_else(gone)?);
        Ok(Found { keyring, whose: Whose::Backup, is_put: true })
    }

    /// Nothing was restored: the place of the keyring is as empty as it was, or the next restore would take the backup's for the newer one.
    fn take_keyring_back(&self) {
        // A store that got into its place all the same needs it.
        if self.config.store.path.join("db").exists() {
            return;
        }
        // Why nothing is restored is what is said; what could not be removed is the backup's own, which still has it.
        if KeyringCopy::take_back(&self.config.keys.keyring).is_ok() {
            let _ = forget_own_keyring(&self.config.store_settings());
        }
    }

    fn require(&self, restoring: &Restoring, keyring: &dyn Keyring) -> Result<(), StartError> {
        let fits = restoring.require(keyring.instance(), keyring.generation());
        fits.map_err(|error| self.store_refused(error))
    }

    fn store_refused(&self, error: StoreError) -> StartError {
        StartError::Store { path: self.config.store.path.clone(), error }
    }
}
