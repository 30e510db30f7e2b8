//! A notice in one language, as what it says: sections of paragraphs, lists and tables. What is kept of a revision is this
//! and no page, so that a later design shows old words.

use serde::{Deserialize, Serialize};

use crate::language::Language;
use crate::notice::words::words;

/// The sections, in their order. They are no codes: nobody is to do anything about one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionKey {
    /// Who answers for the data: GDPR arts. 13(1)(a) and (b), 14(1)(a) and (b).
    Who,
    /// Purpose and basis, by channel: arts. 13(1)(c) and (d), 14(1)(c), 14(2)(b).
    Why,
    /// Categories of data: art. 14(1)(d).
    What,
    /// Where they come from: art. 14(2)(f).
    Source,
    /// What Meta does, and for what each answers: arts. 13(1)(a), 26(2).
    Meta,
    /// Recipients: arts. 13(1)(e), 14(1)(e).
    Recipients,
    /// Transfers: arts. 13(1)(f), 14(1)(f).
    Transfers,
    /// How long, and what remains afterwards: arts. 13(2)(a), 14(2)(a).
    Duration,
    /// Rights and how they are exercised: arts. 13(2)(b), 14(2)(c).
    Rights,
    /// Taking an agreement back: arts. 13(2)(c), 14(2)(d).
    Withdrawal,
    /// The authority: arts. 13(2)(d), 14(2)(e).
    Complaint,
    /// Whether the data must be given, and what happens else: art. 13(2)(e).
    Obligation,
    /// Automated decisions: arts. 13(2)(f), 14(2)(g).
    Automated,
    /// How they are protected: art. 32, in a sentence.
    Protection,
}

impl SectionKey {
    /// All, in their order.
    pub const ALL: &'static [Self] = &[
        Self::Who,
        Self::Why,
        Self::What,
        Self::Source,
        Self::Meta,
        Self::Recipients,
        Self::Transfers,
        Self::Duration,
        Self::Rights,
        Self::Withdrawal,
        Self::Complaint,
        Self::Obligation,
        Self::Automated,
        Self::Protection,
    ];

    /// Its name: the anchor in the page, and in what is kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Who => "who",
            Self::Why => "why",
            Self::What => "what",
            Self::Source => "source",
            Self::Meta => "meta",
            Self::Recipients => "recipients",
            Self::Transfers => "transfers",
            Self::Duration => "duration",
            Self::Rights => "rights",
            Self::Withdrawal => "withdrawal",
            Self::Complaint => "complaint",
            Self::Obligation => "obligation",
            Self::Automated => "automated",
            Self::Protection => "protection",
        }
    }

    /// The heading in this language.
    pub fn heading(self, language: Language) -> &'static str {
        let words = words(language);
        match self {
            Self::Who => words.who_heading,
            Self::Why => words.why_heading,
            Self::What => words.what_heading,
            Self::Source => words.source_heading,
            Self::Meta => words.meta_heading,
            Self::Recipients => words.recipients_heading,
            Self::Transfers => words.transfers_heading,
            Self::Duration => words.duration_heading,
            Self::Rights => words.rights_heading,
            Self::Withdrawal => words.withdrawal_heading,
            Self::Complaint => words.complaint_heading,
            Self::Obligation => words.obligation_heading,
            Self::Automated => words.automated_heading,
            Self::Protection => words.protection_heading,
        }
    }
}

/// A notice in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its language.
    pub language: Language,
    /// The controller's name.
    pub controller: String,
    /// What the data are for, as the operator put it.
    pub title: Inline,
    /// The first layer: who, what, why, how long, what one can do.
    pub summary: Vec<Row>,
    /// The act that is nearest to hand: its words, and where they lead.
    pub action: Inline,
    /// The second layer.
    pub sections: Vec<Section>,
}

/// A section, under a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Its anchor ([`SectionKey`]).
    pub key: String,
    /// Its heading.
    pub heading: String,
    /// What it says.
    pub blocks: Vec<Block>,
}

/// A part of a section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Block {
    /// A paragraph.
    Text(Vec<Inline>),
    /// Points.
    List(Vec<Vec<Inline>>),
    /// Names and what is said of each.
    Facts(Vec<Row>),
}

/// A name, and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The name.
    pub name: Vec<Inline>,
    /// What is said, a paragraph each.
    pub said: Vec<Vec<Inline>>,
}

/// A piece of text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inline {
    /// The words.
    pub text: String,
    /// Where they lead (`https:` or `mailto:`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Their language, where it is not that of the notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
}

impl Inline {
    /// Plain words.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), link: None, lang: None }
    }

    /// Words that lead somewhere.
    pub fn link(text: impl Into<String>, link: impl Into<String>) -> Self {
        Self { link: Some(link.into()), ..Self::text(text) }
    }

    /// An e-mail address.
    pub fn mail(address: &str) -> Self {
        Self::link(address, mailto(address))
    }

    /// The operator's words in the language that serves best.
    pub fn chosen(language: Language, texts: &[(String, String)]) -> Self {
        let (tag, text) =
            language.choose(texts.iter().map(|(tag, text)| (tag, text))).unwrap_or((language.tag(), ""));
        let is_foreign = Language::of_tag(tag) != Some(language);
        Self { lang: is_foreign.then(|| tag.to_owned()), ..Self::text(text) }
    }
}

/// The link to an address, in which nothing of it is taken for more than an address (RFC 6068).
pub(in crate::notice) fn mailto(address: &str) -> String {
    let mut link = String::from("mailto:");
    for byte in address.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'@' | b'.' | b'-' | b'_' | b'~' | b'+' => {
                link.push(char::from(byte));
            }
            other => link.push_str(&format!("%{other:02X}")),
        }
    }
    link
}

/// The words of several pieces, without their links.
pub(in crate::notice) fn plain(pieces: &[Inline]) -> String {
    pieces.iter().map(|piece| piece.text.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_a_link_is_an_address_and_nothing_else() {
        assert_eq!(mailto("vie-privee@lumen.example"), "mailto:vie-privee@lumen.example");
        assert_eq!(mailto("a?bcc=b&x@é.example"), "mailto:a%3Fbcc%3Db%26x@%C3%A9.example");
    }

    #[test]
    fn words_in_another_language_say_so() {
        let texts =
            vec![("it".to_owned(), "Rispondere".to_owned()), ("de-AT".to_owned(), "Antworten".to_owned())];
        assert_eq!(Inline::chosen(Language::De, &texts), Inline::text("Antworten"));
        assert_eq!(Inline::chosen(Language::Fr, &texts).lang.as_deref(), Some("de-AT"));
        assert_eq!(Inline::chosen(Language::Fr, &texts[..1]).lang.as_deref(), Some("it"));
    }
}
