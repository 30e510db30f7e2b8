//! What people read.

use super::sample::{bare, full, nothing, signer};
use crate::forget::receipt::page::{Page, Part};
use crate::forget::receipt::{AskedBy, Ground, KeyStorage, Receipt, Recipient, Signed};
use crate::language::Language;
use crate::purpose::law::RecipientRole;

const KEY: &str = "leads.lumen.example/receipts";
const SEED: &str = "0707070707070707070707070707070707070707070707070707070707070707";

fn signed(receipt: Receipt) -> Signed {
    receipt.sign(&signer(KEY, SEED)).expect("signed")
}

/// The first recipient.
fn told(receipt: &mut Receipt) -> &mut Recipient {
    &mut receipt.to_be_told.as_mut().expect("it has them")[0]
}

/// One for everything that can be said, each in both forms.
fn every() -> Vec<Receipt> {
    let mut receipts = vec![full(), bare(), nothing()];
    receipts.extend(AskedBy::ALL.iter().map(|by| Receipt { asked_by: *by, ..full() }));
    receipts.extend(Ground::ALL.iter().map(|why| Receipt { why: *why, ..full() }));
    receipts.extend(KeyStorage::ALL.iter().map(|storage| Receipt { key_storage: *storage, ..full() }));
    receipts.extend([0, 1, 2, 1_234_567].map(|unread| Receipt { unread: Some(unread), ..full() }));
    receipts.extend([0, 1, 2].map(|references| Receipt { references, ..full() }));
    let role = |role: &RecipientRole| {
        let mut receipt = full();
        told(&mut receipt).role = *role;
        receipt
    };
    receipts.extend(RecipientRole::ALL.iter().map(role));
    receipts
}

#[test]
fn every_sentence_is_whole_in_every_language_and_each_page_says_something_else() {
    for language in Language::ALL {
        let mut texts = Vec::new();
        for receipt in every() {
            let signed = signed(receipt);
            let (text, html) = (signed.text(language), signed.html(language));
            assert!(!text.contains(['{', '}']) && !text.contains("  \n"), "{text}");
            let shown = html.split("<pre").next().expect("a page").split("</style>").nth(1).expect("a body");
            assert!(!shown.contains(['{', '}']), "{shown}");
            assert!(text.lines().all(|line| line.chars().count() <= 78), "{text}");
            texts.push(text);
        }
        texts.sort();
        let all = texts.len();
        texts.dedup();
        // The full one is also the one by the person, at their request, on btrfs, with one unread, and to a processor; and of
        // three kinds of storage there is one thing to say.
        assert_eq!(all - texts.len(), 7, "{language}: something is not said");
    }
}

#[test]
fn a_page_says_what_remains_until_when_and_what_is_personal_data() {
    for (language, dates, personal) in [
        (
            Language::Fr,
            ["6\u{a0}décembre 2026", "30\u{a0}avril 2027", "1er\u{a0}janvier 2027"],
            "donnée personnelle",
        ),
        (
            Language::En,
            ["6\u{a0}December 2026", "30\u{a0}April 2027", "1\u{a0}January 2027"],
            "personal data",
        ),
        (
            Language::De,
            ["6.\u{a0}Dezember 2026", "30.\u{a0}April 2027", "1.\u{a0}Januar 2027"],
            "personenbezogenen Daten",
        ),
    ] {
        let signed = signed(full());
        let words =
            |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ").replace('\u{a0}', " ");
        for page in [words(signed.text(language)), words(signed.html(language))] {
            for date in dates {
                assert!(page.contains(&date.replace('\u{a0}', " ")), "{date} is not in {page}");
            }
            for word in
                [personal, "Meta", "CRM Nuage SAS", "1-17", "412", "10734", "vie-privee@lumen.example"]
            {
                assert!(page.contains(word), "{word} is not in {page}");
            }
        }
    }
}

#[test]
fn what_is_not_there_is_not_mentioned() {
    let text = |receipt| signed(receipt).text(Language::En);
    assert!(!text(bare()).contains("Meta says") && text(full()).contains("Meta says"));
    assert!(
        !text(bare()).contains("had not been read yet\n--")
            && text(full()).contains("had not been read yet\n--")
    );
    for remains in [
        "Older backups",
        "fingerprint of the submission",
        "Encrypted remains",
        "working memory",
        "struck off",
    ] {
        assert!(!text(bare()).contains(remains) && text(full()).contains(remains), "{remains}");
    }
    let flat = |receipt| text(receipt).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat(full()).contains("the record’s number") && !flat(bare()).contains("the record’s number"));
    assert!(flat(bare()).contains("that this erasure was asked for"), "{}", flat(bare()));
    let unread_alone = Receipt { references: 1, ..bare() };
    assert!(
        text(bare()).contains("No record was found") && !text(unread_alone).contains("No record was found")
    );
    assert!(text(bare()).contains("It adds to receipt 1-17"));
    assert!(
        text(bare()).contains("address or telephone number")
            && text(bare()).contains("29\u{a0}November 2029")
    );
}

/// By a receipt of nothing nobody learns that nobody had it: an earlier erasure may have found them.
#[test]
fn where_nothing_was_found_it_is_not_said_that_nobody_had_it_and_else_it_is() {
    let erased = Receipt { to_be_told: Some(Vec::new()), exported_locally: Some(false), ..full() };
    for (language, nobody, not_known) in [
        (Language::Fr, "à aucun destinataire", "on ne sait donc pas ici si quelqu’un avait reçu des données"),
        (Language::En, "to no recipient", "it is not known here whether anybody had been given data"),
        (Language::De, "an keinen Empfänger", "ist hier nicht bekannt, ob jemand Daten erhalten hatte"),
    ] {
        let says = |receipt: &Receipt, sentence: &str| {
            let signed = signed(receipt.clone());
            let pages = [signed.text(language), signed.html(language)];
            let flat = pages.map(|page| page.split_whitespace().collect::<Vec<_>>().join(" "));
            assert_eq!(flat[0].contains(sentence), flat[1].contains(sentence), "{sentence}");
            flat[0].contains(sentence)
        };
        // Also one of before, which says so of nobody.
        for none in [nothing(), bare()] {
            assert!(says(&none, not_known) && !says(&none, nobody), "{language}");
        }
        assert!(says(&erased, nobody) && !says(&erased, not_known), "{language}");
        assert!(!says(&full(), nobody) && !says(&full(), not_known), "{language}");
    }
}

/// Nobody has measured when it is, so no receipt names a moment.
#[test]
fn of_memory_it_is_said_what_becomes_of_it_and_not_when() {
    for language in Language::ALL {
        let text = signed(full()).text(language);
        assert!(!text.contains("60"), "{text}");
    }
}

/// Readable at once (WP 260): as in a notice, no sentence has more than 25 words. What stands in brackets is one of its own.
#[test]
fn sentences_are_short() {
    for language in Language::ALL {
        for receipt in every() {
            let signed = signed(receipt);
            let page = Page::of(signed.receipt(), signed.note(), &signer(KEY, SEED).verifier(), language);
            let mut sentences: Vec<String> = Vec::new();
            for part in page.parts {
                match part {
                    Part::Text(text) => sentences.push(text),
                    Part::List(entries) => sentences.extend(entries),
                    Part::Facts(facts) => sentences.extend(facts.into_iter().map(|(_, fact)| fact)),
                    Part::Table(_, rows) => sentences.extend(rows.into_iter().flatten()),
                    Part::Heading(_) | Part::Command(_) | Part::Note(..) => {}
                }
            }
            for text in sentences {
                for sentence in text.split(['.', '?', ';', ':', '(']) {
                    let count = sentence.split([' ', '\n']).filter(|word| !word.is_empty()).count();
                    assert!(count <= 25, "{language}: {count} words in {sentence}");
                }
            }
        }
    }
}

#[test]
fn a_purpose_is_named_in_the_reader_s_language_or_in_another_that_there_is() {
    let mut receipt = full();
    receipt.records[1].title = [("it".to_owned(), "Una lettera".to_owned())].into();
    receipt.records[0].title.remove("de");
    receipt.records[0].title.insert("de-AT".to_owned(), "Ein Angebot".to_owned());
    let text = signed(receipt.clone()).text(Language::De);
    assert!(text.contains("- Ein Angebot\n") && text.contains("- Una lettera\n"), "{text}");
    receipt.records[0].title.remove("de-AT");
    receipt.records[1].title.clear();
    let text = signed(receipt).text(Language::De);
    assert!(text.contains("- Answer your request for a quote\n") && text.contains("- lettre\n"), "{text}");
}

/// Names come from a config and a note from anywhere: whatever they say stays text.
#[test]
fn nothing_of_a_receipt_becomes_markup_or_turns_the_text() {
    let odd = "<script>alert('x')</script>&\"\u{202e}\u{7}{email}";
    let mut receipt = full();
    let Recipient { name, country, .. } = told(&mut receipt);
    for text in [name, country] {
        *text = odd.to_owned();
    }
    let controller = &mut receipt.controller;
    for text in [&mut controller.name, &mut controller.address, &mut controller.email] {
        *text = odd.to_owned();
    }
    receipt.records[0].title.insert("en".to_owned(), odd.to_owned());
    let signed = signed(receipt);
    let html = signed.html(Language::En);
    assert!(!html.contains("<script") && !html.contains("alert('"), "{html}");
    assert!(
        html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;\u{FFFD}\u{FFFD}{email}")
    );
    for page in [html, signed.text(Language::En)] {
        assert!(!page.contains(['\u{202e}', '\u{7}']));
    }
}

#[test]
fn a_page_needs_nothing_runs_nothing_and_carries_what_was_signed() {
    for language in Language::ALL {
        let signed = signed(full());
        let html = signed.html(language);
        assert!(html.contains(&format!("<html lang=\"{language}\">")));
        for outside in
            ["<script", "src=", "href=", "url(", "@import", "<link", "<img", "<iframe", "<form", "onload"]
        {
            assert!(!html.contains(outside), "{outside}");
        }
        let note = html.split_once("<pre lang=\"en\">").and_then(|(_, rest)| rest.split_once("</pre>"));
        let note =
            note.expect("the note").0.replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
        assert_eq!(note, signed.note());
    }
}
