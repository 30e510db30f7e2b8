//! The calls about asking people whether they still agree.

use utoipa::openapi::path::HttpMethod;

use crate::api::bounces::{Bounce, Bounced};
use crate::api::document::call::Call;
use crate::api::problem::ProblemCode as No;
use crate::api::reconfirmations::{
    AskingRun, DueList, ListDue, PauseAsking, Reconfirmations, SaidAsked, SayAsked,
};
use crate::trail::Role;

const OFFICER: &[Role] = &[Role::Officer];

/// `GET /reconfirmations`.
pub(super) fn reconfirmations() -> Call {
    Call::new(
        HttpMethod::Get,
        "/reconfirmations",
        "reconfirmations",
        "How it stands with asking people whether they still agree",
        "By purpose: how many are to be asked, to be reminded, have time to answer. Nobody is named, and nothing is done.",
    )
    .roles(OFFICER)
    .json::<Reconfirmations>("200", "How it stands.")
}

/// `POST /reconfirmations/run`.
pub(super) fn run_asking() -> Call {
    Call::new(
        HttpMethod::Post,
        "/reconfirmations/run",
        "run-asking",
        "Ask whoever is due now",
        "Puts the mails into the outbox that the day's turn would put there. None where tamis does not ask by mail, or is paused.",
    )
    .roles(OFFICER)
    .json::<AskingRun>("200", "How many.")
}

/// `POST /reconfirmations/pause`.
pub(super) fn pause_asking() -> Call {
    Call::new(
        HttpMethod::Post,
        "/reconfirmations/pause",
        "pause-asking",
        "Ask nobody for now, or go on",
        "It is kept across a restart. Records end by their day all the same.",
    )
    .roles(OFFICER)
    .body::<PauseAsking>()
    .json::<PauseAsking>("200", "What holds now.")
}

/// `POST /reconfirmations/list`.
pub(super) fn list_due() -> Call {
    Call::new(
        HttpMethod::Post,
        "/reconfirmations/list",
        "list-due",
        "Who is due, with a link for each",
        "For whoever asks people by means of their own: their records, and a link to the page where each of them answers. It cannot be \
         had again; a new one can, sixteen for a record, the oldest goes. Each record is opened, with a line in the trail, and held \
         against what tamis looks at before it sends a mail itself. 256 are opened for one answer, and 65,536 looked at from outside, so \
         that it may name fewer than were asked for: the list goes on behind `next_cursor` until that is null.",
    )
    .roles(OFFICER)
    .reason(false)
    .body::<ListDue>()
    .json::<DueList>("200", "By number; none, and no `next_cursor`: nobody is due.")
    .refused(&[No::PurposeUnknown, No::LimitOutOfRange, No::CursorInvalid, No::CursorForeign])
}

/// `POST /reconfirmations/asked`.
pub(super) fn say_asked() -> Call {
    Call::new(
        HttpMethod::Post,
        "/reconfirmations/asked",
        "say-asked",
        "Say who was asked by other means",
        "Now. Who was asked is reminded 14 days later, and not asked again.",
    )
    .roles(OFFICER)
    .body::<SayAsked>()
    .json::<SaidAsked>("200", "Of how many it was noted: the others are gone, or never were.")
}

/// `POST /bounces`.
pub(super) fn bounce() -> Call {
    Call::new(
        HttpMethod::Post,
        "/bounces",
        "bounce",
        "Say that mail comes back from an address",
        "Nobody writes to the persons of the records whose mails go to it, until they are corrected. Their records end by their day.",
    )
    .roles(OFFICER)
    .body::<Bounce>()
    .json::<Bounced>("200", "Of how many it was noted.")
    .refused(&[No::AddressInvalid, No::LookupsTooFast, No::SearchesFull, No::SearchTooSlow])
}
