//! The one row of what ended by its time and still has its keys. It lies in `erasures`, before a start gives the store to
//! anybody it is looked at, and there is one at most: the next batch waits for it.

use serde::{Deserialize, Serialize};

use crate::clock::Day;
use crate::keyring::{Bucket, Keyring};
use crate::purpose::PurposeId;
use crate::store::retention::BucketCut;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, Place};
use crate::store::sled::unreadable::Unreadable;
use crate::store::{StoreCode, StoreError};

/// Its key.
const PENDING: &[u8] = b"x";

#[derive(Serialize, Deserialize)]
struct Row {
    /// The first expiry day among the records.
    since: u32,
    cuts: Vec<CutRow>,
}

#[derive(Serialize, Deserialize)]
struct CutRow {
    purpose: String,
    epoch: u32,
    index: u64,
    /// From, and up to which.
    ranges: Vec<(u16, u16)>,
    forget: bool,
}

/// What is pending now; none: nothing. A row that cannot be read is passed over and said.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn pending(
    engine: &Engine,
    unreadable: &Unreadable,
) -> Result<Option<Vec<BucketCut>>, StoreError> {
    let Some(bytes) = engine.read(&Place::Erasures, PENDING)? else { return Ok(None) };
    let cuts = layout::decode::<Row>(&bytes).and_then(|row| row.cuts.iter().map(CutRow::cut).collect());
    Ok(unreadable.or_passed_over(&Place::Erasures, PENDING, cuts))
}

/// How many leaves wait for their end and still live, and since which expiry day; none: none.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn waiting(engine: &Engine, keyring: &dyn Keyring) -> Result<Option<(u64, Day)>, StoreError> {
    let Some(bytes) = engine.read(&Place::Erasures, PENDING)? else { return Ok(None) };
    // Of one that cannot be read nobody knows for how long it waits.
    let Ok(row) = layout::decode::<Row>(&bytes) else { return Ok(Some((1, Day(0)))) };
    let cuts: Vec<BucketCut> = row.cuts.iter().map(CutRow::cut).collect::<Result<_, _>>()?;
    let living: u64 = cuts.iter().map(|cut| cut.living(keyring)).sum();
    // Between the end of the keys and the row that says so lies one transaction.
    Ok((living > 0).then_some((living, Day(row.since))))
}

/// True if something is pending, as this transaction leaves it.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn is_pending(draft: &Draft<'_>) -> Result<bool, StoreError> {
    Ok(draft.read(&Place::Erasures, PENDING)?.is_some())
}

/// Notes what is to be destroyed.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn write(draft: &mut Draft<'_>, since: Day, cuts: &[BucketCut]) -> Result<(), StoreError> {
    let cuts = cuts.iter().map(CutRow::of).collect();
    draft.write(Place::Erasures, PENDING, layout::encode(&Row { since: since.0, cuts }))
}

/// It is destroyed.
pub(super) fn remove(draft: &mut Draft<'_>) {
    draft.remove(Place::Erasures, PENDING);
}

impl CutRow {
    fn of(cut: &BucketCut) -> Self {
        let BucketCut { bucket: Bucket { purpose, epoch, index }, ranges, forget } = cut;
        Self {
            purpose: purpose.as_str().to_owned(),
            epoch: *epoch,
            index: *index,
            ranges: ranges.iter().map(|range| (range.start, range.end)).collect(),
            forget: *forget,
        }
    }

    fn cut(&self) -> Result<BucketCut, StoreError> {
        let purpose = PurposeId::parse(&self.purpose).ok_or(StoreError::of(StoreCode::Damaged))?;
        let bucket = Bucket { purpose, epoch: self.epoch, index: self.index };
        let ranges = self.ranges.iter().map(|(from, to)| *from..*to).collect();
        Ok(BucketCut { bucket, ranges, forget: self.forget })
    }
}
