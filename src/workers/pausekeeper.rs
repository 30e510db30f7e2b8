//! Keeps the pauses that a restart must not end: what Graph asked for, and where calling on makes it worse.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock::{Clock, after_ms};
use crate::graph::Graph;
use crate::id::PageId;
use crate::notification::KeptPause;
use crate::store::{SharedStore, StoreError};
use crate::workers::{Step, Worker};

/// How long it rests after the store refused.
const STORE_REST_MS: u64 = 2_000;

/// The keeper. A crash before a pause is kept costs one call too many.
pub struct Pausekeeper {
    store: SharedStore,
    graph: Arc<Graph>,
    clock: Arc<dyn Clock>,
    /// What the store has.
    kept: Mutex<BTreeMap<Option<PageId>, KeptPause>>,
}

impl Pausekeeper {
    /// Over what the store has kept.
    pub fn new(store: SharedStore, graph: Arc<Graph>, clock: Arc<dyn Clock>, kept: Vec<KeptPause>) -> Self {
        let kept = Mutex::new(kept.into_iter().map(|pause| (pause.page, pause)).collect());
        Self { store, graph, clock, kept }
    }

    /// Writes what changed, and says how much that was.
    async fn keep(&self) -> Result<usize, StoreError> {
        let wanted: BTreeMap<Option<PageId>, KeptPause> =
            self.graph.kept_pauses().into_iter().map(|pause| (pause.page, pause)).collect();
        let before = self.kept.lock().clone();
        let mut changed = 0;
        for (page, pause) in wanted.iter().filter(|(page, pause)| before.get(*page) != Some(*pause)) {
            self.store.keep_pause(*pause).await?;
            self.kept.lock().insert(*page, *pause);
            changed += 1;
        }
        for page in before.into_keys().filter(|page| !wanted.contains_key(page)) {
            self.store.forget_pause(page).await?;
            self.kept.lock().remove(&page);
            changed += 1;
        }
        Ok(changed)
    }
}

#[async_trait]
impl Worker for Pausekeeper {
    fn name(&self) -> &'static str {
        "pausekeeper"
    }

    fn wake(&self) -> Option<&Notify> {
        Some(self.graph.pauses_changed())
    }

    async fn step(&self) -> Step {
        match self.keep().await {
            Ok(0) => Step::Idle,
            Ok(changed) => Step::Did(changed),
            Err(error) => {
                tracing::debug!(code = %error.code, "graph.pauses-not-kept");
                Step::Until(after_ms(self.clock.now(), STORE_REST_MS))
            }
        }
    }
}
