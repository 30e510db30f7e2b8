//! Making a receipt of what became of an erasure.
//!
//! Whatever of it may be another later (names, titles, periods, the name of the key) is written down when the erasure is asked
//! for ([`Stationery`]), and is kept beside it. So the receipt is the same whenever it is made.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::{Day, Month};
use crate::forget::receipt::content::{
    AskedBy, ErasedRecords, Ground, Issuer, KeyStorage, Receipt, ReceiptNumber, Recipient, Remains, Version,
};
use crate::forget::receipt::note::KeyName;
use crate::forget::receipt::wire;
use crate::purpose::PurposeId;
use crate::purpose::law::{RecipientRole, TransferBasis};

/// What receipts are written with: what the config says now.
#[derive(Clone)]
pub struct Stationery {
    /// What the signing key is called.
    pub key_name: KeyName,
    /// Who answers for the data.
    pub controller: Issuer,
    /// Under which address the notices stand.
    pub public_url: String,
    /// How long a backup of the keys may live, in days.
    pub key_backups_days: u32,
    /// How long the trail's lines are kept, in whole calendar months.
    pub trail_months: u32,
    /// How long what shows of consents outlives a record, in months; 0: it goes with it.
    pub evidence_months: u32,
    /// So many days lie between two vacuums of the store at the most.
    pub vacuum_days: u32,
    /// What the keys lie on.
    pub key_storage: KeyStorage,
    /// Who may receive data, by the id that the config gives it.
    pub recipients: BTreeMap<String, Recipient>,
    /// What protects data that leave the EEA, by the same ids; no receipt says it.
    pub safeguards: BTreeMap<String, Safeguard>,
    /// What is said of purposes.
    pub purposes: BTreeMap<PurposeId, OfPurpose>,
    /// A ledger of what was forgotten is kept elsewhere.
    pub has_ledger: bool,
}

/// What allows data to leave the EEA for a recipient (GDPR chapter V).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Safeguard {
    /// On what that rests.
    pub basis: TransferBasis,
    /// Where it can be read.
    pub document: Option<String>,
}

/// What a receipt says of a purpose beside how many records went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfPurpose {
    /// What people read it under, by language tag.
    pub title: BTreeMap<String, String>,
}

/// What a receipt says whatever was erased.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfAll {
    /// The latest version of receipts that there was when it was written down: what was asked for before a version keeps its own.
    version: Version,
    key_name: String,
    controller: Issuer,
    key_backups_days: u32,
    trail_months: u32,
    /// None: it was written down before receipts named that day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vacuum_days: Option<u32>,
    #[serde(with = "wire::shown")]
    key_storage: KeyStorage,
    recipients: BTreeMap<String, Recipient>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by_address: Option<ByAddress>,
}

/// What is answered of an erasure by an address beside its receipt: nobody can find it out again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByAddress {
    /// How many submissions were not read yet: nobody knew whose they were.
    pub unread: u64,
    /// How many records did not open.
    pub unreadable: u64,
    /// Until when the address is not stored, where it went on the list of who objected.
    #[serde(with = "wire::maybe_shown")]
    pub suppressed_until: Option<Timestamp>,
    /// What was not read is held against the address when it is, and a second receipt follows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awaited: bool,
}

impl ByAddress {
    /// What was written down of one; none: it was by an id, or cannot be read.
    pub fn of(of_all: &[u8]) -> Option<Self> {
        serde_json::from_slice::<OfAll>(of_all).ok()?.by_address
    }
}

/// What was written down cannot be read: a later version did, or it is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unmade;

impl Stationery {
    /// Writes down what is said whatever is erased.
    pub fn of_all(&self) -> Vec<u8> {
        written(&self.all(None))
    }

    /// The same where it was found by an address.
    pub fn of_all_by_address(&self, by_address: ByAddress) -> Vec<u8> {
        written(&self.all(Some(by_address)))
    }

    /// What a reload changes of it: lines of the trail go and the store is vacuumed by the start's config, and the keyring and the
    /// ledger lie where they lay, until a restart.
    #[must_use]
    pub fn reloaded(self, before: &Self) -> Self {
        Self {
            trail_months: before.trail_months,
            evidence_months: before.evidence_months,
            vacuum_days: before.vacuum_days,
            key_storage: before.key_storage,
            has_ledger: before.has_ledger,
            ..self
        }
    }

    fn all(&self, by_address: Option<ByAddress>) -> OfAll {
        OfAll {
            version: Version::Three,
            key_name: self.key_name.as_str().to_owned(),
            controller: self.controller.clone(),
            key_backups_days: self.key_backups_days,
            trail_months: self.trail_months,
            vacuum_days: Some(self.vacuum_days),
            key_storage: self.key_storage,
            recipients: self.recipients.clone(),
            by_address,
        }
    }

    /// Writes down what is said of each purpose.
    pub fn of_purposes(&self) -> BTreeMap<PurposeId, Vec<u8>> {
        self.purposes.iter().map(|(purpose, of)| (purpose.clone(), written(of))).collect()
    }
}

fn written(what: &impl Serialize) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "strings and numbers into a growing vector cannot fail")]
    serde_json::to_vec(what).expect("a vector grows")
}

/// An erasure that is done.
pub struct Became<'e> {
    /// Its number.
    pub number: ReceiptNumber,
    /// When it was asked for.
    pub asked: Timestamp,
    /// When the keys were destroyed and the disk had it.
    pub done: Timestamp,
    /// The one that it adds to.
    pub follows: Option<ReceiptNumber>,
    /// By whom.
    pub asked_by: AskedBy,
    /// Why.
    pub why: Ground,
    /// [`Stationery::of_all`] of then.
    pub of_all: &'e [u8],
    /// [`Stationery::of_purposes`] of then, at least of those whose records went.
    pub of_purposes: &'e BTreeMap<PurposeId, Vec<u8>>,
    /// How many records went, by purpose.
    pub records: &'e [(PurposeId, u64)],
    /// To whom any of it had been handed, by the ids of the config; none: into a file of the controller's own.
    pub handed: &'e [Option<String>],
    /// How many references ended unread.
    pub references: u64,
    /// The keyring's change with which the keys went.
    pub keyring_generation: u64,
    /// The number of the line in the trail.
    pub trail_line: u64,
    /// In the course of this day the key goes under which the references were sealed; none: there were none.
    pub day_keys_until: Option<Day>,
    /// In the course of this day the key of the tombstones goes; none: there are none.
    pub tombstones_until: Option<Day>,
    /// In the course of this day the evidence of consents goes; none: there is none.
    pub evidence_until: Option<Day>,
    /// Until when Meta has its copy; none: there was nothing, or no longer.
    pub meta_until: Option<Day>,
}

impl Receipt {
    /// Makes the receipt of an erasure, and tells under which name its key signs.
    ///
    /// # Errors
    /// See [`Unmade`].
    pub fn of(became: &Became<'_>) -> Result<(Self, KeyName), Unmade> {
        let all: OfAll = serde_json::from_slice(became.of_all).map_err(|_| Unmade)?;
        let key_name = KeyName::parse(&all.key_name).ok_or(Unmade)?;
        let suppressed_until = all.by_address.as_ref().and_then(|by| by.suppressed_until);
        let unread = all.by_address.as_ref().filter(|by| by.awaited).map(|by| by.unread);
        let mut of_purposes = Vec::with_capacity(became.records.len());
        for (purpose, count) in became.records {
            // One that the config had no more when its records went: there is its name alone.
            let of = became.of_purposes.get(purpose).map(|of| serde_json::from_slice::<OfPurpose>(of));
            of_purposes.push((purpose, *count, of.transpose().map_err(|_| Unmade)?.unwrap_or_default()));
        }
        let records: Vec<ErasedRecords> = of_purposes
            .into_iter()
            .map(|(purpose, count, of)| ErasedRecords { purpose: purpose.clone(), title: of.title, count })
            .collect();
        let found = became.references > 0 || !records.is_empty();
        let version = match all.version {
            // What leaves evidence says so by itself: nobody wrote down that it would.
            Version::Four => return Err(Unmade),
            Version::Two if found => Version::One,
            Version::Three if became.evidence_until.is_some() => Version::Four,
            version => version,
        };
        let is_known = found || version == Version::One;
        let sealed_bytes_until = match version {
            Version::Three | Version::Four => {
                let days = all.vacuum_days.ok_or(Unmade)?;
                // One that is due waits a while for a quiet moment.
                Some((!records.is_empty()).then(|| Day::of(became.done).plus(days.saturating_add(1))))
            }
            Version::One | Version::Two => None,
        };
        let receipt = Self {
            version,
            number: became.number,
            follows: became.follows,
            asked: whole(became.asked),
            done: whole(became.done),
            asked_by: became.asked_by,
            why: became.why,
            exported_locally: is_known.then(|| became.handed.contains(&None)),
            references: became.references,
            unread,
            keyring_generation: became.keyring_generation,
            trail_line: became.trail_line,
            remains: Remains {
                key_backups_until: (!records.is_empty())
                    .then(|| Day::of(became.done).plus(all.key_backups_days)),
                tombstones_until: became.tombstones_until,
                day_keys_until: became.day_keys_until,
                trail_line_until: last_day(became.done, all.trail_months),
                // Whatever left a tombstone may have been named in the log, this month at the latest.
                log_key_until: became.tombstones_until.map(|_| last_log_day(became.done)),
                suppression_until: suppressed_until.map(Day::of),
                meta_until: became.meta_until,
                sealed_bytes_until,
                evidence_until: became.evidence_until.filter(|_| version == Version::Four),
            },
            records,
            controller: all.controller,
            to_be_told: is_known.then(|| had_it(became.handed, &all.recipients)),
            key_storage: all.key_storage,
        };
        Ok((receipt, key_name))
    }
}

/// No country's: among the codes that ISO 3166-1 leaves to everybody.
const NO_COUNTRY: &str = "ZZ";

/// Who has to be told, each once. Of one that had left the config when the erasure was asked for there is the id alone; it is
/// called one that decides by itself, as which nobody is left untold.
fn had_it(handed: &[Option<String>], declared: &BTreeMap<String, Recipient>) -> Vec<Recipient> {
    let mut named = BTreeSet::new();
    let unknown = |id: &String| Recipient {
        name: id.clone(),
        country: NO_COUNTRY.to_owned(),
        role: RecipientRole::Controller,
    };
    let all = handed.iter().flatten().map(|id| declared.get(id).cloned().unwrap_or_else(|| unknown(id)));
    all.filter(|one| named.insert((one.name.clone(), one.country.clone(), one.role.as_str()))).collect()
}

/// Receipts know whole seconds.
fn whole(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}

/// The last day of the month in which a line of this moment has been kept for so many months: lines go by whole months.
fn last_day(moment: Timestamp, months: u32) -> Day {
    let Month(month) = Month::of(moment);
    Month(month.saturating_add(months)).end().minus(1)
}

/// The day on which the log's key of this month goes: the first on which there are two months after it.
fn last_log_day(moment: Timestamp) -> Day {
    let Month(month) = Month::of(moment);
    Month(month.saturating_add(1)).end()
}
