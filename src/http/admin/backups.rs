//! `POST /backups`: a copy of store and keyring while tamis runs.

use std::path::PathBuf;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::api::Moment;
use crate::api::backups::{BackUp, BackedUp};
use crate::http::admin::body::read;
use crate::http::admin::operator::{BackUp as MayBackUp, By};
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::store::{Backups, StoreCode};
use crate::trail::{Action, Entry};

/// Makes one; it is there when this answers.
pub(super) async fn back_up(
    by: By<MayBackUp>,
    backups: Data<dyn Backups>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let BackUp { directory } = read(&request, payload).await?;
    if directory.contains('\0') {
        return Err(Problem::of(ProblemCode::DirectoryRefused).at("directory"));
    }
    let entry = Entry::by(&by.operator, Action::BackedUp);
    let made = backups.back_up(PathBuf::from(directory), entry).await;
    let made = made.map_err(|error| match error.code {
        // Whoever else is turned away meanwhile may come again; of these there is one at a time.
        StoreCode::CopyUnderWay => Problem::of(ProblemCode::BackupUnderWay),
        _ => Problem::from(error),
    })?;
    tracing::info!(
        request.id = %request_id(&request), actor = %by.operator.actor(), store.records = made.records,
        backup.bytes = made.store_bytes, keyring.generation = made.generation, "backup.made"
    );
    Ok(HttpResponse::Ok().json(BackedUp {
        at: Moment(made.at),
        records: made.records,
        store_bytes: made.store_bytes,
        keyring_generation: made.generation,
    }))
}
