//! The disk that the ledger lies on, which may hang.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// The disk of the ledger. What is done there is done by a thread of its own, one at a time: a mount that hangs holds nobody up
/// for longer than this says, and then nobody at all until it moves again.
pub(in crate::store::sled) struct LedgerDisk {
    is_busy: Arc<AtomicBool>,
    within: Duration,
}

impl Default for LedgerDisk {
    fn default() -> Self {
        Self { is_busy: Arc::default(), within: Duration::from_secs(5) }
    }
}

impl LedgerDisk {
    /// Has something done there.
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`]: it may be done later, or never. Otherwise what the work says.
    pub(in crate::store::sled) fn run(
        &self,
        work: impl FnOnce() -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        if self.is_busy.swap(true, Ordering::AcqRel) {
            return Err(ErrorKind::TimedOut.into());
        }
        let (done, outcome) = mpsc::sync_channel(1);
        let is_busy = Arc::clone(&self.is_busy);
        // Joined by nobody: who waits for it waits for the disk.
        let begun = std::thread::Builder::new().name("ledger".to_owned()).spawn(move || {
            let outcome = work();
            is_busy.store(false, Ordering::Release);
            // Whoever asked may have given up.
            let _ = done.send(outcome);
        });
        if let Err(error) = begun {
            self.is_busy.store(false, Ordering::Release);
            return Err(error);
        }
        outcome.recv_timeout(self.within).unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_hangs_holds_nobody_up_for_long_and_serves_again_when_it_moves() {
        let disk = LedgerDisk { within: Duration::from_millis(20), ..LedgerDisk::default() };
        assert_eq!(disk.run(|| Ok(())).ok(), Some(()));
        let absent = disk.run(|| Err(ErrorKind::NotFound.into()));
        assert_eq!(absent.err().map(|error| error.kind()), Some(ErrorKind::NotFound));
        let (release, held) = mpsc::channel::<()>();
        let hangs = disk.run(move || held.recv().map_err(|_| ErrorKind::Other.into()));
        assert_eq!(hangs.err().map(|error| error.kind()), Some(ErrorKind::TimedOut));
        let (ran, did) = mpsc::channel();
        let next = disk.run(move || ran.send(()).map_err(|_| ErrorKind::Other.into()));
        assert_eq!(next.err().map(|error| error.kind()), Some(ErrorKind::TimedOut), "at once");
        assert!(did.try_recv().is_err(), "and nothing of it is done");
        release.send(()).expect("it waits");
        while disk.run(|| Ok(())).is_err() {
            std::thread::yield_now();
        }
    }
}
