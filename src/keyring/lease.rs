//! How readers come to keys: a lease on a bucket, which ends when the bucket is punctured. An export whose client takes an
//! hour holds no node meanwhile that a puncture could not wipe.
//!
//! The nodes lie in one place, the keyring's. A lease has a way through them ([`Walk`]) behind a lock of its own, held for
//! one key at a time; whoever punctures empties it there, so that it does not matter who still holds the lease.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::keyring::tree::{Frontier, Kind, SubKey, Walk};

/// Why a lease gives no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// The bucket was changed since: take another lease, which knows.
    #[error("the lease was revoked")]
    Revoked,
    /// The leaf was erased. Whoever has the record in hand looks again in the store: it is gone there, or that is damage.
    #[error("the leaf was erased")]
    Dead,
}

/// A bucket's nodes as the keyring holds them, and who reads by them.
pub struct Held {
    frontier: Arc<Frontier>,
    leases: Mutex<Vec<Weak<Slot>>>,
}

/// The right to a bucket's keys, until it is punctured.
pub struct Lease(Arc<Slot>);

struct Slot(Mutex<Reading>);

struct Reading {
    /// None: revoked.
    frontier: Option<Arc<Frontier>>,
    walk: Walk,
}

impl Held {
    /// Holds a bucket's nodes.
    pub fn new(frontier: Frontier) -> Self {
        Self { frontier: Arc::new(frontier), leases: Mutex::new(Vec::new()) }
    }

    /// The nodes.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// A reader's right to them.
    pub fn lease(&self) -> Lease {
        let frontier = Some(Arc::clone(&self.frontier));
        let slot = Arc::new(Slot(Mutex::new(Reading { frontier, walk: Walk::default() })));
        let mut leases = self.leases.lock();
        // Before the list grows, those go that nobody holds any more: it is never longer than twice the readers.
        if leases.len() == leases.capacity() {
            leases.retain(|slot| slot.strong_count() > 0);
        }
        leases.push(Arc::downgrade(&slot));
        Lease(slot)
    }

    /// Puts other nodes in the place of these. When it returns, all leases are revoked and what they held is wiped, and
    /// so are the nodes of before.
    pub fn replace(&mut self, next: Frontier) {
        self.revoke();
        self.frontier = Arc::new(next);
    }

    fn revoke(&self) {
        for slot in self.leases.lock().drain(..) {
            if let Some(slot) = slot.upgrade() {
                let mut reading = slot.0.lock();
                reading.walk.wipe();
                reading.frontier = None;
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.revoke();
    }
}

impl Lease {
    /// A leaf's key for one text. Waits for a puncture under way in this bucket's memory, never for the disk.
    ///
    /// # Errors
    /// See [`LeaseError`].
    pub fn key(&self, leaf: u16, kind: Kind, n: u64) -> Result<SubKey, LeaseError> {
        let mut reading = self.0.0.lock();
        let Reading { frontier, walk } = &mut *reading;
        let frontier = frontier.as_ref().ok_or(LeaseError::Revoked)?;
        walk.key(frontier, leaf, kind, n).ok_or(LeaseError::Dead)
    }

    /// True if it was revoked.
    pub fn is_revoked(&self) -> bool {
        self.0.0.lock().frontier.is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::random::SeededRandom;

    fn held() -> Held {
        Held::new(Frontier::new(&SeededRandom::new(1)).expect("randomness"))
    }

    fn told(answer: Result<SubKey, LeaseError>) -> Result<[u8; 32], LeaseError> {
        answer.map(|key| *key.key().expose())
    }

    #[test]
    fn a_lease_gives_the_bucket_s_keys_until_it_is_punctured() {
        let mut held = held();
        let lease = held.lease();
        let expected = held.frontier().key(9, Kind::Record, 0).map(|key| *key.key().expose());
        assert!(told(lease.key(9, Kind::Record, 0)).ok() == expected);
        held.replace(held.frontier().puncture(8));
        assert!(lease.is_revoked());
        assert_eq!(told(lease.key(9, Kind::Record, 0)).err(), Some(LeaseError::Revoked));
        let lease = held.lease();
        assert_eq!(told(lease.key(8, Kind::Record, 0)).err(), Some(LeaseError::Dead));
        assert!(told(lease.key(9, Kind::Record, 0)).ok() == expected, "a survivor's key stays");
    }

    /// What a slow reader keeps is an empty shell: no node of before is left, in nobody's hands.
    #[test]
    fn after_a_puncture_no_reader_s_memory_has_a_node_of_before() {
        let mut held = held();
        let leases: Vec<Lease> = (0..5).map(|_| held.lease()).collect();
        for (leaf, lease) in (0..).zip(&leases) {
            lease.key(leaf, Kind::Record, 0).expect("alive");
            assert!(!lease.0.0.lock().walk.is_wiped());
        }
        let before = Arc::downgrade(&held.frontier);
        held.replace(held.frontier().puncture(0));
        assert!(before.upgrade().is_none(), "the nodes of before have a holder");
        for lease in &leases {
            let reading = lease.0.0.lock();
            assert!(reading.walk.is_wiped() && reading.frontier.is_none());
        }
        let (lease, after) = (held.lease(), Arc::downgrade(&held.frontier));
        lease.key(5, Kind::Record, 0).expect("alive");
        drop(held);
        assert!(after.upgrade().is_none() && lease.is_revoked(), "a keyring that is closed leaves nothing");
        assert!(lease.0.0.lock().walk.is_wiped());
    }

    #[test]
    fn leases_that_nobody_holds_are_forgotten() {
        let held = held();
        let kept = held.lease();
        for _ in 0..10_000 {
            drop(held.lease());
        }
        assert!(held.leases.lock().capacity() <= 16, "{}", held.leases.lock().capacity());
        assert!(!kept.is_revoked());
    }

    /// Readers on their own threads while the bucket is punctured leaf by leaf: each key is the right one or none.
    #[test]
    fn a_reader_that_is_overtaken_gets_the_right_key_or_none() {
        let whole = held();
        let expected: Vec<[u8; 32]> = (0..512)
            .map(|leaf| *whole.frontier().key(leaf, Kind::Record, 0).expect("alive").key().expose())
            .collect();
        let held = parking_lot::RwLock::new(whole);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let read = || {
                let mut revoked = 0_u32;
                while !over.load(Ordering::Acquire) {
                    let lease = held.read().lease();
                    for leaf in 0..512 {
                        match told(lease.key(leaf, Kind::Record, 0)) {
                            Ok(key) => assert!(key == expected[usize::from(leaf)]),
                            Err(LeaseError::Dead) => {}
                            Err(LeaseError::Revoked) => {
                                revoked += 1;
                                break;
                            }
                        }
                    }
                }
                revoked
            };
            let readers = [scope.spawn(read), scope.spawn(read)];
            for leaf in 0..512 {
                let next = held.read().frontier().puncture(leaf);
                held.write().replace(next);
            }
            over.store(true, Ordering::Release);
            let revoked: u32 = readers.map(|reader| reader.join().expect("no panic")).iter().sum();
            assert!(revoked > 0, "no reader was ever overtaken");
        });
        assert!(held.read().frontier().is_dead());
    }
}
