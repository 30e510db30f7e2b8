//! JSON text as Meta puts it on the wire.

use std::fmt::Write as _;

use serde_json::Value;

/// A piece of JSON, kept as the text that goes over the wire, so that a test can say exactly which escapes, doubled
/// keys or faults the daemon shall meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(String);

impl Json {
    /// This text as it is, valid or not.
    pub fn verbatim(text: impl Into<String>) -> Json {
        Json(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Json {
        Json::from(&value)
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Json {
        let mut text = String::new();
        write_value(value, &mut text);
        Json(text)
    }
}

impl From<&str> for Json {
    /// A JSON string with this content.
    fn from(content: &str) -> Json {
        let mut text = String::new();
        write_string(content, &mut text);
        Json(text)
    }
}

/// Writes an object from keys and pieces, in this order.
pub(crate) fn write_object<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a Json)>, out: &mut String) {
    out.push('{');
    for (at, (key, value)) in pairs.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_string(key, out);
        out.push(':');
        out.push_str(&value.0);
    }
    out.push('}');
}

/// Writes an array of pieces.
pub(crate) fn write_array<'a>(items: impl IntoIterator<Item = &'a Json>, out: &mut String) {
    out.push('[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&item.0);
    }
    out.push(']');
}

/// An array of pieces.
pub(crate) fn array<'a>(items: impl IntoIterator<Item = &'a Json>) -> Json {
    let mut text = String::new();
    write_array(items, &mut text);
    Json(text)
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::String(content) => write_string(content, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (at, (key, item)) in map.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write_value(item, out);
            }
            out.push('}');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

/// Writes a string with Meta's escapes, as captures of bodies show them: everything outside ASCII as `\u` and four
/// lower-case hex digits (surrogate pairs beyond the first plane), `/` as `\/`, and `<`, `>`, `@`, `%` as `\u003C`,
/// `\u003E`, `\u0040`, `\u0025` (seen; the *Getting started* page of former years calls it "escaped unicode").
pub(crate) fn write_string(content: &str, out: &mut String) {
    out.push('"');
    for c in content.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '/' => out.push_str("\\/"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '@' | '%' => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_carry_metas_escapes_and_read_back() {
        let content = "né@example.org/<b> 100% \u{1f33b}\n\"\\\u{0}\u{7f}";
        let text = Json::from(content);
        assert_eq!(
            text.as_str(),
            r#""n\u00e9\u0040example.org\/\u003Cb\u003E 100\u0025 \ud83c\udf3b\n\"\\\u0000\u007f""#
        );
        assert_eq!(serde_json::from_str::<String>(text.as_str()).unwrap(), content);
    }

    #[test]
    fn values_keep_their_meaning() {
        let value = serde_json::json!({"a": [1, null, true, "é"], "b": {"c/d": 18446744073709551615_u64}});
        assert_eq!(serde_json::from_str::<Value>(Json::from(&value).as_str()).unwrap(), value);
    }
}
