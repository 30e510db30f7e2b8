//! What no cell of a table may be: a formula that a spreadsheet runs, or a control character that a terminal obeys.

use std::borrow::Cow;

use crate::visible::REPLACEMENT;

/// Line ends become LF, every other control character but the tab U+FFFD: a table is opened by programs that stop at a NUL,
/// and shown on terminals that obey an ESC. That something stood there stays to be seen; NDJSON has what it was.
pub fn without_controls(cell: Cow<'_, str>) -> Cow<'_, str> {
    let kept = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    if cell.chars().all(kept) {
        return cell;
    }
    let lines = cell.replace("\r\n", "\n");
    let replaced = lines.chars().map(|c| match c {
        '\r' => '\n',
        c if kept(c) => c,
        _ => REPLACEMENT,
    });
    replaced.collect::<String>().into()
}

/// What begins a formula.
pub const FORMULA: [char; 4] = ['=', '+', '-', '@'];

/// Where a reader that takes another separator than ours, or does not know quotes, may begin a new cell.
pub const SPLITS: [char; 6] = [';', ',', '|', '\t', '\r', '\n'];

/// Puts `'` before what a spreadsheet would run as a formula: at the start of the cell, and within it wherever another
/// reader's cell would start. Telephone numbers (`+` and 6 to 15 digits) are none, and their readers would keep the guard.
///
/// It can be taken off again: a `'` that somebody wrote where a guard could stand gets one before it, so that one is too
/// many wherever at least one stands there.
pub fn guard(cell: Cow<'_, str>) -> Cow<'_, str> {
    if !cell.contains(FORMULA) && !cell.contains(['\t', '\r']) {
        return cell;
    }
    let mut guarded = String::with_capacity(cell.len() + 8);
    let unquoted = cell.trim_start_matches('\'');
    let is_quoted = unquoted.len() < cell.len();
    let dangerous = unquoted.starts_with(FORMULA) || unquoted.starts_with(['\t', '\r']);
    if dangerous && (is_quoted || !is_phone_number(&cell)) {
        guarded.push('\'');
    }
    for (at, part) in cell.split_inclusive(SPLITS).enumerate() {
        let inside = part.trim_start_matches([' ', '"', '\'']);
        let before = part.strip_suffix(inside).unwrap_or_default();
        guarded.push_str(before);
        let is_open = at > 0 && inside.starts_with(FORMULA);
        let is_number = || is_phone_number(inside.trim_end_matches(SPLITS).trim_end());
        if is_open && (before.ends_with('\'') || !is_number()) {
            guarded.push('\'');
        }
        guarded.push_str(inside);
    }
    guarded.into()
}

fn is_phone_number(cell: &str) -> bool {
    let Some(digits) = cell.strip_prefix('+') else { return false };
    (6..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cell_that_a_spreadsheet_would_run_is_guarded_and_a_phone_number_is_not() {
        for cell in
            ["=1+1", "+1", "-2", "@SUM(A1)", "\tx", "\rx", "+33 6 39 98 00 00", "+12345", "+1234567890123456"]
        {
            assert_eq!(guard(Cow::from(cell)), format!("'{cell}"));
        }
        for cell in
            ["", "Anne", "+33639980000", "+123456", "+123456789012345", "'x", " =1", "a=1", "06 39 98 00 00"]
        {
            assert_eq!(guard(Cow::from(cell)), cell);
        }
        for cell in ["'=1", "''-2", "'+33639980000", "'\tx"] {
            assert_eq!(
                guard(Cow::from(cell)),
                format!("'{cell}"),
                "or nobody could tell it from a guarded one"
            );
        }
    }

    #[test]
    fn several_numbers_in_one_cell_are_no_phone_number() {
        assert_eq!(guard(Cow::from("+33639980000; +33639980001")), "'+33639980000; +33639980001");
    }

    #[test]
    fn what_another_separator_would_make_a_cell_of_is_guarded_too() {
        for (cell, guarded) in [
            ("a;=1+1", "a;'=1+1"),
            ("a; =1+1", "a; '=1+1"),
            ("a,\"=1+1\"", "a,\"'=1+1\""),
            ("a\r\n=cmd|' /C calc'!A0", "a\r\n'=cmd|' /C calc'!A0"),
            ("a\t@SUM(A1);-2|+x", "a\t'@SUM(A1);'-2|'+x"),
            ("x; +33639980001; +33 6", "x; +33639980001; '+33 6"),
            ("a;'=1", "a;''=1"),
            ("a; '+33639980001", "a; ''+33639980001"),
            (";=1", ";'=1"),
            ("=1;=2", "'=1;'=2"),
            ("a-b=c; d+e", "a-b=c; d+e"),
            ("12, rue de l'Est - 3e; porte 4", "12, rue de l'Est - 3e; porte 4"),
        ] {
            assert_eq!(guard(Cow::from(cell)), guarded);
        }
    }

    #[test]
    fn control_characters_become_the_sign_that_something_stood_there_and_lines_stay_lines() {
        for (cell, written) in [
            ("rue des Lices\r\n49100 Angers", "rue des Lices\n49100 Angers"),
            ("a\rb\r\r\nc", "a\nb\n\nc"),
            ("a\tb\nc", "a\tb\nc"),
            ("\0Anne\u{1b}]0;x\u{7}", "\u{FFFD}Anne\u{FFFD}]0;x\u{FFFD}"),
            ("\u{9b}2J\u{7f}\u{85}", "\u{FFFD}2J\u{FFFD}\u{FFFD}"),
            ("نام\u{200c}ها \u{200f}Éloïse 😀", "نام\u{200c}ها \u{200f}Éloïse 😀"),
        ] {
            assert_eq!(without_controls(Cow::from(cell)), written);
        }
    }

    proptest! {
        #[test]
        fn no_cell_begins_like_a_formula_unless_it_is_a_phone_number(
            cell in "[=+@\t\r'-]?.{0,12}|\\+[0-9]{0,20}|[a1 =+@;,|\t\r\n\"'-]{0,12}",
        ) {
            let guarded = guard(Cow::from(cell.as_str()));
            prop_assert!(!guarded.starts_with(['=', '+', '-', '@', '\t', '\r']) || is_phone_number(&guarded));
            for part in guarded.split(SPLITS).skip(1) {
                let start = part.trim_start_matches([' ', '"']);
                prop_assert!(!start.starts_with(FORMULA) || is_phone_number(start.trim_end()), "{part:?}");
            }
            // Nothing but guards was added, in their places.
            let mut left = guarded.chars().peekable();
            for wanted in cell.chars() {
                if left.peek() != Some(&wanted) {
                    prop_assert_eq!(left.next(), Some('\''));
                }
                prop_assert_eq!(left.next(), Some(wanted));
            }
            prop_assert_eq!(left.next(), None);
        }
    }
}
