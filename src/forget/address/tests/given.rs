//! What an operator hands over.

use super::text;
use crate::forget::address::Address;

fn given(typed: &str) -> Option<String> {
    text(Address::email_given(typed))
}

#[test]
fn what_a_mail_client_copies_beside_an_address_is_taken_off() {
    for typed in [
        "anne@example.com",
        "  Anne@Example.com \r\n",
        "Anne Martin <anne@example.com>",
        "\"Martin, Anne\" <anne@example.com>,",
        "<anne@example.com>;",
        "mailto:anne@example.com",
        "<MAILTO:anne@example.com>",
        "anne@example.com,",
        "\u{feff}anne@example.com",
    ] {
        assert_eq!(given(typed).as_deref(), Some("anne@example.com"), "{typed:?}");
    }
    for (typed, wanted) in [
        ("ali\u{307}@example.com", "ali\u{307}@example.com"),
        ("o'neil+news.x@example.co.uk", "o'neil+news.x@example.co.uk"),
        ("a..b.@example.com", "a..b.@example.com"),
        ("\"Anne Martin\"@example.com", "\"anne martin\"@example.com"),
        ("अनिल्@bücher.example", "अनिल्@xn--bcher-kva.example"),
        ("ハナ@例え.テスト", "ハナ@xn--r8jz45g.xn--zckzah"),
    ] {
        assert_eq!(given(typed).as_deref(), Some(wanted), "{typed:?}");
    }
}

/// Nobody is told if a slip of the pen is put on a list that cannot be read back.
#[test]
fn a_slip_of_the_pen_is_none() {
    for typed in [
        "anne",
        "anne@",
        "anne@example",
        "anne@example.com.",
        "anne@.example.com",
        "anne@example..com",
        "anne@192.0.2.1",
        "anne@[192.0.2.1]",
        "anne martin@example.com",
        "anne@exam ple.com",
        "anne@example.com bruno@example.com",
        "anne@example.com, bruno@example.com",
        "anne@example.com\nbruno@example.com",
        "anne@example.com (work)",
        "<anne@example.com",
        "anne@example.com>",
        "<anne@example.com> Anne",
        "Anne ‹anne@example.com›",
        "‹anne@example.com",
        "“anne@example.com”",
        "«anne@example.com»",
        "ann…@example.com",
        "anne@example.com?subject=stop",
        "(anne@example.com)",
        "'anne@example.com'",
        "[anne@example.com]",
        "anne@example,com",
        "anne@XN--A\u{308}.example",
    ] {
        assert_eq!(given(typed), None, "{typed:?}");
    }
}
