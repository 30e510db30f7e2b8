//! A form's definition, as Graph gives it: its page, the key and the type of each question, its language, and what it says
//! beside its questions.

use crate::graph::Graph;
use crate::graph::client::Target;
use crate::graph::failure::{Cause, Decision, Failure, Fault, Refusal};
use crate::graph::legal::legal;
use crate::id::{FormId, PageId};
use crate::json::Json;
use crate::notification::ParkCode;
use crate::purpose::{FormDefinition, Question};

/// Graph gives every part of a question by this; asking for parts by name is not in the documents.
///
/// Which of the fields a token may not see, or a form does not give, Graph does not say (for some forms it answers code 100
/// where `legal_content` is asked for). So who is refused asks for less: without the one, without the other, for what it
/// cannot do without.
const FIELDS: [&str; 4] = [
    "id,locale,questions,page,legal_content",
    "id,locale,questions,page",
    "id,locale,questions,legal_content",
    "id,questions",
];
/// A definition is texts in one language: a larger one is none.
const DEFINITION_BYTES_MAX: usize = 1_000_000;
/// A name is short.
const NAME_REPLY_BYTES_MAX: usize = 16 * 1024;
const NAME_CHARS_MAX: usize = 200;
/// Questions that are kept; Meta's forms have a few dozen at most.
const QUESTIONS_MAX: usize = 500;
/// A longer key is not kept: its answers are dropped as unknown.
const KEY_BYTES_MAX: usize = 1_000;
const TYPE_BYTES_MAX: usize = 64;
/// Meta's locales are `fr_FR` and the like.
const LOCALE_BYTES_MAX: usize = 35;

impl Graph {
    pub(super) async fn form(&self, page: &PageId, form: &FormId) -> Result<FormDefinition, Failure> {
        let Some(access) = self.access(page) else { return Err(self.no_token()) };
        let max_bytes = self.reply_max_bytes.min(DEFINITION_BYTES_MAX);
        let [all, fewer @ ..] = FIELDS;
        let mut asked = self.call(&access, Target::Form(form, all), max_bytes).await.outcome;
        for fields in fewer {
            if !asked.as_ref().is_err_and(|refused| refused.fault.is_some_and(is_of_fields)) {
                break;
            }
            asked = self.call(&access, Target::Form(form, fields), max_bytes).await.outcome;
        }
        let found = asked.map_err(|refused| match refused.fault {
            // Graph's word is needed for that: an odd reply may be better the next time.
            Some(fault) if fault.ends_form() && refused.failure.graph.is_some() => for_good(refused.failure),
            _ => Failure { code: waits_as(refused.failure.code), ..refused.failure },
        })?;
        match parse(form, found.body.expose()) {
            Parsed::Definition(definition) => Ok(*definition),
            Parsed::Withheld => Err(for_good(Refusal::plain(Fault::Permission, Cause::NoLead).failure())),
            Parsed::Foreign => {
                let failure = Refusal::plain(Fault::Passing, Cause::Foreign).failure();
                Err(Failure { code: ParkCode::FormUnread, ..failure })
            }
        }
    }
}

/// True if it may be a field that Graph refuses, and not the form.
fn is_of_fields(fault: Fault) -> bool {
    matches!(fault, Fault::Request | Fault::Permission | Fault::Field)
}

impl Graph {
    /// What a form is called; none: Graph does not say, or the page cannot be read now.
    pub(super) async fn name(&self, page: &PageId, form: &FormId) -> Option<String> {
        let access = self.access(page)?;
        let called = self.call(&access, Target::Form(form, "id,name"), NAME_REPLY_BYTES_MAX).await;
        name_in(form, called.outcome.ok()?.body.expose())
    }
}

fn name_in(form: &FormId, body: &[u8]) -> Option<String> {
    let document = Json::read(body)?;
    let member = |wanted: &str| document.members().find(|(name, _)| name == wanted).map(|(_, value)| value);
    if member("id").and_then(Json::number_or_text).is_some_and(|id| id != form.as_str()) {
        return None;
    }
    let name: String = member("name")?.text()?.chars().take(NAME_CHARS_MAX).collect();
    (!name.trim().is_empty()).then_some(name)
}

fn for_good(failure: Failure) -> Failure {
    Failure { decision: Decision::ForGood, code: ParkCode::FormUnread, ..failure }
}

/// A lead that waits for its form says so, unless the page waits as a whole.
fn waits_as(code: ParkCode) -> ParkCode {
    match code {
        ParkCode::GraphUnavailable | ParkCode::LeadUnreadable => ParkCode::FormUnread,
        halted => halted,
    }
}

enum Parsed {
    Definition(Box<FormDefinition>),
    /// No questions: Graph leaves out what a token may not see, without a word.
    Withheld,
    /// It is another form's.
    Foreign,
}

/// The definition in a reply, if it is one. For the fuzzer.
pub(super) fn read(form: &FormId, body: &[u8]) -> Option<FormDefinition> {
    match parse(form, body) {
        Parsed::Definition(definition) => Some(*definition),
        Parsed::Withheld | Parsed::Foreign => None,
    }
}

fn parse(form: &FormId, body: &[u8]) -> Parsed {
    let Some(document) = Json::read(body) else { return Parsed::Foreign };
    let member = |wanted: &str| document.members().find(|(name, _)| name == wanted).map(|(_, value)| value);
    if member("id").and_then(Json::number_or_text).is_some_and(|id| id != form.as_str()) {
        return Parsed::Foreign;
    }
    let Some(list) = member("questions") else { return Parsed::Withheld };
    // Lists are also seen as `{"data":[…]}`.
    let wrapped = list.members().filter(|(name, _)| name == "data").flat_map(|(_, data)| data.elements());
    let questions: Vec<Question> =
        list.elements().chain(wrapped).filter_map(question).take(QUESTIONS_MAX).collect();
    if questions.is_empty() {
        return Parsed::Withheld;
    }
    let locale = member("locale").and_then(Json::text).unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let is_good = locale.len() <= LOCALE_BYTES_MAX && locale.bytes().all(plain);
    let locale = if is_good { locale.into_owned() } else { String::new() };
    let legal = legal(member("legal_content"));
    Parsed::Definition(Box::new(FormDefinition {
        form: *form,
        page: member("page").and_then(page),
        locale,
        questions,
        legal,
    }))
}

/// Given as an object with its id; as the id alone where it is not expanded. What is no id says nothing.
fn page(raw: Json<'_>) -> Option<PageId> {
    let id = raw.members().find(|(name, _)| name == "id").map(|(_, value)| value).unwrap_or(raw);
    id.number_or_text().and_then(|digits| PageId::parse(&digits))
}

fn question(raw: Json<'_>) -> Option<Question> {
    let text =
        |wanted: &str| raw.members().find(|(name, _)| name == wanted).and_then(|(_, value)| value.text());
    let key = text("key").filter(|key| !key.is_empty() && key.len() <= KEY_BYTES_MAX)?.into_owned();
    let question_type = text("type").filter(|kind| kind.len() <= TYPE_BYTES_MAX).unwrap_or_default();
    Some(Question { key, question_type: question_type.to_ascii_uppercase() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::sample;

    fn form() -> FormId {
        sample::form(901)
    }

    fn questions(body: &str) -> Option<Vec<(String, String)>> {
        match parse(&form(), body.as_bytes()) {
            Parsed::Definition(definition) => {
                Some(definition.questions.into_iter().map(|q| (q.key, q.question_type)).collect())
            }
            Parsed::Withheld | Parsed::Foreign => None,
        }
    }

    #[test]
    fn questions_are_read_in_both_shapes_and_order() {
        let list = r#"[{"key":"vollst\u00e4ndiger_name","label":"x","type":"FULL_NAME","id":"1"},
            {"type":"EMAIL","key":"e-mail-adresse"},{"key":"what?","type":"custom","options":[{"key":"a"}]}]"#;
        let wanted = [("vollständiger_name", "FULL_NAME"), ("e-mail-adresse", "EMAIL"), ("what?", "CUSTOM")];
        let wanted: Vec<_> = wanted.map(|(key, kind)| (key.to_owned(), kind.to_owned())).to_vec();
        for body in [
            format!(r#"{{"id":"901","questions":{list}}}"#),
            format!(r#"{{"questions":{{"data":{list}}},"id":901}}"#),
            format!(r#"{{"questions":{list}}}"#),
        ] {
            assert_eq!(questions(&body).as_ref(), Some(&wanted), "{body}");
        }
    }

    #[test]
    fn a_name_is_the_forms_own_and_not_long() {
        for (body, wanted) in [
            (r#"{"id":"901","name":"Devis \u00e9t\u00e9"}"#, Some("Devis été")),
            (r#"{"name":"Devis"}"#, Some("Devis")),
            (r#"{"id":"902","name":"Devis"}"#, None),
            (r#"{"id":"901","name":" "}"#, None),
            (r#"{"id":"901","name":7}"#, None),
            (r#"{"id":"901"}"#, None),
            ("[]", None),
        ] {
            assert_eq!(name_in(&form(), body.as_bytes()).as_deref(), wanted, "{body}");
        }
        let long = format!(r#"{{"name":"{}"}}"#, "é".repeat(5_000));
        let name = name_in(&form(), long.as_bytes()).unwrap_or_default();
        assert_eq!(name.chars().count(), NAME_CHARS_MAX);
    }

    #[test]
    fn odd_questions_do_not_spoil_the_others() {
        let long = "k".repeat(KEY_BYTES_MAX + 1);
        let body = format!(
            r#"{{"questions":[null,1,"x",[],{{}},{{"key":""}},{{"key":7,"type":"EMAIL"}},{{"key":"{long}"}},
            {{"key":"a"}},{{"key":"b","type":null}},{{"key":"c","type":{{}}}}]}}"#
        );
        let wanted: Vec<_> = ["a", "b", "c"].map(|key| (key.to_owned(), String::new())).to_vec();
        assert_eq!(questions(&body), Some(wanted));
    }

    #[test]
    fn no_questions_means_withheld_and_another_form_is_not_ours() {
        for body in [r#"{"id":"901"}"#, r#"{"id":"901","questions":[]}"#, r#"{"id":"901","questions":null}"#]
        {
            assert!(matches!(parse(&form(), body.as_bytes()), Parsed::Withheld), "{body}");
        }
        let other = br#"{"id":"902","questions":[{"key":"a"}]}"#;
        assert!(matches!(parse(&form(), other), Parsed::Foreign));
    }

    #[test]
    fn its_page_is_read_where_it_is_one_and_unknown_otherwise() {
        let of =
            |page: &str| match parse(&form(), format!(r#"{{"questions":[{{"key":"a"}}]{page}}}"#).as_bytes())
            {
                Parsed::Definition(definition) => definition.page.map(|page| page.to_string()),
                Parsed::Withheld | Parsed::Foreign => panic!("a definition: {page}"),
            };
        for known in [
            r#","page":{"name":"x","id":"104"}"#,
            r#","page":{"id":104}"#,
            r#","page":"104""#,
            r#","page":104"#,
        ] {
            assert_eq!(of(known).as_deref(), Some("104"), "{known}");
        }
        for unknown in [
            "",
            r#","page":null"#,
            r#","page":{}"#,
            r#","page":{"id":null}"#,
            r#","page":{"id":"x"}"#,
            r#","page":["104"]"#,
        ] {
            assert_eq!(of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_form_without_end_is_cut() {
        let many = vec![r#"{"key":"a"}"#; QUESTIONS_MAX + 10].join(",");
        let read = questions(&format!(r#"{{"questions":[{many}]}}"#));
        assert_eq!(read.map(|questions| questions.len()), Some(QUESTIONS_MAX));
    }
}
