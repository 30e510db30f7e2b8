//! The effective configuration, to be read: the three layers as one, defaults of purposes included, and of each secret
//! where it lies and how long it is. Which keys there are, the table says.

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::{Serialize, Serializer};

use crate::config::Config;
use crate::config::secrets::SecretFound;
use crate::config::shown::{At, Lines, Rows, ShownValue, join, toml_key};
use crate::config::table::Value;
use crate::secret::location::Location;

/// The effective configuration. `Display` is TOML, of secrets where they lie, with their state as a comment; `Serialize` is the same
/// for programs.
pub struct Effective(Vec<(String, Rows)>);

impl Effective {
    /// Shows all keys.
    pub(super) fn of(config: &Config, secret: &dyn Fn(&str, &Location) -> ShownValue) -> Self {
        let mut sections = Vec::new();
        if let Some(ShownValue::Table(rows)) = config.show(&At::top(secret)) {
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
            found.map_or(ShownValue::text("not looked for"), |found| ShownValue::Secret(found.clone()))
        })
    }
}

/// Gives each table lines of its own, after those of the table that it stands in; one that holds tables alone has none.
fn lay_out(path: String, rows: Rows, sections: &mut Vec<(String, Rows)>) {
    let (tables, own): (Rows, Rows) =
        rows.into_iter().partition(|(_, shown)| matches!(shown, ShownValue::Table(_)));
    let below = tables.into_iter().map(|(name, shown)| (join(&path, &name), shown)).collect::<Rows>();
    if !own.is_empty() && !path.is_empty() {
        sections.push((path, own));
    }
    for (path, shown) in below {
        if let ShownValue::Table(rows) = shown {
            lay_out(path, rows, sections);
        }
    }
}

/// The line above a table: `[a.b]`, or `[[a.b]]` above one of a list.
fn header(path: &str) -> String {
    let is_of_list = path.ends_with(']');
    let keys: Vec<String> =
        path.split('.').map(|name| toml_key(name.split('[').next().unwrap_or(name))).collect();
    let path = keys.join(".");
    if is_of_list { format!("[[{path}]]") } else { format!("[{path}]") }
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, rows)) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            writeln!(f, "{gap}{}", header(name))?;
            for (key, value) in rows {
                let notes = value.notes();
                let note = if notes.is_empty() { String::new() } else { format!("  # {}", notes.join(", ")) };
                writeln!(f, "{} = {value}{note}", toml_key(key))?;
            }
        }
        Ok(())
    }
}

impl Serialize for Effective {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(path, rows)| (path, Lines(rows))))
    }
}
