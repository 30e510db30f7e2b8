//! The rows of `passes`. Two for each pass: by its hash, of which record it is; and beside its record, in the order in which they were
//! given, what it opens, sealed under a key of the record's leaf.
//!
//! The hash stands in the key of the second: whoever takes a record away finds both rows, also where a value cannot be read.

use std::ops::Bound::Included;

use serde::{Deserialize, Serialize};

use crate::clock::Day;
use crate::lead::Leaf;
use crate::people::PassKind;
use crate::purpose::{PurposeId, RecordId};
use crate::random::Random;
use crate::secret::Key;
use crate::secret::cipher::{self, SHORT_NONCE_BYTES};
use crate::store::sled::layout::{self, InTree, Place, record_id, record_key};
use crate::store::{StoreCode, StoreError, ToOpen};

/// What a key by hash begins with.
const BY_HASH: &[u8] = b"h";
/// And one beside a record.
const OF_RECORD: &[u8] = b"r";
const HASH_BYTES: usize = 32;
/// What is sealed is this and nothing else.
const SEALED_AS: &[u8] = b"tamis/pass/1";

/// What lies beside a record: which key it is sealed under, and what is sealed.
#[derive(Serialize, Deserialize)]
struct PassRow {
    epoch: u32,
    number: u64,
    nonce: [u8; SHORT_NONCE_BYTES],
    sealed: Vec<u8>,
}

impl InTree for PassRow {
    const TREES: &'static [Place] = &[Place::Passes];
}

/// What is sealed. The kind is kept as text: a later list of kinds still reads old rows.
#[derive(Serialize, Deserialize)]
struct PassInside<'r> {
    kind: &'r str,
    given_ms: i64,
    last_day: Option<u32>,
}

impl InTree for PassInside<'_> {
    const TREES: &'static [Place] = &[Place::Passes];
}

/// The place of a pass beside its record.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PassAt {
    /// Of which record.
    pub(super) record: RecordId,
    /// The number of its kind, as it stands in the key.
    kind: u8,
    /// How many were given for the record before it: the number of its key as well.
    pub(super) n: u64,
    /// Of the pass.
    pub(super) hash: [u8; HASH_BYTES],
}

impl PassAt {
    /// Of a pass that is given.
    pub(super) fn new(record: &RecordId, kind: PassKind, n: u64, hash: [u8; HASH_BYTES]) -> Self {
        Self { record: record.clone(), kind: number(kind), n, hash }
    }

    /// True if it is of this kind.
    pub(super) fn is_of(&self, kind: PassKind) -> bool {
        self.kind == number(kind)
    }

    /// The key of its row beside the record.
    pub(super) fn key(&self) -> Vec<u8> {
        [&of_record(&self.record), [self.kind].as_slice(), &self.n.to_be_bytes(), &self.hash].concat()
    }

    /// Reads it.
    pub(super) fn read(key: &[u8]) -> Result<Self, StoreError> {
        let damaged = StoreError::of(StoreCode::Damaged);
        let (head, hash) = key.split_last_chunk::<HASH_BYTES>().ok_or(damaged)?;
        let (head, n) = head.split_last_chunk::<8>().ok_or(damaged)?;
        let (kind, head) = head.split_last().ok_or(damaged)?;
        let (head, number) = head.split_last_chunk::<12>().ok_or(damaged)?;
        let name = head.strip_prefix(OF_RECORD).and_then(|head| head.strip_suffix(b"\0"));
        let name = name.and_then(|name| std::str::from_utf8(name).ok()).and_then(PurposeId::parse);
        let record = record_id(&name.ok_or(damaged)?, number)?;
        Ok(Self { record, kind: *kind, n: u64::from_be_bytes(*n), hash: *hash })
    }

    /// The key of its row by hash, and what that row says: where the other one lies.
    pub(super) fn by_hash(&self) -> (Vec<u8>, Vec<u8>) {
        (by_hash(&self.hash), self.key())
    }

    fn additional_data(&self, leaf: Leaf) -> Vec<u8> {
        [SEALED_AS, &self.key(), &record_key(leaf.epoch, leaf.number)].concat()
    }

    /// Seals what it opens under the key of this leaf.
    ///
    /// # Errors
    /// [`StoreCode::Keyring`]: no randomness.
    pub(super) fn seal(
        &self,
        opens: &ToOpen,
        leaf: Leaf,
        key: &Key,
        random: &dyn Random,
    ) -> Result<Vec<u8>, StoreError> {
        let failed = StoreError::of(StoreCode::Keyring);
        let inside = layout::encode(&PassInside {
            kind: opens.kind.as_str(),
            given_ms: opens.given_at.as_millisecond(),
            last_day: opens.last_day.map(|day| day.0),
        });
        let mut nonce = [0; SHORT_NONCE_BYTES];
        random.fill(&mut nonce).map_err(|_| failed)?;
        let sealed = cipher::seal(key, &nonce, &self.additional_data(leaf), &inside).map_err(|_| failed)?;
        Ok(layout::encode(&PassRow { epoch: leaf.epoch, number: leaf.number, nonce, sealed }))
    }

    /// Opens it, by the key of the leaf that it names.
    ///
    /// # Errors
    /// [`StoreCode::Damaged`], [`StoreCode::Format`]: it does not open, or a later version wrote it.
    pub(super) fn open(&self, bytes: &[u8], key: &Key) -> Result<ToOpen, StoreError> {
        let row: PassRow = layout::decode(bytes)?;
        let leaf = Leaf { epoch: row.epoch, number: row.number };
        let inside = cipher::open(key, &row.nonce, &self.additional_data(leaf), &row.sealed);
        let inside = inside.map_err(|_| StoreError::of(StoreCode::Damaged))?;
        let inside: PassInside<'_> = layout::decode(&inside)?;
        Ok(ToOpen {
            record: self.record.clone(),
            kind: PassKind::from_code(inside.kind).ok_or(StoreError::of(StoreCode::Format))?,
            given_at: layout::moment(inside.given_ms)?,
            last_day: inside.last_day.map(Day),
        })
    }
}

/// The leaf under whose key a row is sealed.
///
/// # Errors
/// [`StoreCode::Damaged`], [`StoreCode::Format`].
pub(super) fn leaf_of(bytes: &[u8]) -> Result<Leaf, StoreError> {
    let row: PassRow = layout::decode(bytes)?;
    Ok(Leaf { epoch: row.epoch, number: row.number })
}

/// The key of a pass by its hash.
pub(super) fn by_hash(hash: &[u8; HASH_BYTES]) -> Vec<u8> {
    [BY_HASH, hash].concat()
}

/// What the keys of all passes of a record begin with.
pub(super) fn of_record(id: &RecordId) -> Vec<u8> {
    [OF_RECORD, id.purpose.as_str().as_bytes(), b"\0", &record_key(id.epoch, id.number)].concat()
}

/// The range of them.
pub(super) fn range_of_record(id: &RecordId) -> (std::ops::Bound<Vec<u8>>, std::ops::Bound<Vec<u8>>) {
    let first = of_record(id);
    let last = [first.as_slice(), &[u8::MAX; 1 + 8 + HASH_BYTES]].concat();
    (Included(first), Included(last))
}

fn number(kind: PassKind) -> u8 {
    match kind {
        PassKind::Page => 1,
        PassKind::Stop => 2,
    }
}
