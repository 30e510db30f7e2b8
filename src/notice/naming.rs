//! How the notices call things: fields, countries, periods. Other papers that speak of the same things call them so too.

use crate::language::Language;
use crate::notice::{countries, saying, words};
use crate::purpose::{FieldName, Keep, Lifespan, Term};

/// Meta's agreement on joint control (GDPR art. 26(2)).
pub use crate::notice::parts::META_ADDENDUM;

/// What people call a field.
pub fn field(name: &FieldName, language: Language) -> String {
    words::field_label(name, language)
}

/// What is kept beside the answers, as it stands within a sentence.
pub fn kept(keep: Keep, language: Language) -> &'static str {
    words::keep_label(keep, language)
}

/// The country's name; an unknown code stands for itself.
pub fn country(code: &str, language: Language) -> &str {
    countries::name(code, language)
}

/// A length of time.
pub fn term(term: Term, language: Language) -> String {
    saying::term(term, language)
}

/// How long a purpose holds a record.
pub fn lifespan(lifespan: &Lifespan, language: Language) -> String {
    saying::first_of(&lifespan.terms(), language)
}

/// `a, b and c`.
pub fn list(items: &[String], last: &str) -> String {
    saying::list(items, last)
}

/// A text with its places filled.
pub fn line(text: &str, given: &[(&'static str, &str)]) -> String {
    saying::line(text, given)
}
