//! `GET /status`: is it well, and if not, what is the matter.
//!
//! It answers while the store does not: what that keeps is null then, and `refusals` says why.

use std::collections::{BTreeMap, HashMap};

use actix_web::HttpResponse;
use actix_web::web::Data;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::api::findings::FindingCount;
use crate::api::status as api;
use crate::api::{Moment, Word};
use crate::attention::AttentionCode;
use crate::graph::{Availability, Graph, PageStanding};
use crate::http::admin::AdminState;
use crate::http::admin::inbox::lacks;
use crate::http::admin::operator::{By, See};
use crate::http::admin::sight::Sight;
use crate::id::{FormId, PageId};
use crate::inbox::Inbox;
use crate::notification::{Lane, ParkCode};
use crate::purpose::form_check::{FindingCode, Severity};
use crate::purpose::{Policy, Purpose, PurposeId, Unfed};
use crate::store::{ClockStanding, ClockTrust, ClockVoice, OldestRef, ParkedOverview, Token};
use crate::telemetry::metrics::Metrics;
use crate::trail::{Actor, Operator, Role};

/// What is known of the whole that no room knows alone.
pub struct Whole {
    /// Since when it runs.
    pub started_at: Timestamp,
    /// Looks at how things stand.
    pub look: Box<dyn Fn() -> BoxFuture<'static, Standing> + Send + Sync>,
}

/// How things stand.
#[derive(Default)]
pub struct Standing {
    /// What needs a person, and since when.
    pub attention: Vec<(AttentionCode, Timestamp)>,
    /// Fields that no question feeds, by form and purpose.
    pub unfed: Vec<(FormId, PurposeId, Vec<Unfed>)>,
    /// What the form check found, the worst first.
    pub findings: Vec<FormStands>,
    /// When the claimed form was looked at that was looked at the longest time ago; none: none was.
    pub forms_looked_at: Option<Timestamp>,
}

/// What the form check found, and on which forms it stands.
pub struct FormStands {
    /// How much it matters.
    pub severity: Severity,
    /// What.
    pub code: FindingCode,
    /// In order.
    pub forms: Vec<FormId>,
}

/// One object for one screen.
pub(super) async fn show(
    by: By<See>,
    state: Data<AdminState>,
    inbox: Data<Inbox>,
    graph: Data<Graph>,
    metrics: Data<Metrics>,
    whole: Data<Whole>,
) -> HttpResponse {
    let standing = (whole.look)().await;
    let policy = state.policy.pin();
    let sight = Sight::of(&by.operator, &state).await;
    let pages = graph.standing();
    // References go from the queue to the parked: looked at in this order, none is missed, at worst one is seen in both.
    let queued = api::WaitingCount {
        count: inbox.queued(),
        oldest: inbox.oldest().map(|(lane, since)| oldest(&lane, since, paused(&pages, &lane.page), &sight)),
    };
    let parked = state.store.overview().await.ok();
    let waiting = state.store.oldest().await.ok().and_then(|oldest| oldest.waiting);
    let stored = state.store.stored().await.ok();
    let tokens = state.store.tokens().await.ok();
    let refusals: Vec<String> = [
        inbox.refusal().await.map(|code| code.to_string()),
        state.store.refusal().map(|code| code.to_string()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let (disk, copies) = (inbox.disk(), state.store.last_copies());
    HttpResponse::Ok().json(api::Status {
        ready: refusals.is_empty(),
        refusals,
        attention: standing.attention.iter().map(concern).collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: Moment(whole.started_at),
        last_call: metrics.last_call().map(Moment),
        last_stored: metrics.last_stored().map(Moment),
        inbox: counts(queued, parked.as_ref(), waiting, &sight, &|lane| {
            lacks(graph.knows(&lane.page), &policy, &lane.form)
        }),
        purposes: stored.map(|stored| records(&policy, &stored, &sight)),
        pages: pages.iter().filter(|page| sight.page(&page.page)).map(page).collect(),
        unfed: unfed(&standing.unfed, &sight),
        findings: findings(&standing.findings, &sight),
        forms_looked_at: standing.forms_looked_at.map(Moment),
        last_backup: copies.backed_up.map(Moment),
        last_vacuum: copies.vacuumed.map(Moment),
        last_restore: copies.restored.map(Moment),
        copies_aside: state.store.copies_aside().await.ok(),
        erasures_to_tell: state.store.tellings_waiting(),
        log: metrics.lines_lost().map(|(place, lost)| log(place.as_str(), lost)).into(),
        disk: api::DiskRoom { free_bytes: disk.free_bytes, floor_bytes: disk.floor_bytes },
        clock: clock(&state.store.clock()),
        tokens: tokens.map(|tokens| {
            let now = state.clock.now().max(state.store.now());
            ending(tokens, now, &by.operator)
        }),
    })
}

fn concern((code, since): &(AttentionCode, Timestamp)) -> api::Concern {
    api::Concern { code: (*code).into(), since: Moment(*since) }
}

/// An exporter hears of its own forms.
fn findings(stands: &[FormStands], sight: &Sight) -> Vec<FindingCount> {
    let count = |stands: &FormStands| {
        let mut own = stands.forms.iter().filter(|form| sight.form(form));
        let first = *own.next()?;
        let (severity, code) = (stands.severity.into(), stands.code.into());
        Some(FindingCount { severity, code, forms: 1 + own.count() as u64, form_id: first })
    };
    stands.iter().filter_map(count).collect()
}

fn log(place: &str, lost: u64) -> api::LogPlace {
    api::LogPlace { place: place.to_owned(), lost }
}

/// Why no lead of the page is read now.
fn paused(pages: &[PageStanding], page: &PageId) -> Option<Word<ParkCode>> {
    let found = pages.iter().find(|found| found.page == *page)?;
    match found.availability {
        Availability::Paused { code, .. } => Some(code.into()),
        _ => None,
    }
}

/// An exporter learns of the oldest reference how long it waits, and whose it is only where it is its own.
fn oldest(
    lane: &Lane,
    since: Timestamp,
    code: Option<Word<ParkCode>>,
    sight: &Sight,
) -> api::OldestReference {
    let is_seen = sight.form(&lane.form);
    api::OldestReference {
        since: Moment(since),
        form_id: is_seen.then_some(lane.form),
        page_id: is_seen.then_some(lane.page),
        code: code.filter(|_| is_seen),
    }
}

fn counts(
    queued: api::WaitingCount,
    parked: Option<&ParkedOverview>,
    waiting: Option<OldestRef>,
    sight: &Sight,
    lacks: &dyn Fn(&Lane) -> Option<Word<ParkCode>>,
) -> api::InboxCounts {
    let Some(parked) = parked else {
        let (waiting, held, in_flight, refused, buried) = Default::default();
        return api::InboxCounts { queued, waiting, held, in_flight, refused, buried };
    };
    let waiting = waiting.map(|first| oldest(&first.lane, first.since, Some(first.code.into()), sight));
    let held = || parked.held.iter().filter(|held| sight.form(&held.form));
    let longest = held().min_by_key(|held| held.oldest).map(|held| {
        let lane = Lane { page: held.page, form: held.form };
        oldest(&lane, held.oldest, lacks(&lane), sight)
    });
    let refused = parked.refused.iter();
    let refused = refused.filter(|one| sight.form(&one.form) && sight.purpose(one.purpose.as_ref()));
    let buried = match sight {
        Sight::All => parked.buried_total,
        Sight::Only(_) => {
            let own = parked.buried.iter().filter(|one| {
                one.form.is_some_and(|form| sight.form(&form)) && sight.purpose(one.purpose.as_ref())
            });
            own.count() as u64
        }
    };
    api::InboxCounts {
        queued,
        waiting: Some(api::WaitingCount { count: parked.waiting, oldest: waiting }),
        held: Some(api::WaitingCount { count: held().map(|held| held.count).sum(), oldest: longest }),
        in_flight: Some(parked.in_flight),
        refused: Some(refused.map(|refused| refused.count).sum()),
        buried: Some(buried),
    }
}

/// In the order of the config; what it no longer names comes last.
fn records(policy: &Policy, stored: &HashMap<PurposeId, u64>, sight: &Sight) -> Vec<api::PurposeCount> {
    let named = policy.purposes().iter().map(|purpose: &std::sync::Arc<Purpose>| &purpose.id);
    let mut gone: Vec<&PurposeId> = stored
        .iter()
        .filter(|(id, count)| **count > 0 && policy.purpose(id.as_str()).is_none())
        .map(|(id, _)| id)
        .collect();
    gone.sort();
    let all = named.chain(gone).filter(|id| sight.purpose(Some(id)));
    let one = |id: &PurposeId| api::PurposeCount {
        id: id.clone(),
        stored: stored.get(id).copied().unwrap_or(0),
        configured: policy.purpose(id.as_str()).is_some(),
    };
    all.map(one).collect()
}

fn page(page: &PageStanding) -> api::PageState {
    let paused = match page.availability {
        Availability::Paused { until, code } => {
            Some(api::PagePause { code: code.into(), until: Moment(until) })
        }
        Availability::Ready | Availability::Probe | Availability::NoToken => None,
    };
    api::PageState { page_id: page.page, name: page.name.clone(), paused }
}

/// One entry a field and reason, however many forms there are: a stock of copies is one line.
fn unfed(standing: &[(FormId, PurposeId, Vec<Unfed>)], sight: &Sight) -> Vec<api::UnfedField> {
    let mut fields: BTreeMap<(&PurposeId, &str, &str), api::UnfedField> = BTreeMap::new();
    for (form, purpose, unfed) in standing {
        if !sight.form(form) || !sight.purpose(Some(purpose)) {
            continue;
        }
        for one in unfed {
            let at = (purpose, one.field.as_str(), one.code.as_str());
            let field = fields.entry(at).or_insert_with(|| api::UnfedField {
                purpose: purpose.clone(),
                field: one.field.to_string(),
                required: one.required,
                code: one.code.into(),
                forms: 0,
                form_id: *form,
            });
            field.forms += 1;
        }
    }
    fields.into_values().collect()
}

fn clock(standing: &ClockStanding) -> api::ClockState {
    let trust = match standing.trust {
        ClockTrust::Confirmed(ClockVoice::OtherClock) => api::ClockTrust::ByGraph,
        ClockTrust::Confirmed(ClockVoice::Person) => api::ClockTrust::ByPerson,
        ClockTrust::Unconfirmed => api::ClockTrust::Unconfirmed,
        ClockTrust::Ahead => api::ClockTrust::Ahead,
    };
    api::ClockState { now: Moment(standing.told), mark: Moment(standing.seen), trust: trust.into() }
}

/// Those that end, the first first; of others' tokens only who may list them learns.
fn ending(mut tokens: Vec<Token>, now: Timestamp, operator: &Operator) -> Vec<api::EndingToken> {
    let sees_all = matches!(operator.role(), Role::Admin | Role::Local);
    let is_own = |token: &Token| matches!(operator.actor(), Actor::Token(id) if *id == token.id);
    tokens.retain(|token| token.ends_soon(now) && (sees_all || is_own(token)));
    tokens.sort_by(|a, b| (a.expires_at, &a.id).cmp(&(b.expires_at, &b.id)));
    let shown = |token: Token| api::EndingToken {
        id: token.id,
        name: token.name,
        role: token.role.into(),
        expires_at: Moment(token.expires_at),
    };
    tokens.into_iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::http::admin::sight::Own;
    use crate::notification::sample;
    use crate::purpose::UnfedCode;
    use crate::purpose::sample::field;
    use crate::store::{BuriedRef, HeldForm, RefusedForm};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_764_000_000 + second).expect("in range")
    }

    fn devis() -> PurposeId {
        PurposeId::parse("devis").expect("a name")
    }

    /// Who sees form 1 under `devis`, and no page.
    fn narrow() -> Sight {
        Sight::Only(Own::of_form(devis(), sample::form(1)))
    }

    fn lane(form: u64) -> Lane {
        Lane { page: sample::page(5), form: sample::form(form) }
    }

    fn parked() -> ParkedOverview {
        let held =
            |form, count, oldest| HeldForm { form: sample::form(form), page: sample::page(5), count, oldest };
        let refused = |form, purpose| RefusedForm {
            form: sample::form(form),
            purpose,
            code: ParkCode::ConsentMissing,
            count: 4,
            oldest: at(0),
        };
        let buried = BuriedRef {
            arrival: 7,
            purpose: Some(devis()),
            form: Some(sample::form(1)),
            code: ParkCode::AttemptsSpent,
            attempts: 8,
            since: at(0),
        };
        ParkedOverview {
            waiting: 2,
            in_flight: 1,
            held: vec![held(1, 3, at(20)), held(2, 5, at(10))],
            refused: vec![
                refused(1, Some(devis())),
                refused(1, PurposeId::parse("lettre")),
                refused(2, None),
            ],
            buried: vec![buried],
            buried_total: 9,
        }
    }

    fn shown(parked: Option<&ParkedOverview>, sight: &Sight) -> serde_json::Value {
        let queued = api::WaitingCount { count: 1, oldest: Some(oldest(&lane(1), at(0), None, sight)) };
        let waiting = OldestRef { lane: lane(2), since: at(5), code: ParkCode::TokenDead };
        let lacks = |_: &Lane| Some(ParkCode::FormUnclaimed.into());
        serde_json::to_value(counts(queued, parked, Some(waiting), sight, &lacks)).expect("JSON")
    }

    #[test]
    fn each_kind_says_how_many_and_of_the_oldest_why_and_whose() {
        let shown = shown(Some(&parked()), &Sight::All);
        let expected = serde_json::json!({
            "queued": {"count": 1, "oldest": {"since": "2025-11-24T16:00:00Z", "form_id": "1", "page_id": "5", "code": null}},
            "waiting": {"count": 2, "oldest": {"since": "2025-11-24T16:00:05Z", "form_id": "2", "page_id": "5", "code": "token-dead"}},
            "held": {"count": 8, "oldest": {"since": "2025-11-24T16:00:10Z", "form_id": "2", "page_id": "5", "code": "form-unclaimed"}},
            "in_flight": 1, "refused": 12, "buried": 9,
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn an_exporter_sees_its_forms_and_totals_and_of_others_how_long_they_wait() {
        let shown = shown(Some(&parked()), &narrow());
        let expected = serde_json::json!({
            "queued": {"count": 1, "oldest": {"since": "2025-11-24T16:00:00Z", "form_id": "1", "page_id": "5", "code": null}},
            "waiting": {"count": 2, "oldest": {"since": "2025-11-24T16:00:05Z", "form_id": null, "page_id": null, "code": null}},
            "held": {"count": 3, "oldest": {"since": "2025-11-24T16:00:20Z", "form_id": "1", "page_id": "5", "code": "form-unclaimed"}},
            "in_flight": 1, "refused": 4, "buried": 1,
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_the_store_does_not_tell_is_null_and_no_zero() {
        let shown = shown(None, &Sight::All);
        assert_eq!(shown["queued"]["count"], 1);
        for kind in ["waiting", "held", "in_flight", "refused", "buried"] {
            assert!(shown[kind].is_null() && shown.get(kind).is_some(), "{kind}");
        }
    }

    #[test]
    fn a_stock_of_copies_is_one_line_a_field() {
        let one = |name: &str, required| Unfed {
            field: field(name).name,
            required,
            code: UnfedCode::Unfed,
            question: Some("les mots d'un formulaire".to_owned()),
            question_type: None,
        };
        let of = |form, unfed| (sample::form(form), devis(), unfed);
        let standing =
            [of(1, vec![one("email", true), one("ville", false)]), of(2, vec![one("email", true)])];
        let shown = serde_json::to_value(unfed(&standing, &Sight::All)).expect("JSON");
        let expected = serde_json::json!([
            {"purpose": "devis", "field": "email", "required": true, "code": "field-unfed", "forms": 2, "form_id": "1"},
            {"purpose": "devis", "field": "ville", "required": false, "code": "field-unfed", "forms": 1, "form_id": "1"},
        ]);
        assert_eq!(shown, expected, "a question's words are not for everybody");
        assert_eq!(unfed(&standing[1..], &narrow()).len(), 0);
    }

    #[test]
    fn of_tokens_that_end_whoever_may_not_list_them_sees_its_own() {
        let token = |id: &str, days: i64| Token {
            id: id.to_owned(),
            hash: [0; 32],
            name: "crm".to_owned(),
            role: Role::Viewer,
            purposes: Vec::new(),
            recipient: None,
            reason: None,
            created_at: at(0),
            expires_at: at(0) + SignedDuration::from_hours(24 * days),
        };
        let tokens = || {
            vec![
                token("00000000000000aa", 365),
                token("00000000000000bb", 350),
                token("00000000000000cc", 400),
            ]
        };
        let now = at(0) + SignedDuration::from_hours(24 * 360);
        let seen = |operator: &Operator| -> Vec<String> {
            ending(tokens(), now, operator).into_iter().map(|token| token.id).collect()
        };
        let by = |id: &str, role| Operator::recognised_by_token(id.to_owned(), role, Vec::new(), None, None);
        let both = ["00000000000000bb", "00000000000000aa"];
        assert_eq!(seen(&Operator::recognised_by_kernel(0)), both, "one has ended already");
        assert_eq!(seen(&by("00000000000000cc", Role::Admin)), both);
        assert_eq!(seen(&by("00000000000000aa", Role::Officer)), ["00000000000000aa"]);
        assert_eq!(seen(&by("00000000000000cc", Role::Exporter)), [""; 0]);
    }
}
