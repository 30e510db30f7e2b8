//! A place in a config that is no TOML, as it may be shown: the line's structure and the names of its keys, no value.
//!
//! No secret belongs into a config, but somebody may have pasted one, and just into the line that is broken. So of what is
//! not certain to be a key nothing is shown but that something stands there.

use std::fmt;

/// A name that is longer, or has other characters than keys have, is not shown: it may be a secret that was pasted in.
const NAME_BYTES_MAX: usize = 30;
/// Of a long line so much is shown, around the place.
const SHOWN_CHARS_MAX: usize = 72;

/// A place in the file, with its line.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Excerpt {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// The line without its values and without its comment.
    pub shown: String,
    /// The column of that.
    #[serde(skip)]
    caret: usize,
}

impl Excerpt {
    /// The place of a byte of the text.
    pub(super) fn at(text: &str, offset: usize) -> Self {
        let before = &text.as_bytes()[..offset.min(text.len())];
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        // Continuation bytes of UTF-8 begin with the bits 10.
        let column = before[start..].iter().filter(|byte| **byte & 0xC0 != 0x80).count();
        let whole = text.get(start..).and_then(|rest| rest.split('\n').next()).unwrap_or_default();
        let (shown, caret) = without_values(whole, column);
        let from = (caret + 1).saturating_sub(SHOWN_CHARS_MAX);
        let shown: String = shown.into_iter().skip(from).take(SHOWN_CHARS_MAX).collect();
        Self { line, column: column + 1, shown: shown.trim_end().to_owned(), caret: caret - from }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let (shown, gap, before) = (&self.shown, " ".repeat(number.len()), " ".repeat(self.caret));
        write!(f, "  {number} | {shown}\n  {gap} | {before}^")
    }
}

/// The line with `…` for each run of characters that may be a value, and where the character at `column` is then.
fn without_values(line: &str, column: usize) -> (Vec<char>, usize) {
    let characters: Vec<char> = line.trim_end_matches('\r').chars().collect();
    let is_header = line.trim_start().starts_with('[') && !line.contains(['"', '\'', '=']);
    let (mut shown, mut caret) = (Vec::new(), None);
    let (mut quote, mut depth, mut at) = (None, 0_usize, 0);
    // True where a key may begin: at the line's start, and in a table within the line.
    let mut is_place_of_key = true;
    while let Some(&character) = characters.get(at) {
        let end = characters[at..].iter().position(|c| is_mark(*c)).map_or(characters.len(), |run| at + run);
        let next = end.max(at + 1);
        if (at..next).contains(&column) {
            caret = Some(shown.len());
        }
        if character == '#' && quote.is_none() {
            shown.extend(['#', '…']);
            break;
        }
        let word = &characters[at..end];
        if word.is_empty() {
            match (character, quote) {
                ('"' | '\'', None) => quote = Some(character),
                (_, Some(open)) if character == open => quote = None,
                ('=' | '[', None) if !is_header => is_place_of_key = false,
                ('{', None) => (depth, is_place_of_key) = (depth + 1, true),
                ('}', None) => depth = depth.saturating_sub(1),
                (',', None) => is_place_of_key = depth > 0,
                _ => {}
            }
            shown.push(if character.is_whitespace() { ' ' } else { character });
        } else if quote.is_none()
            && is_name(word)
            && (is_header || is_place_of_key && is_before_value(&characters[end..]))
        {
            shown.extend(word);
        } else {
            shown.push('…');
        }
        at = next;
    }
    let caret = caret.unwrap_or(shown.len());
    (shown, caret)
}

/// What TOML divides a line with.
fn is_mark(character: char) -> bool {
    character.is_whitespace() || "=[]{},.\"'#".contains(character)
}

fn is_name(word: &[char]) -> bool {
    let good = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_' || *c == '-';
    word.len() <= NAME_BYTES_MAX
        && word.iter().all(good)
        && word.first().is_some_and(char::is_ascii_lowercase)
}

/// True of what stands after a key, or a part of one.
fn is_before_value(rest: &[char]) -> bool {
    let mut rest = rest.iter().skip_while(|c| c.is_whitespace());
    matches!(rest.next(), Some('=' | '.'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(line: &str) -> String {
        Excerpt::at(line, 0).shown
    }

    #[test]
    fn keys_and_structure_are_shown_and_nothing_else() {
        for (line, expected) in [
            ("app_id = 123456789012345", "app_id = …"),
            ("name = \"Atelier Lumen", "name = \"… …"),
            ("token = { file = \"/a/b.c\", env = X }", "token = { file = \"….…\", env = … }"),
            ("[purposes.devis", "[purposes.devis"),
            ("[[meta.pages]", "[[meta.pages]"),
            ("a.b.c = ", "a.b.c ="),
            ("EAAGm0PX4ZCpsBAK", "…"),
            ("EAAGm0PX4ZCpsBAK = 1", "… = …"),
            ("app_secrets = [\"0123456789abcdef0123456789abcdef\"", "app_secrets = [\"…\""),
            ("0123456789abcdef0123456789abcdef", "…"),
            ("secret", "…"),
            ("x = secret=secret", "x = …=…"),
            ("x = a,secret=b", "x = …,…=…"),
            ("x = 'secret = y'", "x = '… = …'"),
            ("[secret] = secret # secret", "[…] = … #…"),
            ("x =\u{1b}[31m\u{202e}", "x =…[…"),
            ("   ", ""),
        ] {
            assert_eq!(shown(line), expected, "{line}");
        }
    }

    #[test]
    fn the_caret_stands_under_the_place_however_long_the_line_is() {
        let text = "a = 1\ntitle = { fr = \"é\", en 2 }\n";
        let excerpt = Excerpt::at(text, text.find("2 }").expect("there"));
        assert_eq!((excerpt.line, excerpt.column), (2, 24));
        assert_eq!(excerpt.to_string(), "  2 | title = { fr = \"…\", … … }\n    |                       ^");
        let long = format!("x = [{}]", "1, ".repeat(400_000));
        let excerpt = Excerpt::at(&long, long.len() - 1);
        assert!(excerpt.shown.chars().count() <= SHOWN_CHARS_MAX && excerpt.caret < SHOWN_CHARS_MAX);
        assert_eq!(excerpt.shown.chars().nth(excerpt.caret), Some(']'));
        assert_eq!(Excerpt::at("a = \"", 6).to_string(), "  1 | a = \"\n    |      ^");
        assert_eq!(Excerpt::at("", 7).line, 1);
    }

    proptest! {
        #[test]
        fn no_run_of_a_value_is_shown_whatever_stands_around_it(before in "[a-z_=\\[\\]{},.\"' #\t]{0,20}", after in "\\PC{0,20}", at in 0_usize..60) {
            // Of upper-case letters no key is made.
            let line = format!("{before}CANARY{after}");
            let excerpt = Excerpt::at(&line, at);
            prop_assert!(!excerpt.shown.contains("CANARY"), "{}", excerpt.shown);
        }
    }
}
