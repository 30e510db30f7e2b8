//! Bodies that are more than anybody wants.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::body::SizedStream;
use actix_web::http::header::CONTENT_ENCODING;
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use futures_util::stream::{self, Stream};

use crate::shared::SimulatorState;

/// How a body is too much.
#[derive(Clone, Copy)]
pub(crate) enum Flood {
    /// No length is announced.
    Endless,
    /// One is.
    Announced,
    /// Little on the wire, and much when it is unfolded.
    Bomb,
}

impl Flood {
    pub fn answer(
        self,
        mut response: HttpResponseBuilder,
        bytes: u64,
        shared: &SimulatorState,
    ) -> HttpResponse {
        let sent = Arc::clone(&shared.flooded);
        let text = || (Bytes::from_static(b"{\"id\":\""), Bytes::from_static(&[b'a'; CHUNK_BYTES]));
        match self {
            Flood::Endless => response.streaming(flood(text(), bytes, sent)),
            Flood::Announced => response.body(SizedStream::new(bytes, Box::pin(flood(text(), bytes, sent)))),
            Flood::Bomb => response.insert_header((CONTENT_ENCODING, "gzip")).streaming(flood(
                (gzip_opening(), gzip_rest()),
                bytes,
                sent,
            )),
        }
    }
}

/// An opening, then the same chunk again and again, `left` bytes in all.
fn flood(
    (opening, chunk): (Bytes, Bytes),
    left: u64,
    sent: Arc<AtomicU64>,
) -> impl Stream<Item = Result<Bytes, io::Error>> {
    stream::unfold((left, Some(opening)), move |(left, opening)| {
        let next = opening.unwrap_or_else(|| chunk.clone());
        let take = next.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        sent.fetch_add(take as u64, Ordering::Relaxed);
        async move { (take > 0).then(|| (Ok(next.slice(..take)), (left - take as u64, None))) }
    })
}

/// A gzip header (RFC 1952) and the first two bytes of [`bit`].
fn gzip_opening() -> Bytes {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    bytes.extend((0..2).map(byte));
    bytes.into()
}

/// What follows, of a length after which it repeats.
fn gzip_rest() -> Bytes {
    (2..2 + CHUNK_BYTES / PERIOD * PERIOD).map(byte).collect()
}

fn byte(at: usize) -> u8 {
    (0..8).fold(0, |byte, place| byte | bit(at * 8 + place) << place)
}

/// A deflate block with fixed codes (RFC 1951 section 3.2.6) that never ends: the letter `a`, then again and again "the
/// last byte, 258 times" (code 285, distance 1) in 13 bits.
fn bit(at: usize) -> u8 {
    const BLOCK: [u8; 3] = [0, 1, 0];
    const LETTER: [u8; 8] = [1, 0, 0, 1, 0, 0, 0, 1];
    const REPEAT: [u8; PERIOD] = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];
    let opening = BLOCK.len() + LETTER.len();
    BLOCK.iter().chain(&LETTER).nth(at).copied().unwrap_or_else(|| REPEAT[(at - opening) % PERIOD])
}

const CHUNK_BYTES: usize = 16 * 1024;
/// Bits of one repetition; so many bytes hold eight of them.
const PERIOD: usize = 13;
