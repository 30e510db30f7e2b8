//! For the fuzzer: this room's private readers of outside bytes. Nothing else uses them.

use super::frame::{self, Frame};
use crate::keyring::InstanceId;
use crate::secret::Key;

/// Looks for frames everywhere and opens what it finds. How many there were.
pub fn frames(bytes: &[u8], key: &Key, instance: InstanceId) -> usize {
    let _ = frame::outline(bytes);
    let (mut found, mut from) = (0, 0);
    while let Some((at, frame)) = frame::find(bytes, from, |_| true) {
        let _ = frame.open(key, instance);
        from = at + frame.len();
        found += 1;
    }
    found
}

/// Gives a changed frame the checksum that belongs to it, so that what is behind the checksum is reached.
pub fn restamp(bytes: &mut [u8]) {
    frame::stamp(bytes, 1, 0);
}

/// True if the first frame opens.
pub fn opens(bytes: &[u8], key: &Key, instance: InstanceId) -> bool {
    Frame::decode(bytes).is_some_and(|frame| frame.open(key, instance).is_some())
}
