//! `GET /requests`, `POST /requests` and what becomes of one: the register of what people asked for by right (GDPR art. 12(3)).

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::api::Word;
use crate::api::requests::{
    AnswerRequest, Answered, ExtendRequest, Extension, OpenRequest, PersonRequest as Shown, RequestList,
};
use crate::clock::Day;
use crate::http::admin::AdminState;
use crate::http::admin::body::read;
use crate::http::admin::operator::{
    By, HandleRequest as MayHandle, ListRequests as MayList, OpenRequest as MayOpen, said,
};
use crate::http::admin::query::Parameters;
use crate::http::admin::restricted::day;
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::store::{ErasureId, Extending, PersonRequest, REQUESTS_LISTED_MAX, RequestId};
use crate::trail::{Action, Entry, Reason};

/// What came earlier is answered or late: whoever types such a day mistook the year.
const RECEIVED_DAYS_MAX: u32 = 366;

/// The requests after one.
pub(super) async fn list(
    _by: By<MayList>,
    state: Data<AdminState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::parse(request.query_string(), &["after", "limit"])?;
    let limit = parameters.limit()?.min(REQUESTS_LISTED_MAX);
    let after = parameters.read("after", RequestId::parse)?;
    let listed = state.store.requests(after, limit).await?;
    let (more, today) = (listed.len() == limit, today(&state));
    let requests = shown_all(&state, &listed, today).await?;
    Ok(HttpResponse::Ok().json(RequestList { requests, more }))
}

/// Writes down that somebody asked.
pub(super) async fn open(
    by: By<MayOpen>,
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let OpenRequest { kind, received } = read(&request, payload).await?;
    let operator = said(by.operator, None, &request, Some(Reason::PersonRequest))?;
    let Word::Known(kind) = kind else { return Err(Problem::of(ProblemCode::BodyInvalid).at("kind")) };
    let today = today(&state);
    let received = match received {
        None => today,
        Some(text) => {
            let range = today.minus(RECEIVED_DAYS_MAX)..=today;
            day(&text).filter(|day| range.contains(day)).ok_or(ProblemCode::ReceivedOutOfRange)?
        }
    };
    let opened =
        state.store.open_request(kind, received, Entry::by(&operator, Action::RequestOpened)).await?;
    tracing::info!(
        request.id = %request_id(&request), actor = %operator.actor(), person.request = %opened.id,
        person.asks = %opened.kind, person.due = %opened.due(), "person.asked"
    );
    Ok(HttpResponse::Ok().json(shown(&opened, None, today)))
}

/// Gives it two months more.
pub(super) async fn extend(
    by: By<MayHandle>,
    state: Data<AdminState>,
    id: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let ExtendRequest { ground } = read(&request, payload).await?;
    let operator = said(by.operator, None, &request, Some(Reason::PersonRequest))?;
    let Word::Known(ground) = ground else { return Err(Problem::of(ProblemCode::BodyInvalid).at("ground")) };
    let id = RequestId::parse(&id).ok_or(ProblemCode::PersonRequestUnknown)?;
    let entry = Entry::by(&operator, Action::RequestExtended);
    let extended = match state.store.extend_request(id, ground, entry).await? {
        Extending::Extended(extended) => extended,
        Extending::TooLate => return Err(Problem::of(ProblemCode::NotExtendable)),
        Extending::Unknown => return Err(Problem::of(ProblemCode::PersonRequestUnknown)),
    };
    tracing::info!(
        request.id = %request_id(&request), actor = %operator.actor(), person.request = %extended.id,
        person.due = %extended.due(), "person.extended"
    );
    Ok(HttpResponse::Ok().json(shown(&extended, None, today(&state))))
}

/// Writes down that it is answered.
pub(super) async fn answer(
    by: By<MayHandle>,
    state: Data<AdminState>,
    id: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let AnswerRequest { erasure } = read(&request, payload).await?;
    let operator = said(by.operator, None, &request, Some(Reason::PersonRequest))?;
    let id = RequestId::parse(&id).ok_or(ProblemCode::PersonRequestUnknown)?;
    let erasure = match erasure {
        None => None,
        Some(text) => {
            let erasure = ErasureId::parse(&text).ok_or(ProblemCode::ErasureUnknown)?;
            state.store.erasure(erasure).await?.ok_or(ProblemCode::ErasureUnknown)?;
            Some(erasure)
        }
    };
    let entry = Entry::by(&operator, Action::RequestAnswered);
    let answered = state.store.answer_request(id, erasure, entry).await?;
    let answered = answered.ok_or(ProblemCode::PersonRequestUnknown)?;
    tracing::info!(
        request.id = %request_id(&request), actor = %operator.actor(), person.request = %answered.id,
        "person.answered"
    );
    let mut shown = shown_all(&state, &[answered], today(&state)).await?;
    Ok(HttpResponse::Ok().json(shown.pop()))
}

fn today(state: &AdminState) -> Day {
    Day::of(state.store.now())
}

/// Requests on their way out, with the second receipts that there are.
async fn shown_all(state: &AdminState, all: &[PersonRequest], today: Day) -> Result<Vec<Shown>, Problem> {
    let erasure = |request: &PersonRequest| request.answered.and_then(|(_, erasure)| erasure);
    let followed = state.store.followed_by(all.iter().filter_map(erasure).collect()).await?;
    let mut followed = followed.into_iter();
    let of = |one: &PersonRequest| shown(one, erasure(one).and_then(|_| followed.next().flatten()), today);
    Ok(all.iter().map(of).collect())
}

/// A request on its way out.
fn shown(request: &PersonRequest, followed_by: Option<ErasureId>, today: Day) -> Shown {
    let due = request.due();
    Shown {
        id: request.id.to_string(),
        kind: request.kind.into(),
        received: request.received.to_string(),
        due: due.to_string(),
        days_left: request.answered.is_none().then(|| i64::from(due.0) - i64::from(today.0)),
        extended: request
            .extended
            .map(|(ground, on)| Extension { ground: ground.into(), on: on.to_string() }),
        answered: request.answered.map(|(on, erasure)| Answered {
            on: on.to_string(),
            erasure: erasure.map(|erasure| erasure.to_string()),
            followed_by: followed_by.map(|erasure| erasure.to_string()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::law::{ExtensionGround, RequestKind};

    #[test]
    fn what_is_left_counts_from_today_and_what_is_answered_has_nothing_left() {
        let day = |text: &str| day(text).expect("a day");
        let mut request = PersonRequest {
            id: RequestId { epoch: 1, number: 7 },
            kind: RequestKind::Access,
            received: day("2026-11-05"),
            extended: None,
            answered: None,
        };
        let of = |request: &PersonRequest, today: &str| shown(request, None, day(today));
        let open = of(&request, "2026-11-30");
        assert_eq!((open.id.as_str(), open.due.as_str(), open.days_left), ("1-7", "2026-12-07", Some(7)));
        assert_eq!(of(&request, "2026-12-07").days_left, Some(0), "it ends at the end of the day");
        assert_eq!(of(&request, "2026-12-09").days_left, Some(-2));
        request.extended = Some((ExtensionGround::Complex, day("2026-12-01")));
        assert_eq!(of(&request, "2026-12-09").due, "2027-02-05");
        request.answered = Some((day("2026-12-10"), Some(ErasureId { epoch: 1, number: 17 })));
        let answered = of(&request, "2027-12-09");
        assert!(answered.days_left.is_none());
        let answered = answered.answered.expect("it is");
        assert_eq!((answered.on.as_str(), answered.erasure.as_deref()), ("2026-12-10", Some("1-17")));
    }
}
