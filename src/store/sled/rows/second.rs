//! Parked rows as they were before it was noted that something was sieved: read for ever, written no more.

use serde::Deserialize;

use crate::store::sled::rows::OpenRow;
use crate::store::sled::rows::why::WhyRow;

pub(super) const VERSION: u8 = 2;

/// A parked reference: the order is the layout.
#[derive(Deserialize)]
pub(super) struct ParkedRow {
    pub(super) seen: [u8; 32],
    pub(super) why: WhyRow,
    pub(super) open: Vec<OpenRow>,
    pub(super) others_ended: bool,
    pub(super) since_ms: i64,
    pub(super) submitted_day: u32,
    pub(super) sealed_day: u32,
    pub(super) nonce: [u8; 24],
    pub(super) sealed: Vec<u8>,
}
