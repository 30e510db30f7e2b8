//! `POST /inbox/drop`: held references of a form that nobody claims are let go.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use crate::api::{IdText, inbox as api};
use crate::http::admin::AdminState;
use crate::http::admin::body::parse;
use crate::http::admin::operator::{By, DropHeld as MayDropHeld};
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::id::FormId;
use crate::trail::{Action, Entry};

/// Lets them go, and says how many.
pub(super) async fn drop_held(
    by: By<MayDropHeld>,
    state: Data<AdminState>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let api::DropHeld { form_id: IdText(form) } = parse(&body)?;
    let form = FormId::parse(&form).ok_or_else(|| Problem::of(ProblemCode::BodyInvalid).at("form_id"))?;
    if !state.policy.pin().of_form(&form).is_empty() {
        return Err(Problem::of(ProblemCode::FormClaimed));
    }
    let dropped = state.store.drop_held(form, Entry::by(&by.operator, Action::HeldDropped)).await?;
    tracing::info!(
        request.id = %request_id(&request), actor = %by.operator.actor(), form.id = %form, refs.dropped = dropped,
        "inbox.dropped"
    );
    Ok(HttpResponse::Ok().json(api::HeldDropped { dropped }))
}
