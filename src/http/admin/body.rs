//! JSON bodies of admin calls: read within bounds, by one helper. serde_json's error texts repeat what they stumble over, so
//! only a code leaves here.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::Payload;
use serde::de::DeserializeOwned;

use crate::http::body::BodyBudget;
use crate::http::caller::Share;
use crate::http::problem::ProblemCode;

/// The largest body that a call of the admin side takes: so small that it needs no room among others.
pub(super) const BODY_BYTES_MAX: usize = 4 * 1_024;
/// How long a body may take, whoever sends it.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// Reads a call's body, of this shape and nothing else.
///
/// # Errors
/// Too large, too slow, broken off, or of another shape.
pub(super) async fn read<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
) -> Result<T, ProblemCode> {
    let no_room_needed = BodyBudget::new(0);
    let body = no_room_needed.read(request, payload, Share::Common, BODY_BYTES_MAX, BODY_DEADLINE).await;
    parse(&body.map_err(|error| error.problem())?.bytes)
}

/// Reads a body of this shape and nothing else.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ProblemCode> {
    serde_json::from_slice(body).map_err(|_| ProblemCode::BodyInvalid)
}
