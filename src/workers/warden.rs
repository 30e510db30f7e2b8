//! Holds what lies on the disk against what this process has open, every minute: whoever removes, replaces or damages the
//! keyring, the witness, a lock or the socket while tamis runs would otherwise be noticed at the next start, when the keys
//! that could have mended it are gone.
//!
//! Each room mends what is its own and knows when that is safe; what is left is told as what needs attention. It stops
//! nothing and starves no watchdog: a restart is what must not happen then.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::attention::{Attention, AttentionCode, Concern};
use crate::clock::{Clock, after};
use crate::inbox::Inbox;
use crate::keyring::Keyring;
use crate::store::{SharedStore, StoreCode};
use crate::workers::routine::{Routine, Schedule, Turn};

/// How often it looks.
const EVERY: SignedDuration = SignedDuration::from_mins(1);
/// How long a look may take; a disk that takes longer is told, and waited for at the next one.
const WITHIN: Duration = Duration::from_secs(10);

/// What keyring, journal and socket may have to tell.
const OF_FILES: [AttentionCode; 7] = [
    AttentionCode::KeyringLost,
    AttentionCode::KeyringReplaced,
    AttentionCode::KeyringLinked,
    AttentionCode::KeyringLockLost,
    AttentionCode::JournalReplaced,
    AttentionCode::SocketLost,
    AttentionCode::SocketTaken,
];
/// What the store may have to tell.
const OF_STORE: [AttentionCode; 5] = [
    AttentionCode::WitnessLost,
    AttentionCode::LedgerLost,
    AttentionCode::WitnessReplaced,
    AttentionCode::StoreLockLost,
    AttentionCode::StoreReplaced,
];

/// A door that lies on the disk.
pub trait Door: Send + Sync {
    /// Opens it again where it was removed, and gives what only a person can mend. Blocks for as long as the disk takes.
    fn look_after(&self) -> Vec<Concern>;
}

/// The warden.
pub struct Warden {
    rooms: Arc<Rooms>,
    attention: Arc<Attention>,
    schedule: Schedule,
    within: Duration,
    /// A look that did not end in time.
    looking: Mutex<Option<JoinHandle<Vec<Concern>>>>,
}

struct Rooms {
    keyring: Arc<dyn Keyring>,
    store: SharedStore,
    inbox: Arc<Inbox>,
    door: Arc<dyn Door>,
}

#[async_trait]
impl Routine for Warden {
    const NAME: &'static str = "warden";

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    async fn turn(&self, turn: Turn) -> Timestamp {
        self.look().await;
        after(turn.now, EVERY)
    }
}

impl Warden {
    /// A warden that has not looked yet.
    pub fn new(
        keyring: Arc<dyn Keyring>,
        store: SharedStore,
        inbox: Arc<Inbox>,
        door: Arc<dyn Door>,
        attention: Arc<Attention>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let rooms = Arc::new(Rooms { keyring, store, inbox, door });
        Self {
            rooms,
            attention,
            schedule: Schedule::within(EVERY, clock),
            within: WITHIN,
            looking: Mutex::default(),
        }
    }

    async fn look(&self) {
        let (mut looked_at, mut concerns) = (vec![AttentionCode::LookStalled], Vec::new());
        // The keyring first: the witness lies in the directory that it makes again.
        match self.look_at_files().await {
            Some(found) => {
                looked_at.extend(OF_FILES);
                concerns.extend(found);
            }
            None => concerns.push(Concern::of(AttentionCode::LookStalled)),
        }
        match self.rooms.store.look_after().await {
            Ok(found) => {
                looked_at.extend(OF_STORE);
                concerns.extend(found);
            }
            Err(error) if error.code == StoreCode::Stalled => {
                concerns.push(Concern::of(AttentionCode::LookStalled));
            }
            // It has halted or was closed, and has said so.
            Err(_) => {}
        }
        self.attention.found(&looked_at, &concerns, self.schedule.now());
    }

    /// None: the disk takes too long. One look at a time, whatever a mount does.
    async fn look_at_files(&self) -> Option<Vec<Concern>> {
        let before = self.looking.lock().take();
        let mut looking = before.unwrap_or_else(|| {
            let rooms = Arc::clone(&self.rooms);
            tokio::task::spawn_blocking(move || rooms.look_at_files())
        });
        match tokio::time::timeout(self.within, &mut looking).await {
            Ok(Ok(found)) => Some(found),
            Ok(Err(error)) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is going down.
                Err(_) => None,
            },
            Err(_) => {
                *self.looking.lock() = Some(looking);
                None
            }
        }
    }
}

impl Rooms {
    fn look_at_files(&self) -> Vec<Concern> {
        let mut concerns = self.keyring.look_after();
        concerns.extend(self.inbox.look_after());
        concerns.extend(self.door.look_after());
        concerns
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;
    use crate::app::StoreKnows;
    use crate::inbox::Settings;
    use crate::random::SystemRandom;
    use crate::store::contract::Host;
    use crate::store::memory::MemoryHost;
    use crate::workers::Worker;

    /// A mount that hangs until the other end is dropped.
    struct Hanging {
        looks: AtomicUsize,
        hangs: Mutex<mpsc::Receiver<()>>,
    }

    impl Door for Hanging {
        fn look_after(&self) -> Vec<Concern> {
            self.looks.fetch_add(1, Ordering::SeqCst);
            let _ = self.hangs.lock().recv();
            vec![Concern::of(AttentionCode::SocketTaken)]
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_disk_that_hangs_is_told_and_looked_at_once() {
        let (host, directory) = (MemoryHost::new(), tempfile::tempdir().expect("a directory"));
        let (store, keyring, clock) = (host.open(), host.keyring.clone(), host.clock.clone());
        let settings = Settings {
            path: directory.path().join("inbox"),
            witness: directory.path().join("inbox-witness"),
            max_references: 1_000,
            max_held_by_form: 1_000,
            free_disk_min_bytes: 1,
            body_max_bytes: 1_000,
        };
        let known = Arc::new(StoreKnows::of(Arc::clone(&store)));
        let inbox = Inbox::open(settings, keyring.clone(), known, clock.clone(), Arc::new(SystemRandom));
        let inbox = Arc::new(inbox.await.expect("opens"));
        let (let_go, hangs) = mpsc::channel();
        let door = Arc::new(Hanging { looks: AtomicUsize::new(0), hangs: Mutex::new(hangs) });
        let attention = Arc::new(Attention::default());
        let warden = Warden::new(keyring, store, inbox, door.clone(), attention.clone(), clock.clone());
        let warden = Warden { within: Duration::from_millis(50), ..warden };
        let codes = || attention.standing().into_iter().map(|(code, _)| code).collect::<Vec<_>>();
        for _ in 0..3 {
            warden.step().await;
            assert_eq!(codes(), [AttentionCode::LookStalled]);
            clock.advance_ms(61_000);
        }
        assert_eq!(door.looks.load(Ordering::SeqCst), 1, "threads that hang are not gathered");
        drop(let_go);
        let warden = Warden { within: WITHIN, ..warden };
        warden.step().await;
        assert_eq!(codes(), [AttentionCode::SocketTaken], "what the look found after all");
    }
}
