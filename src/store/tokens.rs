//! Tokens of the admin side.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::purpose::PurposeId;
use crate::store::StoreError;
use crate::trail::{Entry, Reason, Role};

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
    /// Keeps a new token, with its trail line. At most 1,000 tokens are kept.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn create_token(&self, token: Token, entry: Entry) -> Result<(), StoreError>;
    /// The token with this id, expired or not.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn token(&self, id: &str) -> Result<Option<Token>, StoreError>;
    /// All tokens.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn tokens(&self) -> Result<Vec<Token>, StoreError>;
    /// Removes a token, with its trail line. False: there was none.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn revoke_token(&self, id: &str, entry: Entry) -> Result<bool, StoreError>;
}
