//! References that are not stored: waiting, held, refused, buried.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::clock::{Day, after};
use crate::id::{FormId, LeadgenId, PageId};
use crate::notification::{Lane, Lanes, LeadRef, ParkCode, Why};
use crate::purpose::PurposeId;
use crate::store::StoreError;
use crate::trail::Entry;

/// So many references of one submission are kept at the most, where it was named with several forms or pages.
pub(super) const BESIDE_MAX: usize = 3;
/// What was buried since Graph did not know it comes back with a call so long afterwards.
pub(super) const COMES_BACK_AFTER_MS: i64 = 3_600_000;
/// How many buried references an operator is shown.
pub(super) const BURIED_SHOWN: usize = 1_000;

/// A reference claimed from `parked`.
pub struct ParkedClaim {
    /// The reference, opened.
    pub reference: LeadRef,
    /// Attempts spent so far.
    pub attempts: u32,
    /// The code under which it waited (after a requeue the one under which it had been refused or buried); none: it was
    /// held.
    pub code: Option<ParkCode>,
    /// The purposes for which it is open; none: its form was not matched yet.
    pub purposes: Vec<PurposeId>,
    /// For others it has its end: what is open is open for these purposes alone, whatever claims its form now.
    pub others_ended: bool,
}

/// By what it is judged whether a waiting reference is due.
#[derive(Clone, Copy, Debug)]
pub struct DueBy {
    /// The present moment.
    pub now: Timestamp,
    /// The longest that any rule lets a reference wait. What would wait longer was parked while the clock was ahead, and is
    /// due.
    pub longest: SignedDuration,
}

impl DueBy {
    /// True if what waits for this moment is due.
    pub fn is_due(&self, not_before: Timestamp) -> bool {
        not_before <= self.now || self.furthest() < not_before
    }

    /// When what waits for this moment is due.
    pub(super) fn due_at(&self, not_before: Timestamp) -> Timestamp {
        if self.is_due(not_before) { not_before.min(self.now) } else { not_before }
    }

    /// The latest moment for which anything waits.
    pub fn furthest(&self) -> Timestamp {
        after(self.now, self.longest)
    }
}

/// True of what a requeue brings back: what is refused or buried, and what waits for a moment to come or has spent
/// attempts.
pub(super) fn comes_back(why: &Why, now: Timestamp) -> bool {
    match why {
        Why::Refused { .. } | Why::Buried { .. } => true,
        Why::Waiting { not_before, attempts, .. } => now < *not_before || *attempts > 0,
        Why::Held { .. } => false,
    }
}

/// References that are not stored, each at its arrival number, which it keeps for as long as it is parked and which is
/// never given again. A claimed one is leased: nobody else claims it until it is settled or released, or until whoever
/// claimed it has ended.
#[async_trait]
pub trait Parked: Send + Sync {
    /// Claims up to `max` references of one lane, the oldest first: the lane is that of the oldest reference which `lanes`
    /// lets move. Under [`crate::notification::Move::Read`] those that wait and are due, and held ones; under [`crate::notification::Move::Hold`] those that wait
    /// and are due. Of one lane they come in the order in which they were due, held ones as of since when they are held.
    /// Nothing waits longer than the longest wait there is, whatever the clock said when it was parked.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn claim_due(
        &self,
        by: DueBy,
        max: usize,
        lanes: &Lanes,
    ) -> Result<Option<(Lane, Vec<ParkedClaim>)>, StoreError>;

    /// Gives up the leases of claimed references of a lane: they are due again, at their old places. What cannot be given back now
    /// is when the process starts anew.
    async fn release(&self, lane: &Lane, leadgens: &[LeadgenId]);

    /// When the next waiting reference that is not leased is due, in the past perhaps.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn next_due(&self, by: DueBy) -> Result<Option<Timestamp>, StoreError>;

    /// How many waiting and held references there are, leased ones included (they count against the inbox's bound).
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn parked(&self) -> Result<u64, StoreError>;

    /// How many are held, leased ones included: all together, and of each of these forms in this order.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn held(&self, forms: &[FormId]) -> Result<HeldCounts, StoreError>;

    /// The one that has waited longest, and the one that has been held longest. Cheap enough to be asked often.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn oldest(&self) -> Result<Oldest, StoreError>;

    /// What an operator sees.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn overview(&self) -> Result<ParkedOverview, StoreError>;

    /// Makes refused, buried or waiting references wait anew, due now, with no attempts spent, for the purposes for which they
    /// are open; those that are so already, or leased, are left. Writes the trail line, or several that together say how many. None: the line says so.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn requeue(&self, which: Requeue, entry: Entry) -> Result<u64, StoreError>;

    /// Lets the held references of a form go, but for those that somebody has claimed; writes the trail line, or several that
    /// together say how many. Nothing is known of their leadgens afterwards, unless they have their end for some purpose: a
    /// later notification of one is new. None: the line says so.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`]; what the lines say is gone.
    async fn drop_held(&self, form: FormId, entry: Entry) -> Result<u64, StoreError>;

    /// Ends what Meta no longer has: parked references submitted more than 90 days ago become refused (`too-old`), for
    /// good, by the store's own time: nothing is destroyed by a clock that only its caller believes. A leased one is left
    /// to whoever claimed it. Returns how many.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::ClockJumped`], [`crate::store::StoreCode::ClockUnconfirmed`]; otherwise see
    /// [`crate::store::StoreCode`].
    async fn expire_parked(&self) -> Result<u64, StoreError>;

    /// Seals parked references again under today's key that were sealed [`DAY_KEY_SERVES_DAYS`] days ago or earlier, by the
    /// store's own time; a leased one is left to whoever claimed it. What does not open any more needs no key from then on.
    /// Returns how many were.
    ///
    /// [`DAY_KEY_SERVES_DAYS`]: crate::keyring::DAY_KEY_SERVES_DAYS
    ///
    /// # Errors
    /// As [`Parked::expire_parked`]; what was sealed again stays so.
    async fn reseal_parked(&self) -> Result<u64, StoreError>;

    /// The days under whose keys parked references are sealed, oldest first.
    ///
    /// # Errors
    /// It cannot be told, or nothing may be destroyed for now ([`crate::store::StoreCode::ClockJumped`],
    /// [`crate::store::StoreCode::ClockUnconfirmed`]): every key is to stay.
    async fn sealed_days(&self) -> Result<Vec<Day>, StoreError>;
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
    /// All that wait of this page; what is refused or buried stays.
    WaitingOf(PageId),
}

/// How many references are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldCounts {
    /// All together.
    pub total: u64,
    /// Of each form that was asked for, in that order.
    pub of_forms: Vec<u64>,
}

/// Who is first in line of what is parked and comes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Oldest {
    /// Of those that wait, leased ones included, the one that was parked first.
    pub waiting: Option<OldestRef>,
    /// Of those that are held, leased ones left out, the one that has been so longest.
    pub held: Option<OldestRef>,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OldestRef {
    /// Its page and form.
    pub lane: Lane,
    /// When the call was received that named it; of a held one: since when it is held.
    pub since: Timestamp,
    /// Why, as it was parked.
    pub code: ParkCode,
}

/// What `GET /inbox` shows of the parked.
#[derive(Default)]
pub struct ParkedOverview {
    /// How many wait.
    pub waiting: u64,
    /// How many were held until they were leased: they are being read, and stand in no other list.
    pub in_flight: u64,
    /// Held, by form; leased ones are being looked at, and left out.
    pub held: Vec<HeldForm>,
    /// Refused, by form, purpose and code.
    pub refused: Vec<RefusedForm>,
    /// Buried, each (at most 1,000 are listed), by arrival.
    pub buried: Vec<BuriedRef>,
    /// How many are buried.
    pub buried_total: u64,
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

/// References of one form that one purpose refused for one reason.
pub struct RefusedForm {
    /// The form.
    pub form: FormId,
    /// The purpose; none: an earlier version refused them, and did not say for which.
    pub purpose: Option<PurposeId>,
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
    /// The form that it names; none: it cannot be read.
    pub form: Option<FormId>,
    /// The purpose for which it is buried; none: its form was not matched yet.
    pub purpose: Option<PurposeId>,
    /// Why.
    pub code: ParkCode,
    /// Attempts spent.
    pub attempts: u32,
    /// Since when.
    pub since: Timestamp,
}
