//! Steps that are told to run. A worker does one thing when asked and says what it did; loops, sleeps and stops are here.

mod fetcher;
mod forms;
mod reaper;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::lifecycle::Stop;
use crate::metrics::Metrics;

pub use fetcher::{Fetcher, Tools};
pub use forms::FormBook;
pub use reaper::Reaper;

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Settled so much: ask again at once.
    Did(usize),
    /// Nothing to do until something arrives.
    Idle,
    /// Nothing to do before this moment, unless something arrives.
    Until(Timestamp),
}

/// Something that is told to take steps.
#[async_trait]
pub trait Worker: Send + Sync {
    /// Its name in the log.
    fn name(&self) -> &'static str;

    /// One step. Bounded: it ends by itself.
    async fn step(&self) -> Step;

    /// What rouses it.
    fn wake(&self) -> Option<&Notify>;
}

/// Polls anyway after this long, so that a wake-up that got lost costs little.
const POLL_MS: u64 = 1_000;
/// After a caught panic: long enough not to spin, short enough to go on.
const AFTER_PANIC_MS: u64 = 1_000;
/// So many panics within [`PANIC_WINDOW_MS`] end the process: something is broken that a step cannot mend.
const PANICS_MAX: usize = 5;
const PANIC_WINDOW_MS: i64 = 600_000;

/// Runs a worker until it is time to drain. Ends early only when it panics too often, which stops the process.
pub async fn run_loop(worker: Arc<dyn Worker>, stop: Stop, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) {
    let mut panics: Vec<i64> = Vec::new();
    while !stop.is_draining() {
        // Listen, then look: what arrives between the look and the wait still wakes us.
        let woken = async {
            match worker.wake() {
                Some(notify) => notify.notified().await,
                None => std::future::pending().await,
            }
        };
        let mut woken = Box::pin(woken);
        let _ = futures_util::poll!(woken.as_mut());
        let wait_ms = match AssertUnwindSafe(worker.step()).catch_unwind().await {
            Ok(Step::Did(_)) => continue,
            Ok(Step::Idle) => POLL_MS,
            Ok(Step::Until(moment)) => {
                let left = moment.as_millisecond() - clock.now().as_millisecond();
                u64::try_from(left).unwrap_or(0).clamp(1, POLL_MS)
            }
            Err(_) => {
                metrics.worker_panic();
                let now = clock.now().as_millisecond();
                panics.retain(|at| now - at < PANIC_WINDOW_MS);
                panics.push(now);
                tracing::error!(worker.name = worker.name(), panics.recent = panics.len(), "worker.panicked");
                if panics.len() >= PANICS_MAX {
                    return;
                }
                AFTER_PANIC_MS
            }
        };
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(Duration::from_millis(wait_ms)) => {}
            () = stop.draining() => {}
        }
    }
}
