//! The calls of the register of requests (GDPR art. 12(3)).

use utoipa::openapi::Required;
use utoipa::openapi::path::{HttpMethod, ParameterIn};

use crate::api::document::call::{Call, limit};
use crate::api::problem::ProblemCode as No;
use crate::api::requests::{AnswerRequest, ExtendRequest, OpenRequest, PersonRequest, RequestList};
use crate::api::schema::epoch_number;
use crate::trail::Role;

const OFFICER: &[Role] = &[Role::Officer];

/// `GET /requests`.
pub(super) fn requests() -> Call {
    Call::new(
        HttpMethod::Get,
        "/requests",
        "requests",
        "What people asked for by right",
        "By number: what, when it came, by when it is answered, and that it was. No address and no name is in it.",
    )
    .roles(OFFICER)
    .parameter(
        ParameterIn::Query,
        "after",
        Required::False,
        epoch_number().description(Some("A request's number.")),
        "Only requests after this one. Absent: from the first on.",
    )
    .parameter(ParameterIn::Query, "limit", Required::False, limit(), "At most so many requests, and 1,000 at the most.")
    .json::<RequestList>("200", "The requests.")
    .refused(&[No::ParameterUnknown, No::ParameterInvalid, No::LimitOutOfRange])
}

/// `POST /requests`.
pub(super) fn open_request() -> Call {
    Call::new(
        HttpMethod::Post,
        "/requests",
        "open-request",
        "Write down that somebody asked",
        "It is answered within a calendar month from the day on which it came, by the end of a day that is no Saturday or Sunday.",
    )
    .roles(OFFICER)
    .reason_of_itself()
    .body::<OpenRequest>()
    .json::<PersonRequest>("200", "The request, with its number and the day by which it is answered.")
    .refused(&[No::ReceivedOutOfRange, No::RegisterFull])
}

/// `POST /requests/{id}/extension`.
pub(super) fn extend_request() -> Call {
    of_one(
        "/requests/{id}/extension",
        "extend-request",
        "Give a request two months more",
        "Once, and within its first month: tell the person by then, and why (GDPR art. 12(3)).",
    )
    .body::<ExtendRequest>()
    .json::<PersonRequest>("200", "The request, with its new day.")
    .refused(&[No::NotExtendable])
}

/// `POST /requests/{id}/answer`.
pub(super) fn answer_request() -> Call {
    of_one(
        "/requests/{id}/answer",
        "answer-request",
        "Write down that a request is answered",
        "Sent twice, the second changes nothing.",
    )
    .body::<AnswerRequest>()
    .json::<PersonRequest>("200", "The request.")
    .refused(&[No::ErasureUnknown])
}

fn of_one(path: &'static str, id: &str, summary: &str, description: &str) -> Call {
    Call::new(HttpMethod::Post, path, id, summary, description)
        .roles(OFFICER)
        .reason_of_itself()
        .parameter(ParameterIn::Path, "id", Required::True, epoch_number(), "Its number.")
        .refused(&[No::NotFound, No::PersonRequestUnknown])
}
