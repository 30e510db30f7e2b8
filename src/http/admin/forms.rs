//! `GET /forms`: what is known of each form, and which question feeds which field.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::http::admin::Desk;
use crate::http::admin::operator::{By, SeeForms};
use crate::http::admin::record::Moment;
use crate::http::problem::Problem;
use crate::id::FormId;
use crate::purpose::{FormDefinition, Matching, Policy, Purpose, PurposeId};
use crate::store::KnownForm;
use crate::trail::Role;

#[derive(serde::Serialize)]
struct Answer<'f> {
    forms: Vec<Shown<'f>>,
}

#[derive(serde::Serialize)]
struct Shown<'f> {
    form_id: FormId,
    /// None: no purpose claims it any more.
    purpose: Option<&'f PurposeId>,
    read_at: Moment,
    /// False: Graph does not give the definition, and questions are matched by exact key.
    readable: bool,
    question_count: usize,
    /// Fields of the purpose that no question feeds.
    unfed: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    questions: Option<Vec<QuestionShown<'f>>>,
}

#[derive(serde::Serialize)]
struct QuestionShown<'f> {
    key: &'f str,
    #[serde(rename = "type")]
    question_type: &'f str,
    field: Option<String>,
}

/// All forms that were read. A viewer sees counts: questions are the form author's words, and may reveal by themselves.
pub(super) async fn list(by: By<SeeForms>, desk: Data<Desk>) -> Result<HttpResponse, Problem> {
    let known = desk.store.forms().await?;
    let policy = desk.policy.pin();
    let in_words = by.operator.role != Role::Viewer;
    let forms = known.iter().map(|form| shown(form, &policy, in_words)).collect();
    Ok(HttpResponse::Ok().json(Answer { forms }))
}

fn shown<'f>(known: &'f KnownForm, policy: &'f Policy, in_words: bool) -> Shown<'f> {
    let purpose = policy.of_form(&known.form);
    let definition = known.definition.as_ref();
    let matching = purpose.map(|purpose| Matching::new(purpose, definition));
    Shown {
        form_id: known.form,
        purpose: purpose.map(|purpose| &purpose.id),
        read_at: Moment(known.read_at),
        readable: definition.is_some(),
        question_count: definition.map_or(0, |definition| definition.questions.len()),
        unfed: definition
            .zip(purpose)
            .map(|(definition, purpose)| unfed(definition, purpose))
            .unwrap_or_default(),
        questions: definition.filter(|_| in_words).map(|definition| questions(definition, matching.as_ref())),
    }
}

fn questions<'f>(definition: &'f FormDefinition, matching: Option<&Matching<'_>>) -> Vec<QuestionShown<'f>> {
    let field = |key: &str| Some(matching?.permit(key)?.rule().name.to_string());
    let shown = definition.questions.iter().map(|question| QuestionShown {
        key: &question.key,
        question_type: &question.question_type,
        field: field(&question.key),
    });
    shown.collect()
}

fn unfed(definition: &FormDefinition, purpose: &Purpose) -> Vec<String> {
    Matching::new(purpose, Some(definition)).unfed().into_iter().map(ToString::to_string).collect()
}
