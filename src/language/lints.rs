//! What holds the texts that people are told, in every table of them.

use std::collections::BTreeSet;

/// One table a language, in the order of [`super::Language::ALL`]: French, English, German; each text with its key.
pub(crate) type Tables = [Vec<(&'static str, &'static str)>; 3];

/// What of a text is put in.
fn places(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

/// Every text is there in every language, and takes the same in.
pub(crate) fn take_the_same_in(tables: &Tables) {
    let [french, english, german] = tables;
    for ((key, french), ((_, english), (_, german))) in french.iter().zip(english.iter().zip(german)) {
        for text in [french, english, german] {
            assert!(!text.trim().is_empty(), "{key}");
            assert_eq!(places(text), places(french), "{key}: {text}");
            assert_eq!(text.matches('{').count(), text.matches('}').count(), "{key}: {text}");
        }
    }
}

/// A text that was left in another language is equal to it.
pub(crate) fn are_in_their_language(tables: &Tables) {
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        for ((key, a), (_, b)) in tables[one].iter().zip(&tables[other]) {
            assert!(a != b || a.len() < 20, "{key}: {a}");
        }
    }
}

/// Readable at once (WP 260): the longest sentence has 25 words. What is put in is a word.
pub(crate) fn have_short_sentences(tables: &Tables) {
    for (key, text) in tables.iter().flatten() {
        let bare = text.replace(" : ", ". ").replace(": ", ". ").replace(" (", ". ");
        for sentence in bare.split(['.', '?', ';']) {
            let count = sentence.split_whitespace().count();
            assert!(count <= 25, "{key}: {count} words in {sentence}");
        }
    }
}

/// French sets a space before high marks, and a curved apostrophe.
pub(crate) fn are_set_as_french_is([french, ..]: &Tables) {
    for (key, text) in french {
        assert!(!text.contains('\''), "{key}: {text}");
        for (at, mark) in text.char_indices().filter(|(_, c)| matches!(c, '?' | ';' | ':' | '!')) {
            let before = text[..at].chars().next_back();
            assert!(before == Some('\u{a0}') || before == Some('\u{202f}'), "{key}: {mark} in {text}");
        }
    }
}

/// The tests of a room's texts, which this function gives by language.
macro_rules! tests {
    ($words:path) => {
        mod texts {
            use crate::language::Language;
            use crate::language::lints::{self, Tables};

            fn tables() -> Tables {
                Language::ALL.map(|language| $words(language).all())
            }

            #[test]
            fn every_text_is_there_in_every_language_and_takes_the_same_in() {
                lints::take_the_same_in(&tables());
            }

            #[test]
            fn no_long_text_is_the_same_in_two_languages() {
                lints::are_in_their_language(&tables());
            }

            #[test]
            fn sentences_are_short() {
                lints::have_short_sentences(&tables());
            }

            #[test]
            fn french_sets_a_space_before_high_marks_and_writes_a_curved_apostrophe() {
                lints::are_set_as_french_is(&tables());
            }
        }
    };
}
pub(crate) use tests;
