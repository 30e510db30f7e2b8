//! Stubs: what is left of the consents of a record that is gone, where the operator keeps evidence (`evidence.years`): sealed, without an
//! answer and without an address, found by a keyed hash of each address that the record had (docs/decisions, 259).
//!
//! All stubs of a month are under that month's key, which is destroyed once none of them is left: what lies of them in an older copy of
//! the store is noise then.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::clock::{Day, Month};
use crate::forget::address::{Address, EvidenceKey};
use crate::keyring::Keyring;
use crate::lead::{
    EventEntity, EventKind, OpenedLead, RECORD_BYTES_MAX, SealError, Stub, StubCause, addresses,
};
use crate::random::Random;
use crate::store::{StoreCode, StoreError};
use crate::trail::{Entry, Reason, Role};

/// So many stubs of one person are shown.
pub const STUBS_SHOWN_MAX: usize = 1_000;

/// Ended and until, before what is sealed.
const DAYS_BYTES: usize = 8;

/// Evidence that outlives its records.
#[async_trait]
pub trait Stubs: Send + Sync {
    /// From here on a record that is erased, or whose time is over, leaves a stub for so many calendar months; 0: none does. One that
    /// is there already ends no later than by this, and no later than was said when it was made.
    fn keep_stubs(&self, months: u32);

    /// The stubs of whoever had this address, in each of these spellings; the oldest first, at most [`STUBS_SHOWN_MAX`]. It leaves no
    /// line: whoever asks (`by`) leaves one of their own. One that does not open is passed over.
    ///
    /// # Errors
    /// [`StoreCode::ValueTooLarge`]: too many spellings. Otherwise see [`StoreCode`].
    async fn stubs_of(&self, addresses: Vec<Address>, by: &Entry) -> Result<Vec<Stub>, StoreError>;

    /// Takes those away whose time is over, with a line in the trail, and destroys the keys of past months of which none is left. Of one
    /// that cannot be read the time is that of its month. Returns how many hashes went: a stub has one for each address.
    ///
    /// # Errors
    /// [`StoreCode::ClockJumped`], [`StoreCode::ClockUnconfirmed`]; otherwise see [`StoreCode`].
    async fn end_stubs(&self) -> Result<u64, StoreError>;
}

/// A stub as it is kept.
pub(super) struct MadeStub {
    /// In the course of which day it goes.
    pub(super) until: Day,
    /// A row for each address.
    pub(super) rows: Vec<(Vec<u8>, Vec<u8>)>,
}

/// How a record goes that leaves a stub.
#[derive(Clone, Copy)]
pub(super) struct Parting {
    cause: StubCause,
    /// What its person says by that of what they had agreed to, and who writes it down.
    said: Option<(EventKind, EventEntity)>,
}

impl Parting {
    /// Its time is over.
    pub(super) const EXPIRED: Self = Self { cause: StubCause::Expired, said: None };

    /// It is erased. None: it leaves nothing, since what should never have been stored shows nothing that was agreed.
    pub(super) fn by(entry: &Entry) -> Option<Self> {
        let kind = match entry.reason() {
            Some(Reason::Error) => return None,
            Some(Reason::Withdrawal) => Some(EventKind::Withdrawn),
            Some(Reason::Objection) => Some(EventKind::Objected),
            _ => None,
        };
        let entity = match entry.role() {
            Role::Person => EventEntity::Person,
            _ => EventEntity::Controller,
        };
        Some(Self { cause: StubCause::Erased, said: kind.map(|kind| (kind, entity)) })
    }
}

/// What is about to go.
pub(super) struct Going<'l> {
    /// The record, with what became of its consents.
    pub(super) lead: &'l OpenedLead,
    /// How it ends.
    pub(super) parting: Parting,
    /// When.
    pub(super) now: Timestamp,
    /// For how many calendar months a stub is kept.
    pub(super) months: u32,
}

impl Going<'_> {
    /// Makes the stub of it, under this number, and the month's key where there is none. None: there is nothing to show, or nobody whom
    /// it could be shown of.
    ///
    /// # Errors
    /// [`StoreCode::Keyring`].
    pub(super) fn stub(
        &self,
        number: impl FnOnce() -> Result<u64, StoreError>,
        keyring: &dyn Keyring,
        random: &dyn Random,
    ) -> Result<Option<MadeStub>, StoreError> {
        let (today, month) = (Day::of(self.now), Month::of(self.now));
        let days = (today, today.plus_months(self.months));
        let Some(stub) = Stub::of(self.lead, self.parting.cause, days) else { return Ok(None) };
        let stub = match self.parting.said {
            Some(said) => stub.saying(said, self.now),
            None => stub,
        };
        let addresses = addresses(self.lead);
        if addresses.is_empty() {
            return Ok(None);
        }
        let no_key = StoreError::of(StoreCode::Keyring);
        if keyring.evidence_key(month).is_err() {
            keyring.make_evidence_month(month).map_err(|_| no_key)?;
        }
        let key = EvidenceKey::new(keyring.evidence_key(month).map_err(|_| no_key)?);
        let number = number()?;
        let mut rows = Vec::with_capacity(addresses.len());
        for address in &addresses {
            let at = row_key(month, key.fingerprint(address).bytes(), number);
            let sealed = stub.seal(&at, &key, random).map_err(|_| no_key)?;
            // Nobody has so many boxes: nothing is kept of it, and it goes all the same.
            if sealed.len() > RECORD_BYTES_MAX {
                return Ok(None);
            }
            rows.push((at, with_days(days, &sealed)));
        }
        Ok(Some(MadeStub { until: days.1, rows }))
    }
}

/// Month ‖ hash ‖ number.
fn row_key(month: Month, hash: &[u8; 32], number: u64) -> Vec<u8> {
    [prefix(month, hash).as_slice(), &number.to_be_bytes()].concat()
}

/// Where the rows of an address lie.
pub(super) fn prefix(month: Month, hash: &[u8; 32]) -> Vec<u8> {
    [month.0.to_be_bytes().as_slice(), hash].concat()
}

/// The month of a row; none: it is none.
pub(super) fn month_of(key: &[u8]) -> Option<Month> {
    let month = (key.len() == 4 + 32 + 8).then(|| key.first_chunk()).flatten()?;
    Some(Month(u32::from_be_bytes(*month)))
}

/// What tells a stub from the others of its month.
pub(super) fn number_of(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|number| u64::from_be_bytes(*number))
}

fn with_days((ended, until): (Day, Day), sealed: &[u8]) -> Vec<u8> {
    [&ended.0.to_be_bytes()[..], &until.0.to_be_bytes(), sealed].concat()
}

/// The days of a row, and what is sealed behind them.
fn parted(value: &[u8]) -> Option<((Day, Day), &[u8])> {
    let (days, sealed) = value.split_first_chunk::<DAYS_BYTES>()?;
    let (ended, until) = days.split_first_chunk::<4>()?;
    let day = |bytes: &[u8; 4]| Day(u32::from_be_bytes(*bytes));
    Some(((day(ended), day(until.first_chunk()?)), sealed))
}

/// True if a row has had its time: by what was said when it was made, or by what is said now, whichever is earlier. One that cannot be
/// read ends with what its month says.
pub(super) fn is_over(key: &[u8], value: &[u8], months: u32, today: Day) -> bool {
    let Some(month) = month_of(key) else { return true };
    let until = match parted(value) {
        Some(((ended, until), _)) => until.min(ended.min(month.end()).plus_months(months)),
        None => month.end().plus_months(months),
    };
    until <= today
}

/// Opens a row.
///
/// # Errors
/// [`StoreCode::Damaged`]; [`StoreCode::Format`]: a later version wrote it.
pub(super) fn opened(key: &[u8], value: &[u8], of_month: &EvidenceKey) -> Result<Stub, StoreError> {
    let damaged = StoreError::of(StoreCode::Damaged);
    let (days, sealed) = parted(value).ok_or(damaged)?;
    Stub::open(sealed, key, days, of_month).map_err(|error| match error {
        SealError::UnknownLayout => StoreError::of(StoreCode::Format),
        _ => damaged,
    })
}

/// The months whose keys are to go: past ones of which nothing is left. A day is left to what was written at the month's last moment.
pub(super) fn idle_months(keyring: &dyn Keyring, left: &[Month], today: Day) -> Vec<Month> {
    let mut months = keyring.evidence_months();
    months.retain(|month| month.end() < today && !left.contains(month));
    months
}

/// The keys of all months, oldest first.
pub(super) fn keys(keyring: &dyn Keyring) -> Vec<(Month, EvidenceKey)> {
    let key = |month: Month| Some((month, EvidenceKey::new(keyring.evidence_key(month).ok()?)));
    keyring.evidence_months().into_iter().filter_map(key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_ends_by_what_was_said_or_is_said_now_and_an_unreadable_one_with_its_month() {
        let (month, ended) = (Month(671), Day(Month(671).end().0 - 10));
        let key = row_key(month, &[7; 32], 9);
        let row = with_days((ended, ended.plus_months(36)), b"sealed");
        let last = ended.plus_months(36);
        assert!(!is_over(&key, &row, 36, last.minus(1)) && is_over(&key, &row, 36, last));
        assert!(is_over(&key, &row, 120, last), "no later than was said");
        assert!(is_over(&key, &row, 12, ended.plus_months(12)), "a shorter time holds at once");
        assert!(is_over(&key, &row, 0, ended), "and none is none");
        let end = month.end().plus_months(36);
        assert!(!is_over(&key, b"", 36, end.minus(1)) && is_over(&key, b"", 36, end));
        let far = with_days((Day(u32::MAX), Day(u32::MAX)), b"sealed");
        assert!(is_over(&key, &far, 36, end), "nothing outlives its month's time");
        assert!(is_over(b"short", &row, 36, ended), "what is no row's key is nobody's");
        assert_eq!((month_of(&key), number_of(&key)), (Some(month), Some(9)));
    }
}
