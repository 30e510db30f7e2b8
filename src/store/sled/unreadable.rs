//! Rows that cannot be read. One row is one row: it is passed over, said once, and harms no other.

use std::collections::HashSet;

use parking_lot::Mutex;

use crate::store::StoreError;
use crate::store::sled::layout::Place;

/// So many are remembered as said; what is beyond them is not said.
const SAID_MAX: usize = 1_000;

/// The rows that were met and could not be read since open.
#[derive(Default)]
pub(super) struct Unreadable(Mutex<HashSet<(Place, Vec<u8>)>>);

impl Unreadable {
    /// What was read of a row; none, and said once, if it cannot be read.
    pub(super) fn or_passed_over<T>(
        &self,
        place: &Place,
        key: &[u8],
        read: Result<T, StoreError>,
    ) -> Option<T> {
        read.inspect_err(|error| self.say(place, key, *error)).ok()
    }

    /// Says that a row is passed over, and nothing of its key: a keyed hash names a person to whoever has the key.
    pub(super) fn say(&self, place: &Place, key: &[u8], error: StoreError) {
        let mut said = self.0.lock();
        if said.len() >= SAID_MAX || !said.insert((place.clone(), key.to_vec())) {
            return;
        }
        tracing::error!(store.tree = %place.name(), code = %error.code, rows.aside = said.len(), "store.row-set-aside");
    }
}
