//! A line on the terminal for what takes longer than two seconds.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use crate::terminal::records;

/// Shorter work shows nothing.
const QUIET: Duration = Duration::from_secs(2);

/// Counts records; shows itself on a terminal when the work proves long.
pub struct Progress {
    since: Instant,
    shown: Option<ProgressBar>,
}

impl Progress {
    /// Starts the watch.
    pub fn start() -> Self {
        Self { since: Instant::now(), shown: None }
    }

    /// So many records have been written.
    pub fn at(&mut self, written: u64) {
        if self.shown.is_none() && self.since.elapsed() >= QUIET && std::io::stderr().is_terminal() {
            self.shown = Some(ProgressBar::new_spinner());
        }
        if let Some(bar) = &self.shown {
            bar.set_message(records(written));
            bar.tick();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
