//! Waiting for the next head: with an end, and in little memory.
//!
//! A connection that sends nothing holds no buffer. One that has begun holds two kilobytes; for more it needs a part of
//! what all heads together may take, so that no number of unfinished ones takes the machine's memory. A head of Meta's
//! fits into the first two.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use bytes::BufMut;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

use crate::api::problem::ProblemCode;
use crate::http::connection::head::{HEAD_BYTES_MAX, Seen, look};
use crate::http::connection::places::Place;
use crate::http::connection::socket::Socket;

/// What a head may take without asking.
const OWN_BYTES: usize = 2 * 1024;
/// All that heads may take beyond that, of one listener.
const SHARED_BYTES: usize = 8 * 1024 * 1024;
/// It is handed out in pieces of this size.
const PIECE_BYTES: usize = 1_024;

/// The memory that the heads of a listener share.
#[derive(Clone)]
pub(super) struct HeadRoom(Arc<Semaphore>);

impl HeadRoom {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(SHARED_BYTES / PIECE_BYTES)))
    }
}

/// How long one may wait for what.
#[derive(Clone, Copy)]
pub(super) struct Deadlines {
    /// From a head's first byte to its last; a new connection's begins with it.
    pub(super) head: Duration,
    /// From an answer to the first byte of the next head.
    pub(super) idle: Duration,
    /// For a client to take some more of an answer.
    pub(super) unsent: Duration,
}

/// What was read from a connection and belongs to no request yet.
#[derive(Default)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    seen: usize,
    share: Option<OwnedSemaphorePermit>,
}

/// What came.
pub(super) enum Came {
    /// A whole head. What follows it stays.
    Head(Vec<u8>),
    /// Something that is answered with this problem.
    Refused(ProblemCode),
    /// Nothing: the other end has gone, or nothing came for too long.
    Nothing,
    /// The connection is to end.
    Ended,
}

impl Kept {
    /// What follows the last request.
    pub(super) fn after(&mut self, rest: Vec<u8>) {
        if rest.capacity() <= OWN_BYTES {
            self.share = None;
        }
        (self.bytes, self.seen) = (rest, 0);
    }

    /// What is there, for the request that has begun.
    pub(super) fn give(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Room for more bytes of a head.
    fn widen(&mut self, room: &HeadRoom) -> Result<usize, ProblemCode> {
        let (length, capacity) = (self.bytes.len(), self.bytes.capacity());
        if capacity == 0 {
            self.bytes = Vec::with_capacity(OWN_BYTES);
        } else if length == capacity {
            let wanted = (capacity * 2).clamp(OWN_BYTES, HEAD_BYTES_MAX);
            let more = (wanted - OWN_BYTES) / PIECE_BYTES;
            let held = self.share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
            let pieces = u32::try_from(more.saturating_sub(held)).unwrap_or(u32::MAX);
            let share = Arc::clone(&room.0).try_acquire_many_owned(pieces).map_err(|_| ProblemCode::Busy)?;
            match &mut self.share {
                Some(held) => held.merge(share),
                None => self.share = Some(share),
            }
            self.bytes.reserve_exact(wanted - length);
        }
        Ok(self.bytes.capacity().min(HEAD_BYTES_MAX) - length)
    }

    /// Reads what is there. True if anything was.
    fn read(&mut self, socket: &Socket, room: &HeadRoom) -> Result<bool, Came> {
        let room = self.widen(room).map_err(Came::Refused)?;
        match socket.try_read_buf(&mut (&mut self.bytes).limit(room)) {
            Ok(0) => Err(Came::Nothing),
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if self.bytes.is_empty() {
                    self.bytes = Vec::new();
                }
                Ok(false)
            }
            Err(_) => Err(Came::Nothing),
        }
    }

    /// A head, if one is whole.
    fn look(&mut self) -> Option<Came> {
        // Empty lines before a request are passed over (RFC 9112 section 2.2).
        while self.bytes.starts_with(b"\r\n") {
            self.bytes.drain(..2);
            self.seen = self.seen.saturating_sub(2);
        }
        if self.bytes.is_empty() || self.bytes == b"\r" {
            return None;
        }
        match look(&self.bytes, self.seen) {
            Seen::Part => {
                self.seen = self.bytes.len();
                None
            }
            Seen::Wrong(code) => Some(Came::Refused(code)),
            Seen::Whole(length) => {
                let rest = self.bytes.split_off(length);
                self.seen = 0;
                Some(Came::Head(std::mem::replace(&mut self.bytes, rest)))
            }
        }
    }

    /// The next head of a connection: its first one has no time to be idle.
    pub(super) async fn next(
        &mut self,
        socket: &Socket,
        place: &mut Place,
        room: &HeadRoom,
        deadlines: &Deadlines,
        is_first: bool,
    ) -> Came {
        if !place.waits() {
            return Came::Ended;
        }
        let ending = place.ending.clone();
        let mut has_begun = !self.bytes.is_empty();
        let first = if is_first || has_begun { deadlines.head } else { deadlines.idle };
        let mut timer = std::pin::pin!(sleep(first));
        let came = loop {
            if let Some(came) = self.look() {
                break came;
            }
            tokio::select! {
                biased;
                () = ending.asked() => break Came::Ended,
                ready = socket.readable() => if ready.is_err() {
                    break Came::Nothing;
                },
                () = &mut timer => break match has_begun {
                    true => Came::Refused(ProblemCode::RequestTimeout),
                    false => Came::Nothing,
                },
            }
            match self.read(socket, room) {
                Ok(true) if !has_begun => {
                    has_begun = true;
                    if !is_first {
                        timer.as_mut().reset(Instant::now() + deadlines.head);
                    }
                }
                Ok(_) => {}
                Err(came) => break came,
            }
        };
        match came {
            Came::Head(_) if !place.works() => Came::Ended,
            came => came,
        }
    }
}
