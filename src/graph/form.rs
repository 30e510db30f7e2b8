//! A form's definition, as Graph gives it: its page, the key and the type of each question, its language, and what it says
//! beside its questions.

use std::borrow::Cow;

use crate::graph::Graph;
use crate::graph::client::Target;
use crate::graph::failure::{Cause, Decision, Failure, Fault, Refusal};
use crate::graph::legal::legal;
use crate::id::{FormId, PageId};
use crate::json::{Json, Kind};
use crate::notification::ParkCode;
use crate::purpose::law::key_of_type;
use crate::purpose::{Asked, Choice, FormDefinition, Question};

/// Graph gives every part of a question by this; asking for parts by name is not in the documents.
///
/// Which of the fields a token may not see, or a form does not give, Graph does not say (for some forms it answers code 100
/// where `legal_content` is asked for). So who is refused asks for less: without the one, without the other, for what it
/// cannot do without.
pub(super) const FIELDS: [&str; 4] = [
    "id,locale,questions,page,name,tracking_parameters,legal_content",
    "id,locale,questions,page,name,tracking_parameters",
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
/// What all keys and types may have together, so that the store takes the definition: what comes after is unknown.
const KEYS_BYTES_MAX: usize = 14 * 1024;
/// What all choices may have together: a question whose choices are beyond keeps none, and its answers their keys.
const CHOICES_BYTES_MAX: usize = 6 * 1024;
/// What a question or a choice takes beside its texts.
const FRAME_BYTES: usize = 8;
/// A longer name is none.
const NAME_BYTES_MAX: usize = 400;

impl Graph {
    pub(super) async fn form(&self, page: &PageId, form: &FormId) -> Result<FormDefinition, Failure> {
        let Some(access) = self.access(page) else { return Err(self.no_token()) };
        let max_bytes = self.reply_max_bytes.min(DEFINITION_BYTES_MAX);
        let [all, fewer @ ..] = FIELDS;
        let mut is_partial = false;
        let mut asked = self.call(&access, Target::Form(form, all), max_bytes).await.outcome;
        for fields in fewer {
            if !asked.as_ref().is_err_and(|refused| refused.fault.is_some_and(is_of_fields)) {
                break;
            }
            is_partial = !fields.contains("tracking_parameters");
            asked = self.call(&access, Target::Form(form, fields), max_bytes).await.outcome;
        }
        let found = asked.map_err(|refused| match refused.fault {
            // Graph's word is needed for that: an odd reply may be better the next time.
            Some(fault) if fault.ends_form() && refused.failure.graph.is_some() => for_good(refused.failure),
            _ => Failure { code: waits_as(refused.failure.code), ..refused.failure },
        })?;
        match parse(form, found.body.expose()) {
            Parsed::Definition(definition) => Ok(FormDefinition { is_partial, ..*definition }),
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
    let mut found = Found::default();
    for raw in elements(list) {
        found.question(raw);
    }
    // A key that a question has is that question's, whatever else goes by it: these come after all questions.
    for raw in elements(list) {
        found.standard_without_key(raw);
    }
    if found.questions.is_empty() {
        return Parsed::Withheld;
    }
    for raw in elements(list) {
        found.dependent(raw);
    }
    if let Some(raw) = member("tracking_parameters") {
        found.hidden(raw);
    }
    let name = text(document, "name", NAME_BYTES_MAX).filter(|name| !name.trim().is_empty());
    let name = name.map(Cow::into_owned);
    let locale = member("locale").and_then(Json::text).unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let is_good = locale.len() <= LOCALE_BYTES_MAX && locale.bytes().all(plain);
    let locale = if is_good { locale.into_owned() } else { String::new() };
    let legal = legal(member("legal_content"));
    Parsed::Definition(Box::new(FormDefinition {
        form: *form,
        page: member("page").and_then(page),
        locale,
        name,
        questions: found.questions,
        is_partial: false,
        legal,
    }))
}

/// Given as an object with its id; as the id alone where it is not expanded. What is no id says nothing.
fn page(raw: Json<'_>) -> Option<PageId> {
    let id = raw.members().find(|(name, _)| name == "id").map(|(_, value)| value).unwrap_or(raw);
    id.number_or_text().and_then(|digits| PageId::parse(&digits))
}

/// The elements of a list, which is also seen as `{"data":[…]}`.
fn elements(list: Json<'_>) -> impl Iterator<Item = Json<'_>> {
    let wrapped = list.members().filter(|(name, _)| name == "data").flat_map(|(_, data)| data.elements());
    list.elements().chain(wrapped)
}

/// The first member of this name, if it is not `null`.
fn first<'j>(raw: Json<'j>, wanted: &str) -> Option<Json<'j>> {
    raw.members().find(|(name, _)| name == wanted).map(|(_, value)| value).filter(|value| !value.is_null())
}

/// A text of at most so many bytes, with something in it.
fn text<'j>(raw: Json<'j>, wanted: &str, max: usize) -> Option<Cow<'j, str>> {
    first(raw, wanted)?.text().filter(|text| !text.is_empty() && text.len() <= max)
}

/// What was found of a form's questions, within the bounds of what is kept.
#[derive(Default)]
struct Found {
    questions: Vec<Question>,
    keys_bytes: usize,
    choices_bytes: usize,
}

impl Found {
    fn push(&mut self, question: Question) {
        let bytes = question.key.len() + question.question_type.len() + FRAME_BYTES;
        if self.questions.len() < QUESTIONS_MAX && self.keys_bytes + bytes <= KEYS_BYTES_MAX {
            self.keys_bytes += bytes;
            self.questions.push(question);
        }
    }

    fn question(&mut self, raw: Json<'_>) {
        if let Some(key) = text(raw, "key", KEY_BYTES_MAX) {
            let question = Question::new(&key, &question_type(raw));
            let choices = self.choices(raw);
            self.push(Question { choices, ..question });
        }
    }

    /// A standard question that stands there without a key goes by its type's own (seen in public code). Where another
    /// question has that key, nobody can tell the answers apart, and the key stays the other's.
    fn standard_without_key(&mut self, raw: Json<'_>) {
        let has_key = first(raw, "key").is_some_and(|key| key.text().is_none_or(|key| !key.is_empty()));
        let question_type = question_type(raw);
        if let Some(key) = key_of_type(&question_type).filter(|key| !has_key && !self.knows(key)) {
            let choices = self.choices(raw);
            self.push(Question { choices, ..Question::new(key, &question_type) });
        }
    }

    /// `dependent_conditional_questions` of a question: answers come under the `name` of each.
    fn dependent(&mut self, raw: Json<'_>) {
        let dependents = first(raw, "dependent_conditional_questions");
        for raw in dependents.into_iter().flat_map(elements) {
            let mut names = ["name", "field_key", "key"].into_iter();
            if let Some(name) = names.find_map(|name| text(raw, name, KEY_BYTES_MAX)) {
                self.unseen(&name, Asked::Dependent);
            }
        }
    }

    /// `tracking_parameters`: a list of `{"key":…,"value":…}`, or an object. The values are the form author's, and not kept.
    fn hidden(&mut self, raw: Json<'_>) {
        let is_wrapped = first(raw, "data").is_some_and(|data| data.kind() == Kind::Array);
        if raw.kind() == Kind::Object && !is_wrapped {
            for (name, _) in raw.members().filter(|(name, _)| !name.is_empty() && name.len() <= KEY_BYTES_MAX)
            {
                self.unseen(&name, Asked::Hidden);
            }
            return;
        }
        for raw in elements(raw) {
            let mut names = ["key", "name"].into_iter();
            if let Some(name) = names.find_map(|name| text(raw, name, KEY_BYTES_MAX)) {
                self.unseen(&name, Asked::Hidden);
            }
        }
    }

    fn unseen(&mut self, key: &str, asked: Asked) {
        if !self.knows(key) {
            self.push(Question { asked, ..Question::new(key, "") });
        }
    }

    fn knows(&self, key: &str) -> bool {
        self.questions.iter().any(|question| question.key == key)
    }

    /// The choices of a question whose keys are not their texts: all, or none where they are too much.
    fn choices(&mut self, raw: Json<'_>) -> Vec<Choice> {
        let room = CHOICES_BYTES_MAX.saturating_sub(self.choices_bytes);
        let (mut choices, mut bytes) = (Vec::new(), 0);
        for raw in first(raw, "options").into_iter().flat_map(elements) {
            let texts = (text(raw, "key", KEY_BYTES_MAX), text(raw, "value", KEY_BYTES_MAX));
            let (Some(key), Some(label)) = texts else { continue };
            if key == label {
                continue;
            }
            bytes += key.len() + label.len() + FRAME_BYTES;
            if bytes > room {
                return Vec::new();
            }
            choices.push(Choice { key: key.into_owned(), label: label.into_owned() });
        }
        self.choices_bytes += bytes;
        choices
    }
}

fn question_type(raw: Json<'_>) -> String {
    text(raw, "type", TYPE_BYTES_MAX).unwrap_or_default().to_ascii_uppercase()
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

    fn definition(body: &str) -> FormDefinition {
        let Parsed::Definition(definition) = parse(&form(), body.as_bytes()) else { panic!("{body}") };
        *definition
    }

    /// What a form asks, in one line: `key:TYPE`, or what else it is in brackets.
    fn outline(body: &str) -> String {
        let one = |question: &Question| match question.asked {
            Asked::Question => format!("{}:{}", question.key, question.question_type),
            asked => format!("{}:({asked})", question.key),
        };
        definition(body).questions.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_standard_question_without_a_key_goes_by_its_types_own() {
        for (questions, wanted) in [
            (r#"{"type":"EMAIL"}"#, "email:EMAIL"),
            (r#"{"type":"phone","key":null,"label":"Tel"}"#, "phone_number:PHONE"),
            (r#"{"type":"ZIP","key":""},{"type":"DOB"}"#, "zip_code:ZIP date_of_birth:DOB"),
            (r#"{"type":"EMAIL"},{"type":"EMAIL"}"#, "email:EMAIL"),
            (r#"{"type":"EMAIL"},{"type":"FULL_NAME","key":"name"}"#, "name:FULL_NAME email:EMAIL"),
            // Somebody's own question goes by that key: whose answer it is nobody can tell.
            (r#"{"type":"EMAIL"},{"type":"CUSTOM","key":"email"}"#, "email:CUSTOM"),
            // No type tells the key of these.
            (r#"{"type":"CUSTOM"},{"type":"VIN"},{},{"type":"EMAIL","key":7},{"key":"a"}"#, "a:"),
        ] {
            assert_eq!(outline(&format!(r#"{{"questions":[{questions}]}}"#)), wanted, "{questions}");
        }
    }

    #[test]
    fn hidden_parameters_and_dependent_questions_are_questions() {
        for (hidden, wanted) in [
            (r#"{"utm_source":"fb","utm_campaign":null}"#, "utm_source:(hidden) utm_campaign:(hidden)"),
            (r#"[{"key":"utm_source","value":"fb"},{"value":"x"},7,null]"#, "utm_source:(hidden)"),
            (r#"{"data":[{"value":"fb","key":"utm_source"}]}"#, "utm_source:(hidden)"),
            (r#"{"data":"fb"}"#, "data:(hidden)"),
            (r#"{"pays":"x","":"y","ville":"z"}"#, "ville:(hidden)"),
            ("[]", ""),
            ("null", ""),
            (r#""utm""#, ""),
        ] {
            let body = format!(
                r#"{{"tracking_parameters":{hidden},"questions":[{{"key":"pays","type":"CUSTOM"}}]}}"#
            );
            assert_eq!(outline(&body), format!("pays:CUSTOM {wanted}").trim_end(), "{hidden}");
        }
        for (dependent, wanted) in [
            (
                r#"[{"name":"r\u00e9gion","input_type":"x"},{"name":"ville"}]"#,
                "région:(dependent) ville:(dependent)",
            ),
            (r#"{"data":[{"name":"ville"}]}"#, "ville:(dependent)"),
            (r#"[{"field_key":"ville"},{"name":""},{},7]"#, "ville:(dependent)"),
            (r#"[{"name":"pays"},{"name":"email"}]"#, ""),
            ("null", ""),
        ] {
            let body = format!(
                r#"{{"questions":[{{"key":"pays","type":"CUSTOM","dependent_conditional_questions":{dependent}}},
                    {{"type":"EMAIL"}}]}}"#
            );
            let wanted = format!("pays:CUSTOM email:EMAIL {wanted}");
            assert_eq!(outline(&body), wanted.trim_end(), "{dependent}");
        }
        let hidden_alone = br#"{"questions":[],"tracking_parameters":{"utm_source":"fb"}}"#;
        assert!(matches!(parse(&form(), hidden_alone), Parsed::Withheld));
    }

    #[test]
    fn a_name_is_kept_if_it_is_one() {
        let long = format!("\"{}\"", "x".repeat(NAME_BYTES_MAX + 1));
        for (name, wanted) in
            [("\"Devis é\"", Some("Devis é")), ("null", None), ("\" \"", None), (&long, None)]
        {
            let body = format!(r#"{{"name":{name},"questions":[{{"key":"a"}}]}}"#);
            assert_eq!(definition(&body).name.as_deref(), wanted);
        }
    }

    #[test]
    fn choices_whose_keys_are_not_their_texts_are_kept_whole_or_not_at_all() {
        let shown = |options: &str| {
            let body = format!(
                r#"{{"questions":[{{"key":"a","options":{options}}},{{"key":"b","options":[{{"key":"1","value":"one"}}]}}]}}"#
            );
            let one = |choice: &Choice| format!("{}={}", choice.key, choice.label);
            let choices =
                |question: &Question| question.choices.iter().map(one).collect::<Vec<_>>().join(" ");
            definition(&body).questions.iter().map(choices).collect::<Vec<_>>()
        };
        let odd = r#"[{"key":"k","value":"Texte"},{"key":"same","value":"same"},{"value":"x"},{"key":7,"value":"x"},null]"#;
        assert_eq!(shown(odd), ["k=Texte", "1=one"]);
        assert_eq!(shown(r#"{"data":[{"key":"k","value":"Texte"}]}"#), ["k=Texte", "1=one"]);
        let many: Vec<String> =
            (0..500).map(|n| format!(r#"{{"key":"k{n}","value":"Texte {n}"}}"#)).collect();
        assert_eq!(shown(&format!("[{}]", many.join(","))), ["", "1=one"], "half of them would be a riddle");
    }

    #[test]
    fn keys_that_the_store_would_not_take_are_not_kept() {
        let many: Vec<String> = (0..40).map(|n| format!(r#"{{"key":"{n}{}"}}"#, "é".repeat(450))).collect();
        let read = questions(&format!(r#"{{"questions":[{}]}}"#, many.join(","))).expect("a definition");
        let bytes: usize = read.iter().map(|(key, _)| key.len() + FRAME_BYTES).sum();
        assert!(bytes <= KEYS_BYTES_MAX && bytes > KEYS_BYTES_MAX - 1_000, "{bytes}");
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
