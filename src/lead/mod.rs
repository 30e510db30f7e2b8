//! The only room where answers exist.
//!
//! A reply comes in as [`RawReply`], is read borrowed, sieved under the whitelist of each of its purposes into a
//! [`MinimisedLead`] apiece, and leaves sealed. An [`OpenedLead`] comes back out for one reader. Nothing here has `Debug` or `Display`. Pure.

mod consenting;
mod correction;
#[doc(hidden)]
pub mod door;
mod dropped;
mod event;
mod minimise;
mod minimised;
mod opened;
mod raw;
mod reach;
mod revise;
#[cfg(test)]
pub(crate) mod sample;
mod schema;
mod seal;
mod sealed_event;
mod several;
mod stub;
mod ticks;

pub use consenting::{ConsentUnknown, confirmation, withdrawal};
pub use correction::{CorrectionFault, correction};
pub use dropped::Dropped;
pub use event::{ConsentEvent, EventEntity, EventKind, Said};
pub use minimise::{Sieved, minimise, submitted};
pub use minimised::{Answer, ConsentEvidence, ConsentOutcome, Grounds, MinimisedLead, Tick};
pub use opened::OpenedLead;
pub use raw::{RawLead, RawReply, ReplyTooLarge};
pub use reach::{Looked, Reach};
pub use revise::{Revised, RevisedLead, Revision, RevisionRefusal, reach_of, revise, was_early};
#[cfg(test)]
pub(crate) use seal::move_to_bucket;
pub use seal::{
    Leaf, RECORD_BYTES_MAX, SealError, SealedRecord, Under, UnsealedLead, check, date_anew, move_to_leaf,
    open, seal, seen_of, unseal,
};
pub use sealed_event::{EventPlace, open_event, seal_event};
pub use several::{SievedForEach, minimise_for_each};
pub use stub::{Stub, StubBox, StubCause, addresses};
