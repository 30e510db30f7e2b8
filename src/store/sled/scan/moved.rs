//! Under which leaves records lie that were written anew. Their own leaves are punctured, and say nothing of whether they are lost.

use std::collections::HashMap;

use crate::lead::Leaf;
use crate::purpose::{PurposeId, RecordId};
use crate::store::StoreError;
use crate::store::sled::engine::Engine;
use crate::store::sled::leaf_rows;

/// So many of a purpose are held. Of what is beyond them a scan takes a punctured leaf for a record that has had its time.
const MOVED_MAX: usize = 100_000;

/// Read once a walk, where a record is missing at all.
#[derive(Default)]
pub(super) struct Moved(HashMap<PurposeId, HashMap<RecordId, Leaf>>);

impl Moved {
    /// The leaf under which a record lies, or lay when it was lost.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    pub(super) fn leaf_of(&mut self, engine: &Engine, record: &RecordId) -> Result<Leaf, StoreError> {
        let own = Leaf::of(record);
        if !self.0.contains_key(&record.purpose) {
            let moved = leaf_rows::of_purpose(engine, &record.purpose, MOVED_MAX)?;
            self.0.insert(record.purpose.clone(), moved);
        }
        Ok(self.0.get(&record.purpose).and_then(|moved| moved.get(record)).copied().unwrap_or(own))
    }
}
