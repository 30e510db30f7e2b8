//! The calls about the inbox: what is on its way, and what is done with what is parked.

use utoipa::openapi::Required;
use utoipa::openapi::path::{HttpMethod, ParameterIn};
use utoipa::openapi::schema::Type;

use crate::api::document::call::{ALL, Call};
use crate::api::inbox::{DropHeld, HeldDropped, Inbox, PageRetried, Requeue, Requeued, RetryPage};
use crate::api::problem::ProblemCode as No;
use crate::api::schema::of;
use crate::trail::Role;

const ADMIN: &[Role] = &[Role::Admin];

pub(super) fn inbox() -> Call {
    Call::new(
        HttpMethod::Get,
        "/inbox",
        "inbox",
        "What is on its way, what waits, what needs a human",
        "Counts and codes. An exporter sees what concerns the forms of its purposes, and the totals.",
    )
    .roles(ALL)
    .parameter(
        ParameterIn::Query,
        "names",
        Required::False,
        of(Type::Boolean).default(Some(false.into())),
        "Ask Graph what the held forms are called, 50 of them at the most; not for viewers and exporters.",
    )
    .json::<Inbox>("200", "The inbox.")
    .refused(&[No::ParameterUnknown, No::ParameterInvalid, No::RecordUnreadable])
}

pub(super) fn requeue() -> Call {
    Call::new(
        HttpMethod::Post,
        "/inbox/requeue",
        "requeue",
        "Bring refused, buried or waiting references back",
        "They are read anew, under the config as it is now.",
    )
    .roles(ADMIN)
    .reason(false)
    .body::<Requeue>()
    .json::<Requeued>("200", "How many came back.")
    .refused(&[No::RecordUnreadable])
}

pub(super) fn retry_page() -> Call {
    Call::new(
        HttpMethod::Post,
        "/inbox/retry",
        "retry-page",
        "Try a page at once",
        "What waits of it is due now, and if it is paused one lead goes ahead, to see: after a permission was given back, \
         say. A refusal makes no pause longer.",
    )
    .roles(ADMIN)
    .reason(false)
    .body::<RetryPage>()
    .json::<PageRetried>("200", "What was brought back, and whether the page was paused.")
    .refused(&[No::PageUnknown, No::RecordUnreadable])
}

pub(super) fn drop_held() -> Call {
    Call::new(
        HttpMethod::Post,
        "/inbox/drop",
        "drop-held",
        "Let held references go",
        "Those of a form that no purpose claims, of all its pages. Nothing is known of them afterwards: a later \
         notification of the same submission is taken as new.",
    )
    .roles(ADMIN)
    .reason(false)
    .body::<DropHeld>()
    .json::<HeldDropped>("200", "How many were let go.")
    .refused(&[No::FormClaimed])
}
