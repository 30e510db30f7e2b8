//! What is kept: traits by subject, each verb a whole transaction with its trail line inside.
//!
//! The embedded engine is in [`sled`]; a second one would stand beside it with the same file names and pass the same
//! contract tests. No verb begins or commits: that is inside. Errors carry codes, never an engine's text (it holds
//! paths).

mod error;
mod scan;
pub mod sled;
pub mod startup;
pub mod witness;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::clock::Day;
use crate::id::{FormId, LeadgenId, PageId};
use crate::lead::{Dropped, MinimisedLead, OpenedLead, UnsealedLead};
use crate::notification::{LeadRef, ParkCode, Why};
use crate::purpose::{Cursor, FormDefinition, Lane, PurposeId, RecordId};
use crate::trail::{Entry, Line, Reason, Role};

pub use error::{StoreCode, StoreError};
pub use scan::{Fault, ParkedFault, RecordsFault, Scan, Scanned, Scanning};

/// Everything that a store does.
pub trait Store: Vault + Seen + Parked + Trail + Tokens + Forms + Hours + Scan {}

/// What became of a claimed reference, to be made durable.
pub struct Settlement {
    /// The reference.
    pub reference: LeadRef,
    /// Its end, or where it waits.
    pub outcome: Outcome,
    /// What the sieve let fall, to be counted by form.
    pub dropped: Dropped,
}

/// Stored, or parked with a reason.
pub enum Outcome {
    /// Into the vault.
    Stored(Box<MinimisedLead>),
    /// Not stored.
    Parked(Why),
}

/// What a settlement led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// A new record.
    Stored(RecordId),
    /// Parked; the code may differ from what was asked (`record-too-large`).
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
}

/// A page whose bound is fixed and whose trail line is synced: only now may a first byte leave.
pub struct Page {
    /// Where to go on: the last record looked at; on an empty page where it began.
    pub next: Cursor,
    /// True if there is more after it.
    pub more: bool,
    /// At most so many records follow (fewer if some are erased meanwhile).
    pub count: u64,
    /// So many records of the purpose are missing, as the last scan found; only where the request allows it.
    pub missing: u64,
    /// The records in arrival order.
    pub records: Records,
}

/// The records of a page, each unsealed when it is asked for: asking waits for the disk, so it is done on a thread of its
/// own. An `Err` ends the export with an error, never with a short list; nothing comes after it.
pub type Records = Box<dyn Iterator<Item = Result<UnsealedLead, StoreError>> + Send>;

/// What an officer looks for.
pub enum Wanted {
    /// By Meta's id.
    Leadgen(LeadgenId),
    /// By ours.
    Record(RecordId),
}

/// What was found.
pub struct Found {
    /// What became of it.
    pub state: SeenState,
    /// The record, if it is stored and not past its expiry.
    pub lead: Option<OpenedLead>,
}

/// What became of a leadgen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeenState {
    /// In the vault.
    Stored(RecordId),
    /// Parked.
    Parked(Why),
    /// Refused for good; its parked reference is gone.
    Refused(ParkCode),
    /// Erased.
    Erased,
}

/// Records by purpose.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Makes the ends of these references durable in one transaction: numbers, seals, stores, notes as seen, writes the
    /// trail lines, syncs, and only then answers, in the order of `batch`.
    ///
    /// # Errors
    /// Nothing of the batch is answered for; after [`StoreCode::Halted`] the store takes no more.
    async fn settle(&self, batch: Vec<Settlement>) -> Result<Vec<Settled>, StoreError>;

    /// Fixes the bound of a page by a scan of keys, writes and syncs its trail line (`entry`, completed with purpose,
    /// count and range), then reads on demand.
    ///
    /// # Errors
    /// [`StoreCode::Busy`] if too many are being read; [`StoreCode::ClockJumped`]; [`StoreCode::CountMismatch`] if records
    /// are missing and the request does not allow it; otherwise see [`StoreCode`].
    async fn open_page(&self, request: PageRequest, entry: Entry) -> Result<Page, StoreError>;

    /// Looks one record up and writes the trail line first.
    ///
    /// # Errors
    /// [`StoreCode::ClockJumped`] if it depends on the clock whether the record is past its expiry; otherwise see
    /// [`StoreCode`].
    async fn find(&self, wanted: Wanted, entry: Entry) -> Result<Vec<Found>, StoreError>;

    /// Makes room for purposes that the config names from now on; those that have it already are left as they are.
    ///
    /// # Errors
    /// See [`StoreCode`]: nothing may be settled under them then.
    async fn admit(&self, purposes: Vec<PurposeId>) -> Result<(), StoreError>;

    /// How many records each purpose holds.
    fn stored(&self) -> HashMap<PurposeId, u64>;

    /// Why the store takes no more, if it has halted.
    fn halted(&self) -> Option<StoreCode>;

    /// True if it takes and gives: not halted, not closed, not waiting for room, its keys can be changed.
    fn ready(&self) -> bool;

    /// Waits for the writer to finish what it has, syncs and closes. Later verbs answer [`StoreCode::Closed`].
    ///
    /// # Errors
    /// The last sync failed.
    async fn close(&self) -> Result<(), StoreError>;
}

/// What became of each leadgen, under keyed hashes.
pub trait Seen: Send + Sync {
    /// What became of it; none: never settled. Reads beside the writer; on the path of accepting.
    ///
    /// # Errors
    /// See [`StoreCode`].
    fn seen(&self, leadgen: &LeadgenId) -> Result<Option<SeenState>, StoreError>;
}

/// A reference claimed from `parked`.
pub struct ParkedClaim {
    /// The reference, opened.
    pub reference: LeadRef,
    /// Attempts spent so far.
    pub attempts: u32,
    /// The code under which it waited (after a requeue the one under which it had been refused or buried); none: it was
    /// held.
    pub code: Option<ParkCode>,
}

/// References that are not stored. A claimed one is leased in memory until it is settled or released.
#[async_trait]
pub trait Parked: Send + Sync {
    /// Claims up to `max` references that are due, all of one lane: the lane of the oldest one for which `lane` gives
    /// one. Held ones are due as soon as `lane` gives them a lane with a purpose.
    ///
    /// # Errors
    /// See [`StoreCode`].
    fn claim_due(
        &self,
        now: Timestamp,
        max: usize,
        lane: &dyn Fn(&PageId, &FormId) -> Option<Lane>,
    ) -> Result<Option<(Lane, Vec<ParkedClaim>)>, StoreError>;

    /// Gives up the leases of claimed references: they are due again.
    fn release(&self, leadgens: &[LeadgenId]);

    /// When the next waiting reference is due.
    fn next_due(&self) -> Option<Timestamp>;

    /// How many waiting and held references there are (they count against the inbox's bound).
    fn parked(&self) -> u64;

    /// What an operator sees.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn overview(&self) -> Result<ParkedOverview, StoreError>;

    /// Makes refused or buried references waiting, due now, with no attempts spent; writes the trail line.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn requeue(&self, which: Requeue, entry: Entry) -> Result<u64, StoreError>;

    /// Ends what Meta no longer has: parked references older than 90 days become refused (`too-old`). Returns how many.
    ///
    /// # Errors
    /// [`StoreCode::ClockJumped`]; otherwise see [`StoreCode`].
    async fn expire_parked(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// The days under whose keys parked references are sealed.
    ///
    /// # Errors
    /// It cannot be told, or nothing may be destroyed for now ([`StoreCode::ClockJumped`]): every key is to stay.
    fn sealed_days(&self) -> Result<Vec<Day>, StoreError>;
}

/// Which parked references come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requeue {
    /// One, by its arrival number.
    Ref(u64),
    /// All with this code.
    Code(ParkCode),
    /// All of this form.
    Form(FormId),
}

/// What `GET /inbox` shows of the parked.
#[derive(Default)]
pub struct ParkedOverview {
    /// How many wait.
    pub waiting: u64,
    /// Held, by form.
    pub held: Vec<HeldForm>,
    /// Refused, by form and code.
    pub refused: Vec<RefusedForm>,
    /// Buried, each (at most 1,000 are listed).
    pub buried: Vec<BuriedRef>,
}

/// References of one form that no purpose claims.
pub struct HeldForm {
    /// The form.
    pub form: FormId,
    /// Its page.
    pub page: PageId,
    /// How many.
    pub count: u64,
    /// Since when.
    pub oldest: Timestamp,
}

/// References of one form refused for one reason.
pub struct RefusedForm {
    /// The form.
    pub form: FormId,
    /// Why.
    pub code: ParkCode,
    /// How many.
    pub count: u64,
    /// Since when.
    pub oldest: Timestamp,
}

/// One buried reference.
pub struct BuriedRef {
    /// Its arrival number, by which it is requeued.
    pub arrival: u64,
    /// Why.
    pub code: ParkCode,
    /// Attempts spent.
    pub attempts: u32,
    /// Since when.
    pub since: Timestamp,
}

/// Who did what.
#[async_trait]
pub trait Trail: Send + Sync {
    /// Lines after `after`, at most `limit`, oldest first, their chain checked.
    ///
    /// # Errors
    /// [`StoreCode::TrailBroken`] if a line is missing or changed.
    async fn lines(&self, after: u64, limit: usize) -> Result<Vec<Line>, StoreError>;

    /// Writes down an act that changed nothing: a refusal. At most one line a second for each actor, so that no loop of
    /// refused calls fills the disk or keeps the writer; what is beyond it is passed over.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn note(&self, entry: Entry) -> Result<(), StoreError>;
}

/// A token as it is kept: the secret only as its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its public half, by which it is found: 16 hex digits.
    pub id: String,
    /// SHA-256 of its secret half.
    pub hash: [u8; 32],
    /// What the operator called it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// For an exporter: which purposes.
    pub purposes: Vec<PurposeId>,
    /// For an exporter: on whose behalf.
    pub recipient: Option<String>,
    /// For an exporter: why.
    pub reason: Option<Reason>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Timestamp,
}

/// Keys to the admin side's TCP door.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// Keeps a new token, with its trail line. At most 1,000 tokens are kept.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn create_token(&self, token: Token, entry: Entry) -> Result<(), StoreError>;
    /// The token with this id, expired or not.
    ///
    /// # Errors
    /// See [`StoreCode`].
    fn token(&self, id: &str) -> Result<Option<Token>, StoreError>;
    /// All tokens.
    ///
    /// # Errors
    /// See [`StoreCode`].
    fn tokens(&self) -> Result<Vec<Token>, StoreError>;
    /// Removes a token, with its trail line. False: there was none.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn revoke_token(&self, id: &str, entry: Entry) -> Result<bool, StoreError>;
}

/// What the store makes of the clock. A leap forward of more than 7 days against the highest clock seen is not believed
/// until it is confirmed: nothing is handed out or destroyed meanwhile, while accepting and storing go on.
#[async_trait]
pub trait Hours: Send + Sync {
    /// True while there is a leap that nobody has confirmed.
    fn clock_jumped(&self) -> bool;

    /// Believes the clock from now on, with a trail line. `by` is a person's act; none: Graph's own clock agrees. False:
    /// there was nothing to confirm.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn confirm_clock(&self, by: Option<Entry>) -> Result<bool, StoreError>;
}

/// Definitions of forms, and what the sieve dropped by form.
#[async_trait]
pub trait Forms: Send + Sync {
    /// What is known of a form.
    ///
    /// # Errors
    /// See [`StoreCode`].
    fn form(&self, form: &FormId) -> Result<Option<KnownForm>, StoreError>;
    /// Keeps what was learnt of a form.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn put_form(&self, form: KnownForm) -> Result<(), StoreError>;
    /// All known forms.
    ///
    /// # Errors
    /// See [`StoreCode`].
    fn forms(&self) -> Result<Vec<KnownForm>, StoreError>;
    /// Names and counts of dropped fields by form (at most 200 names a form; the rest under `…`).
    ///
    /// # Errors
    /// See [`StoreCode`].
    fn dropped(&self) -> Result<Vec<DroppedField>, StoreError>;
}

/// A form as last read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownForm {
    /// The form.
    pub form: FormId,
    /// Its definition; none: Graph refuses it for good, so keys are matched by name.
    pub definition: Option<FormDefinition>,
    /// When it was read.
    pub read_at: Timestamp,
}

/// One name that the sieve let fall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedField {
    /// The form.
    pub form: FormId,
    /// The question's key (the form author's words).
    pub name: String,
    /// How often.
    pub count: u64,
}

/// A store that many hold.
pub type SharedStore = Arc<dyn Store>;
