//! For the fuzzer: this room's private readers of outside bytes. Nothing else uses them.

use crate::lead::sealed_event::EventRow;
use crate::lead::{Stub, schema};

/// Reads what would be inside a record, behind the seal. How many fields it has.
pub fn inside(plain: &[u8]) -> Option<usize> {
    schema::decode(plain, false).map(|content| content.fields.len())
}

/// Reads what would be inside an event of a consent, behind the seal, and what would be inside a stub. Which it is, and how many
/// events that has.
pub fn kept(plain: &[u8]) -> (bool, Option<usize>) {
    let event = postcard::from_bytes::<EventRow<'_>>(plain).ok().and_then(|row| row.event());
    (event.is_some(), Stub::inside(plain).map(|stub| stub.events.len()))
}
