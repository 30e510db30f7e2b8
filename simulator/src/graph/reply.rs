//! Replies on the wire, whole and broken ones.

use std::io;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, DATE, LOCATION, WWW_AUTHENTICATE};
use bytes::Bytes;
use futures_util::stream;

use crate::graph::ask::Ask;
use crate::graph::flood::Flood;
use crate::misbehave::Usage;
use crate::shared::SimulatorState;
use crate::time::http_date;

/// What goes over the wire.
pub(crate) enum Reply {
    Whole {
        status: u16,
        content_type: String,
        body: Vec<u8>,
    },
    /// The length of the whole, half of its bytes, then the connection closes.
    Half {
        status: u16,
        content_type: String,
        body: Vec<u8>,
    },
    /// More than anybody wants.
    Flood {
        kind: Flood,
        bytes: u64,
    },
    Redirect {
        to: String,
    },
    /// The connection closes without an answer.
    Reset,
}

impl Reply {
    pub fn json(status: u16, text: String) -> Reply {
        Reply::Whole { status, content_type: JSON.to_owned(), body: text.into_bytes() }
    }

    pub fn halved(self) -> Reply {
        match self {
            Reply::Whole { status, content_type, body } => Reply::Half { status, content_type, body },
            other => other,
        }
    }

    pub fn into_response(self, ask: &Ask, usage: Option<Usage>, shared: &SimulatorState) -> HttpResponse {
        let status = match &self {
            Reply::Whole { status, .. } | Reply::Half { status, .. } => *status,
            Reply::Flood { .. } | Reply::Reset => 200,
            Reply::Redirect { .. } => 302,
        };
        let mut response =
            HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST));
        response.insert_header((DATE, http_date(shared.now_ms() / 1000)));
        response.insert_header(("x-fb-trace-id", shared.next_trace()));
        response.insert_header(("facebook-api-version", shared.version_served(&ask.version)));
        if status == 401 {
            response.insert_header((WWW_AUTHENTICATE, "OAuth \"Facebook Platform\" \"invalid_token\""));
        }
        let usage = usage.unwrap_or_else(|| shared.usage());
        if let Some(app) = usage.app {
            response.insert_header(("x-app-usage", app));
        }
        if let Some(business) = usage.business {
            response.insert_header(("x-business-use-case-usage", business));
        }
        match self {
            Reply::Whole { content_type, body, .. } => {
                response.insert_header((CONTENT_TYPE, content_type)).body(body)
            }
            Reply::Half { content_type, body, .. } => {
                response.insert_header((CONTENT_TYPE, content_type)).body(half_of(body))
            }
            Reply::Flood { kind, bytes } => {
                response.insert_header((CONTENT_TYPE, JSON));
                kind.answer(response, bytes, shared)
            }
            Reply::Redirect { to } => response.insert_header((LOCATION, to)).finish(),
            Reply::Reset => response.streaming(stream::once(async { Err::<Bytes, _>(broken_on_purpose()) })),
        }
    }
}

fn half_of(body: Vec<u8>) -> SizedStream<impl stream::Stream<Item = Result<Bytes, io::Error>>> {
    let length = body.len() as u64;
    let body = Bytes::from(body);
    let half = body.slice(..body.len() / 2);
    SizedStream::new(
        length,
        Box::pin(stream::unfold(0, move |step| {
            let half = half.clone();
            async move {
                match step {
                    0 => Some((Ok(half), 1)),
                    _ => {
                        // Gives the server the time to flush the half before the connection dies.
                        tokio::time::sleep(FLUSH).await;
                        Some((Err(broken_on_purpose()), 2))
                    }
                }
            }
        })),
    )
}

fn broken_on_purpose() -> io::Error {
    io::Error::other("the simulator breaks the connection, as it was told")
}

const JSON: &str = "application/json; charset=UTF-8";
const FLUSH: Duration = Duration::from_millis(20);
