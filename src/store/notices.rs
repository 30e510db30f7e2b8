//! Notices: every revision that people were shown, kept for as long as the store. No word of one is a person's.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::purpose::{PurposeId, TextHash};
use crate::store::StoreError;

/// The largest notice, in all languages.
pub(super) const NOTICE_BYTES_MAX: usize = 512 * 1024;
/// Revisions of one purpose. An operator who changes the config daily has room for five years; what is over it is refused.
pub(super) const NOTICES_OF_PURPOSE_MAX: usize = 2_000;

/// Revisions of notices, by purpose.
#[async_trait]
pub trait Notices: Send + Sync {
    /// Keeps what is in force for a purpose from this moment on, unless it is what was last kept of it. True: it is new.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::ValueTooLarge`]: the notice is, or there are too many; otherwise see
    /// [`crate::store::StoreCode`].
    async fn keep_notice(
        &self,
        purpose: PurposeId,
        content: Vec<u8>,
        since: Timestamp,
    ) -> Result<bool, StoreError>;

    /// All revisions, by purpose, the oldest first.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn notices(&self) -> Result<Vec<KeptNotice>, StoreError>;

    /// What a revision of a purpose's notice says; none: it was never in force, or what was kept of it cannot be read.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn notice(&self, purpose: &PurposeId, revision: &TextHash) -> Result<Option<Vec<u8>>, StoreError>;
}

/// A revision that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptNotice {
    /// Whose.
    pub purpose: PurposeId,
    /// The hash of what it says.
    pub revision: TextHash,
    /// From when on it is in force; never before that of the one before.
    pub since: Timestamp,
}
