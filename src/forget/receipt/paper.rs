//! The signed note in a paper as people have it: the note alone, or text or a page that carries it, also after an editor or a mail
//! has changed the ends of its lines.
//!
//! Nothing here says that a note is genuine. What is found is opened like any other ([`super::note`]), so a wrong guess at where
//! its text begins is refused and never believed; what the paper says beside it is nobody's word.

use std::borrow::Cow;

use crate::forget::receipt::note;

/// A whole paper, in bytes: a page writes what a note has up to six times as long, and its words are a few thousand.
pub const PAPER_BYTES_MAX: usize = 8 << 20;

/// Some programs put it before text that they save as UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What is between a note's text and its signatures.
const GAP: &str = "\n\n";

/// The one note of a paper, twice: with all that stands before its signatures as its text, and with the last line of that alone,
/// which is all of a receipt. None: there is no note, or more than one.
pub(super) fn notes_in(paper: &[u8]) -> Option<[String; 2]> {
    let paper = std::str::from_utf8(paper).ok().filter(|paper| paper.len() <= PAPER_BYTES_MAX)?;
    let paper = paper.strip_prefix(BYTE_ORDER_MARK).unwrap_or(paper);
    let is_page = paper.trim_start().starts_with('<');
    let shown: Cow<'_, str> = if is_page { carried(paper)?.into() } else { paper.into() };
    let lines = tidied(&shown);
    let (text, signatures) = lines.rsplit_once(GAP)?;
    let is_signed = signatures.lines().all(is_signature);
    let begins = |part: &str| part.trim_start_matches('\n').lines().next().is_some_and(is_signature);
    let is_one = !text.split(GAP).skip(1).any(begins);
    let last = text.trim_end_matches('\n').rsplit('\n').next()?;
    (is_signed && is_one).then(|| [text, last].map(|text| format!("{text}{GAP}{signatures}")))
}

fn is_signature(line: &str) -> bool {
    note::signature(line).is_some()
}

/// The text without what nobody sees at the ends of lines and below the last one.
pub fn tidied(text: &str) -> String {
    let mut lines = String::with_capacity(text.len() + 1);
    for line in text.split('\n') {
        lines.push_str(line.trim_end_matches([' ', '\t', '\r']));
        lines.push('\n');
    }
    lines.truncate(lines.trim_end_matches('\n').len());
    lines.push('\n');
    lines
}

/// What a reader of the page sees in the element that carries its note: the only one whose lines stand as they are.
fn carried(page: &str) -> Option<String> {
    // As long as the page: what is found in it is at the same place.
    let lower = page.to_ascii_lowercase();
    let is_tag = |at: usize| lower[at..].starts_with(|c: char| c == '>' || c.is_ascii_whitespace());
    let mut tags = lower.match_indices("<pre").map(|(at, tag)| at + tag.len()).filter(|at| is_tag(*at));
    let (tag, None) = (tags.next()?, tags.next()) else { return None };
    let begin = tag + lower[tag..].find('>')? + 1;
    let end = begin + lower[begin..].find("</pre")?;
    unescaped(&page[begin..end])
}

/// The characters for which references stand, as tamis and browsers write them. None: markup, or a reference that neither writes.
fn unescaped(text: &str) -> Option<String> {
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('&') {
        let (reference, after) = after.split_once(';')?;
        plain.push_str(before);
        plain.push(referred(reference)?);
        rest = after;
    }
    plain.push_str(rest);
    (!text.contains('<')).then_some(plain)
}

fn referred(reference: &str) -> Option<char> {
    let number = match reference {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        "nbsp" => return Some('\u{a0}'),
        numbered => numbered.strip_prefix('#')?,
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(code)
}
