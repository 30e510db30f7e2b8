//! The mail that shows whether mails arrive.

use crate::language::{Language, texts};
use crate::mail::mailbox::Addressee;
use crate::mail::message::{Block, Message};

texts! {
    /// What it says; `{house}` is who sends it.
    struct Words {
        subject
        what
        letters
        nothing
    }
}

const FR: Words = Words {
    subject: "Essai d’envoi",
    what: "Ceci est un essai. {house} vérifie que son serveur de messagerie prend les messages de tamis et qu’ils arrivent.",
    letters: "Ces lettres arrivent-elles entières\u{a0}? é è ç œ ä ö ü ß €",
    nothing: "Vous n’avez rien à faire.",
};

const EN: Words = Words {
    subject: "Test mail",
    what: "This is a test. {house} is checking that its mail server takes the mails of tamis, and that they arrive.",
    letters: "Do these letters arrive whole? é è ç œ ä ö ü ß €",
    nothing: "There is nothing for you to do.",
};

const DE: Words = Words {
    subject: "Testmail",
    what: "Dies ist ein Test. {house} prüft, ob der eigene Mailserver die E-Mails von tamis annimmt und ob sie ankommen.",
    letters: "Kommen diese Buchstaben unversehrt an? é è ç œ ä ö ü ß €",
    nothing: "Sie müssen nichts tun.",
};

/// A mail that asks nothing, for whoever looks whether mails arrive. `house`: who sends it.
pub fn trial(to: Addressee, house: &str, language: Language) -> Message {
    let words = match language {
        Language::Fr => &FR,
        Language::En => &EN,
        Language::De => &DE,
    };
    let said = [words.what, words.letters, words.nothing];
    let blocks = said.map(|text| Block::Paragraph(text.replace("{house}", house)));
    let (subject, blocks) = (words.subject.to_owned(), blocks.into());
    Message { to, language, subject, blocks, unsubscribe: None, files: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::lints;

    #[test]
    fn its_texts_are_as_texts_are() {
        let tables = [FR.all(), EN.all(), DE.all()];
        lints::take_the_same_in(&tables);
        lints::are_in_their_language(&tables);
        lints::have_short_sentences(&tables);
        lints::are_set_as_french_is(&tables);
    }
}
