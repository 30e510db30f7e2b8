//! What people are written: the first mail, whether they still agree, and that once more; in `asked_for` what they asked for,
//! in `erasing` that it is about to be erased. The texts are
//! in `fr`, `en`, `de`.
//!
//! No offer, no picture, nothing that counts who reads; "yes" and "no" are of one kind and stand side by side. The subject says what
//! the mail wants and nothing of the person or of what they asked for: it is read over shoulders, and in lists.

mod asked_for;
mod de;
mod en;
mod erasing;
mod fr;

use crate::language::{Language, texts};
use crate::mail::mailbox::{Addressee, Link};
use crate::mail::message::{Block, Message};

pub use asked_for::{Copied, LinkOf, Linked, copied, linked};
pub use erasing::{Erasing, erasing};

texts! {
    /// The texts of all letters; what stands in braces is put in.
    struct Words {
        welcome_subject
        welcome_why
        welcome_for
        from_meta
        welcome_not_you
        asked_subject
        reminded_subject
        asked_form
        asked_agreed
        asked_requested
        asked_confirmed
        asked_now
        reminded_why
        asked_silence
        asked_choose
        yes
        no
        see
        held
        held_until
        rights
        complain
        withdraw
        notice
        who
        and
        link_subject
        link_why
        link_lead
        link_to
        link_until
        link_more
        link_not_you
        copy_subject
        copy_what
        copy_care
        copy_left_out
        copy_not_you
        erasing_subject
        erasing_asked
        erasing_ours
        erasing_when
        erasing_receipt
        erasing_last
        erasing_not_you
    }
}

/// Who writes a letter.
#[derive(Clone, Copy)]
pub struct House<'l> {
    /// Its name.
    pub name: &'l str,
    /// Where it is.
    pub address: &'l str,
    /// Where people write to it about their data.
    pub email: &'l str,
}

impl<'l> House<'l> {
    /// What every letter puts in.
    fn places(self) -> [(&'l str, &'l str); 3] {
        [("house", self.name), ("address", self.address), ("email", self.email)]
    }
}

/// What is put into a letter. No `Debug`: it is about one person.
pub struct Letter<'l> {
    /// To whom.
    pub to: Addressee,
    /// In which language.
    pub language: Language,
    /// Who writes.
    pub house: House<'l>,
    /// Whom people may complain to, and where that is.
    pub authority: Option<(String, String)>,
    /// On which day they sent the form in, as it is written in that language.
    pub day: String,
    /// On which day they said yes once more, last; none: never.
    pub confirmed: Option<String>,
    /// What for.
    pub title: String,
    /// What is held, as people call it: names of fields, never a value.
    pub held: Vec<String>,
    /// Until which day at the latest.
    pub until: String,
    /// It rests on their consent, which they may take back.
    pub is_by_consent: bool,
    /// The notice of the purpose.
    pub notice: Link,
    /// Where they see what is held, and say what is to become of it.
    pub page: Link,
    /// Where their mail program says no for them.
    pub stop: Link,
}

/// The first mail: what they asked for, what is held, how to have it changed.
pub fn welcome(letter: Letter<'_>) -> Message {
    let words = words(letter.language);
    let mut blocks = vec![
        letter.paragraph(&[words.welcome_why, words.welcome_for]),
        letter.paragraph(&[words.held, words.held_until, words.from_meta]),
        letter.action(words.see, None),
        letter.paragraph(&[words.welcome_not_you]),
    ];
    letter.close(words, words.welcome_subject, &mut blocks)
}

/// Whether they still agree to what they agreed to by that form, as they are asked every so many months; once more, if they were asked
/// already.
pub fn asked(letter: Letter<'_>, months: u32, once_more: bool) -> Message {
    let words = words(letter.language);
    let what = if letter.is_by_consent { words.asked_agreed } else { words.asked_requested };
    let why = if once_more { words.reminded_why } else { words.asked_now };
    let why = why.replace("{months}", &months.to_string());
    let mut came_by = vec![words.asked_form, what];
    came_by.extend(letter.confirmed.as_ref().map(|_| words.asked_confirmed));
    let mut blocks = vec![
        letter.paragraph(&came_by),
        letter.paragraph(&[&why]),
        letter.paragraph(&[words.held, words.from_meta, words.asked_silence]),
        letter.paragraph(&[words.asked_choose]),
        letter.action(words.yes, Some("confirm")),
        letter.action(words.no, Some("erase")),
        letter.action(words.see, None),
    ];
    let subject = if once_more { words.reminded_subject } else { words.asked_subject };
    letter.close(words, subject, &mut blocks)
}

fn words(language: Language) -> &'static Words {
    match language {
        Language::Fr => &fr::WORDS,
        Language::En => &en::WORDS,
        Language::De => &de::WORDS,
    }
}

impl Letter<'_> {
    /// Some sentences in one paragraph.
    fn paragraph(&self, sentences: &[&str]) -> Block {
        let said: Vec<String> = sentences.iter().map(|sentence| self.filled(sentence)).collect();
        Block::Paragraph(said.join(" "))
    }

    /// A way to their page, under what they would do there; nothing is done before they confirm it.
    fn action(&self, label: &str, act: Option<&str>) -> Block {
        let act = act.map(|act| format!("do={act}&")).unwrap_or_default();
        let link = self.page.asking(&format!("{act}lang={}", self.language.tag()));
        Block::Action { label: label.to_owned(), link }
    }

    /// A text with its places filled.
    fn filled(&self, text: &str) -> String {
        let (authority, authority_url) =
            self.authority.as_ref().map_or(("", ""), |(name, url)| (name.as_str(), url.as_str()));
        let held = listed(&self.held, words(self.language).and);
        let places = [
            ("authority", authority),
            ("authority_url", authority_url),
            ("day", &self.day),
            ("confirmed", self.confirmed.as_deref().unwrap_or_default()),
            ("title", &self.title),
            ("held", &held),
            ("until", &self.until),
        ];
        fill(text, &[&self.house.places()[..], &places].concat())
    }

    /// What stands at the end of each letter: the rights, the notice, who wrote.
    fn close(self, words: &Words, subject: &str, blocks: &mut Vec<Block>) -> Message {
        let mut rights = vec![words.rights];
        rights.extend(self.is_by_consent.then_some(words.withdraw));
        rights.extend(self.authority.as_ref().map(|_| words.complain));
        blocks.push(self.paragraph(&rights));
        let who = self.paragraph(&[words.who]);
        let subject = self.filled(subject);
        let Self { to, language, notice, stop, .. } = self;
        blocks.push(Block::Action { label: words.notice.to_owned(), link: notice });
        blocks.push(who);
        let blocks = std::mem::take(blocks);
        Message { to, language, subject, blocks, unsubscribe: Some(stop), files: Vec::new() }
    }
}

/// A text with its places filled. Each place once: what is put in is not looked through again.
fn fill(text: &str, places: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, after) = behind.split_once('}').unwrap_or((behind, ""));
        filled.push_str(places.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// `a, b and c`.
fn listed(items: &[String], and: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{}{and}{last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests;
