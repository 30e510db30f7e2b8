//! What is kept: one trait a subject, each verb a whole transaction with its trail line inside.
//!
//! The embedded engine is in [`sled`]; how a second one would stand beside it is in docs/decisions. No verb begins or
//! commits: that is inside. No verb runs anything of the caller's. Errors carry codes, never an engine's text (it holds
//! paths).

mod error;
mod forms;
mod leads;
mod life;
mod parked;
mod scan;
mod seen;
pub mod sled;
pub mod startup;
mod tokens;
mod trail;
pub mod witness;

use std::sync::Arc;

pub use error::{StoreCode, StoreError};
pub use forms::{DroppedField, Forms, KnownForm};
pub use leads::{Found, Leads, Outcome, Page, PageRequest, Records, Settled, Settlement, TestFilter, Wanted};
pub use life::Life;
pub use parked::{BuriedRef, HeldForm, Parked, ParkedClaim, ParkedOverview, RefusedForm, Requeue};
pub use scan::{Fault, ParkedFault, RecordsFault, Scan, Scanned, Scanning};
pub use seen::{Seen, SeenState};
pub use tokens::{Token, Tokens};
pub use trail::Trail;

/// Everything that a store does.
pub trait Store: Leads + Seen + Parked + Trail + Tokens + Forms + Scan + Life {}

/// A store that many hold.
pub type SharedStore = Arc<dyn Store>;
