//! `tamis serve`: the daemon.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::app::{Ambient, App, Reload, StartError};
use crate::cli::ConfigPath;
use crate::cli::explain::why_not_started;
use crate::clock::{Clock, ConfirmedDay, SystemClock};
use crate::config::{self, Config, Faults, LogFormat, LogLevel, Secrets};
use crate::keyring::{KeyringCode, KeyringError};
use crate::lifecycle::ending::stop_within;
use crate::lifecycle::locking::{NotLocked, lock_memory};
use crate::lifecycle::{Hangups, Stop, forbid_cores};
use crate::machine::systemd::Systemd;
use crate::random::SystemRandom;
use crate::secret::location::Environment;
use crate::store::{StoreCode, StoreError};
use crate::telemetry::{
    Format, Lines, Log, LogCounts, LogFile, LogOutlet, LogPlace, LogRoom, LogStream, Loudness, silence_panics,
};
use crate::terminal::{Exit, Failure};

const EXAMPLE: &str = "\
Stops in order on SIGTERM and SIGINT: what was acknowledged is stored, parked or queued. On SIGHUP the config and all
secrets are read again; a config with a fault is refused whole, and the one in force stays.

Example:
  tamis serve --config /etc/tamis/tamis.toml";

/// How long the end waits for the last lines of a log that somebody reads slowly, or nobody.
const LOG_END_WITHIN: Duration = Duration::from_secs(2);
/// How long after the drain the process may still be there: the last syncs. Within the unit's TimeoutStopSec.
const END_GRACE: Duration = Duration::from_secs(20);
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
    let hangups = Hangups::listen().map_err(|error| deaf(&error))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let day = ConfirmedDay::default();
    let (log, loudness) = listen_to_events(&config, &clock, &day).map_err(|error| mute(&error))?;
    let ambient = Ambient { clock, random: Arc::new(SystemRandom), progress: Arc::default() };
    let source = Source { path: path.path.clone(), environment: environment.clone() };
    let ended = serve(source, config, secrets, (ambient, day), &log, loudness, hangups).await;
    // What was said until now is written, if somebody takes it.
    log.close(LOG_END_WITHIN);
    ended
}

async fn serve(
    source: Source,
    config: Config,
    secrets: Secrets,
    (ambient, day): (Ambient, ConfirmedDay),
    log: &Arc<Log>,
    loudness: Loudness,
    mut hangups: Hangups,
) -> Result<(), Failure> {
    warn(&config);
    if let Err(NotLocked { limit_bytes, io }) = lock_memory() {
        tracing::info!(memlock.bytes = limit_bytes, io.kind = ?io, "process.memory-not-locked");
    }
    let systemd = service_manager(&source.environment);
    let progress = Arc::clone(&ambient.progress);
    let building = systemd.while_starting(&progress, App::build(&config, secrets, ambient));
    let app = building.await.map_err(|error| not_started(&error))?;
    let stop = Stop::default();
    let (drain, last) = (Duration::from_secs(config.public.drain_seconds), Arc::clone(log));
    let forced = move || {
        tracing::error!("process.end-forced");
        last.close(LOG_END_WITHIN);
        std::process::exit(Exit::Failed as i32);
    };
    stop_within(&stop, drain.saturating_add(END_GRACE), forced).map_err(|error| deaf(&error))?;
    let (reload, stopped) = (app.reload(), stop.clone());
    stop.supervise("reload", async move {
        while hangups.next(&stopped).await {
            reload_from(&source, &reload, &loudness).await;
        }
    });
    match app.watched_by(systemd).counted_by(log.counts().clone()).telling_the_day(day).run(stop).await {
        true => Ok(()),
        false => Err(Failure::failed("tamis did not end well: its log says why")),
    }
}

fn mute(error: &std::io::Error) -> Failure {
    Failure::failed(format!("the log cannot be started: {}", error.kind()))
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
    let untold = config.untold();
    if !untold.is_empty() {
        return say_refused(&Faults { faults: untold, warnings: Vec::new() });
    }
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

/// From here on events become lines on stderr and in the file, if the config names one, and panics say where they happened
/// and nothing else. Nobody waits for either place.
fn listen_to_events(
    config: &Config,
    clock: &Arc<dyn Clock>,
    day: &ConfirmedDay,
) -> std::io::Result<(Arc<Log>, Loudness)> {
    let format = match config.log.format {
        LogFormat::Pretty => Format::Pretty,
        LogFormat::Json => Format::Json,
    };
    let loudness = Loudness::new(level(config.log.level));
    let mut places: Vec<(LogPlace, Box<dyn LogOutlet>)> =
        vec![(LogPlace::Stderr, Box::new(LogStream::stderr()?))];
    if let Some(path) = &config.log.file {
        places
            .push((LogPlace::File, Box::new(LogFile::at(path, config.log.file_retention_days, day.clone()))));
    }
    let log = Log::start(format, Arc::clone(clock), LogCounts::default(), LogRoom::USUAL, places)?;
    let lines = Lines::into_log(Arc::clone(&log), loudness.clone());
    // A second subscriber in one process is a test's; the first one holds.
    let _ = tracing::subscriber::set_global_default(lines.subscriber());
    silence_panics();
    Ok((log, loudness))
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

pub(super) fn refused(path: &ConfigPath, faults: &Faults) -> Failure {
    Failure::new(Exit::ConfigRefused, format!("{} is refused.\n\n{faults}", path.path.display()))
}

fn not_started(error: &StartError) -> Failure {
    not_done("tamis does not start", error)
}

/// What was to be done with store and keyring, and why they refuse.
pub(super) fn not_done(what: &str, error: &StartError) -> Failure {
    let exit = match error {
        StartError::Store { error: StoreError { code: StoreCode::Locked, .. }, .. }
        | StartError::Keyring { error: KeyringError { code: KeyringCode::Locked, .. }, .. } => {
            Exit::StoreLocked
        }
        _ => Exit::Failed,
    };
    let Some(code) = error.code() else {
        return Failure::new(exit, format!("{what}: {error}"));
    };
    let why = why_not_started(code).map_or_else(|| error.to_string(), |why| format!("{why} ({error})"));
    Failure::new(exit, format!("{what}: {why}. What to do: tamis explain {code}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_fails_says_why_in_a_sentence_and_what_to_ask_next() {
        for (error, code, meaning) in [
            (KeyringCode::Locked, "keyring-locked", "another process holds the keyring"),
            (KeyringCode::DoesNotOpen, "keyring-does-not-open", "does not open under this root key"),
        ] {
            let error = KeyringError { code: error, io: None };
            let refused = StartError::Keyring { path: "/keys/keyring".into(), error, under: None };
            let told = not_started(&refused).to_string();
            let next = format!("What to do: tamis explain {code}");
            assert!(
                told.contains(meaning) && told.contains("/keys/keyring") && told.ends_with(&next),
                "{told}"
            );
            assert_eq!(told.lines().count(), 1, "{told}");
        }
    }

    #[test]
    fn an_address_in_use_has_no_code_and_says_what_the_system_said() {
        let kind = std::io::ErrorKind::AddrInUse;
        let told = not_started(&StartError::Listen { address: "127.0.0.1:1".into(), kind });
        assert_eq!(told.to_string(), "tamis does not start: cannot listen on 127.0.0.1:1: address in use");
    }
}
