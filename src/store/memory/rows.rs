//! What is kept: what would lie on a disk.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::clock::{Day, Month};
use crate::id::{FormId, LeadgenId, PageId};
use crate::keyring::Keyring;
use crate::lead::{ConsentEvent, Leaf, Under};
use crate::notification::{KeptPause, LeadRef, ParkCode, Why};
use crate::purpose::form_check::FormLook;
use crate::purpose::{DropCode, PurposeId, RecordId, TextHash};
use crate::store::beside::{self, Beside};
use crate::store::evidence::opened;
use crate::store::feeds::Follow;
use crate::store::handed::{Ranges, Spot};
use crate::store::leaves::Leaves;
use crate::store::memory::feeds::FeedRows;
use crate::store::outbox::Letters;
use crate::store::retention::BucketCut;
use crate::store::seen::seen_key;
use crate::store::several::{OpenFor, in_order, parked_fates};
use crate::store::tellings::KeptTelling;
use crate::store::tombstones::tombstone_key;
use crate::store::{
    Adoption, ErasedFor, Erasure, ErasureId, Fate, FormSnapshot, HandedTo, KeptLifespan, KeptRemit,
    KnownForm, MailedUnder, Papers, PersonRequest, RequestId, Restriction, SeenState, StoreCode, StoreError,
    Suppression, ToOpen, Token, Traces, VigilId,
};
use crate::trail::Reason;

/// By purpose and recipient; none: nobody outside.
pub(super) type HandedRows = BTreeMap<(PurposeId, Option<String>), Ranges>;

/// Single records, by purpose and recipient.
pub(super) type MarkRows = BTreeMap<(PurposeId, String), BTreeSet<Spot>>;

/// A vigil that stands.
#[derive(Clone)]
pub(super) struct VigilRow {
    pub(super) asked: Timestamp,
    pub(super) reason: Option<Reason>,
    pub(super) purposes: Vec<PurposeId>,
    pub(super) hashes: Vec<[u8; 32]>,
    pub(super) repeat: Option<[u8; 32]>,
    pub(super) unread: u64,
    pub(super) follows: Option<ErasureId>,
    pub(super) papers: Papers,
    pub(super) met: u64,
    pub(super) traces: Traces,
}

/// Everything. No `Debug`: it holds leadgens.
#[derive(Clone, Default)]
pub(super) struct Rows {
    pub(super) vaults: BTreeMap<PurposeId, Vault>,
    pub(super) seen: BTreeMap<LeadgenId, Note>,
    /// By arrival.
    pub(super) parked: BTreeMap<u64, ParkedRow>,
    /// The last arrival that was given; never given twice.
    pub(super) last_arrival: u64,
    /// Encoded lines, by number.
    pub(super) trail: BTreeMap<u64, Vec<u8>>,
    /// Number and mac of the last line, so that a cut end shows.
    pub(super) trail_head: (u64, [u8; 32]),
    /// The same of the line before the first that is kept, and the line that says so.
    pub(super) trail_base: (u64, [u8; 32]),
    pub(super) trail_closed: u64,
    /// By which lifespan the records of each purpose are dated.
    pub(super) lifespans: BTreeMap<PurposeId, KeptLifespan>,
    /// Leaves to which records moved: their numbers are nobody's.
    pub(super) moved_to: BTreeSet<(PurposeId, u64)>,
    /// By which remit they were trimmed.
    pub(super) remits: BTreeMap<PurposeId, KeptRemit>,
    /// What is unread is held against.
    pub(super) vigils: BTreeMap<VigilId, VigilRow>,
    /// The last number of one; never given twice.
    pub(super) last_vigil: u64,
    /// What passes open, by their hashes; and in which order they were given.
    pub(super) passes: BTreeMap<[u8; 32], (u64, ToOpen)>,
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) forms: BTreeMap<FormId, KnownForm>,
    /// By form and revision.
    pub(super) snapshots: BTreeMap<(FormId, TextHash), FormSnapshot>,
    pub(super) adoptions: BTreeMap<FormId, Adoption>,
    pub(super) form_looks: BTreeMap<FormId, FormLook>,
    pub(super) dropped: BTreeMap<(FormId, String, DropCode), u64>,
    /// By page; none: of the app.
    pub(super) pauses: BTreeMap<Option<PageId>, KeptPause>,
    /// Revisions of notices, and since when each is in force.
    pub(super) notices: BTreeMap<PurposeId, Vec<(TextHash, Timestamp)>>,
    /// What they say.
    pub(super) notice_texts: BTreeMap<(PurposeId, TextHash), Vec<u8>>,
    /// What remembers erased submissions, by month and keyed hash.
    pub(super) tombstones: BTreeMap<(Month, [u8; 32]), ErasedFor>,
    pub(super) erasures: BTreeMap<ErasureId, Erasure>,
    /// The last number that an erasure was given; never given twice.
    pub(super) last_erasure: u64,
    /// Leaves of erasures whose keys are not destroyed yet.
    pub(super) pending: BTreeMap<ErasureId, Vec<(PurposeId, Leaf)>>,
    /// What ended by its time and still has its keys, and the first expiry day among it.
    pub(super) sweep: Option<(Day, Vec<BucketCut>)>,
    /// How many records were ever settled under a clock that was behind, and up to how many they have been looked at.
    pub(super) early: (u64, Option<u64>),
    /// What became of consents of a record: sealed events, in their order.
    pub(super) evidence: BTreeMap<RecordId, Vec<Vec<u8>>>,
    /// What is left of consents of records that are gone, as the disk has it.
    pub(super) stubs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The last number that a stub was given; never given twice.
    pub(super) last_stub: u64,
    /// Records that nobody may use.
    pub(super) restrictions: BTreeMap<RecordId, Restriction>,
    /// Erasures that wait for their letter, or did.
    pub(super) tellings: BTreeMap<ErasureId, KeptTelling>,
    /// Leaves that records had before they were written anew, whose keys are not destroyed yet.
    pub(super) rewritten: BTreeMap<RecordId, Vec<Leaf>>,
    /// Hash of a caller's key → the erasure, and what the request was.
    pub(super) repeats: BTreeMap<[u8; 32], (ErasureId, [u8; 32])>,
    /// Addresses that may not be stored, by keyed hash.
    pub(super) suppressions: BTreeMap<[u8; 32], Suppression>,
    /// The last number that a suppression was given; never given twice.
    pub(super) last_suppression: u64,
    /// How many came in, or anew.
    pub(super) objections: u64,
    /// By which the key of their list is known.
    pub(super) canary: Option<[u8; 32]>,
    /// What is written to the persons of records.
    pub(super) letters: BTreeMap<RecordId, Letters>,
    /// Nobody is to be asked whether they still agree.
    pub(super) asking_paused: bool,
    /// Under which public addresses mails went.
    pub(super) mailed_under: Vec<MailedUnder>,
    /// What people asked for.
    pub(super) requests: BTreeMap<RequestId, PersonRequest>,
    /// The last number that a request was given; never given twice.
    pub(super) last_request: u64,
    /// To whom records were handed.
    pub(super) handed: HandedRows,
    /// Which records pages withheld that were never handed over.
    pub(super) withheld: MarkRows,
    /// Which they passed by while nobody might use them.
    pub(super) passed: MarkRows,
    /// Who had what an erasure took away.
    pub(super) handed_of: BTreeMap<ErasureId, Vec<HandedTo>>,
    /// What recipients must follow, by their names.
    pub(super) feeds: BTreeMap<String, FeedRows>,
    /// How far each has followed an erasure.
    pub(super) follows: BTreeMap<(ErasureId, String), Follow>,
    /// The highest clock that was believed.
    pub(super) clock: Option<Timestamp>,
    /// The highest clock that somebody confirmed.
    pub(super) clock_certain: Option<Timestamp>,
}

impl Rows {
    /// What became of the consents of a record that lies there.
    pub(super) fn events(
        &self,
        keyring: &dyn Keyring,
        id: &RecordId,
        under: Under,
    ) -> Result<Vec<ConsentEvent>, StoreError> {
        let (Some(rows), Under::Leaf(leaf)) = (self.evidence.get(id), under) else { return Ok(Vec::new()) };
        let rows: Vec<(u32, Vec<u8>)> = (0..).zip(rows.iter().cloned()).collect();
        let opened = opened(&rows, (id, leaf), &mut Leaves::default(), keyring);
        opened.map(|opened| opened.events).map_err(|_| StoreError::of(StoreCode::RecordUnreadable))
    }
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
#[derive(Clone, Default)]
pub(super) struct Note {
    /// For which purposes it has its end.
    pub(super) fates: Vec<Fate>,
    /// What is parked of it.
    pub(super) arrivals: Vec<u64>,
    /// Its end as a whole, where no purpose was matched.
    pub(super) end: Option<End>,
}

/// What became of a leadgen as a whole.
#[derive(Clone)]
pub(super) enum End {
    Refused(ParkCode),
    /// Save to the notification that was received then, nothing is known any more.
    Dropped(Timestamp),
}

impl Note {
    /// The purposes for which it has its end.
    pub(super) fn decided(&self) -> Vec<PurposeId> {
        self.fates.iter().filter_map(|fate| fate.purpose.clone()).collect()
    }
}

/// A parked reference.
#[derive(Clone)]
pub(super) struct ParkedRow {
    pub(super) reference: LeadRef,
    pub(super) why: Why,
    /// The purposes for which it is open; none: its form was not matched yet.
    pub(super) open: Vec<OpenFor>,
    /// For others it has its end.
    pub(super) others_ended: bool,
    /// Some purpose has had its say: what was dropped is counted.
    pub(super) was_sieved: bool,
    pub(super) since: Timestamp,
    /// The day from which Meta's 90 days count.
    pub(super) submitted: Day,
    pub(super) sealed: Day,
}

impl Rows {
    /// Up to which settlement nobody has looked for records that were received under a clock that was behind.
    pub(super) fn early_up_to(&self) -> Option<u64> {
        let (early, looked_at) = self.early;
        looked_at.is_none_or(|looked_at| looked_at < early).then_some(early)
    }

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

    /// For which purposes a submission was erased; none: for none.
    pub(super) fn erased_for(&self, keyring: &dyn Keyring, leadgen: &LeadgenId) -> Option<ErasedFor> {
        let seen = seen_key(&keyring.seen_key(), leadgen);
        let months: BTreeSet<Month> = self.tombstones.keys().map(|(month, _)| *month).collect();
        let found = months.into_iter().filter_map(|month| {
            let key = keyring.tombstone_key(month).ok()?;
            self.tombstones.get(&(month, tombstone_key(&key, &seen))).cloned()
        });
        found.reduce(ErasedFor::and)
    }

    /// What became of a leadgen, by purpose.
    pub(super) fn fates(&self, keyring: &dyn Keyring, leadgen: &LeadgenId) -> Vec<Fate> {
        let erased = |purpose| Fate { purpose, state: SeenState::Erased };
        let mut fates: Vec<Fate> = match self.erased_for(keyring, leadgen) {
            None => Vec::new(),
            Some(ErasedFor::All) => return vec![erased(None)],
            Some(ErasedFor::Some(purposes)) => purposes.into_iter().map(Some).map(erased).collect(),
        };
        let Some(note) = self.seen.get(leadgen) else { return in_order(fates) };
        fates.extend(note.fates.clone());
        let whole = match note.end {
            None | Some(End::Dropped(_)) => None,
            Some(End::Refused(code)) => Some(SeenState::Refused(code)),
        };
        fates.extend(whole.map(|state| Fate { purpose: None, state }));
        let parked = || note.arrivals.iter().filter_map(|arrival| self.parked.get(arrival));
        let foremost = beside::foremost(parked().map(|row| row.why));
        let row = parked().find(|row| Some(row.why) == foremost);
        fates.extend(row.into_iter().flat_map(|row| parked_fates(row.why, &row.open)));
        in_order(fates)
    }
}
