//! What a connection answers by itself, where no request got as far as a handler: a problem like any other, then the end.

use std::time::{Duration, UNIX_EPOCH};

use actix_web::http::StatusCode;
use actix_web::http::header::HttpDate;
use tokio::io::AsyncWriteExt;

use crate::api::problem::{ProblemBody, ProblemCode};
use crate::clock::Clock;
use crate::http::connection::socket::Socket;
use crate::random::Random;

/// How long the other end is listened to after the last word: whoever is cut off while it sends may lose the answer.
const LINGER: Duration = Duration::from_secs(1);
/// And how much of what it goes on sending is thrown away.
const LINGER_BYTES_MAX: usize = 256 * 1024;
const SCRAP_BYTES: usize = 16 * 1024;
/// How long a caller waits before it comes again.
const RETRY_AFTER_SECONDS: u32 = 30;

/// The whole answer. Its number is in no line: what came was no request.
pub(super) fn answer(code: ProblemCode, random: &dyn Random, clock: &dyn Clock) -> Vec<u8> {
    let mut id = [0; 8];
    // An id is no secret: without randomness it is zeros.
    let _ = random.fill(&mut id);
    let id = hex::encode(id);
    let (status, _) = code.status_and_title();
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_string(&ProblemBody::of(code, &id)).unwrap_or_default();
    let retry = match status {
        StatusCode::SERVICE_UNAVAILABLE => format!("retry-after: {RETRY_AFTER_SECONDS}\r\n"),
        _ => String::new(),
    };
    let since_1970 = Duration::from_secs(clock.now().as_second().try_into().unwrap_or(0));
    let date = HttpDate::from(UNIX_EPOCH + since_1970);
    format!(
        "HTTP/1.1 {} {}\r\ncontent-length: {}\r\nconnection: close\r\ncontent-type: application/problem+json\r\n\
         cache-control: no-store\r\n{retry}tamis-request-id: {id}\r\ndate: {date}\r\n\r\n{body}",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len()
    )
    .into_bytes()
}

/// Says the last word, and listens for a while.
pub(super) async fn part(mut socket: Socket, last: &[u8]) {
    let listen = async {
        if socket.write_all(last).await.is_err() || socket.shutdown().await.is_err() {
            return;
        }
        let mut left = LINGER_BYTES_MAX;
        let mut scrap = Vec::new();
        while left > 0 && socket.readable().await.is_ok() {
            scrap.clear();
            scrap.reserve_exact(SCRAP_BYTES);
            match socket.try_read_buf(&mut scrap) {
                Ok(0) => return,
                Ok(read) => left = left.saturating_sub(read),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    };
    // Whoever is not done by now is cut off.
    let _ = tokio::time::timeout(LINGER, listen).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::random::SeededRandom;

    #[test]
    fn a_refusal_is_a_whole_answer_with_a_problem_in_it() {
        let clock = ManualClock::new("2026-11-29T12:00:00Z".parse().expect("a time"));
        for (code, line, retry) in [
            (ProblemCode::RequestInvalid, "HTTP/1.1 400 Bad Request\r\n", false),
            (ProblemCode::RequestTimeout, "HTTP/1.1 408 Request Timeout\r\n", false),
            (ProblemCode::HeadTooLarge, "HTTP/1.1 431 Request Header Fields Too Large\r\n", false),
            (ProblemCode::Busy, "HTTP/1.1 503 Service Unavailable\r\n", true),
        ] {
            let text = String::from_utf8(answer(code, &SeededRandom::new(1), &clock)).expect("text");
            let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
            assert!(text.starts_with(line), "{text}");
            assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{text}");
            assert!(head.ends_with("\r\ndate: Sun, 29 Nov 2026 12:00:00 GMT"), "{text}");
            assert_eq!(head.contains("\r\nretry-after: 30\r\n"), retry, "{text}");
            let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
            assert_eq!(body["code"], code.as_str());
            assert!(
                head.contains(&format!("tamis-request-id: {}", body["request_id"].as_str().expect("an id")))
            );
        }
    }
}
