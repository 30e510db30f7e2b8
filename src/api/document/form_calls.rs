//! The calls about forms: what they ask, what people saw of them, what the form check found.

use utoipa::openapi::path::{HttpMethod, ParameterIn};
use utoipa::openapi::{Ref, Required};

use crate::api::document::call::Call;
use crate::api::findings::{Findings, FormFindings};
use crate::api::forms::{FormRevision, Forms, Revisions};
use crate::api::problem::ProblemCode as No;
use crate::api::schema::text;
use crate::trail::Role;

const FORMS: &[Role] = &[Role::Viewer, Role::Officer, Role::Admin];
const REVISIONS: &[Role] = &[Role::Officer, Role::Admin];

pub(super) fn forms() -> Call {
    Call::new(
        HttpMethod::Get,
        "/forms",
        "forms",
        "Which question feeds which field",
        "All forms that were read. A viewer sees counts, no questions.",
    )
    .roles(FORMS)
    .json::<Forms>("200", "The forms.")
}

pub(super) fn revisions() -> Call {
    Call::new(
        HttpMethod::Get,
        "/forms/{id}/revisions",
        "revisions",
        "Which contents a form had",
        "Each that was read is kept: it is what people saw who agreed to something. By when each was first read.",
    )
    .roles(REVISIONS)
    .parameter(ParameterIn::Path, "id", Required::True, Ref::from_schema_name("FormId"), "The form.")
    .json::<Revisions>("200", "The revisions.")
    .refused(&[No::NotFound, No::FormUnknown])
}

pub(super) fn revision() -> Call {
    Call::new(
        HttpMethod::Get,
        "/forms/{id}/revisions/{revision}",
        "revision",
        "Read what people saw",
        "A form's content at one revision, as a record's evidence names it.",
    )
    .roles(REVISIONS)
    .parameter(ParameterIn::Path, "id", Required::True, Ref::from_schema_name("FormId"), "The form.")
    .parameter(
        ParameterIn::Path,
        "revision",
        Required::True,
        text("^[0-9a-f]{64}$", "SHA-256 of the content, as hex."),
        "Which.",
    )
    .json::<FormRevision>("200", "The content.")
    .refused(&[No::NotFound, No::FormUnknown, No::RevisionUnknown])
}

pub(super) fn findings() -> Call {
    Call::new(
        HttpMethod::Get,
        "/findings",
        "findings",
        "What is the matter with forms",
        "Of every form that was looked at what stands, and when it was last looked at: daily, leads or not. A viewer does not \
         see which question it is about.",
    )
    .roles(FORMS)
    .json::<Findings>("200", "The forms.")
}

pub(super) fn form_findings() -> Call {
    Call::new(
        HttpMethod::Get,
        "/forms/{id}/findings",
        "form-findings",
        "What was the matter with a form",
        "What stands, and what ended: since when, until when.",
    )
    .roles(FORMS)
    .parameter(ParameterIn::Path, "id", Required::True, Ref::from_schema_name("FormId"), "The form.")
    .json::<FormFindings>("200", "What was found.")
    .refused(&[No::FormUnknown])
}
