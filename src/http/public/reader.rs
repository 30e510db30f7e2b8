//! Who reads a page: in which language, and what its query asks for beside.

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT_LANGUAGE;

use crate::http::connection::Arrival;
use crate::language::Language;

/// The value of a parameter of the query, as it stands there; of several the first.
pub(super) fn asked_for(request: &HttpRequest, name: &str) -> Option<String> {
    let arrival = Arrival::of(request);
    let query = if arrival.query().is_empty() { request.query_string() } else { arrival.query() };
    let found = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    found.map(str::to_owned)
}

/// The one that was chosen (`?lang=`), else the one that the browser prefers, else English.
pub(super) fn language(request: &HttpRequest) -> Language {
    let preferred = || {
        let header = request.headers().get(ACCEPT_LANGUAGE)?;
        Language::preferred(header.to_str().ok()?)
    };
    let chosen = asked_for(request, "lang");
    chosen.as_deref().and_then(Language::of_tag).or_else(preferred).unwrap_or(Language::En)
}
