//! E-mail addresses in one spelling: what Unicode (NFKC), IDNA (UTS #46) and RFC 5321 say is the same, in lower case.
//!
//! The part before the `@` is its host's own business (RFC 5321, 2.4). In lower case it is compared all the same, since hosts
//! that tell `Anne` from `anne` are unheard of; dots and what follows a plus are left, since hosts differ.

use icu_normalizer::ComposingNormalizerBorrowed;
use idna::AsciiDenyList;
use idna::uts46::{ErrorPolicy, Hyphens, ProcessingSuccess, Uts46};

use crate::secret::{Wiped, WipedText};
use crate::visible::is_plain;

/// What is longer is no address: 64 and 255 bytes (RFC 5321, 4.5.3.1), with room for wide letters and for what takes no room.
const TYPED_BYTES_MAX: usize = 1_024;

/// Beside letters and digits, in a part of a name that needs no quotes (RFC 5322, 3.2.3).
pub(super) const ATOM: &str = "!#$%&'*+-/=?^_`{|}~";

/// The one spelling; none: what was typed is no address.
pub(super) fn normalised(typed: &str) -> Option<Wiped<String>> {
    if typed.len() > TYPED_BYTES_MAX {
        return None;
    }
    // What cannot be seen comes with a paste, and nobody knows that they typed it.
    let seen: WipedText = typed.chars().filter(|c| is_plain(*c) || c.is_whitespace()).collect();
    let composed = composed(&seen.into_text());
    let (local, domain) = composed.rsplit_once('@')?;
    // Space around the `@` is none of the address either (RFC 5322, 4.4).
    let (local, domain) = (lower(&unquoted(local.trim())), ascii(domain.trim()));
    if local.is_empty() || domain.is_empty() {
        return None;
    }
    let mut address = Wiped::new(String::with_capacity(local.len() + 1 + domain.len()));
    address.push_str(&local);
    address.push('@');
    address.push_str(&domain);
    Some(address)
}

/// False of what is none at a glance: most answers.
pub(super) fn may_be_one(answer: &str) -> bool {
    // Composed, other signs are an `@` as well.
    answer.len() <= TYPED_BYTES_MAX && (answer.contains('@') || !answer.is_ascii())
}

fn composed(text: &str) -> Wiped<String> {
    let mut composed = WipedText::default();
    // It refuses nothing, and the text takes everything.
    let _ = ComposingNormalizerBorrowed::new_nfkc().normalize_to(text, &mut composed);
    composed.into_text()
}

/// In lower case, letter by letter: a sigma at a word's end is the same letter, however it is written.
fn lower(text: &str) -> Wiped<String> {
    let lower = text.chars().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c });
    composed(&lower.collect::<WipedText>().into_text())
}

/// A domain as its registry has it, in either spelling of it. What is no domain stays as it was typed, in lower case: it is found
/// by whoever types the same.
fn ascii(domain: &str) -> Wiped<String> {
    let mut ascii = WipedText::default();
    let written = Uts46::new().process(
        domain.as_bytes(),
        AsciiDenyList::EMPTY,
        Hyphens::Allow,
        ErrorPolicy::FailFast,
        |_, _, _| false,
        &mut ascii,
        None,
    );
    match written {
        Ok(ProcessingSuccess::Passthrough) => Wiped::new(domain.to_owned()),
        Ok(ProcessingSuccess::WroteToSink) => ascii.into_text(),
        Err(_) => lower(domain),
    }
}

/// Without quotes where they say nothing, and with the fewest backslashes where they do (RFC 5321, 4.1.2).
fn unquoted(local: &str) -> Wiped<String> {
    let Some(inner) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(content)
    else {
        return Wiped::new(local.to_owned());
    };
    let is_atom = |part: &str| {
        let good =
            |c: char| c.is_ascii_alphanumeric() || ATOM.contains(c) || (!c.is_ascii() && !c.is_whitespace());
        !part.is_empty() && part.chars().all(good)
    };
    if inner.split('.').all(is_atom) {
        return inner;
    }
    let mut quoted = Wiped::new(String::with_capacity(2 * inner.len() + 2));
    quoted.push('"');
    for c in inner.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// What stands between quotes; none: a quote or a backslash is out of place.
fn content(quoted: &str) -> Option<Wiped<String>> {
    let (mut content, mut letters) = (Wiped::new(String::with_capacity(quoted.len())), quoted.chars());
    while let Some(c) = letters.next() {
        match c {
            '"' => return None,
            '\\' => content.push(letters.next()?),
            c => content.push(c),
        }
    }
    Some(content)
}
