//! The one store in memory, for the tests of every room: it keeps each promise of the face (`store/contract/` holds it to
//! them), and what it keeps outlives it in its [`MemoryHost`] alone.
//!
//! Every verb holds the rows for as long as it takes, so its transactions follow one another; one that writes works on a
//! copy, which takes the rows' place only if nothing was refused.

mod addresses;
mod draft;
mod erasures;
mod feeds;
mod form_looks;
mod forms;
mod handed;
mod host;
mod leads;
mod life;
mod notices;
mod outbox;
mod parked;
mod passes;
mod pauses;
mod reading;
mod requests;
mod restrictions;
mod retention;
mod rewrites;
mod rows;
mod scan;
mod seen;
mod stubs;
mod suppressions;
mod tellings;
mod tokens;
mod trail;
mod vigils;

use std::collections::HashMap;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Semaphore;

use crate::id::LeadgenId;
use crate::keyring::Keyring;
use crate::notification::Lane;
use crate::random::Random;
use crate::store::mark::ClockMark;
use crate::store::memory::draft::Draft;
use crate::store::memory::rows::Rows;
use crate::store::trail::EmptyPolls;
use crate::store::{Store, StoreCode, StoreError};

pub(crate) use host::MemoryHost;

/// Pages that are read out at one time.
const READINGS_MAX: usize = 8;

/// The store. Its verbs are the traits of [`crate::store`].
pub(crate) struct MemoryStore(Arc<MemoryState>);

struct MemoryState {
    rows: Arc<Mutex<Rows>>,
    keyring: Arc<dyn Keyring>,
    random: Arc<dyn Random>,
    mark: ClockMark,
    readings: Arc<Semaphore>,
    process: Mutex<Process>,
    stub_months: AtomicU32,
    polls: EmptyPolls,
}

/// What ends with the process.
#[derive(Default)]
struct Process {
    /// Why nothing is taken or given any more.
    ended: Option<StoreCode>,
    /// A copy is being made.
    copying: bool,
    /// Claimed references, by arrival.
    leases: HashMap<u64, (LeadgenId, Lane)>,
    /// When a refusal of each actor was last written down, in milliseconds since 1970.
    noted: HashMap<String, i64>,
    walk: scan::Walk,
}

impl MemoryState {
    /// The rows, for one verb.
    fn rows(&self) -> Result<MutexGuard<'_, Rows>, StoreError> {
        let ended = self.process().ended;
        match ended {
            Some(code) => Err(StoreError::of(code)),
            None => Ok(self.rows.lock().expect("not poisoned")),
        }
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().expect("not poisoned")
    }

    /// One transaction: all of what `work` writes, or nothing.
    fn write<T>(&self, work: impl FnOnce(&mut Draft<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.process().copying {
            return Err(StoreError::of(StoreCode::CopyUnderWay));
        }
        let mut rows = self.rows()?;
        let mut draft = Draft::begin(self, &rows);
        let done = work(&mut draft)?;
        let moved = draft.finish();
        *rows = draft.rows;
        let mut process = self.process();
        moved.iter().for_each(|arrival| {
            process.leases.remove(arrival);
        });
        Ok(done)
    }
}

impl Store for MemoryStore {}

mod contract {
    crate::store::contract::contract!(crate::store::memory::MemoryHost);
}
