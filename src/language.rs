//! The languages in which people are told things, and days as they are written in them.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Declares the table of a room's texts: a text that is missing in a language does not compile (docs/decisions, 181).
macro_rules! texts {
    ($(#[$doc:meta])* $visible:vis struct $table:ident { $($name:ident)+ }) => {
        $(#[$doc])*
        $visible struct $table {
            $($visible $name: &'static str,)+
        }

        impl $table {
            #[cfg(test)]
            fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name)),+]
            }
        }
    };
}
pub(crate) use texts;

#[cfg(test)]
pub(crate) mod lints;

/// A language in which every page exists, whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// French.
    Fr,
    /// English.
    En,
    /// German.
    De,
}

/// So many entries of an `Accept-Language` are looked at.
const ENTRIES_MAX: usize = 20;

impl Language {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Fr, Self::En, Self::De];

    /// The language's tag (BCP 47).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// What it calls itself.
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::Fr => "Français",
            Self::En => "English",
            Self::De => "Deutsch",
        }
    }

    /// Its place in [`Self::ALL`].
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Fr => 0,
            Self::En => 1,
            Self::De => 2,
        }
    }

    /// The language of this tag: `de-AT` is German.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or(tag);
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }

    /// The one that a reader likes best (RFC 9110, section 12.5.4); none of ours: none.
    pub fn preferred(accept_language: &str) -> Option<Self> {
        let mut best: Option<(Self, f32)> = None;
        for entry in accept_language.split(',').take(ENTRIES_MAX) {
            let (tag, parameters) = entry.split_once(';').unwrap_or((entry, ""));
            let weight = match parameters.trim().strip_prefix("q=") {
                Some(weight) => weight.trim().parse().unwrap_or(0.0),
                None => 1.0_f32,
            };
            let Some(language) = Self::of_tag(tag.trim()) else { continue };
            if weight > 0.0 && best.is_none_or(|(_, known)| weight > known) {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language)
    }

    /// Of texts by language tag the one that who reads this language reads best, with its tag: in it, in one of its regions,
    /// else in another language of the pages, English first; else the first there is.
    pub fn choose<'t, S: AsRef<str> + 't>(
        self,
        texts: impl IntoIterator<Item = (&'t S, &'t S), IntoIter: Clone>,
    ) -> Option<(&'t str, &'t str)> {
        let mut texts = texts.into_iter().map(|(tag, text)| (tag.as_ref(), text.as_ref()));
        let exactly = texts.clone().find(|(tag, _)| *tag == self.tag());
        let speaks = |language: Self| texts.clone().find(|(tag, _)| Self::of_tag(tag) == Some(language));
        exactly
            .or_else(|| [self, Self::En, Self::Fr, Self::De].into_iter().find_map(speaks))
            .or_else(|| texts.next())
    }

    /// A day, as people write it in a letter; days are UTC. Its number stays with its month.
    pub fn day(self, moment: Timestamp) -> String {
        let day = moment.to_zoned_datetime(TimeZone::UTC).date();
        let month = usize::from(day.month().unsigned_abs()).saturating_sub(1);
        let name = MONTHS[self.index()].get(month).copied().unwrap_or_default();
        let (number, year) = (day.day(), day.year());
        match self {
            Self::Fr if number == 1 => format!("1er\u{a0}{name} {year}"),
            Self::Fr | Self::En => format!("{number}\u{a0}{name} {year}"),
            Self::De => format!("{number}.\u{a0}{name} {year}"),
        }
    }
}

/// Its tag.
impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

const MONTHS: [[&str; 12]; 3] = [
    [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_what_they_like_best_of_what_there_is() {
        for (header, wanted) in [
            ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", Some(Language::Fr)),
            ("it, de;q=0.5, en;q=0.4", Some(Language::De)),
            ("en;q=0.1,de-AT;q=0.2", Some(Language::De)),
            ("de;q=0, en;q=0.001", Some(Language::En)),
            ("EN-gb", Some(Language::En)),
            ("it, es", None),
            ("*", None),
            ("", None),
            (";;;q=x,,", None),
            ("fr;q=NaN", None),
        ] {
            assert_eq!(Language::preferred(header), wanted, "{header}");
        }
        assert_eq!(Language::preferred(&format!("{}de", "it,".repeat(ENTRIES_MAX))), None, "bounded");
    }

    #[test]
    fn a_text_that_is_not_there_falls_back() {
        let texts = |tags: &[&str]| -> Vec<(String, String)> {
            tags.iter().map(|tag| ((*tag).to_owned(), format!("in {tag}"))).collect()
        };
        let chosen = |language: Language, tags: &[&str]| {
            language.choose(texts(tags).iter().map(|(tag, text)| (tag, text))).map(|(tag, _)| tag.to_owned())
        };
        assert_eq!(chosen(Language::De, &["fr", "de-AT", "en"]).as_deref(), Some("de-AT"));
        assert_eq!(chosen(Language::De, &["de-CH", "de"]).as_deref(), Some("de"));
        assert_eq!(chosen(Language::De, &["fr", "en-GB"]).as_deref(), Some("en-GB"));
        assert_eq!(chosen(Language::De, &["it", "fr"]).as_deref(), Some("fr"));
        assert_eq!(chosen(Language::De, &["it", "pt-BR"]).as_deref(), Some("it"));
        assert_eq!(chosen(Language::De, &[]), None);
    }

    #[test]
    fn days_are_written_as_people_write_them() {
        let day = |text: &str, language| Language::day(language, text.parse().expect("a time"));
        assert_eq!(day("2026-11-01T23:59:59Z", Language::Fr), "1er\u{a0}novembre 2026");
        assert_eq!(day("2026-03-29T00:00:00Z", Language::De), "29.\u{a0}März 2026");
        assert_eq!(day("2026-12-31T12:00:00Z", Language::En), "31\u{a0}December 2026");
    }

    #[test]
    fn each_has_its_place() {
        for (index, language) in Language::ALL.into_iter().enumerate() {
            assert_eq!((language.index(), Language::of_tag(language.tag())), (index, Some(language)));
        }
    }
}
