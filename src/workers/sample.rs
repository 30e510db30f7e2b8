//! A store that holds something and is looked through, for the tests of several workers.

use std::sync::Arc;

use crate::current::Current;
use crate::lead::{Dropped, MinimisedLead};
use crate::purpose::Policy;
use crate::purpose::sample::purpose;
use crate::store::contract::Host as _;
use crate::store::contract::support::reference;
use crate::store::memory::MemoryHost;
use crate::store::{Outcome, Settlement, SharedStore};
use crate::telemetry::metrics::Metrics;
use crate::workers::{SearchTools, Searcher, Work};

/// Such a store, by a config with the purposes `devis` and `lettre`, each of which holds an address.
pub(super) struct Searched {
    pub(super) host: MemoryHost,
    pub(super) store: SharedStore,
    pub(super) policy: Arc<Current<Policy>>,
    pub(super) searcher: Arc<Searcher>,
}

impl Searched {
    /// With a record of each of these, from a submission of its own.
    pub(super) async fn with(leads: impl IntoIterator<Item = MinimisedLead>) -> Self {
        let host = MemoryHost::new();
        let store = host.open();
        for (number, lead) in (1..).zip(leads) {
            let (outcome, dropped) = (Outcome::stored(lead), Dropped::default());
            let settled = Settlement { reference: reference(number), outcome, matched: Vec::new(), dropped };
            store.settle(vec![settled]).await.expect("settled");
        }
        let purposes = vec![purpose("devis", &["email"]), purpose("lettre", &["email"])];
        let policy = Arc::new(Current::new(Policy::new(purposes)));
        let tools = SearchTools {
            kept: store.clone(),
            policy: policy.clone(),
            metrics: Arc::new(Metrics::new()),
            busy: Box::new(|| false),
        };
        let spawn = |work: Work| std::thread::Builder::new().name("search".to_owned()).spawn(work);
        let searcher = Arc::new(Searcher::start(tools, spawn).expect("a thread"));
        Self { host, store, policy, searcher }
    }
}
