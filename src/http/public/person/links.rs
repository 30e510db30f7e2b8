//! `/p/lost`: whoever lost the link to their page asks for it by their e-mail address. What was typed is handed on, and looked for later:
//! neither the answer nor how long it takes says whether the address is known.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::forget::address::Sought;
use crate::http::problem::ProblemCode;
use crate::http::public::person::Persons;
use crate::http::public::person::form::Form;
use crate::http::public::reader::language;
use crate::people::page::{asked_for_links, asking_for_links, link_bad, link_full};

/// Takes an address for which links are asked; false: there is no room for it now.
pub(super) type Taking = Box<dyn Fn(Sought) -> bool + Send + Sync>;

/// `GET /p/lost`: the form.
///
/// # Errors
/// None that a person reads: each failure is a page.
pub(super) async fn show(request: HttpRequest, persons: web::Data<Persons>) -> HttpResponse {
    if !persons.reading.take(persons.proxies.share(&request)) {
        return persons.failed(&request, StatusCode::TOO_MANY_REQUESTS);
    }
    if persons.links.is_none() {
        return persons.lost(&request);
    }
    let sheet = persons.sheet(|house| asking_for_links(house, language(&request), None));
    persons.press.answer(StatusCode::OK, &sheet)
}

/// `POST /p/lost`: what was typed.
///
/// # Errors
/// As [`show`].
pub(super) async fn ask(
    request: HttpRequest,
    persons: web::Data<Persons>,
    payload: web::Payload,
) -> HttpResponse {
    if !persons.asking.take(persons.proxies.share(&request)) {
        return persons.failed(&request, StatusCode::TOO_MANY_REQUESTS);
    }
    let Some(take) = &persons.links else { return persons.lost(&request) };
    let form = match Form::read(&persons, &request, payload).await {
        Ok(form) => form,
        Err(code) => return persons.failed(&request, code.status()),
    };
    let language = language(&request);
    let Some(sought) = Sought::email(form.value("email")) else {
        let sheet = persons.sheet(|house| asking_for_links(house, language, Some(link_bad(language))));
        return persons.press.answer(ProblemCode::ValueInvalid.status(), &sheet);
    };
    if !take(sought) {
        let sheet = persons.sheet(|house| asking_for_links(house, language, Some(link_full(language))));
        return persons.press.answer(StatusCode::SERVICE_UNAVAILABLE, &sheet);
    }
    let sheet = persons.sheet(|house| asked_for_links(house, language));
    persons.press.answer(StatusCode::OK, &sheet)
}
