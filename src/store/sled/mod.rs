//! The embedded engine: one sled database, one thread that writes, readers beside it.
//!
//! | file of this room | subject |
//! |---|---|
//! | `engine/` | the open database: trees, one transaction, one real sync; `copying`: every row into a new one; `exchanging`: that one in the place of the old; `opening`: lock, creation, what must agree; `startup`: the table; `migrate`, `moving`: from older layouts; `witness` |
//! | `layout`, `rows` | trees, keys, values; the rows of `seen` and `parked`, of either version |
//! | `writer`, `queued`, `draft` | the one writer: what queued up becomes one transaction, synced, witnessed, answered |
//! | `shared` | what verbs and writer hold in common; halting; reopening after a full disk |
//! | `verbs/` | the verbs, by subject; `reading`: a page of an export as it is read |
//! | `scan` | everything that is kept, looked at against what is counted |
//! | `touches` | what is written into while a scan looks |
//! | `erasure_rows` | the rows of `erasures` and `tombstones` |
//! | `papers` | what is kept beside an erasure for its receipt, where its row does not hold it |
//! | `pieces` | what may be larger than a row |
//! | `expiry_row` | what ended by its time and still has its keys, in `erasures` as well |
//! | `telling_rows` | which erasures wait for a letter to their person, in `erasures` as well |
//! | `suppression_rows` | the rows of `suppressions` |
//! | `vigil_rows` | the rows of `vigils` |
//! | `pass_rows` | the rows of `passes` |
//! | `handed` | the rows that say to whom records were handed |
//! | `handed_marks`, `page_rows` | and which of them a page withheld, or passed by; what a page leaves in both |
//! | `evidence_rows` | the rows of `evidence` |
//! | `feed_rows` | the rows of `feeds`: what recipients must follow |
//! | `restriction_rows` | the rows of `restrictions` |
//! | `unfinished` | erasures on their way: leaves to be punctured, rows to be finished |
//! | `buckets`, `bucket_rows` | what lives under each tree of the keyring; its rows within a transaction |
//! | `buckets`, `leaf_rows` | what lives under each tree of the keyring; which record under a leaf of another number |
//! | `index`, `reference` | what is parked, in memory; the seal of a parked reference |
//! | `backup`, `restoring` | a copy of the store that runs, and of its keyring; how one comes back |
//! | `vacuum` | what is kept, in a new file, in the place of the old one |
//! | `ledger` | what was forgotten, on another disk, for whoever restores |
//! | `epochs` | which numbers were ever given, also before a restore |
//! | `keys_ahead` | keys made before they are needed |
//! | `tending` | what lies on the disk, held against what is open |

mod aside;
mod backup;
mod bucket_rows;
mod buckets;
#[cfg(test)]
mod contract;
mod counts;
#[doc(hidden)]
pub mod door;
mod draft;
mod engine;
mod epochs;
mod erasure_rows;
mod evidence_rows;
mod expiry_row;
mod feed_rows;
mod handed;
mod handed_marks;
mod index;
mod keys_ahead;
mod layout;
mod leaf_rows;
mod ledger;
mod outbox_rows;
mod page_rows;
mod papers;
mod pass_rows;
mod pieces;
mod queued;
mod reference;
mod restoring;
mod restriction_rows;
mod rows;
mod scan;
mod shared;
mod suppression_rows;
mod telling_rows;
mod tending;
mod touches;
mod unfinished;
mod unreadable;
mod vacuum;
mod verbs;
mod vigil_rows;
mod writer;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};

use crate::clock::Clock;
use crate::keyring::Keyring;
use crate::machine::progress::Progress;
use crate::purpose::PurposeId;
use crate::random::Random;
use crate::store::sled::engine::moving::Pass;
use crate::store::sled::engine::opening;
use crate::store::sled::shared::{Shared, Slot};
use crate::store::sled::unfinished::Unfinished;
use crate::store::sled::verbs::trail;
use crate::store::sled::writer::{Ended, Writer};
use crate::store::trail::EmptyPolls;
use crate::store::{Store, StoreCode, StoreError};

pub use engine::opening::begins_anew;
pub use restoring::{Restored, Restoring, Since, Whose, forget_own_keyring};

/// How long closing may take; sled's own waits have no end.
const CLOSE_WITHIN: Duration = Duration::from_secs(30);
/// Pages that are read out at one time: each takes a thread.
const READINGS_MAX: usize = 8;

/// What the store is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The store's directory; sled's files lie in `db` below it.
    pub path: PathBuf,
    /// The witness's file, beside the keyring.
    pub witness: PathBuf,
    /// sled's page cache, in MiB.
    pub cache_mb: u32,
    /// Below this nothing is written any more.
    pub free_disk_min_bytes: u64,
    /// Where each erasure is noted as well, for whoever restores a backup.
    pub ledger: Option<PathBuf>,
}

/// The store. Its verbs are the traits of [`crate::store`].
pub struct SledStore {
    shared: Arc<Shared>,
    writer: Writer,
    thread: Mutex<Option<JoinHandle<Ended>>>,
    readings: Arc<Semaphore>,
    notes: trail::Notes,
    polls: EmptyPolls,
    scanning: scan::UnderWay,
}

impl SledStore {
    /// Opens the store, or creates it where the start-up table says so, and starts its writer. Blocks.
    ///
    /// # Errors
    /// See [`StoreCode`]: a refusal touches nothing, and never re-initialises over data.
    pub fn open(
        settings: Settings,
        keyring: Arc<dyn Keyring>,
        purposes: Vec<PurposeId>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Arc<Self>, StoreError> {
        Self::open_telling(settings, keyring, purposes, clock, random, &Progress::default())
    }

    /// The same, and says how far a long start is.
    ///
    /// # Errors
    /// As [`SledStore::open`].
    pub fn open_telling(
        settings: Settings,
        keyring: Arc<dyn Keyring>,
        purposes: Vec<PurposeId>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        progress: &Progress,
    ) -> Result<Arc<Self>, StoreError> {
        let pass =
            Pass { settings: &settings, keyring: &*keyring, random: &*random, clock: &*clock, progress };
        let opened = opening::open(&settings, &keyring, &purposes, &pass)?;
        let (shared, mut witness) = Shared::new(settings, purposes, keyring, clock, random, opened)?;
        let shared = Arc::new(shared);
        // Before anybody exports: what was handed over when nobody noted it.
        shared.reading(|engine| handed::fill(&shared, engine, &mut witness))?;
        // Before anybody reads or writes: what was taken away and still has its keys.
        let unfinished = shared.reading(|engine| Unfinished::resume(&shared, engine))?;
        // Nobody knows any more that keys lie there.
        backup::clear_up(&shared);
        // From here on the keyring is beyond generation 0: whoever loses the store will be told.
        shared.reading(|engine| keys_ahead::make(&shared, engine))?;
        tracing::info!(
            inbox.parked = shared.index().count(),
            store.records = shared.stored().values().sum::<u64>(),
            store.commit = witness.last().commit,
            "store.opened"
        );
        let (writer, thread) = Writer::start(Arc::clone(&shared), witness, unfinished)?;
        let (thread, readings) = (Mutex::new(Some(thread)), Arc::new(Semaphore::new(READINGS_MAX)));
        let (notes, scanning) = (trail::Notes::default(), scan::UnderWay::default());
        Ok(Arc::new(Self { shared, writer, thread, readings, notes, polls: EmptyPolls::default(), scanning }))
    }

    /// Runs a reading beside the writer, off the runtime's own threads.
    async fn beside<T: Send + 'static>(
        &self,
        step: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        let read = tokio::task::spawn_blocking(move || step(&shared)).await;
        // A panic of ours, or the runtime is going down.
        read.unwrap_or_else(|_| Err(StoreError::of(StoreCode::Closed)))
    }

    async fn shut(&self) -> Result<(), StoreError> {
        let Some(thread) = self.thread.lock().await.take() else { return Ok(()) };
        self.writer.close().await;
        let shared = Arc::clone(&self.shared);
        let closing = tokio::task::spawn_blocking(move || {
            let ended = thread.join();
            let left = shared.evict(Slot::Closed);
            let closed = match ended {
                Ok(Ended { result: Ok(()), mut witness }) => {
                    left.and_then(|()| opening::testify_closed(shared.settings(), &mut witness))
                }
                Ok(Ended { result, .. }) => result,
                Err(_) => Err(StoreError::of(StoreCode::Halted)),
            };
            shared.unlock();
            closed
        });
        match tokio::time::timeout(CLOSE_WITHIN, closing).await {
            Ok(closed) => closed.unwrap_or(Err(StoreError::of(StoreCode::Halted))),
            Err(_) => Err(StoreError::of(StoreCode::Stalled)),
        }
    }
}

impl Store for SledStore {}
