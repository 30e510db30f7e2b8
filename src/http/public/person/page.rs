//! What is shown: the person's page, and where each act is asked for.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::problem::Problem;
use crate::http::public::person::Persons;
use crate::http::public::person::visitor::Visitor;
use crate::http::public::reader::{asked_for, language};
use crate::http::public::sheet::Press;
use crate::language::Language;
use crate::people::page::{Act, asking, asking_unseen, own, unseen};
use crate::people::{Pass, PassKind};

/// `GET /p/{pass}`: what is held; with `do`, where that act is asked for.
///
/// # Errors
/// None that a person reads: each failure is a page.
pub(super) async fn show(
    request: HttpRequest,
    text: web::Path<String>,
    persons: web::Data<Persons>,
) -> HttpResponse {
    if !persons.reading.take(persons.proxies.share(&request)) {
        return persons.failed(&request, StatusCode::TOO_MANY_REQUESTS);
    }
    match page(&request, &text, &persons).await {
        Ok(Some(answer)) => answer,
        Ok(None) => persons.lost(&request),
        Err(problem) => told(&persons, &request, &problem),
    }
}

async fn page(request: &HttpRequest, text: &str, persons: &Persons) -> Result<Option<HttpResponse>, Problem> {
    let language = language(request);
    let Some(visitor) = Visitor::of(persons, text, PassKind::Page).await? else { return Ok(None) };
    let act = asked_for(request, "do").as_deref().and_then(Act::of);
    let found = match visitor.look(persons, language).await {
        Err(problem) if problem.is_of_full_disk() => {
            return Ok(in_short(&visitor, text, act, persons, language));
        }
        found => found?,
    };
    let Some(found) = found else { return Ok(None) };
    let Some(shown) = persons.shown(&found, language) else { return Ok(None) };
    let sheet = match (act, Pass::parse(text)) {
        (Some(act), Some(pass)) => {
            persons.sheet(|house| asking(act, pass.form_token(act.code()), &shown, house, language, None))
        }
        _ => persons.sheet(|house| own(&shown, house, language, None)),
    };
    Ok(Some(persons.press.answer(StatusCode::OK, &sheet)))
}

/// The page where nothing can be shown, since the disk has no room for the line that a look leaves: saying no and erasing are possible
/// all the same.
fn in_short(
    visitor: &Visitor,
    text: &str,
    act: Option<Act>,
    persons: &Persons,
    language: Language,
) -> Option<HttpResponse> {
    let pass = Pass::parse(text)?;
    let title = persons.acts.title_of(&visitor.record.purpose, language);
    let sheet = match act.filter(|act| matches!(act, Act::Stop | Act::Erase)) {
        Some(act) => {
            let token = pass.form_token(act.code());
            persons.sheet(|house| asking_unseen(act, token, &title, house, language))
        }
        None => persons.sheet(|house| unseen(&title, house, language)),
    };
    Some(persons.press.answer(StatusCode::OK, &sheet))
}

/// `HEAD` of either address: programs ask so, and are told the same of every one.
///
/// # Errors
/// None.
pub(super) async fn look_by_machine(request: HttpRequest, persons: web::Data<Persons>) -> HttpResponse {
    if !persons.reading.take(persons.proxies.share(&request)) {
        return persons.failed(&request, StatusCode::TOO_MANY_REQUESTS);
    }
    Press::bare()
}

/// A failure as a page; the log has its code.
pub(super) fn told(persons: &Persons, request: &HttpRequest, problem: &Problem) -> HttpResponse {
    let id = crate::http::problem::request_id(request);
    tracing::error!(request.id = id, problem.code = %problem.code, "person.failed");
    persons.failed(request, StatusCode::SERVICE_UNAVAILABLE)
}
