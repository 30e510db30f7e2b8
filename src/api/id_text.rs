//! Ids as callers write them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// The largest whole number that no other one becomes when it is read as a float, 2^53 - 1.
const EXACT_MAX: f64 = 9_007_199_254_740_991.0;

/// An id as callers write it: a JSON string, or a number without a fraction. It may lead to a person: no `Debug`.
pub struct IdText(pub String);

impl Serialize for IdText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for IdText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = IdText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<IdText, E> {
        Ok(IdText(text.to_owned()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<IdText, E> {
        Ok(IdText(number.to_string()))
    }

    /// To JSON Schema `593.0` is a whole number. Past what a float keeps apart it may have been another one.
    fn visit_f64<E: Error>(self, number: f64) -> Result<IdText, E> {
        let is_whole = number.fract() == 0.0 && (0.0..=EXACT_MAX).contains(&number);
        if is_whole { Ok(IdText(format!("{number:.0}"))) } else { Err(E::custom("no id")) }
    }
}
/// `EPOCH-NUMBER`: an erasure's, or that of an entry of the list of who objected. For the document alone.
#[expect(dead_code, reason = "it is looked at by the document alone")]
pub(super) struct EpochNumber(String);
