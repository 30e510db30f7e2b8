//! JSON bodies of admin calls: read within bounds, by one helper. serde_json's error texts repeat what they stumble over, so
//! only a code leaves here, and the name of the member that it is about.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::Payload;
use serde::de::DeserializeOwned;

use crate::http::body::BodyBudget;
use crate::http::caller::Share;
use crate::http::problem::{Problem, ProblemCode};
use crate::json::Json;
use crate::secret::Wiped;

/// The largest body that a call of the admin side takes: so small that it needs no room among others.
pub(super) const BODY_BYTES_MAX: usize = 4 * 1_024;
/// How long a body may take, whoever sends it.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// Reads a call's body, of this shape and nothing else.
///
/// # Errors
/// Too large, too slow, broken off, or of another shape.
pub(super) async fn read<T: DeserializeOwned>(request: &HttpRequest, payload: Payload) -> Result<T, Problem> {
    let no_room_needed = BodyBudget::new(0);
    let body = no_room_needed.read(request, payload, Share::Common, BODY_BYTES_MAX, BODY_DEADLINE).await;
    let body = body.map_err(|error| Problem::of(error.problem()))?;
    parse(&body.bytes)
}

/// Reads a body of this shape and nothing else.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let problem = Problem::of(ProblemCode::BodyInvalid);
        match member(body, &error) {
            Some(name) => problem.at(&name),
            None => problem,
        }
    })
}

/// The member that is not taken, or is missing: its name alone, wherever in the body it stands. What serde says of it is never
/// repeated: it may quote a value.
fn member(body: &[u8], error: &serde_json::Error) -> Option<String> {
    let said = Wiped::new(error.to_string());
    let quoted = ["missing field `", "unknown field `"].iter().find_map(|before| said.strip_prefix(before));
    if let Some((name, _)) = quoted.and_then(|rest| rest.split_once('`')) {
        return Some(name.to_owned());
    }
    let lines = body.split_inclusive(|byte| *byte == b'\n').take(error.line().checked_sub(1)?);
    let before = lines.map(<[u8]>::len).sum::<usize>() + error.column().checked_sub(1)?;
    innermost(Json::read(body)?, body.as_ptr().addr() + before)
}

/// The name of the innermost member within which serde stood.
fn innermost(value: Json<'_>, stood: usize) -> Option<String> {
    let mut began = value.written().as_ptr().addr();
    for (name, inner) in value.members() {
        let ends = inner.written().as_ptr().addr() + inner.written().len();
        // Where a value is of another kind serde stands before it: behind its name.
        if (began..ends).contains(&stood) {
            return innermost(inner, stood).or_else(|| Some(name.into_owned()));
        }
        began = ends;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::corrections::Correction;
    use crate::api::erasures::Erase;
    use crate::api::tokens::NewToken;

    fn told<T: DeserializeOwned>(body: &str) -> Option<Option<String>> {
        parse::<T>(body.as_bytes()).err().map(|problem| problem.parameter().map(str::to_owned))
    }

    #[test]
    fn what_is_not_taken_is_named_and_never_repeated() {
        let name = |name: &str| Some(Some(name.to_owned()));
        assert_eq!(told::<NewToken>(r#"{"role":"viewer"}"#), name("name"), "missing");
        assert_eq!(told::<NewToken>("{\n \"name\": \"it\",\n \"role\": 7}"), name("role"), "of another kind");
        assert_eq!(told::<NewToken>(r#"{"name":{"a":1},"role":"viewer"}"#), name("name"));
        assert_eq!(
            told::<NewToken>(r#"{"name":"it","role":"viewer","admin":true}"#),
            name("admin"),
            "unknown"
        );
        assert_eq!(told::<Erase>(r#"{"by":{"phone":639980000}}"#), name("phone"));
        assert_eq!(told::<Erase>(r#"{"by":{"id":"devis-1-7"},"dry_run":1}"#), name("dry_run"));
        assert_eq!(
            told::<Correction>(r#"{"id":"devis-1-7","fields":{"email":"a@b.example"}}"#),
            name("email")
        );
        // It may be a value that slipped.
        assert_eq!(told::<Erase>(r#"{"anne@lumen.example":1}"#), Some(None));
        for no_json in ["", "{", "[1]", "\u{e9}"] {
            assert_eq!(told::<Erase>(no_json), Some(None), "{no_json}");
        }
    }
}
