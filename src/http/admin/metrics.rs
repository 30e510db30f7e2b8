//! `GET /metrics`: for Prometheus, as OpenMetrics.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Data;

use crate::http::admin::operator::{By, See};
use crate::telemetry::metrics::{MEDIA_TYPE, Metrics};

/// Every counter and gauge.
pub(super) async fn show(_by: By<See>, metrics: Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, MEDIA_TYPE)).body(metrics.render().await)
}
