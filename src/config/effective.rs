//! The effective configuration, to be read: the three layers as one, defaults of purposes included, and of each secret
//! where it lies and how long it is. Which keys there are, the table says.

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::config::Config;
use crate::config::secrets::{SecretFound, SecretState};
use crate::config::table::Value;
use crate::secret::location::Location;

/// The effective configuration. `Display` is much like TOML; `Serialize` is the same for programs.
pub struct Effective(Vec<(String, Rows)>);

/// Keys with their values.
type Rows = Vec<(String, Shown)>;

/// A value that may be shown.
pub(super) enum Shown {
    Text(String),
    Number(u64),
    Flag(bool),
    List(Vec<Shown>),
    /// In its own lines under `[name]`.
    Table(Rows),
    /// In one line.
    Inline(Rows),
    Secret(SecretFound),
}

/// Where a value stands, and how secrets are shown.
pub(super) struct At<'s> {
    path: String,
    secret: &'s dyn Fn(&str, &Location) -> Shown,
}

impl At<'_> {
    /// What stands below, under a key or a list's `[index]`.
    pub(super) fn below(&self, name: &str) -> Self {
        Self { path: join(&self.path, name), secret: self.secret }
    }

    /// The secret that lies there.
    pub(super) fn secret(&self, location: &Location) -> Shown {
        (self.secret)(&self.path, location)
    }
}

impl Shown {
    /// A text.
    pub(super) fn text(value: impl fmt::Display) -> Self {
        Self::Text(value.to_string())
    }
}

impl Effective {
    /// Shows all keys.
    pub(super) fn of(config: &Config, secret: &dyn Fn(&str, &Location) -> Shown) -> Self {
        let mut sections = Vec::new();
        if let Some(Shown::Table(rows)) = config.show(&At { path: String::new(), secret }) {
            lay_out(String::new(), rows, &mut sections);
        }
        Self(sections)
    }

    /// Each key's dotted path and its value as text.
    pub(super) fn values(&self) -> BTreeMap<String, String> {
        let section = |(path, rows): &(String, Rows)| -> Vec<_> {
            rows.iter().map(|(key, value)| (join(path, key), value.to_string())).collect()
        };
        self.0.iter().flat_map(section).collect()
    }
}

impl Config {
    /// The effective configuration, with what was found of the secrets.
    pub fn effective(&self, secrets: &[SecretFound]) -> Effective {
        Effective::of(self, &|key, _| {
            let found = secrets.iter().find(|secret| secret.key == key);
            found.map_or(Shown::text("not looked for"), |found| Shown::Secret(found.clone()))
        })
    }
}

/// The path of what stands below a table, or of a list's `[index]`.
fn join(path: &str, name: &str) -> String {
    let dot = if path.is_empty() || name.starts_with('[') { "" } else { "." };
    format!("{path}{dot}{name}")
}

/// Gives each table lines of its own, after those of the table that it stands in; one that holds tables alone has none.
fn lay_out(path: String, rows: Rows, sections: &mut Vec<(String, Rows)>) {
    let (tables, own): (Rows, Rows) =
        rows.into_iter().partition(|(_, shown)| matches!(shown, Shown::Table(_)));
    let below = tables.into_iter().map(|(name, shown)| (join(&path, &name), shown)).collect::<Rows>();
    if !own.is_empty() && !path.is_empty() {
        sections.push((path, own));
    }
    for (path, shown) in below {
        if let Shown::Table(rows) = shown {
            lay_out(path, rows, sections);
        }
    }
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, rows)) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            writeln!(f, "{gap}[{name}]")?;
            for (key, value) in rows {
                writeln!(f, "{key} = {value}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Shown {
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

impl Serialize for Effective {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(path, rows)| (path, Lines(rows))))
    }
}

/// Keys with their values, as one map.
struct Lines<'r>(&'r Rows);

impl Serialize for Lines<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl Serialize for Shown {
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
