//! `GET /metrics`: Prometheus' text format.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Data;

use crate::http::admin::operator::{By, See};
use crate::telemetry::metrics::Metrics;

/// Every counter and gauge.
pub(super) async fn show(_by: By<See>, metrics: Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body(metrics.render().await)
}
