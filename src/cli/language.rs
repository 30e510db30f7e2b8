//! `--lang`: in which language something is said to people.

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::language::Language;

/// Takes the tags of our languages, and no other.
pub(super) fn of_tag() -> impl TypedValueParser<Value = Language> {
    PossibleValuesParser::new(Language::ALL.map(Language::tag))
        .map(|tag| Language::of_tag(&tag).unwrap_or(Language::En))
}
