//! What people read.

use super::sample::{bare, full, signer};
use crate::forget::receipt::{AskedBy, Ground, KeyStorage, Receipt, Signed};
use crate::language::Language;
use crate::purpose::law::RecipientRole;

fn signed(receipt: Receipt) -> Signed {
    receipt.sign(&signer("leads.lumen.example/receipts", &"07".repeat(32))).expect("signed")
}

/// One for everything that can be said, each in both forms.
fn every() -> Vec<Receipt> {
    let mut receipts = vec![full(), bare()];
    receipts.extend(AskedBy::ALL.iter().map(|by| Receipt { asked_by: *by, ..full() }));
    receipts.extend(Ground::ALL.iter().map(|why| Receipt { why: *why, ..full() }));
    receipts.extend(KeyStorage::ALL.iter().map(|storage| Receipt { key_storage: *storage, ..full() }));
    receipts.extend([0, 1, 2, 1_234_567].map(|unread| Receipt { unread: Some(unread), ..full() }));
    receipts.extend([0, 1, 2].map(|references| Receipt { references, ..full() }));
    let role = |role: &RecipientRole| {
        let mut receipt = full();
        receipt.to_be_told[0].role = *role;
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
    assert!(text(bare()).contains("to no recipient") && text(bare()).contains("It adds to receipt 1-17"));
    assert!(
        text(bare()).contains("address or telephone number")
            && text(bare()).contains("29\u{a0}November 2029")
    );
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
    let (controller, told) = (&mut receipt.controller, &mut receipt.to_be_told[0]);
    for text in [
        &mut controller.name,
        &mut controller.address,
        &mut controller.email,
        &mut told.name,
        &mut told.country,
    ] {
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
