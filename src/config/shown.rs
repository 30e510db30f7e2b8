//! Values as they are shown: much like TOML for people, the same for programs.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::config::secrets::{SecretFound, SecretState};
use crate::secret::location::Location;

/// Keys with their values.
pub(super) type Rows = Vec<(String, ShownValue)>;

/// A value that may be shown.
pub(super) enum ShownValue {
    Text(String),
    Number(u64),
    Flag(bool),
    List(Vec<ShownValue>),
    /// In its own lines under `[name]`.
    Table(Rows),
    /// In one line.
    Inline(Rows),
    Secret(SecretFound),
}

/// Where a value stands, and how secrets are shown.
pub(super) struct At<'s> {
    path: String,
    secret: &'s dyn Fn(&str, &Location) -> ShownValue,
}

impl<'s> At<'s> {
    /// Above all keys.
    pub(super) fn top(secret: &'s dyn Fn(&str, &Location) -> ShownValue) -> Self {
        Self { path: String::new(), secret }
    }

    /// What stands below, under a key or a list's `[index]`.
    pub(super) fn below(&self, name: &str) -> Self {
        Self { path: join(&self.path, name), secret: self.secret }
    }

    /// The secret that lies there.
    pub(super) fn secret(&self, location: &Location) -> ShownValue {
        (self.secret)(&self.path, location)
    }
}

impl ShownValue {
    /// A text.
    pub(super) fn text(value: impl fmt::Display) -> Self {
        Self::Text(value.to_string())
    }
}

/// The path of what stands below a table, or of a list's `[index]`.
pub(super) fn join(path: &str, name: &str) -> String {
    let dot = if path.is_empty() || name.starts_with('[') { "" } else { "." };
    format!("{path}{dot}{name}")
}

impl fmt::Display for ShownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::List(values) => {
                let values: Vec<String> = values.iter().map(Self::to_string).collect();
                write!(f, "[{}]", values.join(", "))
            }
            Self::Table(rows) | Self::Inline(rows) if rows.is_empty() => f.write_str("{}"),
            Self::Table(rows) | Self::Inline(rows) => {
                let rows: Vec<String> = rows.iter().map(|(key, value)| format!("{key} = {value}")).collect();
                write!(f, "{{ {} }}", rows.join(", "))
            }
            Self::Secret(found) => match &found.state {
                SecretState::Set { bytes } => write!(f, "set ({bytes} bytes), {}", found.location),
                SecretState::NotReadableHere(_) => write!(f, "not readable here, {}", found.location),
                SecretState::Refused(fault) => {
                    write!(f, "not usable ({}), {}", fault.code.as_str(), found.location)
                }
            },
        }
    }
}

/// Keys with their values, as one map.
pub(super) struct Lines<'r>(pub(super) &'r Rows);

impl Serialize for Lines<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl Serialize for ShownValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::List(values) => serializer.collect_seq(values),
            Self::Table(rows) | Self::Inline(rows) => Lines(rows).serialize(serializer),
            Self::Secret(found) => {
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry("location", &found.location.to_string())?;
                match &found.state {
                    SecretState::Set { bytes } => {
                        map.serialize_entry("state", "set")?;
                        map.serialize_entry("bytes", bytes)?;
                    }
                    SecretState::NotReadableHere(_) => map.serialize_entry("state", "not-readable-here")?,
                    SecretState::Refused(fault) => map.serialize_entry("state", &fault.code)?,
                }
                map.end()
            }
        }
    }
}
