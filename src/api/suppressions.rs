//! `GET /suppressions`, `POST /suppressions` and `POST /suppressions/remove`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::id_text::EpochNumber;
use crate::api::{Moment, Word, member};
use crate::trail::Reason;

/// An address that may not be stored: exactly one of `email` and `phone`.
// It holds an address: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppress {
    /// An e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// A telephone number, from any country if it begins with a plus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// A purpose, or `all`.
    pub scope: String,
    /// Why.
    pub reason: String,
    /// For how many months.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "member::number")]
    pub months: Option<u32>,
}

/// Which entries are to go: exactly one of `email`, `phone` and `id`.
// It holds an address: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveSuppression {
    /// All entries of an e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// All entries of a telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// One entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Why.
    pub reason: String,
}

/// Entries of the list, in the order of their ids. Of the addresses nothing is shown, nor of what is kept of them.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct SuppressionList {
    /// The entries.
    pub suppressions: Vec<Suppression>,
    /// True: there may be more, after the last one.
    pub more: bool,
}

/// What came of it: one entry, or one for each spelling that the number has under the purposes.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Suppressed {
    /// The entries as they stand now.
    pub suppressions: Vec<Suppression>,
}

/// How many entries went.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct SuppressionsRemoved {
    /// Of an address that was on the list, one at least; 0: it was not.
    pub removed: u64,
}

/// One entry of the list, without its address.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Suppression {
    /// Its id.
    #[schema(value_type = EpochNumber)]
    pub id: String,
    /// What the address is.
    #[schema(value_type = ContactKind)]
    pub contact: Word<ContactKind>,
    /// The purpose for which it may not be stored, or `all`.
    #[schema(pattern = "^[a-z][a-z0-9_]{0,62}$")]
    pub scope: String,
    /// Why.
    #[schema(required = true, value_type = Option<Reason>)]
    pub reason: Option<Word<Reason>>,
    /// Since when.
    pub since: Moment,
    /// When it ends.
    pub until: Moment,
}

crate::codes! {
    /// What an address is.
    pub enum ContactKind {
        /// An e-mail address.
        Email = "email",
        /// A telephone number.
        Phone = "phone",
    }
}

/// The scope that is every purpose.
pub const ALL: &str = "all";
