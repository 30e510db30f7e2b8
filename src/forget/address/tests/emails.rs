//! E-mail.

use proptest::prelude::*;

use super::text;
use crate::forget::address::Address;

fn email(typed: &str) -> Option<String> {
    text(Address::email(typed))
}

#[test]
fn one_mailbox_has_one_spelling_however_it_is_typed() {
    for (typed, wanted) in [
        ("anne@example.com", "anne@example.com"),
        (" \t\u{a0}Anne@Example.COM\r\n", "anne@example.com"),
        ("anne @ example.com", "anne@example.com"),
        // Full width, as a Japanese keyboard types it.
        ("Ａｎｎｅ＠ｅｘａｍｐｌｅ．ｃｏｍ", "anne@example.com"),
        // What comes with a paste and cannot be seen.
        ("\u{feff}\u{202a}anne\u{200b}@exam\u{ad}ple.com\u{202c}", "anne@example.com"),
        ("an\u{34f}ne@example.com", "anne@example.com"),
        // Marks: composed, apart, apart with something invisible between.
        ("zo\u{eb}@example.com", "zo\u{eb}@example.com"),
        ("zoe\u{308}@example.com", "zo\u{eb}@example.com"),
        ("zoe\u{200d}\u{308}@example.com", "zo\u{eb}@example.com"),
        ("ZOE\u{308}@example.com", "zo\u{eb}@example.com"),
        ("e\u{323}\u{302}@example.com", "\u{1ec7}@example.com"),
        ("e\u{302}\u{323}@example.com", "\u{1ec7}@example.com"),
        // Letters that are others in another dress.
        ("\u{fb01}n@example.com", "fin@example.com"),
        ("\u{212a}elvin@example.com", "kelvin@example.com"),
        ("ﾊﾅ@example.com", "ハナ@example.com"),
        // The last sigma of a word.
        ("ΝΙΚΟΣ@example.com", "νικοσ@example.com"),
        ("νικος@example.com", "νικοσ@example.com"),
        ("Νίκος.Α@example.com", "νίκοσ.α@example.com"),
        // A domain in both of its spellings, and with the dots of the East.
        ("anne@bücher.example", "anne@xn--bcher-kva.example"),
        ("anne@BÜCHER.example", "anne@xn--bcher-kva.example"),
        ("anne@bu\u{308}cher.example", "anne@xn--bcher-kva.example"),
        ("anne@xn--bcher-kva.example", "anne@xn--bcher-kva.example"),
        ("anne@XN--BCHER-KVA.example", "anne@xn--bcher-kva.example"),
        ("anne@Bü_cher.example", "anne@xn--b_cher-3ya.example"),
        ("anne@xn--b_cher-3ya.example", "anne@xn--b_cher-3ya.example"),
        ("anne@例え。テスト", "anne@xn--r8jz45g.xn--zckzah"),
        ("anne@例え.テスト", "anne@xn--r8jz45g.xn--zckzah"),
        // Quotes that say nothing, and backslashes.
        ("\"anne.martin\"@example.com", "anne.martin@example.com"),
        ("\"anne\\.martin\"@example.com", "anne.martin@example.com"),
        ("\"Anne Martin\"@example.com", "\"anne martin\"@example.com"),
        ("\"Anne\\ Martin\"@example.com", "\"anne martin\"@example.com"),
        ("\"a@b\"@example.com", "\"a@b\"@example.com"),
        ("\"a\\\"b\\\\c\"@example.com", "\"a\\\"b\\\\c\"@example.com"),
        ("\"a..b\"@example.com", "\"a..b\"@example.com"),
        ("\"zoé\"@example.com", "zoé@example.com"),
        // What is no domain is found by whoever types the same.
        ("anne@[192.0.2.1]", "anne@[192.0.2.1]"),
        ("anne@Exa_mple.com", "anne@exa_mple.com"),
        ("anne@XN--A\u{308}.example", "anne@xn--ä.example"),
    ] {
        assert_eq!(email(typed).as_deref(), Some(wanted), "{typed:?}");
    }
}

#[test]
fn nothing_is_guessed() {
    for (one, other) in [
        ("anne.martin@example.com", "annemartin@example.com"),
        ("anne+news@example.com", "anne@example.com"),
        ("anne@gmail.com", "anne@googlemail.com"),
        ("anne@example.com", "anne@www.example.com"),
        ("anne@example.com", "anne@example.com."),
        // Sharp s: two names, and two domains (UTS #46 since 2010).
        ("straße@example.com", "strasse@example.com"),
        ("anne@straße.example", "anne@strasse.example"),
        // The Turkish letters: which i was meant nobody knows.
        ("ALİ@example.com", "ali@example.com"),
        ("alı@example.com", "ali@example.com"),
        // Letters that look alike.
        ("аnne@example.com", "anne@example.com"),
        ("zoe@example.com", "zoé@example.com"),
        ("\"\"@example.com", "@example.com"),
    ] {
        let (one, other) = (email(one), email(other));
        assert!(one != other, "{one:?} {other:?}");
    }
    assert_eq!(email("ALI@example.com").as_deref(), Some("ali@example.com"), "not by a Turkish rule");
    assert_eq!(email("ALİ@example.com"), email("ali\u{307}@example.com"));
    assert_eq!(email("STRAẞE@example.com"), email("straße@example.com"));
}

#[test]
fn what_is_no_address_gives_none() {
    for typed in
        ["", " ", "@", "anne", "anne@", "@example.com", " @ ", "\u{200b}@example.com", "anne@\u{200b}"]
    {
        assert_eq!(email(typed), None, "{typed:?}");
    }
    assert_eq!(email(&format!("{}@example.com", "a".repeat(1_020))), None);
}

proptest! {
    #[test]
    fn a_spelling_is_its_own_spelling_and_capitals_are_none(typed in "\\PC{1,12}@\\PC{1,12}|[a-zA-ZßİıΣςéÉ.\"\\\\+ ]{1,12}@[a-zA-Zß.ÄéΣς-]{1,12}") {
        if let Some(one) = email(&typed) {
            prop_assert_eq!(email(&one), Some(one.clone()));
            prop_assert!(one.contains('@') && one.len() <= 8 * 1_024);
        }
    }

    #[test]
    fn letters_of_either_case_are_the_same(local in "[a-z0-9.+_-]{1,20}", domain in "[a-z]{1,10}\\.[a-z]{2,6}") {
        let typed = format!("{local}@{domain}");
        prop_assert_eq!(email(&typed.to_uppercase()), Some(typed));
    }
}
