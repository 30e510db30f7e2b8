//! What of a page may not leave, found out before anything counts as handed: that stands inside the seal.

use std::ops::Bound::{Excluded, Included};

use sled::IVec;

use crate::lead::{OpenedLead, SealedRecord, unseal};
use crate::purpose::{PurposeId, RecordId};
use crate::store::handed::{Run, Spot, extend_runs};
use crate::store::leaves::Leaves;
use crate::store::sled::layout::{Place, record_id, record_key};
use crate::store::sled::shared::Shared;
use crate::store::sled::verbs::reading::{Bounds, keyed};
use crate::store::{DayLook, MayLeave, StoreError};

/// Sealed records read at a time, so that the engine is not held while one is opened.
const CHUNK_RECORDS: usize = 256;

/// Takes out of a page's bounds what may not leave. What becomes of one meanwhile does not bring it into the page.
///
/// # Errors
/// It depends on whether the clock is right. Otherwise see [`crate::store::StoreCode`].
pub(super) fn withhold(
    shared: &Shared,
    purpose: &PurposeId,
    may_leave: &MayLeave,
    days: DayLook,
    bounds: &mut Bounds,
) -> Result<(), StoreError> {
    let mut asking = Asking { shared, purpose, may_leave, days, leaves: Leaves::default() };
    let (mut leaving, mut withheld) = (Vec::new(), Vec::new());
    let mut count = 0;
    for run in &bounds.runs {
        let mut follows = false;
        asking.each_of(*run, |spot, may_leave| {
            match may_leave {
                true => {
                    extend_runs(&mut leaving, spot, follows);
                    (count, follows) = (count + 1, true);
                }
                // A run goes on over it: it has a mark of its own.
                false => withheld.push(spot),
            }
        })?;
    }
    let mut passed = Vec::new();
    for spot in &bounds.restricted_spots {
        asking.each_of((*spot, *spot), |spot, may_leave| passed.extend(may_leave.then_some(spot)))?;
    }
    let id = |(epoch, number): Spot| RecordId { purpose: purpose.clone(), epoch, number };
    let ends = leaving.first().zip(leaving.last());
    bounds.range = ends.map(|((first, _), (_, last)): (&Run, &Run)| (id(*first), id(*last)));
    bounds.passed_over.extend(withheld.iter().map(|(epoch, number)| record_key(*epoch, *number)));
    bounds.passed_over.sort_unstable();
    (bounds.runs, bounds.count) = (leaving, count);
    (bounds.withheld, bounds.restricted_spots) = (withheld, passed);
    Ok(())
}

/// Asks of records whether they may leave.
struct Asking<'a> {
    shared: &'a Shared,
    purpose: &'a PurposeId,
    may_leave: &'a MayLeave,
    days: DayLook,
    leaves: Leaves,
}

impl Asking<'_> {
    /// Of each of a run that is there.
    fn each_of(&mut self, (first, last): Run, mut told: impl FnMut(Spot, bool)) -> Result<(), StoreError> {
        let place = Place::Vault(self.purpose.clone());
        let last = record_key(last.0, last.1);
        let mut from = Included(record_key(first.0, first.1));
        loop {
            let range = (from.as_ref().map(<[u8; 12]>::as_slice), Included(last.as_slice()));
            let rows = self.shared.reading(|engine| engine.scan(&place, range, CHUNK_RECORDS))?;
            let Some((end, _)) = rows.last() else { return Ok(()) };
            let id = record_id(self.purpose, end)?;
            from = Excluded(record_key(id.epoch, id.number));
            for (key, value) in rows {
                let id = record_id(self.purpose, &key)?;
                if let Some(may_leave) = self.of(&id, value)? {
                    told((id.epoch, id.number), may_leave);
                }
            }
        }
    }

    /// None: it is gone by now. What does not open is no secret here: the page ends there, and says so.
    fn of(&mut self, id: &RecordId, value: IVec) -> Result<Option<bool>, StoreError> {
        let opened = match keyed(self.shared, &mut self.leaves, id, value) {
            Ok(None) => return Ok(None),
            Ok(Some((value, key))) => SealedRecord::decode(&value)
                .and_then(|record| unseal(&record, id, key.key()).ok()?.read().ok()),
            Err(_) => None,
        };
        let ask = |lead: &OpenedLead| (self.may_leave)(lead, self.days);
        opened.as_ref().map_or(Ok(true), ask).map(Some)
    }
}
