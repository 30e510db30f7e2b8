//! JSON from outside, read one layer at a time: borrowed, and nothing decoded that nobody asked for.
//!
//! What Meta and third parties send is odd in many ways (other types than documented, a key twice, nesting without end,
//! half of a surrogate pair). Each layer here yields its members as raw text that is known to be well-formed, so an odd
//! neighbour cannot fail a good one, and a value that is not wanted is never unescaped. `serde_json` does the parsing;
//! its skipping is iterative, so that no nesting overflows the stack. Strings are decoded here and not by it, since it
//! unescapes through a scratch buffer that nobody wipes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What a raw value is.
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

/// Reads one whole document; `None` if the bytes are not JSON (RFC 8259), invalid UTF-8 included.
pub fn document(bytes: &[u8]) -> Option<&RawValue> {
    // Checked once as a whole: from bytes, every layer below would check its part again.
    let text = std::str::from_utf8(bytes).ok()?;
    serde_json::from_str(text).ok()
}

/// What a value is, by its first byte.
pub fn kind(raw: &RawValue) -> Kind {
    match raw.get().as_bytes().first() {
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::Array,
        Some(b'"') => Kind::Text,
        Some(b't' | b'f') => Kind::Bool,
        Some(b'n') | None => Kind::Null,
        Some(_) => Kind::Number,
    }
}

/// Hands over each member of an object, in its order, a repeated name each time; nothing if it is no object.
pub fn members<'t>(raw: &'t RawValue, each: impl FnMut(Cow<'t, str>, &'t RawValue)) {
    if kind(raw) == Kind::Object {
        let read = Members(each).deserialize(&mut serde_json::Deserializer::from_str(raw.get()));
        debug_assert!(read.is_ok(), "a raw value is well-formed");
    }
}

/// Hands over each element of an array, in its order; nothing if it is no array.
pub fn elements<'t>(raw: &'t RawValue, each: impl FnMut(&'t RawValue)) {
    if kind(raw) == Kind::Array {
        let read = Elements(each).deserialize(&mut serde_json::Deserializer::from_str(raw.get()));
        debug_assert!(read.is_ok(), "a raw value is well-formed");
    }
}

/// The text of a string, unescaped; `None` if it is no string. Half of a surrogate pair becomes U+FFFD.
pub fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = inside(raw)?;
    Some(if inner.contains('\\') { Cow::Owned(unescape(inner)) } else { Cow::Borrowed(inner) })
}

/// The text of a string as [`text`] reads it, owned in one allocation that never grew, so that no copy of it is left
/// anywhere but in the result.
pub fn owned_text(raw: &RawValue) -> Option<String> {
    inside(raw).map(unescape)
}

/// The characters of a number as they stand, or of a string: how Meta writes ids. Whether they are digits is for the
/// id's own parser to say.
pub fn number_or_text(raw: &RawValue) -> Option<Cow<'_, str>> {
    match kind(raw) {
        Kind::Number => Some(Cow::Borrowed(raw.get())),
        _ => text(raw),
    }
}

fn inside(raw: &RawValue) -> Option<&str> {
    raw.get().strip_prefix('"')?.strip_suffix('"')
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

struct Members<F>(F);

impl<'t, F: FnMut(Cow<'t, str>, &'t RawValue)> DeserializeSeed<'t> for Members<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'t, F: FnMut(Cow<'t, str>, &'t RawValue)> Visitor<'t> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(mut self, mut map: A) -> Result<(), A::Error> {
        // Names are taken raw too: half of a surrogate pair in one would fail the whole object.
        while let Some((name, value)) = map.next_entry::<&'t RawValue, &'t RawValue>()? {
            if let Some(name) = text(name) {
                (self.0)(name, value);
            }
        }
        Ok(())
    }
}

struct Elements<F>(F);

impl<'t, F: FnMut(&'t RawValue)> DeserializeSeed<'t> for Elements<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'t, F: FnMut(&'t RawValue)> Visitor<'t> for Elements<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'t>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element::<&'t RawValue>()? {
            (self.0)(element);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        document(json.as_bytes()).expect("well-formed")
    }

    #[test]
    fn every_escape_reads_as_the_standard_says() {
        for (json, wanted) in [
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
            assert_eq!(text(raw(json)).as_deref(), Some(wanted), "{json}");
            let owned = owned_text(raw(json)).expect("a string");
            assert_eq!(owned, wanted, "{json}");
            assert_eq!(owned.capacity(), json.len() - 2, "it never grew: {json}");
        }
        assert!(text(raw("1")).is_none() && text(raw("[\"a\"]")).is_none() && text(raw("null")).is_none());
    }

    #[test]
    fn what_is_not_json_is_no_document() {
        for bad in
            [&b""[..], b"{", b"<html>", b"{}x", b"{\"a\":\"\xff\"}", b"[1,]", b"\xef\xbb\xbf{}", b"nul"]
        {
            assert!(document(bad).is_none(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn odd_members_do_not_fail_their_neighbours() {
        let nested = "[".repeat(100_000) + &"]".repeat(100_000);
        let json =
            format!(r#"{{"deep":{nested},"huge":1e999,"a":1,"a":2,"half":"\ud800","\ud800":3,"last":4}}"#);
        let mut seen = Vec::new();
        members(raw(&json), |name, value| seen.push((name.into_owned(), value.get().len())));
        let names: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["deep", "huge", "a", "a", "half", "\u{fffd}", "last"]);
        let mut count = 0;
        elements(raw(&format!("[1e999,{nested},{{}},\"\\ud800\",null]")), |_| count += 1);
        assert_eq!(count, 5);
        members(raw("[1]"), |_, _| panic!("no object"));
        elements(raw("{\"a\":1}"), |_| panic!("no array"));
    }

    proptest::proptest! {
        #[test]
        fn any_string_reads_as_serde_json_reads_it(wanted in "\\PC*", extra in "[\\x00-\\x1f\"\\\\/]{0,8}") {
            let wanted = wanted + &extra;
            let json = serde_json::to_string(&wanted).expect("a string");
            proptest::prop_assert_eq!(owned_text(raw(&json)), Some(wanted));
        }
    }
}
