//! `GET /forms`: what is known of each form, and which question feeds which field.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::api::Moment;
use crate::api::forms::{Box, Form, Forms, Question};
use crate::http::admin::AdminState;
use crate::http::admin::operator::{By, SeeForms};
use crate::http::problem::Problem;
use crate::purpose::{FormDefinition, Policy, PurposeId, SharedForm};
use crate::store::KnownForm;
use crate::trail::Role;

/// All forms that were read. A viewer sees counts: questions are the form author's words, and may reveal by themselves.
pub(super) async fn list(by: By<SeeForms>, state: Data<AdminState>) -> Result<HttpResponse, Problem> {
    let known = state.store.forms().await?;
    let policy = state.policy.pin();
    let in_words = by.operator.role() != Role::Viewer;
    let forms = known.iter().map(|form| shown(form, &policy, in_words)).collect();
    Ok(HttpResponse::Ok().json(Forms { forms }))
}

fn shown(known: &KnownForm, policy: &Policy, in_words: bool) -> Form {
    let definition = known.definition.as_ref();
    let claimants = policy.of_form(&known.form);
    let form = SharedForm::new(&claimants, definition).counting_as(claimants.copy_of);
    let purposes: Vec<PurposeId> = form.purposes().cloned().collect();
    let policy_url = definition.and_then(|definition| definition.legal.policy_url());
    Form {
        form_id: known.form,
        page_id: definition.and_then(|definition| definition.page),
        purpose: purposes.first().cloned(),
        purposes,
        read_at: Moment(known.read_at),
        readable: definition.is_some(),
        partial: definition.is_some_and(|definition| definition.is_partial),
        question_count: definition.map_or(0, |definition| definition.questions.len()),
        unfed: definition.map(|_| form.unfed()).unwrap_or_default(),
        copy_of: claimants.copy_of,
        differs: policy.copies().differing(&known.form).filter(|_| in_words).map(|found| (&*found).into()),
        revision: definition.map(|definition| definition.revision().to_string()),
        locale: definition.map(|definition| definition.locale.clone()).filter(|locale| !locale.is_empty()),
        boxes_readable: definition.is_some_and(|definition| definition.legal.boxes().is_some()),
        policy_url: policy_url.filter(|_| in_words).map(str::to_owned),
        boxes: definition.filter(|_| in_words).and_then(|definition| boxes(definition, &form)),
        questions: definition.filter(|_| in_words).map(|definition| questions(definition, &form)),
    }
}

fn questions(definition: &FormDefinition, form: &SharedForm<'_>) -> Vec<Question> {
    let is_shared = form.purposes().count() > 1;
    let shown = definition.questions.iter().map(|question| {
        let fields = form.fed_by(&question.key);
        Question {
            key: question.key.clone(),
            question_type: question.question_type.clone(),
            asked: question.asked.into(),
            field: fields.first().cloned(),
            fields: is_shared.then_some(fields),
        }
    });
    shown.collect()
}

fn boxes(definition: &FormDefinition, form: &SharedForm<'_>) -> Option<Vec<Box>> {
    let boxes = definition.legal.boxes()?.iter().map(|found| Box {
        key: found.key.clone(),
        text: found.text.text.clone(),
        text_hash: found.text.hash.to_string(),
        ticked_by_default: found.is_ticked_by_default,
        consent: form.counting(&definition.form, &found.key),
    });
    Some(boxes.collect())
}
