//! `POST /inbox/requeue`: refused, buried or waiting references come back.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::api::{IdText, inbox as api};
use crate::http::admin::AdminState;
use crate::http::admin::body::read;
use crate::http::admin::operator::{By, Requeue as MayRequeue};
use crate::http::admin::query::whole;
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::id::FormId;
use crate::notification::ParkCode;
use crate::store::Requeue;
use crate::trail::{Action, Entry};

/// By exactly one of the three.
fn wanted(which: &api::Requeue) -> Result<Requeue, ProblemCode> {
    let wanted = match (&which.reference, &which.code, &which.form_id) {
        (Some(IdText(arrival)), None, None) => whole(arrival).map(Requeue::Ref),
        (None, Some(code), None) => ParkCode::from_code(code).map(Requeue::Code),
        (None, None, Some(IdText(form))) => FormId::parse(form).map(Requeue::Form),
        _ => None,
    };
    wanted.ok_or(ProblemCode::BodyInvalid)
}

/// The one that is given, where it is one.
fn member(which: &api::Requeue) -> Option<&'static str> {
    match (&which.reference, &which.code, &which.form_id) {
        (Some(_), None, None) => Some("ref"),
        (None, Some(_), None) => Some("code"),
        (None, None, Some(_)) => Some("form_id"),
        _ => None,
    }
}

/// Brings them back, and says how many.
pub(super) async fn requeue(
    by: By<MayRequeue>,
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let asked = read(&request, payload).await?;
    let which = wanted(&asked).map_err(|code| match member(&asked) {
        Some(member) => Problem::of(code).at(member),
        None => Problem::of(code),
    })?;
    let requeued = state.store.requeue(which, Entry::by(&by.operator, Action::Requeued)).await?;
    tracing::info!(
        request.id = %request_id(&request), actor = %by.operator.actor(), refs.requeued = requeued, "inbox.requeued"
    );
    Ok(HttpResponse::Ok().json(api::Requeued { requeued }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::admin::body::parse;

    fn which(body: &str) -> Result<Requeue, ProblemCode> {
        let which = parse(body.as_bytes()).map_err(|problem| problem.code)?;
        wanted(&which)
    }

    #[test]
    fn a_call_names_exactly_one_of_ref_code_and_form() {
        assert_eq!(which(r#"{"ref":"7"}"#), Ok(Requeue::Ref(7)));
        assert_eq!(which(r#"{"ref":7}"#), Ok(Requeue::Ref(7)));
        assert_eq!(which(r#"{"code":"consent-missing"}"#), Ok(Requeue::Code(ParkCode::ConsentMissing)));
        assert_eq!(which(r#"{"ref":7.0,"code":null}"#), Ok(Requeue::Ref(7)));
        let form = FormId::parse("901000000000001").expect("an id");
        assert_eq!(which(r#"{"form_id":"901000000000001"}"#), Ok(Requeue::Form(form)));
        for bad in [
            "",
            "{}",
            "null",
            r#"{"ref":"7","code":"consent-missing"}"#,
            r#"{"ref":"-7"}"#,
            r#"{"ref":"+7"}"#,
            r#"{"ref":""}"#,
            r#"{"ref":"x"}"#,
            r#"{"code":"consent"}"#,
            r#"{"form_id":"form"}"#,
            r#"{"all":true}"#,
            r#"{"ref":7} x"#,
        ] {
            assert_eq!(which(bad), Err(ProblemCode::BodyInvalid), "{bad}");
        }
    }
}
