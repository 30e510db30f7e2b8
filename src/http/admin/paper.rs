//! As what an erasure is shown: what the query says, else what `Accept` likes best (RFC 9110 section 12.5.1).

use actix_web::HttpRequest;

use crate::http::admin::format::{liked_best, weight};
use crate::http::problem::ProblemCode;

crate::codes! {
    /// The formats, in the order in which tamis prefers them.
    pub(super) enum PaperFormat {
        /// State and receipt, for programs.
        Json = "json",
        /// For people, as text; the signed receipt stands at its end.
        Text = "txt",
        /// For people, as a page to read or print.
        Html = "html",
        /// The signed receipt alone: what is verified.
        Note = "note",
    }
}

impl PaperFormat {
    /// Its media type, with parameters.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Text | Self::Note => "text/plain; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    fn essence(self) -> &'static str {
        self.content_type().split(';').next().unwrap_or_default()
    }

    /// # Errors
    /// [`ProblemCode::ParameterInvalid`]; [`ProblemCode::NotAcceptable`] where the caller takes none of ours.
    pub(super) fn of(query: Option<&str>, request: &HttpRequest) -> Result<Self, ProblemCode> {
        if let Some(text) = query {
            return Self::from_code(text).ok_or(ProblemCode::ParameterInvalid);
        }
        // The note has the media type of the text, and is asked for by its name.
        Self::liked(&[Self::Json, Self::Text, Self::Html], request)
    }

    /// Of a paper that there is as JSON and as a page alone.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(super) fn of_a_page(query: Option<&str>, request: &HttpRequest) -> Result<Self, ProblemCode> {
        let formats = [Self::Json, Self::Html];
        match query {
            Some(text) => {
                let named = Self::from_code(text).filter(|named| formats.contains(named));
                named.ok_or(ProblemCode::ParameterInvalid)
            }
            None => Self::liked(&formats, request),
        }
    }

    fn liked(formats: &[Self], request: &HttpRequest) -> Result<Self, ProblemCode> {
        let is_utf8 = |name: &str, value: &str| {
            name.eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        };
        liked_best(request, formats, |format, accept| weight(accept, format.essence(), is_utf8))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_query_counts_then_the_heaviest_then_json() {
        let of = |query, accept: &str| {
            PaperFormat::of(query, &TestRequest::get().append_header(("Accept", accept)).to_http_request())
        };
        for (accept, format) in [
            ("", PaperFormat::Json),
            ("*/*", PaperFormat::Json),
            ("text/plain", PaperFormat::Text),
            ("text/*", PaperFormat::Text),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", PaperFormat::Html),
            ("text/plain;q=0.5, text/html; charset=UTF-8", PaperFormat::Html),
            ("application/json;q=0, */*;q=0.1", PaperFormat::Text),
        ] {
            assert_eq!(of(None, accept), Ok(format), "{accept}");
        }
        assert_eq!(of(None, "text/csv"), Err(ProblemCode::NotAcceptable));
        assert_eq!(of(Some("note"), "text/csv"), Ok(PaperFormat::Note));
        assert_eq!(of(Some("pdf"), "*/*"), Err(ProblemCode::ParameterInvalid));
        let of_a_page = |query, accept: &str| {
            let request = TestRequest::get().append_header(("Accept", accept)).to_http_request();
            PaperFormat::of_a_page(query, &request)
        };
        assert_eq!(of_a_page(None, "text/*;q=0.9, application/json;q=0.5"), Ok(PaperFormat::Html));
        assert_eq!(of_a_page(None, "text/plain"), Err(ProblemCode::NotAcceptable));
        assert_eq!(of_a_page(Some("txt"), "*/*"), Err(ProblemCode::ParameterInvalid));
    }
}
