//! JSON bodies of admin calls. serde_json's error texts repeat what they stumble over, so only a code leaves here.

use serde::de::DeserializeOwned;

use crate::http::problem::ProblemCode;

/// Reads a body of this shape and nothing else.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ProblemCode> {
    serde_json::from_slice(body).map_err(|_| ProblemCode::BodyInvalid)
}
