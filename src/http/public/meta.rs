//! Meta's callbacks for users of the app: `POST /meta/deletion`, `POST /meta/deauthorize`, and the status page that the first one names
//! (Meta, "Data Deletion Request Callback").
//!
//! They name a user by an id that no lead carries. So nothing is found by it, it is kept nowhere, and the page says just that, and how
//! one asks for what one sent by a form.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::clock::Clock;
use crate::current::Current;
use crate::forget::receipt::Stationery;
use crate::http::body::BodyBudget;
use crate::http::caller::Proxies;
use crate::http::problem::{Problem, ProblemCode, Said, request_id};
use crate::http::public::allowance::{Allowance, PAGES, TOLD};
use crate::http::public::reader::language;
use crate::http::public::sheet::Press;
use crate::http::seldom::Seldom;
use crate::http::webhook::Trust;
use crate::notice::Book;
use crate::notification::{SignatureCode, SignedRequest, received_by};
use crate::people::page::{House, callback};
use crate::random::Random;
use crate::store;
use crate::trail::{Action, Entry};

/// The largest call: Meta's has some 300 bytes.
const BODY_BYTES_MAX: usize = 8 * 1_024;
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// The form's field that holds all of it.
const FIELD: &str = "signed_request";

/// All that the handlers of Meta's callbacks can reach.
pub struct MetaCallbacks {
    trust: Arc<Current<Trust>>,
    trail: Arc<dyn store::Trail>,
    stationery: Arc<Current<Stationery>>,
    book: Arc<Current<Book>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    proxies: Proxies,
    calls: Allowance,
    refusing: Allowance,
    /// For calls that Meta did not sign: there can be any number of them.
    refused: Seldom,
    reading: Allowance,
    budget: BodyBudget,
    press: Press,
}

/// What these callbacks are made with.
pub struct Callbacks {
    /// By which Meta is known.
    pub trust: Arc<Current<Trust>>,
    /// Where it is written down.
    pub trail: Arc<dyn store::Trail>,
    /// What the config says of whoever answers for the data.
    pub stationery: Arc<Current<Stationery>>,
    /// The notices.
    pub book: Arc<Current<Book>>,
    /// When a call came.
    pub clock: Arc<dyn Clock>,
    /// For codes.
    pub random: Arc<dyn Random>,
    /// Whose word on callers is believed.
    pub proxies: Proxies,
}

/// What Meta is answered, and shows the user.
#[derive(Serialize)]
struct Taken {
    /// The status page.
    url: String,
    /// By which it is asked for.
    confirmation_code: String,
}

impl MetaCallbacks {
    /// Made of these.
    pub fn new(of: Callbacks) -> Self {
        let Callbacks { trust, trail, stationery, book, clock, random, proxies } = of;
        Self {
            trust,
            trail,
            stationery,
            book,
            clock,
            random,
            proxies,
            calls: Allowance::new(TOLD),
            refusing: Allowance::new(PAGES),
            refused: Seldom::default(),
            reading: Allowance::new(PAGES),
            // A body within its first bytes needs no room; none is larger.
            budget: BodyBudget::new(BODY_BYTES_MAX),
            press: Press::new(),
        }
    }

    /// A call that Meta signed.
    async fn signed(&self, request: &HttpRequest, payload: web::Payload) -> Result<SignedRequest, Problem> {
        let share = self.proxies.share(request);
        let body = self.budget.read(request, payload, share, BODY_BYTES_MAX, BODY_WITHIN).await;
        let body = match body {
            Ok(body) => body,
            Err(_) if !self.refusing.take(share) => return Err(Problem::of(ProblemCode::Busy)),
            Err(error) => return Err(Problem::of(error.problem())),
        };
        let verified = match signed_request(&body.bytes) {
            Some(text) => SignedRequest::verify(&text, &self.trust.pin().verifier),
            None => Err(SignatureCode::Missing),
        };
        // Of what all share only what Meta signed has a part.
        let bound = if verified.is_ok() { &self.calls } else { &self.refusing };
        let is_within = bound.take(share);
        if let Err(code) = &verified {
            request.extensions_mut().insert(Said);
            if let Some(times) = self.refused.happened(1) {
                let caller = self.proxies.caller(request);
                tracing::warn!(
                    request.id = request_id(request), code = %code, caller.address = %caller, calls.refused = times,
                    "meta.callback-refused"
                );
            }
        }
        match verified {
            _ if !is_within => Err(Problem::of(ProblemCode::Busy)),
            Ok(signed) => Ok(signed),
            Err(SignatureCode::Mismatch) => Err(Problem::of(ProblemCode::SignatureMismatch)),
            Err(_) => Err(Problem::of(ProblemCode::SignatureMissing)),
        }
    }
}

/// The value of the form's field.
fn signed_request(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let fields = web::Query::<Vec<(String, String)>>::from_query(text).ok()?.into_inner();
    fields.into_iter().find_map(|(name, value)| (name == FIELD).then_some(value))
}

/// The routes.
pub(in crate::http) fn meta_routes(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/meta/deletion").route(web::post().to(delete)))
        .service(web::resource("/meta/deauthorize").route(web::post().to(deauthorize)))
        .service(
            web::resource("/meta/deletion/{code}").route(web::get().to(status)).route(web::head().to(status)),
        );
}

/// `POST /meta/deletion`: a user of the app wants their data deleted.
///
/// # Errors
/// It is not signed by Meta, or cannot be written down: Meta is told to come again.
pub(super) async fn delete(
    request: HttpRequest,
    payload: web::Payload,
    meta: web::Data<MetaCallbacks>,
) -> Result<HttpResponse, Problem> {
    let signed = meta.signed(&request, payload).await?;
    let mut salt = [0; 8];
    meta.random.fill(&mut salt).map_err(|_| ProblemCode::Internal)?;
    let code = signed.code(meta.clock.now(), salt, &meta.trust.pin().verifier);
    let code = code.ok_or(ProblemCode::Internal)?;
    meta.trail.note(Entry::by_system(Action::MetaDeletionAsked)).await?;
    tracing::info!(request.id = request_id(&request), "meta.deletion-asked");
    let url = format!("{}/meta/deletion/{code}", meta.stationery.pin().public_url);
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Taken { url, confirmation_code: code }))
}

/// `POST /meta/deauthorize`: a user took back what they had allowed the app. Whose page token hangs on that, Graph says with the next
/// lead; that it may be so is said here.
///
/// # Errors
/// As [`delete`].
pub(super) async fn deauthorize(
    request: HttpRequest,
    payload: web::Payload,
    meta: web::Data<MetaCallbacks>,
) -> Result<HttpResponse, Problem> {
    let _signed = meta.signed(&request, payload).await?;
    meta.trail.note(Entry::by_system(Action::MetaDeauthorized)).await?;
    tracing::warn!(request.id = request_id(&request), "meta.deauthorized");
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).finish())
}

/// `GET /meta/deletion/{code}`: what came of it.
///
/// # Errors
/// Too many pages were read.
pub(super) async fn status(
    request: HttpRequest,
    code: web::Path<String>,
    meta: web::Data<MetaCallbacks>,
) -> Result<HttpResponse, Problem> {
    if !meta.reading.take(meta.proxies.share(&request)) {
        return Err(Problem::of(ProblemCode::Busy));
    }
    let (language, received) = (language(&request), received_by(&code, &meta.trust.pin().verifier));
    let (stationery, book) = (meta.stationery.pin(), meta.book.pin());
    let of = &stationery.controller;
    let house = House { name: &of.name, address: &of.address, email: &of.email };
    let notices = stationery.purposes.iter().filter_map(|(id, said)| {
        book.shelf(id.as_str()).filter(|(_, shelf)| !shelf.is_ended)?;
        let title = language.choose(said.title.iter()).map_or(id.as_str(), |(_, text)| text);
        Some((title.to_owned(), format!("../../notice/{id}?lang={}", language.tag())))
    });
    let sheet = callback(received, notices.collect(), &house, language);
    let status = if received.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    Ok(meta.press.answer(status, &sheet))
}
