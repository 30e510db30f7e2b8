//! `GET /notice/{purpose}` and `/notice/{purpose}/{revision}`: what people are told. Nothing here knows a person, and nothing
//! is said in the log: who reads a notice is nobody's affair.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, web};
use tokio::sync::Semaphore;

use crate::current::Current;
use crate::http::caller::Proxies;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::public::allowance::{Allowance, PAGES};
use crate::http::public::reader::language;
use crate::language::Language;
use crate::notice::{Book, Edition, Frame, SectionKey, Shelf, content_security_policy, missing, page};
use crate::purpose::PurposeId;
use crate::store;

/// A page that changed is seen by all within this time.
const FRESH: &str = "public, max-age=300";
/// Earlier revisions that are read out of the store at one time.
const READINGS_MAX: usize = 2;

/// All that the handlers of notices can reach.
pub struct Notices {
    book: Arc<Current<Book>>,
    kept: Arc<dyn store::Notices>,
    proxies: Proxies,
    allowance: Allowance,
    readings: Semaphore,
    policy: Option<HeaderValue>,
}

impl Notices {
    /// Of this book; earlier revisions are kept here. Of the store nothing else can be named.
    pub fn new(book: Arc<Current<Book>>, kept: Arc<dyn store::Notices>, proxies: Proxies) -> Self {
        Self {
            book,
            kept,
            proxies,
            allowance: Allowance::new(PAGES),
            readings: Semaphore::new(READINGS_MAX),
            policy: HeaderValue::from_str(&content_security_policy()).ok(),
        }
    }

    fn admit(&self, request: &HttpRequest) -> Result<(), Problem> {
        match self.allowance.take(self.proxies.share(request)) {
            true => Ok(()),
            false => Err(Problem::of(ProblemCode::Busy)),
        }
    }

    /// An earlier revision; none: it cannot be read.
    async fn earlier(
        &self,
        purpose: &PurposeId,
        shelf: &Shelf,
        at: usize,
    ) -> Result<Option<Edition>, Problem> {
        let Some(volume) = shelf.volumes.get(at) else { return Ok(None) };
        Ok(self.kept.notice(purpose, &volume.revision).await?.and_then(Edition::read))
    }

    fn answer(&self, status: StatusCode, language: Language, body: String) -> HttpResponse {
        let mut answer = HttpResponse::build(status);
        answer
            .content_type("text/html; charset=utf-8")
            .insert_header((CONTENT_LANGUAGE, language.tag()))
            .insert_header((VARY, "Accept-Language"))
            .insert_header((REFERRER_POLICY, "no-referrer"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
        if let Some(policy) = &self.policy {
            answer.insert_header((CONTENT_SECURITY_POLICY, policy.clone()));
        }
        answer.insert_header((CACHE_CONTROL, if status.is_success() { FRESH } else { "no-store" }));
        let mut answer = answer.body(body);
        if status == StatusCode::NOT_FOUND {
            // It is meant as it is: a person reads it.
            answer.extensions_mut().insert(ProblemCode::NotFound);
        }
        answer
    }

    fn missing(&self, language: Language) -> HttpResponse {
        self.answer(StatusCode::NOT_FOUND, language, missing(language))
    }
}

/// Browsers ask by GET, and Meta's check of a form's link by HEAD too.
pub(in crate::http) fn notice_routes(routes: &mut web::ServiceConfig) {
    routes
        .service(
            web::resource("/notice/{purpose}").route(web::get().to(in_force)).route(web::head().to(in_force)),
        )
        .service(
            web::resource("/notice/{purpose}/{revision}")
                .route(web::get().to(by_revision))
                .route(web::head().to(by_revision)),
        );
}

/// `GET /notice/{purpose}`: what is in force, or was last where the purpose has ended.
///
/// # Errors
/// Too many pages were read.
pub(super) async fn in_force(
    request: HttpRequest,
    purpose: web::Path<String>,
    notices: web::Data<Notices>,
) -> Result<HttpResponse, Problem> {
    notices.admit(&request)?;
    let (language, book) = (language(&request), notices.book.pin());
    let Some((id, shelf)) = book.shelf(&purpose) else { return Ok(notices.missing(language)) };
    let frame = Frame::Shelved {
        purpose: id.as_str(),
        shelf,
        at: shelf.volumes.len().saturating_sub(1),
        changed: &shelf.newest_changed,
        by_revision: false,
    };
    Ok(match shelf.newest.in_language(language) {
        Some(notice) => notices.answer(StatusCode::OK, language, page(notice, &frame)),
        None => notices.missing(language),
    })
}

/// `GET /notice/{purpose}/{revision}`: what was said at one time.
///
/// # Errors
/// Too many pages were read, or the store cannot be.
pub(super) async fn by_revision(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    notices: web::Data<Notices>,
) -> Result<HttpResponse, Problem> {
    notices.admit(&request)?;
    let (language, book) = (language(&request), notices.book.pin());
    let (purpose, revision) = path.into_inner();
    let found = book.shelf(&purpose).and_then(|(id, shelf)| Some((id, shelf, shelf.find(&revision)?)));
    let Some((id, shelf, at)) = found else { return Ok(notices.missing(language)) };
    let is_newest = at + 1 == shelf.volumes.len();
    let (edition, changed): (Option<Arc<Edition>>, Vec<SectionKey>) = if is_newest {
        (Some(Arc::clone(&shelf.newest)), shelf.newest_changed.clone())
    } else {
        let _reading = notices.readings.try_acquire().map_err(|_| Problem::of(ProblemCode::Busy))?;
        let edition = notices.earlier(id, shelf, at).await?;
        let before = match at.checked_sub(1) {
            Some(before) => notices.earlier(id, shelf, before).await?,
            None => None,
        };
        let changed = edition.as_ref().zip(before).map(|(edition, before)| edition.changed_since(&before));
        (edition.map(Arc::new), changed.unwrap_or_default())
    };
    let frame = Frame::Shelved { purpose: id.as_str(), shelf, at, changed: &changed, by_revision: true };
    Ok(match edition.as_ref().and_then(|edition| edition.in_language(language)) {
        Some(notice) => notices.answer(StatusCode::OK, language, page(notice, &frame)),
        None => notices.missing(language),
    })
}
