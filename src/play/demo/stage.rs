//! What the demo plays on: Meta's side, a private directory, and the daemon, built and not yet running.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use tamis_simulator::{DemoWorld, Setup, Simulator, demo_world};

use crate::app::{Addresses, Ambient, App};
use crate::clock::{Clock, SystemClock};
use crate::config;
use crate::lifecycle::{Stop, stop_on_signals};
use crate::machine::own::Directory;
use crate::random::{Random, SystemRandom};
use crate::secret::location::Environment;
use crate::telemetry::{Format, Lines, Loudness, silence_panics};
use crate::terminal::Failure;

const CONFIG: &str = include_str!("demo.toml");
/// So many Graph calls are remembered, to be counted at the end: more than a million leads need.
const CALLS_REMEMBERED: usize = 2_000_000;

/// Everything that the demo set up.
pub(super) struct Stage {
    /// Meta's side.
    pub(super) meta: Simulator,
    /// Its pages, forms and leads.
    pub(super) world: DemoWorld,
    /// Ends the daemon.
    pub(super) stop: Stop,
    /// Removed at the end, whatever happens.
    directory: tempfile::TempDir,
    addresses: Addresses,
    verify_token: String,
}

impl Stage {
    /// Sets everything up; the daemon is built, not running.
    pub(super) async fn set(leads: usize) -> Result<(Self, App), Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let cannot = |_| Failure::failed("the simulated Meta cannot start on loopback");
        let app_secret = word()?;
        let setup =
            Setup { app_secrets: vec![app_secret.clone()], calls_max: CALLS_REMEMBERED, ..Setup::default() };
        let meta = Simulator::start(setup).await.map_err(cannot)?;
        let now = u64::try_from(clock.now().as_second()).unwrap_or(0);
        let world = demo_world(leads, now);
        meta.add_world(&world);
        let directory = tempfile::tempdir()
            .map_err(|error| Failure::file(Path::new("a temporary directory"), "make", &error))?;
        let verify_token = word()?;
        write_secrets(directory.path(), &app_secret, &verify_token, &world)?;
        let path = write_config(directory.path(), &meta)?;
        listen_to_events(directory.path(), &clock)?;
        let app = build(&path, clock).await?;
        let stop = Stop::default();
        stop_on_signals(&stop)
            .map_err(|error| Failure::failed(format!("signals cannot be heard: {}", error.kind())))?;
        let addresses = app.addresses.clone();
        Ok((Self { meta, world, stop, directory, addresses, verify_token }, app))
    }

    /// Where Meta calls.
    pub(super) fn webhook(&self) -> String {
        format!("http://{}/webhook", self.addresses.public)
    }

    /// The word of the handshake.
    pub(super) fn verify_token(&self) -> &str {
        &self.verify_token
    }

    /// The admin socket.
    pub(super) fn socket(&self) -> &Path {
        &self.addresses.socket
    }

    /// The daemon's log: a file here, so that the account stays readable.
    pub(super) fn log_path(&self) -> PathBuf {
        self.directory.path().join("tamis.log")
    }

    /// What the daemon keeps: its store and its keys.
    pub(super) fn kept(&self) -> [PathBuf; 2] {
        ["store", "keys"].map(|name| self.directory.path().join(name))
    }

    /// Ends Meta's side and removes the directory.
    pub(super) async fn clear(self) {
        self.meta.stop().await;
        // Dropping the directory would remove it too, and say nothing if it cannot.
        if self.directory.close().is_err() {
            crate::terminal::tell("the temporary directory could not be removed");
        }
    }
}

async fn build(path: &Path, clock: Arc<dyn Clock>) -> Result<App, Failure> {
    let (config, secrets) = config::load_with_secrets(path, &Environment::default())
        .map_err(|faults| Failure::failed(format!("the demo's own config is refused:\n{faults}")))?;
    let ambient = Ambient { clock, random: Arc::new(SystemRandom), progress: Arc::default() };
    App::build(&config, secrets, ambient)
        .await
        .map_err(|error| Failure::failed(format!("tamis does not start: {error}")))
}

/// Thirty-two hexadecimal digits that nobody knows.
fn word() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    SystemRandom.fill(&mut bytes).map_err(|error| Failure::failed(error.to_string()))?;
    Ok(hex::encode(bytes))
}

fn write_secrets(
    directory: &Path,
    app_secret: &str,
    verify_token: &str,
    world: &DemoWorld,
) -> Result<(), Failure> {
    let folder = directory.join("secrets");
    let made = Directory::own(directory).and_then(|directory| directory.make_directory("secrets"));
    let secret_files = made.map_err(|error| Failure::file(&folder, "make", &error))?;
    let root = [word()?, word()?].concat();
    let mut secrets = vec![("app-secret".to_owned(), app_secret), ("verify-token".to_owned(), verify_token)];
    secrets.push(("root-key".to_owned(), &root));
    secrets.extend(world.pages.iter().map(|page| (format!("page-{}", page.id), page.token.as_str())));
    for (name, secret) in secrets {
        let written = secret_files.create_new(&name).and_then(|mut file| file.write_all(secret.as_bytes()));
        written.map_err(|error| Failure::file(&folder.join(name), "write", &error))?;
    }
    Ok(())
}

fn write_config(directory: &Path, meta: &Simulator) -> Result<PathBuf, Failure> {
    let path = directory.join("tamis.toml");
    let text =
        CONFIG.replace("{directory}", &directory.display().to_string()).replace("{graph}", &meta.graph_url());
    let written = new_file(directory, "tamis.toml").and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::file(&path, "write", &error))?;
    Ok(path)
}

fn new_file(directory: &Path, name: &str) -> io::Result<File> {
    Directory::own(directory)?.create_new(name)
}

fn listen_to_events(directory: &Path, clock: &Arc<dyn Clock>) -> Result<(), Failure> {
    let log = new_file(directory, "tamis.log")
        .map_err(|error| Failure::file(&directory.join("tamis.log"), "write", &error))?;
    let loudness = Loudness::new(tracing::Level::INFO);
    let lines = Lines::new(Format::Pretty, loudness, Arc::clone(clock), Box::new(log));
    // A second subscriber in one process is a test's; the first one holds.
    let _ = tracing::subscriber::set_global_default(lines.subscriber());
    silence_panics();
    Ok(())
}

/// A progress bar on a terminal, nothing elsewhere.
pub(super) struct Watch(ProgressBar);

impl Watch {
    /// Shows the name, and how far of `length`.
    pub(super) fn start(name: &'static str, length: usize) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(length as u64).with_message(name);
        let style = ProgressStyle::with_template("{msg:14} [{bar:40}] {pos}/{len}  {elapsed}");
        Self(style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style)))
    }

    /// So many more.
    pub(super) fn advance(&mut self, by: usize) {
        self.0.inc(by as u64);
    }

    /// So far.
    pub(super) fn at(&mut self, position: usize) {
        self.0.set_position(position as u64);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
