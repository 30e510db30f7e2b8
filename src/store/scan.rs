//! A scan: everything that is kept, looked at beside all else and compared with what is counted, so that nothing is
//! missing without a word.

use async_trait::async_trait;

use crate::purpose::{PurposeId, RecordId};
use crate::store::StoreError;

/// How far a scan has come.
#[derive(Debug)]
pub enum Scanning {
    /// There is more to look at.
    More,
    /// Everything was looked at.
    Over(Scanned),
}

/// What a whole scan saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Records whose seal was checked.
    pub records: u64,
    /// What is known of leadgens.
    pub seen: u64,
    /// Parked references.
    pub parked: u64,
    /// Lines of the trail.
    pub lines: u64,
    /// What is wrong; one of each kind, and one a purpose.
    pub faults: Vec<Fault>,
}

/// Something that a scan found wrong, twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A purpose's records.
    Records(RecordsFault),
    /// What is parked.
    Parked(ParkedFault),
    /// So many rows of what is known of leadgens cannot be read.
    Seen(u64),
    /// A line of the trail is missing or changed.
    Trail,
    /// What is noted of the records under each tree of the keyring.
    Buckets(BucketsFault),
}

/// Of a purpose: as many records as are counted should be there, each noted once in the index, each opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordsFault {
    /// Whose.
    pub purpose: PurposeId,
    /// Records, as they are counted.
    pub counted: u64,
    /// Records, as they were found.
    pub found: u64,
    /// Leadgens that are noted as stored there.
    pub indexed: u64,
    /// Records that are noted and not there.
    pub absent: u64,
    /// Records that do not open.
    pub unreadable: u64,
    /// The first that is absent or does not open.
    pub first: Option<RecordId>,
}

impl RecordsFault {
    /// How many records are missing.
    pub fn missing(&self) -> u64 {
        self.counted.saturating_sub(self.found).max(self.absent)
    }

    /// True if only seals are wrong, not numbers.
    pub fn is_of_seals(&self) -> bool {
        self.counted == self.found && self.counted == self.indexed && self.absent == 0
    }
}

/// Of what is parked: each row is noted in the index, and each note has its row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParkedFault {
    /// Rows that were found.
    pub found: u64,
    /// Rows, as they are counted; none: they never stood still for long enough.
    pub counted: Option<u64>,
    /// Rows that are noted and not there.
    pub absent: u64,
    /// Rows that are there and not noted.
    pub unnoted: u64,
    /// Rows that cannot be read.
    pub unreadable: u64,
}

impl ParkedFault {
    /// True if the numbers are wrong, not only what stands in a row.
    pub fn is_of_counts(&self) -> bool {
        self.absent > 0 || self.unnoted > 0 || self.counted.is_some_and(|counted| counted != self.found)
    }
}

/// Of the trees of the keyring: as many records as are noted should live under each, and expire between the days noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketsFault {
    /// How many notes say something else than what is there.
    pub wrong: u64,
    /// Records, as these notes say.
    pub counted: u64,
    /// Records, as they were found under their trees.
    pub found: u64,
    /// How many of the notes say now what is there.
    pub repaired: u64,
}

impl Scanned {
    /// So many notes of trees were put right.
    pub(super) fn note_repaired(&mut self, count: u64) {
        for fault in &mut self.faults {
            if let Fault::Buckets(fault) = fault {
                fault.repaired = count;
            }
        }
    }
}

/// Looking at everything that is kept.
#[async_trait]
pub trait Scan: Send + Sync {
    /// Looks at up to `max` entries more, beginning anew after the end. For one caller. What it accuses was wrong in two
    /// scans one after the other. Pages of a purpose of which records are missing are refused from then on, also after a
    /// restart, until a scan finds it whole.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`]: the next call begins anew.
    async fn scan(&self, max: usize) -> Result<Scanning, StoreError>;
}
