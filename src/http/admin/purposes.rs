//! `GET /purposes`: what may be held, and how much is.

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::api::purposes::{Purpose as Shown, Purposes};
use crate::http::admin::AdminState;
use crate::http::admin::operator::{By, See};
use crate::http::problem::Problem;
use crate::purpose::{Lifespan, Purpose, PurposeId};
use crate::trail::Role;

/// All purposes in the order of the config; an exporter sees its own.
pub(super) async fn list(by: By<See>, state: Data<AdminState>) -> Result<HttpResponse, Problem> {
    let stored = state.store.stored().await?;
    let policy = state.policy.pin();
    let all = policy.purposes().iter();
    let own = all.filter(|p| by.operator.role() != Role::Exporter || by.operator.purposes().contains(&p.id));
    let purposes = own.map(|purpose| shown(purpose, &stored)).collect();
    Ok(HttpResponse::Ok().json(Purposes { purposes }))
}

fn shown(purpose: &Purpose, stored: &HashMap<PurposeId, u64>) -> Shown {
    Shown {
        id: purpose.id.clone(),
        title: purpose.title.iter().cloned().collect(),
        basis: purpose.basis.into(),
        forms: purpose.forms.clone(),
        fields: purpose.whitelist.columns().into_iter().map(ToString::to_string).collect(),
        stored: stored.get(&purpose.id).copied().unwrap_or(0),
        lifespan: Lifespan::of(purpose).terms().into_iter().map(Into::into).collect(),
        retention_months: purpose.retention_months,
        retention_days: purpose.retention_days,
    }
}
