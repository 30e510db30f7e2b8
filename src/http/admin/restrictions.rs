//! `POST /restrictions`, `GET /restrictions`, `DELETE /restrictions/{record}`: records that nobody may use for a while (GDPR
//! art. 18).

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::api::IdText;
use crate::api::restrictions::{Restrict, RestrictedAll, RestrictionList};
use crate::clock::Day;
use crate::forget::address::Sought;
use crate::http::admin::AdminState;
use crate::http::admin::body::read;
use crate::http::admin::find::{Queue, its_turn};
use crate::http::admin::operator::{
    By, ListRestrictions, Release as MayRelease, Restrict as MayRestrict, said,
};
use crate::http::admin::restricted::{day, shown};
use crate::http::admin::search::Search;
use crate::http::admin::suppressions::is_of_one;
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::purpose::RecordId;
use crate::store::{Restricting, StoreCode, StoreError};
use crate::telemetry::metrics::Metrics;
use crate::trail::{Action, Entry, Operator, Outcome};

/// So often is looked, where an address has more records than one look names: more than may be restricted.
const LOOKS_MAX: u32 = 4;

/// Restricts a record, or each that holds an address, or renews that.
pub(super) async fn restrict(
    by: By<MayRestrict>,
    state: Data<AdminState>,
    request: HttpRequest,
    metrics: Data<Metrics>,
    (queue, search): (Data<Queue>, Data<Search>),
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let Restrict { id, email, phone, until, reason } = read(&request, payload).await?;
    let operator = said(by.operator, reason.as_ref(), &request, None)?;
    let until_day = |until: &str| day(until).ok_or(ProblemCode::UntilOutOfRange);
    let holding = |sought: Option<Sought>| sought.ok_or(ProblemCode::AddressInvalid);
    let sought = match (&id, &email, &phone) {
        (Some(IdText(id)), None, None) => {
            let id = RecordId::parse(id).ok_or(ProblemCode::BodyInvalid)?;
            let until = until_day(&until)?;
            let restriction = match one(&state, &request, &operator, id, until).await? {
                Restricting::Restricted(restriction) => restriction,
                Restricting::DayOutOfRange => return Err(Problem::of(ProblemCode::UntilOutOfRange)),
                Restricting::Gone => return Err(Problem::of(ProblemCode::RecordGone)),
                Restricting::Unknown => return Err(Problem::of(ProblemCode::RecordUnknown)),
            };
            return Ok(HttpResponse::Ok().json(shown(&restriction)));
        }
        (None, Some(typed), None) => holding(Sought::email(typed))?,
        (None, None, Some(typed)) => holding(Sought::phone(typed))?,
        _ => return Err(Problem::of(ProblemCode::BodyInvalid)),
    };
    let until = until_day(&until)?;
    is_of_one(phone.as_deref(), &[], &state.policy.pin())?;
    its_turn(&operator, &state, &metrics).await?;
    // Counted first: what is read in between is met.
    let unread = queue.count() + state.store.parked().await?;
    let (mut made, mut unreadable, mut after, mut is_over) = (Vec::new(), None, None, false);
    for _ in 0..LOOKS_MAX {
        let matches =
            search.matching(sought.clone(), after.take(), &Entry::by(&operator, Action::Restricted)).await?;
        unreadable.get_or_insert(matches.unreadable);
        for found in &matches.first {
            let became = match one(&state, &request, &operator, found.record.clone(), until).await {
                // Nobody uses it any more, whatever is asked.
                Err(StoreError { code: StoreCode::ToBeErased, .. }) => continue,
                became => became?,
            };
            match became {
                Restricting::Restricted(restriction) => made.push(restriction),
                Restricting::DayOutOfRange => return Err(Problem::of(ProblemCode::UntilOutOfRange)),
                // Its time has come, or it was erased meanwhile.
                Restricting::Gone | Restricting::Unknown => {}
            }
        }
        is_over = !matches.are_cut();
        if is_over {
            break;
        }
        after = matches.first.last().map(|found| found.record.clone());
    }
    if !is_over {
        return Err(Problem::of(ProblemCode::SearchTooSlow));
    }
    if made.is_empty() {
        // That somebody asked stands in the trail, whatever was found.
        let mut entry = Entry::by(&operator, Action::Restricted);
        entry.result = Outcome::Nothing;
        state.store.note(entry).await?;
    }
    let restrictions = made.iter().map(shown).collect();
    let unreadable = unreadable.unwrap_or_default();
    Ok(HttpResponse::Ok().json(RestrictedAll { restrictions, unread, unreadable }))
}

/// Restricts one record, and says so.
async fn one(
    state: &AdminState,
    request: &HttpRequest,
    operator: &Operator,
    id: RecordId,
    until: Day,
) -> Result<Restricting, StoreError> {
    let became = state.store.restrict(id, until, Entry::by(operator, Action::Restricted)).await?;
    if let Restricting::Restricted(restriction) = &became {
        tracing::info!(
            request.id = %request_id(request), actor = %operator.actor(), role = %operator.role(),
            record.id = %restriction.id, until = %restriction.until, "record.restricted"
        );
    }
    Ok(became)
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
pub(super) async fn list(by: By<ListRestrictions>, state: Data<AdminState>) -> Result<HttpResponse, Problem> {
    let entry = Entry::by(&by.operator, Action::RestrictionsListed);
    let restrictions = state.store.list_restrictions(entry).await?;
    Ok(HttpResponse::Ok().json(RestrictionList { restrictions: restrictions.iter().map(shown).collect() }))
}
