//! What the log counts of itself. It is there before the metrics are, which read it when somebody asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogPlace {
    /// The process's stderr: a terminal, systemd's journal, a container's log driver.
    Stderr,
    /// The file that the config names.
    File,
}

impl LogPlace {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Stderr, Self::File];

    /// Its name in the log and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stderr => "stderr",
            Self::File => "file",
        }
    }
}

/// The counts, shared.
#[derive(Clone, Default)]
pub struct LogCounts(Arc<Counts>);

#[derive(Default)]
struct Counts {
    lost: [AtomicU64; LogPlace::ALL.len()],
    malformed: AtomicU64,
}

impl LogCounts {
    /// So many lines did not get to this place.
    pub(super) fn lost(&self, place: LogPlace, lines: u64) {
        if let Some(lost) = self.0.lost.get(place as usize) {
            lost.fetch_add(lines, Ordering::Relaxed);
        }
    }

    /// A stranger sent what is no HTTP. Returns how often that was before.
    pub(super) fn malformed(&self) -> u64 {
        self.0.malformed.fetch_add(1, Ordering::Relaxed)
    }

    /// How many lines did not get to this place since the start.
    pub fn lines_lost(&self, place: LogPlace) -> u64 {
        self.0.lost.get(place as usize).map_or(0, |lost| lost.load(Ordering::Relaxed))
    }

    /// How often the HTTP server's own code met bytes that are no HTTP, or a connection that broke off amid them.
    pub fn malformed_bytes(&self) -> u64 {
        self.0.malformed.load(Ordering::Relaxed)
    }
}
