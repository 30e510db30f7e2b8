//! Restrictions (GDPR art. 18): records that nobody may use for a while, and that no clock ends meanwhile.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::clock::{Day, plus_months};
use crate::purpose::RecordId;
use crate::store::mark::ClockReading;
use crate::store::{ErasureId, StoreError};
use crate::trail::{Entry, Reason};

/// The longest that a restriction may be said to last, in calendar months; it can be renewed.
pub const RESTRICTED_MONTHS_MAX: u32 = 12;
/// So many records may be restricted at one time: all of them lie in memory.
pub const RESTRICTIONS_MAX: usize = 10_000;

/// A record that is restricted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// Which.
    pub id: RecordId,
    /// Why; none: that cannot be read any more.
    pub reason: Option<Reason>,
    /// Since when, renewed or not.
    pub since: Timestamp,
    /// The last day on which it stands.
    pub until: Day,
    /// The erasure that the record waits for: it stands until then, whatever the day, and nobody lifts it.
    pub erasure: Option<ErasureId>,
}

impl Restriction {
    /// What stands for a row that cannot be read: the record stays restricted until somebody lifts that.
    pub(super) fn unreadable(id: RecordId) -> Self {
        Self { id, reason: None, since: Timestamp::UNIX_EPOCH, until: Day(u32::MAX), erasure: None }
    }

    /// True unless its last day is certainly over.
    pub(super) fn stands(&self, look: &ClockReading) -> bool {
        self.erasure.is_some() || look.has_come(self.until.next()) != Some(true)
    }

    /// True if only what the person asked for erases its record. What waits for its erasure may go sooner, whoever asks.
    pub(super) fn bars_erasing(&self, look: &ClockReading) -> bool {
        self.erasure.is_none() && self.stands(look)
    }
}

/// The last day that a restriction may be given on this day.
pub fn last_day_of_restriction(now: Timestamp) -> Day {
    Day::of(plus_months(now, RESTRICTED_MONTHS_MAX))
}

/// True if whoever erases for this reason does what the person of the record asked for: that goes through a restriction.
pub(super) fn is_the_person_s(reason: Option<Reason>) -> bool {
    matches!(reason, Some(Reason::PersonRequest | Reason::Withdrawal | Reason::Objection))
}

/// What came of a restriction that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restricting {
    /// It stands.
    Restricted(Restriction),
    /// Its last day is over, or more than [`RESTRICTED_MONTHS_MAX`] away.
    DayOutOfRange,
    /// There was such a record: it was erased, or its time is over.
    Gone,
    /// There never was such a record.
    Unknown,
}

/// Restricting records.
///
/// While one stands, its record is in no page of an export, no clock ends it, and only what the person asked for itself erases
/// it; a look-up shows it, and says so. What cannot be read of a restriction restricts.
#[async_trait]
pub trait Restrictions: Send + Sync {
    /// Restricts a record up to and including this day, or renews that; the reason is the entry's. Writes the trail line and
    /// syncs before it answers.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::TooManyRestrictions`], [`crate::store::StoreCode::ToBeErased`]; [`crate::store::StoreCode::ClockJumped`],
    /// [`crate::store::StoreCode::ClockUnconfirmed`] if it depends on the clock whether the record is past its expiry; otherwise
    /// see [`crate::store::StoreCode`].
    async fn restrict(&self, id: RecordId, until: Day, entry: Entry) -> Result<Restricting, StoreError>;

    /// Lifts a restriction. False: there was none, and the line says so.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::ToBeErased`]; otherwise see [`crate::store::StoreCode`].
    async fn lift_restriction(&self, id: RecordId, entry: Entry) -> Result<bool, StoreError>;

    /// The restriction of a record, if one stands: a look into memory.
    fn restriction(&self, id: &RecordId) -> Option<Restriction>;

    /// All that stand, by record: a look into memory.
    fn restrictions(&self) -> Vec<Restriction>;

    /// The same for somebody who asked: the trail's line (`entry`, completed with how many) is written first.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn list_restrictions(&self, entry: Entry) -> Result<Vec<Restriction>, StoreError>;

    /// Takes those away whose last day is over, with a line for each: what fell due meanwhile goes at the next sweep. Returns how
    /// many.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::ClockJumped`], [`crate::store::StoreCode::ClockUnconfirmed`]; otherwise see
    /// [`crate::store::StoreCode`].
    async fn end_restrictions(&self) -> Result<u64, StoreError>;
}
