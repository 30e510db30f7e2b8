//! What a receipt says. No id of Meta, no answer, no hash of one: there is no field that could hold it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::Day;
use crate::forget::receipt::wire::{self, Shown};
use crate::purpose::PurposeId;
use crate::purpose::law::RecipientRole;
use crate::trail::Reason;

crate::codes! {
    /// Who wanted the erasure.
    pub enum AskedBy {
        /// The person.
        Person = "person",
        /// Who answers for the data, by itself.
        Controller = "controller",
        /// A supervisory authority or a court (GDPR art. 58(2)(g)).
        Authority = "authority",
    }
}

crate::codes! {
    /// Why data was erased: those of the trail's reasons that can be one (GDPR art. 17(1)).
    pub enum Ground {
        /// The person asked for it.
        PersonRequest = "person-request",
        /// The person withdrew consent (art. 17(1)(b)).
        Withdrawal = "withdrawal",
        /// The person objected (art. 17(1)(c)).
        Objection = "objection",
        /// It was stored wrongly (art. 17(1)(d)).
        Error = "error",
        /// A check found that it was no longer to be there (art. 17(1)(a)).
        Audit = "audit",
    }
}

crate::codes! {
    /// What the keys lay on, and so what overwriting them is worth.
    pub enum KeyStorage {
        /// A file system that overwrites where a file lies.
        InPlace = "in-place",
        /// One that writes what changes elsewhere (btrfs, zfs): old bytes stay until their place is used again.
        CopyOnWrite = "copy-on-write",
        /// Layers, as containers have them.
        Overlay = "overlay",
        /// Another machine.
        Network = "network",
        /// The system does not say.
        Unknown = "storage-unknown",
    }
}

impl Ground {
    /// The same, where it can be why data is erased.
    pub fn of(reason: Reason) -> Option<Self> {
        Self::from_code(reason.as_str())
    }
}

/// Counts the receipts of a store. As a record's id it has the epoch, so that a store that was restored gives none again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReceiptNumber {
    /// Of the store, when the erasure was asked for.
    pub epoch: u32,
    /// From 1.
    pub number: u64,
}

impl ReceiptNumber {
    /// Reads what [`fmt::Display`] wrote, and no other spelling of it.
    pub fn parse(text: &str) -> Option<Self> {
        let (epoch, number) = text.split_once('-')?;
        let parsed = Self { epoch: epoch.parse().ok()?, number: number.parse().ok()? };
        (parsed.to_string() == text).then_some(parsed)
    }
}

impl fmt::Display for ReceiptNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.number)
    }
}

impl Receipt {
    /// True if something was erased, and not only looked for.
    pub fn erased_anything(&self) -> bool {
        !self.records.is_empty() || self.references > 0
    }

    /// True if it has what its version has.
    pub(super) fn is_of_its_version(&self) -> bool {
        let told = (self.to_be_told.is_some(), self.exported_locally.is_some());
        let (is_known, nobody_knows) = (told == (true, true), told == (false, false));
        let sealed = self.remains.sealed_bytes_until;
        if self.remains.evidence_until.is_some() != (self.version == Version::Four) {
            return false;
        }
        match self.version {
            Version::One => is_known && sealed.is_none(),
            Version::Two => nobody_knows && !self.erased_anything() && sealed.is_none(),
            Version::Three | Version::Four => {
                let is_dated = sealed.map(|until| until.is_some());
                (if self.erased_anything() { is_known } else { nobody_knows })
                    && is_dated == Some(!self.records.is_empty())
            }
        }
    }
}

impl Shown for ReceiptNumber {
    fn shown(&self) -> String {
        self.to_string()
    }
    fn of_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// Says which fields a receipt has; other ones are another version's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Who had it is known. (Of an erasure that was asked for before there was another version, and found nothing, it says that
    /// nobody had: that was not known.)
    One,
    /// Nothing was found, so it is not known whether anybody had been given anything.
    Two,
    /// As these two, and until when sealed bytes lie in the store's file.
    Three,
    /// As the third, of an erasure that left evidence of consents.
    Four,
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
            Self::Four => 4,
        })
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            1 => Ok(Self::One),
            2 => Ok(Self::Two),
            3 => Ok(Self::Three),
            4 => Ok(Self::Four),
            _ => Err(D::Error::custom("another version's")),
        }
    }
}

/// The receipt of one erasure. The order of the fields is that of its JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// What tells it from every other JSON.
    #[serde(rename = "tamis_receipt")]
    pub version: Version,
    /// Its number.
    #[serde(with = "wire::shown")]
    pub number: ReceiptNumber,
    /// The receipt that this one adds to: what was unread then is read by now.
    #[serde(with = "wire::maybe_shown")]
    pub follows: Option<ReceiptNumber>,
    /// When the erasure was asked for. Whole seconds, as all moments here.
    #[serde(with = "wire::shown")]
    pub asked: Timestamp,
    /// When the keys were destroyed and the disk had it.
    #[serde(with = "wire::shown")]
    pub done: Timestamp,
    /// By whom.
    #[serde(with = "wire::shown")]
    pub asked_by: AskedBy,
    /// Why.
    #[serde(with = "wire::shown")]
    pub why: Ground,
    /// Who answers for the data.
    pub controller: Issuer,
    /// What was erased, by purpose; empty: nothing was stored.
    pub records: Vec<ErasedRecords>,
    /// Submissions that were accepted, and erased before they were read: nothing was known of them but Meta's number.
    pub references: u64,
    /// Other submissions that were accepted before the request and not read when it was done: whose they are nobody knew. None: the
    /// request named a submission, so that they do not matter.
    pub unread: Option<u64>,
    /// The keyring's change with which the keys went.
    pub keyring_generation: u64,
    /// The number of the line in the trail that says so.
    pub trail_line: u64,
    /// What is left.
    pub remains: Remains,
    /// Who had it, and must be told (GDPR art. 19). What they did is not known when a receipt is made, and it never changes. None:
    /// nothing was found, so that nothing is known of who had it.
    #[serde(deserialize_with = "wire::there")]
    pub to_be_told: Option<Vec<Recipient>>,
    /// True if it was also exported on behalf of nobody outside: into files on the controller's own machines. None: as above.
    #[serde(deserialize_with = "wire::there")]
    pub exported_locally: Option<bool>,
    /// What the keys lay on.
    #[serde(with = "wire::shown")]
    pub key_storage: KeyStorage,
}

/// Who answers for the data, and so for the receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Its name, as people know it.
    pub name: String,
    /// Its postal address.
    pub address: String,
    /// Where people write about their data.
    pub email: String,
}

/// How much went of one purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasedRecords {
    /// The purpose.
    pub purpose: PurposeId,
    /// What people read it under, by language tag.
    pub title: BTreeMap<String, String>,
    /// How many records.
    pub count: u64,
}

/// What is left of the data, of traces of it, and of copies elsewhere, and until the end of which day (UTC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remains {
    /// Backups of the keys from before the erasure (the backup horizon): they open older copies of the records. None: no
    /// record was erased.
    #[serde(with = "wire::maybe_shown")]
    pub key_backups_until: Option<Day>,
    /// The keyed hashes that refuse the submissions' return. Personal data while their key lives (EDPB 01/2025). None: there
    /// are none, since nothing was named that could come back.
    #[serde(with = "wire::maybe_shown")]
    pub tombstones_until: Option<Day>,
    /// The key of the day under which the numbers of what was never read are sealed; none: there was no such.
    #[serde(with = "wire::maybe_shown")]
    pub day_keys_until: Option<Day>,
    /// The trail's lines with the records' numbers.
    #[serde(with = "wire::shown")]
    pub trail_line_until: Day,
    /// The key by which the log's short names could be tied to the submissions; none: it is gone.
    #[serde(with = "wire::maybe_shown")]
    pub log_key_until: Option<Day>,
    /// The keyed hash of an address that may not be stored again; none: erasing alone makes none.
    #[serde(with = "wire::maybe_shown")]
    pub suppression_until: Option<Day>,
    /// Meta's own copy, which lives for 90 days from the submission; none: they are over.
    #[serde(with = "wire::maybe_shown")]
    pub meta_until: Option<Day>,
    /// The records' sealed bytes in the store's file, whose keys are destroyed; none within: no record was erased. None: of an earlier
    /// version, which names no day.
    #[serde(default, with = "wire::since_shown", skip_serializing_if = "Option::is_none")]
    pub sealed_bytes_until: Option<Option<Day>>,
    /// What shows of the consents of the records: sealed, without an answer, by a keyed hash of their addresses. Personal data. None:
    /// it went with them.
    #[serde(default, with = "wire::maybe_shown", skip_serializing_if = "Option::is_none")]
    pub evidence_until: Option<Day>,
}

/// A recipient that had it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// Its name, as people know it.
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// What it is in law.
    #[serde(with = "wire::shown")]
    pub role: RecipientRole,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        for text in ["1-1", "4294967295-18446744073709551615", "0-17"] {
            assert_eq!(ReceiptNumber::parse(text).map(|number| number.to_string()).as_deref(), Some(text));
        }
        for bad in ["", "1", "1-", "-1", "01-1", "1-+1", "1-1-1", "1-01", "4294967296-1", "1 -1"] {
            assert!(ReceiptNumber::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn only_what_can_be_a_ground_for_erasing_is_one() {
        let grounds = |reason: &Reason| Ground::of(*reason).map(Ground::as_str);
        let found: Vec<_> = Reason::ALL.iter().filter_map(grounds).collect();
        assert_eq!(found, ["person-request", "withdrawal", "objection", "error", "audit"]);
        assert_eq!(found.len(), Ground::ALL.len(), "each is a reason of the trail");
    }
}
