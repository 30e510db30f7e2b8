//! What somebody asked for: the links to what is held under their address, and a copy of all of it.
//!
//! Nothing is offered in these mails and nobody is asked anything by them: there is nothing to unsubscribe from.

use crate::language::Language;
use crate::mail::letters::{House, fill, words};
use crate::mail::mailbox::{Addressee, Link};
use crate::mail::message::{Attached, AttachedKind, Block, Message};
use crate::secret::Wiped;

/// The links to what is held under an address. No `Debug`: it is about one person.
pub struct Linked<'l> {
    /// To whom.
    pub to: Addressee,
    /// In which language.
    pub language: Language,
    /// Who writes.
    pub house: House<'l>,
    /// Until which day the links open, as it is written in that language.
    pub until: String,
    /// Each link.
    pub links: Vec<LinkOf>,
    /// There are more than stand here.
    pub are_cut: bool,
}

/// A link, and of what it is.
pub struct LinkOf {
    /// What people read the purpose under.
    pub title: String,
    /// On which day they sent the form in.
    pub day: String,
    /// Where it leads.
    pub page: Link,
}

/// A copy of what is held under an address. No `Debug`.
pub struct Copied<'l> {
    /// To whom.
    pub to: Addressee,
    /// In which language.
    pub language: Language,
    /// Who writes.
    pub house: House<'l>,
    /// For programs.
    pub json: Wiped<String>,
    /// To be read.
    pub html: Wiped<String>,
}

/// The mail with the links.
pub fn linked(letter: Linked<'_>) -> Message {
    let Linked { to, language, house, until, links, are_cut } = letter;
    let words = words(language);
    let say = |texts: &[&str]| {
        let places = [&house.places()[..], &[("until", until.as_str())]].concat();
        Block::Paragraph(texts.iter().map(|text| fill(text, &places)).collect::<Vec<_>>().join(" "))
    };
    let mut blocks = vec![say(&[words.link_why, words.link_lead])];
    blocks.extend(links.into_iter().map(|link| Block::Action {
        label: fill(words.link_to, &[("title", &link.title), ("day", &link.day)]),
        link: link.page.asking(&format!("lang={}", language.tag())),
    }));
    blocks.extend(are_cut.then(|| say(&[words.link_more])));
    blocks.extend([say(&[words.link_until]), say(&[words.link_not_you]), say(&[words.who])]);
    let subject = words.link_subject.to_owned();
    Message { to, language, subject, blocks, unsubscribe: None, files: Vec::new() }
}

/// The mail with the copy.
pub fn copied(letter: Copied<'_>) -> Message {
    let Copied { to, language, house, json, html } = letter;
    let words = words(language);
    let say = |text: &str| Block::Paragraph(fill(text, &house.places()));
    let said = [words.copy_what, words.copy_care, words.copy_left_out, words.copy_not_you, words.who];
    let files = vec![
        Attached { name: "copy.html", kind: AttachedKind::Html, text: html },
        Attached { name: "copy.json", kind: AttachedKind::Json, text: json },
    ];
    let (subject, blocks) = (words.copy_subject.to_owned(), said.map(say).into());
    Message { to, language, subject, blocks, unsubscribe: None, files }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::letters::tests::HOUSE;

    fn said(message: &Message) -> String {
        let block = |block: &Block| match block {
            Block::Paragraph(text) => text.clone(),
            Block::Action { label, link } => format!("[{label}]({})", link.expose()),
        };
        message.blocks.iter().map(block).collect::<Vec<_>>().join("\n")
    }

    fn to() -> Addressee {
        Addressee::parse("anne@example.org").expect("an address")
    }

    #[test]
    fn whoever_lost_their_link_gets_one_for_each_record_and_is_told_what_to_do_if_it_was_not_them() {
        let link = |title: &str, pass: &str| LinkOf {
            title: title.to_owned(),
            day: "30\u{a0}November 2026".to_owned(),
            page: Link::parse(&format!("https://leads.lumen.example/p/{pass}")).expect("a link"),
        };
        let letter = |language, are_cut| Linked {
            to: to(),
            language,
            house: HOUSE,
            until: "29\u{a0}December 2026".to_owned(),
            links: vec![link("{email}", "ONE"), link("A letter", "TWO")],
            are_cut,
        };
        let message = linked(letter(Language::En, false));
        assert!(message.unsubscribe.is_none() && message.files.is_empty());
        assert_eq!(
            said(&message),
            "Somebody asked on our site for the links to what we hold under this e-mail address. Each link leads to a page where \
             you can see, correct or erase data.\n\
             [{email}: form of 30\u{a0}November 2026](https://leads.lumen.example/p/ONE?lang=en)\n\
             [A letter: form of 30\u{a0}November 2026](https://leads.lumen.example/p/TWO?lang=en)\n\
             These links open until 29\u{a0}December 2026 at the latest. Please do not pass them on.\n\
             That was not you? You need not do anything: nobody else has received this mail.\n\
             Atelier Lumen SARL, 12 rue des Lices, 49100 Angers"
        );
        for language in Language::ALL {
            let (whole, cut) = (linked(letter(language, false)), linked(letter(language, true)));
            assert!(!whole.subject.contains("Lumen") && !said(&cut).contains("{until}"), "{}", said(&cut));
            let (whole, cut) = (said(&whole), said(&cut));
            assert!(
                cut.lines().count() == whole.lines().count() + 1 && cut.contains("vie-privee@lumen.example")
            );
        }
    }

    #[test]
    fn a_copy_goes_as_two_files_and_the_mail_itself_says_nothing_of_what_is_in_them() {
        for language in Language::ALL {
            let message = copied(Copied {
                to: to(),
                language,
                house: HOUSE,
                json: Wiped::new("{\"canary\":1}".to_owned()),
                html: Wiped::new("<p>canary</p>".to_owned()),
            });
            let files: Vec<_> = message.files.iter().map(|file| (file.name, file.kind)).collect();
            assert_eq!(files, [("copy.html", AttachedKind::Html), ("copy.json", AttachedKind::Json)]);
            let text = said(&message);
            assert!(
                !text.contains("canary") && !text.contains('{') && text.contains("vie-privee@lumen.example")
            );
            assert!(message.unsubscribe.is_none() && !message.subject.contains("Lumen"));
        }
    }
}
