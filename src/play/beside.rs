//! The daemon within this process, beside the Meta that is played here: the one that `serve` runs, and its signals.

use std::io::Write;
use std::sync::Arc;

use crate::app::{Ambient, App};
use crate::clock::Clock;
use crate::config::{Config, Secrets};
use crate::lifecycle::{Hangups, Stop, stop_on_signals};
use crate::random::SystemRandom;
use crate::telemetry::{Format, Lines, Loudness, silence_panics};
use crate::terminal::Failure;

/// Builds it; it is not running yet.
pub(super) async fn build(config: &Config, secrets: Secrets, clock: Arc<dyn Clock>) -> Result<App, Failure> {
    let ambient = Ambient { clock, random: Arc::new(SystemRandom), progress: Arc::default() };
    App::build(config, secrets, ambient)
        .await
        .map_err(|error| Failure::failed(format!("tamis does not start: {error}")))
}

/// A stop that Ctrl-C, SIGTERM and a terminal that is closed ask for: what is played leaves nothing behind.
pub(super) fn stop_on_any_signal() -> Result<Stop, Failure> {
    let deaf = |error: std::io::Error| Failure::failed(format!("signals cannot be heard: {}", error.kind()));
    let stop = Stop::default();
    stop_on_signals(&stop).map_err(deaf)?;
    let mut hangups = Hangups::listen().map_err(deaf)?;
    let asked = stop.clone();
    stop.supervise("hangups", async move {
        if hangups.next(&asked).await {
            asked.request();
        }
    });
    Ok(stop)
}

/// From here on events become lines there.
pub(super) fn log_to(sink: Box<dyn Write + Send>, clock: &Arc<dyn Clock>) {
    let loudness = Loudness::new(tracing::Level::INFO);
    let lines = Lines::new(Format::Pretty, loudness, Arc::clone(clock), sink);
    // A second subscriber in one process is a test's; the first one holds.
    let _ = tracing::subscriber::set_global_default(lines.subscriber());
    silence_panics();
}
