//! So many mails an hour, and no more: what a provider takes from one sender.

use jiff::Timestamp;

const MS_PER_HOUR: i64 = 3_600_000;

/// A bucket into which so many mails drip an hour. It holds what drips in a minute, one at least: after a pause no flood comes.
pub struct Pace {
    rate: i64,
    /// In mails times milliseconds of an hour, so that nothing is rounded.
    held: i64,
    at: Option<Timestamp>,
}

impl Pace {
    /// So many an hour; one may go at once.
    pub fn per_hour(rate: u32) -> Self {
        Self { rate: i64::from(rate.max(1)), held: MS_PER_HOUR, at: None }
    }

    /// When the next may go: now, or a later moment.
    pub fn next(&mut self, now: Timestamp) -> Timestamp {
        // A clock that was set back brings nothing and takes nothing.
        let passed = self.at.map_or(0, |at| now.as_millisecond() - at.as_millisecond()).clamp(0, MS_PER_HOUR);
        let room = (self.rate / 60).max(1).saturating_mul(MS_PER_HOUR);
        self.held = self.held.saturating_add(passed.saturating_mul(self.rate)).min(room);
        self.at = Some(now);
        let lacking = (MS_PER_HOUR - self.held).max(0);
        let wait = u64::try_from(lacking / self.rate + i64::from(lacking % self.rate > 0)).unwrap_or(0);
        crate::clock::after_ms(now, wait)
    }

    /// One went.
    pub fn take(&mut self) {
        self.held = (self.held - MS_PER_HOUR).max(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_764_000_000_000 + ms).expect("in range")
    }

    #[test]
    fn no_more_than_so_many_go_in_an_hour_and_after_a_pause_no_flood_comes() {
        for rate in [1, 7, 200, 3_600] {
            let mut pace = Pace::per_hour(rate);
            let (mut now, mut sent) = (at(0), Vec::new());
            while now < at(2 * MS_PER_HOUR) {
                let next = pace.next(now);
                if next == now {
                    pace.take();
                    sent.push(now);
                } else {
                    assert!(next > now, "it goes on");
                    now = next;
                }
            }
            let burst = (rate / 60).max(1) as usize;
            let most = (0..sent.len()).map(|from| {
                let within =
                    |moment: &&Timestamp| moment.as_millisecond() < sent[from].as_millisecond() + MS_PER_HOUR;
                sent[from..].iter().take_while(within).count()
            });
            assert!(most.max() <= Some(rate as usize + burst), "{rate}");
            assert!(sent.len() >= 2 * rate as usize, "{rate}: {}", sent.len());
        }
        let mut pace = Pace::per_hour(200);
        assert_eq!(pace.next(at(0)), at(0));
        pace.take();
        assert_eq!(pace.next(at(0)), at(18_000));
        assert_eq!(pace.next(at(-500)), at(-500 + 18_000), "a clock that was set back");
        let after_a_day = at(24 * MS_PER_HOUR);
        for _ in 0..3 {
            assert_eq!(pace.next(after_a_day), after_a_day);
            pace.take();
        }
        assert!(pace.next(after_a_day) > after_a_day, "three a minute are all that gathers");
    }
}
