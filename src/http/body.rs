//! Reading a request's body within bounds: its own size, the time it may take, and the memory of all bodies together.

use std::time::Duration;

use actix_web::http::header::CONTENT_LENGTH;
use actix_web::{HttpRequest, web};
use futures_util::StreamExt;

use crate::http::caller::Share;
use crate::http::problem::ProblemCode;
use crate::http::room::Room;

pub use crate::http::room::{Body, BodyError};

/// The memory that all bodies may take together.
#[derive(Clone)]
pub struct BodyBudget(Room);

impl BodyError {
    /// What the outside is told.
    pub fn problem(self) -> ProblemCode {
        match self {
            Self::TooLarge => ProblemCode::BodyTooLarge,
            Self::TooSlow => ProblemCode::RequestTimeout,
            Self::NoRoom | Self::OverShare | Self::Overtaken => ProblemCode::Busy,
            Self::Broken => ProblemCode::RequestInvalid,
        }
    }
}

impl BodyBudget {
    /// A budget of so many bytes, beside the first ones of each body.
    pub fn new(total_bytes: usize) -> Self {
        Self(Room::new(total_bytes))
    }

    /// Reads the body of a request, on this share of the budget.
    ///
    /// # Errors
    /// Too large, too slow, no room for it, or broken off.
    pub async fn read(
        &self,
        request: &HttpRequest,
        payload: web::Payload,
        share: Share,
        max_bytes: usize,
        deadline: Duration,
    ) -> Result<Body, BodyError> {
        let announced =
            request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: u64| length > max_bytes as u64) {
            return Err(BodyError::TooLarge);
        }
        // What comes in chunks announces nothing, and may have all that one body may have.
        let announced = announced.and_then(|length| usize::try_from(length).ok()).unwrap_or(max_bytes);
        match tokio::time::timeout(deadline, self.collect(payload, share, max_bytes, announced)).await {
            Ok(read) => read,
            Err(_) => Err(BodyError::TooSlow),
        }
    }

    async fn collect(
        &self,
        mut payload: web::Payload,
        share: Share,
        max_bytes: usize,
        announced: usize,
    ) -> Result<Body, BodyError> {
        let mut body = self.0.begin(share, announced);
        loop {
            let chunk = tokio::select! {
                chunk = payload.next() => chunk,
                () = body.taken_away() => return Err(BodyError::Overtaken),
            };
            match chunk {
                Some(chunk) => body.push(&chunk.map_err(|_| BodyError::Broken)?, max_bytes)?,
                None => return body.finish(),
            }
        }
    }
}
