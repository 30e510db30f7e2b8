//! The callers of one batch: told all at once, with one outcome.
//!
//! Waking a task of another thread costs a system call, and a batch has dozens of callers on two threads. So on each
//! thread one caller leads: it alone is woken from outside, and wakes the others of its thread, which costs next to
//! nothing. A leader that leaves (its client hung up) is succeeded by another.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use super::{InboxCode, InboxError};

/// How long a caller waits for its batch. A disk that takes longer is not there: 503, and Meta calls again.
pub const SYNC_WAIT: Duration = Duration::from_secs(10);

/// What becomes of one batch.
#[derive(Default)]
pub struct Batch {
    outcome: OnceLock<Result<(), InboxError>>,
    settled: Notify,
}

/// Those of one thread who wait for one batch. Nothing breaks if a task moves to another thread: it is then woken from
/// there.
#[derive(Default)]
struct Crowd {
    /// Somebody waits for the batch itself.
    led: AtomicBool,
    /// Rung when the leader leaves, with the outcome or without.
    left: Notify,
}

thread_local! {
    /// The crowd that gathers on this thread, and for which batch.
    static GATHERING: RefCell<(Weak<Batch>, Arc<Crowd>)> = RefCell::default();
}

impl Batch {
    /// Tells all callers, once; later outcomes change nothing.
    pub fn settle(&self, outcome: Result<(), InboxError>) {
        if self.outcome.set(outcome).is_ok() {
            self.settled.notify_waiters();
        }
    }

    /// Waits until the batch is durable.
    ///
    /// # Errors
    /// Why it is not; [`InboxCode::Stalled`] if the disk takes too long.
    pub async fn wait(self: &Arc<Self>) -> Result<(), InboxError> {
        if let Some(outcome) = self.outcome.get() {
            return *outcome;
        }
        let crowd = Crowd::of(self);
        let settled = tokio::time::timeout(SYNC_WAIT, self.settled_with(&crowd)).await;
        settled.unwrap_or_else(|_| self.outcome_or_stalled())
    }

    async fn settled_with(&self, crowd: &Crowd) -> Result<(), InboxError> {
        loop {
            if let Some(_lead) = Lead::take(crowd) {
                // Listen, then look: an outcome between the two is not missed.
                let mut settled = std::pin::pin!(self.settled.notified());
                settled.as_mut().enable();
                if self.outcome.get().is_none() {
                    settled.await;
                }
            } else {
                let mut left = std::pin::pin!(crowd.left.notified());
                left.as_mut().enable();
                if self.outcome.get().is_none() && crowd.led.load(Ordering::SeqCst) {
                    left.await;
                }
            }
            if let Some(outcome) = self.outcome.get() {
                return *outcome;
            }
        }
    }

    fn outcome_or_stalled(&self) -> Result<(), InboxError> {
        self.outcome.get().copied().unwrap_or(Err(InboxError::of(InboxCode::Stalled)))
    }
}

impl Crowd {
    /// The crowd of this thread for this batch.
    fn of(batch: &Arc<Batch>) -> Arc<Self> {
        GATHERING.with_borrow_mut(|(gathered_for, crowd)| {
            if !std::ptr::eq(gathered_for.as_ptr(), Arc::as_ptr(batch)) {
                (*gathered_for, *crowd) = (Arc::downgrade(batch), Arc::default());
            }
            Arc::clone(crowd)
        })
    }
}

/// The leader's place. Leaving it wakes the others.
struct Lead<'c>(&'c Crowd);

impl<'c> Lead<'c> {
    fn take(crowd: &'c Crowd) -> Option<Self> {
        (!crowd.led.swap(true, Ordering::SeqCst)).then_some(Self(crowd))
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        self.0.led.store(false, Ordering::SeqCst);
        self.0.left.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(5);

    fn waiting(batch: &Arc<Batch>, count: usize) -> Vec<tokio::task::JoinHandle<Result<(), InboxError>>> {
        (0..count)
            .map(|_| {
                let batch = Arc::clone(batch);
                #[expect(clippy::disallowed_methods, reason = "the test joins it")]
                tokio::spawn(async move { batch.wait().await })
            })
            .collect()
    }

    async fn all_told(callers: Vec<tokio::task::JoinHandle<Result<(), InboxError>>>) -> bool {
        let told = futures_util::future::join_all(callers);
        let told = tokio::time::timeout(WITHIN, told).await.expect("nobody is forgotten");
        told.into_iter().all(|told| told.expect("no panic") == Ok(()))
    }

    #[tokio::test]
    async fn all_callers_of_a_thread_are_told_and_later_ones_at_once() {
        let batch = Arc::new(Batch::default());
        let callers = waiting(&batch, 50);
        tokio::task::yield_now().await;
        batch.settle(Ok(()));
        batch.settle(Err(InboxError::of(InboxCode::Io)));
        assert!(all_told(callers).await);
        assert_eq!(batch.wait().await, Ok(()), "the first outcome holds");
    }

    #[tokio::test]
    async fn a_leader_that_leaves_is_succeeded() {
        let batch = Arc::new(Batch::default());
        let mut callers = waiting(&batch, 5);
        tokio::task::yield_now().await;
        for _ in 0..3 {
            callers.remove(0).abort();
            tokio::task::yield_now().await;
        }
        batch.settle(Ok(()));
        assert!(all_told(callers).await);
    }

    #[tokio::test]
    async fn a_caller_of_two_batches_leads_both() {
        let (one, other) = (Arc::new(Batch::default()), Arc::new(Batch::default()));
        let (first, second) = (waiting(&one, 3), waiting(&other, 3));
        let third = waiting(&one, 3);
        tokio::task::yield_now().await;
        other.settle(Ok(()));
        assert!(all_told(second).await);
        one.settle(Ok(()));
        assert!(all_told(first).await && all_told(third).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_is_not_there_is_not_waited_for() {
        let batch = Arc::new(Batch::default());
        let callers = waiting(&batch, 3);
        for caller in callers {
            let told = caller.await.expect("no panic");
            assert_eq!(told, Err(InboxError::of(InboxCode::Stalled)));
        }
    }

    /// Callers of several threads come and leave while batches are settled.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nobody_is_forgotten_whoever_leaves_when() {
        for round in 0..300_usize {
            let batch = Arc::new(Batch::default());
            let mut callers = waiting(&batch, 12);
            for (at, caller) in callers.iter().enumerate() {
                if (round + at) % 3 == 0 {
                    caller.abort();
                }
            }
            batch.settle(Ok(()));
            callers.retain(|caller| !caller.is_finished());
            for caller in callers {
                let told = tokio::time::timeout(WITHIN, caller).await.expect("nobody is forgotten");
                assert!(told.map_or_else(|error| error.is_cancelled(), |told| told == Ok(())));
            }
        }
    }
}
