//! `GET /purposes/{purpose}/leads/{id}`: one record, as a page of it alone would give it. Whoever follows what became of records
//! reads those again that are others now.

use std::sync::Arc;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::http::admin::AdminState;
use crate::http::admin::leads::reached;
use crate::http::admin::operator::{By, Export as MayExport};
use crate::http::admin::query::Parameters;
use crate::http::admin::record::{Outlet, Record};
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::purpose::RecordId;
use crate::store::One;
use crate::telemetry::metrics::Metrics;
use crate::trail::{Action, Entry};

/// Hands out one record. The store has synced its trail line before there is a byte to send.
pub(super) async fn show(
    by: By<MayExport>,
    state: Data<AdminState>,
    metrics: Data<Metrics>,
    path: Path<(String, String)>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (name, id) = path.into_inner();
    let (operator, purpose) = reached(by.operator, &state, &name, &request).await?;
    Parameters::parse(request.query_string(), &[])?;
    let id = RecordId::parse(&id).filter(|id| id.purpose == purpose.id).ok_or(ProblemCode::RecordUnknown)?;
    let outlet = Outlet::of(Arc::clone(&purpose), operator.recipient());
    let entry = Entry::by(&operator, Action::Exported);
    let (lead, days) = match state.store.read_one(id.clone(), outlet.may_leave(), entry).await? {
        One::There(lead, days) => (lead, days),
        One::Restricted => return Err(Problem::of(ProblemCode::RecordRestricted)),
        One::Withheld => return Err(Problem::of(ProblemCode::RecordWithheld)),
        One::Gone => return Err(Problem::of(ProblemCode::RecordGone)),
        One::Unknown => return Err(Problem::of(ProblemCode::RecordUnknown)),
    };
    let record = Record::of(&lead, &outlet, days)?.ok_or(ProblemCode::RecordWithheld)?;
    let mut body = Vec::new();
    record.write_json(&mut body);
    metrics.exported(&purpose.id, 1);
    tracing::info!(
        request.id = %request_id(&request), actor = %operator.actor(), role = %operator.role(), record.id = %id,
        "export.one"
    );
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}
