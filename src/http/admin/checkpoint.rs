//! `GET /trail/checkpoint`: where the trail stands, signed.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::api::trail::TrailCheckpoint;
use crate::http::admin::operator::{By, ReadTrail};
use crate::http::admin::query::{Parameters, whole};
use crate::http::problem::{Problem, ProblemCode};
use crate::store::Checkpoints;

/// Shows the newest, or the one of a line.
pub(super) async fn show(
    _by: By<ReadTrail>,
    checkpoints: Data<Checkpoints>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::parse(request.query_string(), &["line"])?;
    let line = parameters.value("line").map(|text| match whole(text) {
        None | Some(0) => Err(ProblemCode::ParameterInvalid),
        Some(line) => Ok(line),
    });
    let made = match line.transpose()? {
        None => checkpoints.newest().await?,
        Some(line) => checkpoints.at(line).await?.ok_or(ProblemCode::TrailLineUnknown)?,
    };
    let (note, key) = (made.note, made.key.to_string());
    Ok(HttpResponse::Ok().json(TrailCheckpoint { lines: made.lines, note, key }))
}
