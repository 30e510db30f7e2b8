//! As what the records of a page are written: what the query says, else what `Accept` likes best (RFC 9110 section 12.5.1).

use actix_web::HttpRequest;
use actix_web::http::header::{Accept, Header, Quality, QualityItem};
use actix_web::mime::Mime;

use crate::http::problem::ProblemCode;

crate::codes! {
    /// The formats of an export, in the order in which tamis prefers them.
    pub(super) enum FormatName {
        /// One record a line.
        Ndjson = "ndjson",
        /// One document.
        Json = "json",
        /// A table.
        Csv = "csv",
    }
}

impl FormatName {
    /// Its media type, with parameters.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json",
        }
    }

    fn essence(self) -> &'static str {
        self.content_type().split(';').next().unwrap_or_default()
    }

    /// True of a parameter that narrows nothing down: all is UTF-8, and a table has its header row.
    fn has(self, name: &str, value: &str) -> bool {
        let is = |known: &str, to_be: &str| {
            name.eq_ignore_ascii_case(known) && value.trim_matches('"').eq_ignore_ascii_case(to_be)
        };
        is("charset", "utf-8") || (self == Self::Csv && is("header", "present"))
    }

    /// What the query's `format` says; without one, what the request's `Accept` asks for.
    ///
    /// # Errors
    /// [`ProblemCode::ParameterInvalid`]; [`ProblemCode::NotAcceptable`] where the caller takes none of ours.
    pub(super) fn of(query: Option<&str>, request: &HttpRequest) -> Result<Self, ProblemCode> {
        match query {
            Some(text) => Self::from_code(text).ok_or(ProblemCode::ParameterInvalid),
            None => liked_best(request, Self::ALL, |format, accept| {
                weight(accept, format.essence(), |name, value| format.has(name, value))
            }),
        }
    }
}

/// The one that a request's `Accept` likes best; of equals the first, which whoever says nothing gets as well.
///
/// # Errors
/// [`ProblemCode::NotAcceptable`] where the caller takes none of these.
pub(super) fn liked_best<F: Copy>(
    request: &HttpRequest,
    formats: &[F],
    weight: impl Fn(F, &Accept) -> Quality,
) -> Result<F, ProblemCode> {
    // What of the header cannot be read asks for nothing.
    let accept = Accept::parse(request).unwrap_or(Accept(Vec::new()));
    let mut best = (Quality::ZERO, None);
    for format in formats.iter().copied() {
        let liked = if accept.is_empty() { Quality::MAX } else { weight(format, &accept) };
        if liked > best.0 {
            best = (liked, Some(format));
        }
    }
    best.1.ok_or(ProblemCode::NotAcceptable)
}

/// How much a caller likes a media type, by the most specific range that it is in: `text/csv;q=0` counts although `*/*` stands
/// there too. `has` is true of a parameter that narrows nothing down.
pub(super) fn weight(accept: &Accept, ours: &str, has: impl Fn(&str, &str) -> bool) -> Quality {
    let of_range = |range: &QualityItem<Mime>| {
        let media = &range.item;
        let essence = media.essence_str();
        let specific = if essence == ours {
            2
        } else if essence == "*/*" {
            0
        } else {
            let kind = essence.strip_suffix("/*")?;
            (ours.split('/').next() == Some(kind)).then_some(1)?
        };
        let narrowed = media.params().filter(|(name, value)| !has(name.as_str(), value.as_str()));
        let parameters = media.params().count();
        (narrowed.count() == 0).then_some(((specific, parameters), range.quality))
    };
    let found = accept.iter().filter_map(of_range).max_by_key(|(specific, weight)| (*specific, *weight));
    found.map_or(Quality::ZERO, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn accepted(lines: &[&str]) -> Result<FormatName, ProblemCode> {
        let request =
            lines.iter().fold(TestRequest::get(), |request, line| request.append_header(("Accept", *line)));
        FormatName::of(None, &request.to_http_request())
    }

    #[test]
    fn who_says_nothing_or_takes_everything_gets_lines() {
        for lines in [
            &[][..],
            &[""],
            &["*/*"],
            &["application/*"],
            &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
            &["nonsense"],
            &["text/csv;q=0.5, */*"],
            &["text/csv, application/json, application/x-ndjson"],
            &["Application/X-NDJSON; charset=UTF-8"],
        ] {
            assert_eq!(accepted(lines), Ok(FormatName::Ndjson), "{lines:?}");
        }
    }

    #[test]
    fn the_heaviest_wins_and_the_most_specific_range_says_how_heavy() {
        for (lines, format) in [
            (&["text/csv"][..], FormatName::Csv),
            (&["text/*"], FormatName::Csv),
            (&["text/csv; charset=utf-8; header=present"], FormatName::Csv),
            (&["text/csv; header=absent, application/json;q=0.1"], FormatName::Json),
            (&["application/json"], FormatName::Json),
            (&["application/json; charset=\"UTF-8\""], FormatName::Json),
            (&["application/x-ndjson;q=0.2, application/json;q=0.3"], FormatName::Json),
            (&["application/x-ndjson;q=0, */*;q=0.1"], FormatName::Json),
            (&["*/*;q=0.1, text/csv;q=0.2"], FormatName::Csv),
            (&["application/json;q=0.2", "text/csv;q=0.9"], FormatName::Csv),
            (&["application/*;q=0.5, application/x-ndjson;q=0.1, text/csv;q=0.4"], FormatName::Json),
            (&["text/csv;q=0.2, text/csv;header=present;q=0.9, application/json;q=0.5"], FormatName::Csv),
        ] {
            assert_eq!(accepted(lines), Ok(format), "{lines:?}");
        }
    }

    #[test]
    fn who_takes_none_of_ours_is_refused_and_a_format_in_the_query_counts_alone() {
        for lines in [
            &["text/html"][..],
            &["*/*;q=0"],
            &["application/xml, image/*"],
            &["text/csv; header=absent"],
            &["application/*;q=0, text/plain"],
        ] {
            assert_eq!(accepted(lines), Err(ProblemCode::NotAcceptable), "{lines:?}");
        }
        let request = TestRequest::get().append_header(("Accept", "text/html")).to_http_request();
        assert_eq!(FormatName::of(Some("csv"), &request), Ok(FormatName::Csv));
        assert_eq!(FormatName::of(Some("xml"), &request), Err(ProblemCode::ParameterInvalid));
    }
}
