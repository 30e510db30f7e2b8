//! Starting, watching and stopping what runs: every task has a name, is joined, and cannot end unnoticed.
//!
//! Stopping has three stages, each a token: *listeners* (no new connections), *drain* (workers finish the step they are
//! in), *abort* (what still runs is dropped).

pub mod ending;
pub mod locking;
pub mod wait;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Tells everybody when to stop, and remembers whether it was asked for.
#[derive(Clone)]
pub struct Stop {
    listeners: CancellationToken,
    drain: CancellationToken,
    abort: CancellationToken,
    tasks: TaskTracker,
    crashed: Arc<AtomicBool>,
}

impl Default for Stop {
    fn default() -> Self {
        let abort = CancellationToken::new();
        let drain = abort.child_token();
        // An abort cancels its children: drain, and the listeners below it.
        let listeners = drain.child_token();
        Self { listeners, drain, abort, tasks: TaskTracker::new(), crashed: Arc::default() }
    }
}

impl Stop {
    /// Asks for an orderly stop.
    pub fn request(&self) {
        self.listeners.cancel();
    }

    /// Completes when a stop was asked for, or something crashed.
    pub async fn requested(&self) {
        self.listeners.cancelled().await;
    }

    /// True once a stop was asked for.
    pub fn is_requested(&self) -> bool {
        self.listeners.is_cancelled()
    }

    /// Completes when workers are to take no new step.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// True once workers are to take no new step.
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// True if something ended uninvited: the process then exits with a failure.
    pub fn crashed(&self) -> bool {
        self.crashed.load(Ordering::SeqCst)
    }

    /// Runs a task that may end only after a stop was asked for. If it ends earlier, or panics, everything stops.
    pub fn supervise(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.clone();
        #[expect(clippy::disallowed_methods, reason = "the one place that spawns; the tracker joins it")]
        let handle = tokio::spawn(task);
        let abort = handle.abort_handle();
        #[expect(clippy::disallowed_methods, reason = "watches the task above and ends with it")]
        tokio::spawn(self.tasks.track_future(async move {
            let ended = tokio::select! {
                ended = handle => ended,
                () = stop.abort.cancelled() => {
                    abort.abort();
                    return;
                }
            };
            if ended.is_err() || !stop.is_requested() {
                tracing::error!(task.name = name, task.panicked = ended.is_err(), "process.task-ended");
                stop.crashed.store(true, Ordering::SeqCst);
                stop.request();
            }
        }));
    }

    /// Ends the workers: they finish their step within `limit`, then what still runs is dropped. True if all ended by
    /// themselves.
    pub async fn drain(&self, limit: Duration) -> bool {
        self.listeners.cancel();
        self.drain.cancel();
        self.tasks.close();
        let drained = tokio::time::timeout(limit, self.tasks.wait()).await.is_ok();
        self.abort.cancel();
        self.tasks.wait().await;
        drained
    }
}

/// Sees to it that no core file ever holds keys or answers, whatever the service manager and the shell allow. Two ways,
/// since neither is enough: a core that is piped to a program (`kernel.core_pattern`) ignores the limit, and what is not
/// dumpable becomes so again when a program is executed. Not being dumpable also keeps other processes of the same user
/// from reading this one's memory.
///
/// # Errors
/// The system does not allow it.
pub fn forbid_cores() -> std::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Asks for a stop on SIGTERM or SIGINT. A second signal during the stop changes nothing: the drain has its limit.
///
/// # Errors
/// The handlers cannot be installed.
pub fn stop_on_signals(stop: &Stop) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let asked = stop.clone();
    stop.supervise("signals", async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            () = asked.requested() => return,
        };
        tracing::info!(signal.name = name, "process.stopping");
        asked.request();
    });
    Ok(())
}

/// SIGHUP, heard from now on: before, it ends the process.
pub struct Hangups(tokio::signal::unix::Signal);

impl Hangups {
    /// Listens.
    ///
    /// # Errors
    /// The handler cannot be installed.
    pub fn listen() -> std::io::Result<Self> {
        let kind = tokio::signal::unix::SignalKind::hangup();
        tokio::signal::unix::signal(kind).map(Self)
    }

    /// The next one, however many came at once. False: a stop was asked for.
    pub async fn next(&mut self, stop: &Stop) -> bool {
        tokio::select! {
            heard = self.0.recv() => heard.is_some(),
            () = stop.requested() => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_uninvited_stops_everything_as_a_crash() {
        let stop = Stop::default();
        stop.supervise("short", async {});
        stop.requested().await;
        assert!(stop.crashed());
        assert!(stop.drain(Duration::from_secs(1)).await);
    }

    #[tokio::test]
    async fn a_task_that_never_ends_is_dropped_when_the_limit_has_passed() {
        let stop = Stop::default();
        stop.supervise("endless", std::future::pending());
        stop.request();
        assert!(!stop.drain(Duration::from_millis(20)).await);
        assert!(!stop.crashed());
    }

    #[test]
    fn no_core_is_written_once_it_is_forbidden() {
        let was = rustix::process::dumpable_behavior().expect("known");
        forbid_cores().expect("allowed");
        let now = rustix::process::dumpable_behavior().expect("known");
        set_dumpable_behavior(was).expect("as before, for the other tests");
        assert_eq!(now, DumpableBehavior::NotDumpable);
        let limit = rustix::process::getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
    }

    #[tokio::test]
    async fn a_task_that_drains_is_waited_for() {
        let stop = Stop::default();
        let seen = stop.clone();
        stop.supervise("worker", async move { seen.draining().await });
        assert!(stop.drain(Duration::from_secs(5)).await);
        assert!(!stop.crashed());
    }
}
