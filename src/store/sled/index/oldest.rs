//! Who has waited or been held longest.

use jiff::Timestamp;

use crate::notification::Lane;
use crate::store::sled::index::ParkedIndex;

impl ParkedIndex {
    /// The first `max` of what waits, in the order in which they were parked.
    pub(in crate::store::sled) fn first_waiting(&self, max: usize) -> Vec<u64> {
        self.waiting.iter().take(max).copied().collect()
    }

    /// The lane of what has been held longest and is not leased, its arrival, and since when.
    pub(in crate::store::sled) fn longest_held(&self) -> Option<(Lane, u64, Timestamp)> {
        let firsts = self.groups.iter().filter_map(|(lane, group)| Some((*group.held.first()?, *lane)));
        let ((since, arrival), lane) = firsts.min_by_key(|(first, _)| *first)?;
        Some((lane, arrival, Timestamp::from_millisecond(since).ok()?))
    }
}
