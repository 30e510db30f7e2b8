//! What comes back: a paper in whatever shape people, mails and editors leave it, and what is believed of it.

use super::sample::{bare, full, nothing, signer};
use crate::forget::receipt::note::{NOTE_BYTES_MAX, SigningKey, VerifierKey};
use crate::forget::receipt::{PAPER_BYTES_MAX, Receipt, ReceiptFault, Signed};
use crate::language::Language;

const NAME: &str = "leads.lumen.example/receipts";

fn key() -> SigningKey {
    signer(NAME, &"07".repeat(32))
}

fn verifier() -> VerifierKey {
    key().verifier()
}

fn signed(receipt: Receipt) -> Signed {
    receipt.sign(&key()).expect("signed")
}

/// What is handed out of it, in every format and language.
fn papers(signed: &Signed) -> Vec<String> {
    let both = |language| [signed.sheet(language), signed.html(language)];
    [signed.note().to_owned()].into_iter().chain(Language::ALL.into_iter().flat_map(both)).collect()
}

/// What becomes of a file on its way.
fn ways(paper: &str) -> Vec<String> {
    let mut ways = vec![paper.to_owned(), paper.trim_end().to_owned(), format!("{paper}\n\n")];
    ways.extend([format!("\u{feff}{paper}"), paper.replace('\n', " \n"), paper.replace('\n', "\n\n")]);
    let windows: Vec<String> = ways.iter().map(|way| way.replace('\n', "\r\n")).collect();
    ways.into_iter().chain(windows).collect()
}

#[test]
fn every_format_in_every_language_is_known_again_whatever_became_of_the_ends_of_its_lines() {
    for receipt in [full(), bare(), nothing()] {
        let signed = signed(receipt.clone());
        for paper in papers(&signed) {
            for way in ways(&paper) {
                let found = Signed::in_paper(way.as_bytes(), &verifier());
                let found = found.unwrap_or_else(|fault| panic!("{fault}: {way:?}"));
                assert_eq!(
                    (found.receipt(), found.note()),
                    (&receipt, signed.note()),
                    "it is what was signed"
                );
            }
        }
    }
}

/// Whoever reads the paper may be told anything by it; whoever verifies it is told what was signed.
#[test]
fn a_paper_whose_words_were_changed_shows_what_was_signed() {
    let signed = signed(full());
    for paper in [signed.sheet(Language::En), signed.html(Language::En)] {
        assert!(paper.contains("CRM Nuage SAS (FR)"));
        let changed =
            paper.replace("CRM Nuage SAS (FR)", "Nobody at all (FR)").replace("Records erased", "Kept");
        let found =
            Signed::in_paper(changed.as_bytes(), &verifier()).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(found.text(Language::En), signed.text(Language::En));
        assert_eq!(found.json(), signed.json());
    }
}

#[test]
fn a_paper_whose_note_was_changed_is_forged_and_one_of_another_key_is_not_of_this_key() {
    let other = signer(NAME, &"08".repeat(32));
    let foreign = full().sign(&other).expect("signed");
    for (paper, theirs) in papers(&signed(full())).iter().zip(papers(&foreign)) {
        let opened = |paper: &str| Signed::in_paper(paper.as_bytes(), &verifier()).map(drop);
        let changed = paper.replace("2027-02-27", "2027-02-26");
        assert_ne!(&changed, paper);
        assert_eq!(opened(&changed), Err(ReceiptFault::Forged));
        assert_eq!(opened(&theirs), Err(ReceiptFault::KeyUnknown));
    }
}

#[test]
fn a_file_with_two_receipts_or_with_none_is_no_receipt() {
    let opened = |paper: &str| Signed::in_paper(paper.as_bytes(), &verifier()).map(drop);
    let (one, other) = (signed(full()), signed(bare()));
    for (paper, second) in papers(&one).iter().zip(papers(&other)) {
        for both in [format!("{paper}{second}"), format!("{paper}\n{second}"), format!("{paper}\n{paper}")] {
            assert_eq!(opened(&both), Err(ReceiptFault::Malformed), "{both}");
        }
    }
    for none in [
        "",
        "\n\n\n",
        "Receipt of erasure\n",
        "<!DOCTYPE html>\n",
        "<pre>",
        "<pre></pre>",
        &one.text(Language::En),
    ] {
        assert_eq!(opened(none), Err(ReceiptFault::Malformed), "{none}");
    }
}

#[test]
fn the_longest_note_has_a_paper_and_what_is_longer_than_one_is_not_looked_at() {
    let mut long = full();
    long.controller.address = "\"".repeat(NOTE_BYTES_MAX / 2 - 2_000);
    let signed = signed(long.clone());
    for paper in papers(&signed) {
        assert!(paper.len() <= PAPER_BYTES_MAX, "{}", paper.len());
        let found = Signed::in_paper(paper.as_bytes(), &verifier()).unwrap_or_else(|fault| panic!("{fault}"));
        assert!(found.receipt() == &long);
    }
    let over = format!("{}{}", "\n".repeat(PAPER_BYTES_MAX), signed.note());
    assert!(
        Signed::in_paper(over.as_bytes(), &verifier()).is_err_and(|fault| fault == ReceiptFault::Malformed)
    );
}

proptest::proptest! {
    #[test]
    fn whatever_byte_of_a_paper_is_changed_what_is_shown_was_signed(which in 0_usize..7, at in 0_usize..20_000, by in 1_u8..=255) {
        let mut paper = papers(&signed(full()))[which].as_bytes().to_vec();
        let at = at % paper.len();
        paper[at] = paper[at].wrapping_add(by);
        if let Ok(found) = Signed::in_paper(&paper, &verifier()) {
            proptest::prop_assert_eq!(found.receipt(), &full());
        }
    }

    #[test]
    fn whatever_is_looked_through_nothing_breaks(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "<pre", ">", "</pre>", "<", "&", ";", "&amp;", "&#", "x", "99", "\n", "\n\n", "\r", " ", "\u{2014} ", "a ", "YWJjZGVmZ2g=", "é",
        ]), 0..24),
    ) {
        let paper = parts.concat();
        proptest::prop_assert!(Signed::in_paper(paper.as_bytes(), &verifier()).is_err());
    }
}
