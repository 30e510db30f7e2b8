//! `dialect=excel`: the same table, so that a double click on the file shows what stands in it.
//!
//! Excel takes CSV for UTF-8 only with a byte order mark, splits at the semicolon wherever the comma is the decimal sign
//! (most of Europe), and makes numbers and dates of what looks like one: `+33639980000` loses its plus, `01000` its zero, an
//! id of more than 15 digits its last ones, `1-2` becomes a day. Such a cell is written as `="…"`, a formula that is a
//! text, which Microsoft recommends for it (KB 38369, 159491). A leading apostrophe would be shown, since it hides only
//! when typed, and a leading space does not help for all numbers.
//!
//! Our own moments are to be dates, to be sorted and counted with. RFC 3339 with its `T` and `Z` is a text to spreadsheets;
//! day and time by ISO 8601 with a space between them are a date to Excel whatever the language, and to LibreOffice
//! (docs/decisions/0166-dates-in-a-spreadsheet.md).
//!
//! Reversible: a cell `="X"` was `X`. An answer that looks so by itself begins with `=`, so the guard against formulas puts
//! `'` before it; and what is written into the formula has no quote.

use std::borrow::Cow;

use jiff::Timestamp;

/// UTF-8's byte order mark.
pub const BOM: &[u8] = b"\xEF\xBB\xBF";

/// What separates the cells.
pub const DELIMITER: u8 = b';';

/// Behind the name of a column of moments: a spreadsheet's dates know no zone.
pub const MOMENTS_BY: &str = " (UTC)";

/// Longer cells are texts (and a text in a formula may have 255 characters).
const NUMBER_CHARS_MAX: usize = 64;

/// Signs in numbers, amounts, times and dates. No quote, so that nothing can end the text, and no semicolon.
const SIGNS: &str = "+-./:,%() \u{a0}\u{202f}€$£";

/// How names of months begin in the languages of our notices, for dates like `3 mars`; exponents, and halves of the day.
const MONTHS: [&str; 24] = [
    "jan", "fév", "fev", "feb", "mar", "mär", "avr", "apr", "mai", "may", "jui", "jun", "jul", "aoû", "aou",
    "aug", "sep", "oct", "okt", "nov", "déc", "dec", "dez", "mrz",
];
const MARKS: [&str; 5] = ["e", "a", "p", "am", "pm"];

/// A moment of ours, as a spreadsheet takes it for a date.
pub fn moment(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A text, so that a spreadsheet leaves it one.
pub fn text(cell: Cow<'_, str>) -> Cow<'_, str> {
    if may_be_converted(&cell) { format!("=\"{cell}\"").into() } else { cell }
}

/// True if Excel might show something else than what stands there. Rather once too often: a text stays a text.
fn may_be_converted(cell: &str) -> bool {
    let short = cell.chars().nth(NUMBER_CHARS_MAX).is_none();
    let of_a_number = |c: char| c.is_numeric() || c.is_alphabetic() || SIGNS.contains(c);
    short && cell.chars().any(char::is_numeric) && cell.chars().all(of_a_number) && is_one_word(cell)
}

/// At most one run of letters, and that the name of a month or a mark.
fn is_one_word(cell: &str) -> bool {
    let mut words = cell.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let Some(word) = words.next() else { return true };
    let word = word.to_lowercase();
    words.next().is_none()
        && (MARKS.contains(&word.as_str()) || MONTHS.iter().any(|month| word.starts_with(month)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_excel_would_make_a_number_or_a_date_of_is_written_as_a_text() {
        for text in [
            "+33639980000",
            "0639980000",
            "06 39 98 00 00",
            "01000",
            "104000000000001",
            "9007199254740993",
            "1-2",
            "3/4",
            "1e5",
            "1E+5",
            "3 mars",
            "12-Déc-2026",
            "mar-1-7",
            "10:30",
            "10 PM",
            "12,5",
            "1\u{202f}000 €",
            "50%",
            "(7)",
            "７",
            "2026-11-25",
            "2026-11-25 08:47:38",
        ] {
            assert_eq!(super::text(Cow::from(text)), format!("=\"{text}\""));
        }
    }

    #[test]
    fn what_is_a_text_stays_as_it_is() {
        for text in [
            "",
            "Éloïse",
            "devis-1-7",
            "12 rue des Lices",
            "a@b.example",
            "2026-11-25T08:47:38Z",
            "true",
            "'=1+1",
            "'+33 6",
            "mars",
            "x\"1",
            "1; 2",
            "1\n2",
        ] {
            assert_eq!(super::text(Cow::from(text)), text);
        }
        assert_eq!(super::text("1".repeat(65).into()), "1".repeat(65));
    }

    #[test]
    fn a_moment_is_day_and_time_in_whole_seconds_and_utc() {
        let at = |text: &str| moment(text.parse().expect("a time"));
        assert_eq!(at("2026-11-25T09:47:38.9+01:00"), "2026-11-25 08:47:38");
        assert_eq!(at("2027-01-02T00:00:00Z"), "2027-01-02 00:00:00");
    }

    proptest! {
        #[test]
        fn a_formula_is_one_text_and_reads_back(text in "[0-9+./: e€-]{0,12}|.{0,30}") {
            let written = super::text(Cow::from(text.as_str()));
            let back = written.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
            match back.filter(|_| written != text) {
                Some(inner) => prop_assert!(inner == text && !inner.contains(['"', '=', ';', '\n'])),
                None => prop_assert_eq!(written, text.as_str()),
            }
        }
    }
}
