//! `tamis serve`: the daemon.

use std::sync::Arc;

use crate::app::{Ambient, App, StartError};
use crate::cli::ConfigPath;
use crate::cli::failure::{Exit, Failure};
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config, Faults, LogFormat, LogLevel};
use crate::keyring::{KeyringCode, KeyringError};
use crate::lifecycle::{Stop, forbid_cores, stop_on_signals};
use crate::location::Environment;
use crate::random::SystemRandom;
use crate::store::{StoreCode, StoreError};
use crate::systemd::Systemd;
use crate::telemetry::{Format, Lines, Loudness, silence_panics};

const EXAMPLE: &str = "\
Stops in order on SIGTERM and SIGINT: what was acknowledged is stored, parked or queued.

Example:
  tamis serve --config /etc/tamis/tamis.toml";

/// The arguments of the verb: none beside the config.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {}

/// Loads, builds, runs until a signal.
pub(super) async fn run(path: &ConfigPath, environment: &Environment) -> Result<(), Failure> {
    forbid_cores()
        .map_err(|error| Failure::failed(format!("cores cannot be forbidden: {}", error.kind())))?;
    let (config, secrets) =
        config::load_with_secrets(&path.path, environment).map_err(|faults| refused(path, &faults))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    listen_to_events(&config, &clock);
    for warning in &config.warnings {
        tracing::warn!(config.key = warning.key, code = warning.code.as_str(), "config.warning");
    }
    let ambient = Ambient { clock, random: Arc::new(SystemRandom) };
    let app = App::build(&config, secrets, ambient).map_err(|error| not_started(&error))?;
    let stop = Stop::default();
    stop_on_signals(&stop)
        .map_err(|error| Failure::failed(format!("signals cannot be heard: {}", error.kind())))?;
    match app.watched_by(service_manager(environment)).run(stop).await {
        true => Ok(()),
        false => Err(Failure::failed("tamis did not end well: its log says why")),
    }
}

/// From here on events become lines on stderr, and panics say where they happened and nothing else.
fn listen_to_events(config: &Config, clock: &Arc<dyn Clock>) {
    let format = match config.log.format {
        LogFormat::Pretty => Format::Pretty,
        LogFormat::Json => Format::Json,
    };
    let lines = Lines::new(
        format,
        Loudness::new(level(config.log.level)),
        Arc::clone(clock),
        Box::new(std::io::stderr()),
    );
    // A second subscriber in one process is a test's; the first one holds.
    let _ = tracing::subscriber::set_global_default(lines.subscriber());
    silence_panics();
}

/// systemd, if it started this process. One that cannot be reached ends the process sooner or later by itself.
fn service_manager(environment: &Environment) -> Systemd {
    Systemd::find(environment, std::process::id()).unwrap_or_else(|error| {
        tracing::warn!(io.kind = ?error.kind(), "process.systemd-not-found");
        Systemd::default()
    })
}

fn level(level: LogLevel) -> tracing::Level {
    match level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Trace => tracing::Level::TRACE,
    }
}

fn refused(path: &ConfigPath, faults: &Faults) -> Failure {
    Failure::new(Exit::ConfigRefused, format!("{} is refused.\n\n{faults}", path.path.display()))
}

fn not_started(error: &StartError) -> Failure {
    let exit = match error {
        StartError::Store { error: StoreError { code: StoreCode::Locked, .. }, .. }
        | StartError::Keyring { error: KeyringError { code: KeyringCode::Locked, .. }, .. } => {
            Exit::StoreLocked
        }
        _ => Exit::Failed,
    };
    Failure::new(exit, format!("tamis does not start: {error}. docs/codes.md says what to do"))
}
