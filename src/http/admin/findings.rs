//! `GET /findings`, `GET /forms/{id}/findings`: what the form check found, and since when.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use crate::api::Moment;
use crate::api::findings::{Findings, FormFinding, FormFindings};
use crate::http::admin::AdminState;
use crate::http::admin::operator::{By, SeeForms};
use crate::http::problem::{Problem, ProblemCode};
use crate::id::FormId;
use crate::purpose::form_check::{FormLook, KeptFinding};
use crate::trail::Role;

/// What stands, of every form that was looked at.
pub(super) async fn list(by: By<SeeForms>, state: Data<AdminState>) -> Result<HttpResponse, Problem> {
    let in_words = by.operator.role() != Role::Viewer;
    let looks = state.store.form_looks().await?;
    let forms = looks.iter().map(|look| shown(look, look.standing(), in_words)).collect();
    Ok(HttpResponse::Ok().json(Findings { forms }))
}

/// What stands of one form, and what ended.
pub(super) async fn show(
    by: By<SeeForms>,
    state: Data<AdminState>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let unknown = Problem::of(ProblemCode::FormUnknown);
    let form = FormId::parse(&id).ok_or(unknown.clone())?;
    let look = state.store.form_look(&form).await?.ok_or(unknown)?;
    let in_words = by.operator.role() != Role::Viewer;
    Ok(HttpResponse::Ok().json(shown(&look, look.findings.iter(), in_words)))
}

fn shown<'k>(look: &FormLook, kept: impl Iterator<Item = &'k KeptFinding>, in_words: bool) -> FormFindings {
    let finding = |kept: &KeptFinding| {
        let found = &kept.finding;
        FormFinding {
            severity: found.severity.into(),
            code: found.code.into(),
            purpose: found.purpose.clone(),
            consent: found.consent.as_ref().map(|consent| consent.as_str().to_owned()),
            question: found.question.clone().filter(|_| in_words),
            asks: found.asks().filter(|_| in_words).map(|asks| asks.to_string()),
            first_seen_at: Moment(kept.first_seen),
            last_seen_at: Moment(kept.last_seen),
            ended_at: kept.ended.map(Moment),
        }
    };
    FormFindings {
        form_id: look.form,
        looked_at: Moment(look.looked_at),
        changed_at: look.changed_at.map(Moment),
        revision: look.revision.map(|revision| revision.to_string()),
        findings: kept.map(finding).collect(),
    }
}
