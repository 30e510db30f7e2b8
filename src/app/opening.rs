//! Opening the rooms that keep something, by the start-up table; and why the daemon does not start.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use crate::app::Ambient;
use crate::config::Config;
use crate::id::LeadgenId;
use crate::inbox::{InboxCode, InboxError, Known, Looked};
use crate::keyring::file::FileKeyring;
use crate::keyring::{Keyring, KeyringError};
use crate::purpose::Policy;
use crate::secret::Key;
use crate::store::sled::{SledStore, presence};
use crate::store::startup::{KeyringFound, Plan, WitnessFound, decide};
use crate::store::witness::Witness;
use crate::store::{SharedStore, StoreCode, StoreError};

/// Why the daemon does not start. Codes and paths of the operator's own making; never a value.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The root key is not usable.
    #[error("the root key is not usable: {0}")]
    RootKey(KeyringError),
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
    async fn look(&self, leadgens: &[LeadgenId]) -> Result<Looked, InboxCode> {
        let known = self.0.known(leadgens).await.map_err(|_| InboxCode::Store)?;
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
    let store_found = presence(&config.store.path).map_err(store_error)?;
    let witness = Witness::open(&config.store_settings().witness).map_err(|error| {
        let code = match error.kind() {
            ErrorKind::Unsupported => StoreCode::Format,
            _ => StoreCode::Io,
        };
        store_error(StoreError { code, io: Some(error.kind()) })
    })?;
    let witness_found = if witness.is_some() { WitnessFound::Valid } else { WitnessFound::Absent };
    let keyring_found = KeyringFound::at(found.as_ref().map(Keyring::generation));
    let plan = decide(keyring_found, store_found, witness_found)
        .map_err(|code| store_error(StoreError::of(code)))?;
    match (plan, found) {
        (Plan::CreateAll, _) | (_, None) => {
            let created =
                FileKeyring::create(path, root, Arc::clone(&ambient.random)).map_err(keyring_error)?;
            tracing::info!(keyring.path = %path.display(), "keyring.created");
            Ok(Arc::new(created))
        }
        (Plan::CreateStore | Plan::FinishStore | Plan::Open, Some(keyring)) => Ok(Arc::new(keyring)),
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
    let store = SledStore::open(
        config.store_settings(),
        Arc::clone(keyring),
        purposes,
        Arc::clone(&ambient.clock),
        Arc::clone(&ambient.random),
    )
    .map_err(|error| StartError::Store { path: config.store.path.clone(), error })?;
    Ok(store)
}
