//! `[store]`, `[keys]`, `[trail]` and `[log]`: what lies on disk, where, and for how long.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::config::fault::FaultCode;
use crate::config::place;
use crate::config::secrets::SecretPlace;
use crate::config::section::{Findings, Section};
use crate::location::Location;
use crate::purpose::law::{TRAIL_MONTHS, TRAIL_MONTHS_RECOMMENDED};

const CACHE_MB: RangeInclusive<u64> = 1..=65_536;
const FREE_DISK_MB: RangeInclusive<u64> = 1..=1_048_576;

/// A queued reference takes about 100 bytes of memory: ten million are a gigabyte.
const INBOX_REFERENCES: RangeInclusive<u64> = 1..=10_000_000;

/// A log names no person, but it tells of work and of hosts: a year is enough for any of them.
const LOG_DAYS: RangeInclusive<u64> = 1..=365;

/// Where records and references lie.
#[derive(Clone, Debug)]
pub struct Store {
    /// The directory: `db/` and `inbox/` below it.
    pub path: PathBuf,
    /// How much memory the store's cache may take.
    pub cache_mb: u32,
    /// Below this much free space tamis takes nothing in.
    pub free_disk_min_mb: u64,
    /// How many references may be queued.
    pub inbox_max_references: u64,
}

/// Where the keys lie.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The keyring file; the witness lies beside it.
    pub keyring: PathBuf,
    /// Where the root key lies that seals it.
    pub root: Location,
}

/// What is logged, how and where.
#[derive(Clone, Debug)]
pub struct Log {
    /// For people or for programs.
    pub format: LogFormat,
    /// What is left out.
    pub level: LogLevel,
    /// A file beside stderr.
    pub file: Option<PathBuf>,
    /// How long such files are kept.
    pub file_retention_days: u32,
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

pub(super) fn read_store(mut section: Section<'_>) -> Option<Store> {
    let path = section.must("path", "path = \"/var/lib/tamis/store\"").and_then(|item| place::path(&item));
    let cache_mb = section.must("cache_mb", "cache_mb = 32").and_then(|item| item.number(CACHE_MB));
    let free =
        section.must("free_disk_min_mb", "free_disk_min_mb = 256").and_then(|item| item.number(FREE_DISK_MB));
    let references = section.must("inbox_max_references", "inbox_max_references = 500_000");
    let references = references.and_then(|item| item.number(INBOX_REFERENCES));
    section.finish();
    Some(Store {
        path: path?,
        cache_mb: u32::try_from(cache_mb?).ok()?,
        free_disk_min_mb: free?,
        inbox_max_references: references?,
    })
}

pub(super) fn read_keys(mut section: Section<'_>) -> Option<Keys> {
    let keyring = section.must("keyring", "keyring = \"/var/lib/tamis-keys/keyring\"");
    let keyring = keyring.and_then(|item| place::path(&item));
    let root = section.must("root", "root = { credential = \"tamis-root-key\" }");
    let root = root.and_then(|item| place::location(&item));
    section.finish();
    Some(Keys { keyring: keyring?, root: root? })
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

/// How long lines of the trail are kept, in months.
pub(super) fn read_trail(mut section: Section<'_>) -> Option<u32> {
    let months = section.must("retention_months", "retention_months = 12").and_then(|item| {
        let months = item.number(TRAIL_MONTHS)?;
        if months > u64::from(TRAIL_MONTHS_RECOMMENDED) {
            let reason = "longer than the six to twelve months that the CNIL recommends for traces of access";
            item.warn(FaultCode::RetentionLong, reason, "Write down your reason, or choose 12.");
        }
        u32::try_from(months).ok()
    });
    section.finish();
    months
}

pub(super) fn read_log(mut section: Section<'_>) -> Option<Log> {
    let format = section.must("format", "format = \"pretty\"");
    let format = format.and_then(|item| item.one_of(LogFormat::ALL, LogFormat::as_str));
    let level = section.must("level", "level = \"info\"");
    let level = level.and_then(|item| item.one_of(LogLevel::ALL, LogLevel::as_str));
    let file = section.item("file").map(|item| place::path(&item));
    let days = section.must("file_retention_days", "file_retention_days = 180");
    let days = days.and_then(|item| u32::try_from(item.number(LOG_DAYS)?).ok());
    section.finish();
    let file = match file {
        Some(file) => Some(file?),
        None => None,
    };
    Some(Log { format: format?, level: level?, file, file_retention_days: days? })
}
