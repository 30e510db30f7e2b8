//! `POST /passes`: an officer is given the link by which a person opens their page, to hand it on. The record's address is not asked
//! whether it is the person's: whoever hands it on makes sure.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::api::IdText;
use crate::api::passes::{GivePass, GivenLink, GivenPasses};
use crate::clock::Day;
use crate::forget::address::Sought;
use crate::http::admin::AdminState;
use crate::http::admin::body::read;
use crate::http::admin::find::{Queue, its_turn};
use crate::http::admin::operator::{By, GivePass as MayGivePass};
use crate::http::admin::receipts::Receipts;
use crate::http::admin::search::Search;
use crate::http::admin::suppressions::is_of_one;
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::people::PassKind;
use crate::purpose::RecordId;
use crate::store::{GivenPass, ToPass};
use crate::telemetry::metrics::Metrics;
use crate::trail::{Action, Entry, Operator, Outcome};

/// For so many days a link opens its page, unless somebody says otherwise.
const DAYS: u32 = 30;
/// And at most.
const DAYS_MAX: u32 = 365;
/// So many links are given at once: a person has a handful of records.
const LINKS_MAX: usize = 100;

/// Gives them.
pub(super) async fn give(
    by: By<MayGivePass>,
    state: Data<AdminState>,
    request: HttpRequest,
    (receipts, metrics): (Data<Receipts>, Data<Metrics>),
    (queue, search): (Data<Queue>, Data<Search>),
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let GivePass { id, email, phone, days } = read(&request, payload).await?;
    let days = days.unwrap_or(DAYS);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Problem::of(ProblemCode::BodyInvalid));
    }
    let last_day = Day::of(state.store.now()).plus(days - 1);
    let giving =
        Giving { state: &state, request: &request, operator: &by.operator, receipts: &receipts, last_day };
    let holding = |sought: Option<Sought>| sought.ok_or(ProblemCode::AddressInvalid);
    let sought = match (&id, &email, &phone) {
        (Some(IdText(id)), None, None) => {
            let id = RecordId::parse(id).ok_or(ProblemCode::BodyInvalid)?;
            let passes = match giving.one(&id).await? {
                (GivenPass::Given(_), Some(link)) => vec![link],
                (GivenPass::Gone, _) => return Err(Problem::of(ProblemCode::RecordGone)),
                _ => return Err(Problem::of(ProblemCode::RecordUnknown)),
            };
            return Ok(HttpResponse::Ok().json(GivenPasses {
                passes,
                total: None,
                unread: 0,
                unreadable: 0,
            }));
        }
        (None, Some(typed), None) => holding(Sought::email(typed))?,
        (None, None, Some(typed)) => holding(Sought::phone(typed))?,
        _ => return Err(Problem::of(ProblemCode::BodyInvalid)),
    };
    is_of_one(phone.as_deref(), &[], &state.policy.pin())?;
    its_turn(&by.operator, &state, &metrics).await?;
    // Counted first: what is read in between is met.
    let unread = queue.count() + state.store.parked().await?;
    let matches = search.matching(sought, None, &Entry::by(&by.operator, Action::PassGiven)).await?;
    let mut passes = Vec::new();
    for found in matches.first.iter().take(LINKS_MAX) {
        // One whose time came meanwhile has no page.
        passes.extend(giving.one(&found.record).await?.1);
    }
    if passes.is_empty() {
        // That somebody asked stands in the trail, whatever was found.
        let mut entry = Entry::by(&by.operator, Action::PassGiven);
        entry.result = Outcome::Nothing;
        state.store.note(entry).await?;
    }
    let total = (matches.total > LINKS_MAX as u64).then_some(matches.total);
    let unreadable = matches.unreadable;
    Ok(HttpResponse::Ok().json(GivenPasses { passes, total, unread, unreadable }))
}

struct Giving<'g> {
    state: &'g AdminState,
    request: &'g HttpRequest,
    operator: &'g Operator,
    receipts: &'g Receipts,
    last_day: Day,
}

impl Giving<'_> {
    /// Gives one, and says so; the link beside it.
    async fn one(&self, id: &RecordId) -> Result<(GivenPass, Option<GivenLink>), Problem> {
        let wanted = ToPass { record: id.clone(), kind: PassKind::Page, last_day: Some(self.last_day) };
        let entry = Entry::by(self.operator, Action::PassGiven);
        let given = self.state.store.give_pass(wanted, entry).await?;
        let link = match &given {
            GivenPass::Given(pass) => {
                tracing::info!(
                    request.id = %request_id(self.request), actor = %self.operator.actor(),
                    role = %self.operator.role(), record.id = %id, until = %self.last_day, "pass.given"
                );
                let place = &self.receipts.stationery.pin().public_url;
                let url = format!("{place}{}", pass.path(PassKind::Page).as_str());
                Some(GivenLink { id: id.clone(), url, last_day: self.last_day.to_string() })
            }
            GivenPass::Gone | GivenPass::Unknown => None,
        };
        Ok((given, link))
    }
}
