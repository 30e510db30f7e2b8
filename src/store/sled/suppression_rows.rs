//! The rows of `suppressions`: each entry under its hash, where it bars, and under its number, where it is listed; and the
//! canary, by which the list's key is known.

use std::ops::Bound::{Excluded, Included};

use serde::{Deserialize, Serialize};

use crate::keyring::Keyring;
use crate::purpose::PurposeId;
use crate::purpose::law::Contact;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, InTree, Place, record_key};
use crate::store::sled::unreadable::Unreadable;
use crate::store::suppressions::{Barring, HeldSuppressions, require_key};
use crate::store::{StoreCode, StoreError, Suppression, SuppressionId};
use crate::trail::Reason;

/// The canary's only key.
pub(super) const CANARY: &[u8] = b"c";
/// Before a hash.
const HASH: u8 = b'h';
/// Before a number.
const NUMBER: u8 = b'n';

/// An entry under its hash.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct HashRow {
    pub(super) epoch: u32,
    pub(super) number: u64,
    since_ms: i64,
    until_ms: i64,
}

impl InTree for HashRow {
    const TREES: &'static [Place] = &[Place::Suppressions];
}

/// An entry under its number. Codes are kept as text: a later list of codes still reads old rows.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct NumberRow {
    pub(super) hash: [u8; 32],
    is_number: bool,
    purpose: Option<String>,
    reason: Option<String>,
    since_ms: i64,
    until_ms: i64,
}

impl InTree for NumberRow {
    const TREES: &'static [Place] = &[Place::Suppressions];
}

/// By which the list's key is known again: the hash of nobody's address.
#[derive(Serialize)]
pub(super) struct CanaryRow(pub [u8; 32]);

impl InTree for CanaryRow {
    const TREES: &'static [Place] = &[Place::Suppressions];
}

/// The keys of the rows of an entry.
pub(super) fn hash_key(hash: &[u8; 32]) -> Vec<u8> {
    [&[HASH], hash.as_slice()].concat()
}

/// As [`hash_key`].
pub(super) fn number_key(id: SuppressionId) -> Vec<u8> {
    [&[NUMBER], record_key(id.epoch, id.number).as_slice()].concat()
}

impl HashRow {
    /// For keeping.
    pub(super) fn of(entry: &Suppression) -> Self {
        let (epoch, number) = (entry.id.epoch, entry.id.number);
        let (since_ms, until_ms) = (entry.since.as_millisecond(), entry.until.as_millisecond());
        Self { epoch, number, since_ms, until_ms }
    }

    /// The entry's number.
    pub(super) fn id(&self) -> SuppressionId {
        SuppressionId { epoch: self.epoch, number: self.number }
    }
}

impl NumberRow {
    /// For keeping.
    pub(super) fn of(entry: &Suppression, hash: [u8; 32]) -> Self {
        Self {
            hash,
            is_number: entry.contact == Contact::Number,
            purpose: entry.purpose.as_ref().map(|purpose| purpose.as_str().to_owned()),
            reason: entry.reason.map(|reason| reason.as_str().to_owned()),
            since_ms: entry.since.as_millisecond(),
            until_ms: entry.until.as_millisecond(),
        }
    }

    fn entry(&self, id: SuppressionId) -> Result<Suppression, StoreError> {
        let unknown = StoreError::of(StoreCode::Format);
        let purpose = self.purpose.as_deref();
        let purpose = purpose.map(|name| PurposeId::parse(name).ok_or(unknown)).transpose()?;
        let reason = self.reason.as_deref().map(|code| Reason::from_code(code).ok_or(unknown)).transpose()?;
        let contact = if self.is_number { Contact::Number } else { Contact::Address };
        let (since, until) = (layout::moment(self.since_ms)?, layout::moment(self.until_ms)?);
        Ok(Suppression { id, contact, purpose, reason, since, until })
    }
}

/// Until when the entry of a row of either kind lasts, and its hash; none: it is no such row, or cannot be read.
pub(super) fn ends(key: &[u8], value: &[u8]) -> Option<(i64, [u8; 32])> {
    match key.split_first()? {
        (&HASH, hash) => Some((layout::decode::<HashRow>(value).ok()?.until_ms, hash.try_into().ok()?)),
        (&NUMBER, _) => {
            let row = layout::decode::<NumberRow>(value).ok()?;
            Some((row.until_ms, row.hash))
        }
        _ => None,
    }
}

/// How the entry of a row under a hash bars; why it cannot be read, if it cannot: it bars for good then.
pub(super) fn barring(value: &[u8]) -> (Barring, Result<(), StoreError>) {
    let read = layout::decode::<HashRow>(value).and_then(|row| {
        Ok(Barring { since: layout::moment(row.since_ms)?, until: layout::moment(row.until_ms)? })
    });
    match read {
        Ok(barring) => (barring, Ok(())),
        Err(error) => (Barring::UNREADABLE, Err(error)),
    }
}

/// An entry as it is listed.
///
/// # Errors
/// It cannot be read.
pub(super) fn listed(key: &[u8], value: &[u8]) -> Result<Suppression, StoreError> {
    let damaged = StoreError::of(StoreCode::Damaged);
    let (epoch, number) = key.get(1..).and_then(<[u8]>::split_first_chunk).ok_or(damaged)?;
    let id = SuppressionId { epoch: u32::from_be_bytes(*epoch), number: layout::number(number)? };
    layout::decode::<NumberRow>(value)?.entry(id)
}

/// Where the numbers lie that come after this one.
pub(super) fn numbers_after(after: Option<SuppressionId>) -> Vec<u8> {
    after.map_or(vec![NUMBER], number_key)
}

/// Where they end.
pub(super) const NUMBERS_END: &[u8] = &[NUMBER + 1];

/// Every entry, for memory, once the list's key is known to be its own.
///
/// # Errors
/// [`StoreCode::SuppressionKey`]; otherwise see [`StoreCode`].
pub(super) fn held(
    engine: &Engine,
    keyring: &dyn Keyring,
    unreadable: &Unreadable,
) -> Result<HeldSuppressions, StoreError> {
    let mut list = HeldSuppressions::default();
    let range = (Included([HASH].as_slice()), Excluded([HASH + 1].as_slice()));
    engine.visit(&Place::Suppressions, range, |key, value| {
        let (barring, read) = barring(value);
        if let Err(error) = read {
            unreadable.say(&Place::Suppressions, key, error);
        }
        if let Some(Ok(hash)) = key.get(1..).map(<[u8; 32]>::try_from) {
            list.insert(hash, barring, true);
        }
        Ok(true)
    })?;
    let canary = engine.read(&Place::Suppressions, CANARY)?;
    if list.count() == 0 && canary.is_none() {
        return Ok(list);
    }
    // One that cannot be read is one row, and stops nobody: then the key is trusted as it is.
    let missing = Err(StoreError::of(StoreCode::Damaged));
    let read = canary.map_or(missing, |bytes| layout::decode::<[u8; 32]>(&bytes));
    require_key(keyring, unreadable.or_passed_over(&Place::Suppressions, CANARY, read))?;
    Ok(list)
}
