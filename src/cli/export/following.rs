//! `tamis export --follow`: a sync that goes on, until it is told to end.

use std::time::Duration;

use crate::cli::export::pages::Run;
use crate::lifecycle::Stop;
use crate::purpose::Cursor;
use crate::terminal::{Exit, Failure, tell};

/// What a page that is on its way when the end is asked for may take: what it would have brought comes with the next run.
const LAST_PAGE_WITHIN: Duration = Duration::from_secs(10);
/// The whole end, whoever does not read stdout any more.
pub(super) const END_WITHIN: Duration = Duration::from_secs(15);
/// The first wait after a failure; each further one is twice as long.
const WAIT_FIRST: Duration = Duration::from_secs(1);
/// And no longer than this, or than the daemon says.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// What a daemon may say of the next try is not believed beyond this.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);
/// One page that fails so often in a row, although the daemon is there, fails for a reason that a person must look at.
const FAILURES_MAX: u32 = 10;
/// What a daemon says of itself that passes: a restart, a clock, a full disk.
const PASSING: [&str; 5] = ["busy", "disk-full", "store-unavailable", "clock-jumped", "clock-unconfirmed"];
/// What may pass, or may not.
const DOUBTFUL: [&str; 3] = ["store-failed", "internal", "request-timeout"];

/// Whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hope {
    /// As long as it takes.
    Passes,
    /// A few times.
    Doubtful,
    /// A person must look.
    None,
}

impl Hope {
    fn of(failure: &Failure) -> Self {
        let code = failure.refusal().map(|refusal| refusal.code.as_str());
        match code {
            Some(code) if PASSING.contains(&code) => Self::Passes,
            Some(code) if DOUBTFUL.contains(&code) => Self::Doubtful,
            Some(_) => Self::None,
            None if failure.exit == Exit::DaemonDown => Self::Passes,
            None if failure.is_broken_off() => Self::Doubtful,
            None => Self::None,
        }
    }
}

/// Failures in a row.
#[derive(Default)]
struct Failures {
    number: u32,
    doubtful: u32,
    said: Option<String>,
}

impl Failures {
    /// How long to wait after one more. `Err`: it is not to be tried again.
    fn wait_after(&mut self, failure: Failure) -> Result<Duration, Failure> {
        let hope = Hope::of(&failure);
        self.doubtful = if hope == Hope::Doubtful { self.doubtful + 1 } else { 0 };
        if hope == Hope::None || self.doubtful >= FAILURES_MAX {
            return Err(failure);
        }
        // Once, not at each try: how long it lasts is told when it is over.
        let sentence = failure.to_string();
        if self.said.as_ref() != Some(&sentence) {
            tell(&format!("{sentence}. Trying again, ever more rarely"));
            self.said = Some(sentence);
        }
        let doubled = WAIT_FIRST.saturating_mul(2_u32.saturating_pow(self.number)).min(WAIT_MAX);
        self.number = self.number.saturating_add(1);
        let asked = failure.refusal().and_then(|refusal| refusal.retry_after).unwrap_or_default();
        Ok(doubled.max(asked.min(RETRY_AFTER_MAX)))
    }

    fn over(&mut self) {
        if self.number > 0 {
            tell("going on");
        }
        *self = Self::default();
    }
}

impl Run<'_> {
    /// Polls until a stop is asked for. Each page is durable where it goes before the state file says so.
    pub(super) async fn follow(&mut self, interval: Duration, stop: &Stop) -> Result<(), Failure> {
        let mut failures = Failures::default();
        while !stop.is_requested() {
            let snapshot = self.snapshot();
            let took = tokio::select! {
                biased;
                took = self.page_and_state() => took,
                () = long_after(stop) => {
                    return self.forget(snapshot);
                }
            };
            let wait = match took {
                Ok(more) => {
                    failures.over();
                    if more { Duration::ZERO } else { interval }
                }
                Err(failure) => {
                    self.forget(snapshot)?;
                    failures.wait_after(failure)?
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.requested() => {}
            }
        }
        Ok(())
    }

    async fn page_and_state(&mut self) -> Result<bool, Failure> {
        let before = self.after.clone();
        let more = self.page().await?;
        if self.after != before {
            self.sink.sync()?;
            self.settle_state()?;
        }
        Ok(more)
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot { join: self.join.clone(), out: self.out.clone(), after: self.after.clone() }
    }

    /// A page is taken back, as far as it is not with a reader already.
    fn forget(&mut self, snapshot: Snapshot) -> Result<(), Failure> {
        if self.sink.forget_page()? {
            (self.join, self.out) = (snapshot.join, snapshot.out);
        } else {
            self.out.truncate(self.out.len() - self.join.unfinished());
        }
        self.after = snapshot.after;
        Ok(())
    }
}

/// What was so before a page.
struct Snapshot {
    join: crate::export::Join,
    out: Vec<u8>,
    after: Option<Cursor>,
}

async fn long_after(stop: &Stop) {
    stop.requested().await;
    tokio::time::sleep(LAST_PAGE_WITHIN).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::Refusal;

    fn refused(code: &str, retry_after: Option<u64>) -> Failure {
        let retry_after = retry_after.map(Duration::from_secs);
        Failure::of_daemon(Refusal { code: code.to_owned(), resume_after: None, retry_after }, "no")
    }

    fn down() -> Failure {
        Failure::new(Exit::DaemonDown, "tamis is not running")
    }

    #[test]
    fn a_daemon_that_is_down_is_asked_ever_more_rarely_and_never_given_up() {
        let mut failures = Failures::default();
        let mut waits = Vec::new();
        for _ in 0..100 {
            waits.push(failures.wait_after(down()).expect("it may come back").as_secs());
        }
        assert_eq!(waits.get(..11).expect("a hundred"), [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        failures.over();
        assert_eq!(failures.wait_after(down()).expect("anew"), WAIT_FIRST);
    }

    #[test]
    fn what_a_daemon_says_of_the_next_try_counts_within_bounds() {
        let mut failures = Failures::default();
        let mut wait = |after| failures.wait_after(refused("busy", after)).expect("it passes");
        assert_eq!(wait(Some(30)), Duration::from_secs(30));
        assert_eq!(wait(None), Duration::from_secs(2));
        assert_eq!(wait(Some(1_000_000)), RETRY_AFTER_MAX);
    }

    #[test]
    fn what_a_person_must_look_at_ends_it_at_once_or_after_a_few_tries() {
        for code in ["cursor-ahead", "recipient-not-listed", "store-count-mismatch", "record-unreadable"] {
            assert!(Failures::default().wait_after(refused(code, None)).is_err(), "{code}");
        }
        assert!(Failures::default().wait_after(Failure::failed("no room")).is_err());
        for doubtful in [|| Failure::broken_off("cut"), || refused("store-failed", None)] {
            let mut failures = Failures::default();
            for _ in 1..FAILURES_MAX {
                assert!(failures.wait_after(doubtful()).is_ok());
            }
            assert!(failures.wait_after(doubtful()).is_err());
            // In a row: whoever was down meanwhile begins anew.
            let mut failures = Failures::default();
            for _ in 0..FAILURES_MAX {
                assert!(failures.wait_after(doubtful()).is_ok());
                assert!(failures.wait_after(down()).is_ok());
            }
        }
    }
}
