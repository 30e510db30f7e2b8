//! An answer's body that keeps something until its last byte was taken: a place among readers, the request's own body.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

/// A body, and what goes with it when it is dropped.
pub(in crate::http) struct Holding<T> {
    body: BoxBody,
    _held: T,
}

impl<T> Holding<T> {
    /// This body, holding this.
    pub(in crate::http) fn new(body: impl MessageBody + 'static, held: T) -> Self {
        Self { body: body.boxed(), _held: held }
    }
}

impl<T: Unpin> MessageBody for Holding<T> {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
