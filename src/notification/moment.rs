//! The moments that Meta and third-party senders write, in the spellings that were seen.

use crate::json::Json;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Longer texts are no moment.
const TEXT_BYTES_MAX: usize = 40;

/// Reads Unix seconds, as a number or as digits in a string, or ISO 8601 in Graph's spelling
/// (`2015-02-28T08:49:14+0000`: no colon, which RFC 3339 parsers refuse) and its neighbours: `Z`, `+05:30`, `+0530`, a
/// space for the `T`, no offset at all (UTC).
///
/// `None` for anything else, and for moments that no lead can have: 1970 and before (a zero stands for nothing), past
/// the year 9999 (milliseconds). A moment that cannot be read never fails a lead.
pub(crate) fn moment(raw: Json<'_>) -> Option<Timestamp> {
    let written = raw.number_or_text()?;
    if written.len() > TEXT_BYTES_MAX {
        return None;
    }
    let read = if written.bytes().all(|b| b.is_ascii_digit()) {
        Timestamp::from_second(written.parse().ok()?).ok()
    } else {
        iso(&written)
    };
    read.filter(|moment| moment.as_second() > 0)
}

fn iso(text: &str) -> Option<Timestamp> {
    let with_offset = || text.parse::<Timestamp>().ok();
    let without = || Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    with_offset().or_else(without)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(json: &str) -> Option<i64> {
        moment(Json::read(json.as_bytes()).expect("well-formed")).map(Timestamp::as_second)
    }

    #[test]
    fn every_spelling_that_was_seen_reads() {
        for json in [
            "1425113354",
            r#""1425113354""#,
            r#""2015-02-28T08:49:14+0000""#,
            r#""2015-02-28T08:49:14+00:00""#,
            r#""2015-02-28T08:49:14\u002b0000""#,
            r#""2015-02-28T08:49:14Z""#,
            r#""2015-02-28T08:49:14.000Z""#,
            r#""2015-02-28 08:49:14+0000""#,
            r#""2015-02-28 08:49:14""#,
            r#""2015-02-28T08:49:14""#,
            r#""2015-02-28T14:19:14+0530""#,
            r#""2015-02-28T14:19:14+05:30""#,
            r#""2015-02-28T10:49:14+0200""#,
            r#""2015-02-28T03:49:14-0500""#,
        ] {
            assert_eq!(second(json), Some(1_425_113_354), "{json}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none_and_never_fails() {
        for json in [
            "null",
            "true",
            "[]",
            "{}",
            "0",
            "-1",
            r#""""#,
            r#""0""#,
            r#"" ""#,
            r#""yesterday""#,
            "1.5",
            "1e9",
            "1e999",
            "1425113354000000",
            "99999999999999999999999",
            r#""2015-02-30T08:49:14+0000""#,
            r#""2015-13-01T00:00:00Z""#,
            r#""1960-01-01T00:00:00Z""#,
            r#""28/02/2015""#,
            r#""٢٠١٥""#,
        ] {
            assert_eq!(second(json), None, "{json}");
        }
        assert_eq!(second(&format!("\"{}\"", "9".repeat(1_000_000))), None);
    }

    /// The bound is for what no clock wrote; a fraction of a second as long as programs write it is below it.
    #[test]
    fn a_text_of_forty_bytes_is_looked_at_and_a_longer_one_is_not() {
        let fraction = |digits: usize| format!("\"2015-02-28T08:49:14.{}+00:00\"", "0".repeat(digits));
        assert_eq!(second(&fraction(9)), Some(1_425_113_354));
        let zeros = |bytes: usize| format!("\"{:0>bytes$}\"", 1_425_113_354);
        assert_eq!(second(&zeros(TEXT_BYTES_MAX)), Some(1_425_113_354));
        assert_eq!(second(&zeros(TEXT_BYTES_MAX + 1)), None);
        assert_eq!(second("1"), Some(1), "the first second that a lead can have");
    }
}
