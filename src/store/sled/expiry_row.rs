//! The one row of what ended by its time and still has its keys. It lies in `erasures`, before a start gives the store to
//! anybody it is looked at, and there is one at most: the next batch waits for it.

use serde::{Deserialize, Serialize};

use crate::clock::Day;
use crate::keyring::{BUCKET_RECORDS, Bucket, Keyring};
use crate::purpose::PurposeId;
use crate::store::retention::BucketCut;
use crate::store::sled::aside;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, InTree, Place};
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

impl InTree for Row {
    const TREES: &'static [Place] = &[Place::Erasures];
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
    let read = read(&bytes).map(|(_, cuts)| cuts);
    Ok(unreadable.or_passed_over(&Place::Erasures, PENDING, read))
}

/// How many leaves still live that have waited for their end since an expiry day up to this one. Of a row that cannot be read
/// nobody knows how many they were, nor since when: it counts as one, also when it lies aside.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn waiting(engine: &Engine, keyring: &dyn Keyring, until: Day) -> Result<u64, StoreError> {
    let unread = u64::from(aside::is_kept(engine, &Place::Erasures, PENDING)?);
    let Some(bytes) = engine.read(&Place::Erasures, PENDING)? else { return Ok(unread) };
    let Ok((since, cuts)) = read(&bytes) else { return Ok(unread + 1) };
    // Between the end of the keys and the row that says so lies one transaction.
    let living = || cuts.iter().map(|cut| cut.living(keyring)).sum::<u64>();
    Ok(unread + if since <= until { living() } else { 0 })
}

/// True if something is pending, as this transaction leaves it. A row that cannot be read holds nothing up: its bytes are kept
/// aside, and the next may be written in its place.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn is_pending(draft: &mut Draft<'_>) -> Result<bool, StoreError> {
    let Some(bytes) = draft.read(&Place::Erasures, PENDING)? else { return Ok(false) };
    let Err(error) = read(&bytes) else { return Ok(true) };
    aside::keep(draft, &Place::Erasures, PENDING, bytes, error)?;
    remove(draft);
    Ok(false)
}

/// Reads a row.
///
/// # Errors
/// It is none.
pub(super) fn read(bytes: &[u8]) -> Result<(Day, Vec<BucketCut>), StoreError> {
    let Row { since, cuts } = layout::decode(bytes)?;
    Ok((Day(since), cuts.iter().map(CutRow::cut).collect::<Result<_, _>>()?))
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
        let damaged = StoreError::of(StoreCode::Damaged);
        let purpose = PurposeId::parse(&self.purpose).ok_or(damaged)?;
        if !self.ranges.iter().all(|(from, to)| from < to && u64::from(*to) <= BUCKET_RECORDS) {
            return Err(damaged);
        }
        let bucket = Bucket { purpose, epoch: self.epoch, index: self.index };
        let ranges = self.ranges.iter().map(|(from, to)| *from..*to).collect();
        Ok(BucketCut { bucket, ranges, forget: self.forget })
    }
}
