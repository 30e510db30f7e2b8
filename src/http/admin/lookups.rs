//! How fast records are looked up by their number, or by an address. Numbers follow one another, so whoever may look one up
//! may walk through all of them: whoever answers a person never notices this, a walk is slowed and told (docs/decisions, 135).

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::http::seldom::Seldom;
use crate::trail::{Actor, Operator};

/// So many at once wait for nothing: what one person's request needs, with errors, many times over.
const AT_ONCE: u32 = 60;
/// Beyond that one in so long.
const EVERY: Duration = Duration::from_secs(10);
/// Who would wait longer asks for several at a time, and is told to come back.
const WAIT_MAX: Duration = Duration::from_secs(20);
/// So many callers are known; there are fewer tokens (1,000). Those who have not asked for long are forgotten.
const CALLERS_MAX: usize = 2_000;

/// Who has looked up how much lately. One for both doors.
#[derive(Default)]
pub struct Lookups {
    /// When all that the caller has had is paid for.
    paid_by: Mutex<HashMap<String, Instant>>,
    slowed: Seldom,
}

/// When a look-up may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Now.
    Now,
    /// After this wait.
    After(Duration),
    /// Too many wait already.
    Refused,
}

impl Lookups {
    /// The caller's turn. Who may read everything out anyway (root on the host) is not held up.
    pub(super) fn turn(&self, operator: &Operator) -> Turn {
        let Actor::Token(token) = operator.actor() else { return Turn::Now };
        let now = Instant::now();
        let mut paid_by = self.paid_by.lock();
        if paid_by.len() >= CALLERS_MAX {
            paid_by.retain(|_, paid| now < *paid);
        }
        let paid = paid_by.get(token).copied().unwrap_or(now).max(now) + EVERY;
        let wait = paid.saturating_duration_since(now).saturating_sub(EVERY * AT_ONCE);
        if wait > WAIT_MAX || (paid_by.len() >= CALLERS_MAX && !paid_by.contains_key(token)) {
            return Turn::Refused;
        }
        paid_by.insert(token.clone(), paid);
        if wait.is_zero() { Turn::Now } else { Turn::After(wait) }
    }

    /// Somebody was slowed. If it is to be said now: how often since it was said last.
    pub(super) fn to_be_said(&self) -> Option<u64> {
        self.slowed.happened(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::Role;

    fn officer(id: &str) -> Operator {
        Operator::recognised_by_token(id.to_owned(), Role::Officer, Vec::new(), None, None)
    }

    #[tokio::test(start_paused = true)]
    async fn one_person_s_request_waits_for_nothing_and_a_walk_goes_at_a_walk() {
        let lookups = Lookups::default();
        for number in 0..AT_ONCE {
            assert_eq!(lookups.turn(&officer("a")), Turn::Now, "{number}");
        }
        assert_eq!(lookups.turn(&officer("a")), Turn::After(EVERY));
        assert_eq!(lookups.turn(&officer("a")), Turn::After(EVERY * 2));
        assert_eq!(lookups.turn(&officer("a")), Turn::Refused, "three at a time");
        assert_eq!(lookups.turn(&officer("a")), Turn::Refused, "what is refused costs nothing");
        assert_eq!(lookups.turn(&officer("b")), Turn::Now, "another has its own");
        // One after another each waits its ten seconds, and none is refused.
        tokio::time::advance(EVERY * 2).await;
        for _ in 0..20 {
            let Turn::After(wait) = lookups.turn(&officer("a")) else {
                panic!("neither refused nor at once")
            };
            assert_eq!(wait, EVERY);
            tokio::time::advance(wait).await;
        }
        tokio::time::advance(EVERY * AT_ONCE).await;
        assert_eq!(lookups.turn(&officer("a")), Turn::Now, "ten minutes later it is as it was");
    }

    #[tokio::test(start_paused = true)]
    async fn root_on_the_host_is_not_held_up_and_who_asked_long_ago_is_forgotten() {
        let lookups = Lookups::default();
        for _ in 0..AT_ONCE * 2 {
            assert_eq!(lookups.turn(&Operator::recognised_by_kernel(0)), Turn::Now);
        }
        for caller in 0..CALLERS_MAX {
            assert_eq!(lookups.turn(&officer(&caller.to_string())), Turn::Now);
        }
        assert_eq!(lookups.turn(&officer("one more")), Turn::Refused);
        tokio::time::advance(EVERY).await;
        assert_eq!(lookups.turn(&officer("one more")), Turn::Now);
        assert_eq!(lookups.paid_by.lock().len(), 1);
    }
}
