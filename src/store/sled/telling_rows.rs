//! Which erasures wait for a letter to their person, and what became of it: rows of `erasures` that stay beside the erasure's own.

use serde::{Deserialize, Serialize};

use crate::forget::Untold;
use crate::purpose::{PurposeId, RecordId};
use crate::store::sled::layout::{self, InTree, Place, record_key};
use crate::store::tellings::KeptTelling;
use crate::store::{ErasureId, StoreCode, StoreError};
use crate::trail::Reason;

/// Before an erasure's number.
const TELLING: u8 = b't';

/// Codes are kept as text: a later list of codes still reads old rows.
#[derive(Serialize, Deserialize)]
struct TellingRow {
    reason: Option<String>,
    until_ms: i64,
    purposes: Vec<String>,
    /// What waits, each as purpose, epoch and number, and whether that is settled; none: it was carried out.
    records: Vec<(String, u32, u64, bool)>,
    told: u64,
    untold: u64,
    why: Option<String>,
}

impl InTree for TellingRow {
    const TREES: &'static [Place] = &[Place::Erasures];
}

/// The key of an erasure's row.
pub(super) fn key(id: ErasureId) -> Vec<u8> {
    [&[TELLING], record_key(id.epoch, id.number).as_slice()].concat()
}

/// The bytes of a row.
pub(super) fn bytes(kept: &KeptTelling) -> Vec<u8> {
    let name = |purpose: &PurposeId| purpose.as_str().to_owned();
    let record = |(id, is_settled): &(RecordId, bool)| (name(&id.purpose), id.epoch, id.number, *is_settled);
    layout::encode(&TellingRow {
        reason: kept.reason.map(|reason| reason.as_str().to_owned()),
        until_ms: kept.until.as_millisecond(),
        purposes: kept.purposes.iter().map(name).collect(),
        records: kept.records.iter().map(record).collect(),
        told: kept.told,
        untold: kept.untold,
        why: kept.why.map(|why| why.as_str().to_owned()),
    })
}

/// Reads them.
///
/// # Errors
/// It is no such row.
pub(super) fn read(bytes: &[u8]) -> Result<KeptTelling, StoreError> {
    let row: TellingRow = layout::decode(bytes)?;
    let purpose = |name: &String| PurposeId::parse(name).ok_or_else(|| StoreError::of(StoreCode::Damaged));
    let record = |(name, epoch, number, is_settled): &(String, u32, u64, bool)| {
        let id = RecordId { purpose: purpose(name)?, epoch: *epoch, number: *number };
        Ok::<_, StoreError>((id, *is_settled))
    };
    Ok(KeptTelling {
        // A later version's reason erases as well.
        reason: row.reason.as_deref().and_then(Reason::from_code),
        until: layout::moment(row.until_ms)?,
        purposes: row.purposes.iter().map(purpose).collect::<Result<_, _>>()?,
        records: row.records.iter().map(record).collect::<Result<_, _>>()?,
        told: row.told,
        untold: row.untold,
        why: row.why.as_deref().and_then(Untold::from_code),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::support::{purpose, record, start};

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let ids = [record("devis-1-1"), record("lettre-2-7")];
        let mut kept = KeptTelling::new(Some(Reason::Audit), start(), &[purpose("devis")], &ids);
        assert!(kept.settle(&ids[1], Err(Untold::NoAddress)));
        assert_eq!(read(&bytes(&kept)).as_ref(), Ok(&kept));
        assert!(read(&bytes(&kept)[..5]).is_err());
    }
}
