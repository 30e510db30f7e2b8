//! Tokens of the admin side.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::purpose::PurposeId;
use crate::store::StoreError;
use crate::trail::{Entry, Reason, Role};

/// More are not kept.
pub(super) const TOKENS_MAX: usize = 1_000;
/// The longest name, recipient or id, in bytes.
pub(super) const TEXT_BYTES_MAX: usize = 256;
/// The most purposes of one token.
pub(super) const PURPOSES_MAX: usize = 256;

/// A token as it is kept: the secret only as its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its public half, by which it is found: 16 hex digits.
    pub id: String,
    /// SHA-256 of its secret half.
    pub hash: [u8; 32],
    /// What the operator called it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// For an exporter: which purposes.
    pub purposes: Vec<PurposeId>,
    /// For an exporter: on whose behalf.
    pub recipient: Option<String>,
    /// For an exporter: why.
    pub reason: Option<Reason>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Timestamp,
}

/// Keys to the admin side's TCP door.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// Keeps a new token, with its trail line. At most 1,000 tokens are kept, each with names of at most 256 bytes and at
    /// most 256 purposes.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::TooManyTokens`], [`crate::store::StoreCode::ValueTooLarge`]: nothing was written, no line
    /// either; otherwise see [`crate::store::StoreCode`].
    async fn create_token(&self, token: Token, entry: Entry) -> Result<(), StoreError>;
    /// The token with this id, expired or not.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn token(&self, id: &str) -> Result<Option<Token>, StoreError>;
    /// All tokens, expired or not, by id.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn tokens(&self) -> Result<Vec<Token>, StoreError>;
    /// Removes a token, with its trail line. False: there was none, and the line says so.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn revoke_token(&self, id: &str, entry: Entry) -> Result<bool, StoreError>;
}
