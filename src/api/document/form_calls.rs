//! The calls about what the form check found.

use utoipa::openapi::path::{HttpMethod, ParameterIn};
use utoipa::openapi::{Ref, Required};

use crate::api::document::call::Call;
use crate::api::findings::{Findings, FormFindings};
use crate::api::problem::ProblemCode as No;
use crate::trail::Role;

const FORMS: &[Role] = &[Role::Viewer, Role::Officer, Role::Admin];

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
