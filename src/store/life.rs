//! The life of a store: what it makes room for, whether it takes and gives, what it makes of the clock, its end.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::attention::Concern;
use crate::purpose::PurposeId;
use crate::store::{ClockStanding, ClockTrust, LastCopies, StoreCode, StoreError};
use crate::trail::Entry;

/// What is asked of a store itself, not of what it keeps.
///
/// Time is the highest clock seen: a clock set back takes nothing back, also after a restart. A leap of the clock forward
/// of more than 7 days against the highest clock seen is not believed until it is confirmed, also after a restart: nothing
/// is handed out or destroyed meanwhile, while accepting and storing go on, and time goes on by what passes. Where another
/// clock says that ours is ahead, the highest clock seen is lowered, and ours is not believed until it is right.
///
/// Nothing is destroyed, and nothing is passed over as expired that only an unconfirmed clock says is, before somebody has
/// confirmed the clock since this start. What is answered without waiting is what this process knows.
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

    /// Why it does not take and give now: it has halted or is closed, it waits for room, its keys cannot be changed. None:
    /// it does.
    fn refusal(&self) -> Option<StoreCode>;

    /// True if it takes and gives.
    fn ready(&self) -> bool {
        self.refusal().is_none()
    }

    /// True while a copy of it is being made: it takes nothing for so long, and gives what needs no line in the trail.
    fn is_copying(&self) -> bool {
        false
    }

    /// When it was last copied.
    fn last_copies(&self) -> LastCopies {
        LastCopies::default()
    }

    /// True if a backup that was cut short lies where it cannot be overwritten and removed: its disk is not mounted, or does not let us.
    fn is_backup_left(&self) -> bool {
        false
    }

    /// How many copies lie beside it that a start made before it opened a suspect database, with the old file that a vacuum could not
    /// remove.
    ///
    /// # Errors
    /// See [`StoreCode`]: it could not be looked at.
    async fn copies_aside(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

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

    /// The present moment, by the clock that is believed.
    fn now(&self) -> Timestamp {
        self.clock().seen
    }

    /// What is made of the clock at this moment.
    fn clock(&self) -> ClockStanding;

    /// True while the clock is ahead and not believed: it leapt and nobody has confirmed it, or another clock says so.
    fn clock_jumped(&self) -> bool {
        self.clock().trust == ClockTrust::Ahead
    }

    /// True if somebody has confirmed the clock since this start, and it was not set since.
    fn clock_confirmed(&self) -> bool {
        matches!(self.clock().trust, ClockTrust::Confirmed(_))
    }

    /// A person says that the clock is right: it is believed, also where the highest clock seen is ahead of it. False: that
    /// was so already, and the line says so. A line of its own says that the highest clock seen was lowered.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn confirm_clock(&self, by: Entry) -> Result<bool, StoreError>;

    /// Another clock, which is right, says this now. Within an hour of it ours is confirmed, and a leap believed, with a
    /// line; where ours or the highest clock seen is further ahead, that is lowered, with a line. False: there was nothing to
    /// write down.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn compare_clock(&self, right: Timestamp) -> Result<bool, StoreError>;
}
