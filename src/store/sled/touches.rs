//! Which buckets are written into while a scan looks: of these it says nothing.

use std::collections::HashSet;

use crate::store::sled::engine::Changes;
use crate::store::sled::layout::Place;

/// So many buckets are told apart that were written into during one walk; beyond it all of them count as such.
const TOUCHED_MAX: usize = 100_000;

/// The buckets that were written into since a walk began.
#[derive(Default)]
pub(super) struct Touches {
    keys: HashSet<Vec<u8>>,
    is_walking: bool,
    are_too_many: bool,
}

impl Touches {
    /// A walk begins.
    pub(super) fn begin(&mut self) {
        *self = Self { is_walking: true, ..Self::default() };
    }

    /// Nobody looks any more.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }

    /// These are about to be applied. Held until they are: a walk begins before or after it.
    pub(super) fn note(&mut self, changes: &Changes) {
        let Some(rows) = changes.0.get(&Place::Buckets).filter(|_| self.is_walking) else { return };
        self.are_too_many |= self.keys.len() + rows.len() > TOUCHED_MAX;
        if !self.are_too_many {
            self.keys.extend(rows.keys().cloned());
        }
    }

    /// True if nothing is to be said of a bucket.
    pub(super) fn has(&self, key: &[u8]) -> bool {
        !self.is_walking || self.are_too_many || self.keys.contains(key)
    }
}
