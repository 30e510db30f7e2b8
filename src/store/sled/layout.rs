//! What lies where: trees, keys and the bytes of values. Every value begins with a version byte, so that a later layout
//! can stand beside this one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::Day;
use crate::notification::{ParkCode, Why};
use crate::purpose::{PurposeId, RecordId};
pub(super) use crate::store::seen::seen_key;
use crate::store::{SeenState, StoreCode, StoreError};

/// The layout that this code writes.
pub(super) const FORMAT: u32 = 2;
/// The version byte of every value.
const VALUE_VERSION: u8 = 1;

/// A tree of the store.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    /// Single values: see [`meta`].
    Meta,
    /// Keyed hash of a leadgen → what became of it.
    Seen,
    /// Arrival → sealed reference and why it is not stored.
    Parked,
    /// Purpose → next number.
    Sequence,
    /// Number → line.
    Trail,
    /// Id → token.
    Tokens,
    /// Definitions of forms, and counts of dropped names.
    Forms,
    /// Tree ‖ 0 ‖ key → what could not be read there.
    Aside,
    /// Epoch ‖ number → sealed record.
    Vault(PurposeId),
}

const VAULT_PREFIX: &str = "vault/";

impl Place {
    /// The trees that every store has.
    pub(super) const FIXED: [Self; 8] = [
        Self::Meta,
        Self::Seen,
        Self::Parked,
        Self::Sequence,
        Self::Trail,
        Self::Tokens,
        Self::Forms,
        Self::Aside,
    ];

    /// The tree's name on disk.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Meta => "meta".to_owned(),
            Self::Seen => "seen".to_owned(),
            Self::Parked => "parked".to_owned(),
            Self::Sequence => "sequence".to_owned(),
            Self::Trail => "trail".to_owned(),
            Self::Tokens => "tokens".to_owned(),
            Self::Forms => "forms".to_owned(),
            Self::Aside => "aside".to_owned(),
            Self::Vault(purpose) => format!("{VAULT_PREFIX}{purpose}"),
        }
    }

    /// The purpose of a vault's tree.
    pub(super) fn vault_purpose(name: &[u8]) -> Option<PurposeId> {
        PurposeId::parse(std::str::from_utf8(name).ok()?.strip_prefix(VAULT_PREFIX)?)
    }
}

/// Keys of the tree `meta`.
pub(super) mod meta {
    use std::ops::Bound;

    use crate::id::PageId;
    use crate::purpose::PurposeId;

    /// u32: the layout.
    pub(in crate::store::sled) const FORMAT: &[u8] = b"format";
    /// 16 bytes: which keyring and witness belong here.
    pub(in crate::store::sled) const INSTANCE: &[u8] = b"instance";
    /// u32: grows at each restore.
    pub(in crate::store::sled) const EPOCH: &[u8] = b"epoch";
    /// u64: +1 in the same transaction as every batch; the witness holds it too.
    pub(in crate::store::sled) const COMMIT: &[u8] = b"commit";
    /// u64: the newest generation of the keyring that the store has seen.
    pub(in crate::store::sled) const KEYRING_GENERATION: &[u8] = b"keyring-generation";
    /// i64, ms: the highest clock seen; time does not go below it, unless another clock says that it was ahead.
    pub(in crate::store::sled) const CLOCK_MS: &[u8] = b"clock-ms";
    /// i64, ms: the highest clock that somebody confirmed; absent: nobody has.
    pub(in crate::store::sled) const CLOCK_CERTAIN_MS: &[u8] = b"clock-certain-ms";
    /// u64: the next arrival number of `parked`; never given twice.
    pub(in crate::store::sled) const NEXT_ARRIVAL: &[u8] = b"next-arrival";
    /// u64 ‖ 32 bytes: number and mac of the trail's last line, so that a cut end shows.
    pub(in crate::store::sled) const TRAIL_HEAD: &[u8] = b"trail-head";
    /// u64: the first line of the trail that says which version wrote it; absent: all do.
    pub(in crate::store::sled) const TRAIL_VERSIONED_FROM: &[u8] = b"trail-versioned-from";
    /// u64 ‖ 32 bytes: number and mac of the line before the first that is kept; absent: nothing was ever dropped.
    pub(in crate::store::sled) const TRAIL_BASE: &[u8] = b"trail-base";

    /// Until when Graph is not to be called, and why; one key a page, and one of the app.
    const PAUSE: &[u8] = b"pause/";
    /// What follows in the app's key: before every page.
    const APP: &[u8] = b"";

    /// u64: how many rows were ever put aside.
    pub(in crate::store::sled) const ASIDE: &[u8] = b"aside";

    /// One key a purpose.
    pub(in crate::store::sled) struct ByPurpose(&'static [u8]);

    /// See [`stored`].
    pub(in crate::store::sled) const STORED: ByPurpose = ByPurpose(b"stored/");
    /// See [`missing`].
    pub(in crate::store::sled) const MISSING: ByPurpose = ByPurpose(b"missing/");

    impl ByPurpose {
        /// From where on these keys lie; others may follow.
        pub(in crate::store::sled) const fn range(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
            (Bound::Included(self.0), Bound::Unbounded)
        }

        /// The purpose of such a key.
        pub(in crate::store::sled) fn purpose(&self, key: &[u8]) -> Option<PurposeId> {
            PurposeId::parse(std::str::from_utf8(key.strip_prefix(self.0)?).ok()?)
        }
    }

    /// See [`pauses`]; none: the app's.
    pub(in crate::store::sled) fn pause(page: Option<&PageId>) -> Vec<u8> {
        [PAUSE, page.map_or(APP, |page| page.as_str().as_bytes())].concat()
    }

    /// Where the pauses lie, the app's first.
    pub(in crate::store::sled) const fn pauses() -> (Bound<&'static [u8]>, Bound<&'static [u8]>) {
        (Bound::Included(PAUSE), Bound::Excluded(b"pause0"))
    }

    /// The page of such a key, if it is one; none within: the app's.
    pub(in crate::store::sled) fn paused_page(key: &[u8]) -> Option<Option<PageId>> {
        match key.strip_prefix(PAUSE)? {
            APP => Some(None),
            digits => Some(Some(PageId::parse(std::str::from_utf8(digits).ok()?)?)),
        }
    }

    /// u64: how many records a purpose holds.
    pub(in crate::store::sled) fn stored(purpose: &PurposeId) -> Vec<u8> {
        [STORED.0, purpose.as_str().as_bytes()].concat()
    }

    /// u64: how many records the last scan found missing; absent: none.
    pub(in crate::store::sled) fn missing(purpose: &PurposeId) -> Vec<u8> {
        [MISSING.0, purpose.as_str().as_bytes()].concat()
    }
}

/// The key of a record in its purpose's vault: in arrival order.
pub(super) fn record_key(epoch: u32, number: u64) -> [u8; 12] {
    let mut key = [0; 12];
    let (front, back) = key.split_at_mut(4);
    front.copy_from_slice(&epoch.to_be_bytes());
    back.copy_from_slice(&number.to_be_bytes());
    key
}

/// Reads what [`record_key`] wrote.
pub(super) fn record_id(purpose: &PurposeId, key: &[u8]) -> Result<RecordId, StoreError> {
    let unreadable = StoreError::of(StoreCode::RecordUnreadable);
    let (epoch, number) = key.split_first_chunk::<4>().ok_or(unreadable)?;
    let number = number.try_into().map_err(|_| unreadable)?;
    let (epoch, number) = (u32::from_be_bytes(*epoch), u64::from_be_bytes(number));
    Ok(RecordId { purpose: purpose.clone(), epoch, number })
}

/// A number as a key or a counter.
pub(super) fn number(bytes: &[u8]) -> Result<u64, StoreError> {
    bytes.try_into().map(u64::from_be_bytes).map_err(|_| StoreError::of(StoreCode::Damaged))
}

/// Number and mac of a line, as `meta` keeps them.
pub(super) fn place_in_chain(bytes: &[u8]) -> Result<(u64, [u8; 32]), StoreError> {
    let damaged = StoreError::of(StoreCode::Damaged);
    let (seq, mac) = bytes.split_first_chunk::<8>().ok_or(damaged)?;
    Ok((u64::from_be_bytes(*seq), mac.try_into().map_err(|_| damaged)?))
}

/// A moment as it is kept.
pub(super) fn moment(ms: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(ms).map_err(|_| StoreError::of(StoreCode::Damaged))
}

/// What became of a leadgen, as it is kept. Codes are kept as text: a later list of codes still reads old rows.
#[derive(Serialize, Deserialize)]
pub(super) struct SeenRow {
    /// What.
    pub fate: SeenFate,
    /// When it became so: rows are dropped some time after their record is gone.
    pub day: u32,
}

/// The state of a [`SeenRow`].
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(super) enum SeenFate {
    /// In the vault.
    Stored {
        /// Whose.
        purpose: String,
        /// Restore epoch.
        epoch: u32,
        /// Number.
        number: u64,
    },
    /// Its row in `parked` says why.
    Parked {
        /// The row's key.
        arrival: u64,
    },
    /// Refused for good.
    Refused {
        /// Why.
        code: String,
    },
    /// Erased.
    Erased,
    /// Let go by an operator: nothing is known any more, save to the notification that was dropped, since the journal may
    /// still have it.
    Dropped {
        /// When that one was received.
        received_ms: i64,
    },
    /// As [`SeenFate::Parked`], of a submission that was named with several forms or pages: one row each.
    ParkedBeside {
        /// The rows' keys.
        arrivals: Vec<u64>,
    },
}

impl SeenFate {
    /// The fate of a stored record.
    pub(super) fn stored(id: &RecordId) -> Self {
        Self::Stored { purpose: id.purpose.as_str().to_owned(), epoch: id.epoch, number: id.number }
    }

    /// Parked in these rows; there is one at least.
    pub(super) fn parked(mut arrivals: Vec<u64>) -> Self {
        match arrivals.pop() {
            Some(arrival) if arrivals.is_empty() => Self::Parked { arrival },
            last => {
                arrivals.extend(last);
                Self::ParkedBeside { arrivals }
            }
        }
    }

    /// The keys of its rows in `parked`.
    pub(super) fn arrivals(&self) -> &[u64] {
        match self {
            Self::Parked { arrival } => std::slice::from_ref(arrival),
            Self::ParkedBeside { arrivals } => arrivals,
            _ => &[],
        }
    }

    /// True if a notification of the leadgen, received then, brings nothing new; of what is parked its rows say so.
    pub(super) fn knows(&self, received: Timestamp) -> bool {
        match self {
            Self::Dropped { received_ms } => *received_ms == received.as_millisecond(),
            _ => true,
        }
    }

    /// The state as the store's face shows it; a parked one needs its row first.
    pub(super) fn state(&self) -> Result<Option<SeenState>, StoreError> {
        let damaged = StoreError::of(StoreCode::Damaged);
        Ok(match self {
            Self::Stored { purpose, epoch, number } => {
                let purpose = PurposeId::parse(purpose).ok_or(damaged)?;
                Some(SeenState::Stored(RecordId { purpose, epoch: *epoch, number: *number }))
            }
            Self::Parked { .. } | Self::ParkedBeside { .. } | Self::Dropped { .. } => None,
            Self::Refused { code } => {
                let code = ParkCode::from_code(code).ok_or(StoreError::of(StoreCode::Format))?;
                Some(SeenState::Refused(code))
            }
            Self::Erased => Some(SeenState::Erased),
        })
    }
}

/// A parked reference as it is kept: only what names no submission stands in clear.
#[derive(Serialize, Deserialize)]
pub(super) struct ParkedRow {
    /// Its key in `seen`.
    pub seen: [u8; 32],
    /// In which way it is parked.
    pub why: WhyRow,
    /// Since when it is parked in this way.
    pub since_ms: i64,
    /// The day from which Meta's 90 days count.
    pub submitted_day: u32,
    /// Under which day's key the reference is sealed.
    pub sealed_day: u32,
    /// Of the seal.
    pub nonce: [u8; 24],
    /// The reference.
    pub sealed: Vec<u8>,
}

impl ParkedRow {
    /// [`ParkedRow::sealed_day`] as a day.
    pub(super) fn day(&self) -> Day {
        Day(self.sealed_day)
    }
}

/// [`Why`] as it is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum WhyRow {
    /// Fetched again later.
    Waiting {
        /// Not before.
        not_before_ms: i64,
        /// Spent so far.
        attempts: u32,
        /// Why.
        code: String,
    },
    /// No purpose or no token.
    Held {
        /// Which.
        code: String,
    },
    /// Whitelist or consent.
    Refused {
        /// Which.
        code: String,
    },
    /// A human must look.
    Buried {
        /// Why.
        code: String,
        /// Spent.
        attempts: u32,
    },
}

impl WhyRow {
    /// For keeping.
    pub(super) fn of(why: &Why) -> Self {
        let code = why.code().as_str().to_owned();
        match why {
            Why::Waiting { not_before, attempts, .. } => {
                Self::Waiting { not_before_ms: not_before.as_millisecond(), attempts: *attempts, code }
            }
            Why::Held { .. } => Self::Held { code },
            Why::Refused { .. } => Self::Refused { code },
            Why::Buried { attempts, .. } => Self::Buried { code, attempts: *attempts },
        }
    }

    /// As it is used.
    pub(super) fn why(&self) -> Result<Why, StoreError> {
        let known = |code: &str| ParkCode::from_code(code).ok_or(StoreError::of(StoreCode::Format));
        Ok(match self {
            Self::Waiting { not_before_ms, attempts, code } => {
                Why::Waiting { not_before: moment(*not_before_ms)?, attempts: *attempts, code: known(code)? }
            }
            Self::Held { code } => Why::Held { code: known(code)? },
            Self::Refused { code } => Why::Refused { code: known(code)? },
            Self::Buried { code, attempts } => Why::Buried { code: known(code)?, attempts: *attempts },
        })
    }
}

/// The bytes of a value.
pub(super) fn encode(value: &impl Serialize) -> Vec<u8> {
    encode_as(VALUE_VERSION, value)
}

/// The bytes of a value whose shape has another version.
pub(super) fn encode_as(version: u8, value: &impl Serialize) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "writing numbers and strings into a growing vector cannot fail")]
    postcard::to_extend(value, vec![version]).expect("a vector grows")
}

/// The version of a value's shape.
pub(super) fn version(bytes: &[u8]) -> Option<u8> {
    bytes.first().copied()
}

/// Reads what [`encode`] wrote.
pub(super) fn decode<'v, T: Deserialize<'v>>(bytes: &'v [u8]) -> Result<T, StoreError> {
    decode_as(VALUE_VERSION, bytes)
}

/// Reads what [`encode_as`] wrote.
pub(super) fn decode_as<'v, T: Deserialize<'v>>(version: u8, bytes: &'v [u8]) -> Result<T, StoreError> {
    match bytes.split_first() {
        Some((found, body)) if *found == version => {
            postcard::from_bytes(body).map_err(|_| StoreError::of(StoreCode::Damaged))
        }
        Some(_) => Err(StoreError::of(StoreCode::Format)),
        None => Err(StoreError::of(StoreCode::Damaged)),
    }
}
