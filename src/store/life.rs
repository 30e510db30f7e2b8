//! The life of a store: what it makes room for, whether it takes and gives, what it makes of the clock, its end.

use async_trait::async_trait;

use crate::attention::Concern;
use crate::purpose::PurposeId;
use crate::store::{StoreCode, StoreError};
use crate::trail::Entry;

/// What is asked of a store itself, not of what it keeps.
///
/// Time is the highest clock seen: a clock set back takes nothing back, also after a restart. A leap of the clock forward
/// of more than 7 days against the highest clock seen is not believed until it is confirmed, also after a restart: nothing
/// is handed out or destroyed meanwhile, while accepting and storing go on. What is answered without waiting is what this
/// process knows.
#[async_trait]
pub trait Life: Send + Sync {
    /// Makes room for purposes that the config names from now on; those that have it already are left as they are. No
    /// purpose that has records loses its room.
    ///
    /// # Errors
    /// See [`StoreCode`]: nothing may be settled under them then.
    async fn admit(&self, purposes: Vec<PurposeId>) -> Result<(), StoreError>;

    /// Why the store takes no more, if it has halted.
    fn halted(&self) -> Option<StoreCode>;

    /// True if it takes and gives: not halted, not closed, not waiting for room, its keys can be changed.
    fn ready(&self) -> bool;

    /// Holds what lies outside of this process against what is open: mends what was lost where that is safe, and gives what
    /// only a person can mend.
    ///
    /// # Errors
    /// See [`StoreCode`]: it could not be looked at.
    async fn look_after(&self) -> Result<Vec<Concern>, StoreError>;

    /// Waits for the writer to finish what it has, syncs and closes. Later verbs answer [`StoreCode::Closed`]; those that
    /// only count ([`crate::store::Leads::stored`], [`crate::store::Parked::parked`], [`crate::store::Parked::next_due`])
    /// may still say what was. Closing again is no error.
    ///
    /// # Errors
    /// The last sync failed.
    async fn close(&self) -> Result<(), StoreError>;

    /// True while there is a leap that nobody has confirmed.
    fn clock_jumped(&self) -> bool;

    /// Believes the clock from now on, with a trail line. `by` is a person's act; none: Graph's own clock agrees. False:
    /// there was nothing to confirm, and a person's line says so.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn confirm_clock(&self, by: Option<Entry>) -> Result<bool, StoreError>;
}
