//! `GET /metrics`: for Prometheus, as OpenMetrics.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Data;

use crate::http::admin::AdminState;
use crate::http::admin::operator::{By, See};
use crate::http::admin::sight::Sight;
use crate::telemetry::excerpt;
use crate::telemetry::metrics::{MEDIA_TYPE, Metrics};

/// Every counter and gauge; to an exporter those that name no purpose and no page, or its own.
pub(super) async fn show(by: By<See>, state: Data<AdminState>, metrics: Data<Metrics>) -> HttpResponse {
    let all = metrics.render().await;
    let text = match Sight::of(&by.operator, &state).await {
        Sight::All => all,
        Sight::Only(own) => excerpt(&all, |named| own.has(named)),
    };
    HttpResponse::Ok().insert_header((CONTENT_TYPE, MEDIA_TYPE)).body(text)
}
