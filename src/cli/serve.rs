//! `tamis serve`: the daemon.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::app::{Ambient, App, Reload, StartError};
use crate::cli::ConfigPath;
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config, Faults, LogFormat, LogLevel};
use crate::keyring::{KeyringCode, KeyringError};
use crate::lifecycle::{Hangups, Stop, forbid_cores, stop_on_signals};
use crate::machine::systemd::Systemd;
use crate::random::SystemRandom;
use crate::secret::location::Environment;
use crate::store::{StoreCode, StoreError};
use crate::telemetry::{Format, Lines, LogFile, Loudness, silence_panics};
use crate::terminal::{Exit, Failure};

const EXAMPLE: &str = "\
Stops in order on SIGTERM and SIGINT: what was acknowledged is stored, parked or queued. On SIGHUP the config and all
secrets are read again; a config with a fault is refused whole, and the one in force stays.

Example:
  tamis serve --config /etc/tamis/tamis.toml";

/// How often the log's file is looked after.
const LOG_FILE_LOOK: Duration = Duration::from_secs(60);
/// So many faults of a refused config are named in the log; `tamis check` shows all.
const FAULTS_NAMED_MAX: usize = 20;

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
    // From here on a SIGHUP ends nothing, even one that comes before there is anything to reload.
    let mut hangups = Hangups::listen().map_err(|error| deaf(&error))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let file = config.log.file.as_ref().map(|path| LogFile::at(path, config.log.file_retention_days));
    let file = file.map(Arc::new);
    let loudness = listen_to_events(&config, &clock, file.clone());
    warn(&config);
    let ambient = Ambient { clock: Arc::clone(&clock), random: Arc::new(SystemRandom) };
    let app = App::build(&config, secrets, ambient).await.map_err(|error| not_started(&error))?;
    let stop = Stop::default();
    stop_on_signals(&stop).map_err(|error| deaf(&error))?;
    if let Some(file) = file {
        let stopped = stop.clone();
        stop.supervise("log-file", async move { tend(&file, &clock, &stopped).await });
    }
    let (source, reload) =
        (Source { path: path.path.clone(), environment: environment.clone() }, app.reload());
    let stopped = stop.clone();
    stop.supervise("reload", async move {
        while hangups.next(&stopped).await {
            reload_from(&source, &reload, &loudness).await;
        }
    });
    match app.watched_by(service_manager(environment)).run(stop).await {
        true => Ok(()),
        false => Err(Failure::failed("tamis did not end well: its log says why")),
    }
}

fn deaf(error: &std::io::Error) -> Failure {
    Failure::failed(format!("signals cannot be heard: {}", error.kind()))
}

fn warn(config: &Config) {
    for warning in &config.warnings {
        tracing::warn!(config.key = warning.key, code = warning.code.as_str(), "config.warning");
    }
}

/// Where the config comes from, each time anew.
#[derive(Clone)]
struct Source {
    path: PathBuf,
    environment: Environment,
}

/// Reads config and secrets again and puts them in force, or says why not.
async fn reload_from(source: &Source, reload: &Reload, loudness: &Loudness) {
    let Source { path, environment } = source.clone();
    let read = tokio::task::spawn_blocking(move || config::load_with_secrets(&path, &environment)).await;
    let (config, secrets) = match read {
        Ok(Ok(read)) => read,
        Ok(Err(faults)) => return say_refused(&faults),
        // A panic of ours; its place is in the log already.
        Err(_) => return tracing::error!("config.not-reloaded"),
    };
    warn(&config);
    match reload.apply(&config, secrets).await {
        Ok(applied) => {
            loudness.set(level(config.log.level));
            applied.say();
        }
        Err(error) => tracing::error!(code = %error.code, "config.not-reloaded"),
    }
}

/// One line a fault: the key and the code, never the value.
fn say_refused(faults: &Faults) {
    let count = faults.faults.len();
    for fault in faults.faults.iter().take(FAULTS_NAMED_MAX) {
        tracing::error!(
            config.key = fault.key,
            code = fault.code.as_str(),
            config.faults = count,
            "config.refused"
        );
    }
}

/// From here on events become lines on stderr, and panics say where they happened and nothing else.
fn listen_to_events(config: &Config, clock: &Arc<dyn Clock>, file: Option<Arc<LogFile>>) -> Loudness {
    let format = match config.log.format {
        LogFormat::Pretty => Format::Pretty,
        LogFormat::Json => Format::Json,
    };
    let loudness = Loudness::new(level(config.log.level));
    let lines = Lines::new(format, loudness.clone(), Arc::clone(clock), Box::new(std::io::stderr()));
    let lines = match file {
        Some(file) => lines.and_into(file),
        None => lines,
    };
    // A second subscriber in one process is a test's; the first one holds.
    let _ = tracing::subscriber::set_global_default(lines.subscriber());
    silence_panics();
    loudness
}

/// Looks after the log's file until a stop is asked for.
async fn tend(file: &LogFile, clock: &Arc<dyn Clock>, stop: &Stop) {
    loop {
        file.tend(clock.now());
        tokio::select! {
            () = tokio::time::sleep(LOG_FILE_LOOK) => {}
            () = stop.requested() => return,
        }
    }
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
