//! What the store's verbs and its writer hold in common: the open engine, the keys, what is known in memory.

mod held;
mod slot;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use parking_lot::{Mutex, RwLock};

use crate::clock::{Clock, Day, Month};
use crate::id::LeadgenId;
use crate::keyring::Keyring;
use crate::machine::lock::{LockError, LockFile};
use crate::purpose::{PurposeId, RecordId};
use crate::random::Random;
use crate::store::mark::{ClockMark, ClockReading, Correction};
use crate::store::outbox::{HeldMails, MailDue};
use crate::store::sled::Settings;
use crate::store::sled::engine::opening::{self, Opened};
use crate::store::sled::engine::witness::Witness;
use crate::store::sled::index::{ParkedIndex, Position};
use crate::store::sled::layout;
use crate::store::sled::ledger::LedgerDisk;
use crate::store::sled::touches::Touches;
use crate::store::sled::unreadable::Unreadable;
use crate::store::suppressions::{Barring, HeldSuppressions};
use crate::store::tombstones::Tombstones;
use crate::store::vigils::{HeldVigils, VigilId};
use crate::store::{ErasedFor, ErasureEnd, ErasureId, LastCopies, Restriction, StoreCode, StoreError};

pub(super) use slot::Slot;

/// Erasures that have no end, as the writer found when it last looked.
#[derive(Default)]
pub(super) struct Stuck {
    /// Whose keys could not be destroyed.
    pub(super) pending: AtomicU64,
    /// Of which it cannot be read what is to be destroyed.
    pub(super) damaged: AtomicU64,
}

/// What memory must learn of a transaction once it is durable.
pub(super) enum Effect {
    /// A reference is parked here now.
    Parked(Position),
    /// It no longer is.
    Unparked(Position),
    /// A purpose holds so many records now.
    Stored(PurposeId, u64),
    /// A submission is remembered as erased.
    Tombstone(Month, [u8; 32], ErasedFor),
    /// So many records were ever settled under a clock that was behind.
    Early(u64),
    /// So many of them have been looked at.
    EarlyLookedAt(u64),
    /// A record is restricted, or that is renewed.
    Restricted(Restriction),
    /// It is not any more.
    Released(RecordId),
    /// These mails wait for the person of a record, and no others.
    Mails(RecordId, Vec<MailDue>),
    /// Nobody is to be asked whether they still agree, or some are again.
    AskingPaused(bool),
    /// The tombstones of a month are there no more.
    TombstonesGone(Month),
    /// An address may not be stored; true: it is one more.
    Suppressed([u8; 32], Barring, bool),
    /// It may be again.
    SuppressionGone([u8; 32]),
    /// Since then an address is awaited, under these hashes.
    VigilBegan(VigilId, Timestamp, Vec<[u8; 32]>),
    /// It is no more, and nobody awaits these hashes.
    VigilOver(VigilId, Vec<[u8; 32]>),
    /// A backup was made then.
    BackedUp(Timestamp),
    /// The highest clock seen is another.
    ClockCorrected(Correction),
    /// A person says that the clock is right.
    ClockConfirmed,
}

/// Shared by all verbs and the writer.
pub(super) struct Shared {
    settings: Settings,
    keyring: Arc<dyn Keyring>,
    random: Arc<dyn Random>,
    /// The restore epoch of new records.
    epoch: u32,
    mark: ClockMark,
    slot: RwLock<Slot>,
    /// The purposes that the config names, or named since the start.
    purposes: Mutex<Vec<PurposeId>>,
    halt: OnceLock<StoreError>,
    stalled: AtomicBool,
    copying: AtomicBool,
    /// What was begun of a backup lies where it cannot be removed.
    backup_left: AtomicBool,
    met_full: AtomicBool,
    /// Which references are parked where.
    index: Mutex<ParkedIndex>,
    /// How many records each purpose holds.
    stored: Mutex<HashMap<PurposeId, u64>>,
    /// What remembers erased submissions.
    tombstones: RwLock<Tombstones>,
    /// Which addresses may not be stored.
    suppressions: RwLock<HeldSuppressions>,
    /// Which addresses are awaited in what is unread.
    vigils: RwLock<HeldVigils>,
    /// Which mails wait.
    mails: Mutex<HeldMails>,
    /// Nobody is to be asked whether they still agree.
    asking_paused: AtomicBool,
    /// For how many calendar months what shows of consents outlives a record; 0: nothing does.
    stub_months: AtomicU32,
    ledger_disk: LedgerDisk,
    stuck: Stuck,
    /// Ends of erasures that their rows do not say yet: the next transaction writes them.
    ends: Mutex<BTreeMap<ErasureId, ErasureEnd>>,
    /// How many records were ever settled under a clock that was behind, and up to how many they have been looked at.
    early: Mutex<(u64, Option<u64>)>,
    /// Behind which bucket the next batch of what ends by its time begins.
    swept_to: Mutex<Option<Vec<u8>>>,
    /// Records that nobody may use.
    restrictions: RwLock<BTreeMap<RecordId, Restriction>>,
    /// How many records of which purpose the last scan found missing.
    missing: Mutex<BTreeMap<PurposeId, u64>>,
    /// Rows that were met and cannot be read.
    unreadable: Unreadable,
    /// What is written into while a scan looks.
    touches: Mutex<Touches>,
    /// When it was last copied.
    last_copies: Mutex<LastCopies>,
    /// Within how many days of the last vacuum receipts say the next is; 0: nobody said so yet.
    vacuum_within: AtomicU32,
    /// Let go last.
    lock: Mutex<Option<LockFile>>,
}

impl Shared {
    /// Around an engine that passed every check of the start.
    ///
    /// # Errors
    /// What is known in memory cannot be read.
    pub(super) fn new(
        settings: Settings,
        purposes: Vec<PurposeId>,
        keyring: Arc<dyn Keyring>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        opened: Opened,
    ) -> Result<(Self, Witness), StoreError> {
        let Opened { engine, witness, lock } = opened;
        let epoch = opening::epoch(&engine)?;
        let shared = Self {
            settings,
            purposes: Mutex::new(purposes),
            keyring,
            random,
            epoch,
            mark: ClockMark::new(clock),
            slot: RwLock::new(Slot::Closed),
            halt: OnceLock::new(),
            stalled: AtomicBool::new(false),
            copying: AtomicBool::new(false),
            backup_left: AtomicBool::new(false),
            met_full: AtomicBool::new(false),
            index: Mutex::new(ParkedIndex::default()),
            stored: Mutex::new(HashMap::new()),
            tombstones: RwLock::default(),
            suppressions: RwLock::default(),
            vigils: RwLock::default(),
            mails: Mutex::default(),
            asking_paused: AtomicBool::new(false),
            ledger_disk: LedgerDisk::default(),
            stub_months: AtomicU32::default(),
            stuck: Stuck::default(),
            ends: Mutex::default(),
            early: Mutex::default(),
            swept_to: Mutex::default(),
            restrictions: RwLock::default(),
            missing: Mutex::default(),
            unreadable: Unreadable::default(),
            touches: Mutex::default(),
            last_copies: Mutex::default(),
            vacuum_within: AtomicU32::new(0),
            lock: Mutex::new(Some(lock)),
        };
        shared.adopt(engine)?;
        Ok((shared, witness))
    }

    /// From the config.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Keys.
    pub(super) fn keyring(&self) -> &dyn Keyring {
        &*self.keyring
    }

    /// Nonces.
    pub(super) fn random(&self) -> &dyn Random {
        &*self.random
    }

    /// The end of an erasure that its row does not say yet.
    pub(super) fn end_of(&self, erasure: ErasureId) -> Option<ErasureEnd> {
        self.ends.lock().get(&erasure).copied()
    }

    /// An erasure has its end.
    pub(super) fn note_end(&self, erasure: ErasureId, end: ErasureEnd) {
        self.ends.lock().insert(erasure, end);
    }

    /// Behind which bucket the next batch of what ends by its time begins; none: with the first.
    pub(super) fn swept_to(&self) -> Option<Vec<u8>> {
        self.swept_to.lock().clone()
    }

    /// So far it has come.
    pub(super) fn set_swept_to(&self, bucket: Option<Vec<u8>>) {
        *self.swept_to.lock() = bucket;
    }

    /// Its row says so.
    pub(super) fn forget_end(&self, erasure: ErasureId) {
        self.ends.lock().remove(&erasure);
    }

    /// For how many calendar months what shows of consents outlives a record; 0: nothing does.
    pub(super) fn stub_months(&self) -> u32 {
        self.stub_months.load(Ordering::Relaxed)
    }

    /// From here on so many.
    pub(super) fn keep_stubs(&self, months: u32) {
        self.stub_months.store(months, Ordering::Relaxed);
    }

    /// Erasures that have no end.
    pub(super) fn stuck(&self) -> &Stuck {
        &self.stuck
    }

    /// Rows that cannot be read.
    pub(super) fn unreadable(&self) -> &Unreadable {
        &self.unreadable
    }

    /// The restore epoch of new records.
    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// When it was last copied.
    pub(super) fn last_copies(&self) -> LastCopies {
        *self.last_copies.lock()
    }

    /// True if what was begun of a backup lies where it cannot be removed.
    pub(super) fn is_backup_left(&self) -> bool {
        self.backup_left.load(Ordering::SeqCst)
    }

    /// Whether it does, as it was just found.
    pub(super) fn set_backup_left(&self, is_left: bool) {
        self.backup_left.store(is_left, Ordering::SeqCst);
    }

    /// Receipts say so many days from now on.
    pub(super) fn set_vacuum_within(&self, days: u32) {
        self.vacuum_within.store(days, Ordering::SeqCst);
    }

    /// How many they say; none: nobody said so yet.
    pub(super) fn vacuum_within(&self) -> Option<u32> {
        Some(self.vacuum_within.load(Ordering::SeqCst)).filter(|days| *days > 0)
    }

    /// The purposes that the config names, or named since the start.
    pub(super) fn purposes(&self) -> Vec<PurposeId> {
        self.purposes.lock().clone()
    }

    /// Makes room for purposes that the config names from now on.
    ///
    /// # Errors
    /// See [`StoreCode`].
    pub(super) fn admit(&self, named: &[PurposeId]) -> Result<(), StoreError> {
        // Held until the end: whoever reopens the engine meanwhile waits, and then opens these vaults too.
        let mut purposes = self.purposes.lock();
        let new: Vec<PurposeId> =
            named.iter().filter(|purpose| !purposes.contains(purpose)).cloned().collect();
        if new.is_empty() {
            return Ok(());
        }
        self.reading(|engine| engine.admit(&new))?;
        let mut stored = self.stored.lock();
        new.iter().for_each(|purpose| {
            stored.entry(purpose.clone()).or_insert(0);
        });
        drop(stored);
        purposes.extend(new);
        Ok(())
    }

    /// One look at the clock.
    pub(super) fn look(&self) -> ClockReading {
        self.mark.look()
    }

    /// The highest clock seen.
    pub(super) fn mark(&self) -> &ClockMark {
        &self.mark
    }

    /// A look for what is handed out.
    ///
    /// # Errors
    /// [`StoreCode::ClockJumped`]: nothing is while the clock is not believed.
    pub(super) fn believed_look(&self) -> Result<ClockReading, StoreError> {
        let look = self.look();
        if look.is_ahead() { Err(look.doubt()) } else { Ok(look) }
    }

    /// The present day, for what cannot be taken back.
    ///
    /// # Errors
    /// [`StoreCode::ClockJumped`], [`StoreCode::ClockUnconfirmed`].
    pub(super) fn confirmed_day(&self) -> Result<Day, StoreError> {
        self.look().confirmed().map(Day::of)
    }

    /// Takes the store's lock again where its file was removed. True: it had to be.
    ///
    /// # Errors
    /// See [`LockError`].
    pub(super) fn retake_lock(&self) -> Result<bool, LockError> {
        self.lock.lock().as_mut().map_or(Ok(false), LockFile::retake)
    }

    /// True if the lock that is held is the one at its place.
    ///
    /// # Errors
    /// It cannot be told.
    pub(super) fn lock_stands(&self) -> Result<bool, StoreError> {
        self.lock.lock().as_ref().map_or(Ok(false), LockFile::stands).map_err(StoreError::io)
    }

    /// Lets another process have the store.
    pub(super) fn unlock(&self) {
        drop(self.lock.lock().take());
    }

    /// Stops the store for good and gives what callers hear from now on; the first reason stays in the log.
    pub(super) fn halt(&self, error: StoreError) -> StoreError {
        let halted = StoreError { code: StoreCode::Halted, io: error.io };
        if self.halt.set(halted).is_ok() {
            tracing::error!(code = %error.code, io.kind = ?error.io, "store.halted");
        }
        self.halted().unwrap_or(halted)
    }

    /// Why the store stopped.
    pub(super) fn halted(&self) -> Option<StoreError> {
        self.halt.get().copied()
    }

    /// Notes whether the writer answers in time.
    pub(super) fn set_stalled(&self, stalled: bool) {
        self.stalled.store(stalled, Ordering::SeqCst);
    }

    /// True if the writer let a caller wait for too long and has not finished anything since.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::SeqCst)
    }

    /// Where the ledger lies.
    pub(super) fn ledger_disk(&self) -> &LedgerDisk {
        &self.ledger_disk
    }

    /// Notes whether a copy is being made.
    pub(super) fn set_copying(&self, copying: bool) {
        self.copying.store(copying, Ordering::SeqCst);
    }

    /// True while a copy is being made: nothing is written.
    pub(super) fn is_copying(&self) -> bool {
        self.copying.load(Ordering::SeqCst)
    }

    /// The key of a leadgen in `seen`.
    pub(super) fn seen_key(&self, leadgen: &LeadgenId) -> [u8; 32] {
        layout::seen_key(&self.keyring.seen_key(), leadgen)
    }
}
