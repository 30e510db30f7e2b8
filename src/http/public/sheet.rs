//! A page of the room `people` on its way out, with the headers that each of them has: nobody keeps it, nobody is told where its reader
//! came from, nothing on it is loaded, run or framed, no search engine lists it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
    RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};

use crate::http::problem::ProblemCode;
use crate::people::page::{Sheet, content_security_policy};

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
/// How long a reader waits who has had enough for now, in seconds.
const WAIT_SECONDS: &str = "60";

/// The policy is worked out once.
pub(super) struct Press(Option<HeaderValue>);

impl Press {
    pub(super) fn new() -> Self {
        Self(HeaderValue::from_str(&content_security_policy()).ok())
    }

    /// An answer without a word, for a program.
    pub(super) fn bare() -> HttpResponse {
        HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((REFERRER_POLICY, "no-referrer"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((ROBOTS, "noindex, nofollow, noarchive"))
            .finish()
    }

    /// The answer. One that is no success is meant as it is: a person reads it.
    pub(super) fn answer(&self, status: StatusCode, sheet: &Sheet) -> HttpResponse {
        let mut answer = HttpResponse::build(status);
        answer
            .content_type("text/html; charset=utf-8")
            .insert_header((CONTENT_LANGUAGE, sheet.language.tag()))
            .insert_header((VARY, "Accept-Language"))
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((REFERRER_POLICY, "no-referrer"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((ROBOTS, "noindex, nofollow, noarchive"));
        if let Some(policy) = &self.0 {
            answer.insert_header((CONTENT_SECURITY_POLICY, policy.clone()));
        }
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            answer.insert_header((RETRY_AFTER, WAIT_SECONDS));
        }
        let mut answer = answer.body(sheet.html());
        let code = match status {
            StatusCode::NOT_FOUND => Some(ProblemCode::NotFound),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Some(ProblemCode::Busy),
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Some(ProblemCode::BodyInvalid),
            _ => None,
        };
        if let Some(code) = code {
            answer.extensions_mut().insert(code);
        }
        answer
    }
}
