//! Telephone numbers.

use super::text;
use crate::forget::address::Address;
use crate::purpose::PhoneRegion;
use crate::purpose::law::Contact;

fn phone(region: Option<&str>, typed: &str) -> Option<String> {
    text(Address::phone(typed, region.map(|region| PhoneRegion::parse(region).expect("a region"))))
}

#[test]
fn one_number_has_one_spelling_however_it_is_typed() {
    for (region, typed, wanted) in [
        (Some("FR"), "06 39 98 00 00", "+33639980000"),
        (Some("FR"), "+33 (0)6 39 98 00 00", "+33639980000"),
        (Some("FR"), "0033 6 39 98 00 00", "+33639980000"),
        (Some("FR"), "0033 (0)6 39 98 00 00", "+33639980000"),
        (Some("FR"), "０６３９９８００００", "+33639980000"),
        (Some("FR"), "٠٦٣٩٩٨٠٠٠٠", "+33639980000"),
        (Some("DE"), "+33 6 39 98 00 00", "+33639980000"),
        (Some("DE"), "030/23125 000", "+493023125000"),
        (Some("IT"), "06 6982 1234", "+390669821234"),
        // Without a region a plus still says all.
        (None, "+33 (0)6 39 98 00 00", "+33639980000"),
        (None, "＋33 6.39.98.00.00", "+33639980000"),
        (None, "+39 06 6982 1234", "+390669821234"),
        (None, "\u{202a}+1 (201) 555-0123\u{202c}", "+12015550123"),
        // And without either, identical digits.
        (None, "06 39 98 00 00", "0639980000"),
        (None, "06.39.98.00.00", "0639980000"),
        (None, "0033 6 39 98 00 00", "0033639980000"),
        (None, "٠٦ ٣٩ ٩٨ ٠٠ ٠٠", "0639980000"),
        // Digits that are no number of the region, or of any.
        (Some("FR"), "06 39 98 00", "06399800"),
        (Some("FR"), "06 39 98 00 00 / 06 39 98 01", "063998000006399801"),
        (None, "+999 123 456 78", "+99912345678"),
    ] {
        assert_eq!(phone(region, typed).as_deref(), Some(wanted), "{region:?} {typed}");
    }
}

#[test]
fn what_is_more_than_a_number_or_less_gives_none() {
    for typed in [
        "",
        " ",
        "+",
        "0",
        "0 12 34",
        "+1 23 45",
        // An extension is somebody else's desk, or the same: who knows.
        "06 39 98 00 00 ext. 12",
        "06 39 98 00 00 x12",
        "06 39 98 00 00;ext=12",
        "06 39 98 00 00 #12",
        // Letters.
        "0800 FLOWERS",
        "1-800-FLOWERS",
        "tel:+33639980000",
        "06 39 98 00 00 (Anne)",
        "anne@example.com",
        "06 39 98 00 0²",
        "+33+639980000",
        "06 39 98 00 00 / 06 39 98 00 01 / 02",
    ] {
        for region in [None, Some("FR"), Some("US")] {
            assert_eq!(phone(region, typed), None, "{region:?} {typed}");
        }
    }
}

#[test]
fn a_number_is_not_a_mailbox_and_another_number_not_the_same() {
    let france = PhoneRegion::parse("FR");
    let number = |typed| Address::phone(typed, france).expect("a number");
    let mailbox = Address::email("anne@example.com").expect("an address");
    assert!(number("06 39 98 00 00").is(&number("+33 6 39 98 00 00")));
    assert!(!number("06 39 98 00 00").is(&number("06 39 98 00 01")));
    assert!(!number("06 39 98 00 00").is(&number("06 39 98 00")));
    assert!(!mailbox.is(&number("06 39 98 00 00")) && mailbox.is(&mailbox));
    assert!(mailbox.contact() == Contact::Address && number("0639980000").contact() == Contact::Number);
}
