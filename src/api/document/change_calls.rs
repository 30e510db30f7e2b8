//! The calls by which recipients follow what became of records (GDPR art. 19), and one record.

use utoipa::openapi::path::{HttpMethod, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{Content, Ref, Required};

use crate::api::changes::{ChangeList, ChangesApplied, FeedList};
use crate::api::document::call::{Call, limit};
use crate::api::problem::ProblemCode as No;
use crate::api::schema::{of, whole};
use crate::trail::Role;

const EXPORTER: &[Role] = &[Role::Exporter];
const OVERSEERS: &[Role] = &[Role::Officer, Role::Admin];

/// `GET /purposes/{purpose}/leads/{id}`.
pub(super) fn lead() -> Call {
    Call::new(
        HttpMethod::Get,
        "/purposes/{purpose}/leads/{id}",
        "lead",
        "Read one record out",
        "As a page of it alone would give it: the same fields, consents and rules, and a line in the trail. For what `GET /changes` \
         says is another now.",
    )
    .roles(EXPORTER)
    .reason(true)
    .parameter(ParameterIn::Path, "purpose", Required::True, Ref::from_schema_name("PurposeId"), "The purpose.")
    .parameter(ParameterIn::Path, "id", Required::True, Ref::from_schema_name("RecordId"), "The record.")
    .on_behalf_of()
    .answer("200", "The record.", [("application/json", Content::new(Some(Ref::from_schema_name("Lead"))))], [])
    .refused(&[
        No::ParameterUnknown,
        No::ParameterInvalid,
        No::PurposeNotYours,
        No::RecipientNotListed,
        No::RecordWithheld,
        No::NotFound,
        No::PurposeUnknown,
        No::RecordUnknown,
        No::RecordRestricted,
        No::RecordGone,
        No::RecordUnreadable,
        No::ClockJumped,
        No::ClockUnconfirmed,
    ])
}

/// `GET /changes`.
pub(super) fn changes() -> Call {
    Call::new(
        HttpMethod::Get,
        "/changes",
        "changes",
        "What became of records that were handed over",
        "One feed a recipient, whichever of its tokens asks: ids and what became of each, in order, of the records that it was handed \
         in an export or by `GET /purposes/{purpose}/leads/{id}`. A change stays until it is applied, for 24 months at most: apply \
         them in their order, then say so. A page that gives some stands in the trail, of those that find nothing one a day.",
    )
    .roles(EXPORTER)
    .reason(true)
    .parameter(
        ParameterIn::Query,
        "after",
        Required::False,
        whole(0, u64::MAX),
        "Only changes after the one with this number. Absent: after what is applied.",
    )
    .parameter(ParameterIn::Query, "limit", Required::False, limit(), "At most so many changes, and 1,000 at the most.")
    .on_behalf_of()
    .json::<ChangeList>("200", "The changes.")
    .refused(&[
        No::ParameterUnknown,
        No::ParameterInvalid,
        No::LimitOutOfRange,
        No::RecipientNotListed,
        No::ChangeUnknown,
    ])
}

/// `POST /changes/{n}/applied`.
pub(super) fn apply_changes() -> Call {
    Call::new(
        HttpMethod::Post,
        "/changes/{n}/applied",
        "apply-changes",
        "Say that changes are applied",
        "All up to this one: they go, and each erasure among them says that this recipient has followed. Sent twice, the second changes \
         nothing. A body is not read.",
    )
    .roles(EXPORTER)
    .reason(true)
    .parameter(ParameterIn::Path, "n", Required::True, whole(0, u64::MAX), "The number of the last change that is applied.")
    .on_behalf_of()
    .json::<ChangesApplied>("200", "How many were applied by it, and up to where all are.")
    .refused(&[No::RecipientNotListed, No::NotFound, No::ChangeUnknown])
}

/// `GET /changes/recipients`.
pub(super) fn feeds() -> Call {
    Call::new(
        HttpMethod::Get,
        "/changes/recipients",
        "change-recipients",
        "How far each recipient has followed",
        "Of each for whom there ever was a change: how many wait, since when, and when it last read and applied some.",
    )
    .roles(OVERSEERS)
    .json::<FeedList>("200", "The recipients, by name.")
}

impl Call {
    /// The recipient, where no token names it.
    fn on_behalf_of(self) -> Self {
        self.parameter(
            ParameterIn::Header,
            "Tamis-Recipient",
            Required::False,
            of(Type::String),
            "On whose behalf. On the socket alone, and needed there: a token has its own recipient, which counts.",
        )
    }
}
