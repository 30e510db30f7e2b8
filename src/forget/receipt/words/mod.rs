//! What a receipt says, in each language. For people who know neither law nor computers: short, exact, and no less about what
//! remains than about what went.

mod de;
mod en;
mod fr;
mod sheet;

use crate::language::Language;

pub(super) use sheet::{Words, fill};

/// The words of a language.
pub(super) fn of(language: Language) -> &'static Words {
    match language {
        Language::Fr => &fr::WORDS,
        Language::En => &en::WORDS,
        Language::De => &de::WORDS,
    }
}
