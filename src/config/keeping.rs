//! `[store]`, `[keys]`, `[backup]`, `[trail]`, `[evidence]`, `[requests]`, `[changes]` and `[log]`: what lies on disk, where, and for how long.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::config::fault::FaultCode;
use crate::config::findings::Findings;
use crate::config::place;
use crate::config::secrets::SecretPlace;
use crate::config::section::ConfigItem;
use crate::config::shown::ShownValue;
use crate::config::table::{plain, table};
use crate::purpose::law::{
    CHANGES_DAYS, EVIDENCE_YEARS, REQUEST_MONTHS, TRAIL_MONTHS, TRAIL_MONTHS_RECOMMENDED,
};
use crate::secret::location::Location;

const CACHE_MB: RangeInclusive<u64> = 1..=65_536;
const FREE_DISK_MB: RangeInclusive<u64> = 1..=1_048_576;

/// A queued reference takes 120 to 150 bytes of memory: ten million are a gigabyte and a half.
const INBOX_REFERENCES: RangeInclusive<u64> = 1..=10_000_000;

/// A form that nobody claims has few leads, or all of them are missed soon.
const HELD_BY_FORM: RangeInclusive<u64> = 1..=1_000_000;

/// Each receipt of erasure says by when the sealed bytes are gone: there is no "never". A year is the longest that one may read there.
const VACUUM_DAYS: RangeInclusive<u64> = 1..=365;

/// A log names no person, but it tells of work and of hosts: a year is enough for any of them.
const LOG_DAYS: RangeInclusive<u64> = 1..=365;

/// With a backup of the keys what was erased since can still be read: GDPR art. 12(3) gives a month for all of it.
const BACKUP_DAYS: RangeInclusive<u64> = 1..=30;

table! {
    /// Where records and references lie.
    #[derive(Clone, Debug)]
    pub struct Store as Table(section) {
        /// The directory: `db/` and `inbox/` below it.
        pub path: PathBuf = must("\"/var/lib/tamis/store\"", place::path);
        /// How much memory the store's cache may take.
        pub cache_mb: u32 = must("32", |item| item.number(CACHE_MB));
        /// Below this much free space tamis takes nothing in.
        pub free_disk_min_mb: u64 = must("256", |item| item.number(FREE_DISK_MB));
        /// How many references may be queued.
        pub inbox_max_references: u64 = must("500_000", |item| item.number(INBOX_REFERENCES));
        /// How many references of one form may be held.
        pub inbox_max_held_by_form: u64 = must("10_000", |item| item.number(HELD_BY_FORM));
        /// How often the sealed bytes of what was removed are cleared out of the store's file, in days: receipts of erasure name the day.
        pub vacuum_days: u32 = must("30", |item| item.number(VACUUM_DAYS));
    }
}

table! {
    /// Where the keys lie.
    #[derive(Clone, Debug)]
    pub struct Keys as Table(section) {
        /// The keyring file; the witness lies beside it.
        pub keyring: PathBuf = must("\"/var/lib/tamis-keys/keyring\"", place::path);
        /// Where the root key lies that seals it.
        pub root: Location = must("{ credential = \"tamis-root-key\" }", place::location);
    }
}

table! {
    /// Copies of the keys that the operator makes.
    #[derive(Clone, Debug)]
    pub struct Backup as Table(section) {
        /// How long the oldest backup of the keys is kept, in days: receipts of erasure name the day.
        @live pub horizon_days: u32 = must("7", |item| item.number(BACKUP_DAYS));
        /// A file on another disk, in which each erasure is noted for whoever restores a backup.
        pub ledger: Option<PathBuf> = may(place::path);
    }
}

table! {
    /// The trail of who did what.
    #[derive(Clone, Debug)]
    pub struct Trail as Table(section) {
        /// How long its lines are kept, in calendar months.
        pub retention_months: u32 = must("12", trail_months);
    }
}

table! {
    /// What shows of consents once their records are gone.
    #[derive(Clone, Debug)]
    pub struct Evidence as Table(section) {
        /// For how many years it is kept; 0: it goes with the record.
        pub years: u32 = must("0", |item| item.number(EVIDENCE_YEARS));
    }
}

impl Evidence {
    /// The same in calendar months.
    pub fn months(&self) -> u32 {
        self.years * 12
    }
}

table! {
    /// The register of what people asked for by right.
    #[derive(Clone, Debug)]
    pub struct Requests as Table(section) {
        /// How long a request is kept once it is answered, in calendar months.
        pub retention_months: u32 = must("36", |item| item.number(REQUEST_MONTHS));
    }
}

table! {
    /// What recipients must follow.
    #[derive(Clone, Debug)]
    pub struct Feeds as Table(section) {
        /// After how many days a change that its recipient has not applied needs a person.
        pub attention_days: u32 = must("7", |item| item.number(CHANGES_DAYS));
    }
}

table! {
    /// What is logged, how and where.
    #[derive(Clone, Debug)]
    pub struct Log as Table(section) {
        /// For people or for programs.
        pub format: LogFormat = must("\"pretty\"", |item| item.one_of(LogFormat::ALL, LogFormat::as_str));
        /// What is left out.
        @live pub level: LogLevel = must("\"info\"", |item| item.one_of(LogLevel::ALL, LogLevel::as_str));
        /// A file beside stderr.
        pub file: Option<PathBuf> = may(place::path);
        /// How long such files are kept, in days.
        pub file_retention_days: u32 = must("180", |item| item.number(LOG_DAYS)), if |log| log.file.is_some();
    }
}

crate::codes! {
    /// How log lines look.
    pub enum LogFormat {
        /// For people.
        Pretty = "pretty",
        /// For programs: one JSON object a line.
        Json = "json",
    }
}

crate::codes! {
    /// The least important lines that are still written.
    pub enum LogLevel {
        /// A human must act now.
        Error = "error",
        /// A human should look.
        Warn = "warn",
        /// One line for each thing that an operator cares about.
        Info = "info",
        /// Details.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

fn trail_months(item: &ConfigItem<'_>) -> Option<u32> {
    let months = item.number(TRAIL_MONTHS)?;
    if months > TRAIL_MONTHS_RECOMMENDED {
        let reason = "longer than the six to twelve months that the CNIL recommends for traces of access";
        item.warn(FaultCode::RetentionLong, reason, "Write down your reason, or choose 12.");
    }
    Some(months)
}

/// Holds the paths against one another: what reads the store's backup must not find a key in it.
pub(super) fn compare_paths(
    store: Option<&Store>,
    keys: Option<&Keys>,
    log: Option<&Log>,
    findings: &Findings,
) {
    let log_file = log.and_then(|log| log.file.as_ref());
    let beside_keys = keys.and_then(|keys| keys.keyring.parent());
    if let Some(file) = log_file
        && (store.is_some_and(|store| file.starts_with(&store.path))
            || beside_keys.is_some_and(|directory| file.parent() == Some(directory)))
    {
        let reason =
            "the log lies where store or keyring lie: it would be written, renamed and deleted among them";
        findings.fault(FaultCode::PathOverlap, "log.file", reason, "Give it a directory of its own.");
    }
    let Some(store) = store else { return };
    for SecretPlace { key, location } in findings.places().iter() {
        if let Location::File(path) = location
            && path.starts_with(&store.path)
        {
            let reason = "this lies inside `store.path`: a backup of the store would hold the secret";
            findings.fault(FaultCode::PathOverlap, key, reason, "Move it elsewhere.");
        }
    }
    let Some(keys) = keys else { return };
    let beside = keys.keyring.parent().unwrap_or(Path::new("/"));
    if keys.keyring.starts_with(&store.path) || store.path.starts_with(&keys.keyring) {
        findings.fault(
            FaultCode::PathOverlap,
            "keys.keyring",
            "keyring and store lie within one another: a backup of the store would hold the keys, and nothing could be forgotten",
            "Give the keyring a directory of its own, as in \"/var/lib/tamis-keys/keyring\".",
        );
    } else if store.path.starts_with(beside) {
        findings.warn(
            FaultCode::PathOverlap,
            "keys.keyring",
            "the store lies below the keyring's directory: a backup of that directory would hold both",
            "Give the keyring a directory of its own, as in \"/var/lib/tamis-keys/keyring\".",
        );
    }
    if let Location::File(root) = &keys.root
        && root.starts_with(beside)
    {
        findings.warn(
            FaultCode::PathOverlap,
            "keys.root",
            "the root key lies beside the keyring that it seals: who copies one copies both",
            "Keep it in another directory, and back it up apart.",
        );
    }
}

plain! {
    LogFormat, LogLevel => ShownValue::text;
}
