//! Ids on a command line: what is none is said before anybody is asked, with what one looks like.

use crate::api::IdText;
use crate::id::LeadgenId;
use crate::purpose::RecordId;
use crate::terminal::{Exit, Failure};

/// A record's id.
pub(super) fn record(text: String) -> Result<IdText, Failure> {
    let looks = "a record's id looks like devis-1-123: its purpose and two numbers, as an export has them in the column id";
    if RecordId::parse(&text).is_some() { Ok(IdText(text)) } else { Err(Failure::new(Exit::Usage, looks)) }
}

/// Meta's id of a submission.
pub(super) fn leadgen(text: String) -> Result<IdText, Failure> {
    let looks = "Meta's id of a submission is one to twenty digits, as in 901000000000123";
    if LeadgenId::parse(&text).is_some() { Ok(IdText(text)) } else { Err(Failure::new(Exit::Usage, looks)) }
}

/// An erasure's number, for clap.
pub(super) fn erasure(text: &str) -> Result<String, &'static str> {
    numbered(text).ok_or("an erasure's number is two numbers with a dash between them, as in 1-17")
}

/// The number of a request of the register, for clap.
pub(super) fn request(text: &str) -> Result<String, &'static str> {
    numbered(text).ok_or("a request's number is two numbers with a dash between them, as in 1-7")
}

/// It goes into a path: digits and a dash, and nothing else.
fn numbered(text: &str) -> Option<String> {
    let is_digits = |part: &str| (1..=20).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let is_one = text.split_once('-').is_some_and(|(epoch, number)| is_digits(epoch) && is_digits(number));
    is_one.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_two_of_digits() {
        for good in ["1-17", "0-0"] {
            assert_eq!((erasure(good), request(good)), (Ok(good.to_owned()), Ok(good.to_owned())));
        }
        for bad in ["", "1", "1-", "-1", "1-1-1", "a-1", "../1-1", "1-1?x", "1-１", "123456789012345678901-1"]
        {
            assert!(erasure(bad).is_err_and(|said| said.contains("1-17")), "{bad}");
            assert!(request(bad).is_err_and(|said| said.contains("1-7")), "{bad}");
        }
    }

    #[test]
    fn what_is_no_id_is_told_what_one_looks_like_and_not_repeated() {
        assert!(record("devis-1-40".to_owned()).is_ok() && leadgen("77".to_owned()).is_ok());
        for bad in ["DEVIS-1-40", "devis-1", "", "40"] {
            let Err(failure) = record(bad.to_owned()) else { panic!("{bad} is no id") };
            assert!(failure.exit == Exit::Usage && failure.to_string().contains("devis-1-123"), "{failure}");
            assert!(bad.is_empty() || !failure.to_string().contains("40"), "{failure}");
        }
        for bad in ["", "devis-1-40", "x77", "123456789012345678901"] {
            let Err(failure) = leadgen(bad.to_owned()) else { panic!("{bad} is no id") };
            assert!(failure.exit == Exit::Usage && failure.to_string().contains("digits"), "{failure}");
        }
    }
}
