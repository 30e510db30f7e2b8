//! Every request gets an id, which its log lines, its answer and its problem body carry.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};

use crate::http::problem::RequestId;
use crate::random::Random;

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
