//! A pause that outlives the process.

use jiff::Timestamp;

use crate::id::PageId;
use crate::notification::ParkCode;

/// Until when Graph is not to be called, as Graph asked or because calling on makes it worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptPause {
    /// Of which page no lead is read; none: of the app, hence of all.
    pub page: Option<PageId>,
    /// Why.
    pub code: ParkCode,
    /// The moment.
    pub until: Timestamp,
}
