//! Where the keys live: one file outside sled, sealed by the root key.
//!
//! The trait is the room's face; [`mod@file`] keeps it on disk, as [`pages`] that are replaced in place. A bucket's keys are
//! a [`tree`] that is punctured, and whoever reads has a [`lease`]. Exactly one state of it exists on the host: a kept
//! previous one would have the destroyed key.

mod content;
#[doc(hidden)]
pub mod door;
pub mod file;
mod files;
mod format;
#[cfg(test)]
mod generated;
pub mod lease;
#[cfg(test)]
pub(crate) mod memory;
pub mod pages;
pub mod tree;

use std::io::ErrorKind;
use std::path::Path;

use crate::attention::Concern;
use crate::clock::{Day, Month};
use crate::keyring::lease::Lease;
use crate::keyring::pages::Change;
use crate::machine::own::{self, FileCode};
use crate::purpose::{PurposeId, RecordId};
use crate::secret::Key;

/// How many consecutive numbers of a purpose are the leaves of one tree.
pub const BUCKET_RECORDS: u64 = 512;

/// What is sealed under a day's key is sealed again under a later one once it is so many days old, and the key goes: no such key
/// lives for longer than eight days, its own among them.
pub const DAY_KEY_SERVES_DAYS: u32 = 7;

/// A run of [`BUCKET_RECORDS`] consecutive numbers of a purpose within one epoch.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket {
    /// The purpose.
    pub purpose: PurposeId,
    /// The restore epoch.
    pub epoch: u32,
    /// `number / BUCKET_RECORDS`.
    pub index: u64,
}

impl Bucket {
    /// The bucket that a record belongs to.
    pub fn of(id: &RecordId) -> Self {
        Self { purpose: id.purpose.clone(), epoch: id.epoch, index: id.number / BUCKET_RECORDS }
    }
}

/// Sixteen random bytes that tie store, keyring and witness to one another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InstanceId(pub [u8; 16]);

crate::codes! {
    /// Why the keyring refuses or fails.
    pub enum KeyringCode {
        /// The file cannot be read or written.
        Io = "keyring-io",
        /// The root key is not 64 hex digits.
        RootKey = "root-key-invalid",
        /// Another process holds the keyring.
        Locked = "keyring-locked",
        /// A keyring is there already: it is never made anew over data.
        Exists = "keyring-exists",
        /// The path is a link, or the file has a second name: a replaced generation would live on beside the new one.
        Linked = "keyring-linked",
        /// The file, one beside it, or their directory belongs to another user, or anybody may exchange them.
        NotOwn = "keyring-not-own",
        /// Another keyring, or what may be one, lies at the place of the one that is open: it is not written over.
        Replaced = "keyring-replaced",
        /// A later version wrote the file.
        Format = "keyring-format-unknown",
        /// The file does not open under this root key, or was changed.
        DoesNotOpen = "keyring-does-not-open",
        /// Pages of the keyring are of different moments, or some are missing.
        Incomplete = "keyring-incomplete",
        /// A key was asked for that is not there: destroyed, or never made.
        KeyAbsent = "key-absent",
        /// The system gave no randomness.
        NoRandomness = "no-randomness",
    }
}

/// A keyring's refusal or failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}")]
pub struct KeyringError {
    /// Which.
    pub code: KeyringCode,
    /// What the system said, where it was the system.
    pub io: Option<ErrorKind>,
}

impl KeyringError {
    /// A refusal without a word from the system.
    pub const fn of(code: KeyringCode) -> Self {
        Self { code, io: None }
    }

    /// A failure of the file.
    pub const fn io(kind: ErrorKind) -> Self {
        Self { code: KeyringCode::Io, io: Some(kind) }
    }

    /// A failure of the file, or a refusal to use it.
    #[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` is given")]
    fn file(error: std::io::Error) -> Self {
        match own::refusal(&error) {
            Some(FileCode::Linked) => Self::of(KeyringCode::Linked),
            Some(FileCode::Foreign | FileCode::DirectoryOpen | FileCode::DirectoryForeign) => {
                Self::of(KeyringCode::NotOwn)
            }
            Some(FileCode::NotPlain) | None => Self::io(error.kind()),
        }
    }
}

/// The keys. Every method that makes or destroys one returns only when the file with the change is synced.
pub trait Keyring: Send + Sync {
    /// The instance that this keyring belongs to.
    fn instance(&self) -> InstanceId;
    /// Counts the changes of the file, from 0. Generation 0 means: no store was ever completed under it.
    fn generation(&self) -> u64;
    /// Why the keyring is changed no more: a change of its file ended in a way that leaves open which one the disk holds. Only a restart helps. Readers go on with what is in memory.
    fn failed(&self) -> Option<KeyringError> {
        None
    }
    /// Holds what is kept outside of this process against memory: writes it again where it was lost or damaged, and
    /// gives what only a person can mend. Blocks for as long as the disk takes.
    fn look_after(&self) -> Vec<Concern> {
        Vec::new()
    }
    /// The key of the hashes in `seen`.
    fn seen_key(&self) -> Key;
    /// The key of the trail's chain.
    fn trail_key(&self) -> Key;
    /// The key of the short hashes by which a lead is named in the log; another every month, made at need.
    ///
    /// # Errors
    /// The new month's key cannot be made durable.
    fn log_key(&self, month: Month) -> Result<Key, KeyringError>;
    /// Destroys the keys of the log's names of all months but this one and the one before: leads or not. Returns how many.
    ///
    /// # Errors
    /// The change cannot be made durable; the keys are then still there.
    fn drop_log_months(&self, now: Month) -> Result<usize, KeyringError>;
    /// The key under which references of this day are sealed.
    ///
    /// # Errors
    /// [`KeyringCode::KeyAbsent`] if it was destroyed or never made.
    fn day_key(&self, day: Day) -> Result<Key, KeyringError>;
    /// Makes the keys of these days where they are absent.
    ///
    /// # Errors
    /// They cannot be made durable.
    fn make_days(&self, days: &[Day]) -> Result<(), KeyringError>;
    /// The days that have a key, oldest first.
    fn days(&self) -> Vec<Day>;
    /// Destroys the keys of these days.
    ///
    /// # Errors
    /// The change cannot be made durable; the keys are then still there.
    fn destroy_days(&self, days: &[Day]) -> Result<(), KeyringError>;
    /// The seed of the key that signs receipts: made at first need, and the same from then on.
    ///
    /// # Errors
    /// It cannot be made durable.
    fn receipt_seed(&self) -> Result<Key, KeyringError>;
    /// The key of the addresses that may not be stored.
    ///
    /// # Errors
    /// [`KeyringCode::KeyAbsent`] if it was never made: there never was such an address. Or it was lost.
    fn suppression_key(&self) -> Result<Key, KeyringError>;
    /// Makes it where it is absent.
    ///
    /// # Errors
    /// It cannot be made durable.
    fn make_suppression_key(&self) -> Result<(), KeyringError>;
    /// The key of the tombstones that were made in this month.
    ///
    /// # Errors
    /// [`KeyringCode::KeyAbsent`] if it was destroyed or never made.
    fn tombstone_key(&self, month: Month) -> Result<Key, KeyringError>;
    /// Makes the key of this month's tombstones where it is absent.
    ///
    /// # Errors
    /// It cannot be made durable.
    fn make_tombstone_month(&self, month: Month) -> Result<(), KeyringError>;
    /// The months whose tombstones have a key, oldest first.
    fn tombstone_months(&self) -> Vec<Month>;
    /// Destroys the keys of these months' tombstones.
    ///
    /// # Errors
    /// The change cannot be made durable; the keys are then still there.
    fn destroy_tombstone_months(&self, months: &[Month]) -> Result<(), KeyringError>;
    /// The key of what is kept of consents whose records went in this month: by it addresses are hashed, and events sealed.
    ///
    /// # Errors
    /// [`KeyringCode::KeyAbsent`] if it was destroyed or never made.
    fn evidence_key(&self, month: Month) -> Result<Key, KeyringError>;
    /// Makes the key of this month's where it is absent.
    ///
    /// # Errors
    /// It cannot be made durable.
    fn make_evidence_month(&self, month: Month) -> Result<(), KeyringError>;
    /// The months that have such a key, oldest first.
    fn evidence_months(&self) -> Vec<Month>;
    /// Destroys the keys of these months.
    ///
    /// # Errors
    /// The change cannot be made durable; the keys are then still there.
    fn destroy_evidence_months(&self, months: &[Month]) -> Result<(), KeyringError>;
    /// The right to a bucket's keys, until it is punctured.
    ///
    /// # Errors
    /// [`KeyringCode::KeyAbsent`]: there is no such bucket.
    fn lease(&self, bucket: &Bucket) -> Result<Lease, KeyringError>;
    /// The first living leaf of a bucket at or above this one; none: no such leaf lives.
    ///
    /// # Errors
    /// [`KeyringCode::KeyAbsent`]: there is no such bucket.
    fn first_live(&self, bucket: &Bucket, from: u16) -> Result<Option<u16>, KeyringError>;
    /// Makes and punctures trees. When it returns, what it destroyed is overwritten on the disk, no lease has it, and it is
    /// wiped from memory. What touches more than [`pages::CHANGE_BUCKETS_MAX`] buckets is several changes, each whole by
    /// itself; asked again, what was done is left as it is.
    ///
    /// # Errors
    /// It cannot be made durable: see [`pages::Pages::change`].
    fn change(&self, change: &Change) -> Result<(), KeyringError>;
    /// Makes the trees of these buckets where they are absent.
    ///
    /// # Errors
    /// They cannot be made durable.
    fn make_buckets(&self, buckets: &[Bucket]) -> Result<(), KeyringError> {
        let mut change = Change::default();
        buckets.iter().for_each(|bucket| change.make(bucket.clone()));
        self.change(&change)
    }
    /// Copies the keyring as it is to a place where nothing is: sealed as it is, durable when this returns. No change falls into it.
    ///
    /// # Errors
    /// It cannot be written, or is changed no more.
    fn copy_to(&self, to: &Path) -> Result<(), KeyringError>;
    /// Overwrites such a copy where it lies, and removes it: nobody is to use it. One that is not there any more is as good.
    ///
    /// # Errors
    /// It cannot be written, or somebody else put it there: then it is left.
    fn give_up_copy(&self, copy: &Path) -> Result<(), KeyringError>;
    /// The highest restore epoch of which there is a tree; 0: there is none.
    fn last_epoch(&self) -> u32;
    /// What is left of a keyring in which each bucket had one key; none: nothing.
    fn before(&self) -> Option<Before> {
        None
    }
    /// Begins the keyring in which buckets are trees, beside the one that is there; nothing where it was begun.
    ///
    /// # Errors
    /// It cannot be made durable.
    fn begin_trees(&self) -> Result<(), KeyringError> {
        Ok(())
    }
    /// The one key that a bucket had, of this generation.
    ///
    /// # Errors
    /// [`KeyringCode::KeyAbsent`].
    fn bucket_key(&self, _bucket: &Bucket, _generation: u32) -> Result<Key, KeyringError> {
        Err(KeyringError::of(KeyringCode::KeyAbsent))
    }
    /// Destroys the keyring of before: nothing may be under its buckets' keys any more.
    ///
    /// # Errors
    /// It cannot be made durable; the next start finds it begun.
    fn end_before(&self) -> Result<(), KeyringError> {
        Ok(())
    }
}

/// Where a keyring stands on the way from one key a bucket to a tree a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// It is all that there is.
    Alone,
    /// The one with trees lies beside it.
    BesideTrees,
    /// The one with trees is there, and this one opens no more: its destruction was begun.
    Ending,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_hundred_and_twelve_numbers_in_a_row_share_a_bucket() {
        let of = |number| {
            let bucket = Bucket::of(&RecordId { purpose: devis(), epoch: 3, number });
            assert!(bucket.purpose == devis() && bucket.epoch == 3);
            bucket.index
        };
        assert_eq!([of(0), of(1), of(511)], [0, 0, 0]);
        assert_eq!([of(512), of(513), of(1_023)], [1, 1, 1]);
        assert_eq!(of(1_024), 2);
        assert_eq!(of(u64::MAX), u64::MAX / 512);
    }

    fn devis() -> PurposeId {
        PurposeId::parse("devis").expect("a purpose")
    }
}
