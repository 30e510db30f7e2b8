//! The head of a request, judged before the server below sees a byte of it, and written anew for it.
//!
//! The server below reads what stands here and nothing of what the caller wrote: one method, one target, one statement
//! of how long the body is, and the few lines that a handler reads. So the two cannot differ about where a request ends,
//! and what may lie in no pool (a bearer token, Meta's verify token) never gets there: it goes with the request as an
//! [`Arrival`]. What a proxy in front might read otherwise is refused (RFC 9112 sections 2.2, 3.2, 5.1, 5.2, 6.3).

use actix_web::http::{Method, Uri};
use httparse::{Error, Request, Status};

use crate::api::problem::ProblemCode;
use crate::http::connection::arrival::Arrival;
use crate::http::connection::framing::Framing;
use crate::secret::Wiped;

/// A head may have this many bytes (design: Meta's are under 2 KB).
pub(super) const HEAD_BYTES_MAX: usize = 16 * 1024;
/// And this many lines: as many as the server below reads.
const LINES_MAX: usize = 96;

/// The lines that are handed on: what handlers read, and no other.
pub(super) const HANDED_ON: [&str; 10] = [
    "host",
    "content-type",
    "accept",
    "accept-language",
    "x-forwarded-for",
    "x-hub-signature",
    "x-hub-signature-256",
    "idempotency-key",
    "tamis-reason",
    "tamis-recipient",
];

/// A head that was judged.
pub(super) struct Head {
    /// As the server below reads it.
    pub(super) written: Vec<u8>,
    /// What follows it.
    pub(super) body: Framing,
    /// What is kept out of it.
    pub(super) arrival: Arrival,
}

/// What the bytes that came so far are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// The beginning of a head.
    Part,
    /// A head of this many bytes.
    Whole(usize),
    /// No head.
    Wrong(ProblemCode),
}

/// Looks for the end of a head in `bytes`, of which the first `seen` were looked at before. Every line must end in CR LF,
/// and neither may stand alone.
pub(super) fn look(bytes: &[u8], seen: usize) -> Seen {
    let from = seen.saturating_sub(1);
    for at in from..bytes.len() {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        match (before, bytes.get(at)) {
            (Some(b'\r'), Some(b'\n')) => {
                let line_before = at.checked_sub(3).and_then(|start| bytes.get(start..at));
                if line_before == Some(b"\r\n\r") {
                    return Seen::Whole(at + 1);
                }
            }
            (_, Some(b'\n')) | (Some(b'\r'), _) => return Seen::Wrong(ProblemCode::RequestInvalid),
            _ => {}
        }
    }
    if bytes.len() >= HEAD_BYTES_MAX {
        return Seen::Wrong(ProblemCode::HeadTooLarge);
    }
    // What is no HTTP from its first bytes on (TLS, say) is told so at once.
    if seen == 0 {
        let mut lines = [httparse::EMPTY_HEADER; LINES_MAX];
        if let Err(error) = Request::new(&mut lines).parse(bytes) {
            return Seen::Wrong(code_of(error));
        }
    }
    Seen::Part
}

fn code_of(error: Error) -> ProblemCode {
    match error {
        Error::TooManyHeaders => ProblemCode::HeadTooLarge,
        _ => ProblemCode::RequestInvalid,
    }
}

/// Reads a whole head. `keeps_query`: the query goes with the request, not in its target.
///
/// # Errors
/// The problem that is answered: it is no HTTP/1, has too many lines, or may be read in more than one way.
pub(super) fn read(bytes: &[u8], keeps_query: bool) -> Result<Head, ProblemCode> {
    let mut lines = [httparse::EMPTY_HEADER; LINES_MAX];
    let mut request = Request::new(&mut lines);
    match request.parse(bytes).map_err(code_of)? {
        Status::Complete(length) if length == bytes.len() => {}
        _ => return Err(ProblemCode::RequestInvalid),
    }
    let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version) else {
        return Err(ProblemCode::RequestInvalid);
    };
    let (path, query) = target_of(method, target, keeps_query)?;
    let mut written = Vec::with_capacity(bytes.len().min(1_024));
    for part in [method, " ", path, if version == 1 { " HTTP/1.1\r\n" } else { " HTTP/1.0\r\n" }] {
        written.extend_from_slice(part.as_bytes());
    }
    let mut said = Said::default();
    for line in request.headers.iter() {
        said.take(line)?;
        if let Some(name) = HANDED_ON.iter().find(|name| name.eq_ignore_ascii_case(line.name)) {
            push(&mut written, name, line.value);
        }
    }
    let body = said.framing(method, version)?;
    match body {
        Framing::Length(length) => push(&mut written, "content-length", length.to_string().as_bytes()),
        Framing::Chunked(_) => push(&mut written, "transfer-encoding", b"chunked"),
        Framing::None => {}
    }
    if said.expects && version == 1 && body.is_open() {
        push(&mut written, "expect", b"100-continue");
    }
    if said.closes || version == 0 {
        push(&mut written, "connection", b"close");
    }
    written.extend_from_slice(b"\r\n");
    let arrival = Arrival::new(said.authorization, query);
    Ok(Head { written, body, arrival })
}

fn push(written: &mut Vec<u8>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        written.extend_from_slice(part);
    }
}

/// What stands in the target's place, and what was its query. Tunnels are not ours.
fn target_of<'l>(
    method: &str,
    target: &'l str,
    keeps_query: bool,
) -> Result<(&'l str, Option<&'l str>), ProblemCode> {
    let is_method = Method::from_bytes(method.as_bytes()).is_ok_and(|method| method != Method::CONNECT);
    let is_target = target.starts_with('/')
        || target.starts_with("http://")
        || target.starts_with("https://")
        || target == "*" && method == "OPTIONS";
    if !is_method || !is_target || target.contains('#') || Uri::try_from(target).is_err() {
        return Err(ProblemCode::RequestInvalid);
    }
    let Some((path, query)) = target.split_once('?').filter(|_| keeps_query) else {
        return Ok((target, None));
    };
    // A whole address without a path is none any more once its query is gone.
    if Uri::try_from(path).is_err() {
        return Err(ProblemCode::RequestInvalid);
    }
    Ok((path, Some(query)))
}

/// What the lines of a head say about it.
#[derive(Default)]
struct Said {
    hosts: usize,
    length: Option<u64>,
    chunked: bool,
    expects: bool,
    closes: bool,
    authorization: Vec<Wiped<Vec<u8>>>,
}

impl Said {
    fn take(&mut self, line: &httparse::Header<'_>) -> Result<(), ProblemCode> {
        let is = |name: &str| line.name.eq_ignore_ascii_case(name);
        if is("host") {
            self.hosts += 1;
        } else if is("content-length") {
            // Twice is refused even where both are equal.
            if self.length.is_some() || !line.value.iter().all(u8::is_ascii_digit) {
                return Err(ProblemCode::RequestInvalid);
            }
            let length = std::str::from_utf8(line.value).ok().and_then(|digits| digits.parse().ok());
            self.length = Some(length.ok_or(ProblemCode::RequestInvalid)?);
        } else if is("transfer-encoding") {
            if self.chunked || !line.value.eq_ignore_ascii_case(b"chunked") {
                return Err(ProblemCode::RequestInvalid);
            }
            self.chunked = true;
        } else if is("expect") {
            self.expects |= line.value.eq_ignore_ascii_case(b"100-continue");
        } else if is("connection") {
            let mut options = line.value.split(|byte| *byte == b',');
            self.closes |= options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"));
        } else if is("authorization") {
            self.authorization.push(Wiped::new(line.value.to_vec()));
        }
        Ok(())
    }

    fn framing(&self, method: &str, version: u8) -> Result<Framing, ProblemCode> {
        let one_host = self.hosts == 1 || self.hosts == 0 && version == 0;
        let framing = match (self.length, self.chunked) {
            (Some(_), true) => None,
            (None, true) if version == 0 => None,
            (None, true) => Some(Framing::chunked()),
            (Some(0), false) => Some(Framing::None),
            (Some(length), false) => Some(Framing::Length(length)),
            // The oldest HTTP ended such a body by hanging up.
            (None, false) if version == 0 && method == "POST" => None,
            (None, false) => Some(Framing::None),
        };
        framing.filter(|_| one_host).ok_or(ProblemCode::RequestInvalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(head: &str) -> Result<String, ProblemCode> {
        read(head.as_bytes(), true).map(|head| String::from_utf8(head.written).expect("text"))
    }

    #[test]
    fn a_head_is_written_anew_with_what_handlers_read() {
        let head = "POST /webhook HTTP/1.1\r\nHOST: x\r\nUser-Agent: facebookexternalua\r\nCookie: a\r\n\
                    X-Hub-Signature-256: sha256=0a\r\nContent-Length:  17 \r\nX-Forwarded-For: 1.1.1.1\r\n\
                    x-forwarded-for: 2.2.2.2\r\nConnection: keep-alive, X\r\nUpgrade: websocket\r\n\r\n";
        let wanted = "POST /webhook HTTP/1.1\r\nhost: x\r\nx-hub-signature-256: sha256=0a\r\n\
                      x-forwarded-for: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\ncontent-length: 17\r\n\r\n";
        assert_eq!(written(head).as_deref(), Ok(wanted));
        let old = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
        assert_eq!(written(old).as_deref(), Ok("GET / HTTP/1.0\r\nconnection: close\r\n\r\n"));
        let pieces =
            "PUT /x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: Chunked\r\nExpect: 100-Continue\r\n\r\n";
        let wanted =
            "PUT /x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n";
        assert_eq!(written(pieces).as_deref(), Ok(wanted));
    }

    #[test]
    fn neither_a_bearer_token_nor_a_public_query_is_written() {
        let head =
            b"GET /webhook?hub.verify_token=sesame HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer open\r\n\r\n";
        let read = |keeps_query| super::read(head, keeps_query).unwrap_or_else(|code| panic!("{code}"));
        let public = read(true);
        let text = String::from_utf8(public.written).expect("text");
        assert_eq!(text, "GET /webhook HTTP/1.1\r\nhost: x\r\n\r\n");
        assert_eq!(public.arrival.query(), "hub.verify_token=sesame");
        assert_eq!(public.arrival.authorization().collect::<Vec<_>>(), [b"Bearer open"]);
        let admin = String::from_utf8(read(false).written).expect("text");
        assert!(
            admin.starts_with("GET /webhook?hub.verify_token=sesame ") && !admin.contains("open"),
            "{admin}"
        );
    }

    #[test]
    fn what_may_be_read_in_two_ways_is_refused() {
        let post = |lines: &str| format!("POST / HTTP/1.1\r\nHost: x\r\n{lines}\r\n");
        for head in [
            post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
            post("Content-Length: 1\r\nContent-Length: 2\r\n"),
            post("Content-Length: 1\r\nContent-Length: 1\r\n"),
            post("Content-Length: 1, 1\r\n"),
            post("Content-Length: +1\r\n"),
            post("Content-Length: -1\r\n"),
            post("Content-Length: 0x1\r\n"),
            post("Content-Length: 1 1\r\n"),
            post("Content-Length:\r\n"),
            post("Content-Length: 99999999999999999999\r\n"),
            post("Content-Length : 1\r\n"),
            post(" Content-Length: 1\r\n"),
            post("X: a\r\n Content-Length: 1\r\n"),
            post("X: a\r\n\tb\r\n"),
            post("Content-Length: 1\r\nX: a\0b\r\n"),
            post("Transfer-Encoding: identity\r\n"),
            post("Transfer-Encoding: chunked, identity\r\n"),
            post("Transfer-Encoding: gzip, chunked\r\n"),
            post("Transfer-Encoding: xchunked\r\n"),
            post("Transfer-Encoding: \x0bchunked\r\n"),
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
            post("Transfer-Encoding : chunked\r\n"),
            post("Host: y\r\n"),
            "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n".to_owned(),
            "POST / HTTP/1.0\r\nHost: x\r\n\r\n".to_owned(),
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            "GET / HTTP/1.2\r\nHost: x\r\n\r\n".to_owned(),
            "GET / HTTP/2.0\r\nHost: x\r\n\r\n".to_owned(),
            "PRI * HTTP/2.0\r\n\r\n".to_owned(),
            "GET /\r\n\r\n".to_owned(),
            "GET  / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            "GET / HTTP/1.1 \r\nHost: x\r\n\r\n".to_owned(),
            "GET /#a HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            "GET x HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            "GET * HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        ] {
            assert_eq!(written(&head).err(), Some(ProblemCode::RequestInvalid), "{head}");
        }
    }

    #[test]
    fn the_end_is_found_wherever_the_pieces_part() {
        let head = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        let with_more = [head.as_slice(), b"GET /next"].concat();
        for cut in 0..=head.len() {
            for next in cut..=with_more.len() {
                let (first, second) = (look(&with_more[..cut], 0), look(&with_more[..next], cut));
                let whole = |length: usize| length >= head.len();
                assert_eq!(first, if whole(cut) { Seen::Whole(head.len()) } else { Seen::Part });
                if !whole(cut) {
                    assert_eq!(second, if whole(next) { Seen::Whole(head.len()) } else { Seen::Part });
                }
            }
        }
    }

    #[test]
    fn a_line_ends_in_both_of_its_bytes() {
        for (bytes, seen) in [
            (&b"GET / HTTP/1.1\nHost: x\r\n\r\n"[..], 0),
            (b"GET / HTTP/1.1\r\nHost: x\n\r\n", 0),
            (b"GET / HTTP/1.1\r\nHost: x\n\n", 20),
            (b"GET / HTTP/1.1\r\nHost: x\rY: z\r\n\r\n", 24),
            (b"\n", 0),
            (b"\x16\x03\x01\x02\x00\x01", 0),
            (b"\0", 0),
        ] {
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(look(bytes, seen), Seen::Wrong(ProblemCode::RequestInvalid), "{text:?}");
        }
    }

    #[test]
    fn a_head_has_a_size_and_a_number_of_lines() {
        let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}", "a".repeat(HEAD_BYTES_MAX));
        assert_eq!(look(&long.as_bytes()[..HEAD_BYTES_MAX - 1], 0), Seen::Part);
        let over = look(&long.as_bytes()[..HEAD_BYTES_MAX], HEAD_BYTES_MAX - 1);
        assert_eq!(over, Seen::Wrong(ProblemCode::HeadTooLarge));
        let lines =
            |count: usize| format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(count - 1));
        assert!(written(&lines(LINES_MAX)).is_ok());
        assert_eq!(written(&lines(LINES_MAX + 1)).err(), Some(ProblemCode::HeadTooLarge));
    }
}
