//! `POST /u/{pass}`: a mail program says no for somebody who pressed its own button (RFC 8058). No cookie, no redirect: 200. `GET`: a page
//! with that button, for whoever opens the address themselves.
//!
//! Every pass is answered alike, also one that opens nothing (any more): a provider asks again, and whoever was erased by the first call
//! is not told to try later. What is asked for is written into the register before it begins, and stays there if it breaks off.

use std::collections::VecDeque;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::http::admin::person_acts::{Extent, objecting};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::public::person::Persons;
use crate::http::public::person::page::told;
use crate::http::public::person::visitor::Visitor;
use crate::http::public::reader::{asked_for, language};
use crate::http::public::sheet::Press;
use crate::language::Language;
use crate::people::page::{Act, one_click, stopped};
use crate::people::{Pass, PassKind};

/// What the body of a call says, as a form; as parts it stands between their boundaries (RFC 8058 section 3.2 allows both).
const FIELD: &str = "List-Unsubscribe";
const VALUE: &str = "One-Click";
/// For so long a pass that has done what it is for does nothing again.
const STOPPED_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// So many of these are remembered, in memory alone: 200 kB.
const STOPPED_MAX: usize = 4_096;

/// `GET /u/{pass}`: somebody opened what is meant for a program. Nothing is done; they are shown what it does, and a button that does it.
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
    match Visitor::of(&persons, &text, PassKind::Stop).await {
        Ok(Some(_)) => {
            let sheet = persons.sheet(|house| one_click(house, language(&request)));
            persons.press.answer(StatusCode::OK, &sheet)
        }
        Ok(None) => persons.lost(&request),
        Err(problem) => told(&persons, &request, &problem),
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
    let share = persons.proxies.share(&request);
    let busy = || persons.failed(&request, StatusCode::TOO_MANY_REQUESTS);
    let Some(pass) = Pass::parse(&text).map(|pass| pass.hash()) else {
        return if persons.refusing.take(share) { persons.lost(&request) } else { busy() };
    };
    let opens = match persons.stopped.has(&pass) {
        true => false,
        false => match Visitor::of(&persons, &text, PassKind::Stop).await {
            Ok(visitor) => visitor.is_some(),
            Err(problem) => return told(&persons, &request, &problem),
        },
    };
    // Of what all share only what there is something to do for has a part.
    if !opens && !persons.refusing.take(share) {
        return busy();
    }
    let refused = match says_so(&persons, &request, payload).await {
        Ok(true) => None,
        Ok(false) => Some(ProblemCode::BodyInvalid.status()),
        Err(code) => Some(code.status()),
    };
    if let Some(status) = refused {
        let is_within = !opens || persons.refusing.take(share);
        return if is_within { persons.failed(&request, status) } else { busy() };
    }
    if !opens {
        return answer(&persons, &request);
    }
    if !persons.told.take(share) {
        return busy();
    }
    let (to_do, of) = (persons.clone(), request.clone());
    let done = actix_web::rt::spawn(async move {
        // Nobody queues here: whoever comes meanwhile is to come again.
        let Ok(_turn) = to_do.stripe(&pass).try_lock() else { return Ok(false) };
        if !to_do.stopped.has(&pass) {
            done(&of, &text, &to_do).await?;
            to_do.stopped.add(pass);
        }
        Ok(true)
    });
    match done.await {
        Ok(Ok(true)) => answer(&persons, &request),
        Ok(Ok(false)) => busy(),
        Ok(Err(problem)) => told(&persons, &request, &problem),
        Err(_) => persons.failed(&request, StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// The same of every pass. Whoever pressed the button of the page that says so in a language is answered in it; a program, without a
/// word.
fn answer(persons: &Persons, request: &HttpRequest) -> HttpResponse {
    if asked_for(request, "lang").is_none() {
        return Press::bare();
    }
    let sheet = persons.sheet(|house| stopped(house, language(request)));
    persons.press.answer(StatusCode::OK, &sheet)
}

/// The passes that have done of late what they are for: once more they do nothing. For a day: who agreed to something again later, and
/// says no again by an old mail, is heard.
#[derive(Default)]
pub(super) struct Stopped(Mutex<VecDeque<([u8; 32], Instant)>>);

impl Stopped {
    fn has(&self, pass: &[u8; 32]) -> bool {
        let now = Instant::now();
        self.0.lock().iter().any(|(known, at)| known == pass && now.duration_since(*at) < STOPPED_FOR)
    }

    fn add(&self, pass: [u8; 32]) {
        let now = Instant::now();
        let mut all = self.0.lock();
        all.retain(|(known, at)| *known != pass && now.duration_since(*at) < STOPPED_FOR);
        if all.len() >= STOPPED_MAX {
            all.pop_front();
        }
        all.push_back((pass, now));
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
    let Some(own) = visitor.look_for(Act::Stop, persons, Language::En).await? else { return Ok(()) };
    let operator = objecting(visitor.operator.clone());
    persons.acts.object(request, &operator, &own, Extent::OfPurpose).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_a_pass_has_done_is_remembered_for_a_day_and_within_bounds() {
        let stopped = Stopped::default();
        stopped.add([1; 32]);
        assert!(stopped.has(&[1; 32]) && !stopped.has(&[2; 32]));
        tokio::time::advance(STOPPED_FOR).await;
        assert!(!stopped.has(&[1; 32]), "a no of another day is heard");
        for number in 0..=STOPPED_MAX {
            let mut pass = [0; 32];
            pass[..8].copy_from_slice(&number.to_be_bytes());
            stopped.add(pass);
        }
        assert_eq!(stopped.0.lock().len(), STOPPED_MAX);
        assert!(!stopped.has(&[0; 32]), "the oldest has gone");
    }

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
