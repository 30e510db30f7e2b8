//! The end of a connection, asked for from outside: by whoever needs its place, or has given up on its client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Ends a connection at once, whatever it waits for: a client that takes nothing included. A handler finds that of its
/// request's connection in `HttpRequest::conn_data`.
#[derive(Clone, Default)]
pub struct Ending(Arc<Asked>);

#[derive(Default)]
struct Asked {
    asked: AtomicBool,
    wake: Notify,
}

impl Ending {
    /// Ends it.
    pub fn end(&self) {
        self.0.asked.store(true, Ordering::Release);
        // Kept for the connection's one task if it does not wait right now.
        self.0.wake.notify_one();
    }

    /// True once somebody asked.
    pub(super) fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::Acquire)
    }

    /// Resolves when somebody asks.
    pub(super) async fn asked(&self) {
        while !self.is_asked() {
            self.0.wake.notified().await;
        }
    }
}
