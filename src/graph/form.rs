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
mod tests;
