//! What outlives a store in memory, and what a test may do behind its back.

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, Weak};

use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::clock::ManualClock;
use crate::keyring::memory::MemoryKeyring;
use crate::random::SeededRandom;
use crate::store::contract::{Host, Row, support};
use crate::store::mark::ClockMark;
use crate::store::memory::rows::Rows;
use crate::store::memory::{MemoryState, MemoryStore, Process, READINGS_MAX};
use crate::store::suppressions::require_key;
use crate::store::trail::EmptyPolls;
use crate::store::{SharedStore, StoreCode, StoreError};

/// Rows, keys, a clock that is moved by hand and repeatable randomness.
pub(crate) struct MemoryHost {
    pub(crate) keyring: Arc<MemoryKeyring>,
    pub(crate) clock: Arc<ManualClock>,
    rows: Arc<Mutex<Rows>>,
    random: Arc<SeededRandom>,
    opened: Mutex<Weak<MemoryState>>,
}

impl MemoryHost {
    /// Nothing is kept yet, and it is this moment.
    pub(crate) fn at(moment: Timestamp) -> Self {
        Self {
            keyring: MemoryKeyring::of_instance(7),
            clock: Arc::new(ManualClock::new(moment)),
            // Nothing lies there that nobody has looked at.
            rows: Arc::new(Mutex::new(Rows { early: (0, Some(0)), ..Rows::default() })),
            random: Arc::new(SeededRandom::new(7)),
            opened: Mutex::default(),
        }
    }

    /// A copy of the store that is open is being made, or no longer.
    pub(crate) fn copy(&self, is_made: bool) {
        let opened = self.opened.lock().expect("not poisoned").upgrade().expect("it is open");
        opened.process().copying = is_made;
    }
}

impl Host for MemoryHost {
    fn new() -> Self {
        Self::at(support::start())
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn keyring(&self) -> &MemoryKeyring {
        &self.keyring
    }

    fn try_open(&self, purposes: &[&str]) -> Result<SharedStore, StoreError> {
        let mark = ClockMark::new(self.clock.clone());
        {
            let mut rows = self.rows.lock().expect("not poisoned");
            if rows.canary.is_some() {
                require_key(&*self.keyring, rows.canary)?;
            }
            rows.clock.into_iter().for_each(|recorded| mark.adopt(recorded, rows.clock_certain));
            rows.clock = Some(mark.look().now());
            for purpose in purposes {
                rows.vaults.entry(support::purpose(purpose)).or_default();
            }
        }
        let shared = Arc::new(MemoryState {
            rows: self.rows.clone(),
            keyring: self.keyring.clone(),
            random: self.random.clone(),
            mark,
            readings: Arc::new(Semaphore::new(READINGS_MAX)),
            polls: EmptyPolls::default(),
            process: Mutex::new(Process::default()),
            stub_months: AtomicU32::default(),
        });
        shared.finish_erasures()?;
        *self.opened.lock().expect("not poisoned") = Arc::downgrade(&shared);
        Ok(Arc::new(MemoryStore(shared)))
    }

    fn halt(&self) {
        let opened = self.opened.lock().expect("not poisoned").upgrade().expect("it is open");
        opened.process().ended = Some(StoreCode::Halted);
    }

    fn take(&self, row: &Row) -> Vec<u8> {
        let mut rows = self.rows.lock().expect("not poisoned");
        let taken = match row {
            Row::Record(id) => {
                let vault = rows.vaults.get_mut(&id.purpose);
                vault.and_then(|vault| vault.records.remove(&(id.epoch, id.number)))
            }
            Row::Line(seq) => rows.trail.remove(seq),
        };
        taken.expect("it was there")
    }

    fn put(&self, row: &Row, bytes: Vec<u8>) {
        let mut rows = self.rows.lock().expect("not poisoned");
        match row {
            Row::Record(id) => {
                let vault = rows.vaults.entry(id.purpose.clone()).or_default();
                vault.records.insert((id.epoch, id.number), bytes);
            }
            Row::Line(seq) => {
                rows.trail.insert(*seq, bytes);
            }
        }
    }
}
