//! Tokens of the admin side.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::purpose::PurposeId;
use crate::store::StoreError;
use crate::trail::{Entry, Reason, Role};

/// More are not kept.
pub(super) const TOKENS_MAX: usize = 1_000;
/// From so long before its end on a token wants to be replaced.
const ENDS_SOON: SignedDuration = SignedDuration::from_hours(30 * 24);
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

impl Token {
    /// True if somebody should see to it: it ends within 30 days, or has ended and is still kept. One that was made for less
    /// than four months ends soon in the last quarter of its life.
    pub fn ends_soon(&self, now: Timestamp) -> bool {
        let quarter = self.expires_at.duration_since(self.created_at) / 4;
        self.expires_at.duration_since(now) < quarter.min(ENDS_SOON)
    }

    /// Whole days until it ends; negative once it has.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        self.expires_at.duration_since(now).as_secs().div_euclid(86_400)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn token(life_days: i64) -> Token {
        let created_at = Timestamp::from_second(1_764_000_000).expect("in range");
        Token {
            id: "0123456789abcdef".to_owned(),
            hash: [0; 32],
            name: "crm".to_owned(),
            role: Role::Viewer,
            purposes: Vec::new(),
            recipient: None,
            reason: None,
            created_at,
            expires_at: created_at + SignedDuration::from_hours(24 * life_days),
        }
    }

    /// Whether it ends soon once so many days of its life have passed, and how many are left.
    fn after(life_days: i64, passed_days: i64) -> (bool, i64) {
        let token = token(life_days);
        let now = token.created_at + SignedDuration::from_hours(24 * passed_days);
        let later = now + SignedDuration::from_secs(1);
        (token.ends_soon(later), token.days_left(later))
    }

    #[test]
    fn a_token_ends_soon_in_its_last_thirty_days_or_its_last_quarter_and_until_it_is_revoked() {
        assert_eq!(after(365, 334), (false, 30));
        assert_eq!(after(365, 335), (true, 29));
        assert_eq!(after(365, 400), (true, -36));
        assert_eq!((after(8, 0).0, after(8, 5).0, after(8, 6).0), (false, false, true));
        assert_eq!(after(1, 0), (false, 0));
    }
}
