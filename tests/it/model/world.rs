//! The daemon's rooms as they are, put together without listeners and loops: every step is told. Meta's side is the
//! simulator, asked over loopback. Time stands until it is moved; randomness is a stream.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tamis::app::StoreKnows;
use tamis::clock::{Clock, Day, ManualClock};
use tamis::config::Config;
use tamis::current::Current;
use tamis::graph::{Graph, PageAccess};
use tamis::id::PageId;
use tamis::inbox::Inbox;
use tamis::keyring::Keyring;
use tamis::keyring::file::FileKeyring;
use tamis::notice::Book;
use tamis::notification::Verifier;
use tamis::random::{Random, SeededRandom};
use tamis::secret::WatchedSecret;
use tamis::secret::location::{Environment, Location};
use tamis::secret::{Key, Secret};
use tamis::store::{BelievedClock, SharedStore, StoreError};
use tamis::telemetry::LeadNames;
use tamis::telemetry::metrics::Metrics;
use tamis::workers::{
    Clockwatch, Fetcher, FormBook, FormCheck, Reaper, ReloadGate, Retries, Silence, Tools, Worker,
};
use tamis_simulator::{Setup, Simulator};
use tempfile::TempDir;

use super::fuse::{Fuse, FusedClock, FusedKeyring, FusedRandom, Image};
use super::plan::{PAGES, claims, config_of, furnish, knows, token};

/// Where the world begins.
const START: &str = "2026-03-02T08:00:00Z";
/// What shows of consents outlives a record for as long as a config may say, and longer than any run.
const STUB_MONTHS: u32 = 120;
/// No step takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a lock of the daemon before is waited for.
const LOCK_TRIES: usize = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Meta's side, shared by the runs of one thread, one after the other.
pub struct Meta {
    pub simulator: Simulator,
    pub secret: String,
    configs: Vec<Arc<Config>>,
    /// What time it is at Meta, in Unix milliseconds.
    clock: Arc<AtomicU64>,
    template: Option<Image>,
}

impl Meta {
    /// Starts the simulator and makes what every run begins with: an empty store, with its keyring.
    pub async fn start() -> Self {
        let clock = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&clock);
        let setup = Setup { clock: Arc::new(move || told.load(Ordering::SeqCst)), ..Setup::default() };
        let secret = setup.app_secrets[0].clone();
        let simulator = Simulator::start(setup).await.expect("Meta's side");
        let configs = (0..super::ops::POLICIES).map(|policy| Arc::new(config_of(policy))).collect();
        let mut meta = Self { simulator, secret, configs, clock, template: None };
        let mut world = World::new(&meta, 0, Bounds::default()).await.expect("an empty world opens");
        world.close().await.expect("closes");
        meta.template = Some(Image::take(world.home.path()));
        meta
    }

    pub fn config(&self, policy: usize) -> &Config {
        &self.configs[policy]
    }

    /// As it was in the beginning.
    fn reset(&self) {
        self.simulator.behave();
        self.simulator.clear_graph_calls();
        furnish(&self.simulator);
    }
}

/// What differs from run to run beside the operations.
#[derive(Clone, Copy)]
pub struct Bounds {
    /// References queued and parked.
    pub max_references: u64,
    /// Calls to Graph at one time.
    pub calls_in_flight: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { max_references: 1_000, calls_in_flight: 1 }
    }
}

/// One daemon, killed and started again as often as told.
pub struct World<'m> {
    pub meta: &'m Meta,
    pub clock: Arc<ManualClock>,
    pub fuse: Arc<Fuse>,
    pub policy: usize,
    pub bounds: Bounds,
    /// What the daemon keeps.
    home: TempDir,
    secrets: TempDir,
    random: Arc<dyn Random>,
    editions: [u32; 2],
    /// How far the daemon's clock is ahead of Meta's, in milliseconds.
    off_ms: i64,
    rooms: Option<Rooms>,
}

/// A running daemon, without anything that runs.
pub struct Rooms {
    pub inbox: Arc<Inbox>,
    pub store: SharedStore,
    pub graph: Arc<Graph>,
    pub keyring: Arc<dyn Keyring>,
    pub tools: Arc<Tools>,
    pub verifier: Verifier,
    pub fetchers: [Fetcher; 2],
    pub reaper: Reaper,
    pub clockwatch: Clockwatch,
}

impl<'m> World<'m> {
    pub async fn new(meta: &'m Meta, seed: u64, bounds: Bounds) -> Result<Self, String> {
        meta.reset();
        let home = directory();
        if let Some(template) = &meta.template {
            template.write(home.path());
        }
        let secrets = directory();
        for page in 0..2 {
            write_token(secrets.path(), page, &token(page, 0));
        }
        let clock = Arc::new(ManualClock::new(START.parse().expect("a timestamp")));
        let fuse = Arc::new(Fuse::default());
        let random: Arc<dyn Random> = Arc::new(SeededRandom::new(seed));
        let random = Arc::new(FusedRandom(random, Arc::clone(&fuse)));
        let mut world = Self {
            meta,
            clock,
            fuse,
            policy: 0,
            bounds,
            home,
            secrets,
            random,
            editions: [0; 2],
            off_ms: 0,
            rooms: None,
        };
        world.advance_ms(0);
        world.open(0).await?;
        Ok(world)
    }

    /// Time passes, here and at Meta.
    pub fn advance_ms(&self, by: i64) {
        self.clock.advance_ms(by);
        let now = u64::try_from(self.true_now().as_millisecond()).unwrap_or(0);
        self.meta.clock.store(now, Ordering::SeqCst);
    }

    /// The daemon's clock is set: so far ahead of Meta's, which is right.
    pub fn set_clock_off(&mut self, ms: i64) {
        self.clock.advance_ms(ms - self.off_ms);
        self.off_ms = ms;
    }

    /// How far the daemon's clock is off, either way.
    pub fn is_off_ms(&self) -> i64 {
        self.off_ms.abs()
    }

    /// What time it is.
    pub fn true_now(&self) -> jiff::Timestamp {
        self.clock.now() - jiff::SignedDuration::from_millis(self.off_ms)
    }

    /// What time it is to the daemon.
    pub fn believed(&self) -> jiff::Timestamp {
        self.rooms().store.now()
    }

    pub fn rooms(&self) -> &Rooms {
        self.rooms.as_ref().expect("the daemon runs")
    }

    /// The inbox's keeper, which looks once a real second, seals under the key of the day that it is.
    pub fn keeper_has_keys_of_today(&self) -> Result<(), String> {
        let begun = Instant::now();
        while !self.rooms().inbox.days().contains(&Day::of(self.believed())) {
            if begun.elapsed() > PATIENCE {
                return Err("the inbox's keeper does not see what day it is".to_owned());
            }
            std::thread::sleep(LOCK_PAUSE);
        }
        Ok(())
    }

    /// The reaper looks, though its hour has not come.
    pub async fn look_as_reaper_again(&self) {
        let Rooms { inbox, store, keyring, tools, .. } = self.rooms();
        let clock = Arc::clone(&tools.clock);
        let reaper = Reaper::new(Arc::clone(inbox), Arc::clone(store), Arc::clone(keyring), clock);
        reaper.step().await;
    }

    /// What the daemon's clock says.
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// Whether a purpose claims a form now.
    pub fn is_claimed(&self, form: usize) -> bool {
        !claims(self.policy, form).is_empty()
    }

    /// Whether a page is in the config now.
    pub fn knows_page(&self, page: usize) -> bool {
        knows(self.policy, page)
    }

    /// Another policy is in force from now on, as `app/reload.rs` does it.
    pub async fn reload(&self, policy: usize) {
        let tools = &self.rooms().tools;
        let graph = self.graph_settings(policy);
        let closed = tools.gate.close().await;
        tools.graph.replace_access(graph.app_secrets, graph.pages);
        let next = self.meta.config(policy).policy();
        if *tools.policy.pin() != *next {
            tools.policy.replace(next);
        }
        drop(closed);
    }

    pub fn config(&self) -> &'m Config {
        self.meta.config(self.policy)
    }

    /// The token that the daemon has for a page.
    pub fn held_token(&self, page: usize) -> String {
        token(page, self.editions[page])
    }

    /// Meta gives a page another token and the operator puts it into its place.
    pub fn replace_token(&mut self, page: usize) {
        self.editions[page] += 1;
        let token = self.held_token(page);
        self.meta.simulator.set_token(PAGES[page], &token);
        write_token(self.secrets.path(), page, &token);
    }

    /// A clean end.
    pub async fn close(&mut self) -> Result<(), String> {
        let Some(Rooms { inbox, store, .. }) = self.rooms.take() else { return Ok(()) };
        inbox.close().map_err(|error| format!("closing the inbox: {}", error.code))?;
        let closed = tokio::time::timeout(PATIENCE, store.close()).await;
        closed
            .map_err(|_| "closing the store takes too long".to_owned())?
            .map_err(|error| format!("closing the store: {}", error.code))
    }

    /// `kill -9`: what the disk has now, or had when the fuse blew, in a directory of its own.
    pub async fn kill(&mut self) -> Result<(), String> {
        let image = self.fuse.take().unwrap_or_else(|| Image::take(self.home.path()));
        // The threads of this process cannot be killed; what they do from here on is to the old directory.
        let _ = self.close().await;
        let home = directory();
        image.write(home.path());
        self.home = home;
        Ok(())
    }

    /// What a kill would leave, from the first call for time, randomness or keys on that is the `ticks`-th from now.
    pub fn arm(&self, ticks: u32) {
        self.fuse.arm(ticks, self.home.path());
    }

    /// A start under a policy.
    pub async fn open(&mut self, policy: usize) -> Result<(), String> {
        self.policy = policy;
        let clock: Arc<dyn Clock> = Arc::new(FusedClock(Arc::clone(&self.clock), Arc::clone(&self.fuse)));
        let random = Arc::clone(&self.random);
        let keyring = self.open_keyring(&random)?;
        let keyring: Arc<dyn Keyring> = Arc::new(FusedKeyring(keyring, Arc::clone(&self.fuse)));
        let config = self.config();
        let policy = config.policy();
        let purposes = policy.purposes().iter().map(|purpose| purpose.id.clone()).collect();
        let (keys, time, chance) = (Arc::clone(&keyring), Arc::clone(&clock), Arc::clone(&random));
        let store = tamis::store::open(self.store_settings(), keys, purposes, time, chance)
            .map_err(|error| store_says(&error))?;
        store.keep_stubs(STUB_MONTHS);
        let settings = tamis::inbox::Settings {
            path: self.store_path().join("inbox"),
            witness: self.home.path().join("keys/inbox-witness"),
            max_references: self.bounds.max_references,
            max_held_by_form: self.bounds.max_references,
            free_disk_min_bytes: 1,
            body_max_bytes: 1_000,
        };
        let inbox = Inbox::open_with_segments(
            0,
            settings,
            Arc::clone(&keyring),
            Arc::new(StoreKnows::of(Arc::clone(&store))),
            Arc::new(BelievedClock(Arc::clone(&store))),
            Arc::clone(&random),
        );
        let inbox = inbox.await;
        let inbox = Arc::new(inbox.map_err(|error| format!("the inbox refuses: {}", error.code))?);
        // However it ended, the journal has what its witness says.
        let missing = inbox.figures().references_missing;
        if missing > 0 {
            return Err(format!("a false alarm: {missing} references are said to be missing"));
        }
        let graph = Graph::new(self.graph_settings(self.policy), Arc::clone(&clock), Arc::clone(&random));
        let graph = Arc::new(graph.expect("a client"));
        let tools = Arc::new(Tools {
            inbox: Arc::clone(&inbox),
            store: Arc::clone(&store),
            graph: Arc::clone(&graph),
            policy: Arc::new(Current::of(Arc::clone(&policy))),
            gate: ReloadGate::default(),
            silence: Silence::default(),
            form_check: FormCheck::new("https://leads.lumen.example"),
            forms: FormBook::new(Arc::clone(&store), Arc::clone(&graph), Arc::clone(&clock)),
            retries: Current::new(Retries { usual: config.retry(), ambiguous: config.retry_ambiguous() }),
            clock: Arc::clone(&clock),
            random,
            metrics: Arc::new(Metrics::new()),
            notices: Arc::new(Current::new(Book::default())),
            names: LeadNames::new(Arc::clone(&keyring), Arc::new(BelievedClock(Arc::clone(&store)))),
            left: Default::default(),
            asked_in_vain: Default::default(),
        });
        let fetchers = [Fetcher::new(Arc::clone(&tools)), Fetcher::new(Arc::clone(&tools))];
        let reaper =
            Reaper::new(Arc::clone(&inbox), Arc::clone(&store), Arc::clone(&keyring), Arc::clone(&clock));
        let clockwatch = Clockwatch::new(Arc::clone(&store), Arc::clone(&graph), clock);
        let verifier = Verifier::new(vec![Secret::new(self.meta.secret.clone().into_bytes())]);
        self.rooms =
            Some(Rooms { inbox, store, graph, keyring, tools, verifier, fetchers, reaper, clockwatch });
        Ok(())
    }

    /// As `app.rs` does it.
    fn open_keyring(&self, random: &Arc<dyn Random>) -> Result<FileKeyring, String> {
        let path = self.home.path().join("keys/keyring");
        let keyring_says =
            |error: tamis::keyring::KeyringError| format!("the keyring refuses: {}", error.code);
        let root = || Key::new([42; 32]);
        let found =
            unlocked(|| FileKeyring::open(&path, root(), Arc::clone(random))).map_err(keyring_says)?;
        let generation = found.as_ref().map(Keyring::generation);
        let begins_anew = tamis::store::begins_anew(&self.store_settings(), generation);
        match (begins_anew.map_err(|error| format!("at start: {}", error.code))?, found) {
            (false, Some(keyring)) => Ok(keyring),
            _ => FileKeyring::create(&path, root(), Arc::clone(random)).map_err(keyring_says),
        }
    }

    fn store_settings(&self) -> tamis::store::Settings {
        tamis::store::Settings {
            path: self.store_path(),
            witness: self.witness_path(),
            cache_mb: 1,
            free_disk_min_bytes: 1,
            ledger: None,
        }
    }

    fn graph_settings(&self, policy: usize) -> tamis::graph::Settings {
        let pages = (0..2).filter(|page| knows(policy, *page)).map(|page| PageAccess {
            id: PageId::parse(PAGES[page]).expect("digits"),
            name: format!("Page {page}"),
            token: WatchedSecret::read(
                Location::File(token_path(self.secrets.path(), page)),
                Environment::default(),
            )
            .unwrap_or_else(|code| panic!("a token: {code}"))
            .looked_at_each_time(),
        });
        tamis::graph::Settings {
            url: self.meta.simulator.graph_url(),
            version: "v26.0".to_owned(),
            app_secrets: vec![Secret::new(self.meta.secret.clone().into_bytes())],
            pages: pages.collect(),
            calls_in_flight: self.bounds.calls_in_flight,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(10),
            reply_max_bytes: 1024 * 1024,
        }
    }

    fn store_path(&self) -> PathBuf {
        self.home.path().join("store")
    }

    fn witness_path(&self) -> PathBuf {
        self.home.path().join("keys/witness")
    }

    /// Every byte that the daemon keeps now.
    pub fn image(&self) -> Image {
        Image::take(self.home.path())
    }
}

pub fn store_says(error: &StoreError) -> String {
    format!("the store refuses: {} {:?}", error.code, error.io)
}

/// In memory where that is possible: a thousand runs sync a hundred thousand times.
fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = match memory.is_dir() {
        true => tempfile::Builder::new().prefix("tamis-model").tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    made.expect("a directory")
}

fn token_path(secrets: &Path, page: usize) -> PathBuf {
    secrets.join(format!("token-{page}"))
}

/// Puts a new file into the place of the old one, as editors do.
fn write_token(secrets: &Path, page: usize, token: &str) {
    let fresh = secrets.join("fresh");
    fs::write(&fresh, token).expect("a file");
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600)).expect("a mode");
    fs::rename(fresh, token_path(secrets, page)).expect("renamed");
}

/// A thread of the daemon before (an export that nobody reads any more) may hold the keyring for a moment longer: in this
/// process it did not die with its daemon.
fn unlocked<T>(
    open: impl Fn() -> Result<T, tamis::keyring::KeyringError>,
) -> Result<T, tamis::keyring::KeyringError> {
    for _ in 0..LOCK_TRIES {
        match open() {
            Err(error) if error.code == tamis::keyring::KeyringCode::Locked => std::thread::sleep(LOCK_PAUSE),
            opened => return opened,
        }
    }
    open()
}
