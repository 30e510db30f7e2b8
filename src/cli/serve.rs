//! `tamis serve`: the daemon.

use std::path::Path;
use std::sync::Arc;

use crate::app::{Ambient, App, StartError};
use crate::cli::Exit;
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config, Faults};
use crate::lifecycle::{Stop, stop_on_signals};
use crate::location::Environment;
use crate::random::SystemRandom;
use crate::store::{StoreCode, StoreError};
use crate::telemetry::{Lines, Loudness, silence_panics};

/// Threads that carry fetchers, timers and the command line's side; the listeners have their own.
const RUNTIME_THREADS: usize = 2;

/// Loads, builds, runs until a signal.
pub fn run(config_path: &Path, environment: &Environment) -> Exit {
    let config = match config::load(config_path, environment) {
        Ok(config) => config,
        Err(faults) => return refuse(config_path, &faults),
    };
    let secrets = match config.resolve(environment) {
        Ok(secrets) => secrets,
        Err(faults) => return refuse(config_path, &faults),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    listen_to_events(&config, &clock);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(RUNTIME_THREADS).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return say_failed(&format!("no threads to run on: {}", error.kind())),
    };
    let ambient = Ambient { clock, random: Arc::new(SystemRandom) };
    runtime.block_on(async {
        let app = match App::build(&config, secrets, ambient) {
            Ok(app) => app,
            Err(error) => return not_started(&error),
        };
        let stop = Stop::default();
        if let Err(error) = stop_on_signals(&stop) {
            return say_failed(&format!("signals cannot be heard: {}", error.kind()));
        }
        if app.run(stop).await { Exit::Done } else { Exit::Failed }
    })
}

/// From here on events become lines on stderr, and panics say where they happened and nothing else.
fn listen_to_events(config: &Config, clock: &Arc<dyn Clock>) {
    let lines = Lines::new(
        config.log.format,
        Loudness::new(config.log.level),
        Arc::clone(clock),
        Box::new(std::io::stderr()),
    );
    // A second subscriber in one process is a test's; the first one holds.
    let _ = tracing::subscriber::set_global_default(lines.subscriber());
    silence_panics();
}

fn refuse(path: &Path, faults: &Faults) -> Exit {
    #![expect(clippy::print_stderr, reason = "the command line speaks to a person")]
    eprintln!("{} is refused:\n{faults}", path.display());
    Exit::ConfigRefused
}

fn not_started(error: &StartError) -> Exit {
    #![expect(clippy::print_stderr, reason = "the command line speaks to a person")]
    eprintln!("tamis does not start: {error}. See docs/codes.md for what to do.");
    match error {
        StartError::Store { error: StoreError { code: StoreCode::Locked, .. }, .. } => Exit::StoreLocked,
        _ => Exit::Failed,
    }
}

fn say_failed(what: &str) -> Exit {
    #![expect(clippy::print_stderr, reason = "the command line speaks to a person")]
    eprintln!("tamis does not start: {what}.");
    Exit::Failed
}
