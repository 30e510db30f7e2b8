//! How far something long has come, for whoever must tell it from something that hangs.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts up. What it counts is the worker's matter: that it moves is what others look at.
#[derive(Debug, Default)]
pub struct Progress(AtomicU64);

impl Progress {
    /// So much more is done.
    pub fn advance(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    /// How much is done.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
