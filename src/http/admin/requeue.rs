//! `POST /inbox/requeue`: refused or buried references come back.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use crate::http::admin::Desk;
use crate::http::admin::body::{IdText, parse};
use crate::http::admin::operator::{By, Requeue as MayRequeue};
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::id::FormId;
use crate::notification::ParkCode;
use crate::store::Requeue;
use crate::trail::{Action, Entry};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    #[serde(rename = "ref")]
    reference: Option<IdText>,
    code: Option<String>,
    form_id: Option<IdText>,
}

impl Which {
    /// By exactly one of the three.
    fn requeue(&self) -> Result<Requeue, ProblemCode> {
        let which = match (&self.reference, &self.code, &self.form_id) {
            (Some(IdText(arrival)), None, None) => arrival.parse().ok().map(Requeue::Ref),
            (None, Some(code), None) => ParkCode::from_code(code).map(Requeue::Code),
            (None, None, Some(IdText(form))) => FormId::parse(form).map(Requeue::Form),
            _ => None,
        };
        which.ok_or(ProblemCode::BodyInvalid)
    }
}

#[derive(serde::Serialize)]
struct Answer {
    requeued: u64,
}

/// Brings them back, and says how many.
pub(super) async fn requeue(
    by: By<MayRequeue>,
    desk: Data<Desk>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let which = parse::<Which>(&body)?.requeue()?;
    let requeued = desk.store.requeue(which, Entry::by(&by.operator, Action::Requeued)).await?;
    tracing::info!(
        request.id = %request_id(&request), actor = %by.operator.actor, refs.requeued = requeued, "inbox.requeued"
    );
    Ok(HttpResponse::Ok().json(Answer { requeued }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn which(body: &str) -> Result<Requeue, ProblemCode> {
        parse::<Which>(body.as_bytes()).and_then(|which| which.requeue())
    }

    #[test]
    fn a_call_names_exactly_one_of_ref_code_and_form() {
        assert_eq!(which(r#"{"ref":"7"}"#), Ok(Requeue::Ref(7)));
        assert_eq!(which(r#"{"ref":7}"#), Ok(Requeue::Ref(7)));
        assert_eq!(which(r#"{"code":"consent-missing"}"#), Ok(Requeue::Code(ParkCode::ConsentMissing)));
        let form = FormId::parse("901000000000001").expect("an id");
        assert_eq!(which(r#"{"form_id":"901000000000001"}"#), Ok(Requeue::Form(form)));
        for bad in [
            "",
            "{}",
            "null",
            r#"{"ref":"7","code":"consent-missing"}"#,
            r#"{"ref":"-7"}"#,
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
