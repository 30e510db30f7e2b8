//! Every end has an end: what hangs in a system call that no token reaches (a disk, a mount, a lock of a dependency) does
//! not keep the process from ending when it was told to.

use std::io;
use std::sync::mpsc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use crate::lifecycle::Stop;

/// How often an ending thread is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// Asks for a stop on SIGTERM or SIGINT, whatever the other threads do: a thread of its own hears them. Where the process
/// is still there `limit` after a stop was asked for, by a signal or by whatever ended uninvited, `forced` is called, which
/// is to end it. A second signal during the stop changes nothing.
///
/// # Errors
/// The handlers cannot be installed, or the system gives no thread.
pub fn stop_within(stop: &Stop, limit: Duration, forced: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let (stop, (installed, outcome)) = (stop.clone(), mpsc::sync_channel(1));
    Builder::new().name("signals".to_owned()).spawn(move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(installed.send(Err(error))),
        };
        runtime.block_on(async {
            let handlers = signal(SignalKind::terminate())
                .and_then(|terminate| Ok((terminate, signal(SignalKind::interrupt())?)));
            let (mut terminate, mut interrupt) = match handlers {
                Ok(handlers) => handlers,
                Err(error) => return drop(installed.send(Err(error))),
            };
            // Whoever asked waits for it.
            let _ = installed.send(Ok(()));
            let name = tokio::select! {
                _ = terminate.recv() => Some("SIGTERM"),
                _ = interrupt.recv() => Some("SIGINT"),
                () = stop.requested() => None,
            };
            if let Some(name) = name {
                tracing::info!(signal.name = name, "process.stopping");
                stop.request();
            }
            // In an orderly end the process, and this thread with it, is gone before.
            tokio::time::sleep(limit).await;
            forced();
        });
    })?;
    outcome.recv().unwrap_or(Err(io::ErrorKind::Other.into()))
}

/// Waits for a thread's end until then. None: it goes on, and what it holds with it.
pub fn join_until<T>(thread: JoinHandle<T>, until: Instant) -> Option<std::thread::Result<T>> {
    while !thread.is_finished() {
        if Instant::now() >= until {
            return None;
        }
        std::thread::sleep(LOOK);
    }
    Some(thread.join())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_that_does_not_end_is_forced_after_its_limit_whoever_asked_for_it() {
        let stop = Stop::default();
        let (told, forced) = mpsc::channel();
        let force = move || told.send(()).expect("somebody listens");
        stop_within(&stop, Duration::from_millis(50), force).expect("a thread");
        assert!(forced.recv_timeout(Duration::from_millis(200)).is_err(), "nobody asked for a stop");
        stop.request();
        forced.recv_timeout(Duration::from_secs(20)).expect("forced");
    }

    #[test]
    fn a_thread_that_does_not_end_is_not_waited_for_without_end() {
        let (sender, receiver) = mpsc::channel::<()>();
        let thread = Builder::new().spawn(move || receiver.recv().is_ok()).expect("a thread");
        assert!(join_until(thread, Instant::now() + Duration::from_millis(20)).is_none());
        drop(sender);
        let thread = Builder::new().spawn(|| 7).expect("a thread");
        assert!(matches!(join_until(thread, Instant::now() + Duration::from_secs(20)), Some(Ok(7))));
    }
}
