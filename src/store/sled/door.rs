//! For the fuzzer: this room's private readers of outside bytes. Nothing else uses them.

use crate::store::sled::layout::{self, ParkedRow, SeenRow};

/// Reads a value as each row that it may be. Which it is.
pub fn rows(bytes: &[u8]) -> (bool, bool) {
    let seen = layout::decode::<SeenRow>(bytes).and_then(|row| row.fate.state());
    let parked = layout::decode::<ParkedRow>(bytes).and_then(|row| {
        layout::moment(row.since_ms)?;
        row.why.why()
    });
    (seen.is_ok(), parked.is_ok())
}
