//! The register of requests: what somebody asked for by right, when, by when they are answered, and that they were. No address
//! and no name; which erasure it led to.

use std::fmt;

use async_trait::async_trait;

use crate::clock::Day;
use crate::purpose::law::{ExtensionGround, RequestKind, answered_by};
use crate::store::{ErasureId, StoreError};
use crate::trail::Entry;

/// So many requests are kept: beyond it none is taken, and whoever asks is told.
pub const REQUESTS_MAX: usize = 100_000;
/// So many are listed at once.
pub const REQUESTS_LISTED_MAX: usize = 1_000;

/// Counts the requests of a store; with its epoch, as an erasure's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId {
    /// Of the store, when it was opened.
    pub epoch: u32,
    /// From 1.
    pub number: u64,
}

impl RequestId {
    /// Reads what [`fmt::Display`] wrote, and no other spelling of it.
    pub fn parse(text: &str) -> Option<Self> {
        let (epoch, number) = text.split_once('-')?;
        let parsed = Self { epoch: epoch.parse().ok()?, number: number.parse().ok()? };
        (parsed.to_string() == text).then_some(parsed)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.number)
    }
}

/// What somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRequest {
    /// Its number.
    pub id: RequestId,
    /// What.
    pub kind: RequestKind,
    /// On which day it came.
    pub received: Day,
    /// Why it takes two months more, and on which day that was said.
    pub extended: Option<(ExtensionGround, Day)>,
    /// On which day it was answered, and by which erasure, where it led to one.
    pub answered: Option<(Day, Option<ErasureId>)>,
}

impl PersonRequest {
    /// The day by whose end it is answered.
    pub fn due(&self) -> Day {
        answered_by(self.received, self.extended.is_some())
    }

    /// True unless it was answered so long ago that it is kept no longer.
    pub(super) fn is_kept(&self, months: u32, today: Day) -> bool {
        self.answered.is_none_or(|(on, _)| today < on.plus_months(months))
    }
}

/// A request that is opened with what it asks for.
#[derive(Clone)]
pub struct ToRequest {
    /// What.
    pub kind: RequestKind,
    /// On which day it came.
    pub received: Day,
    /// The line that says so.
    pub entry: Entry,
}

/// What came of an extension that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extending {
    /// It has two months more.
    Extended(PersonRequest),
    /// It was extended or answered before, or its month is over: whoever asked had to be told within it.
    TooLate,
    /// There is no such request.
    Unknown,
}

/// The register.
#[async_trait]
pub trait Requests: Send + Sync {
    /// Writes down that somebody asked for this, with its line in the trail.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::TooManyRequests`]; otherwise see [`crate::store::StoreCode`].
    async fn open_request(
        &self,
        kind: RequestKind,
        received: Day,
        entry: Entry,
    ) -> Result<PersonRequest, StoreError>;

    /// Gives it two months more, once, with its line in the trail (`nothing` where it is not done).
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn extend_request(
        &self,
        id: RequestId,
        ground: ExtensionGround,
        entry: Entry,
    ) -> Result<Extending, StoreError>;

    /// Writes down that it is answered, with its line in the trail. One that is stays as it was, and leaves none. None: there is no
    /// such request.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn answer_request(
        &self,
        id: RequestId,
        erasure: Option<ErasureId>,
        entry: Entry,
    ) -> Result<Option<PersonRequest>, StoreError>;

    /// Those after this one, at most `limit` and at most [`REQUESTS_LISTED_MAX`], by their numbers. One that cannot be read is
    /// passed over.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn requests(
        &self,
        after: Option<RequestId>,
        limit: usize,
    ) -> Result<Vec<PersonRequest>, StoreError>;

    /// How many that are not answered are due on this day or before.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn requests_due(&self, by: Day) -> Result<u64, StoreError>;

    /// Takes those away that were answered so many calendar months ago, with one line in the trail. Returns how many. One that
    /// cannot be read says no day, and stays; so does one that is not answered.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::ClockJumped`], [`crate::store::StoreCode::ClockUnconfirmed`]; otherwise see
    /// [`crate::store::StoreCode`].
    async fn end_requests(&self, months: u32) -> Result<u64, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        for text in ["1-1", "4294967295-18446744073709551615"] {
            assert_eq!(RequestId::parse(text).map(|id| id.to_string()).as_deref(), Some(text));
        }
        for bad in ["", "1", "1-", "-1", "01-1", "1-+1", "1-1-1", "1-01", "4294967296-1", "a-1"] {
            assert_eq!(RequestId::parse(bad), None, "{bad}");
        }
    }
}
