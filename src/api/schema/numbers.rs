//! Epochs and numbers, and the ids that are made of them.

use std::cmp::Ordering;

use utoipa::openapi::schema::ObjectBuilder;

use crate::api::schema::parts::{PURPOSE, text};

/// See [`crate::api::id_text::EpochNumber`].
pub(in crate::api) fn epoch_number() -> ObjectBuilder {
    text(&format!("^{}$", numbers()), "EPOCH-NUMBER.").examples(["1-7"])
}

/// `PURPOSE-EPOCH-NUMBER`.
pub(super) fn record_id() -> String {
    format!("{}-{}$", PURPOSE.trim_end_matches('$'), numbers())
}

/// An epoch and a number: every one that can be given, and no other.
fn numbers() -> String {
    format!("{}-{}", up_to(u32::MAX.into()), up_to(u64::MAX))
}

/// The pattern of the numbers up to this one, without zeros before them: shorter ones, those that are the first to be less in
/// one of its digits, and itself.
fn up_to(most: u64) -> String {
    let digits = most.to_string();
    let any = |count: usize| match count {
        0 => String::new(),
        1 => "[0-9]".to_owned(),
        count => format!("[0-9]{{{count}}}"),
    };
    let mut alternatives =
        vec!["0".to_owned(), format!("[1-9][0-9]{{0,{}}}", digits.len().saturating_sub(2))];
    for (at, digit) in digits.bytes().enumerate() {
        let (least, less) = (if at == 0 { b'1' } else { b'0' }, digit.saturating_sub(1));
        let one = match less.cmp(&least) {
            Ordering::Less => continue,
            Ordering::Equal => char::from(least).to_string(),
            Ordering::Greater => format!("[{}-{}]", char::from(least), char::from(less)),
        };
        alternatives.push(format!("{}{one}{}", &digits[..at], any(digits.len() - at - 1)));
    }
    alternatives.push(digits);
    format!("({})", alternatives.join("|"))
}

#[cfg(test)]
mod tests {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::string::string_regex;
    use proptest::test_runner::TestRunner;

    use super::*;
    use crate::purpose::RecordId;

    #[test]
    fn a_pattern_of_numbers_has_every_one_that_fits_and_no_other() {
        assert_eq!(up_to(10), "(0|[1-9][0-9]{0,0}|10)");
        assert_eq!(up_to(255), "(0|[1-9][0-9]{0,1}|1[0-9]{2}|2[0-4][0-9]|25[0-4]|255)");
        let u32s = concat!(
            "(0|[1-9][0-9]{0,8}|[1-3][0-9]{9}|4[0-1][0-9]{8}|42[0-8][0-9]{7}|429[0-3][0-9]{6}|4294[0-8][0-9]{5}|",
            "42949[0-5][0-9]{4}|429496[0-6][0-9]{3}|4294967[0-1][0-9]{2}|42949672[0-8][0-9]|429496729[0-4]|4294967295)"
        );
        assert_eq!(up_to(u32::MAX.into()), u32s);
        let pattern = record_id();
        let ids = string_regex(pattern.trim_matches(['^', '$'])).expect("a pattern");
        let mut runner = TestRunner::deterministic();
        for _ in 0..10_000 {
            let id = ids.new_tree(&mut runner).expect("one").current();
            assert!(RecordId::parse(&id).is_some(), "{id}");
        }
    }
}
