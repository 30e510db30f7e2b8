//! Values as they are shown: as TOML for people, the same for programs.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::config::secrets::{SecretFound, SecretState};
use crate::secret::location::Location;
use crate::visible::toml_text;

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

    /// What is said beside it, of each secret in it: a comment at the end of the line.
    pub(super) fn notes(&self) -> Vec<String> {
        match self {
            Self::Text(_) | Self::Number(_) | Self::Flag(_) => Vec::new(),
            Self::List(values) => values.iter().flat_map(Self::notes).collect(),
            Self::Table(rows) | Self::Inline(rows) => {
                rows.iter().flat_map(|(_, value)| value.notes()).collect()
            }
            Self::Secret(found) => vec![match &found.state {
                SecretState::Set { bytes, .. } => format!("set ({bytes} bytes)"),
                SecretState::NotReadableHere(_) => "not readable here".to_owned(),
                SecretState::Refused(fault) => format!("not usable ({})", fault.code.as_str()),
            }],
        }
    }
}

/// A key, quoted where TOML wants it.
pub(super) fn toml_key(key: &str) -> String {
    let is_bare = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if !key.is_empty() && key.bytes().all(is_bare) { key.to_owned() } else { toml_text(key) }
}

/// The path of what stands below a table, or of a list's `[index]`.
pub(super) fn join(path: &str, name: &str) -> String {
    let dot = if path.is_empty() || name.starts_with('[') { "" } else { "." };
    format!("{path}{dot}{name}")
}

impl fmt::Display for ShownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&toml_text(text)),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::List(values) => {
                let values: Vec<String> = values.iter().map(Self::to_string).collect();
                write!(f, "[{}]", values.join(", "))
            }
            Self::Table(rows) | Self::Inline(rows) if rows.is_empty() => f.write_str("{}"),
            Self::Table(rows) | Self::Inline(rows) => {
                let rows: Vec<String> =
                    rows.iter().map(|(key, value)| format!("{} = {value}", toml_key(key))).collect();
                write!(f, "{{ {} }}", rows.join(", "))
            }
            Self::Secret(found) => {
                let (kind, place) = match &found.location {
                    Location::File(path) => ("file", path.display().to_string()),
                    Location::Env(name) => ("env", name.clone()),
                    Location::Credential(name) => ("credential", name.clone()),
                };
                write!(f, "{{ {kind} = {} }}", toml_text(&place))
            }
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
                    SecretState::Set { bytes, .. } => {
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
