//! Reading a request's body within bounds: its own size, the time it may take, and the memory of all bodies together.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::CONTENT_LENGTH;
use actix_web::{HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory is handed out in pieces of this size.
const PIECE_BYTES: usize = 1_024;
/// A buffer starts with this much room at the most, whatever the caller announces.
const FIRST_ROOM_BYTES: usize = 16 * 1_024;

/// The memory that all bodies may take together.
#[derive(Clone)]
pub struct BodyBudget(Arc<Semaphore>);

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// Larger than one body may be.
    TooLarge,
    /// It took too long.
    TooSlow,
    /// All bodies together take the memory they may take.
    NoRoom,
    /// The connection broke.
    Broken,
}

/// A body with the share of the budget that it occupies.
pub struct Body {
    /// The raw bytes.
    pub bytes: Bytes,
    /// Given back when the body is dropped.
    _share: Option<OwnedSemaphorePermit>,
}

impl BodyBudget {
    /// A budget of so many bytes.
    pub fn new(total_bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((total_bytes / PIECE_BYTES).max(1))))
    }

    /// Reads the body of a request.
    ///
    /// # Errors
    /// Too large, too slow, no room for it, or broken off.
    pub async fn read(
        &self,
        request: &HttpRequest,
        payload: web::Payload,
        max_bytes: usize,
        deadline: Duration,
    ) -> Result<Body, BodyError> {
        let announced =
            request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: u64| length > max_bytes as u64) {
            return Err(BodyError::TooLarge);
        }
        let room =
            announced.and_then(|length| usize::try_from(length).ok()).unwrap_or(0).min(FIRST_ROOM_BYTES);
        match tokio::time::timeout(deadline, self.collect(payload, max_bytes, room)).await {
            Ok(read) => read,
            Err(_) => Err(BodyError::TooSlow),
        }
    }

    async fn collect(
        &self,
        mut payload: web::Payload,
        max_bytes: usize,
        room: usize,
    ) -> Result<Body, BodyError> {
        let mut bytes = BytesMut::with_capacity(room);
        let mut share: Option<OwnedSemaphorePermit> = None;
        let mut pieces = 0;
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| BodyError::Broken)?;
            if bytes.len() + chunk.len() > max_bytes {
                return Err(BodyError::TooLarge);
            }
            let needed = (bytes.len() + chunk.len()).div_ceil(PIECE_BYTES);
            if needed > pieces {
                self.take(needed - pieces, &mut share)?;
                pieces = needed;
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Body { bytes: bytes.freeze(), _share: share })
    }

    fn take(&self, pieces: usize, share: &mut Option<OwnedSemaphorePermit>) -> Result<(), BodyError> {
        let pieces = u32::try_from(pieces).map_err(|_| BodyError::TooLarge)?;
        let more = Arc::clone(&self.0).try_acquire_many_owned(pieces).map_err(|_| BodyError::NoRoom)?;
        match share {
            Some(share) => share.merge(more),
            None => *share = Some(more),
        }
        Ok(())
    }
}
