//! Refusals and failures on their way out: every one leaves as a problem (`api/problem.rs`), and what failed is logged once.
//!
//! A body names the code, its title, and the request; never a value from the request, and never another crate's error
//! text, which may hold one.

use std::fmt;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, ResponseError};

use crate::api::problem::ProblemBody;
use crate::purpose::Cursor;
use crate::store::{StoreCode, StoreError};

pub use crate::api::problem::ProblemCode;

/// How long a caller waits before it asks a halted store again. Short: a restart takes seconds.
const RETRY_AFTER_SECONDS: &str = "30";

/// The number of a request, set by the listeners' outermost middleware and written into logs and problems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub String);

/// Marks a request whose refusal the handler has said by itself, more exactly: it is not said again.
pub struct Said;

impl ProblemCode {
    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.status_and_title().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The code for an answer that some other layer gave without saying why.
    fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            408 => Self::RequestTimeout,
            413 => Self::BodyTooLarge,
            400..=499 => Self::RequestInvalid,
            _ => Self::Internal,
        }
    }
}

/// A refusal or failure on its way out. It carries a code, and for the log what the system said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which.
    pub code: ProblemCode,
    /// What the store said, for the log alone.
    store: Option<StoreError>,
    /// Where a reader goes on whose cursor is ahead.
    resume_after: Option<Cursor>,
    /// Which erasure has no end yet.
    erasure: Option<String>,
    /// Which parameter, or member of the body, is not taken.
    parameter: Option<Box<str>>,
    /// How many bytes must be free, and how many are.
    room: Option<(u64, u64)>,
}

/// A name is shorter; a longer one is none.
const PARAMETER_CHARS_MAX: usize = 32;

impl Problem {
    /// A problem that its code says all about.
    pub const fn of(code: ProblemCode) -> Self {
        Self { code, store: None, resume_after: None, erasure: None, parameter: None, room: None }
    }

    /// No vacuum: so many bytes must be free for it, and so many are.
    pub fn no_room_to_vacuum(needed_bytes: u64, free_bytes: u64) -> Self {
        Self { room: Some((needed_bytes, free_bytes)), ..Self::of(ProblemCode::NoRoomToVacuum) }
    }

    /// An erasure, by its number, whose keys are not destroyed yet.
    pub fn erasure_pending(number: String) -> Self {
        Self { erasure: Some(number), ..Self::of(ProblemCode::ErasurePending) }
    }

    /// An erasure, by its number, whose person is told first.
    pub fn erasure_waits(number: String) -> Self {
        Self { erasure: Some(number), ..Self::of(ProblemCode::ErasureWaits) }
    }

    /// A cursor that was never given, and the one to go on after.
    pub fn cursor_ahead(resume_after: Cursor) -> Self {
        Self { resume_after: Some(resume_after), ..Self::of(ProblemCode::CursorAhead) }
    }

    /// The same, of the parameter or member with this name. One that the caller made up is repeated only where it looks like a
    /// name: it may be a value that slipped.
    pub fn at(mut self, name: &str) -> Self {
        let is_name = name.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'-'));
        self.parameter = (is_name && (1..=PARAMETER_CHARS_MAX).contains(&name.len())).then(|| name.into());
        self
    }

    /// True if the disk is full, or below its floor.
    pub fn is_of_full_disk(&self) -> bool {
        self.code == ProblemCode::DiskFull
    }

    /// The name that it names.
    #[cfg(test)]
    pub fn parameter(&self) -> Option<&str> {
        self.parameter.as_deref()
    }

    /// The answer, with the number of its request.
    pub fn response(&self, request_id: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.code.status());
        if self.code.status() == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        if matches!(self.code.status(), StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            response.insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        if self.code.status().is_client_error() {
            // What was refused may have held anything; the connection's buffer goes with it, and is zeroed.
            response.force_close();
        }
        response.insert_header((CONTENT_TYPE, "application/problem+json"));
        response.insert_header((CACHE_CONTROL, "no-store"));
        response.json(ProblemBody {
            resume_after: self.resume_after.clone(),
            erasure: self.erasure.clone(),
            parameter: self.parameter.as_deref().map(str::to_owned),
            needed_bytes: self.room.map(|(needed, _)| needed),
            free_bytes: self.room.map(|(_, free)| free),
            ..ProblemBody::of(self.code, request_id)
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.code, f)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    /// Without the request at hand its number is unknown; [`as_problems`] writes it in.
    fn error_response(&self) -> HttpResponse {
        self.response("-")
    }
}

impl From<ProblemCode> for Problem {
    fn from(code: ProblemCode) -> Self {
        Self::of(code)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let code = match error.code {
            StoreCode::Locked
            | StoreCode::Closed
            | StoreCode::Halted
            | StoreCode::Stalled
            | StoreCode::CopyTooSlow => ProblemCode::StoreUnavailable,
            StoreCode::DiskFull => ProblemCode::DiskFull,
            StoreCode::Busy | StoreCode::CopyUnderWay => ProblemCode::Busy,
            StoreCode::PlaceTaken => ProblemCode::DirectoryTaken,
            StoreCode::PlaceRefused => ProblemCode::DirectoryRefused,
            StoreCode::PlaceFull => ProblemCode::DirectoryFull,
            StoreCode::SearchesFull => ProblemCode::SearchesFull,
            StoreCode::SearchTooSlow => ProblemCode::SearchTooSlow,
            StoreCode::ClockJumped => ProblemCode::ClockJumped,
            StoreCode::ClockUnconfirmed => ProblemCode::ClockUnconfirmed,
            StoreCode::ValueTooLarge => ProblemCode::BodyTooLarge,
            StoreCode::CursorForeign => ProblemCode::CursorForeign,
            StoreCode::CursorAhead => ProblemCode::CursorAhead,
            StoreCode::PurposeUnknown => ProblemCode::PurposeUnknown,
            StoreCode::TooManyTokens => ProblemCode::TooManyTokens,
            StoreCode::TooManySuppressions => ProblemCode::TooManySuppressions,
            StoreCode::TooManyRestrictions => ProblemCode::TooManyRestrictions,
            StoreCode::ToBeErased => ProblemCode::ToBeErased,
            StoreCode::TooManyRequests => ProblemCode::RegisterFull,
            StoreCode::RecordRestricted => ProblemCode::RecordRestricted,
            StoreCode::RecordUnreadable => ProblemCode::RecordUnreadable,
            StoreCode::CountMismatch => ProblemCode::CountMismatch,
            StoreCode::TrailBroken => ProblemCode::TrailBroken,
            StoreCode::Missing
            | StoreCode::KeyringMissing
            | StoreCode::WitnessMissing
            | StoreCode::KeyringForeign
            | StoreCode::KeyringRolledBack
            | StoreCode::BehindWitness
            | StoreCode::Damaged
            | StoreCode::Format
            | StoreCode::Io
            | StoreCode::NotOwn
            | StoreCode::ReadingInterrupted
            | StoreCode::Exists
            | StoreCode::NotRestored
            | StoreCode::LedgerIncomplete
            | StoreCode::LedgerUnreadable
            | StoreCode::Keyring
            | StoreCode::SuppressionKey
            | StoreCode::KeysGone => ProblemCode::StoreFailed,
        };
        Self { store: Some(error), ..Self::of(code) }
    }
}

/// The number of a request; `-` where no middleware gave one.
pub fn request_id(request: &HttpRequest) -> String {
    request.extensions().get::<RequestId>().map_or_else(|| "-".to_owned(), |id| id.0.clone())
}

/// Middleware: whatever refuses below it leaves as a problem with the request's number, and what failed is logged once.
/// The code also goes into the response's extensions, for the access log.
///
/// # Errors
/// A middleware below failed instead of answering: there is no request left to number, so the error goes on up.
pub async fn as_problems(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let status = response.status();
    let is_problem = response.response().extensions().contains::<ProblemCode>();
    let error = response.response().error();
    // Where it finds no route the framework answers without an error; any other answer without one is meant as it is
    // (503 `not-ready`).
    let refuses = error.is_some() || matches!(status.as_u16(), 404 | 405);
    if is_problem || !refuses || !status.is_client_error() && !status.is_server_error() {
        return Ok(response);
    }
    let known = error.and_then(|error| error.as_error::<Problem>()).cloned();
    let problem = known.unwrap_or_else(|| Problem::of(ProblemCode::of_status(status)));
    let id = request_id(response.request());
    if !response.request().extensions().contains::<Said>() {
        log(&problem, &id);
    }
    Ok(replace(response, &problem, &id))
}

/// Puts the problem's answer in the place of `response`; `Allow` is all that is worth keeping of the old one.
fn replace(response: ServiceResponse<BoxBody>, problem: &Problem, id: &str) -> ServiceResponse<BoxBody> {
    let allow: Option<HeaderValue> = response.headers().get(ALLOW).cloned();
    let mut answer = problem.response(id);
    if let Some(allow) = allow {
        answer.headers_mut().insert(ALLOW, allow);
    }
    answer.extensions_mut().insert(problem.code);
    response.into_response(answer)
}

fn log(problem: &Problem, id: &str) {
    let store = problem.store.map(|error| error.code.as_str());
    let io = problem.store.and_then(|error| error.io);
    let status = problem.code.status();
    if status.is_server_error() {
        tracing::error!(request.id = id, problem.code = %problem.code, store.code = store, io.kind = ?io, "request.failed");
    } else if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
        tracing::info!(request.id = id, problem.code = %problem.code, "request.refused");
    } else {
        tracing::debug!(request.id = id, problem.code = %problem.code, "request.refused");
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::middleware::from_fn;
    use actix_web::{App, test, web};

    use super::*;

    async fn body_of(response: ServiceResponse<impl MessageBody>) -> serde_json::Value {
        let bytes = to_bytes(response.into_body()).await.map_err(|_| "body").expect("a body");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    #[test]
    fn every_code_has_an_error_status_and_a_title() {
        for code in ProblemCode::ALL {
            let (status, title) = code.status_and_title();
            assert!((400..600).contains(&status), "{code}");
            assert!(!title.is_empty() && !title.ends_with('.'), "{code}");
            assert_eq!(code.status().as_u16(), status, "{code}");
        }
    }

    #[test]
    fn the_name_of_a_parameter_is_repeated_and_what_may_be_a_value_is_not() {
        let of = |name: &str| Problem::of(ProblemCode::ParameterUnknown).at(name).parameter;
        assert_eq!((of("limt").as_deref(), of("is_organic").as_deref()), (Some("limt"), Some("is_organic")));
        for other in ["", "anne@lumen.example", "0639980000", "Anne", "a b", "é", &"a".repeat(33)] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    /// 503 passes by itself or by an operator's act, and may be tried again; 500 does not; 4xx is the caller's.
    #[test]
    fn every_store_code_has_its_own_status() {
        let expected = [
            (503, "disk-full", "disk-full"),
            (503, "store-unavailable", "store-locked store-closed store-halted store-stalled copy-too-slow"),
            (503, "busy", "too-many-readings copy-under-way"),
            (409, "directory-taken", "place-taken"),
            (422, "directory-refused", "place-refused"),
            (503, "directory-full", "place-full"),
            (503, "too-many-searches", "too-many-searches"),
            (503, "search-too-slow", "search-too-slow"),
            (503, "clock-jumped", "clock-jumped"),
            (503, "clock-unconfirmed", "clock-unconfirmed"),
            (413, "body-too-large", "value-too-large"),
            (400, "cursor-foreign", "cursor-foreign"),
            (409, "cursor-ahead", "cursor-ahead"),
            (404, "purpose-unknown", "purpose-unknown"),
            (409, "too-many-tokens", "too-many-tokens"),
            (409, "too-many-suppressions", "too-many-suppressions"),
            (409, "too-many-restrictions", "too-many-restrictions"),
            (409, "register-full", "register-full"),
            (409, "record-restricted", "record-restricted"),
            (409, "record-to-be-erased", "record-to-be-erased"),
            (500, "record-unreadable", "record-unreadable"),
            (500, "store-count-mismatch", "store-count-mismatch"),
            (500, "trail-broken", "trail-broken"),
            (
                500,
                "store-failed",
                "store-missing keyring-missing witness-missing keyring-foreign keyring-rolled-back \
                 store-behind-witness store-damaged store-format-unknown store-io store-not-own \
                 reading-interrupted keyring-failed suppression-key-wrong record-keys-gone store-exists \
                 store-not-restored ledger-incomplete ledger-unreadable",
            ),
        ];
        let mut seen = 0;
        for (status, problem, codes) in expected {
            for code in codes.split_whitespace() {
                let store = StoreCode::from_code(code).expect(code);
                let told = Problem::from(StoreError::of(store)).code;
                assert_eq!((told.status().as_u16(), told.as_str()), (status, problem), "{code}");
                seen += 1;
            }
        }
        assert_eq!(seen, StoreCode::ALL.len(), "a code without a row");
    }

    #[tokio::test]
    async fn a_refusal_leaves_with_the_number_of_its_request() {
        let number = |request: ServiceRequest, next: Next<_>| async move {
            request.extensions_mut().insert(RequestId("r-7".to_owned()));
            next.call(request).await
        };
        let refuse = || async { Err::<HttpResponse, Problem>(Problem::of(ProblemCode::TokenRefused)) };
        let app = test::init_service(
            App::new().wrap(from_fn(as_problems)).wrap(from_fn(number)).route("/x", web::get().to(refuse)),
        )
        .await;
        let response = test::call_service(&app, test::TestRequest::get().uri("/x").to_request()).await;
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers().get("www-authenticate").expect("a header"), "Bearer");
        assert_eq!(response.headers().get("content-type").expect("a header"), "application/problem+json");
        let expected = serde_json::json!({
            "type": "urn:tamis:problem:token-refused", "title": "The token is wrong, revoked or expired",
            "status": 401, "code": "token-refused", "request_id": "r-7",
        });
        assert_eq!(body_of(response).await, expected);
    }

    #[tokio::test]
    async fn what_the_framework_refuses_is_a_problem_too_and_repeats_nothing() {
        let take = |_: web::Json<Vec<u8>>| async { HttpResponse::Ok().finish() };
        let app = test::init_service(
            App::new().wrap(from_fn(as_problems)).service(web::resource("/x").route(web::post().to(take))),
        )
        .await;
        let cases = [
            (test::TestRequest::get().uri("/nothing-here"), 404, "not-found"),
            (test::TestRequest::get().uri("/x"), 405, "method-not-allowed"),
            (
                test::TestRequest::post()
                    .uri("/x")
                    .insert_header(("content-type", "application/json"))
                    .set_payload("[\"canary\"]"),
                400,
                "request-invalid",
            ),
        ];
        for (request, status, code) in cases {
            let response = test::call_service(&app, request.to_request()).await;
            assert_eq!(response.status(), status);
            let body = body_of(response).await;
            assert_eq!(body["code"], code);
            assert!(!body.to_string().contains("canary"));
        }
    }
}
