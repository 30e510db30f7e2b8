//! References that are not stored: waiting, held, refused, buried.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::clock::Day;
use crate::id::{FormId, LeadgenId, PageId};
use crate::notification::{LeadRef, ParkCode};
use crate::purpose::Lane;
use crate::store::StoreError;
use crate::trail::Entry;

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
