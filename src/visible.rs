//! Characters that show themselves, and those that do something else: steer a terminal, turn the direction of text, or take
//! no room, so that one text looks like another.
//!
//! Text of others (answers, names of questions, tokens, pages, files, config keys) reaches people through here: on a
//! terminal what steers is replaced ([`on_screen`], [`in_a_cell`]), in JSON it is escaped, which changes nothing for a
//! program ([`escaped_json`]), and a name that people choose may not have it at all ([`is_plain`]).
//! docs/decisions/0116-what-may-reach-a-terminal.md has the rules.

use std::borrow::Cow;
use std::io;

/// What stands in the place of a character that may not be shown.
pub const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// True of what a terminal may be given: no control character (C0, DEL, C1), nothing that turns the direction of
/// text, no line or paragraph separator, nothing without width but the joiners and variation selectors that scripts and
/// emoji are written with.
pub fn is_printable(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE0E}' | '\u{FE0F}') || is_plain(c) || is_space(c)
}

/// True of what a name that people choose may be made of: as [`is_printable`], and no joiner, no selector, no space but U+0020.
pub fn is_plain(c: char) -> bool {
    !c.is_control() && !is_space(c) && !is_invisible(c)
}

/// Spaces that look like U+0020.
fn is_space(c: char) -> bool {
    matches!(c, '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}')
}

/// What takes no room or turns text: Unicode's default ignorables, bidirectional controls, separators, annotations.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Lines for a person: what may not reach a terminal is replaced, line ends stay.
pub fn on_screen(text: &str) -> Cow<'_, str> {
    replaced(text, |c| c == '\n' || is_printable(c))
}

/// The same within one line.
pub fn in_a_cell(text: &str) -> Cow<'_, str> {
    replaced(text, is_printable)
}

fn replaced(text: &str, good: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&good) {
        return Cow::Borrowed(text);
    }
    text.chars().map(|c| if good(c) { c } else { REPLACEMENT }).collect::<String>().into()
}

/// A JSON text that says the same to every reader, and steers no terminal: outside of strings JSON has no such
/// characters, within them `\u009b` means the character itself. White space between values stays.
pub fn escaped_json(text: &str) -> Cow<'_, str> {
    let good = |c: char| is_printable(c) || matches!(c, '\n' | '\t' | '\r');
    // Most strings are plain ASCII, and an export writes many.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || text.chars().all(good) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 32);
    for c in text.chars() {
        if good(c) {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            escaped.push_str("\\u");
            for shift in [12, 8, 4, 0] {
                escaped.extend(char::from_digit(u32::from(*unit >> shift) & 0xF, 16));
            }
        }
    }
    escaped.into()
}

/// A TOML string that says the same to every reader, and steers no terminal: what may not be shown is escaped, and nothing else
/// but what must be. Marks above and below letters stay as they are; Rust's own escapes are none of TOML's.
pub fn toml_text(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            _ if is_printable(c) => quoted.push(c),
            _ if u32::from(c) <= 0xFFFF => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            _ => quoted.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

/// A text as a shell takes it for one word.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '@' | ':');
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Has serde_json write strings as [`escaped_json`] does.
pub struct Visibly;

impl serde_json::ser::Formatter for Visibly {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        writer.write_all(escaped_json(text).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;

    use super::*;

    /// One of each kind that may reach no terminal.
    const NASTY: [char; 21] = [
        '\0',
        '\u{7}',
        '\u{8}',
        '\t',
        '\r',
        '\u{1b}',
        '\u{7f}',
        '\u{85}',
        '\u{90}',
        '\u{9b}',
        '\u{9d}',
        '\u{ad}',
        '\u{200b}',
        '\u{200e}',
        '\u{2028}',
        '\u{202e}',
        '\u{2066}',
        '\u{2069}',
        '\u{feff}',
        '\u{fffb}',
        '\u{e0041}',
    ];

    #[test]
    fn whatever_steers_hides_or_turns_is_neither_printable_nor_plain() {
        for c in NASTY {
            assert!(!is_printable(c) && !is_plain(c), "{c:?}");
            assert_eq!(in_a_cell(&format!("a{c}b")), "a\u{FFFD}b", "{c:?}");
        }
        for c in ['\u{200c}', '\u{200d}', '\u{fe0f}', '\u{a0}', '\u{202f}', '\u{3000}'] {
            assert!(is_printable(c) && !is_plain(c), "{c:?}");
        }
        for c in "aZ0 é漢ﾊ€☂😀ا؟ह\u{301}_-'\"".chars() {
            assert!(is_printable(c) && is_plain(c), "{c:?}");
        }
    }

    #[test]
    fn a_terminal_gets_lines_and_no_orders() {
        for (text, shown) in [
            ("Anne\n", "Anne\n"),
            ("\u{1b}]0;title\u{7}", "\u{FFFD}]0;title\u{FFFD}"),
            ("\u{1b}[2J", "\u{FFFD}[2J"),
            ("\u{9b}2J", "\u{FFFD}2J"),
            ("paid\rfree", "paid\u{FFFD}free"),
            ("\u{202e}moc.elpmaxe", "\u{FFFD}moc.elpmaxe"),
            ("نام\u{200c}ها ❤\u{fe0f}", "نام\u{200c}ها ❤\u{fe0f}"),
        ] {
            assert_eq!(on_screen(text), shown);
        }
        assert_eq!(in_a_cell("a\nb"), "a\u{FFFD}b");
    }

    #[test]
    fn json_is_escaped_and_means_the_same() {
        assert_eq!(
            escaped_json("{\"a\":\n\"é\u{9b}\u{202e}\u{e0041}\"}"),
            "{\"a\":\n\"é\\u009b\\u202e\\udb40\\udc41\"}"
        );
        let text: String = NASTY.iter().collect();
        let mut written = Vec::new();
        text.serialize(&mut serde_json::Serializer::with_formatter(&mut written, Visibly)).expect("written");
        let written = String::from_utf8(written).expect("text");
        assert!(written.chars().all(is_printable), "{written}");
        assert_eq!(serde_json::from_str::<String>(&written).expect("JSON"), text);
    }

    #[test]
    fn words_are_quoted_for_the_shell_where_they_must_be() {
        assert_eq!(shell_word("/srv/tamis"), "/srv/tamis");
        assert_eq!(shell_word("/a b/it's"), "'/a b/it'\\''s'");
        assert_eq!((shell_word(""), shell_word("~/x")), ("''".to_owned(), "'~/x'".to_owned()));
    }

    proptest! {
        #[test]
        fn what_is_written_visibly_reads_back_and_shows(text in "(.|[\\x00-\\x1f\\x7f-\\x9f\u{200b}-\u{206f}]){0,24}") {
            let mut written = Vec::new();
            text.serialize(&mut serde_json::Serializer::with_formatter(&mut written, Visibly)).expect("written");
            let written = String::from_utf8(written).expect("text");
            prop_assert!(written.chars().all(is_printable));
            prop_assert_eq!(serde_json::from_str::<String>(&written).expect("JSON"), text);
        }

        #[test]
        fn what_is_written_as_toml_reads_back_and_shows(
            text in "(.|[\\x00-\\x1f\\x7f-\\x9f\u{200b}-\u{206f}\u{e30}-\u{e4e}\u{e0000}-\u{e00ff}\"\\\\]){0,24}"
        ) {
            let written = toml_text(&text);
            prop_assert!(written.chars().all(is_printable));
            let table: toml::Table = format!("key = {written}").parse().expect("TOML");
            prop_assert_eq!(table["key"].as_str(), Some(text.as_str()));
        }
    }
}
