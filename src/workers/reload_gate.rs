//! Between two settlements: where a reload of the config happens, so that nothing is stored under rules that were
//! withdrawn before.

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Many settlements pass at once; a reload closes the gate, alone. Who waits is served in order, and a settlement ends
/// within the time that the store takes to answer, so neither waits for ever.
#[derive(Default)]
pub struct ReloadGate(RwLock<()>);

impl ReloadGate {
    /// For one settlement, from the look at the rules to the store's answer.
    pub async fn pass(&self) -> RwLockReadGuard<'_, ()> {
        self.0.read().await
    }

    /// For one reload: waits for the settlements under way.
    pub async fn close(&self) -> RwLockWriteGuard<'_, ()> {
        self.0.write().await
    }
}
