//! What lies where: trees, keys and the bytes of values. Every value begins with a version byte, so that a later layout
//! can stand beside this one. The rows of `seen` and `parked` are in `rows`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::purpose::{PurposeId, RecordId};
pub(super) use crate::store::seen::seen_key;
use crate::store::{StoreCode, StoreError};

/// The layout that this code writes.
pub(super) const FORMAT: u32 = 3;
/// The version byte of every other value.
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
    /// Revisions of notices, and what they say.
    Notices,
    /// Tree ‖ 0 ‖ key → what could not be read there.
    Aside,
    /// Bucket → how many records live under its tree, and between which days they expire.
    Buckets,
    /// Erasure → how far it is; see `erasure_rows`.
    Erasures,
    /// Month ‖ keyed hash of what was a key in `seen` → for which purposes the submission was erased.
    Tombstones,
    /// Record → why nobody may use it, since when, until when.
    Restrictions,
    /// Record ‖ number → a sealed event of a consent of it; see `evidence_rows`.
    Evidence,
    /// Month ‖ keyed hash of an address ‖ number → what is left of the consents of a record that is gone; see `verbs/stubs`.
    Stubs,
    /// Purpose and recipient → which records were handed over, between which days; see `handed`.
    Handed,
    /// Recipient → how far it has followed, and what became of records that it was handed; see `feed_rows`.
    Feeds,
    /// Keyed hash of an address that may not be stored → since when, until when; see `suppression_rows`.
    Suppressions,
    /// Number of a request → what somebody asked for, when, by when it is answered; see `verbs/requests`.
    Requests,
    /// Keyed hash of an address that was erased → what is unread is held against it; see `vigil_rows`.
    Vigils,
    /// Hash of a pass, and record ‖ pass → what it opens; see `pass_rows`.
    Passes,
    /// Record → which mails wait for its person, and when others were sent; see `outbox_rows`.
    Outbox,
    /// Purpose and leaf → the record that lies under it, where that has another number.
    Leaves,
    /// Epoch ‖ number → sealed record.
    Vault(PurposeId),
}

const VAULT_PREFIX: &str = "vault/";

impl Place {
    /// The trees that every store has.
    pub(super) const FIXED: [Self; 23] = [
        Self::Meta,
        Self::Seen,
        Self::Parked,
        Self::Sequence,
        Self::Trail,
        Self::Tokens,
        Self::Forms,
        Self::Notices,
        Self::Aside,
        Self::Buckets,
        Self::Erasures,
        Self::Tombstones,
        Self::Restrictions,
        Self::Evidence,
        Self::Stubs,
        Self::Handed,
        Self::Feeds,
        Self::Suppressions,
        Self::Requests,
        Self::Vigils,
        Self::Passes,
        Self::Outbox,
        Self::Leaves,
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
            Self::Notices => "notices".to_owned(),
            Self::Aside => "aside".to_owned(),
            Self::Buckets => "buckets".to_owned(),
            Self::Erasures => "erasures".to_owned(),
            Self::Tombstones => "tombstones".to_owned(),
            Self::Restrictions => "restrictions".to_owned(),
            Self::Evidence => "evidence".to_owned(),
            Self::Stubs => "stubs".to_owned(),
            Self::Handed => "handed".to_owned(),
            Self::Feeds => "feeds".to_owned(),
            Self::Suppressions => "suppressions".to_owned(),
            Self::Requests => "requests".to_owned(),
            Self::Vigils => "vigils".to_owned(),
            Self::Passes => "passes".to_owned(),
            Self::Outbox => "outbox".to_owned(),
            Self::Leaves => "leaves".to_owned(),
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
    /// i64, ms: in a backup's store part, when it was made; a restore takes it out, and no start opens what has it.
    pub(in crate::store::sled) const COPIED_AT: &[u8] = b"copied-at";
    /// i64, ms: when a backup was last made; in a copy, that one.
    pub(in crate::store::sled) const BACKED_UP_AT: &[u8] = b"backed-up-at";
    /// i64, ms: nothing that was removed before lies in sled's files; absent: nobody has seen to that.
    pub(in crate::store::sled) const VACUUMED_AT: &[u8] = b"vacuumed-at";
    /// u64: so many days after that the next is due at the latest, whatever the config says since: receipts have named it. Absent: none
    /// has.
    pub(in crate::store::sled) const VACUUM_WITHIN: &[u8] = b"vacuum-within";
    /// i64, ms: when it was last restored from a backup; absent: never.
    pub(in crate::store::sled) const RESTORED_AT: &[u8] = b"restored-at";
    /// Of each epoch that a restore ended, a key of its own, and one a purpose: u64, the highest number that was given in it.
    const EPOCH_ENDED: &[u8] = b"epoch-ended/";
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

    /// u64: the line that says up to where lines are gone; absent: none are.
    pub(in crate::store::sled) const TRAIL_CLOSED: &[u8] = b"trail-closed";

    /// Until when Graph is not to be called, and why; one key a page, and one of the app.
    const PAUSE: &[u8] = b"pause/";
    /// What follows in the app's key: before every page.
    const APP: &[u8] = b"";

    /// u64: how many rows were ever put aside.
    pub(in crate::store::sled) const ASIDE: &[u8] = b"aside";

    /// u64: the next erasure's number; never given twice.
    pub(in crate::store::sled) const NEXT_ERASURE: &[u8] = b"next-erasure";

    /// u64: the next number of an end of consents in the ledger; never given twice.
    pub(in crate::store::sled) const NEXT_TAKEN_BACK: &[u8] = b"next-taken-back";

    /// u64: the next line's number in the ledger. Each epoch counts from 1, and a number whose transaction never came to be is given again.
    pub(in crate::store::sled) const NEXT_LEDGER_LINE: &[u8] = b"next-ledger-line";

    /// u64: the next suppression's number; never given twice.
    pub(in crate::store::sled) const NEXT_SUPPRESSION: &[u8] = b"next-suppression";
    /// u64: the next stub's number; never given twice.
    pub(in crate::store::sled) const NEXT_STUB: &[u8] = b"next-stub";
    /// u64: the next request's number; never given twice.
    pub(in crate::store::sled) const NEXT_REQUEST: &[u8] = b"next-request";
    /// u64: how many requests there are; absent: they were not counted yet.
    pub(in crate::store::sled) const REQUESTS: &[u8] = b"requests";
    /// u64: the next vigil's number; never given twice.
    pub(in crate::store::sled) const NEXT_VIGIL: &[u8] = b"next-vigil";
    /// There while nobody is to be asked whether they still agree.
    pub(in crate::store::sled) const ASKING_PAUSED: &[u8] = b"asking-paused";
    /// Under which public addresses mails went, and until when.
    pub(in crate::store::sled) const MAILED_UNDER: &[u8] = b"mailed-under";
    /// There once `handed` has what the trail says of exports from before it was written.
    pub(in crate::store::sled) const HANDED_FILLED: &[u8] = b"handed-filled";
    /// u64: how many records were ever settled under a clock that was behind their submission.
    pub(in crate::store::sled) const EARLY: &[u8] = b"early";
    /// u64: up to how many of them all have been looked at; absent: none was, and there may be some from before they were counted.
    pub(in crate::store::sled) const EARLY_LOOKED_AT: &[u8] = b"early-looked-at";

    /// u64: how many records did not open when the store moved to leaves, and lie aside.
    pub(in crate::store::sled) const UNMOVED: &[u8] = b"unmoved";

    /// One key a purpose.
    pub(in crate::store::sled) struct ByPurpose(&'static [u8]);

    /// See [`stored`].
    pub(in crate::store::sled) const STORED: ByPurpose = ByPurpose(b"stored/");
    /// See [`missing`].
    pub(in crate::store::sled) const MISSING: ByPurpose = ByPurpose(b"missing/");
    /// By which lifespan the records of a purpose are dated.
    pub(in crate::store::sled) const LIFESPAN: ByPurpose = ByPurpose(b"lifespan/");
    /// By which remit the records of a purpose were trimmed.
    pub(in crate::store::sled) const REMIT: ByPurpose = ByPurpose(b"remit/");

    impl ByPurpose {
        /// From where on these keys lie; others may follow.
        pub(in crate::store::sled) const fn range(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
            (Bound::Included(self.0), Bound::Unbounded)
        }

        /// The key of a purpose.
        pub(in crate::store::sled) fn of(&self, purpose: &PurposeId) -> Vec<u8> {
            [self.0, purpose.as_str().as_bytes()].concat()
        }

        /// The purpose of such a key.
        pub(in crate::store::sled) fn purpose(&self, key: &[u8]) -> Option<PurposeId> {
            PurposeId::parse(std::str::from_utf8(key.strip_prefix(self.0)?).ok()?)
        }
    }

    /// The highest number that was given in an epoch that has ended, under a purpose; none: that it was this store's.
    pub(in crate::store::sled) fn epoch_ended(epoch: u32, purpose: Option<&PurposeId>) -> Vec<u8> {
        let purpose = purpose.map_or(&b""[..], |purpose| purpose.as_str().as_bytes());
        [EPOCH_ENDED, &epoch.to_be_bytes(), purpose].concat()
    }

    /// Where these keys lie, the oldest epoch's first.
    pub(in crate::store::sled) const fn epochs_ended() -> (Bound<&'static [u8]>, Bound<&'static [u8]>) {
        (Bound::Included(EPOCH_ENDED), Bound::Excluded(b"epoch-ended0"))
    }

    /// The epoch of such a key.
    pub(in crate::store::sled) fn ended_epoch(key: &[u8]) -> Option<u32> {
        let (epoch, _) = key.strip_prefix(EPOCH_ENDED)?.split_first_chunk()?;
        Some(u32::from_be_bytes(*epoch))
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

    /// u64: how many records of a purpose were ever erased, or ended by their time, so that a scan knows what went while it looked.
    pub(in crate::store::sled) fn erased(purpose: &PurposeId) -> Vec<u8> {
        [b"erased/", purpose.as_str().as_bytes()].concat()
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

/// The bytes of a moment.
pub(super) fn moment_bytes(moment: Timestamp) -> Vec<u8> {
    moment.as_millisecond().to_be_bytes().to_vec()
}

/// What lies in trees as the bytes of its fields, and in which. Whoever adds one says there how what it holds of a person ends: in
/// `tests/it/edges/persons.rs`, which finds it by this.
pub(super) trait InTree: Serialize {
    /// Where it is written.
    const TREES: &'static [Place];
}

impl<T: InTree> InTree for &T {
    const TREES: &'static [Place] = T::TREES;
}

/// The bytes of a value.
pub(super) fn encode(value: &impl InTree) -> Vec<u8> {
    encode_as(VALUE_VERSION, value)
}

/// The bytes of a value whose shape has another version.
pub(super) fn encode_as<T: InTree>(version: u8, value: &T) -> Vec<u8> {
    const { assert!(!T::TREES.is_empty(), "it lies in none") };
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
