//! What is done: by POST alone, with what the form carries that was shown for it.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::admin::own_record::{Own, is_an_address};
use crate::http::admin::person_acts::{Came, Extent, is_no_yes, is_told, objecting, withdrawing};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::public::person::Persons;
use crate::http::public::person::form::Form;
use crate::http::public::person::page::told;
use crate::http::public::person::visitor::{Visitor, midnight};
use crate::http::public::reader::language;
use crate::language::Language;
use crate::people::page::{
    Act, Copying, Ended, Reach, Sheet, Shown, VALUE_CHARS_MAX, asking, choose, confirmed, copied, corrected,
    ended, no_yes, own, unseen, value_bad, withdrawn,
};
use crate::people::{Pass, PassKind};
use crate::purpose::ConsentKey;
use crate::secret::Wiped;
use crate::store::AskedFor;

/// `POST /p/{pass}`: does what the form says.
///
/// # Errors
/// None that a person reads: each failure is a page.
pub(super) async fn act(
    request: HttpRequest,
    text: web::Path<String>,
    persons: web::Data<Persons>,
    payload: web::Payload,
) -> HttpResponse {
    if !persons.acting.take(persons.proxies.share(&request)) {
        return persons.failed(&request, StatusCode::TOO_MANY_REQUESTS);
    }
    let form = match Form::read(&persons, &request, payload).await {
        Ok(form) => form,
        Err(code) => return persons.failed(&request, code.status()),
    };
    // Whoever goes away meanwhile, or presses twice, cuts nothing short: what was begun is brought to its end.
    let (to_do, of) = (persons.clone(), request.clone());
    let done = actix_web::rt::spawn(async move { done(&of, &text, &to_do, &form).await });
    match done.await {
        Ok(Ok(Some(answer))) => answer,
        Ok(Ok(None)) => persons.lost(&request),
        Ok(Err(problem)) => told(&persons, &request, &problem),
        Err(_) => persons.failed(&request, StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn done(
    request: &HttpRequest,
    text: &str,
    persons: &Persons,
    form: &Form,
) -> Result<Option<HttpResponse>, Problem> {
    let language = language(request);
    let (Some(pass), Some(act)) = (Pass::parse(text), Act::of(form.value("do"))) else { return Ok(None) };
    if !pass.is_form_token(act.code(), form.value("form")) {
        return Ok(None);
    }
    let _turn = persons.stripe(&pass.hash()).lock().await;
    let Some(visitor) = Visitor::of(persons, text, PassKind::Page).await? else {
        // It may have ended by this very act.
        let kept = persons.kept(&pass.hash(), act.code());
        return Ok(kept.map(|sheet| persons.press.answer(StatusCode::OK, &sheet)));
    };
    let Some(found) = visitor.look_for(act, persons, language).await? else { return Ok(None) };
    let Some(shown) = persons.shown(&found, language) else { return Ok(None) };
    let doing =
        Doing { request, persons, visitor: &visitor, own: &found, shown: &shown, pass: &pass, language };
    doing.carry_out(act, form).await.map(Some)
}

/// An act under way.
struct Doing<'d> {
    request: &'d HttpRequest,
    persons: &'d Persons,
    visitor: &'d Visitor,
    own: &'d Own,
    shown: &'d Shown,
    pass: &'d Pass,
    language: Language,
}

impl Doing<'_> {
    async fn carry_out(&self, act: Act, form: &Form) -> Result<HttpResponse, Problem> {
        let acts = &self.persons.acts;
        match act {
            Act::Correct => return self.correct(form).await,
            Act::Confirm | Act::Withdraw => return self.boxes(act, form).await,
            Act::Copy => return self.copy().await,
            Act::Stop | Act::Erase => {}
        }
        let Some(reach) = Reach::of(form.value("reach")) else {
            return Ok(self.ask_again(act, choose(self.language)));
        };
        let extent = match reach {
            Reach::This => Extent::OfPurpose,
            Reach::All => Extent::Whole,
        };
        let operator = self.visitor.operator.clone();
        let came = match act {
            Act::Stop => acts.object(self.request, &objecting(operator), self.own, extent).await?,
            _ => acts.erase(self.request, &operator, self.own, extent).await?,
        };
        self.end(act, &came).await
    }

    /// The page of what it came to. It is kept for a while: the pass may be no more.
    async fn end(&self, act: Act, came: &Came) -> Result<HttpResponse, Problem> {
        let receipts = self.persons.acts.papers(came, self.language).await?;
        let took = |erasure: &crate::store::Erasure| erasure.extent.total() + erasure.extent.references;
        let end = Ended {
            act,
            number: came.erasures.last().map(|erasure| erasure.id.to_string()).unwrap_or_default(),
            receipts,
            is_empty: came.erasures.iter().map(took).sum::<u64>() == 0,
            unread: came.unread,
            are_others_left: came.are_others_left,
            open_until: came.due.and_then(midnight),
        };
        let sheet = Arc::new(self.persons.sheet(|house| ended(&end, house, self.language)));
        self.persons.keep(self.visitor.pass, act.code(), Arc::clone(&sheet));
        Ok(self.persons.press.answer(StatusCode::OK, &sheet))
    }

    async fn correct(&self, form: &Form) -> Result<HttpResponse, Problem> {
        let mut fields = Vec::new();
        for (name, value) in form.below("f.") {
            let value = value.trim();
            let Some((name, title, _)) = self.shown.correctable.iter().find(|(known, ..)| known == name)
            else {
                return Ok(self.ask_again(Act::Correct, value_bad("?", self.language)));
            };
            if value.is_empty() {
                continue;
            }
            // What somebody is reached by does not come in by another field either.
            if value.chars().count() > VALUE_CHARS_MAX || is_an_address(value) {
                return Ok(self.ask_again(Act::Correct, value_bad(title, self.language)));
            }
            fields.push((name.clone(), vec![Wiped::new(value.to_owned())]));
        }
        if fields.is_empty() {
            return Ok(self.show(self.shown, corrected(false, self.language)));
        }
        let (acts, operator) = (&self.persons.acts, &self.visitor.operator);
        match acts.correct(self.request, operator, self.own, fields).await {
            Ok(changed) => self.show_again(corrected(changed, self.language)).await,
            Err(problem) if is_told(problem.code) => {
                let titles: Vec<&str> =
                    self.shown.correctable.iter().map(|(_, title, _)| title.as_str()).collect();
                Ok(self.ask_again(Act::Correct, value_bad(&titles.join(", "), self.language)))
            }
            Err(problem) => Err(problem),
        }
    }

    /// Some boxes are said yes to once more, or taken back.
    async fn boxes(&self, act: Act, form: &Form) -> Result<HttpResponse, Problem> {
        let ticked = form.below("c.").filter(|(_, value)| *value == "yes");
        let is_shown = |key: &str| self.shown.boxes.iter().any(|(known, _)| known == key);
        let boxes: Vec<ConsentKey> =
            ticked.filter(|(key, _)| is_shown(key)).filter_map(|(key, _)| ConsentKey::parse(key)).collect();
        // What rests on no consent is said yes to without a box.
        let needs_none = act == Act::Confirm && self.shown.is_asked_again;
        if boxes.is_empty() && !needs_none {
            return Ok(self.ask_again(act, choose(self.language)));
        }
        let (acts, operator) = (&self.persons.acts, self.visitor.operator.clone());
        let said = self.own.said(form.value("notice"), self.language);
        if act == Act::Confirm {
            let is_to_boxes = !boxes.is_empty();
            return match acts.confirm(self.request, &operator, self.own, (boxes, said)).await {
                Ok(changed) => self.show_again(confirmed(changed, is_to_boxes, self.language)).await,
                Err(problem) if is_no_yes(problem.code) => {
                    Ok(self.ask_again(act, self.persons.house(|house| no_yes(house, self.language))))
                }
                Err(problem) => Err(problem),
            };
        }
        let came = acts.withdraw(self.request, &withdrawing(operator), self.own, (&boxes, said)).await?;
        match came.erasures.is_empty() && !came.is_left {
            true => self.show_again(withdrawn(self.language)).await,
            false => self.end(act, &came).await,
        }
    }

    /// A copy goes to the mailbox of the record, where mails are sent.
    async fn copy(&self) -> Result<HttpResponse, Problem> {
        let asked = match self.shown.copy_to {
            Some(_) => self.persons.acts.send_copy(&self.visitor.operator, self.own).await?,
            None => AskedFor::Not,
        };
        let came = match asked {
            AskedFor::Queued => Copying::Begun,
            AskedFor::Already => Copying::Already,
            AskedFor::Not => Copying::Not,
        };
        Ok(self.show(self.shown, copied(came, self.language)))
    }

    /// The page as it is now, with what was just done.
    async fn show_again(&self, banner: &'static str) -> Result<HttpResponse, Problem> {
        // What was done is done, also where the disk has no room for the line of another look.
        let after = match self.visitor.look(self.persons, self.language).await {
            Err(problem) if problem.is_of_full_disk() => return Ok(self.show_unseen(banner)),
            after => after?,
        };
        let after = after.as_ref().and_then(|after| self.persons.shown(after, self.language));
        Ok(self.show(after.as_ref().unwrap_or(self.shown), banner))
    }

    /// The page of what cannot be looked at now: what was shown before is not so any more.
    fn show_unseen(&self, banner: &'static str) -> HttpResponse {
        let sheet = self.persons.sheet(|house| unseen(&self.shown.purpose, house, self.language));
        let sheet = Sheet { banner: Some(banner.to_owned()), ..sheet };
        self.persons.press.answer(StatusCode::OK, &sheet)
    }

    fn show(&self, shown: &Shown, banner: &'static str) -> HttpResponse {
        let banner = Some(banner);
        let sheet = self.persons.sheet(|house| own(shown, house, self.language, banner));
        self.persons.press.answer(StatusCode::OK, &sheet)
    }

    /// The form once more, with what is the matter.
    fn ask_again(&self, act: Act, refused: String) -> HttpResponse {
        let token = self.pass.form_token(act.code());
        let sheet =
            self.persons.sheet(|house| asking(act, token, self.shown, house, self.language, Some(refused)));
        self.persons.press.answer(ProblemCode::ValueInvalid.status(), &sheet)
    }
}
