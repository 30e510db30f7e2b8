//! Opening the rooms that keep something, by the start-up table; and why the daemon does not start.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use crate::app::Ambient;
use crate::config::Config;
use crate::current::Current;
use crate::graph::Graph;
use crate::id::FormId;
use crate::inbox::{Held, InboxCode, InboxError, Known, Looked};
use crate::keyring::file::{FileKeyring, OtherRoot};
use crate::keyring::{Keyring, KeyringCode, KeyringError};
use crate::machine::filesystem::Overwriting;
use crate::notification::{Claims, LeadRef};
use crate::purpose::Policy;
use crate::secret::Key;
use crate::store::{self, HeldCounts, SharedBackups, SharedStore, StoreCode, StoreError};

/// Why the daemon does not start. Codes and paths of the operator's own making; never a value.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The keyring does not open.
    #[error("the keyring {} does not open: {error}{}", path.display(), told(error, under.as_ref()))]
    Keyring {
        /// Where it should be.
        path: PathBuf,
        /// Why.
        error: KeyringError,
        /// Under which root key it lies, where it is another one.
        under: Option<OtherRoot>,
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

impl StartError {
    /// Of a keyring that does not open under these root keys.
    pub(super) fn keyring(path: &Path, error: KeyringError, roots: &[&Key]) -> Self {
        let is_sealed = error.code == KeyringCode::DoesNotOpen && !roots.is_empty();
        let under = is_sealed.then(|| OtherRoot::of(path, roots)).flatten();
        Self::Keyring { path: path.to_owned(), error, under }
    }

    /// The code, where there is one.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Keyring { error, .. } => Some(error.code.as_str()),
            Self::Store { error, .. } => Some(error.code.as_str()),
            Self::Inbox(error) => Some(error.code.as_str()),
            Self::Graph(error) => Some(error.0.as_str()),
            Self::Listen { .. } => None,
        }
    }
}

/// What the system said, and under which root key the keyring lies.
fn told(error: &KeyringError, under: Option<&OtherRoot>) -> String {
    let io = error.io.map(|kind| format!(" ({kind})"));
    let under = under.map(|under| format!(": {under}"));
    io.into_iter().chain(under).collect()
}

/// What the inbox asks of the store, and of the config in force.
pub struct StoreKnows {
    store: SharedStore,
    claimants: Option<Claimants>,
}

/// Who claims what: forms by the purposes, pages by their tokens.
struct Claimants {
    policy: Arc<Current<Policy>>,
    graph: Arc<Graph>,
}

impl StoreKnows {
    /// Asks this store, and tells nothing apart by who claims it.
    pub fn of(store: SharedStore) -> Self {
        Self { store, claimants: None }
    }

    /// The same; what neither purposes nor pages claim would only be held.
    pub fn claimed_by(self, policy: Arc<Current<Policy>>, graph: Arc<Graph>) -> Self {
        Self { claimants: Some(Claimants { policy, graph }), ..self }
    }
}

#[async_trait]
impl Known for StoreKnows {
    async fn look(&self, references: &[LeadRef]) -> Result<Looked, InboxCode> {
        let known = self.store.known(references).await.map_err(|_| InboxCode::Store)?;
        let parked = self.store.parked().await.map_err(|_| InboxCode::Store)?;
        Ok(Looked { known, parked })
    }

    fn claims(&self) -> Option<Claims> {
        let Claimants { policy, graph } = self.claimants.as_ref()?;
        Some(Claims { forms: policy.pin().claimed_forms(), pages: graph.page_ids() })
    }

    async fn held(&self, forms: &[FormId]) -> Result<Held, InboxCode> {
        let HeldCounts { total, of_forms } = self.store.held(forms).await.map_err(|_| InboxCode::Store)?;
        Ok(Held { total, of_forms })
    }
}

/// Opens the keyring, or makes one where the start-up table says that there is nothing to lose.
pub(super) fn open_keyring(
    config: &Config,
    root: &Key,
    ambient: &Ambient,
) -> Result<Arc<dyn Keyring>, StartError> {
    let path = &config.keys.keyring;
    let keyring_error = |error| StartError::keyring(path, error, &[root]);
    let store_error = |error| StartError::Store { path: config.store.path.clone(), error };
    let found = FileKeyring::open(path, root.clone(), Arc::clone(&ambient.random)).map_err(keyring_error)?;
    let generation = found.as_ref().map(Keyring::generation);
    let begins_anew = store::begins_anew(&config.store_settings(), generation).map_err(store_error)?;
    if let Ok(storage) = Overwriting::at(path)
        && storage != Overwriting::InPlace
    {
        // What is destroyed may stay there: the root key stands alone.
        tracing::warn!(keyring.storage = %storage, "keyring.not-in-place");
    }
    match found {
        Some(keyring) if !begins_anew => Ok(Arc::new(keyring)),
        _ => {
            let created = FileKeyring::create(path, root.clone(), Arc::clone(&ambient.random))
                .map_err(keyring_error)?;
            tracing::info!(keyring.path = %path.display(), "keyring.created");
            Ok(Arc::new(created))
        }
    }
}

/// Opens the store, with room for every purpose of the policy, on a thread of its own: it may have to copy it first, and
/// whoever waits for the start is told meanwhile that it goes on.
pub(super) async fn open_store(
    config: &Config,
    keyring: &Arc<dyn Keyring>,
    policy: &Policy,
    ambient: &Ambient,
) -> Result<(SharedStore, SharedBackups), StartError> {
    let purposes = policy.purposes().iter().map(|purpose| purpose.id.clone()).collect();
    let (settings, keyring, ambient) = (config.store_settings(), Arc::clone(keyring), ambient.clone());
    let evidence_months = config.evidence.months();
    let opening = move || {
        let progress = ambient.progress;
        let opened =
            store::open_telling(settings, keyring, purposes, ambient.clock, ambient.random, &progress);
        opened.inspect(|(store, _)| store.keep_stubs(evidence_months))
    };
    let opened = tokio::task::spawn_blocking(opening).await;
    // A panic of ours, whose place is in the log.
    opened
        .unwrap_or(Err(StoreError::of(StoreCode::Halted)))
        .map_err(|error| StartError::Store { path: config.store.path.clone(), error })
}
