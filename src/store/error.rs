//! The store's refusals and failures: codes, never an engine's text.

use crate::machine::own;

crate::codes! {
    /// Why the store refuses, halts or fails.
    pub enum StoreCode {
        /// Another process holds the store.
        Locked = "store-locked",
        /// The keyring has seen records, the store is not there.
        Missing = "store-missing",
        /// The store is there, its keyring is not.
        KeyringMissing = "keyring-missing",
        /// The store is there, its witness is not.
        WitnessMissing = "witness-missing",
        /// The keyring belongs to another store.
        KeyringForeign = "keyring-foreign",
        /// The keyring is older than the store has seen.
        KeyringRolledBack = "keyring-rolled-back",
        /// The store's records are under keys of before the keyring had trees, and the keyring has them no more.
        KeysGone = "record-keys-gone",
        /// The store lost what it had answered for.
        BehindWitness = "store-behind-witness",
        /// The store's files are damaged.
        Damaged = "store-damaged",
        /// A later version wrote the store.
        Format = "store-format-unknown",
        /// A file could not be read or written.
        Io = "store-io",
        /// A file or directory of store or witness belongs to another user, is a link or has a second name, or anybody
        /// may exchange it.
        NotOwn = "store-not-own",
        /// The disk is full or below its floor: waits for room.
        DiskFull = "disk-full",
        /// A copy that must be made before the store is opened took more than half an hour.
        CopyTooSlow = "copy-too-slow",
        /// A copy of the store is being made: nothing is written meanwhile.
        CopyUnderWay = "copy-under-way",
        /// Something is where a backup is to be.
        PlaceTaken = "place-taken",
        /// No backup can be made there: the path does not begin at the root, its directory is not there, not ours or not
        /// writable, or it lies in the store's or the keyring's.
        PlaceRefused = "place-refused",
        /// There is no room for a backup.
        PlaceFull = "place-full",
        /// Lines of the ledger of erasures are missing or cannot be read.
        LedgerIncomplete = "ledger-incomplete",
        /// The ledger cannot be read.
        LedgerUnreadable = "ledger-unreadable",
        /// Something is where a store is to be restored.
        Exists = "store-exists",
        /// The store part of a backup was put in the store's place by hand: it would give numbers again.
        NotRestored = "store-not-restored",
        /// The clock leapt forward by more than 7 days, or another one says that it is ahead: nothing is handed out or destroyed.
        ClockJumped = "clock-jumped",
        /// Nobody has confirmed the clock since the start: what cannot be taken back waits.
        ClockUnconfirmed = "clock-unconfirmed",
        /// As many pages are being read out as may be at one time.
        Busy = "too-many-readings",
        /// As many look-ups by address wait for a scan as may.
        SearchesFull = "too-many-searches",
        /// A scan for addresses took too long, and was given up.
        SearchTooSlow = "search-too-slow",
        /// The reading of a page ended before its end: its client took nothing for too long, or tamis is going down.
        ReadingInterrupted = "reading-interrupted",
        /// The writer stopped after a failure; only a restart helps.
        Halted = "store-halted",
        /// The writer has not answered in time; what was asked may still happen.
        Stalled = "store-stalled",
        /// The store was closed.
        Closed = "store-closed",
        /// A key is missing or could not be made.
        Keyring = "keyring-failed",
        /// A record does not open: moved, changed, or under another key.
        RecordUnreadable = "record-unreadable",
        /// A scan found other numbers than are counted: records, or what notes them, are missing.
        CountMismatch = "store-count-mismatch",
        /// A line of the trail is missing or changed.
        TrailBroken = "trail-broken",
        /// The key of the list of suppressions is lost, or another: nobody would be found on it.
        SuppressionKey = "suppression-key-wrong",
        /// No more suppressions are kept.
        TooManySuppressions = "too-many-suppressions",
        /// No more tokens are kept.
        TooManyTokens = "too-many-tokens",
        /// No more restrictions are kept.
        TooManyRestrictions = "too-many-restrictions",
        /// No more requests of persons are kept.
        TooManyRequests = "register-full",
        /// A record is restricted: only what its person asks for erases it.
        RecordRestricted = "record-restricted",
        /// A record waits for its erasure: its person is told first, and nothing takes that back.
        ToBeErased = "record-to-be-erased",
        /// A cursor of another purpose.
        CursorForeign = "cursor-foreign",
        /// A cursor that this store never gave: beyond its last record, or of another epoch.
        CursorAhead = "cursor-ahead",
        /// A form's definition or a token is larger than may be kept.
        ValueTooLarge = "value-too-large",
        /// The purpose is not in the store (the config declares it, or it is gone).
        PurposeUnknown = "purpose-unknown",
    }
}

/// A store's refusal or failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}")]
pub struct StoreError {
    /// Which.
    pub code: StoreCode,
    /// What the system said, where it was the system.
    pub io: Option<std::io::ErrorKind>,
}

impl StoreError {
    /// A failure without a word from the system.
    pub const fn of(code: StoreCode) -> Self {
        Self { code, io: None }
    }

    /// A failure of the system: its kind is kept, its text is not (it may carry a path).
    #[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` is given")]
    pub fn io(error: std::io::Error) -> Self {
        let code = match error.kind() {
            _ if own::refusal(&error).is_some() => StoreCode::NotOwn,
            std::io::ErrorKind::StorageFull => StoreCode::DiskFull,
            _ => StoreCode::Io,
        };
        Self { code, io: Some(error.kind()) }
    }
}
