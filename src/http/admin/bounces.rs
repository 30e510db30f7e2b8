//! `POST /bounces`: a mail came back from an address, later than its server could say so.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::api::bounces::{Bounce, Bounced};
use crate::forget::address::Sought;
use crate::http::admin::AdminState;
use crate::http::admin::body::read;
use crate::http::admin::find::its_turn;
use crate::http::admin::operator::{Bounce as MayBounce, By};
use crate::http::admin::search::Search;
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::lead::OpenedLead;
use crate::mail::goes_to;
use crate::purpose::RecordId;
use crate::store::{SHOWN_AT_ONCE_MAX, StoreError};
use crate::telemetry::metrics::Metrics;
use crate::trail::{Action, Entry, Operator, Outcome};

/// So often is looked, where an address has more records than one look names.
const LOOKS_MAX: u32 = 4;

/// Notes it of each record whose mails go to the address: of one that only names it, in another answer or beside another address, nothing came
/// back.
pub(super) async fn bounce(
    by: By<MayBounce>,
    state: Data<AdminState>,
    request: HttpRequest,
    metrics: Data<Metrics>,
    search: Data<Search>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let Bounce { email } = read(&request, payload).await?;
    let sought = Sought::email(&email).ok_or(ProblemCode::AddressInvalid)?;
    its_turn(&by.operator, &state, &metrics).await?;
    let (mut count, mut unreadable, mut after, mut is_over) = (0, None, None, false);
    for _ in 0..LOOKS_MAX {
        let entry = Entry::by(&by.operator, Action::Unreachable);
        let matches = search.matching(sought.clone(), after.take(), &entry).await?;
        unreadable.get_or_insert(matches.unreadable);
        let may_be_mailbox = matches.first.iter().filter(|found| found.may_be_mailbox);
        let records: Vec<RecordId> = may_be_mailbox.map(|found| found.record.clone()).collect();
        for some in records.chunks(SHOWN_AT_ONCE_MAX) {
            let some = written_to_there(&state, &by.operator, &sought, some).await?;
            count += state.store.note_unreachable(some, entry.clone()).await?;
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
    if count == 0 {
        // That somebody asked stands in the trail, whatever was found.
        let mut entry = Entry::by(&by.operator, Action::Unreachable);
        entry.result = Outcome::Nothing;
        state.store.note(entry).await?;
    }
    tracing::info!(
        request.id = %request_id(&request), actor = %by.operator.actor(), records.found = count, "mail.bounced"
    );
    Ok(HttpResponse::Ok().json(Bounced { records: count, unreadable: unreadable.unwrap_or_default() }))
}

/// Those of these records whose mails go to this address. Each is opened for it, with its line.
async fn written_to_there(
    state: &AdminState,
    operator: &Operator,
    sought: &Sought,
    records: &[RecordId],
) -> Result<Vec<RecordId>, StoreError> {
    let (policy, now, entry) = (state.policy.pin(), state.store.now(), Entry::by(operator, Action::Found));
    let goes_there = |lead: &OpenedLead| goes_to(lead, &policy, now, sought);
    let found = state.store.find_among(records.to_vec(), entry, &goes_there).await?;
    Ok(found.iter().map(|lead| lead.id().clone()).collect())
}
