use super::*;
use crate::language::lints;

pub(super) const HOUSE: House<'static> = House {
    name: "Atelier Lumen SARL",
    address: "12 rue des Lices, 49100 Angers",
    email: "vie-privee@lumen.example",
};

pub(super) fn letter(language: Language) -> Letter<'static> {
    Letter {
        to: Addressee::parse("anne@example.org").expect("an address"),
        language,
        house: HOUSE,
        authority: Some(("CNIL".to_owned(), "https://www.cnil.fr/plaintes".to_owned())),
        day: language.day("2026-11-30T07:00:00Z".parse().expect("a time")),
        confirmed: None,
        title: "{title} {held}".to_owned(),
        held: ["A", "B", "C"].map(str::to_owned).into(),
        until: language.day("2027-11-30T07:00:00Z".parse().expect("a time")),
        is_by_consent: true,
        notice: Link::parse("https://leads.lumen.example/notice/devis").expect("a link"),
        page: Link::parse("https://leads.lumen.example/p/PASS").expect("a link"),
        stop: Link::parse("https://leads.lumen.example/u/STOP").expect("a link"),
    }
}

fn said(message: &Message) -> String {
    let block = |block: &Block| match block {
        Block::Paragraph(text) => text.clone(),
        Block::Action { label, link } => format!("[{label}]({})", link.expose()),
    };
    message.blocks.iter().map(block).collect::<Vec<_>>().join("\n")
}

#[test]
fn its_texts_are_as_texts_are() {
    let tables = [fr::WORDS.all(), en::WORDS.all(), de::WORDS.all()];
    lints::take_the_same_in(&tables);
    lints::are_in_their_language(&tables);
    lints::have_short_sentences(&tables);
    lints::are_set_as_french_is(&tables);
}

#[test]
fn a_first_mail_says_what_for_what_is_held_until_when_and_what_can_be_done() {
    let message = welcome(letter(Language::En));
    assert_eq!(message.subject, "Your form: what we hold");
    assert_eq!(
        said(&message),
        "On 30\u{a0}November 2026, you sent our form on Facebook or Instagram. It was for this: {title} {held}.\n\
         We hold: A, B and C. We will erase these data on 30\u{a0}November 2027 at the latest. We have these data from Meta, \
         which passed your answers on.\n\
         [See or correct my data](https://leads.lumen.example/p/PASS?lang=en)\n\
         You did not send this form? Answer this mail, and we will erase all of it.\n\
         You can see your data, have them corrected or erased, or object to their use. Write to vie-privee@lumen.example, it is \
         free. You may withdraw your agreement at any time. You may also complain to this authority: CNIL, \
         https://www.cnil.fr/plaintes\n\
         [Read how we use your data](https://leads.lumen.example/notice/devis)\n\
         Atelier Lumen SARL, 12 rue des Lices, 49100 Angers"
    );
    for language in Language::ALL {
        let message = welcome(letter(language));
        assert!(!message.subject.contains("Lumen") && !message.subject.contains('{'), "{}", message.subject);
        let bare = welcome(Letter { authority: None, is_by_consent: false, ..letter(language) });
        assert!(!said(&bare).contains("CNIL") && said(&bare).lines().count() == 7, "{}", said(&bare));
    }
}

#[test]
fn who_is_asked_gets_a_yes_and_a_no_of_one_kind_and_is_told_what_silence_does() {
    for language in Language::ALL {
        for once_more in [false, true] {
            let message = asked(letter(language), 18, once_more);
            assert!(
                !message.subject.contains("Lumen") && !message.subject.contains('{'),
                "{}",
                message.subject
            );
            let text = said(&message);
            let actions: Vec<&str> = text.lines().filter(|line| line.contains("/p/PASS?")).collect();
            assert_eq!(actions.len(), 3, "{text}");
            let silence = language.day("2027-11-30T07:00:00Z".parse().expect("a time"));
            assert_eq!(text.matches(&silence).count(), 1, "{text}");
            assert!(message.unsubscribe.is_some_and(|link| link.expose().ends_with("/u/STOP")));
            let again = said(&asked(letter(language), 18, !once_more));
            assert!(again != text, "a reminder says that it is one");
        }
    }
    let text = said(&asked(Letter { is_by_consent: false, ..letter(Language::En) }, 18, false));
    assert!(text.contains(" With it, you asked for this: {title} {held}.\n"), "{text}");
    assert!(
        text.contains("\n[Yes, that still holds](https://leads.lumen.example/p/PASS?do=confirm&lang=en)\n[No, erase my data](https://leads.lumen.example/p/PASS?do=erase&lang=en)"),
        "{text}"
    );
}

/// Whoever is asked after months knows by which way their data came, to whom, and why they are written to now (GDPR art. 14(2)(f)).
#[test]
fn who_is_asked_is_told_by_which_form_of_whom_their_data_came_and_how_often_they_are_asked() {
    for (language, came_by, confirmed, every, source) in [
        (
            Language::Fr,
            "Le 30\u{a0}novembre 2026, Atelier Lumen SARL a reçu le formulaire que vous avez envoyé sur Facebook ou Instagram. Vous y avez donné \
             votre accord pour ceci\u{a0}: {title} {held}.",
            " Vous l’avez confirmé pour la dernière fois le 1er\u{a0}juin 2028.",
            "Tous les 12 mois, nous demandons si cela vaut toujours.",
            "Ces données nous viennent de Meta",
        ),
        (
            Language::En,
            "On 30\u{a0}November 2026, you sent a form of Atelier Lumen SARL on Facebook or Instagram. With it, you agreed to this: \
             {title} {held}.",
            " You last confirmed it on 1\u{a0}June 2028.",
            "Every 12 months, we ask whether that still holds.",
            "We have these data from Meta",
        ),
        (
            Language::De,
            "Am 30.\u{a0}November 2026 haben Sie ein Formular von Atelier Lumen SARL auf Facebook oder Instagram abgeschickt. Damit haben \
             Sie dem zugestimmt: {title} {held}.",
            " Zuletzt haben Sie das am 1.\u{a0}Juni 2028 bestätigt.",
            "Alle 12 Monate fragen wir, ob das noch gilt.",
            "Diese Daten haben wir von Meta",
        ),
    ] {
        for once_more in [false, true] {
            let text = said(&asked(letter(language), 12, once_more));
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines[0], came_by);
            assert!(lines[1].starts_with(every) && lines[2].contains(source), "{text}");
            let day = language.day("2028-06-01T07:00:00Z".parse().expect("a time"));
            let again = Letter { confirmed: Some(day), ..letter(language) };
            let text = said(&asked(again, 12, once_more));
            assert_eq!(text.lines().next(), Some(&*format!("{came_by}{confirmed}")));
        }
    }
}
