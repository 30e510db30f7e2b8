//! What the demo plays on: Meta's side, a private directory, and the daemon, built and not yet running.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use tamis_simulator::{DemoWorld, Setup, Simulator, demo_world};

use crate::app::{Addresses, App};
use crate::clock::Clock;
use crate::config;
use crate::lifecycle::Stop;
use crate::machine::own::Directory;
use crate::play::beside::{self, stop_on_any_signal};
use crate::play::house::{House, word};
use crate::secret::location::Environment;
use crate::terminal::Failure;

/// The daemon's log.
const LOG: &str = "tamis.log";
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
    /// Sets everything up; the daemon is built, not running. Signals are heard before there is anything to leave behind.
    /// Mails to people go to this port on loopback; none: nobody is written to.
    pub(super) async fn set(
        leads: usize,
        clock: Arc<dyn Clock>,
        mail_port: Option<u16>,
    ) -> Result<(Self, App), Failure> {
        let stop = stop_on_any_signal()?;
        let cannot = |_| Failure::failed("the simulated Meta cannot start on loopback");
        let app_secret = word()?;
        let meta_clock = Arc::clone(&clock);
        let setup = Setup {
            app_secrets: vec![app_secret.clone()],
            calls_max: CALLS_REMEMBERED,
            // Graph's Date is what confirms the daemon's.
            clock: Arc::new(move || u64::try_from(meta_clock.now().as_millisecond()).unwrap_or(0)),
            ..Setup::default()
        };
        let meta = Simulator::start(setup).await.map_err(cannot)?;
        let now = u64::try_from(clock.now().as_second()).unwrap_or(0);
        let world = demo_world(leads, now);
        meta.add_world(&world);
        let directory = tempfile::tempdir()
            .map_err(|error| Failure::file(Path::new("a temporary directory"), "make", &error))?;
        let verify_token = word()?;
        let token = |id: &str| {
            let page = world.pages.iter().find(|page| page.id == id);
            page.map(|page| page.token.clone()).unwrap_or_default()
        };
        let house = House {
            listen: "127.0.0.1:0",
            graph: &meta.graph_url(),
            app_secret: &app_secret,
            verify_token: &verify_token,
            page_token: &token,
            mail_port,
        };
        let path = house.furnish(directory.path())?;
        let log = Directory::own(directory.path()).and_then(|home| home.create_new(LOG));
        let log = log.map_err(|error| Failure::file(&directory.path().join(LOG), "write", &error))?;
        beside::log_to(Box::new(log), &clock);
        let (config, secrets) = config::load_with_secrets(&path, &Environment::default())
            .map_err(|faults| Failure::failed(format!("the demo's own config is refused:\n{faults}")))?;
        let app = beside::build(&config, secrets, clock).await?;
        let addresses = app.addresses.clone();
        Ok((Self { meta, world, stop, directory, addresses, verify_token }, app))
    }

    /// A page of the public listener, by its path.
    pub(super) fn public(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses.public)
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
        self.directory.path().join(LOG)
    }

    /// Everything of the daemon's: its store, its keys, its log, its config.
    pub(super) fn home(&self) -> PathBuf {
        self.directory.path().to_owned()
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

/// Runs the daemon while it is played, and then, if that went well, while something else goes on; and clears away.
pub(super) async fn perform(
    (stage, app): (Stage, App),
    play: impl AsyncFnOnce(&Stage) -> Result<(), Failure>,
    then: impl AsyncFnOnce(&Stage),
) -> Result<(), Failure> {
    let stop = stage.stop.clone();
    let playing = async {
        let played = tokio::select! {
            played = play(&stage) => played,
            () = stage.stop.requested() => Err(Failure::failed("the demo was interrupted; nothing is left behind")),
        };
        // All is told: whoever ends it now ends what went well.
        if played.is_ok() {
            then(&stage).await;
        }
        stage.stop.request();
        played
    };
    let (ended_well, played) = tokio::join!(app.run(stop), playing);
    stage.clear().await;
    match (played, ended_well) {
        (Ok(()), true) => Ok(()),
        (Ok(()), false) => Err(Failure::failed("the daemon did not end well")),
        (Err(failure), _) => Err(failure),
    }
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
