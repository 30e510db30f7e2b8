//! JSON bodies of admin calls. serde_json's error texts repeat what they stumble over, so only a code leaves here.

use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, Visitor};

use crate::http::problem::ProblemCode;

/// Reads a body of this shape and nothing else.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ProblemCode> {
    serde_json::from_slice(body).map_err(|_| ProblemCode::BodyInvalid)
}

/// An id as callers write it: a JSON string, or a number without a fraction.
pub(super) struct IdText(pub(super) String);

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
}
