//! Which answers are found by an address, and which are not.

use proptest::prelude::*;

use super::text;
use crate::forget::address::{Address, Matcher, Sought};
use crate::purpose::PhoneRegion;

fn region(code: &str) -> Option<PhoneRegion> {
    Some(PhoneRegion::parse(code).expect("a region"))
}

/// Which of these are found in an answer, by their places.
fn found(sought: &[Sought], region: Option<PhoneRegion>, answer: &str) -> Vec<usize> {
    let mut found = Vec::new();
    Matcher::of(sought.iter().enumerate(), region).look(answer, |which| found.push(which));
    found
}

fn mailbox(typed: &str) -> Sought {
    Sought::email(typed).expect("an address")
}

fn number(typed: &str) -> Sought {
    Sought::phone(typed).expect("a number")
}

#[test]
fn a_mailbox_is_found_in_every_spelling_of_it_and_in_no_neighbour_s() {
    let sought = [mailbox(" Anne.Dupré@Bücher.example "), mailbox("anna@example.com")];
    for answer in [
        "anne.dupré@bücher.example",
        "ANNE.DUPRÉ@XN--BCHER-KVA.EXAMPLE",
        "\"anne.dupré\"@bücher.example",
        "anne.dupre\u{301}@bücher.example",
        "anne.dupré＠bücher.example",
        "\u{200b}anne.dupré @ bücher.example",
    ] {
        assert_eq!(found(&sought, None, answer), [0], "{answer}");
    }
    for answer in
        ["annedupré@bücher.example", "anne.dupré+tag@bücher.example", "anne.dupré@bucher.example", "Anne", ""]
    {
        assert_eq!(found(&sought, None, answer), [0; 0], "{answer}");
    }
}

#[test]
fn a_number_is_found_as_e164_where_the_purpose_has_a_region_and_by_its_digits_where_it_has_none() {
    let sought = [number("+33 6 39 98 00 00"), number("06 39 98 00 00"), number("0039980000")];
    for (of, answer, wanted) in [
        (region("FR"), "06.39.98.00.00", &[0, 1][..]),
        (region("FR"), "+33 (0)6 39 98 00 00", &[0, 1]),
        (region("FR"), "0033639980000", &[0, 1]),
        (region("FR"), "06 39 98 00 01", &[]),
        (None, "06.39.98.00.00", &[1]),
        (None, "+33639980000", &[0]),
        (None, "0033639980000", &[]),
        // Half a number, more than one, or something with words is none.
        (region("FR"), "39 98 00 00", &[]),
        (region("FR"), "06 39 98 00 00 (Anne)", &[]),
        (None, "0000", &[]),
        // Its own digits in another country are another number.
        (region("BE"), "+33 6 39 98 00 00", &[0]),
    ] {
        assert_eq!(found(&sought, of, answer), wanted, "{answer}");
    }
}

/// Nothing is inferred from one to the other, and nobody looks for what is neither.
#[test]
fn a_mailbox_is_no_number_and_what_is_neither_is_not_looked_for() {
    let sought = [mailbox("33639980000@example.com"), number("+33639980000")];
    assert_eq!(found(&sought, region("FR"), "+33639980000"), [1]);
    assert_eq!(found(&sought, region("FR"), "33639980000@example.com"), [0]);
    for none in ["", "anne", "@", "a@", "@b.example"] {
        assert!(Sought::email(none).is_none(), "{none}");
    }
    for none in ["", "12345", "anne", "06 39 98 00 00 ext. 1"] {
        assert!(Sought::phone(none).is_none(), "{none}");
    }
    assert!(Matcher::of([], None).is_idle() && !Matcher::of([(0, &sought[0])], None).is_idle());
}

proptest! {
    /// What a matcher passes over at a glance would not have been found by a close look either.
    #[test]
    fn a_glance_passes_over_nothing_that_is_the_same_number(
        of in prop::sample::select(vec!["FR", "DE", "IT", "US", "BR", "MX", "AR", "JP", "NZ", "GB", "AU", "RU", "SM", "UY", "CI", "HU"]),
        typed in "(\\+|00|0|8|1|\\+52 1|\\+54 9|0 11 15)?[0-9]{5,14}",
    ) {
        let of = region(of);
        if let (Some(sought), Some(spelled)) = (Sought::phone(&typed), text(Address::phone(&typed, of))) {
            let sought = [sought];
            prop_assert_eq!(found(&sought, of, &typed), [0], "{}", &spelled);
            prop_assert_eq!(found(&sought, of, &spelled), [0], "{}", &spelled);
        }
    }

    #[test]
    fn what_is_a_mailbox_may_be_one_at_a_glance(typed in "\\PC{0,6}[@＠﹫]\\PC{0,6}") {
        if let Some(sought) = Sought::email(&typed) {
            prop_assert_eq!(found(&[sought], None, &typed), [0]);
        }
    }
}

/// What is hashed of one that was erased: a number is what each purpose reads in it.
#[test]
fn an_address_has_a_spelling_for_all_and_one_for_each_purpose_with_a_region() {
    let of = |sought: Option<Sought>| {
        let regions = [("fr", PhoneRegion::parse("FR")), ("none", None), ("de", PhoneRegion::parse("DE"))];
        let all = sought.expect("an address").addresses(regions);
        all.into_iter().map(|(purpose, address)| (purpose, address.text.to_string())).collect::<Vec<_>>()
    };
    let said = |purpose, text: &str| (purpose, text.to_owned());
    assert_eq!(of(Sought::email(" Anne@Lumen.example ")), [said(None, "anne@lumen.example")]);
    assert_eq!(
        of(Sought::phone("06 39 98 00 00")),
        [said(None, "0639980000"), said(Some("fr"), "+33639980000"), said(Some("de"), "+49639980000")]
    );
}
