//! `GET /inbox`: what is on its way, what waits, and what needs a human.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::graph::{Graph, Paused};
use crate::http::admin::Desk;
use crate::http::admin::operator::{By, See};
use crate::http::admin::record::Moment;
use crate::http::problem::Problem;
use crate::id::{FormId, PageId};
use crate::inbox::Inbox;
use crate::notification::ParkCode;
use crate::store::{BuriedRef, DroppedField, HeldForm, ParkedOverview, RefusedForm};

/// Counts and codes; the names of dropped fields are shown here and nowhere else.
pub(super) async fn show(
    _by: By<See>,
    desk: Data<Desk>,
    inbox: Data<Inbox>,
    graph: Data<Graph>,
) -> Result<HttpResponse, Problem> {
    // References go from the queue to the parked: looked at in this order, none is missed, at worst one is seen in both.
    let queued = inbox.queued();
    let overview = desk.store.overview().await?;
    let dropped = desk.store.dropped().await?;
    Ok(HttpResponse::Ok().json(Answer::of(queued, overview, graph.paused(), dropped)))
}

#[derive(serde::Serialize)]
struct Answer {
    queued: u64,
    waiting: u64,
    held: Vec<Held>,
    refused: Vec<Refused>,
    buried: Vec<Buried>,
    paused: Vec<PausedPage>,
    dropped: Vec<DroppedName>,
}

impl Answer {
    fn of(queued: u64, parked: ParkedOverview, paused: Vec<Paused>, dropped: Vec<DroppedField>) -> Self {
        Self {
            queued,
            waiting: parked.waiting,
            held: parked.held.into_iter().map(Held::from).collect(),
            refused: parked.refused.into_iter().map(Refused::from).collect(),
            buried: parked.buried.into_iter().map(Buried::from).collect(),
            paused: paused.into_iter().map(PausedPage::from).collect(),
            dropped: dropped.into_iter().map(DroppedName::from).collect(),
        }
    }
}

#[derive(serde::Serialize)]
struct Held {
    form_id: FormId,
    page_id: PageId,
    count: u64,
    oldest: Moment,
}

impl From<HeldForm> for Held {
    fn from(held: HeldForm) -> Self {
        Self { form_id: held.form, page_id: held.page, count: held.count, oldest: Moment(held.oldest) }
    }
}

#[derive(serde::Serialize)]
struct Refused {
    form_id: FormId,
    code: ParkCode,
    count: u64,
    oldest: Moment,
}

impl From<RefusedForm> for Refused {
    fn from(refused: RefusedForm) -> Self {
        Self {
            form_id: refused.form,
            code: refused.code,
            count: refused.count,
            oldest: Moment(refused.oldest),
        }
    }
}

#[derive(serde::Serialize)]
struct Buried {
    /// A string, like every id that leaves tamis.
    #[serde(rename = "ref")]
    reference: String,
    code: ParkCode,
    attempts: u32,
    since: Moment,
}

impl From<BuriedRef> for Buried {
    fn from(buried: BuriedRef) -> Self {
        Self {
            reference: buried.arrival.to_string(),
            code: buried.code,
            attempts: buried.attempts,
            since: Moment(buried.since),
        }
    }
}

#[derive(serde::Serialize)]
struct PausedPage {
    page_id: PageId,
    code: ParkCode,
    until: Moment,
}

impl From<Paused> for PausedPage {
    fn from(paused: Paused) -> Self {
        Self { page_id: paused.page, code: paused.code, until: Moment(paused.until) }
    }
}

#[derive(serde::Serialize)]
struct DroppedName {
    form_id: FormId,
    name: String,
    count: u64,
}

impl From<DroppedField> for DroppedName {
    fn from(dropped: DroppedField) -> Self {
        Self { form_id: dropped.form, name: dropped.name, count: dropped.count }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn the_answer_has_the_documented_shape() {
        let at: Timestamp = "2026-11-25T08:47:38.5Z".parse().expect("a time");
        let form = FormId::parse("901000000000001").expect("an id");
        let page = PageId::parse("104000000000001").expect("an id");
        let parked = ParkedOverview {
            waiting: 2,
            held: vec![HeldForm { form, page, count: 3, oldest: at }],
            refused: vec![RefusedForm { form, code: ParkCode::ConsentMissing, count: 4, oldest: at }],
            buried: vec![BuriedRef { arrival: 7, code: ParkCode::AttemptsSpent, attempts: 750, since: at }],
        };
        let paused = vec![Paused { page, code: ParkCode::TokenDead, until: at }];
        let dropped = vec![DroppedField { form, name: "pointure".to_owned(), count: 5 }];
        let answer = serde_json::to_value(Answer::of(1, parked, paused, dropped)).expect("JSON");
        let expected = serde_json::json!({
            "queued": 1,
            "waiting": 2,
            "held": [{"form_id": "901000000000001", "page_id": "104000000000001", "count": 3, "oldest": "2026-11-25T08:47:38Z"}],
            "refused": [{"form_id": "901000000000001", "code": "consent-missing", "count": 4, "oldest": "2026-11-25T08:47:38Z"}],
            "buried": [{"ref": "7", "code": "attempts-spent", "attempts": 750, "since": "2026-11-25T08:47:38Z"}],
            "paused": [{"page_id": "104000000000001", "code": "token-dead", "until": "2026-11-25T08:47:38Z"}],
            "dropped": [{"form_id": "901000000000001", "name": "pointure", "count": 5}],
        });
        assert_eq!(answer, expected);
    }
}
