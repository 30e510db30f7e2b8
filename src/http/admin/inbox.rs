//! `GET /inbox`: what is on its way, what waits, and what needs a human.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::api::{Moment, inbox as api};
use crate::graph::{self, Graph};
use crate::http::admin::Desk;
use crate::http::admin::operator::{By, See};
use crate::http::admin::sight::Sight;
use crate::http::problem::Problem;
use crate::inbox::Inbox;
use crate::store::{BuriedRef, DroppedField, HeldForm, ParkedOverview, RefusedForm};

/// Counts and codes; the names of dropped fields are shown here and nowhere else. An exporter sees its purposes' part.
pub(super) async fn show(
    by: By<See>,
    desk: Data<Desk>,
    inbox: Data<Inbox>,
    graph: Data<Graph>,
) -> Result<HttpResponse, Problem> {
    // References go from the queue to the parked: looked at in this order, none is missed, at worst one is seen in both.
    let queued = inbox.queued();
    let parked = desk.store.overview().await?;
    let dropped = desk.store.dropped().await?;
    let mut shown = overview(queued, &parked, graph.paused(), dropped);
    only(&mut shown, &Sight::of(&by.operator, &desk).await);
    Ok(HttpResponse::Ok().json(shown))
}

/// What the rooms say, as it goes out.
fn overview(
    queued: u64,
    parked: &ParkedOverview,
    paused: Vec<graph::Paused>,
    dropped: Vec<DroppedField>,
) -> api::Inbox {
    api::Inbox {
        queued,
        waiting: parked.waiting,
        held: parked.held.iter().map(held).collect(),
        refused: parked.refused.iter().map(refused).collect(),
        buried: parked.buried.iter().map(buried).collect(),
        paused: paused.into_iter().map(page).collect(),
        dropped: dropped.into_iter().map(question).collect(),
    }
}

/// Without what is not to be seen. The two totals name nothing.
fn only(shown: &mut api::Inbox, sight: &Sight) {
    shown.held.retain(|held| sight.form(&held.form_id));
    shown.refused.retain(|refused| sight.form(&refused.form_id));
    shown.buried.retain(|buried| match &buried.form_id {
        Some(form) => sight.form(form),
        None => matches!(sight, Sight::All),
    });
    shown.paused.retain(|paused| sight.page(&paused.page_id));
    shown.dropped.retain(|dropped| sight.form(&dropped.form_id));
}

fn held(held: &HeldForm) -> api::Held {
    api::Held { form_id: held.form, page_id: held.page, count: held.count, oldest: Moment(held.oldest) }
}

fn refused(refused: &RefusedForm) -> api::Refused {
    api::Refused {
        form_id: refused.form,
        code: refused.code.into(),
        count: refused.count,
        oldest: Moment(refused.oldest),
    }
}

fn buried(buried: &BuriedRef) -> api::Buried {
    api::Buried {
        reference: buried.arrival.to_string(),
        form_id: buried.form,
        code: buried.code.into(),
        attempts: buried.attempts,
        since: Moment(buried.since),
    }
}

fn page(paused: graph::Paused) -> api::Paused {
    api::Paused { page_id: paused.page, code: paused.code.into(), until: Moment(paused.until) }
}

fn question(dropped: DroppedField) -> api::Dropped {
    api::Dropped { form_id: dropped.form, name: dropped.name, count: dropped.count }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::id::{FormId, PageId};
    use crate::notification::ParkCode;

    #[test]
    fn the_answer_has_the_documented_shape() {
        let at: Timestamp = "2026-11-25T08:47:38.5Z".parse().expect("a time");
        let form = FormId::parse("901000000000001").expect("an id");
        let page = PageId::parse("104000000000001").expect("an id");
        let parked = ParkedOverview {
            waiting: 2,
            held: vec![HeldForm { form, page, count: 3, oldest: at }],
            refused: vec![RefusedForm { form, code: ParkCode::ConsentMissing, count: 4, oldest: at }],
            buried: vec![BuriedRef {
                arrival: 7,
                form: None,
                code: ParkCode::AttemptsSpent,
                attempts: 750,
                since: at,
            }],
        };
        let paused = vec![graph::Paused { page, code: ParkCode::TokenDead, until: at }];
        let dropped = vec![DroppedField { form, name: "pointure".to_owned(), count: 5 }];
        let answer = serde_json::to_value(overview(1, &parked, paused, dropped)).expect("JSON");
        let expected = serde_json::json!({
            "queued": 1,
            "waiting": 2,
            "held": [{"form_id": "901000000000001", "page_id": "104000000000001", "count": 3, "oldest": "2026-11-25T08:47:38Z"}],
            "refused": [{"form_id": "901000000000001", "code": "consent-missing", "count": 4, "oldest": "2026-11-25T08:47:38Z"}],
            "buried": [{"ref": "7", "form_id": null, "code": "attempts-spent", "attempts": 750, "since": "2026-11-25T08:47:38Z"}],
            "paused": [{"page_id": "104000000000001", "code": "token-dead", "until": "2026-11-25T08:47:38Z"}],
            "dropped": [{"form_id": "901000000000001", "name": "pointure", "count": 5}],
        });
        assert_eq!(answer, expected);
    }
}
