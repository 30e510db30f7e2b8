//! JSON from outside, read one layer at a time: borrowed, and nothing decoded that nobody asked for.
//!
//! What Meta and third parties send is odd in many ways (other types than documented, a name twice, nesting without end,
//! half of a surrogate pair), and an odd neighbour must not fail a good one. So `serde_json` judges the document once, as
//! a whole and without recursion, and [`Json`] walks over text that is known to be well-formed: each layer yields its
//! members as text again. A value that is not wanted is never unescaped, one that is wanted is unescaped into a single
//! allocation. `RawValue` would do the same work, but prints its content (`Debug`, `Display`, `Serialize`), and serde_json
//! unescapes through a scratch buffer that nobody wipes.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// A JSON value that is known to be well-formed: borrowed, undecoded. It may be an answer, so it has no `Debug`.
#[derive(Clone, Copy)]
pub struct Json<'t>(&'t str);

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true`, `false`
    Bool,
    /// Any number.
    Number,
    /// Any string.
    Text,
    /// `[…]`
    Array,
    /// `{…}`
    Object,
}

impl<'t> Json<'t> {
    /// Reads one whole document; `None` if the bytes are not JSON (RFC 8259), invalid UTF-8 included.
    pub fn read(bytes: &'t [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        serde_json::from_str::<&RawValue>(text).ok().map(|raw| Self(raw.get()))
    }

    /// What it is, by its first byte.
    pub fn kind(self) -> Kind {
        match self.0.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::Text,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') | None => Kind::Null,
            Some(_) => Kind::Number,
        }
    }

    /// True if it is `null`, which stands for absent wherever Meta is read.
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The members of an object, in its order, a repeated name each time; none if it is no object.
    pub fn members(self) -> Members<'t> {
        Members(self.0.strip_prefix('{').unwrap_or_default())
    }

    /// The elements of an array, in its order; none if it is no array.
    pub fn elements(self) -> Elements<'t> {
        Elements(self.0.strip_prefix('[').unwrap_or_default())
    }

    /// The text of a string, unescaped; `None` if it is no string. Half of a surrogate pair becomes U+FFFD.
    pub fn text(self) -> Option<Cow<'t, str>> {
        let inner = self.inside()?;
        Some(if inner.contains('\\') { Cow::Owned(unescape(inner)) } else { Cow::Borrowed(inner) })
    }

    /// The text of a string as [`Json::text`] reads it, owned, in one allocation that never grew, so that no copy of it
    /// is anywhere but in the result.
    pub fn owned_text(self) -> Option<String> {
        self.inside().map(unescape)
    }

    /// The value as it stands in the document, undecoded.
    pub fn written(self) -> &'t str {
        self.0
    }

    /// A number, `true` or `false` as it stands; `None` for anything else.
    pub fn scalar(self) -> Option<&'t str> {
        matches!(self.kind(), Kind::Number | Kind::Bool).then_some(self.0)
    }

    /// The characters of a number as they stand, or the text of a string: how Meta writes ids and times. Whether they
    /// are digits is for the reader of the id to say.
    pub fn number_or_text(self) -> Option<Cow<'t, str>> {
        match self.kind() {
            Kind::Number => Some(Cow::Borrowed(self.0)),
            _ => self.text(),
        }
    }

    fn inside(self) -> Option<&'t str> {
        self.0.strip_prefix('"')?.strip_suffix('"')
    }
}

/// The members of an object: [`Json::members`].
pub struct Members<'t>(&'t str);

impl<'t> Iterator for Members<'t> {
    type Item = (Cow<'t, str>, Json<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        let name = next_value(&mut self.0)?.text()?;
        Some((name, next_value(&mut self.0)?))
    }
}

/// The elements of an array: [`Json::elements`].
pub struct Elements<'t>(&'t str);

impl<'t> Iterator for Elements<'t> {
    type Item = Json<'t>;

    fn next(&mut self) -> Option<Self::Item> {
        next_value(&mut self.0)
    }
}

/// Takes the next value off the inside of an object or array, which is well-formed: between two values stand white
/// space, a comma, a colon, and after the last a closing bracket.
fn next_value<'t>(rest: &mut &'t str) -> Option<Json<'t>> {
    let between = |b: &u8| matches!(b, b',' | b':' | b' ' | b'\t' | b'\n' | b'\r');
    let start = rest.bytes().position(|b| !between(&b))?;
    let (_, text) = rest.split_at_checked(start)?;
    let bytes = text.as_bytes();
    let end = match bytes.first()? {
        b']' | b'}' => return None,
        b'"' => string_end(bytes, 0),
        b'[' | b'{' => nested_end(bytes),
        _ => bytes.iter().position(|b| between(b) || matches!(b, b']' | b'}')).unwrap_or(bytes.len()),
    };
    let (value, after) = text.split_at_checked(end)?;
    *rest = after;
    Some(Json(value))
}

/// Where the string ends that begins at `start`: past its closing quote.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Where the object or array ends that begins at 0. It counts brackets, so that no nesting overflows the stack.
fn nested_end(bytes: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at),
            b'[' | b'{' => (at, depth) = (at + 1, depth + 1),
            b']' | b'}' if depth == 1 => return at + 1,
            b']' | b'}' => (at, depth) = (at + 1, depth.saturating_sub(1)),
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Unescapes the inside of a well-formed JSON string. It never grows: no escape is shorter than what it stands for.
fn unescape(inner: &str) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut chars = escaped.chars();
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let (decoded, after) = unicode_escape(chars.as_str());
                out.push(decoded);
                rest = after;
                continue;
            }
            Some(itself) => out.push(itself),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

/// Reads what follows `\u`, with the second half of a surrogate pair where there is one; gives back what comes after.
fn unicode_escape(text: &str) -> (char, &str) {
    let Some((unit, after)) = code_unit(text) else { return (char::REPLACEMENT_CHARACTER, text) };
    let low = match unit {
        0xD800..=0xDBFF => after.strip_prefix("\\u").and_then(code_unit),
        _ => None,
    };
    match low {
        Some((low @ 0xDC00..=0xDFFF, after_both)) => {
            let scalar = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            (char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER), after_both)
        }
        _ => (char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), after),
    }
}

fn code_unit(text: &str) -> Option<(u32, &str)> {
    let (digits, after) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    fn json(text: &str) -> Json<'_> {
        Json::read(text.as_bytes()).unwrap_or_else(|| panic!("not well-formed: {text:.200}"))
    }

    #[test]
    fn every_escape_reads_as_the_standard_says() {
        for (written, wanted) in [
            (r#""""#, ""),
            (r#""plain é 😀""#, "plain é 😀"),
            (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r#""\u00e4\u00E4\u003C""#, "ää<"),
            (r#""\ud83d\ude00!""#, "😀!"),
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""\ud83dx\ude00""#, "\u{fffd}x\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\ud83d\n""#, "\u{fffd}\n"),
            (r#""\\u0041""#, "\\u0041"),
        ] {
            assert_eq!(json(written).text().as_deref(), Some(wanted), "{written}");
            let owned = json(written).owned_text().expect("a string");
            assert_eq!(owned, wanted, "{written}");
            assert_eq!(owned.capacity(), written.len() - 2, "it never grew: {written}");
        }
        for other in ["1", "[\"a\"]", "null", "{\"a\":\"b\"}", "true"] {
            assert!(json(other).text().is_none() && json(other).owned_text().is_none(), "{other}");
        }
    }

    #[test]
    fn what_is_not_json_is_no_document() {
        for bad in [
            &b""[..],
            b"{",
            b"<html>",
            b"{}x",
            b"{\"a\":\"\xff\"}",
            b"[1,]",
            b"\xef\xbb\xbf{}",
            b"nul",
            b"\"\n\"",
        ] {
            assert!(Json::read(bad).is_none(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn odd_members_do_not_fail_their_neighbours() {
        let nested = "[".repeat(100_000) + &"]".repeat(100_000);
        let object =
            format!(r#"{{"deep":{nested},"huge":1e999,"a":1,"a":2,"half":"\ud800","\ud800":3,"last":4}}"#);
        let names: Vec<String> = json(&object).members().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(names, ["deep", "huge", "a", "a", "half", "\u{fffd}", "last"]);
        let array = format!(r#"[1e999,{nested},{{}},"\ud800",null]"#);
        let kinds: Vec<Kind> = json(&array).elements().map(Json::kind).collect();
        assert_eq!(kinds, [Kind::Number, Kind::Array, Kind::Object, Kind::Text, Kind::Null]);
        assert!(json("[1]").members().next().is_none() && json("{\"a\":1}").elements().next().is_none());
        assert!(json("\"[1]\"").elements().next().is_none() && json("7").members().next().is_none());
    }

    /// Walks over everything, into the form that serde_json gives it.
    fn walked(json: Json<'_>) -> Value {
        match json.kind() {
            Kind::Null => Value::Null,
            Kind::Bool => Value::Bool(json.scalar() == Some("true")),
            Kind::Number => Value::Number(json.scalar().and_then(|n| n.parse().ok()).expect("a number")),
            Kind::Text => Value::String(json.owned_text().expect("a string")),
            Kind::Array => Value::Array(json.elements().map(walked).collect()),
            Kind::Object => {
                let members = json.members().map(|(name, value)| (name.into_owned(), walked(value)));
                Value::Object(members.collect::<Map<String, Value>>())
            }
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let text = "(\\PC|[\\x00-\\x1f\"\\\\/{}\\[\\]:,]){0,12}";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            any::<f32>().prop_map(Value::from),
            text.prop_map(Value::String),
        ];
        leaf.prop_recursive(6, 64, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                proptest::collection::vec((text, inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_walk_sees_what_serde_json_sees(value in any_value(), pretty in any::<bool>()) {
            let write = if pretty { serde_json::to_string_pretty } else { serde_json::to_string };
            let written = write(&value).expect("a value");
            let seen: Value = serde_json::from_str(&written).expect("well-formed");
            prop_assert_eq!(walked(json(&written)), seen);
        }
    }
}
