//! Every request gets an id, which its log lines, its answer and its problem body carry; every answer of the admin side
//! leaves a line.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};

use crate::clock::Clock;
use crate::http::problem::{RequestId, request_id};
use crate::random::Random;
use crate::telemetry::metrics::Metrics;

const HEADER: HeaderName = HeaderName::from_static("tamis-request-id");

/// Gives the request its id (eight random bytes in hexadecimal) and puts it on the answer.
pub async fn with_id(
    random: web::Data<Arc<dyn Random>>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut bytes = [0; 8];
    // An id is no secret: without randomness it is zeros, and the request is served all the same.
    let _ = random.fill(&mut bytes);
    let id = hex::encode(bytes);
    let header = HeaderValue::from_str(&id);
    request.extensions_mut().insert(RequestId(id));
    let mut response = next.call(request).await?;
    if let Ok(header) = header {
        response.headers_mut().insert(HEADER, header);
    }
    Ok(response)
}

/// Says one line for each answer of the admin side: the route's template, never the path (a path may hold what somebody
/// typed), and how long it took to be ready to answer.
pub async fn told(
    admin: web::Data<Telling>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let begun = admin.clock.now();
    let response = next.call(request).await?;
    let request = response.request();
    let status = response.status().as_u16();
    admin.metrics.admin_request(status);
    tracing::info!(
        request.id = request_id(request),
        request.method = request.method().as_str(),
        request.route = request.match_pattern().as_deref().unwrap_or("-"),
        response.status = status,
        response.took_ms = admin.clock.now().as_millisecond() - begun.as_millisecond(),
        "admin.answered"
    );
    Ok(response)
}

/// What [`told`] needs.
pub struct Telling {
    /// How long it took.
    pub clock: Arc<dyn Clock>,
    /// Counts.
    pub metrics: Arc<Metrics>,
}
