//! `GET /purposes`: what may be held, and how much is.

use std::collections::{BTreeMap, HashMap};

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::http::admin::Desk;
use crate::http::admin::operator::{By, See};
use crate::http::problem::Problem;
use crate::id::FormId;
use crate::purpose::{Basis, Purpose, PurposeId};
use crate::trail::Role;

#[derive(serde::Serialize)]
struct Answer<'p> {
    purposes: Vec<Shown<'p>>,
}

#[derive(serde::Serialize)]
struct Shown<'p> {
    id: &'p PurposeId,
    title: BTreeMap<&'p str, &'p str>,
    basis: Basis,
    forms: &'p [FormId],
    fields: Vec<&'p str>,
    stored: u64,
    retention_months: u32,
}

/// All purposes in the order of the config; an exporter sees its own.
pub(super) async fn list(by: By<See>, desk: Data<Desk>) -> Result<HttpResponse, Problem> {
    let stored = desk.store.stored().await?;
    let policy = desk.policy.pin();
    let all = policy.purposes().iter();
    let own = all.filter(|p| by.operator.role != Role::Exporter || by.operator.purposes.contains(&p.id));
    let purposes = own.map(|purpose| shown(purpose, &stored)).collect();
    Ok(HttpResponse::Ok().json(Answer { purposes }))
}

fn shown<'p>(purpose: &'p Purpose, stored: &HashMap<PurposeId, u64>) -> Shown<'p> {
    Shown {
        id: &purpose.id,
        title: purpose.title.iter().map(|(language, text)| (language.as_str(), text.as_str())).collect(),
        basis: purpose.basis,
        forms: &purpose.forms,
        fields: purpose.whitelist.columns().into_iter().map(|name| name.as_str()).collect(),
        stored: stored.get(&purpose.id).copied().unwrap_or(0),
        retention_months: purpose.retention_months,
    }
}
