//! A daemon that waits where a test wants it to: with `tests/data/held.c` loaded, it stops where it makes a directory or renames
//! something at a path that the test names, until it is let go on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::power::library;

/// How long it may take until it comes there.
const PATIENCE: Duration = Duration::from_secs(60);

/// The layer, and where it is told to wait.
pub struct Hold {
    layer: PathBuf,
    at: PathBuf,
    /// Holds both.
    _aside: tempfile::TempDir,
}

impl Hold {
    pub fn new() -> Self {
        let aside = tempfile::tempdir().expect("a directory");
        Self { layer: library(aside.path(), "held"), at: aside.path().join("at"), _aside: aside }
    }

    /// The environment of a daemon that can be held.
    pub fn environment(&self) -> [(&str, &Path); 2] {
        [("LD_PRELOAD", &self.layer), ("TAMIS_HELD_AT", &self.at)]
    }

    /// From now on it waits where it makes a directory (`mkdir:TEXT`), or renames something (`rename:TEXT`), whose path has that text in it.
    pub fn hold_at(&self, place: &str) {
        let _ = fs::remove_file(self.reached());
        // Whole or not at all: the layer may look at any moment.
        let beside = self.at.with_extension("new");
        fs::write(&beside, place).expect("a file");
        fs::rename(beside, &self.at).expect("renamed");
    }

    /// Waits until it waits there.
    pub async fn until_reached(&self) {
        let begun = Instant::now();
        while !self.reached().exists() {
            assert!(begun.elapsed() < PATIENCE, "nobody came there");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets it go on.
    pub fn let_go(&self) {
        fs::remove_file(&self.at).expect("it was held");
    }

    fn reached(&self) -> PathBuf {
        self.at.with_extension("reached")
    }
}
