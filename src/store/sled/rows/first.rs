//! The rows as they were before a form could stand under several purposes: read for ever, written no more.

use serde::Deserialize;

use crate::store::sled::rows::why::WhyRow;

/// Of both kinds of rows.
pub(super) const VERSION: u8 = 1;

/// What became of a leadgen.
#[derive(Deserialize)]
pub(super) struct SeenRow {
    pub(super) fate: SeenFate,
    pub(super) day: u32,
}

/// Which: the order is the layout.
#[derive(Deserialize)]
pub(super) enum SeenFate {
    Stored { purpose: String, epoch: u32, number: u64 },
    Parked { arrival: u64 },
    Refused { code: String },
    Erased,
    Dropped { received_ms: i64 },
    ParkedBeside { arrivals: Vec<u64> },
}

/// A parked reference.
#[derive(Deserialize)]
pub(super) struct ParkedRow {
    pub(super) seen: [u8; 32],
    pub(super) why: WhyRow,
    pub(super) since_ms: i64,
    pub(super) submitted_day: u32,
    pub(super) sealed_day: u32,
    pub(super) nonce: [u8; 24],
    pub(super) sealed: Vec<u8>,
}
