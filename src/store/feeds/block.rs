//! Changes as they lie in a feed: those that lie together are one row.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::plus_months;
use crate::forget::ChangeKind;
use crate::purpose::{PurposeId, RecordId};
use crate::store::feeds::{CHANGES_KEPT_MONTHS, Change, moment};
use crate::store::{ErasureId, StoreCode, StoreError};

/// So many runs of records lie in one block: less than a row may be.
pub(super) const RUNS_MAX: usize = 512;

/// Changes that lie together: the same of several records of a purpose, with numbers that follow one another. The kind is kept as
/// text: a later list still reads old blocks.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::store) struct Block {
    pub(super) first: u64,
    pub(super) at_ms: i64,
    pub(super) kind: String,
    pub(super) purpose: String,
    /// Epoch, first number, how many.
    pub(super) runs: Vec<(u32, u64, u32)>,
    pub(super) consent: Option<String>,
    pub(super) expires_ms: Option<i64>,
    pub(super) erasure: Option<(u32, u64)>,
}

impl Block {
    /// How many changes it is.
    pub(super) fn count(&self) -> u64 {
        self.runs.iter().fold(0, |sum, (_, _, many)| sum.saturating_add(u64::from(*many)))
    }

    /// The number of its last change.
    pub(in crate::store) fn last(&self) -> u64 {
        self.first.saturating_add(self.count()).saturating_sub(1)
    }

    /// How many of its changes lie between these numbers, the first not among them, the last one so.
    pub(in crate::store) fn between(&self, after: u64, up_to: u64) -> u64 {
        up_to.min(self.last()).saturating_sub(after.max(self.first.saturating_sub(1)))
    }

    /// Since when it lies there.
    ///
    /// # Errors
    /// It is no moment.
    pub(in crate::store) fn since(&self) -> Result<Timestamp, StoreError> {
        moment(self.at_ms)
    }

    /// By which erasure it came.
    pub(in crate::store) fn erasure(&self) -> Option<ErasureId> {
        self.erasure.map(|(epoch, number)| ErasureId { epoch, number })
    }

    /// Adds its changes after this number, until there are so many.
    ///
    /// # Errors
    /// A word of it is a later version's, or none at all.
    pub(in crate::store) fn list(
        &self,
        after: u64,
        max: usize,
        into: &mut Vec<Change>,
    ) -> Result<(), StoreError> {
        let kind = ChangeKind::from_code(&self.kind).ok_or(StoreError::of(StoreCode::Format))?;
        let purpose = PurposeId::parse(&self.purpose).ok_or(StoreError::of(StoreCode::Damaged))?;
        let expires = self.expires_ms.map(moment).transpose()?;
        let beyond = StoreError::of(StoreCode::Damaged);
        let mut n = self.first;
        for (epoch, first, many) in &self.runs {
            let many = u64::from(*many);
            let passed = after.saturating_add(1).saturating_sub(n).min(many);
            for number in passed..many {
                if into.len() >= max {
                    return Ok(());
                }
                let of_record = first.checked_add(number).ok_or(beyond)?;
                let id = RecordId { purpose: purpose.clone(), epoch: *epoch, number: of_record };
                let n = n.checked_add(number).ok_or(beyond)?;
                into.push(Change { n, kind, id, consent: self.consent.clone(), expires });
            }
            n = n.checked_add(many).ok_or(beyond)?;
        }
        Ok(())
    }

    /// True unless it was not applied for too long by now.
    pub(in crate::store) fn is_kept(&self, now: Timestamp) -> bool {
        moment(self.at_ms).is_ok_and(|at| plus_months(at, CHANGES_KEPT_MONTHS) > now)
    }
}
