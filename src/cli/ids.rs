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

#[cfg(test)]
mod tests {
    use super::*;

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
