//! The rows of `erasures` and `tombstones`. An erasure has a row for as long as the store; one more while it is pending, so
//! that a start looks at these alone; one under its caller's key, if there was one; and one that says who had what it took away.
//! A record that was written anew has a row while the leaf that it had is pending.

use std::ops::Bound::{Excluded, Included, Unbounded};

use serde::{Deserialize, Serialize};

use crate::clock::{Day, Month};
use crate::lead::Leaf;
use crate::purpose::{PurposeId, RecordId};
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, InTree, Place, record_id, record_key};
use crate::store::sled::unreadable::Unreadable;
use crate::store::tombstones::Tombstones;
use crate::store::{
    ErasedFor, Erasure, ErasureEnd, ErasureId, Extent, Papers, StoreCode, StoreError, Traces,
};
use crate::trail::Reason;

/// Before an erasure's number: its row.
const ROW: u8 = b'e';
/// The leaves that are to be punctured.
const PENDING: u8 = b'p';
/// Who had what it took away.
const HANDED: u8 = b'h';
/// The same in pieces.
const HANDED_PIECES: u8 = b'g';
/// Before a record's number and purpose: the leaves that it had, and that are to be punctured.
const REWRITTEN: u8 = b'w';
/// Before an erasure's number: the one that it follows.
const FOLLOWS: u8 = b'f';
/// Before an erasure's number: the one that follows it.
const FOLLOWED: u8 = b'n';
/// Before an erasure's number: until when what shows of consents is left of it.
const EVIDENCE: u8 = b'v';
/// Before the hash of a caller's key.
const REPEAT: u8 = b'r';

/// An erasure as it is kept. Codes are kept as text: a later list of codes still reads old rows.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ErasureRow {
    /// When it was asked for.
    pub(super) asked_ms: i64,
    /// Why.
    pub(super) reason: Option<String>,
    /// Records by purpose.
    pub(super) records: Vec<(String, u64)>,
    /// Parked references that ended.
    pub(super) references: u64,
    /// Of the trail.
    pub(super) line: u64,
    traces: TracesRow,
    papers: PapersRow,
    /// Its end.
    pub(super) done: Option<EndedRow>,
}

impl InTree for ErasureRow {
    const TREES: &'static [Place] = &[Place::Erasures];
}

/// What is left of it, in days.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct TracesRow {
    submitted: Option<u32>,
    day_keys_until: Option<u32>,
    tombstones_until: Option<u32>,
}

/// What was kept for its receipt.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct PapersRow {
    said: Vec<u8>,
    of_all: Vec<u8>,
    of_purposes: Vec<(String, Vec<u8>)>,
}

impl InTree for PapersRow {
    const TREES: &'static [Place] = &[Place::Erasures, Place::Vigils];
}

/// The end of an erasure.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct EndedRow {
    at_ms: i64,
    generation: u64,
}

/// The leaves of an erasure whose keys are not destroyed yet, by purpose, each as epoch and number.
#[derive(Serialize, Deserialize)]
struct PendingRow(Vec<(String, Vec<(u32, u64)>)>);

impl InTree for PendingRow {
    const TREES: &'static [Place] = &[Place::Erasures];
}

/// What a caller's key was used for.
#[derive(Serialize, Deserialize)]
pub(super) struct RepeatRow {
    epoch: u32,
    number: u64,
    /// What tells the request from others.
    pub(super) request: [u8; 32],
}

impl InTree for RepeatRow {
    const TREES: &'static [Place] = &[Place::Erasures];
}

/// What leaves leaves behind that are to be punctured.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// An erasure.
    Erasure(ErasureId),
    /// These records were written anew.
    Rewriting(Vec<RecordId>),
}

/// What is pending.
pub(super) struct Pending {
    /// Of what.
    pub(super) act: Act,
    /// What is to be punctured.
    pub(super) leaves: Vec<(PurposeId, Leaf)>,
}

impl From<ErasureEnd> for EndedRow {
    fn from(ErasureEnd { at, generation }: ErasureEnd) -> Self {
        Self { at_ms: at.as_millisecond(), generation }
    }
}

impl From<Traces> for TracesRow {
    /// Until when evidence is left has a row of its own.
    fn from(Traces { submitted, day_keys_until, tombstones_until, evidence_until: _ }: Traces) -> Self {
        let day = |day: Option<Day>| day.map(|Day(day)| day);
        Self {
            submitted: day(submitted),
            day_keys_until: day(day_keys_until),
            tombstones_until: day(tombstones_until),
        }
    }
}

impl From<TracesRow> for Traces {
    fn from(row: TracesRow) -> Self {
        Self {
            submitted: row.submitted.map(Day),
            day_keys_until: row.day_keys_until.map(Day),
            tombstones_until: row.tombstones_until.map(Day),
            evidence_until: None,
        }
    }
}

impl PapersRow {
    /// For keeping.
    pub(super) fn of(Papers { said, of_all, of_purposes }: &Papers) -> Self {
        let of_purposes = of_purposes.iter().map(|(of, bytes)| (of.as_str().to_owned(), bytes.clone()));
        Self { said: said.clone(), of_all: of_all.clone(), of_purposes: of_purposes.collect() }
    }

    /// As they are used.
    ///
    /// # Errors
    /// A purpose is none.
    pub(super) fn papers(&self) -> Result<Papers, StoreError> {
        let of_purposes = self.of_purposes.iter().map(|(of, bytes)| Ok((parse(of)?, bytes.clone())));
        let of_purposes = of_purposes.collect::<Result<_, StoreError>>()?;
        Ok(Papers { said: self.said.clone(), of_all: self.of_all.clone(), of_purposes })
    }
}

impl ErasureRow {
    /// For keeping.
    pub(super) fn of(erasure: &Erasure) -> Self {
        let records = erasure.extent.records.iter();
        Self {
            asked_ms: erasure.asked.as_millisecond(),
            reason: erasure.reason.map(|reason| reason.as_str().to_owned()),
            records: records.map(|(purpose, count)| (purpose.as_str().to_owned(), *count)).collect(),
            references: erasure.extent.references,
            line: erasure.line,
            traces: erasure.traces.into(),
            papers: PapersRow::of(&erasure.papers),
            done: erasure.done.map(EndedRow::from),
        }
    }

    /// As it is used.
    ///
    /// # Errors
    /// A code is a later version's, a purpose or a moment none.
    pub(super) fn erasure(&self, id: ErasureId) -> Result<Erasure, StoreError> {
        let unknown = StoreError::of(StoreCode::Format);
        let reason = self.reason.as_deref().map(|code| Reason::from_code(code).ok_or(unknown)).transpose()?;
        let records = self.records.iter().map(|(purpose, count)| Ok((parse(purpose)?, *count)));
        let records = records.collect::<Result<_, StoreError>>()?;
        let done = self.done.map(|EndedRow { at_ms, generation }| {
            Ok::<_, StoreError>(ErasureEnd { at: layout::moment(at_ms)?, generation })
        });
        Ok(Erasure {
            id,
            asked: layout::moment(self.asked_ms)?,
            reason,
            extent: Extent { records, references: self.references },
            line: self.line,
            traces: self.traces.into(),
            papers: self.papers.papers()?,
            done: done.transpose()?,
            follows: None,
            followed_by: None,
        })
    }
}

impl RepeatRow {
    /// This erasure is what came of this request.
    pub(super) fn of(id: ErasureId, request: [u8; 32]) -> Self {
        Self { epoch: id.epoch, number: id.number, request }
    }

    /// Which.
    pub(super) fn erasure(&self) -> ErasureId {
        ErasureId { epoch: self.epoch, number: self.number }
    }
}

/// The key of an erasure's row.
pub(super) fn row_key(id: ErasureId) -> Vec<u8> {
    keyed(ROW, id)
}

/// The key of what is pending of it.
pub(super) fn pending_key(id: ErasureId) -> Vec<u8> {
    keyed(PENDING, id)
}

/// The key of who had what it took away.
pub(super) fn handed_key(id: ErasureId) -> Vec<u8> {
    keyed(HANDED, id)
}

/// Where that lies in pieces, if it is more than a row.
pub(super) fn handed_pieces(id: ErasureId) -> Vec<u8> {
    keyed(HANDED_PIECES, id)
}

/// The key of which erasure an erasure follows.
pub(super) fn follows_key(id: ErasureId) -> Vec<u8> {
    keyed(FOLLOWS, id)
}

/// The key of which erasure follows it.
pub(super) fn followed_key(id: ErasureId) -> Vec<u8> {
    keyed(FOLLOWED, id)
}

/// The key of until when evidence is left of it.
pub(super) fn evidence_key(id: ErasureId) -> Vec<u8> {
    keyed(EVIDENCE, id)
}

/// Which erasure another one stands for, or is followed by.
#[derive(Serialize)]
struct NumberOfRow(u32, u64);

impl InTree for NumberOfRow {
    const TREES: &'static [Place] = &[Place::Erasures];
}

/// Until which day what shows of consents is kept.
#[derive(Serialize)]
pub(super) struct UntilRow(pub u32);

impl InTree for UntilRow {
    const TREES: &'static [Place] = &[Place::Erasures];
}

/// For which purposes a submission was erased; none: for all.
#[derive(Serialize)]
struct TombstoneRow<'p>(Vec<&'p str>);

impl InTree for TombstoneRow<'_> {
    const TREES: &'static [Place] = &[Place::Tombstones];
}

/// The bytes of an erasure's number.
pub(super) fn id_bytes(id: ErasureId) -> Vec<u8> {
    layout::encode(&NumberOfRow(id.epoch, id.number))
}

/// Reads them.
///
/// # Errors
/// It is no such row.
pub(super) fn id(bytes: &[u8]) -> Result<ErasureId, StoreError> {
    let (epoch, number) = layout::decode(bytes)?;
    Ok(ErasureId { epoch, number })
}

/// The key of a row under a caller's key.
pub(super) fn repeat_key(hash: &[u8; 32]) -> Vec<u8> {
    [&[REPEAT], hash.as_slice()].concat()
}

fn keyed(kind: u8, id: ErasureId) -> Vec<u8> {
    [&[kind], record_key(id.epoch, id.number).as_slice()].concat()
}

/// The bytes of a pending row.
pub(super) fn pending_bytes(leaves: &[(PurposeId, Leaf)]) -> Vec<u8> {
    let mut rows: Vec<(String, Vec<(u32, u64)>)> = Vec::new();
    for (purpose, leaf) in leaves {
        let one = (leaf.epoch, leaf.number);
        match rows.iter_mut().find(|(of, _)| of == purpose.as_str()) {
            Some((_, leaves)) => leaves.push(one),
            None => rows.push((purpose.as_str().to_owned(), vec![one])),
        }
    }
    layout::encode(&PendingRow(rows))
}

/// Reads them.
///
/// # Errors
/// It is no such row.
pub(super) fn pending_leaves(bytes: &[u8]) -> Result<Vec<(PurposeId, Leaf)>, StoreError> {
    let PendingRow(rows) = layout::decode(bytes)?;
    let mut leaves = Vec::new();
    for (purpose, of) in rows {
        let purpose = parse(&purpose)?;
        leaves.extend(of.into_iter().map(|(epoch, number)| (purpose.clone(), Leaf { epoch, number })));
    }
    Ok(leaves)
}

/// The key of what is pending of a record that was written anew.
pub(super) fn rewritten_key(id: &RecordId) -> Vec<u8> {
    [&[REWRITTEN], record_key(id.epoch, id.number).as_slice(), id.purpose.as_str().as_bytes()].concat()
}

/// All that is pending, erasures first, oldest first; and how many besides cannot be read. Those are passed over: they have no end,
/// and nobody is told that they have.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn pending(engine: &Engine, unreadable: &Unreadable) -> Result<(Vec<Pending>, u64), StoreError> {
    let (mut found, mut damaged) = (Vec::new(), 0);
    for (kind, read) in [(PENDING, pending_row as fn(&[u8], &[u8]) -> _), (REWRITTEN, rewritten_row)] {
        let (first, end) = ([kind], [kind + 1]);
        let range = (Included(first.as_slice()), Excluded(end.as_slice()));
        engine.visit(&Place::Erasures, range, |key, value| {
            match unreadable.or_passed_over(&Place::Erasures, key, read(key, value)) {
                Some(pending) => found.push(pending),
                None => damaged += 1,
            }
            Ok(true)
        })?;
    }
    Ok((found, damaged))
}

/// Reads a row of what is pending of a record that was written anew.
///
/// # Errors
/// It is none.
pub(super) fn rewritten_row(key: &[u8], value: &[u8]) -> Result<Pending, StoreError> {
    let damaged = StoreError::of(StoreCode::Damaged);
    let (number, purpose) = key.get(1..).and_then(<[u8]>::split_first_chunk::<12>).ok_or(damaged)?;
    let purpose = parse(std::str::from_utf8(purpose).map_err(|_| damaged)?)?;
    let id = record_id(&purpose, number)?;
    Ok(Pending { act: Act::Rewriting(vec![id]), leaves: pending_leaves(value)? })
}

/// Reads a row of what is pending of an erasure.
///
/// # Errors
/// It is none.
pub(super) fn pending_row(key: &[u8], value: &[u8]) -> Result<Pending, StoreError> {
    let damaged = StoreError::of(StoreCode::Damaged);
    let (epoch, number) = key.get(1..).and_then(<[u8]>::split_first_chunk).ok_or(damaged)?;
    let id = ErasureId { epoch: u32::from_be_bytes(*epoch), number: layout::number(number)? };
    Ok(Pending { act: Act::Erasure(id), leaves: pending_leaves(value)? })
}

/// The key of a tombstone: those of a month lie together.
pub(super) fn tombstone_row_key(month: Month, hash: &[u8; 32]) -> Vec<u8> {
    [month.0.to_be_bytes().as_slice(), hash].concat()
}

/// The bytes of a tombstone.
pub(super) fn tombstone_bytes(erased: &ErasedFor) -> Vec<u8> {
    let names: Vec<&str> = erased.purposes().iter().map(PurposeId::as_str).collect();
    layout::encode(&TombstoneRow(names))
}

/// Reads them. One that cannot be read says that all is erased: nothing comes back by a flipped bit.
pub(super) fn tombstone(bytes: &[u8]) -> (ErasedFor, Result<(), StoreError>) {
    let names = layout::decode::<Vec<String>>(bytes);
    let purposes =
        names.and_then(|names| names.iter().map(|name| parse(name)).collect::<Result<Vec<_>, _>>());
    match purposes {
        Ok(purposes) => (ErasedFor::of(&purposes), Ok(())),
        Err(error) => (ErasedFor::All, Err(error)),
    }
}

/// Every tombstone, for memory.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn tombstones(engine: &Engine, unreadable: &Unreadable) -> Result<Tombstones, StoreError> {
    let mut stones = Tombstones::default();
    engine.visit(&Place::Tombstones, (Unbounded, Unbounded), |key, value| {
        let (erased, read) = tombstone(value);
        if let Err(error) = read {
            unreadable.say(&Place::Tombstones, key, error);
        }
        // What never was a tombstone's key is none.
        if let Some((month, hash)) = key.split_first_chunk()
            && let Ok(hash) = hash.try_into()
        {
            stones.insert(Month(u32::from_be_bytes(*month)), hash, erased);
        }
        Ok(true)
    })?;
    Ok(stones)
}

fn parse(purpose: &str) -> Result<PurposeId, StoreError> {
    PurposeId::parse(purpose).ok_or(StoreError::of(StoreCode::Damaged))
}
