//! Opening the rooms that keep something, by the start-up table; and why the daemon does not start.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use crate::app::Ambient;
use crate::config::Config;
use crate::inbox::{InboxCode, InboxError, Known, Looked};
use crate::keyring::file::FileKeyring;
use crate::keyring::{Keyring, KeyringError};
use crate::notification::LeadRef;
use crate::purpose::Policy;
use crate::secret::Key;
use crate::store::{self, SharedStore, StoreError};

/// Why the daemon does not start. Codes and paths of the operator's own making; never a value.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The keyring does not open.
    #[error("the keyring {} does not open: {error}", path.display())]
    Keyring {
        /// Where it should be.
        path: PathBuf,
        /// Why.
        error: KeyringError,
    },
    /// The store refuses.
    #[error("the store {} refuses: {error}", path.display())]
    Store {
        /// Where it is.
        path: PathBuf,
        /// Why.
        error: StoreError,
    },
    /// The inbox refuses.
    #[error("the inbox refuses: {0}")]
    Inbox(InboxError),
    /// The Graph client cannot be built.
    #[error("the Graph client cannot be built: {0}")]
    Graph(crate::graph::GraphError),
    /// An address cannot be bound.
    #[error("cannot listen on {address}: {kind}")]
    Listen {
        /// The address.
        address: String,
        /// What the system says.
        kind: ErrorKind,
    },
}

/// What the inbox asks the store.
pub struct StoreKnows(pub SharedStore);

#[async_trait]
impl Known for StoreKnows {
    async fn look(&self, references: &[LeadRef]) -> Result<Looked, InboxCode> {
        let known = self.0.known(references).await.map_err(|_| InboxCode::Store)?;
        let parked = self.0.parked().await.map_err(|_| InboxCode::Store)?;
        Ok(Looked { known, parked })
    }
}

/// Opens the keyring, or makes one where the start-up table says that there is nothing to lose.
pub(super) fn open_keyring(
    config: &Config,
    root: Key,
    ambient: &Ambient,
) -> Result<Arc<dyn Keyring>, StartError> {
    let path = &config.keys.keyring;
    let keyring_error = |error| StartError::Keyring { path: path.clone(), error };
    let store_error = |error| StartError::Store { path: config.store.path.clone(), error };
    let found = FileKeyring::open(path, root.clone(), Arc::clone(&ambient.random)).map_err(keyring_error)?;
    let generation = found.as_ref().map(Keyring::generation);
    let begins_anew = store::begins_anew(&config.store_settings(), generation).map_err(store_error)?;
    match found {
        Some(keyring) if !begins_anew => Ok(Arc::new(keyring)),
        _ => {
            let created =
                FileKeyring::create(path, root, Arc::clone(&ambient.random)).map_err(keyring_error)?;
            tracing::info!(keyring.path = %path.display(), "keyring.created");
            Ok(Arc::new(created))
        }
    }
}

/// Opens the store, with room for every purpose of the policy.
pub(super) fn open_store(
    config: &Config,
    keyring: &Arc<dyn Keyring>,
    policy: &Policy,
    ambient: &Ambient,
) -> Result<SharedStore, StartError> {
    let purposes = policy.purposes().iter().map(|purpose| purpose.id.clone()).collect();
    let store = store::open(
        config.store_settings(),
        Arc::clone(keyring),
        purposes,
        Arc::clone(&ambient.clock),
        Arc::clone(&ambient.random),
    )
    .map_err(|error| StartError::Store { path: config.store.path.clone(), error })?;
    Ok(store)
}
