//! The journal as it lies on the disk, held against what is open: what is written into files without a name is gone after
//! the next start, although it was synced.

use std::fs;
use std::io;

use super::Inbox;
use super::shared::Shared;
use crate::attention::{AttentionCode, Concern};
use crate::machine::identity::FileId;

impl Inbox {
    /// Looks whether the journal that is open is the one in its place, with all its segments, and gives what only a person
    /// can mend. Nothing is mended here: what is open in memory is being fetched, and what was removed is not here.
    pub fn look_after(&self) -> Vec<Concern> {
        // Whoever holds it is closing the journal.
        let Some(running) = self.running.try_lock() else { return Vec::new() };
        let Some(running) = running.as_ref() else { return Vec::new() };
        let in_place = FileId::of_open(&running.directory).and_then(|open| {
            // A link in its place is as good as what it names, as it is at a start.
            let there = fs::metadata(&self.shared.settings().path).map(|found| FileId::of(&found));
            Ok(there.is_ok_and(|there| there == open) && has_all_segments(&self.shared)?)
        });
        match in_place {
            Ok(true) => Vec::new(),
            Ok(false) => vec![Concern::of(AttentionCode::JournalReplaced)],
            Err(error) => vec![Concern::io(AttentionCode::JournalReplaced, error.kind())],
        }
    }
}

fn has_all_segments(shared: &Shared) -> io::Result<bool> {
    let mut missing = Vec::new();
    let kept = shared.lock().kept_slots();
    for slot in kept {
        if !shared.shelf().has(slot)? {
            missing.push(slot);
        }
    }
    // The keeper may have removed one meanwhile; then it is in the ledger no more.
    Ok(missing.is_empty() || !shared.lock().kept_slots().iter().any(|slot| missing.contains(slot)))
}
