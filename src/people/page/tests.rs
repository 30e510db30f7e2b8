//! What the pages say, and what they never do.

use jiff::Timestamp;

use super::*;
use crate::language::Language;
use crate::people::Pass;
use crate::random::SeededRandom;

const HOUSE: House<'_> =
    House { name: "Lumen & Co", address: "1 rue des Lilas, Lyon", email: "donnees@lumen.example" };

fn at(text: &str) -> Timestamp {
    format!("{text}T08:00:00Z").parse().expect("a time")
}

fn shown() -> Shown {
    Shown {
        purpose: "Devis <b>".to_owned(),
        notice: "../notice/devis?lang=en".to_owned(),
        notice_revision: "ab".repeat(32),
        sent: at("2026-11-01"),
        until: at("2027-11-01"),
        restricted: Some(at("2026-12-31")),
        erasure: None,
        answers: vec![("E-mail address".to_owned(), vec!["m•••@example.org".to_owned()])],
        agreed: vec![("by e-mail".to_owned(), Some(at("2026-11-01"))), ("by phone".to_owned(), None)],
        boxes: vec![("email_optin".to_owned(), "by e-mail".to_owned())],
        is_asked_again: false,
        handed: vec![None, Some("Exemple CRM SAS".to_owned())],
        copy_to: Some("m•••@example.org".to_owned()),
        correctable: vec![("city".to_owned(), "City".to_owned(), Some("L•••".to_owned()))],
    }
}

/// The same, once its erasure waits for the letter that says so.
fn to_be_erased() -> Shown {
    Shown { restricted: Some(at("2026-12-03")), erasure: Some("1-7".to_owned()), ..shown() }
}

/// Every page there is, in this language.
fn pages(language: Language) -> Vec<(&'static str, Sheet)> {
    let shown = shown();
    let asked = |act| asking(act, "TOKEN".to_owned(), &shown, &HOUSE, language, None);
    let end = Ended {
        act: Act::Erase,
        number: "1-7".to_owned(),
        receipts: vec!["Receipt <1-7>\n".to_owned()],
        is_empty: true,
        unread: 3,
        are_others_left: true,
        open_until: Some(at("2026-12-30")),
    };
    vec![
        ("own", own(&shown, &HOUSE, language, Some(corrected(true, language)))),
        ("own, to be erased", own(&to_be_erased(), &HOUSE, language, None)),
        ("confirm", asked(Act::Confirm)),
        ("withdraw", asked(Act::Withdraw)),
        ("stop", asked(Act::Stop)),
        ("correct", asked(Act::Correct)),
        ("erase", asked(Act::Erase)),
        ("copy", asked(Act::Copy)),
        ("unseen", unseen("Devis <b>", &HOUSE, language)),
        ("asking unseen", asking_unseen(Act::Erase, "TOKEN".to_owned(), "Devis <b>", &HOUSE, language)),
        ("ended", ended(&end, &HOUSE, language)),
        ("lost", lost(&HOUSE, language, false)),
        ("lost, and asked for", lost(&HOUSE, language, true)),
        ("asking", asking_for_links(&HOUSE, language, Some(link_bad(language)))),
        ("asking, and full", asking_for_links(&HOUSE, language, Some(link_full(language)))),
        ("asked for", asked_for_links(&HOUSE, language)),
        ("one click", one_click(&HOUSE, language)),
        ("stopped", stopped(&HOUSE, language)),
        ("failed", failed(&HOUSE, language, false)),
        ("busy", failed(&HOUSE, language, true)),
        (
            "callback",
            callback(
                Some(at("2026-11-30")),
                vec![("Devis".to_owned(), "../../notice/devis".to_owned())],
                &HOUSE,
                language,
            ),
        ),
        ("unknown", callback(None, Vec::new(), &HOUSE, language)),
    ]
}

#[test]
fn every_page_is_whole_loads_nothing_and_escapes_what_it_is_given() {
    for language in Language::ALL {
        for (name, sheet) in pages(language) {
            let html = sheet.html();
            assert!(html.starts_with("<!DOCTYPE html>\n") && html.trim_end().ends_with("</html>"), "{name}");
            assert!(html.contains(&format!("<html lang=\"{}\">", language.tag())), "{name}");
            assert!(html.contains("Lumen &#38; Co") && html.contains("content=\"noindex\""), "{name}");
            assert_eq!(html.matches("<h1").count(), 1, "{name}");
            let body = html.split("</style>").nth(1).expect("a body");
            for absent in
                ["<script", " src=", "@import", "url(", " style=", "javascript:", "{", "}", "<b>", "<1-7>"]
            {
                assert!(!body.contains(absent), "{name}: {absent}: {body}");
            }
        }
    }
}

/// Whoever looks over a shoulder, at a history or at a referrer learns nothing of the person.
#[test]
fn no_title_and_no_address_says_anything_of_the_person() {
    for language in Language::ALL {
        for (name, sheet) in pages(language) {
            for personal in ["example.org", "Devis", "1-7"] {
                assert!(!sheet.title.contains(personal), "{name}");
            }
            let html = sheet.html();
            for href in html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default()) {
                let is_ours = [
                    "?",
                    "#main",
                    "../p/lost?",
                    "../notice/",
                    "../../notice/",
                    "mailto:donnees@lumen.example",
                ]
                .iter()
                .any(|known| href.starts_with(known));
                assert!(is_ours && !href.contains("TOKEN"), "{name}: {href}");
            }
        }
    }
}

/// Nobody is told that their data are kept for a year who go within days, nor offered what cannot be had.
#[test]
fn whoever_waits_for_their_erasure_is_told_when_it_comes_and_under_which_number() {
    for (language, says, is_kept) in [
        (
            Language::Fr,
            "Ces données seront effacées le 3\u{a0}décembre 2026 au plus tard.",
            "1er\u{a0}novembre 2027",
        ),
        (
            Language::En,
            "These data will be erased on 3\u{a0}December 2026 at the latest.",
            "1\u{a0}November 2027",
        ),
        (
            Language::De,
            "Diese Daten werden spätestens am 3.\u{a0}Dezember 2026 gelöscht.",
            "1.\u{a0}November 2027",
        ),
    ] {
        let html = own(&to_be_erased(), &HOUSE, language, None).html();
        assert!(html.contains(says) && html.contains("1-7"), "{html}");
        assert!(!html.contains(is_kept) && !html.contains("do=confirm"), "{html}");
        for act in ["do=withdraw", "do=stop", "do=erase", "do=copy"] {
            assert!(html.contains(act), "{act}: {html}");
        }
        let held = own(&shown(), &HOUSE, language, None).html();
        assert!(held.contains(is_kept) && !held.contains(says) && held.contains("do=confirm"), "{held}");
    }
}

#[test]
fn what_is_held_is_said_and_every_act_is_one_step_away() {
    let html = own(&shown(), &HOUSE, Language::En, None).html();
    for part in [
        "m•••@example.org",
        "Until 31\u{a0}December 2026 nobody may use these data.",
        "1\u{a0}November 2027",
        "Your agreement: by e-mail",
        "Yes, on 1\u{a0}November 2026",
        "Exemple CRM SAS",
        "Files of Lumen &#38; Co",
        "href=\"?do=confirm&#38;lang=en\"",
        "href=\"?do=withdraw&#38;lang=en\"",
        "href=\"?do=stop&#38;lang=en\"",
        "href=\"?do=correct&#38;lang=en\"",
        "href=\"?do=erase&#38;lang=en\"",
        "href=\"mailto:donnees@lumen.example\"",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    let bare = Shown { answers: Vec::new(), correctable: Vec::new(), handed: Vec::new(), ..shown() };
    let html = own(&bare, &HOUSE, Language::En, None).html();
    assert!(html.contains("No answer of yours") && html.contains("Nobody received them"), "{html}");
    assert!(!html.contains("do=correct"), "nothing that one could correct");
}

/// Whoever is asked again of what rests on no consent says yes by the button alone; the boxes are theirs to tick or not.
#[test]
fn what_rests_on_no_consent_is_said_yes_to_without_a_box() {
    let bare = Shown { boxes: Vec::new(), is_asked_again: true, ..shown() };
    let html = own(&bare, &HOUSE, Language::En, None).html();
    assert!(html.contains("do=confirm") && !html.contains("do=withdraw"), "{html}");
    let asked =
        |shown: &Shown| asking(Act::Confirm, "TOKEN".to_owned(), shown, &HOUSE, Language::En, None).html();
    let html = asked(&bare);
    assert!(html.contains("Yes, that still holds</button>") && !html.contains("<fieldset"), "{html}");
    let html = asked(&Shown { is_asked_again: true, ..shown() });
    assert!(
        html.contains("Yes, that still holds</button>") && html.contains("name=\"c.email_optin\""),
        "{html}"
    );
    let none = Shown { boxes: Vec::new(), ..shown() };
    assert!(!own(&none, &HOUSE, Language::En, None).html().contains("do=confirm"), "nobody asks them");
}

/// Nothing is chosen for the person, and every form says which it is.
#[test]
fn a_form_asks_by_post_and_has_nothing_chosen_before() {
    for act in Act::ALL {
        let pass = Pass::new(&SeededRandom::new(1)).expect("random");
        let sheet = asking(act, pass.form_token(act.code()), &shown(), &HOUSE, Language::De, None);
        let html = sheet.html();
        assert!(html.contains("<form method=\"post\" action=\"?lang=de\">"), "{html}");
        assert!(html.contains(&format!("name=\"do\" value=\"{}\"", act.code())));
        let says_where = html.contains("m•••@");
        assert!(!html.contains("checked") && says_where == (act == Act::Copy), "{html}");
        assert_eq!(Act::of(act.code()), Some(act));
    }
    assert_eq!((Act::of("drop"), Reach::of("this"), Reach::of("")), (None, Some(Reach::This), None));
}

#[test]
fn the_policy_names_the_style_and_lets_forms_go_home_alone() {
    let policy = content_security_policy();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(
        policy.contains("form-action 'self'") && !policy.contains("unsafe") && !policy.contains("script")
    );
}

#[test]
fn whoever_lost_their_link_asks_for_it_where_mails_are_sent() {
    for language in Language::ALL {
        let (without, with) = (lost(&HOUSE, language, false).html(), lost(&HOUSE, language, true).html());
        let way = format!("href=\"../p/lost?lang={}\"", language.tag());
        assert!(!without.contains("../p/lost") && with.contains(&way), "{with}");
        let page = asking_for_links(&HOUSE, language, None).html();
        assert!(
            page.contains("<label for=\"email\">") && page.contains("name=\"do\" value=\"link\""),
            "{page}"
        );
        assert!(!page.contains("name=\"form\"") && !page.contains("role=\"status\""), "{page}");
        let refused = asking_for_links(&HOUSE, language, Some(link_bad(language))).html();
        assert!(refused.contains(link_bad(language)) && refused.contains("<form"), "{refused}");
    }
}

#[test]
fn a_copy_is_offered_where_it_can_be_sent_and_its_mailbox_is_masked() {
    for language in Language::ALL {
        let page = |shown: &Shown| own(shown, &HOUSE, language, None).html();
        let (with, without) = (page(&shown()), page(&Shown { copy_to: None, ..shown() }));
        assert!(with.contains("do=copy") && !without.contains("do=copy"), "{with}");
        let said = [Copying::Begun, Copying::Already, Copying::Not].map(|came| copied(came, language));
        assert!(said[0] != said[1] && said[1] != said[2]);
        let none = Shown { copy_to: None, ..shown() };
        let asked = asking(Act::Copy, "TOKEN".to_owned(), &none, &HOUSE, language, None).html();
        assert!(asked.contains(&said[2].replace('\'', "&#39;")), "{asked}");
        assert!(!asked.contains("<form") && asked.contains(&format!("?lang={}", language.tag())), "{asked}");
    }
}

/// Nothing that the person took back rested on it alone, and not all of it could be looked for.
#[test]
fn what_was_taken_back_in_part_is_said_with_the_day_by_which_it_is_whole() {
    for language in Language::ALL {
        let ended = |act| {
            let end = Ended {
                act,
                number: String::new(),
                receipts: Vec::new(),
                is_empty: true,
                unread: 0,
                are_others_left: false,
                open_until: Some(at("2026-12-30")),
            };
            ended(&end, &HOUSE, language).html()
        };
        let (taken_back, erased) = (ended(Act::Withdraw), ended(Act::Erase));
        let said = withdrawn(language).replace('\'', "&#39;");
        assert!(taken_back.contains(&said) && !erased.contains(&said), "{taken_back}");
        assert!(taken_back.contains(&*language.day(at("2026-12-30"))), "{taken_back}");
    }
}

/// Where no look can be written down nothing is shown, and what gives room or says no is one step away.
#[test]
fn what_cannot_be_looked_at_can_be_said_no_to_and_erased() {
    for language in Language::ALL {
        let html = unseen("Devis", &HOUSE, language).html();
        for way in ["do=stop", "do=erase", "mailto:donnees@lumen.example"] {
            assert!(html.contains(way), "{way}: {html}");
        }
        for shown in ["do=correct", "do=confirm", "do=withdraw", "do=copy", "1970", "<dl>"] {
            assert!(!html.contains(shown), "{shown}: {html}");
        }
        for act in [Act::Stop, Act::Erase] {
            let html = asking_unseen(act, "TOKEN".to_owned(), "Devis", &HOUSE, language).html();
            assert!(
                act.ends_something() && html.contains("value=\"TOKEN\"") && !html.contains("1970"),
                "{html}"
            );
        }
    }
    assert!(!Act::Correct.ends_something() && !Act::Copy.ends_something() && Act::Withdraw.ends_something());
}
