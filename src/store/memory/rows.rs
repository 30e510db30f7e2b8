//! What is kept: what would lie on a disk.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::clock::Day;
use crate::id::{FormId, LeadgenId, PageId};
use crate::notification::{KeptPause, LeadRef, ParkCode, Why};
use crate::purpose::{PurposeId, RecordId, TextHash};
use crate::store::beside::{self, Beside};
use crate::store::{FormSnapshot, KnownForm, SeenState, Token};

/// Everything. No `Debug`: it holds leadgens.
#[derive(Clone, Default)]
pub(super) struct Rows {
    pub(super) vaults: BTreeMap<PurposeId, Vault>,
    pub(super) seen: BTreeMap<LeadgenId, Fate>,
    /// By arrival.
    pub(super) parked: BTreeMap<u64, ParkedRow>,
    /// The last arrival that was given; never given twice.
    pub(super) last_arrival: u64,
    /// Encoded lines, by number.
    pub(super) trail: BTreeMap<u64, Vec<u8>>,
    /// Number and mac of the last line, so that a cut end shows.
    pub(super) trail_head: (u64, [u8; 32]),
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) forms: BTreeMap<FormId, KnownForm>,
    /// By form and revision.
    pub(super) snapshots: BTreeMap<(FormId, TextHash), FormSnapshot>,
    pub(super) dropped: BTreeMap<(FormId, String), u64>,
    /// By page; none: of the app.
    pub(super) pauses: BTreeMap<Option<PageId>, KeptPause>,
    /// The highest clock that was believed.
    pub(super) clock: Option<Timestamp>,
    /// The highest clock that somebody confirmed.
    pub(super) clock_certain: Option<Timestamp>,
}

/// The records of a purpose.
#[derive(Clone, Default)]
pub(super) struct Vault {
    /// The last number that was given; never given twice.
    pub(super) last_number: u64,
    pub(super) counted: u64,
    /// As the last scan found.
    pub(super) missing: u64,
    /// Sealed records by epoch and number.
    pub(super) records: BTreeMap<(u32, u64), Vec<u8>>,
}

/// What became of a leadgen.
#[derive(Clone)]
pub(super) enum Fate {
    Stored(RecordId),
    /// At these arrivals.
    Parked(Vec<u64>),
    Refused(ParkCode),
    Erased,
    /// Save to the notification that was received then, nothing is known any more.
    Dropped(Timestamp),
}

/// A parked reference.
#[derive(Clone)]
pub(super) struct ParkedRow {
    pub(super) reference: LeadRef,
    pub(super) why: Why,
    pub(super) since: Timestamp,
    /// The day from which Meta's 90 days count.
    pub(super) submitted: Day,
    pub(super) sealed: Day,
}

impl Rows {
    /// A record, sealed.
    pub(super) fn record(&self, id: &RecordId) -> Option<&Vec<u8>> {
        self.vaults.get(&id.purpose)?.records.get(&(id.epoch, id.number))
    }

    /// What is parked at these arrivals.
    pub(super) fn beside(&self, arrivals: &[u64]) -> Vec<Beside> {
        let one = |arrival: &u64| {
            let row = self.parked.get(arrival)?;
            let (lane, why, since) = (Some(row.reference.lane()), row.why, row.since);
            Some(Beside { arrival: *arrival, lane, why, since })
        };
        arrivals.iter().filter_map(one).collect()
    }

    /// What became of a leadgen.
    pub(super) fn state(&self, leadgen: &LeadgenId) -> Option<SeenState> {
        Some(match self.seen.get(leadgen)? {
            Fate::Stored(id) => SeenState::Stored(id.clone()),
            Fate::Parked(arrivals) => {
                let whys = arrivals.iter().filter_map(|arrival| Some(self.parked.get(arrival)?.why));
                SeenState::Parked(beside::foremost(whys)?)
            }
            Fate::Refused(code) => SeenState::Refused(*code),
            Fate::Erased => SeenState::Erased,
            Fate::Dropped(_) => return None,
        })
    }
}
