//! `GET /forms`: what is known of each form, and which question feeds which field.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::api::Moment;
use crate::api::forms::{Box, Form, Forms, Question};
use crate::http::admin::Desk;
use crate::http::admin::operator::{By, SeeForms};
use crate::http::problem::Problem;
use crate::purpose::{FormDefinition, Matching, Policy, Purpose};
use crate::store::KnownForm;
use crate::trail::Role;

/// All forms that were read. A viewer sees counts: questions are the form author's words, and may reveal by themselves.
pub(super) async fn list(by: By<SeeForms>, desk: Data<Desk>) -> Result<HttpResponse, Problem> {
    let known = desk.store.forms().await?;
    let policy = desk.policy.pin();
    let in_words = by.operator.role() != Role::Viewer;
    let forms = known.iter().map(|form| shown(form, &policy, in_words)).collect();
    Ok(HttpResponse::Ok().json(Forms { forms }))
}

fn shown(known: &KnownForm, policy: &Policy, in_words: bool) -> Form {
    let purpose = policy.of_form(&known.form);
    let definition = known.definition.as_ref();
    let matching = purpose.map(|purpose| Matching::new(purpose, definition));
    Form {
        form_id: known.form,
        page_id: definition.and_then(|definition| definition.page),
        purpose: purpose.map(|purpose| purpose.id.clone()),
        read_at: Moment(known.read_at),
        readable: definition.is_some(),
        question_count: definition.map_or(0, |definition| definition.questions.len()),
        unfed: definition
            .zip(purpose)
            .map(|(definition, purpose)| unfed(definition, purpose))
            .unwrap_or_default(),
        revision: definition.map(|definition| definition.revision().to_string()),
        locale: definition.map(|definition| definition.locale.clone()).filter(|locale| !locale.is_empty()),
        boxes_readable: definition.is_some_and(|definition| definition.legal.boxes().is_some()),
        boxes: definition.filter(|_| in_words).and_then(|definition| boxes(definition, purpose)),
        questions: definition.filter(|_| in_words).map(|definition| questions(definition, matching.as_ref())),
    }
}

fn questions(definition: &FormDefinition, matching: Option<&Matching<'_>>) -> Vec<Question> {
    let field = |key: &str| Some(matching?.permit(key)?.rule().name.to_string());
    let shown = definition.questions.iter().map(|question| Question {
        key: question.key.clone(),
        question_type: question.question_type.clone(),
        field: field(&question.key),
    });
    shown.collect()
}

fn boxes(definition: &FormDefinition, purpose: Option<&Arc<Purpose>>) -> Option<Vec<Box>> {
    let consent = |key: &str| {
        let mut rules = purpose?.consents.iter();
        let counts = rules.find(|rule| rule.keys_on(&definition.form).any(|counted| counted == key))?;
        Some(counts.key.to_string())
    };
    let boxes = definition.legal.boxes()?.iter().map(|found| Box {
        key: found.key.clone(),
        text: found.text.text.clone(),
        text_hash: found.text.hash.to_string(),
        ticked_by_default: found.is_ticked_by_default,
        consent: consent(&found.key),
    });
    Some(boxes.collect())
}

fn unfed(definition: &FormDefinition, purpose: &Purpose) -> Vec<String> {
    Matching::new(purpose, Some(definition)).unfed().into_iter().map(ToString::to_string).collect()
}
