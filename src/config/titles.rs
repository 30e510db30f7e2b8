//! `[purposes.X] title`: what people read a purpose under, by language.

use language_tags::LanguageTag;

use crate::config::fault::FaultCode;
use crate::config::section::ConfigItem;

/// The languages of the pages that people are shown; one in any other language falls back to these.
const PAGES: [&str; 3] = ["fr", "en", "de"];

/// The longest title, in characters.
const TITLE_CHARS_MAX: usize = 200;

/// The longest tag: RFC 5646, section 4.4.1, wants room for 35 characters.
const TAG_CHARS_MAX: usize = 35;

/// Titles by language tag, in the order of the file.
pub(super) fn read_title(item: &ConfigItem<'_>) -> Option<Vec<(String, String)>> {
    read_texts(item, "title", TITLE_CHARS_MAX)
}

/// What people read, by language tag, in the order of the file; `what` it is called.
pub(super) fn read_texts(
    item: &ConfigItem<'_>,
    what: &str,
    chars_max: usize,
) -> Option<Vec<(String, String)>> {
    let section = item.section();
    if section.is_broken() {
        return None;
    }
    let mut titles: Vec<(String, String)> = Vec::new();
    let mut is_whole = true;
    for (tag, title) in section.into_entries() {
        let text = title.prose(chars_max);
        let Some(language) = language(tag) else {
            title.fault(
                FaultCode::Malformed,
                "this is not a language tag (BCP 47)",
                "Write the language's registered code, with a region or a script where that matters: `it`, `pt-BR`, `zh-Hant`.",
            );
            is_whole = false;
            continue;
        };
        if titles.iter().any(|(known, _)| *known == language) {
            title.fault(FaultCode::Duplicate, "this language stands here twice", "Remove one.");
        }
        is_whole &= text.is_some();
        titles.extend(text.map(|text| (language, text)));
    }
    if titles.is_empty() && is_whole {
        let reason = format!("there is no {what} in any language");
        item.fault(FaultCode::Empty, reason, "Add one, as in `fr = \"…\"`.");
    }
    if titles.is_empty() || !is_whole {
        return None;
    }
    let missing: Vec<&str> =
        PAGES.into_iter().filter(|page| !titles.iter().any(|(tag, _)| speaks(tag, page))).collect();
    if !missing.is_empty() {
        let reason = format!(
            "there is no {what} in: {}; people who read these will find the notice in another language",
            missing.join(", ")
        );
        item.warn(FaultCode::LanguageMissing, reason, "Add them.");
    }
    Some(titles)
}

/// The tag as it is usually written (`pt-BR`), if every part of it is registered. Private tags say nothing to anybody else.
fn language(tag: &str) -> Option<String> {
    if tag.len() > TAG_CHARS_MAX {
        return None;
    }
    let tag = LanguageTag::parse(tag).ok()?;
    let is_known = tag.is_valid() && tag.private_use().is_none();
    is_known.then(|| tag.as_str().to_owned())
}

/// True if who reads the language of a page reads this tag: `de-AT` is German.
fn speaks(tag: &str, page: &str) -> bool {
    tag.strip_prefix(page).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_a_registered_tag_written_as_usual() {
        for (tag, wanted) in [
            ("fr", "fr"),
            ("IT", "it"),
            ("pt-br", "pt-BR"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("de-CH-1901", "de-CH-1901"),
            ("es-419", "es-419"),
            ("gsw", "gsw"),
        ] {
            assert_eq!(language(tag).as_deref(), Some(wanted), "{tag}");
        }
        for tag in [
            "",
            "f",
            "french",
            "fr_FR",
            "fr-",
            "fr-FRA",
            "xx",
            "fr-XQZ",
            "en-Abcd",
            "x-lumen",
            "fr-x-lumen",
            "é",
            "fr fr",
        ] {
            assert_eq!(language(tag), None, "{tag}");
        }
        assert_eq!(language(&format!("en-{}", "a-bcdefgh-".repeat(8))), None);
    }

    #[test]
    fn a_region_speaks_its_language_and_no_other_that_begins_alike() {
        assert!(speaks("de-AT", "de") && speaks("de", "de"));
        assert!(!speaks("den", "de") && !speaks("fr", "de"));
    }
}
