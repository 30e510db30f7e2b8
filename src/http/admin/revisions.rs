//! `GET /forms/{id}/revisions`, and one of them: what people saw who filled the form in.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use crate::api::Moment;
use crate::api::forms::{BoxSeen, ChoiceSeen, FormRevision, QuestionSeen, Revision, Revisions, TextSeen};
use crate::http::admin::AdminState;
use crate::http::admin::operator::{By, SeeRevisions};
use crate::http::problem::{Problem, ProblemCode};
use crate::id::FormId;
use crate::purpose::{Checkbox, FormDefinition, Legal, Question, TextHash, Wording};
use crate::store::FormSnapshot;

/// All that are kept of a form.
pub(super) async fn list(
    _: By<SeeRevisions>,
    state: Data<AdminState>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let form_id = FormId::parse(&id).ok_or(Problem::of(ProblemCode::FormUnknown))?;
    let known = state.store.form(&form_id).await?.ok_or(Problem::of(ProblemCode::FormUnknown))?;
    let now = known.definition.as_ref().map(FormDefinition::revision);
    let kept = state.store.revisions(&form_id).await?;
    let revisions = kept.iter().map(|kept| Revision {
        revision: kept.revision.to_string(),
        first_read_at: Moment(kept.first_read_at),
        current: now == Some(kept.revision),
    });
    Ok(HttpResponse::Ok().json(Revisions { form_id, revisions: revisions.collect() }))
}

/// One of them.
pub(super) async fn show(
    _: By<SeeRevisions>,
    state: Data<AdminState>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, revision) = path.into_inner();
    let form = FormId::parse(&id).ok_or(Problem::of(ProblemCode::FormUnknown))?;
    let unknown = Problem::of(ProblemCode::RevisionUnknown);
    let revision = TextHash::parse(&revision).ok_or(unknown.clone())?;
    if let Some(snapshot) = state.store.snapshot(&form, &revision).await? {
        return Ok(HttpResponse::Ok().json(shown(snapshot, revision)));
    }
    let is_known = state.store.form(&form).await?.is_some();
    Err(if is_known { unknown } else { Problem::of(ProblemCode::FormUnknown) })
}

fn shown(FormSnapshot { definition, first_read_at }: FormSnapshot, revision: TextHash) -> FormRevision {
    let FormDefinition { form, locale, questions, legal, .. } = definition.as_seen();
    let boxes_readable = legal.boxes().is_some();
    let (title, body, boxes, policy_url) = match legal {
        Legal::Read(content) => (content.title, content.body, content.boxes, content.policy_url),
        Legal::Withheld | Legal::NotAsked => (None, None, Vec::new(), None),
    };
    FormRevision {
        form_id: form,
        revision: revision.to_string(),
        first_read_at: Moment(first_read_at),
        locale: Some(locale).filter(|locale| !locale.is_empty()),
        questions: questions.into_iter().map(question).collect(),
        boxes_readable,
        title: title.map(text),
        body: body.map(text),
        boxes: boxes.into_iter().map(checkbox).collect(),
        policy_url,
    }
}

fn question(Question { key, question_type, asked, choices }: Question) -> QuestionSeen {
    let choices = choices.into_iter().map(|choice| ChoiceSeen { key: choice.key, label: choice.label });
    QuestionSeen { key, question_type, asked: asked.into(), choices: choices.collect() }
}

fn text(Wording { text, hash }: Wording) -> TextSeen {
    TextSeen { text, hash: hash.to_string() }
}

fn checkbox(found: Checkbox) -> BoxSeen {
    BoxSeen {
        key: found.key,
        text: found.text.text,
        text_hash: found.text.hash.to_string(),
        required: found.is_required,
        ticked_by_default: found.is_ticked_by_default,
    }
}
