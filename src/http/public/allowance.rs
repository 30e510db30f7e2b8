//! How many pages callers may read: each by itself, and all together, so that whoever reads notices without end takes
//! nothing from Meta's calls.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::http::caller::Share;

/// What is asked of a common bound alone: mail providers tell of many people from few addresses.
pub(super) const TOLD: Bounds =
    Bounds { own: None, all: Rate { every: Duration::from_millis(50), burst: 400 } };
/// What changes something: a person does a handful of things, and corrects one of them.
pub(super) const ACTS: Bounds = Bounds {
    own: Some(Rate { every: Duration::from_secs(20), burst: 10 }),
    all: Rate { every: Duration::from_millis(500), burst: 60 },
};
/// What has everything looked through: somebody tries their two or three addresses, and comes back. All together ask for no more than is
/// looked for meanwhile.
pub(super) const ASKED: Bounds = Bounds {
    own: Some(Rate { every: Duration::from_secs(60), burst: 5 }),
    all: Rate { every: Duration::from_secs(1), burst: 60 },
};
/// What is read.
pub(super) const PAGES: Bounds = Bounds { own: Some(OWN), all: ALL };

/// A reader turns a page a second, and may have read twenty at once: languages, revisions, a reload.
const OWN: Rate = Rate { every: Duration::from_secs(1), burst: 20 };
/// All readers together. A page costs half a millisecond: at this pace they take a twentieth of a core.
const ALL: Rate = Rate { every: Duration::from_millis(10), burst: 200 };
/// So many callers are remembered. A caller that finds no room has the common bound alone.
const CALLERS_MAX: usize = 4_096;

/// One in a while, and so many at once after a rest.
#[derive(Clone, Copy)]
struct Rate {
    every: Duration,
    burst: u32,
}

/// Each by itself, and all together.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// None: nobody is counted by itself.
    own: Option<Rate>,
    all: Rate,
}

/// When the next one would be due if they came evenly.
#[derive(Clone, Copy)]
struct Due(Instant);

/// Who has read, or had done, how much of late.
pub(super) struct Allowance {
    bounds: Bounds,
    table: Mutex<Table>,
}

struct Table {
    all: Due,
    own: HashMap<Share, Due>,
}

impl Allowance {
    /// Within these bounds.
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, table: Mutex::new(Table { all: Due(Instant::now()), own: HashMap::new() }) }
    }

    /// Takes one for this caller. False: it, or all together, have had enough for now.
    pub(super) fn take(&self, share: Share) -> bool {
        let now = Instant::now();
        let mut table = self.table.lock();
        let Some(rate) = self.bounds.own.filter(|_| table.has_room(share, now)) else {
            return table.all.take(self.bounds.all, now);
        };
        let own = table.own.entry(share).or_insert(Due(now));
        // Who has none left of its own takes nothing from the others'.
        own.take(rate, now) && table.all.take(self.bounds.all, now)
    }
}

impl Table {
    /// True if the caller is counted by itself. Who is not known by address, is not.
    fn has_room(&mut self, share: Share, now: Instant) -> bool {
        if share == Share::Common {
            return false;
        }
        if self.own.len() >= CALLERS_MAX && !self.own.contains_key(&share) {
            // Who has rested is as good as new.
            self.own.retain(|_, due| due.0 > now);
        }
        self.own.len() < CALLERS_MAX || self.own.contains_key(&share)
    }
}

impl Due {
    /// The generic cell rate algorithm (ITU-T I.371): a moment in place of a bucket.
    fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let due = self.0.max(now);
        if due.duration_since(now) > rate.every * (rate.burst - 1) {
            return false;
        }
        self.0 = due + rate.every;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(number: u32) -> Share {
        Share::Of(std::net::Ipv4Addr::from_bits(number).into())
    }

    fn taken(allowance: &Allowance, share: Share, tries: u32) -> u32 {
        (0..tries).map(|_| u32::from(allowance.take(share))).sum()
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_has_its_own_and_takes_nothing_from_another() {
        let allowance = Allowance::new(PAGES);
        assert_eq!(taken(&allowance, caller(1), 1_000), OWN.burst);
        assert_eq!(taken(&allowance, caller(2), 1_000), OWN.burst);
        tokio::time::advance(3 * OWN.every).await;
        assert_eq!(taken(&allowance, caller(1), 1_000), 3);
        tokio::time::advance(1_000 * OWN.every).await;
        assert_eq!(taken(&allowance, caller(1), 1_000), OWN.burst, "no more than a burst is saved up");
    }

    #[tokio::test(start_paused = true)]
    async fn all_together_have_an_end_too() {
        let allowance = Allowance::new(PAGES);
        let all: u32 = (0..100).map(|number| taken(&allowance, caller(number), OWN.burst)).sum();
        assert_eq!(all, ALL.burst);
        assert_eq!(taken(&allowance, Share::Common, 10), 0);
        tokio::time::advance(5 * ALL.every).await;
        assert_eq!(taken(&allowance, Share::Common, 10), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_not_counted_by_itself_has_the_common_bound_alone() {
        let allowance = Allowance::new(TOLD);
        assert_eq!(taken(&allowance, caller(1), 1_000), TOLD.all.burst);
        assert_eq!(taken(&allowance, caller(2), 10), 0);
        let acts = Allowance::new(ACTS);
        assert_eq!((taken(&acts, caller(1), 100), taken(&acts, caller(2), 100)), (10, 10));
        let asked = Allowance::new(ASKED);
        assert_eq!((taken(&asked, caller(1), 100), taken(&asked, caller(2), 100)), (5, 5));
        let all: u32 = (3..100).map(|number| taken(&asked, caller(number), 100)).sum();
        assert_eq!(all, ASKED.all.burst - 10);
    }

    #[tokio::test(start_paused = true)]
    async fn no_number_of_callers_is_remembered_without_end() {
        let allowance = Allowance::new(PAGES);
        for number in 0..10_000 {
            allowance.take(caller(number));
        }
        assert_eq!(allowance.table.lock().own.len(), CALLERS_MAX);
        tokio::time::advance(OWN.every * OWN.burst).await;
        assert!(allowance.take(caller(20_000)));
        assert_eq!(allowance.table.lock().own.len(), 1, "who has rested is forgotten");
    }
}
