//! Records: settling what was fetched, pages of an export, single look-ups.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Day;
use crate::id::LeadgenId;
use crate::lead::{Dropped, MinimisedLead, OpenedLead, UnsealedLead};
use crate::notification::{LeadRef, ParkCode, Why};
use crate::purpose::{Cursor, PurposeId, RecordId};
use crate::store::{DayLook, Fate, Restriction, SeenState, StoreError};
use crate::trail::{self, Entry};

/// What became of a claimed reference, to be made durable.
pub struct Settlement {
    /// The reference.
    pub reference: LeadRef,
    /// Its end, or where it waits.
    pub outcome: Outcome,
    /// The purposes for which it is read, once its form was matched: they are fixed by it. Of what was sieved its verdicts
    /// say so.
    pub matched: Vec<PurposeId>,
    /// What the sieve let fall, to be counted by form; of what was not sieved there is none.
    pub dropped: Dropped,
}

impl Settlement {
    /// True if it puts something into a vault.
    pub fn stores(&self) -> bool {
        match &self.outcome {
            Outcome::Sieved(verdicts) => verdicts.iter().any(|verdict| matches!(verdict, Verdict::Stored(_))),
            Outcome::Parked(_) => false,
        }
    }

    /// How much of a transaction it takes: a record for each purpose at the most.
    pub(super) fn weight(&self) -> usize {
        match &self.outcome {
            Outcome::Sieved(verdicts) => verdicts.len().max(1),
            Outcome::Parked(_) => 1,
        }
    }
}

/// Read, or parked with a reason.
pub enum Outcome {
    /// Each purpose made of it what it may; there is one at least.
    Sieved(Vec<Verdict>),
    /// Nothing of it was read.
    Parked(Why),
}

impl Outcome {
    /// Stored, for the one purpose that there is.
    pub fn stored(lead: MinimisedLead) -> Self {
        Self::Sieved(vec![Verdict::Stored(Box::new(lead))])
    }
}

/// What a purpose makes of a submission.
pub enum Verdict {
    /// Into its vault.
    Stored(Box<MinimisedLead>),
    /// Its rules say no, which may be mended.
    Refused(PurposeId, ParkCode),
    /// The person did not ask for it.
    NotAsked(PurposeId),
}

impl Verdict {
    /// Whose it is.
    pub fn purpose(&self) -> &PurposeId {
        match self {
            Self::Stored(lead) => lead.purpose(),
            Self::Refused(purpose, _) | Self::NotAsked(purpose) => purpose,
        }
    }
}

/// What a settlement led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// What became of it for each purpose for which it was open, in the order of the verdicts: a record, a refusal (the code
    /// may differ from what was asked: `record-too-large`), or not asked for.
    Sieved(Vec<Fate>),
    /// Parked.
    Parked(ParkCode),
    /// It had an end already (a fetch repeated after a crash): nothing changed.
    Known,
}

/// Which records of a purpose a page covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestFilter {
    /// Without Meta's test leads.
    Exclude,
    /// With them.
    Include,
    /// Only them.
    Only,
}

/// A page of an export, as asked for.
pub struct PageRequest {
    /// The purpose.
    pub purpose: PurposeId,
    /// Where the last page ended; none: from the start.
    pub after: Option<Cursor>,
    /// At most this many records.
    pub limit: usize,
    /// Test leads or not.
    pub test: TestFilter,
    /// Records whose expiry day has come are passed over.
    pub today: Day,
    /// Also where a scan found that records are missing.
    pub incomplete: bool,
    /// Each with what became of its consents ([`OpenedLead::events`]).
    pub evidence: bool,
    /// Those alone leave, and count as handed, of which this says so; none: all.
    pub may_leave: Option<MayLeave>,
}

/// Whether a record may leave, by what it holds and at this look at the clock. It is asked before anything counts as handed.
pub type MayLeave = Arc<dyn Fn(&OpenedLead, DayLook) -> Result<bool, StoreError> + Send + Sync>;

/// A page whose bound is fixed and whose trail line is synced: only now may a first byte leave.
pub struct Page {
    /// Where to go on: the last record looked at; on an empty page where it began.
    pub next: Cursor,
    /// True if there is more after it.
    pub more: bool,
    /// At most so many records follow (fewer if some are erased or restricted meanwhile).
    pub count: u64,
    /// So many test leads lie among these records and are left out, since the request leaves them out.
    pub tests_left_out: u64,
    /// So many more lie among them and are left out since their expiry day has come.
    pub expired: u64,
    /// So many more lie among them and are left out since they are restricted.
    pub restricted: u64,
    /// So many more lie among them and are withheld: the request lets them not leave.
    pub withheld: u64,
    /// So many records of the purpose are missing, as the last scan found; only where the request allows it.
    pub missing: u64,
    /// The look at the clock by which the page was made.
    pub days: DayLook,
    /// The records in arrival order.
    pub records: Records,
}

/// The records of a page, each unsealed when it is asked for: asking waits for the disk, so it is done on a thread of its
/// own. An `Err` ends the export with an error, never with a short list; nothing comes after it.
pub type Records = Box<dyn Iterator<Item = Result<UnsealedLead, StoreError>> + Send>;

/// What an officer looks for.
#[derive(Clone)]
pub enum Wanted {
    /// By Meta's id.
    Leadgen(LeadgenId),
    /// By ours.
    Record(RecordId),
}

/// What was found, for one purpose.
pub struct Found {
    /// The purpose; none: its form was not matched yet.
    pub purpose: Option<PurposeId>,
    /// What became of it.
    pub state: SeenState,
    /// The record, with what became of its consents, if it is stored and not past its expiry; one that is restricted lives on past
    /// it.
    pub lead: Option<OpenedLead>,
    /// Its restriction, if one stands.
    pub restriction: Option<Restriction>,
    /// The look at the clock by which that was said.
    pub days: DayLook,
}

crate::secret::never_shown!(Settlement, Wanted, Found, One, Page);

/// What came of reading one record for a recipient.
pub enum One {
    /// Here it is, and the look at the clock by which it may leave.
    There(Box<OpenedLead>, DayLook),
    /// Nobody may use it for now.
    Restricted,
    /// It may not leave.
    Withheld,
    /// There was such a record: it was erased, or its time is over.
    Gone,
    /// There never was such a record.
    Unknown,
}

/// The lines of the trail that a look-up leaves: one for each record, or one that names none.
pub(super) fn lines_of_find(fates: &[Fate], entry: &Entry) -> Vec<Entry> {
    let line = |record: Option<&RecordId>| {
        let mut line = entry.clone();
        line.count = u64::from(!fates.is_empty());
        line.result = if fates.is_empty() { trail::Outcome::Nothing } else { trail::Outcome::Done };
        line.purpose = record.map(|id| id.purpose.clone());
        (line.from, line.to) = (record.cloned(), record.cloned());
        line
    };
    let records = fates.iter().filter_map(|fate| match &fate.state {
        SeenState::Stored(id) => Some(line(Some(id))),
        _ => None,
    });
    let lines: Vec<Entry> = records.collect();
    if lines.is_empty() { vec![line(None)] } else { lines }
}

/// Records by purpose.
#[async_trait]
pub trait Leads: Send + Sync {
    /// Makes the ends of these references durable in one transaction: numbers, seals, stores, notes as seen, counts what
    /// was dropped, writes the trail lines (one a purpose), syncs, and only then answers, in the order of `batch`.
    ///
    /// A submission has an end for each purpose for which its form stood when it was first matched. For those that have
    /// theirs, and for any that came later, nothing is done. What is refused for some of them is one parked reference, open
    /// for these.
    ///
    /// Numbers of a purpose count from 1 without gaps, none is given twice, and whoever reads sees none before those below
    /// it. A reference is stored at most once for a purpose, whoever settles it however often; one that is parked may be parked anew and
    /// keeps its arrival. A record that is too large is buried (`record-too-large`), keeps the attempts it has spent, and
    /// takes no number.
    ///
    /// # Errors
    /// Nothing of the batch is done ([`crate::store::StoreCode::PurposeUnknown`], a key that cannot be made, no room), or it
    /// is not known whether it was ([`crate::store::StoreCode::Stalled`], [`crate::store::StoreCode::Halted`], after which
    /// the store takes no more); what others settle at that moment is not harmed.
    async fn settle(&self, batch: Vec<Settlement>) -> Result<Vec<Settled>, StoreError>;

    /// Fixes the bound of a page by a scan of keys, writes and syncs its trail line (`entry`, completed with purpose,
    /// count and range; an empty page's says so, and of polls that look at nothing there is one a day), then reads on demand. A cursor is a place in the order of epochs and
    /// numbers, whether a record is there or not: pages that follow one another give each record once, whatever is settled
    /// meanwhile. Records are passed over from their expiry day on, by the later of `today` and the store's own day; so are those
    /// that are restricted, for as long as they are: whoever it is for, and never had one, is told when that is over. What may not
    /// leave ([`PageRequest::may_leave`]) counts as handed to nobody. Who
    /// reads slowly holds up neither those who write nor the closing.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::CursorForeign`]; [`crate::store::StoreCode::CursorAhead`] of a cursor that was never given,
    /// beyond the last record or of another epoch; [`crate::store::StoreCode::PurposeUnknown`];
    /// [`crate::store::StoreCode::Busy`] if too many are being read, until one of them is dropped; [`crate::store::StoreCode::ClockJumped`];
    /// [`crate::store::StoreCode::ClockUnconfirmed`] if a record of it is past its expiry by a clock that nobody has
    /// confirmed; [`crate::store::StoreCode::CountMismatch`] if records
    /// are missing and the request does not allow it; otherwise see [`crate::store::StoreCode`].
    async fn open_page(&self, request: PageRequest, entry: Entry) -> Result<Page, StoreError>;

    /// Reads one record as a page of it alone would be read, if it may leave (none: it may): its trail line (`entry`, completed with purpose, count and record) and whom
    /// it goes to are synced before it is given. One that is not there, or restricted, leaves its line too.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::ClockJumped`], and [`crate::store::StoreCode::ClockUnconfirmed`] if it depends on the clock whether
    /// its expiry day has come; [`crate::store::StoreCode::RecordUnreadable`]; otherwise see [`crate::store::StoreCode`].
    async fn read_one(
        &self,
        id: RecordId,
        may_leave: Option<MayLeave>,
        entry: Entry,
    ) -> Result<One, StoreError>;

    /// Where a reader goes on whose cursor was refused as ahead: the last record that was given a number in the cursor's
    /// epoch, or, where the epoch was never this store's, the place before the first record of this one's. What it then
    /// reads again it knows by its id.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn resume_after(&self, cursor: Cursor) -> Result<Cursor, StoreError>;

    /// Looks one submission up, by purpose, or one record, and writes the trail lines first (`entry`, completed with what was
    /// found: one for each record, or one that says that there is none). Nothing is known: an empty list, and the line says so.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::ClockJumped`] or [`crate::store::StoreCode::ClockUnconfirmed`] if it depends on the clock
    /// whether the record is past its expiry; otherwise see [`crate::store::StoreCode`].
    async fn find(&self, wanted: Wanted, entry: Entry) -> Result<Vec<Found>, StoreError>;

    /// The same, for whoever is about to have ended what is found: its lines are taken as far below the disk's floor as an erasure.
    ///
    /// # Errors
    /// As [`Leads::find`].
    async fn find_to_end(&self, wanted: Wanted, entry: Entry) -> Result<Vec<Found>, StoreError>;

    /// How many records each purpose holds, also one that the config no longer names.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn stored(&self) -> Result<HashMap<PurposeId, u64>, StoreError>;
}
