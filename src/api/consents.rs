//! `POST /withdrawals` and `POST /confirmations`: consents taken back, or said once more.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::erasures::ErasedBefore;
use crate::api::{IdText, Word, member};
use crate::purpose::RecordId;
use crate::trail::Reason;

/// Which consents are taken back, and of whom: exactly one of `id`, `email` and `phone`.
// It may hold an address: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdraw {
    /// The record's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<IdText>,
    /// Each record that holds this e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Each record that holds this telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// By an address: in these purposes alone. Absent: in all.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "member::present")]
    pub purposes: Option<Vec<String>>,
    /// Which, by the names of the config. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "member::present")]
    pub consents: Option<Vec<String>>,
    /// Why; it stands in the trail, and in the receipt of what is erased. Absent, also as `Tamis-Reason`: `withdrawal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Word<Reason>>,
}

crate::codes! {
    /// What a withdrawal made of a record.
    pub enum Became {
        /// The consents hold no longer, and what hung on them is gone.
        Ended = "ended",
        /// They had ended already, or were never given.
        Unchanged = "unchanged",
        /// Nothing was left on which it may be held: it is erased.
        Erased = "erased",
    }
}

/// A record of which consents were taken back.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct WithdrawnOf {
    /// The record.
    pub id: RecordId,
    /// What it made of it.
    #[schema(value_type = Became)]
    pub became: Word<Became>,
}

/// What came of it.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Withdrawal {
    /// Each record of which consents were taken back; none: no record holds the address.
    pub records: Vec<WithdrawnOf>,
    /// The erasures of those that went whole, with their receipts; at most one for each 256 records of a purpose.
    pub erasures: Vec<ErasedBefore>,
    /// By an address: how many submissions were not read yet, so that nobody knew whose they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub unread: Option<u64>,
    /// By an address: how many records do not open, and may hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub unreadable: Option<u64>,
}

/// To which boxes a person says yes once more.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// The record's id.
    pub id: IdText,
    /// The boxes that they named, by the names of the config; none where the purpose rests on no consent.
    pub consents: Vec<String>,
    /// Why; it stands in the trail. Absent, also as `Tamis-Reason`: `person-request`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Word<Reason>>,
}

/// What came of a yes.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Yes {
    /// The record: its id stays.
    pub id: RecordId,
    /// False: they had said so today already.
    pub changed: bool,
}
