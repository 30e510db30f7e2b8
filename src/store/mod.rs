//! What is kept: one trait a subject, each verb a whole transaction with its trail line inside.
//!
//! The embedded engine is in [`sled`]; how a second one would stand beside it is in docs/decisions (93). What the traits
//! say is held by `contract/` against every store, and `memory/` is the one of the tests. No verb begins or commits: that
//! is inside. No verb runs anything of the caller's. Errors carry codes, never an engine's text (it holds
//! paths).

mod addresses;
mod backups;
mod beside;
mod checkpoints;
#[cfg(test)]
pub(crate) mod contract;
mod erasures;
mod error;
mod evidence;
mod feeds;
mod form_looks;
mod forms;
mod handed;
mod leads;
mod leaves;
mod life;
mod mark;
#[cfg(test)]
pub(crate) mod memory;
mod notices;
mod outbox;
mod parked;
mod passes;
mod pauses;
mod requests;
mod restrictions;
mod retention;
mod rewrites;
mod scan;
mod seen;
mod several;
pub mod sled;
mod stubs;
mod suppressions;
mod tellings;
mod tokens;
mod tombstones;
mod trail;
mod vigils;

use std::sync::Arc;

use jiff::Timestamp;

use crate::clock::Clock;
use crate::keyring::Keyring;
use crate::machine::progress::Progress;
use crate::purpose::PurposeId;
use crate::random::Random;

pub use addresses::{Addresses, EachKept, Kept, MATCHES_MAX, Match, Matches, SHOWN_AT_ONCE_MAX};
pub use backups::{BackedUp, Backups, LastCopies, NotVacuumed, SharedBackups, Vacuumed};
pub use checkpoints::{CheckpointKey, Checkpoints, SignedCheckpoint};
pub use erasures::{
    Asked, ERASED_AT_ONCE_MAX, Erasure, ErasureEnd, ErasureId, ErasureRequest, Erasures, Extent,
    PAPERS_BYTES_MAX, Papers, RepeatKey, StuckErasures, Traces,
};
pub use error::{StoreCode, StoreError};
pub use feeds::{
    Applied, CHANGES_KEPT_MONTHS, CHANGES_LISTED_MAX, Change, ChangesPage, FeedStanding, Feeds, Followed,
};
pub use form_looks::FormLooks;
pub use forms::{Adoption, DroppedField, FormRevision, FormSnapshot, Forms, KnownForm};
pub use handed::{Handed, HandedTo};
pub use leads::{
    Found, Leads, MayLeave, One, Outcome, Page, PageRequest, Records, Settled, Settlement, TestFilter,
    Verdict, Wanted,
};
pub use life::Life;
pub use mark::{ClockStanding, ClockTrust, ClockVoice, DayLook};
pub use notices::{KeptNotice, Notices};
pub use outbox::{
    AskedFor, Correspondence, MAIL_WAITS_MAX, MAILS_AT_ONCE_MAX, MAILS_WAITING_MAX, MailAttempt, MailEnd,
    MailId, MailKind, MailedUnder, MailsWaiting, Outbox, RecordsEnding,
};
pub use parked::{
    BuriedRef, DueBy, HeldCounts, HeldForm, Oldest, OldestRef, Parked, ParkedClaim, ParkedOverview,
    RefusedForm, Requeue,
};
pub use passes::{GivenPass, PASSES_OF_RECORD_MAX, Passes, ToOpen, ToPass};
pub use pauses::Pauses;
pub use requests::{
    Extending, PersonRequest, REQUESTS_LISTED_MAX, REQUESTS_MAX, RequestId, Requests, ToRequest,
};
pub use restrictions::{
    RESTRICTED_MONTHS_MAX, RESTRICTIONS_MAX, Restricting, Restriction, Restrictions, last_day_of_restriction,
};
pub use retention::{
    DATED_AT_ONCE_MAX, Dated, DatingSlice, EXPIRED_AT_ONCE_MAX, Expired, KeptLifespan, Retention,
};
pub use rewrites::{
    KeptRemit, REWRITTEN_AT_ONCE_MAX, RecordsFound, RewriteCause, RewriteRequest, Rewrites, Rewriting,
    Rewritten,
};
pub use scan::{BucketsFault, Fault, ParkedFault, RecordsFault, Scan, Scanned, Scanning};
pub use seen::{Fate, Seen, SeenState};
pub use sled::{Restored, Restoring, Settings, Since, Whose, forget_own_keyring};
pub use stubs::{STUBS_SHOWN_MAX, Stubs};
pub use suppressions::{
    SUPPRESSED_AT_ONCE_MAX, SUPPRESSIONS_LISTED_MAX, SUPPRESSIONS_MAX, Suppression, SuppressionId,
    Suppressions, ToLift, ToSuppress,
};
pub use tellings::{TELL_WITHIN, Telling, Tellings, ToTell, ToldFirst};
pub use tokens::{Token, Tokens};
pub use tombstones::ErasedFor;
pub use trail::Trail;
pub use vigils::{AWAITED_AT_ONCE_MAX, ToAwait, VIGILS_MAX, VigilEnded, VigilId, Vigils};

/// Everything that a store does.
pub trait Store:
    Leads
    + Seen
    + Parked
    + Trail
    + Tokens
    + Forms
    + Notices
    + Pauses
    + Erasures
    + Rewrites
    + Retention
    + Stubs
    + Suppressions
    + Handed
    + Feeds
    + FormLooks
    + Addresses
    + Restrictions
    + Tellings
    + Requests
    + Passes
    + Outbox
    + Scan
    + Vigils
    + Life
{
}

/// A store that many hold.
pub type SharedStore = Arc<dyn Store>;

/// The clock as a store believes it: what keys of days and months, and whatever must not follow a clock that leapt, go by.
pub struct BelievedClock(pub SharedStore);

impl Clock for BelievedClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

/// The clock, but never before the highest one that a store believed: when something arrives. A clock that was set back makes
/// nothing older than it is.
pub struct LatestClock(pub SharedStore, pub Arc<dyn Clock>);

impl Clock for LatestClock {
    fn now(&self) -> Timestamp {
        self.1.now().max(self.0.now())
    }
}

/// True if nothing is there and the keyring is to be made too: asked before there is one. `generation` is that of the
/// keyring that was found.
///
/// # Errors
/// See [`StoreCode`]: store and keyring do not belong together. Nothing was touched.
pub fn begins_anew(settings: &Settings, generation: Option<u64>) -> Result<bool, StoreError> {
    sled::begins_anew(settings, generation)
}

/// Opens the store, with room for these purposes, or makes it where there is nothing to lose. Blocks.
///
/// # Errors
/// See [`StoreCode`]: a refusal touches nothing.
pub fn open(
    settings: Settings,
    keyring: Arc<dyn Keyring>,
    purposes: Vec<PurposeId>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<SharedStore, StoreError> {
    Ok(sled::SledStore::open(settings, keyring, purposes, clock, random)?)
}

/// The same, with whoever makes backups of it, and says how far it is: a store of an earlier version may have to be brought
/// to this one.
///
/// # Errors
/// As [`open`].
pub fn open_telling(
    settings: Settings,
    keyring: Arc<dyn Keyring>,
    purposes: Vec<PurposeId>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    progress: &Progress,
) -> Result<(SharedStore, SharedBackups), StoreError> {
    let store = sled::SledStore::open_telling(settings, keyring, purposes, clock, random, progress)?;
    Ok((store.clone(), store))
}
