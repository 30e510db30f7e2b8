//! `POST /clock/confirm`: a person says that the clock is right, after a leap, or where it was ahead before.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::api::clock::Confirmed;
use crate::http::admin::AdminState;
use crate::http::admin::operator::{By, ConfirmClock};
use crate::http::problem::{Problem, request_id};
use crate::trail::{Action, Entry};

/// Confirms it; false: there was nothing to confirm.
pub(super) async fn confirm(
    by: By<ConfirmClock>,
    state: Data<AdminState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let entry = Entry::by(&by.operator, Action::ClockConfirmed);
    let confirmed = state.store.confirm_clock(entry).await?;
    tracing::info!(
        request.id = %request_id(&request), actor = %by.operator.actor(), clock.confirmed = confirmed,
        "clock.confirmation-asked"
    );
    Ok(HttpResponse::Ok().json(Confirmed { confirmed }))
}
