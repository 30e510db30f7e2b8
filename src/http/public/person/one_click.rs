//! `POST /u/{pass}`: a mail program says no for somebody who pressed its own button (RFC 8058). No page, no cookie, no redirect: 200.
//!
//! Every pass is answered alike, also one that opens nothing (any more): a provider asks again, and whoever was erased by the first call
//! is not told to try later. What is asked for is written into the register before it begins, and stays there if it breaks off.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::admin::person_acts::{Extent, objecting};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::public::person::Persons;
use crate::http::public::person::page::told;
use crate::http::public::person::visitor::Visitor;
use crate::http::public::sheet::Press;
use crate::language::Language;
use crate::people::{Pass, PassKind};

/// What the body of a call says, as a form; as parts it stands between their boundaries (RFC 8058 section 3.2 allows both).
const FIELD: &str = "List-Unsubscribe";
const VALUE: &str = "One-Click";

/// `GET /u/{pass}`: somebody opened what is meant for a program. Nothing is done; they are told where to turn.
///
/// # Errors
/// None.
pub(super) async fn show(request: HttpRequest, persons: web::Data<Persons>) -> HttpResponse {
    match persons.reading.take(persons.proxies.share(&request)) {
        true => persons.lost(&request),
        false => persons.failed(&request, StatusCode::TOO_MANY_REQUESTS),
    }
}

/// `POST /u/{pass}`.
///
/// # Errors
/// None that a person reads.
pub(super) async fn stop(
    request: HttpRequest,
    text: web::Path<String>,
    persons: web::Data<Persons>,
    payload: web::Payload,
) -> HttpResponse {
    if !persons.told.take(persons.proxies.share(&request)) {
        return persons.failed(&request, StatusCode::TOO_MANY_REQUESTS);
    }
    let Some(pass) = Pass::parse(&text) else { return persons.lost(&request) };
    match says_so(&persons, &request, payload).await {
        Ok(true) => {}
        Ok(false) => return persons.failed(&request, ProblemCode::BodyInvalid.status()),
        Err(code) => return persons.failed(&request, code.status()),
    }
    let (to_do, of) = (persons.clone(), request.clone());
    let done = actix_web::rt::spawn(async move {
        let _turn = to_do.stripe(&pass.hash()).lock().await;
        done(&of, &text, &to_do).await
    });
    match done.await {
        Ok(Ok(())) => Press::bare(),
        Ok(Err(problem)) => told(&persons, &request, &problem),
        Err(_) => persons.failed(&request, StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn says_so(
    persons: &Persons,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<bool, ProblemCode> {
    use crate::http::public::person::{FORM_BYTES_MAX, FORM_WITHIN};
    let share = persons.proxies.share(request);
    let body = persons.budget.read(request, payload, share, FORM_BYTES_MAX, FORM_WITHIN).await;
    let body = body.map_err(|error| error.problem())?;
    let text = String::from_utf8_lossy(&body.bytes);
    Ok(is_one_click(&text))
}

/// True of `List-Unsubscribe=One-Click`, alone or among other fields, and of the same as a part of a form.
fn is_one_click(body: &str) -> bool {
    let as_field = body
        .split('&')
        .any(|pair| pair.trim().split_once('=').is_some_and(|(name, value)| name == FIELD && value == VALUE));
    let mut lines = body.lines().map(str::trim);
    let is_head = |line: &str| {
        line.to_ascii_lowercase().starts_with("content-disposition:")
            && line.contains(&format!("\"{FIELD}\""))
    };
    as_field
        || (lines.by_ref().any(is_head) && lines.skip_while(|line| !line.is_empty()).nth(1) == Some(VALUE))
}

/// Objects for the record's purpose, if the pass opens one.
async fn done(request: &HttpRequest, text: &str, persons: &Persons) -> Result<(), Problem> {
    let Some(visitor) = Visitor::of(persons, text, PassKind::Stop).await? else { return Ok(()) };
    let Some(own) = visitor.look(persons, Language::En).await? else { return Ok(()) };
    let operator = objecting(visitor.operator.clone());
    persons.acts.object(request, &operator, &own, Extent::OfPurpose).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_says_that_it_is_one_click_as_a_form_or_in_parts() {
        let parts =
            "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
        for good in [
            "List-Unsubscribe=One-Click",
            "a=b&List-Unsubscribe=One-Click",
            "List-Unsubscribe=One-Click\r\n",
            parts,
        ] {
            assert!(is_one_click(good), "{good}");
        }
        for bad in [
            "",
            "List-Unsubscribe",
            "List-Unsubscribe=",
            "List-Unsubscribe=no",
            "list=One-Click",
            "One-Click",
            "--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nOne-Click\r\n--b--\r\n",
        ] {
            assert!(!is_one_click(bad), "{bad}");
        }
    }
}
