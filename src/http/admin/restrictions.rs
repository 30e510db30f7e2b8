//! `POST /restrictions`, `GET /restrictions`, `DELETE /restrictions/{record}`: records that nobody may use for a while (GDPR
//! art. 18).

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::api::restrictions::{Restrict, Restricted, RestrictionList};
use crate::api::{IdText, Moment, Word};
use crate::clock::Day;
use crate::http::admin::AdminState;
use crate::http::admin::body::read;
use crate::http::admin::operator::{
    By, ListRestrictions, Release as MayRelease, Restrict as MayRestrict, said,
};
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::purpose::RecordId;
use crate::store::{Restricting, Restriction};
use crate::trail::{Action, Entry};

/// Restricts a record, or renews that.
pub(super) async fn restrict(
    by: By<MayRestrict>,
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let Restrict { id: IdText(id), until, reason } = read(&request, payload).await?;
    let operator = said(by.operator, reason.as_ref(), &request, None)?;
    let id = RecordId::parse(&id).ok_or(ProblemCode::BodyInvalid)?;
    let until = day(&until).ok_or(ProblemCode::UntilOutOfRange)?;
    let entry = Entry::by(&operator, Action::Restricted);
    let restriction = match state.store.restrict(id, until, entry).await? {
        Restricting::Restricted(restriction) => restriction,
        Restricting::DayOutOfRange => return Err(Problem::of(ProblemCode::UntilOutOfRange)),
        Restricting::Gone => return Err(Problem::of(ProblemCode::RecordGone)),
        Restricting::Unknown => return Err(Problem::of(ProblemCode::RecordUnknown)),
    };
    tracing::info!(
        request.id = %request_id(&request), actor = %operator.actor(), role = %operator.role(),
        record.id = %restriction.id, until = %restriction.until, "record.restricted"
    );
    Ok(HttpResponse::Ok().json(shown(&restriction)))
}

/// Lifts a restriction.
pub(super) async fn release(
    by: By<MayRelease>,
    state: Data<AdminState>,
    id: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id = RecordId::parse(&id).ok_or(ProblemCode::NotRestricted)?;
    if !state.store.lift_restriction(id.clone(), Entry::by(&by.operator, Action::RestrictionLifted)).await? {
        return Err(Problem::of(ProblemCode::NotRestricted));
    }
    tracing::info!(
        request.id = %request_id(&request), actor = %by.operator.actor(), role = %by.operator.role(),
        record.id = %id, "record.released"
    );
    Ok(HttpResponse::NoContent().finish())
}

/// All that stand.
pub(super) async fn list(
    _by: By<ListRestrictions>,
    state: Data<AdminState>,
) -> Result<HttpResponse, Problem> {
    let restrictions = state.store.restrictions();
    Ok(HttpResponse::Ok().json(RestrictionList { restrictions: restrictions.iter().map(shown).collect() }))
}

/// A restriction on its way out.
pub(super) fn shown(restriction: &Restriction) -> Restricted {
    Restricted {
        id: restriction.id.clone(),
        reason: restriction.reason.map(Word::from),
        since: Moment(restriction.since),
        until: restriction.until.to_string(),
    }
}

/// A day as it is written, and no other spelling of it.
fn day(text: &str) -> Option<Day> {
    let midnight: Timestamp = text.parse::<Date>().ok()?.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp();
    let day = Day::of(midnight);
    (day.to_string() == text).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_one_spelling() {
        assert_eq!(day("2026-11-29").map(|day| day.to_string()).as_deref(), Some("2026-11-29"));
        for odd in
            ["", "2026-11-31", "2026-11", "20261129", "2026-11-29T00:00:00Z", "+002026-11-29", "1969-12-31"]
        {
            assert_eq!(day(odd), None, "{odd}");
        }
    }
}
