//! What the server's thread and the handles share.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio_util::sync::CancellationToken;

use crate::calls::{CallLog, GraphCall};
use crate::graph::ask::Ask;
use crate::graph::error::GraphError;
use crate::misbehave::{Rules, Turn, Usage};
use crate::quota::Quota;
use crate::setup::Setup;
use crate::time::Clock;
use crate::world::World;

/// The world, the rules, the log, and what the setup fixed.
pub(crate) struct SimulatorState {
    pub secrets: Vec<Vec<u8>>,
    pub require_proof: bool,
    pub oldest_version: u32,
    pub newest_version: u32,
    pub stop: CancellationToken,
    address: SocketAddr,
    clock: Clock,
    world: RwLock<World>,
    pub rules: Mutex<Rules>,
    pub calls: Mutex<CallLog>,
    pub usage: RwLock<Usage>,
    pub ad_rights: AtomicBool,
    pub ids_error: Mutex<GraphError>,
    /// Bytes that floods have sent.
    pub flooded: Arc<AtomicU64>,
    pub quota: Mutex<Option<Quota>>,
    numbers: AtomicU64,
}

impl SimulatorState {
    pub fn new(setup: Setup, address: SocketAddr) -> SimulatorState {
        SimulatorState {
            secrets: setup.app_secrets.into_iter().map(String::into_bytes).collect(),
            require_proof: setup.require_proof,
            oldest_version: setup.oldest_version,
            newest_version: setup.newest_version,
            stop: CancellationToken::new(),
            address,
            clock: setup.clock,
            world: RwLock::default(),
            rules: Mutex::default(),
            calls: Mutex::new(CallLog::new(setup.calls_max)),
            usage: RwLock::default(),
            ad_rights: AtomicBool::new(true),
            ids_error: Mutex::new(GraphError::ids_gone()),
            flooded: Arc::default(),
            quota: Mutex::default(),
            numbers: AtomicU64::new(0),
        }
    }

    pub fn now_ms(&self) -> u64 {
        (self.clock)()
    }

    pub fn graph_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Not to be taken twice by one thread at a time: a waiting writer would block the second.
    pub fn world(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn world_mut(&self) -> RwLockWriteGuard<'_, World> {
        self.world.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn note_call(&self, call: GraphCall) {
        locked(&self.calls).note(call);
    }

    pub fn turn(&self, ask: &Ask) -> Turn {
        let world = self.world();
        locked(&self.rules).turn(ask, &world)
    }

    pub fn usage(&self) -> Usage {
        self.usage.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn ad_rights(&self) -> bool {
        self.ad_rights.load(Ordering::Relaxed)
    }

    /// What `?ids=` answers.
    pub fn ids_error(&self) -> GraphError {
        locked(&self.ids_error).clone()
    }

    /// The version that answers: the one asked for, else the oldest living one.
    pub fn version_served(&self, asked: &str) -> String {
        if asked.is_empty() { format!("v{}.0", self.oldest_version) } else { asked.to_owned() }
    }

    /// A trace id of Meta's form, the same in every run.
    pub fn next_trace(&self) -> String {
        format!("Asimulated{:08}", self.next_number())
    }

    pub fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}

/// Locks, past a panic of another holder.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
