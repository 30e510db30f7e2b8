//! `POST /backups`: a copy of store and keyring while tamis runs. `POST /vacuum`: what the store keeps in a new file, and nothing of
//! what it does not.

use std::path::PathBuf;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::api::Moment;
use crate::api::backups::{BackUp, BackedUp, Vacuumed};
use crate::http::admin::body::read;
use crate::http::admin::operator::{BackUp as MayBackUp, By, Vacuum};
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::store::{Backups, NotVacuumed, StoreCode, StoreError};
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
    let made = made.map_err(refused)?;
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

/// Has the store vacuumed; it is when this answers. A body is not read.
pub(super) async fn vacuum(by: By<Vacuum>, backups: Data<dyn Backups>) -> Result<HttpResponse, Problem> {
    let made = backups.vacuum(Entry::by(&by.operator, Action::Vacuumed)).await;
    let made = made.map_err(|why| match why {
        NotVacuumed::NoRoom { needed_bytes, free_bytes } => {
            Problem::no_room_to_vacuum(needed_bytes, free_bytes)
        }
        NotVacuumed::Refused(error) => refused(error),
    })?;
    Ok(HttpResponse::Ok().json(Vacuumed {
        at: Moment(made.at),
        records: made.records,
        before_bytes: made.before_bytes,
        store_bytes: made.store_bytes,
    }))
}

/// Whoever else is turned away meanwhile may come again; of these there is one at a time.
fn refused(error: StoreError) -> Problem {
    match error.code {
        StoreCode::CopyUnderWay => Problem::of(ProblemCode::CopyUnderWay),
        _ => Problem::from(error),
    }
}
