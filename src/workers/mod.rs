//! Steps that are told to run. A worker does one thing when asked and says what it did; loops, sleeps and stops are here.

mod archivist;
mod asker;
mod boxes;
mod carried_out;
mod checkpointer;
mod claimed;
mod clockwatch;
mod copies;
mod fetcher;
mod form_check;
mod forms;
mod inspector;
mod judging;
mod lookout;
mod looks;
mod overdue;
mod pausekeeper;
mod postman;
mod reaper;
mod redater;
mod reload_gate;
mod retrying;
mod routine;
#[cfg(test)]
mod sample;
mod scanner;
mod searcher;
mod settlement_log;
mod shortening;
mod silence;
mod steward;
mod trimmer;
mod usher;
mod warden;

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::lifecycle::Stop;
use crate::telemetry::metrics::Metrics;

pub use archivist::{Archivist, Rules as ArchivistRules};
pub use asker::{Asker, Asking, DuePeople};
pub use checkpointer::{Checkpointer, say_checkpoint};
pub use clockwatch::Clockwatch;
pub use copies::{Adopter, adopt_known};
pub use fetcher::{Fetcher, Tools, fetchers};
pub use form_check::{FormCheck, Stands};
pub use forms::FormBook;
pub use inspector::Inspector;
pub use judging::Unsent;
pub use lookout::Lookout;
pub use pausekeeper::Pausekeeper;
pub use postman::{CopyFiles, CopyOf, Copying, Lacks, Letterhead, Postman};
pub use reaper::Reaper;
pub use redater::Redater;
pub use reload_gate::ReloadGate;
pub use retrying::Retries;
pub use scanner::Scanner;
pub use searcher::{SearchTools, Searcher, WAITING_MAX, Work};
pub use silence::Silence;
pub use steward::Steward;
pub use trimmer::Trimmer;
pub use usher::Usher;
pub use warden::{Door, Warden};

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

    /// What rouses it; none: it is only asked again.
    fn wake(&self) -> Option<&Notify> {
        None
    }
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
        let mut woken = pin!(worker.wake().map(Notify::notified));
        if let Some(woken) = woken.as_mut().as_pin_mut() {
            woken.enable();
        }
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
            () = async {
                match woken.as_mut().as_pin_mut() {
                    Some(woken) => woken.await,
                    None => std::future::pending().await,
                }
            } => {}
            () = tokio::time::sleep(Duration::from_millis(wait_ms)) => {}
            () = stop.draining() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::clock::SystemClock;

    /// Steps after which a restless worker says so.
    const MANY: usize = 20;

    /// Wakes itself in its own step, as an arrival during a look does.
    struct Restless {
        steps: AtomicUsize,
        woken: Notify,
        many: Notify,
        panics: bool,
    }

    #[async_trait]
    impl Worker for Restless {
        fn name(&self) -> &'static str {
            "restless"
        }
        fn wake(&self) -> Option<&Notify> {
            Some(&self.woken)
        }
        async fn step(&self) -> Step {
            if self.steps.fetch_add(1, Ordering::SeqCst) == MANY {
                self.many.notify_one();
            }
            assert!(!self.panics, "as told");
            self.woken.notify_one();
            tokio::task::yield_now().await;
            Step::Idle
        }
    }

    fn restless(panics: bool) -> Arc<Restless> {
        let (woken, many) = (Notify::new(), Notify::new());
        Arc::new(Restless { steps: AtomicUsize::new(0), woken, many, panics })
    }

    /// Time stands still as long as anything can go on: it moves where a poll is waited for.
    #[tokio::test(start_paused = true)]
    async fn what_arrives_during_the_look_wakes_without_waiting_for_the_poll() {
        let (worker, stop) = (restless(false), Stop::default());
        let running = run_loop(worker.clone(), stop.clone(), Arc::new(SystemClock), Arc::new(Metrics::new()));
        let begun = tokio::time::Instant::now();
        let ended = async {
            worker.many.notified().await;
            let waited = begun.elapsed();
            stop.drain(Duration::ZERO).await;
            waited
        };
        let ((), waited) = tokio::join!(running, ended);
        assert_eq!(waited, Duration::ZERO, "polled, not woken");
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_panics_again_and_again_ends() {
        let worker = restless(true);
        run_loop(worker.clone(), Stop::default(), Arc::new(SystemClock), Arc::new(Metrics::new())).await;
        assert_eq!(worker.steps.load(Ordering::SeqCst), PANICS_MAX);
    }
}
