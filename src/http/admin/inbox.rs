//! `GET /inbox`: what is on its way, what waits, and what needs a human.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::api::{Moment, Word, inbox as api};
use crate::graph::{self, Graph};
use crate::http::admin::AdminState;
use crate::http::admin::operator::{By, See};
use crate::http::admin::query::Parameters;
use crate::http::admin::sight::Sight;
use crate::http::problem::{Problem, ProblemCode};
use crate::id::FormId;
use crate::inbox::Inbox;
use crate::notification::ParkCode;
use crate::purpose::Policy;
use crate::store::{BuriedRef, DroppedField, HeldForm, ParkedOverview, RefusedForm};
use crate::trail::Role;

/// Entries of a list that are shown; of the buried the store gives no more.
const LISTED_MAX: usize = 1_000;
/// The same, of questions whose answers were dropped.
const DROPPED_LISTED_MAX: usize = 10_000;
/// Forms whose name Graph is asked for in one call, and how long all of that may take.
const NAMES_MAX: usize = 50;
const NAMES_WITHIN: Duration = Duration::from_secs(10);

/// Counts and codes; the names of dropped fields are shown here and nowhere else. What held forms are called is asked of Graph
/// where somebody wants to know. An exporter sees its purposes' part.
pub(super) async fn show(
    by: By<See>,
    state: Data<AdminState>,
    inbox: Data<Inbox>,
    graph: Data<Graph>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::parse(request.query_string(), &["names"])?;
    let names = parameters.read("names", |text| text.parse::<bool>().ok())?.unwrap_or(false);
    if names && matches!(by.operator.role(), Role::Viewer | Role::Exporter) {
        return Err(ProblemCode::RoleInsufficient.into());
    }
    // References go from the queue to the parked: looked at in this order, none is missed, at worst one is seen in both.
    let queued = inbox.queued();
    let parked = state.store.overview().await?;
    let dropped = state.store.dropped().await?;
    let mut shown = overview(queued, &parked, graph.paused(), dropped);
    cut(&mut shown, &Sight::of(&by.operator, &state).await);
    let policy = state.policy.pin();
    let in_words = by.operator.role() != Role::Viewer;
    for held in &mut shown.held {
        let differs = policy.copies().differing(&held.form_id);
        let is_claimed = !policy.of_form(&held.form_id).is_empty();
        held.code = lacks(graph.knows(&held.page_id), &policy, &held.form_id);
        held.differs = differs.filter(|_| !is_claimed && in_words).map(|found| (&*found).into());
    }
    if names {
        name(&graph, &mut shown.held).await;
    }
    Ok(HttpResponse::Ok().json(shown))
}

/// Why a form is held now: a reload may have changed it since.
pub(super) fn lacks(page_is_known: bool, policy: &Policy, form: &FormId) -> Option<Word<ParkCode>> {
    let code = match (page_is_known, policy.of_form(form).is_empty()) {
        (false, _) => ParkCode::PageUnknown,
        (true, true) if policy.is_withheld(form) => ParkCode::NoticeIncomplete,
        (true, true) if policy.copies().differing(form).is_some() => ParkCode::FormDiffers,
        (true, true) => ParkCode::FormUnclaimed,
        (true, false) => return None,
    };
    Some(code.into())
}

/// Asks what the first of these forms are called, as far as their pages can be read, all at once.
async fn name(graph: &Graph, held: &mut [api::Held]) {
    let asked = held.iter_mut().filter(|held| graph.knows(&held.page_id)).take(NAMES_MAX);
    let asking = asked.map(|held| async move {
        let asked = graph.form_name(&held.page_id, &held.form_id);
        held.name = tokio::time::timeout(NAMES_WITHIN, asked).await.ok().flatten();
    });
    futures_util::future::join_all(asking).await;
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
        in_flight: parked.in_flight,
        totals: api::Totals {
            held: parked.held.len() as u64,
            refused: parked.refused.len() as u64,
            buried: parked.buried_total,
            dropped: dropped.len() as u64,
        },
        held: parked.held.iter().map(held).collect(),
        refused: parked.refused.iter().map(refused).collect(),
        buried: parked.buried.iter().map(buried).collect(),
        paused: paused.into_iter().map(page).collect(),
        dropped: dropped.into_iter().map(question).collect(),
    }
}

/// Without what is not to be seen, and of long lists their beginning. Who sees a part is told how long that is.
fn cut(shown: &mut api::Inbox, sight: &Sight) {
    only(shown, sight);
    if !matches!(sight, Sight::All) {
        let of = |length: usize| length as u64;
        shown.totals = api::Totals {
            held: of(shown.held.len()),
            refused: of(shown.refused.len()),
            buried: of(shown.buried.len()),
            dropped: of(shown.dropped.len()),
        };
    }
    shown.held.truncate(LISTED_MAX);
    shown.refused.truncate(LISTED_MAX);
    shown.dropped.truncate(DROPPED_LISTED_MAX);
}

/// Without what is not to be seen. The counts name nothing.
fn only(shown: &mut api::Inbox, sight: &Sight) {
    shown.held.retain(|held| sight.form(&held.form_id));
    shown.refused.retain(|refused| sight.form(&refused.form_id) && sight.purpose(refused.purpose.as_ref()));
    shown.buried.retain(|buried| match &buried.form_id {
        Some(form) => sight.form(form) && sight.purpose(buried.purpose.as_ref()),
        None => matches!(sight, Sight::All),
    });
    shown.paused.retain(|paused| sight.page(&paused.page_id));
    shown.dropped.retain(|dropped| sight.form(&dropped.form_id));
}

fn held(held: &HeldForm) -> api::Held {
    let (count, oldest) = (held.count, Moment(held.oldest));
    api::Held { form_id: held.form, page_id: held.page, code: None, name: None, differs: None, count, oldest }
}

fn refused(refused: &RefusedForm) -> api::Refused {
    api::Refused {
        form_id: refused.form,
        purpose: refused.purpose.clone(),
        code: refused.code.into(),
        count: refused.count,
        oldest: Moment(refused.oldest),
    }
}

fn buried(buried: &BuriedRef) -> api::Buried {
    api::Buried {
        reference: buried.arrival.to_string(),
        form_id: buried.form,
        purpose: buried.purpose.clone(),
        code: buried.code.into(),
        attempts: buried.attempts,
        since: Moment(buried.since),
    }
}

fn page(paused: graph::Paused) -> api::Paused {
    api::Paused { page_id: paused.page, code: paused.code.into(), until: Moment(paused.until) }
}

fn question(dropped: DroppedField) -> api::Dropped {
    api::Dropped {
        form_id: dropped.form,
        name: dropped.name,
        code: dropped.code.into(),
        count: dropped.count,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::id::PageId;
    use crate::purpose::sample::purpose;
    use crate::purpose::{Differs, DropCode, PurposeId};

    #[test]
    fn the_answer_has_the_documented_shape() {
        let at: Timestamp = "2026-11-25T08:47:38.5Z".parse().expect("a time");
        let form = FormId::parse("901000000000001").expect("an id");
        let page = PageId::parse("104000000000001").expect("an id");
        let purpose = PurposeId::parse("lettre");
        let refused =
            |purpose| RefusedForm { form, purpose, code: ParkCode::ConsentMissing, count: 4, oldest: at };
        let parked = ParkedOverview {
            waiting: 2,
            in_flight: 6,
            held: vec![HeldForm { form, page, count: 3, oldest: at }],
            refused: vec![refused(None), refused(purpose)],
            buried: vec![BuriedRef {
                arrival: 7,
                purpose: None,
                form: None,
                code: ParkCode::AttemptsSpent,
                attempts: 750,
                since: at,
            }],
            buried_total: 2_173,
        };
        let paused = vec![graph::Paused { page, code: ParkCode::TokenDead, until: at }];
        let dropped = vec![DroppedField {
            form,
            name: "pointure".to_owned(),
            code: DropCode::NotWhitelisted,
            count: 5,
        }];
        let answer = serde_json::to_value(overview(1, &parked, paused, dropped)).expect("JSON");
        let expected = serde_json::json!({
            "queued": 1,
            "waiting": 2,
            "in_flight": 6,
            "totals": {"held": 1, "refused": 2, "buried": 2_173, "dropped": 1},
            "held": [{"form_id": "901000000000001", "page_id": "104000000000001", "code": null, "count": 3, "oldest": "2026-11-25T08:47:38Z"}],
            "refused": [{"form_id": "901000000000001", "code": "consent-missing", "count": 4, "oldest": "2026-11-25T08:47:38Z"},
                {"form_id": "901000000000001", "purpose": "lettre", "code": "consent-missing", "count": 4, "oldest": "2026-11-25T08:47:38Z"}],
            "buried": [{"ref": "7", "form_id": null, "code": "attempts-spent", "attempts": 750, "since": "2026-11-25T08:47:38Z"}],
            "paused": [{"page_id": "104000000000001", "code": "token-dead", "until": "2026-11-25T08:47:38Z"}],
            "dropped": [{"form_id": "901000000000001", "name": "pointure", "code": "not-whitelisted", "count": 5}],
        });
        assert_eq!(answer, expected);
    }

    #[test]
    fn a_held_form_lacks_its_page_first_and_a_reload_may_give_both() {
        let devis = || purpose("devis", &["email"]);
        let (own, other) = (devis().forms[0], FormId::parse("77").expect("digits"));
        let policy = Policy::new(vec![devis()]);
        let lacks = |policy: &Policy, page, form| lacks(page, policy, form).map(|code| code.to_string());
        assert_eq!(lacks(&policy, false, &other).as_deref(), Some("page-unknown"));
        assert_eq!(lacks(&policy, false, &own).as_deref(), Some("page-unknown"));
        assert_eq!(lacks(&policy, true, &other).as_deref(), Some("form-unclaimed"));
        assert_eq!(lacks(&policy, true, &own), None);
        let differs = Differs { original: own, differences: Vec::new(), total: 1 };
        policy.copies().differ(other, differs);
        assert_eq!(lacks(&policy, true, &other).as_deref(), Some("form-differs"));
        assert_eq!(lacks(&policy, false, &other).as_deref(), Some("page-unknown"));
        // Its purpose is there, and its notice is not whole.
        let held = Policy::holding(vec![devis()], &[devis().id].into());
        assert_eq!(lacks(&held, true, &own).as_deref(), Some("notice-incomplete"));
        assert_eq!(lacks(&held, true, &other).as_deref(), Some("form-unclaimed"));
    }
}
