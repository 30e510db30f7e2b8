//! For the fuzzer: this room's private readers of outside bytes. Nothing else uses them.

use crate::store::sled::layout;
use crate::store::sled::rows::{ParkedRow, SeenRow};

/// Reads a value as each row that it may be. Which it is.
pub fn rows(bytes: &[u8]) -> (bool, bool) {
    let seen = SeenRow::read(bytes).and_then(|row| row.ends());
    let parked = ParkedRow::read(bytes).and_then(|row| {
        layout::moment(row.since_ms)?;
        row.open()?;
        row.why.why()
    });
    (seen.is_ok(), parked.is_ok())
}
