//! An e-mail address that somebody hands over to be acted on: searched for, barred, erased.
//!
//! Of an answer anything is taken for an address that might be one. Here a slip of the pen would do harm in silence: a list that
//! cannot be read back bars nobody, and a search says that nothing is held. So what a mail client copies beside an address is
//! taken off, and what is left must be one that mail reaches.

use crate::forget::address::email::{ATOM, normalised};
use crate::secret::Wiped;
use crate::visible::is_plain;

/// Of an address of the form `mailto:` (RFC 6068).
const SCHEME: &str = "mailto:";

/// The one spelling of the address that was given, also behind `mailto:`, or in angle brackets behind a name, or with a comma or
/// semicolon after it; none: it is none that mail reaches, or more than one.
pub(super) fn given(typed: &str) -> Option<Wiped<String>> {
    let address = alone(typed)?;
    if address.chars().any(is_foreign) {
        return None;
    }
    let normal = normalised(address)?;
    let (local, domain) = normal.rsplit_once('@')?;
    (is_local(local) && is_domain(domain)).then_some(normal)
}

/// Without what stands around it: `Anne Martin <anne@example.com>,` (RFC 5322, 3.4).
fn alone(typed: &str) -> Option<&str> {
    let typed = typed.trim().trim_end_matches([',', ';']).trim_end();
    let address = match typed.rsplit_once('<') {
        None => typed,
        Some((_, rest)) => rest.strip_suffix('>')?.trim(),
    };
    match address.split_at_checked(SCHEME.len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => Some(rest),
        _ => Some(address),
    }
}

/// Quotes, dashes and dots as a text processor sets them; an ellipsis is the end of an address that was cut.
fn is_foreign(c: char) -> bool {
    is_plain(c) && matches!(c, '\u{2010}'..='\u{205e}' | '«' | '»' | '\u{3008}'..='\u{301b}')
}

/// What stands before the `@`: quoted, or of letters, digits and what needs no quotes (RFC 5322, 3.2.3; RFC 6531). Dots may stand
/// anywhere: some hosts gave out such addresses.
fn is_local(local: &str) -> bool {
    let is_quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let good = |c: char| match c.is_ascii() {
        true => c.is_ascii_alphanumeric() || c == '.' || ATOM.contains(c),
        false => !c.is_whitespace(),
    };
    is_quoted || local.chars().all(good)
}

/// A domain as it is registered: names between dots, of which the last is no number. An address literal is no person's.
fn is_domain(domain: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    let last = domain.rsplit_once('.').map(|(_, last)| last);
    last.is_some_and(|last| last.chars().any(|c| !c.is_ascii_digit())) && domain.split('.').all(is_name)
}
