//! Names of countries in the languages of the pages.

use crate::language::Language;

/// `FR|France|France|Frankreich` a line: ISO 3166-1, then the names of Unicode's CLDR in French, English and German.
const NAMES: &str = include_str!("countries.txt");

/// The country's name; an unknown code stands for itself.
pub(in crate::notice) fn name(code: &str, language: Language) -> &str {
    let row = NAMES.lines().find_map(|line| line.strip_prefix(code)?.strip_prefix('|'));
    row.and_then(|names| names.split('|').nth(language.index())).unwrap_or(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::law::is_country;

    #[test]
    fn every_country_has_a_name_in_each_language() {
        for line in NAMES.lines() {
            let parts: Vec<&str> = line.split('|').collect();
            assert!(parts.len() == 4 && parts.iter().all(|part| !part.is_empty()), "{line}");
            assert!(is_country(parts[0]), "{line}");
        }
        let all = ('A'..='Z').flat_map(|a| ('A'..='Z').map(move |b| format!("{a}{b}")));
        assert_eq!(all.filter(|code| is_country(code)).count(), NAMES.lines().count());
        assert_eq!(name("DE", Language::Fr), "Allemagne");
        assert_eq!((name("US", Language::De), name("XX", Language::De)), ("Vereinigte Staaten", "XX"));
    }
}
