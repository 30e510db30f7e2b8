//! One event as one line.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use serde_json::{Number, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata};

use crate::visible::{escaped_json, is_plain};

/// For whom the lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A person who tails them.
    Pretty,
    /// A machine that collects them: one JSON object a line.
    Json,
}

/// The line of an event of this crate.
pub fn of(format: Format, now: Timestamp, event: &Event<'_>) -> String {
    let mut fields = Fields::default();
    event.record(&mut fields);
    write(format, now, *event.metadata().level(), fields)
}

/// The line of a foreign event, at this level: where it comes from, nothing of what it says.
pub fn of_foreign(format: Format, now: Timestamp, level: Level, metadata: &Metadata<'_>) -> String {
    let crate_name = metadata.target().split("::").next().unwrap_or_default();
    let fields = Fields {
        name: "foreign.event".to_owned(),
        rest: vec![
            ("crate", Value::from(crate_name)),
            ("source.line", Value::from(metadata.line().unwrap_or(0))),
        ],
    };
    write(format, now, level, fields)
}

/// The line of the log's own mishap, which cannot be an event: it happens while one is written.
pub fn of_own(format: Format, now: Timestamp, name: &str, fields: &[(&'static str, Value)]) -> String {
    write(format, now, Level::WARN, Fields { name: name.to_owned(), rest: fields.to_vec() })
}

#[derive(Default)]
struct Fields {
    name: String,
    rest: Vec<(&'static str, Value)>,
}

impl Fields {
    fn note(&mut self, field: &Field, value: Value) {
        self.rest.push((field.name(), value));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.name, "{value:?}");
        } else {
            self.note(field, Value::from(format!("{value:?}")));
        }
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.name.push_str(value);
        } else {
            self.note(field, Value::from(value));
        }
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.note(field, Value::from(value));
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.note(field, Value::from(value));
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.note(field, Value::from(value));
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.note(field, Number::from_f64(value).map_or(Value::Null, Value::from));
    }
}

fn write(format: Format, now: Timestamp, level: Level, fields: Fields) -> String {
    let time = format!("{now:.3}");
    let mut line = String::with_capacity(160);
    match format {
        Format::Pretty => {
            let _ = write!(line, "{time} {level:<5} {}", Plain(&fields.name));
            for (name, value) in &fields.rest {
                let _ = match value {
                    Value::String(text) => write!(line, " {name}={}", Plain(text)),
                    other => write!(line, " {name}={other}"),
                };
            }
        }
        Format::Json => {
            let mut members = vec![
                ("time", Value::from(time)),
                ("level", Value::from(level.as_str().to_lowercase())),
                ("event", Value::from(fields.name)),
            ];
            members.extend(fields.rest);
            // Names are texts and values are JSON already: this cannot fail.
            let object = serde_json::to_string(&InOrder(members)).unwrap_or_default();
            line.push_str(&escaped_json(&object));
        }
    }
    line.push('\n');
    line
}

/// An object whose members stand in the order in which they were said, as in the other format: for whoever reads it with eyes.
struct InOrder(Vec<(&'static str, Value)>);

impl serde::Serialize for InOrder {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Text as it is, or quoted and escaped if it holds spaces, quotes, control or invisible characters, so that no value can look
/// like another field, another line, or a terminal's command.
struct Plain<'t>(&'t str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let odd = |c: char| c.is_whitespace() || !is_plain(c) || matches!(c, '"' | '=' | '\\');
        if !self.0.is_empty() && !self.0.chars().any(odd) {
            return f.write_str(self.0);
        }
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_lines_have_their_fields_in_the_order_in_which_they_were_said() {
        let fields = || Fields {
            name: "x.y".to_owned(),
            rest: vec![("lead.name", Value::from("b")), ("a", 1.into())],
        };
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(
            write(Format::Json, now, Level::INFO, fields()),
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"info\",\"event\":\"x.y\",\"lead.name\":\"b\",\"a\":1}\n"
        );
        assert_eq!(
            write(Format::Pretty, now, Level::INFO, fields()),
            "1970-01-01T00:00:00.000Z INFO  x.y lead.name=b a=1\n"
        );
    }

    #[test]
    fn what_is_invisible_or_turns_text_shows_in_either_kind_of_line() {
        let fields = || Fields {
            name: "x.y".to_owned(),
            rest: vec![("key", Value::from("a\u{202e}b\u{9b}\u{200b}"))],
        };
        let now = Timestamp::UNIX_EPOCH;
        let pretty = write(Format::Pretty, now, Level::INFO, fields());
        assert!(pretty.ends_with("x.y key=\"a\\u{202e}b\\u{9b}\\u{200b}\"\n"), "{pretty}");
        let json = write(Format::Json, now, Level::INFO, fields());
        assert!(json.contains(r#""key":"a\u202eb\u009b\u200b""#), "{json}");
    }
}
