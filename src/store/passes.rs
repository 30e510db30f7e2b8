//! Passes: what the links of people open. Kept as hashes; what each opens is sealed under a key of its record's leaf and ends with it.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::clock::Day;
use crate::people::{Pass, PassKind};
use crate::purpose::RecordId;
use crate::store::StoreError;
use crate::trail::Entry;

/// So many passes of each kind are kept for a record: a further one takes the place of the oldest. A person is written to a handful of
/// times while their record lives; whoever asks again and again for a link ends the first ones.
pub const PASSES_OF_RECORD_MAX: usize = 16;

/// What a pass is to be given for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToPass {
    /// Of which record, whose purpose is the only one that it opens.
    pub record: RecordId,
    /// What it opens.
    pub kind: PassKind,
    /// The last day on which it does; none: for as long as the record lives. It never outlives that.
    pub last_day: Option<Day>,
}

/// What came of a pass that was to be given. No `Debug`: it holds the pass.
pub enum GivenPass {
    /// Here it is. Nobody can be told it again.
    Given(Pass),
    /// There was such a record: it was erased, or its time is over.
    Gone,
    /// There never was such a record.
    Unknown,
}

/// What a pass opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToOpen {
    /// Of which record.
    pub record: RecordId,
    /// What.
    pub kind: PassKind,
    /// When it was given.
    pub given_at: Timestamp,
    /// The last day on which it opens; none: for as long as the record lives.
    pub last_day: Option<Day>,
}

/// The passes of people.
///
/// A pass follows its record: correcting leaves it as it is; with an erasure, or with the record's time, it ends, and its keys with it.
#[async_trait]
pub trait Passes: Send + Sync {
    /// Gives a pass, with its line in the trail (`nothing` where there is no record). It is durable when this answers.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::ClockJumped`], [`crate::store::StoreCode::ClockUnconfirmed`] if it depends on the clock whether the
    /// record is past its expiry; [`crate::store::StoreCode::RecordUnreadable`]; otherwise see [`crate::store::StoreCode`].
    async fn give_pass(&self, wanted: ToPass, entry: Entry) -> Result<GivenPass, StoreError>;

    /// What a pass opens: a look, without a line, since nothing of the record is read. None: nothing, whatever the cause (never given,
    /// its last day is over, another took its place, its record is gone).
    ///
    /// # Errors
    /// [`crate::store::StoreCode::ClockJumped`], [`crate::store::StoreCode::ClockUnconfirmed`] as above; otherwise see
    /// [`crate::store::StoreCode`].
    async fn open_pass(&self, pass: Pass) -> Result<Option<ToOpen>, StoreError>;

    /// Takes passes away that nobody was handed, by their hashes: what they were to be sent with was not. At most
    /// [`PASSES_OF_RECORD_MAX`]; it leaves no line, since nothing changes for anybody. Returns how many there were.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::ValueTooLarge`]: these are more. Otherwise see [`crate::store::StoreCode`].
    async fn take_passes_back(&self, hashes: Vec<[u8; 32]>) -> Result<u64, StoreError>;
}
