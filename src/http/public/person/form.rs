//! What was posted: a form's fields, each at most once, within bounds. Values are wiped.

use actix_web::web::Query;
use actix_web::{HttpRequest, web};

use crate::http::problem::ProblemCode;
use crate::http::public::person::{FORM_BYTES_MAX, FORM_WITHIN, Persons};
use crate::secret::Wiped;

/// So many fields are read.
const FIELDS_MAX: usize = 128;

/// The fields of a form. It may hold answers: no `Debug`.
pub(super) struct Form(Vec<(String, Wiped<String>)>);

impl Form {
    /// Reads it.
    ///
    /// # Errors
    /// Too large, too slow, no room, or no form.
    pub(super) async fn read(
        persons: &Persons,
        request: &HttpRequest,
        payload: web::Payload,
    ) -> Result<Self, ProblemCode> {
        let share = persons.proxies.share(request);
        let body = persons.budget.read(request, payload, share, FORM_BYTES_MAX, FORM_WITHIN).await;
        let body = body.map_err(|error| error.problem())?;
        Self::parse(&body.bytes)
    }

    /// Reads what a browser posts (`application/x-www-form-urlencoded`).
    fn parse(bytes: &[u8]) -> Result<Self, ProblemCode> {
        let text = std::str::from_utf8(bytes).map_err(|_| ProblemCode::BodyInvalid)?;
        let fields =
            Query::<Vec<(String, String)>>::from_query(text).map_err(|_| ProblemCode::BodyInvalid)?;
        let fields = fields.into_inner();
        let is_twice = |at: usize, name: &str| fields.iter().skip(at + 1).any(|(other, _)| other == name);
        if fields.len() > FIELDS_MAX || fields.iter().enumerate().any(|(at, (name, _))| is_twice(at, name)) {
            return Err(ProblemCode::BodyInvalid);
        }
        Ok(Self(fields.into_iter().map(|(name, value)| (name, Wiped::new(value))).collect()))
    }

    /// The value of a field; nothing: it was not posted.
    pub(super) fn value(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }

    /// The fields whose names begin so, without that.
    pub(super) fn below<'f>(&'f self, prefix: &'f str) -> impl Iterator<Item = (&'f str, &'f str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_browsers_write_it() {
        let Ok(form) = Form::parse(b"do=correct&form=a-_&f.city=Saint-%C3%89tienne+Sud&f.name=") else {
            panic!("a form is taken")
        };
        assert_eq!((form.value("do"), form.value("form"), form.value("none")), ("correct", "a-_", ""));
        let fields: Vec<_> = form.below("f.").collect();
        assert_eq!(fields, [("city", "Saint-Étienne Sud"), ("name", "")]);
        assert!(Form::parse(b"").is_ok_and(|form| form.value("do").is_empty()));
    }

    #[test]
    fn what_says_a_thing_twice_or_is_no_text_is_refused() {
        for bad in [b"do=stop&do=erase".as_slice(), b"\xff", b"f.a=1&f.a=2"] {
            assert_eq!(Form::parse(bad).err(), Some(ProblemCode::BodyInvalid));
        }
        let many: Vec<String> = (0..=FIELDS_MAX).map(|at| format!("f.{at}=x")).collect();
        assert!(Form::parse(many.join("&").as_bytes()).is_err());
    }
}
