//! The rows of `vigils`. A vigil has one under its number; each of its hashes has one that says whose it is; and what is kept for
//! the receipt that follows lies beside it in pieces. All of them go when it is over.

use std::ops::Bound::{Excluded, Included};

use serde::{Deserialize, Serialize};

use crate::purpose::PurposeId;
use crate::store::sled::engine::Engine;
use crate::store::sled::erasure_rows::TracesRow;
use crate::store::sled::layout::{self, InTree, Place};
use crate::store::sled::unreadable::Unreadable;
use crate::store::vigils::{HeldVigils, VigilId};
use crate::store::{ErasureId, StoreCode, StoreError, Traces};
use crate::trail::Reason;

/// Before a vigil's number: its row.
const ROW: u8 = b'v';
/// Before a hash: whose it is.
const HASH: u8 = b'h';
/// Before a vigil's number: what is kept for its receipt.
const PAPERS: u8 = b'q';

/// A vigil as it is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct VigilRow {
    /// When it began.
    pub(super) asked_ms: i64,
    reason: Option<String>,
    /// None: all.
    purposes: Vec<String>,
    /// Under which its address is kept.
    pub(super) hashes: Vec<[u8; 32]>,
    /// Of the caller's key.
    pub(super) repeat: Option<[u8; 32]>,
    /// How many submissions were unread when it began.
    pub(super) unread: u64,
    /// The erasure that it follows.
    follows: Option<(u32, u64)>,
    /// How many submissions it met, and what is left of them.
    pub(super) met: u64,
    traces: TracesRow,
}

impl InTree for VigilRow {
    const TREES: &'static [Place] = &[Place::Vigils];
}

impl VigilRow {
    /// One that begins.
    pub(super) fn new(
        (asked_ms, reason): (i64, Option<Reason>),
        purposes: &[PurposeId],
        hashes: Vec<[u8; 32]>,
        repeat: Option<[u8; 32]>,
        unread: u64,
    ) -> Self {
        Self {
            asked_ms,
            reason: reason.map(|reason| reason.as_str().to_owned()),
            purposes: purposes.iter().map(|purpose| purpose.as_str().to_owned()).collect(),
            hashes,
            repeat,
            unread,
            follows: None,
            met: 0,
            traces: Traces::default().into(),
        }
    }

    /// Why.
    pub(super) fn reason(&self) -> Option<Reason> {
        self.reason.as_deref().and_then(Reason::from_code)
    }

    /// For which purposes.
    ///
    /// # Errors
    /// One is none.
    pub(super) fn purposes(&self) -> Result<Vec<PurposeId>, StoreError> {
        let parse = |name: &String| PurposeId::parse(name).ok_or(StoreError::of(StoreCode::Damaged));
        self.purposes.iter().map(parse).collect()
    }

    /// Which erasure it follows.
    pub(super) fn follows(&self) -> Option<ErasureId> {
        self.follows.map(|(epoch, number)| ErasureId { epoch, number })
    }

    /// It follows this one.
    pub(super) fn follow(&mut self, erasure: ErasureId) {
        self.follows = Some((erasure.epoch, erasure.number));
    }

    /// What is left of what it met.
    pub(super) fn traces(&self) -> Traces {
        self.traces.into()
    }

    /// It met so much more.
    pub(super) fn meet(&mut self, count: u64, traces: Traces) {
        self.met += count;
        self.traces = self.traces().and(traces).into();
    }
}

/// The key of a vigil's row.
pub(super) fn row_key(id: VigilId) -> Vec<u8> {
    [&[ROW], id.0.to_be_bytes().as_slice()].concat()
}

/// Whose row lies under a key; none: it is none of a vigil's own.
pub(super) fn of_row_key(key: &[u8]) -> Option<VigilId> {
    let number = key.strip_prefix(&[ROW])?.try_into().ok()?;
    Some(VigilId(u64::from_be_bytes(number)))
}

/// The key of a hash.
pub(super) fn hash_key(hash: &[u8; 32]) -> Vec<u8> {
    [&[HASH], hash.as_slice()].concat()
}

/// Where what is kept for its receipt begins.
pub(super) fn papers_at(id: VigilId) -> Vec<u8> {
    [&[PAPERS], id.0.to_be_bytes().as_slice()].concat()
}

/// Whose a hash is.
///
/// # Errors
/// It cannot be read.
pub(super) fn owners(bytes: &[u8]) -> Result<Vec<VigilId>, StoreError> {
    Ok(layout::decode::<Vec<u64>>(bytes)?.into_iter().map(VigilId).collect())
}

/// Whose a hash is.
#[derive(Serialize)]
struct OwnersRow(Vec<u64>);

impl InTree for OwnersRow {
    const TREES: &'static [Place] = &[Place::Vigils];
}

/// For keeping.
pub(super) fn owners_bytes(owners: &[VigilId]) -> Vec<u8> {
    layout::encode(&OwnersRow(owners.iter().map(|id| id.0).collect()))
}

/// Every vigil, for memory. One that cannot be read awaits nobody any more, and is said.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn held(engine: &Engine, unreadable: &Unreadable) -> Result<HeldVigils, StoreError> {
    let mut held = HeldVigils::default();
    let range = (Included([ROW].as_slice()), Excluded([ROW + 1].as_slice()));
    engine.visit(&Place::Vigils, range, |key, value| {
        let read = layout::decode::<VigilRow>(value).and_then(|row| {
            let number = layout::number(key.get(1..).unwrap_or_default())?;
            Ok((VigilId(number), layout::moment(row.asked_ms)?, row.hashes))
        });
        if let Some((id, asked, hashes)) = unreadable.or_passed_over(&Place::Vigils, key, read) {
            held.insert(id, asked, &hashes);
        }
        Ok(true)
    })?;
    Ok(held)
}
