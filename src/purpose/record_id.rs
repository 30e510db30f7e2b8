//! The name of a stored record, and the place where an export stopped.

use std::fmt;

use crate::purpose::PurposeId;

/// `PURPOSE-EPOCH-NUMBER` (`devis-1-123`): found in one step, stable through corrections, says nothing about the
/// person. Numbers start at 1; an epoch begins at each restore, so that an id is never given twice.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId {
    /// The purpose whose tree holds it.
    pub purpose: PurposeId,
    /// The restore epoch.
    pub epoch: u32,
    /// Its number in arrival order.
    pub number: u64,
}

impl RecordId {
    /// Reads what [`fmt::Display`] wrote; anything else is no id.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.rsplitn(3, '-');
        let number = decimal(parts.next()?)?;
        let epoch = u32::try_from(decimal(parts.next()?)?).ok()?;
        let purpose = PurposeId::parse(parts.next()?)?;
        Some(Self { purpose, epoch, number })
    }
}

/// Plain digits without sign or leading zeros, so that one id has one spelling.
fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.purpose, self.epoch, self.number)
    }
}
impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl serde::Serialize for RecordId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for RecordId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // The text is not repeated: it may be anybody's.
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no record's id"))
    }
}

/// The id of the last record looked at, exported or passed over; an export goes on after it.
/// Number 0 stands before the first record of its epoch.
pub type Cursor = RecordId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_has_one_spelling() {
        for text in ["devis-1-123", "a_b9-4294967295-18446744073709551615", "lettre-1-0"] {
            assert_eq!(RecordId::parse(text).map(|id| id.to_string()).as_deref(), Some(text));
        }
        for bad in [
            "",
            "devis",
            "devis-1",
            "devis-01-1",
            "devis-1-+1",
            "Devis-1-1",
            "devis-1-1-1",
            "-1-1",
            "devis-4294967296-1",
        ] {
            assert!(RecordId::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_id_is_the_same_text_wherever_it_is_shown() {
        let id = RecordId::parse("devis-1-123").expect("an id");
        assert_eq!(format!("{id:?}"), "devis-1-123");
        assert_eq!(serde_json::to_string(&id).expect("text"), "\"devis-1-123\"");
        assert!(serde_json::from_str::<RecordId>("\"devis-1-123\"").is_ok_and(|read| read == id));
        assert!(serde_json::from_str::<RecordId>("\"devis-1-0123\"").is_err());
    }

    proptest::proptest! {
        #[test]
        fn every_id_reads_back_and_in_the_order_of_its_numbers(
            name in "[a-z][a-z0-9_]{0,62}", epoch: u32, number: u64, other: u64,
        ) {
            let purpose = PurposeId::parse(&name).expect("a name");
            let id = RecordId { purpose, epoch, number };
            proptest::prop_assert_eq!(RecordId::parse(&id.to_string()), Some(id.clone()));
            let later = RecordId { number: other, ..id.clone() };
            proptest::prop_assert_eq!(id.cmp(&later), number.cmp(&other));
        }

        #[test]
        fn what_reads_as_an_id_has_no_other_spelling(text in "[a-z_]{0,3}-?[0-9+]{0,3}-?[0-9]{0,21}") {
            if let Some(id) = RecordId::parse(&text) {
                proptest::prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
