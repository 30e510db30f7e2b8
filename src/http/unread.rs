//! A body that nobody reads to its end ends its connection.
//!
//! Of a chunked body that was dropped, actix reads and forgets what comes, for as long as the sender likes: whoever sends
//! a byte now and then would hold a connection for ever, long after the answer. If somebody still holds the body when the
//! answer has been written, it says `Connection: close` and closes after a second of lingering; so the answer holds it.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use bytes::Bytes;
use futures_util::Stream;

use crate::http::holding::Holding;

/// Middleware, the outermost one: keeps the request's body until the answer is out.
///
/// # Errors
/// Those of the service below.
pub async fn close_unread(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let payload = request.take_payload();
    if matches!(payload, Payload::None) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let payload = Shared(Rc::new(RefCell::new(payload)));
    request.set_payload(Payload::Stream { payload: Box::pin(Shared(Rc::clone(&payload.0))) });
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| BoxBody::new(Holding::new(body, payload))))
}

/// The request's body, read by the handler and held by the answer. One thread serves both.
struct Shared(Rc<RefCell<Payload>>);

impl Stream for Shared {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}
