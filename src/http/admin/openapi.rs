//! `GET /openapi.json`: what the admin side takes and answers.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;

use crate::api::document;

/// The document. It says nothing of this installation, so it needs no operator.
pub(super) async fn show() -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(document::text())
}
