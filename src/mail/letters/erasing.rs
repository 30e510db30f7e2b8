//! That what is held of somebody is about to be erased: the last mail about it, since their address goes as well.
//!
//! It goes before, so it says what will be and until when, and by which number the receipt is had (docs/decisions, 264).

use crate::language::Language;
use crate::mail::letters::{House, fill, words};
use crate::mail::mailbox::Addressee;
use crate::mail::message::{Block, Message};

/// What is about to be erased. No `Debug`: it is about one person.
pub struct Erasing<'l> {
    /// To whom.
    pub to: Addressee,
    /// In which language.
    pub language: Language,
    /// Who writes.
    pub house: House<'l>,
    /// Whom people may complain to, and where that is.
    pub authority: Option<(String, String)>,
    /// They asked for it themselves.
    pub is_asked_for: bool,
    /// Each form: what people read its purpose under, and on which day they sent it in.
    pub forms: Vec<(String, String)>,
    /// On which day it is erased at the latest, as it is written in that language.
    pub until: String,
    /// The number of the erasure, and of its receipt.
    pub number: String,
}

/// The mail that says so.
pub fn erasing(letter: Erasing<'_>) -> Message {
    let Erasing { to, language, house, authority, is_asked_for, forms, until, number } = letter;
    let words = words(language);
    let (authority_name, authority_url) = authority.clone().unwrap_or_default();
    let say = |texts: &[&str]| {
        let places = [
            ("until", until.as_str()),
            ("number", number.as_str()),
            ("authority", authority_name.as_str()),
            ("authority_url", authority_url.as_str()),
        ];
        let places = [&house.places()[..], &places].concat();
        Block::Paragraph(texts.iter().map(|text| fill(text, &places)).collect::<Vec<_>>().join(" "))
    };
    let why = if is_asked_for { words.erasing_asked } else { words.erasing_ours };
    let mut blocks = vec![say(&[why])];
    blocks.extend(forms.iter().map(|(title, day)| {
        Block::Paragraph(fill(words.link_to, &[("title", title.as_str()), ("day", day.as_str())]))
    }));
    blocks.push(say(&[words.erasing_when]));
    blocks.push(say(&[words.erasing_receipt]));
    blocks.push(say(&[words.erasing_last]));
    let mut last = vec![words.erasing_not_you];
    last.extend(authority.is_some().then_some(words.complain));
    blocks.push(say(&last));
    blocks.push(say(&[words.who]));
    let subject = words.erasing_subject.to_owned();
    Message { to, language, subject, blocks, unsubscribe: None, files: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::letters::tests::HOUSE;

    fn said(is_asked_for: bool, language: Language) -> (String, String) {
        let message = erasing(Erasing {
            to: Addressee::parse("anne@example.org").expect("an address"),
            language,
            house: HOUSE,
            authority: Some(("CNIL".to_owned(), "https://www.cnil.fr/plaintes".to_owned())),
            is_asked_for,
            forms: vec![
                ("{number}".to_owned(), "30\u{a0}November 2026".to_owned()),
                ("A letter".to_owned(), "29\u{a0}November 2026".to_owned()),
            ],
            until: "3\u{a0}December 2026".to_owned(),
            number: "1-17".to_owned(),
        });
        assert!(message.unsubscribe.is_none() && message.files.is_empty(), "nothing is offered in it");
        let text = |block: &Block| match block {
            Block::Paragraph(text) => text.clone(),
            Block::Action { .. } => panic!("what is about to be erased has no page any more"),
        };
        (message.subject, message.blocks.iter().map(text).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn whoever_is_about_to_be_erased_reads_what_until_when_and_how_the_receipt_is_had() {
        let (subject, text) = said(true, Language::En);
        assert_eq!(subject, "Your data will be erased");
        assert_eq!(
            text,
            "As you asked, we are erasing these data:\n\
             {number}: form of 30\u{a0}November 2026\n\
             A letter: form of 29\u{a0}November 2026\n\
             Nobody uses them any more. They are erased as soon as this mail is on its way to you, on 3\u{a0}December 2026 at the \
             latest.\n\
             There will be a signed receipt, which anybody can check. Its number is 1-17. Write to vie-privee@lumen.example with \
             this number, and you will get it.\n\
             Your address goes with these data, so this is our last mail about them.\n\
             You did not expect this? Write to vie-privee@lumen.example. You may also complain to this authority: CNIL, \
             https://www.cnil.fr/plaintes\n\
             Atelier Lumen SARL, 12 rue des Lices, 49100 Angers"
        );
        for language in Language::ALL {
            let ((subject, asked), (same, ours)) = (said(true, language), said(false, language));
            assert!(!subject.contains("Lumen") && !subject.contains('{') && subject == same, "{subject}");
            assert_ne!(asked.lines().next(), ours.lines().next(), "whose wish it is");
            assert_eq!(
                asked.split_once('\n').map(|(_, rest)| rest),
                ours.split_once('\n').map(|(_, rest)| rest)
            );
            assert!(asked.contains("1-17") && asked.contains("3\u{a0}December 2026"), "{asked}");
        }
    }
}
