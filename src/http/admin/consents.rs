//! `POST /withdrawals` and `POST /confirmations`: a person's consents, by the officer whom they wrote to.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::api::IdText;
use crate::api::consents::{Became, Confirm, Withdraw, Withdrawal, WithdrawnOf, Yes};
use crate::api::erasures::ErasedBefore;
use crate::forget::address::Sought;
use crate::forget::receipt::Ground;
use crate::http::admin::AdminState;
use crate::http::admin::body::read;
use crate::http::admin::find::{Queue, its_turn};
use crate::http::admin::operator::{By, Confirm as MayConfirm, Withdraw as MayWithdraw, said};
use crate::http::admin::receipts::Receipts;
use crate::http::admin::search::Search;
use crate::http::admin::suppressions::is_of_one;
use crate::http::consents::{Consents, Withdrawals, Withdrawn};
use crate::http::problem::{Problem, ProblemCode};
use crate::purpose::{ConsentKey, Policy, PurposeId, RecordId};
use crate::telemetry::metrics::Metrics;
use crate::trail::{Action, Entry, Outcome, Reason};

/// So often is looked, where an address has more records than one look names: more than a hundred thousand.
const LOOKS_MAX: u32 = 32;

/// Takes consents back: of one record, or of each that holds an address.
pub(super) async fn withdraw(
    by: By<MayWithdraw>,
    state: Data<AdminState>,
    request: HttpRequest,
    receipts: Data<Receipts>,
    metrics: Data<Metrics>,
    (queue, search): (Data<Queue>, Data<Search>),
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let Withdraw { id, email, phone, purposes, consents, reason } = read(&request, payload).await?;
    let operator = said(by.operator, reason.as_ref(), &request, Some(Reason::Withdrawal))?;
    operator.reason().and_then(Ground::of).ok_or(ProblemCode::ErasureReasonInvalid)?;
    let policy = state.policy.pin();
    let consents = consents.as_deref().map(named).transpose()?;
    let entry = |action| Entry::by(&operator, action);
    let acts = Consents {
        store: &state.store,
        policy: &policy,
        receipts: &receipts,
        request: &request,
        entry: &entry,
    };
    let holding = |sought: Option<Sought>| sought.ok_or(ProblemCode::AddressInvalid);
    let sought = match (&id, &email, &phone) {
        (Some(IdText(id)), None, None) if purposes.is_none() => {
            let id = RecordId::parse(id).ok_or(ProblemCode::BodyInvalid)?;
            known(consents.as_deref(), &policy, &|purpose| *purpose == id.purpose)?;
            let done = acts.withdraw(std::slice::from_ref(&id), consents.as_deref()).await?;
            match done.each.first() {
                Some((_, Withdrawn::Unknown)) => return Err(Problem::of(ProblemCode::RecordUnknown)),
                Some((_, Withdrawn::Gone)) => return Err(Problem::of(ProblemCode::RecordGone)),
                _ => {}
            }
            return Ok(HttpResponse::Ok().json(shown(done, &receipts, &state, None).await?));
        }
        (None, Some(typed), None) => holding(Sought::email(typed))?,
        (None, None, Some(typed)) => holding(Sought::phone(typed))?,
        _ => return Err(Problem::of(ProblemCode::BodyInvalid)),
    };
    let purposes = crate::http::admin::erasures::purposes(purposes.as_deref(), &state).await?;
    let is_meant = |purpose: &PurposeId| purposes.is_empty() || purposes.contains(purpose);
    known(consents.as_deref(), &policy, &is_meant)?;
    is_of_one(phone.as_deref(), &purposes, &policy)?;
    its_turn(&operator, &state, &metrics).await?;
    // Counted first: what is read in between is met.
    let unread = queue.count() + state.store.parked().await?;
    let (mut all, mut unreadable, mut after, mut is_over) = (Withdrawals::default(), None, None, false);
    for _ in 0..LOOKS_MAX {
        let matches =
            search.matching(sought.clone(), after.take(), &Entry::by(&operator, Action::Withdrawn)).await?;
        unreadable.get_or_insert(matches.unreadable);
        let meant = matches.first.iter().map(|found| &found.record).filter(|id| is_meant(&id.purpose));
        let records: Vec<RecordId> = meant.cloned().collect();
        if !records.is_empty() {
            let done = acts.withdraw(&records, consents.as_deref()).await?;
            all.each.extend(done.each);
            all.erasures.extend(done.erasures);
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
    if all.each.is_empty() {
        // That somebody asked stands in the trail, whatever was found.
        let mut line = entry(Action::Withdrawn);
        line.result = Outcome::Nothing;
        state.store.note(line).await?;
    }
    let missed = (unread, unreadable.unwrap_or_default());
    Ok(HttpResponse::Ok().json(shown(all, &receipts, &state, Some(missed)).await?))
}

/// Takes a yes down that came by another way than a person's page: a letter, a call.
pub(super) async fn confirm(
    by: By<MayConfirm>,
    state: Data<AdminState>,
    request: HttpRequest,
    receipts: Data<Receipts>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let Confirm { id: IdText(id), consents, reason } = read(&request, payload).await?;
    let operator = said(by.operator, reason.as_ref(), &request, Some(Reason::PersonRequest))?;
    let id = RecordId::parse(&id).ok_or(ProblemCode::BodyInvalid)?;
    let boxes = keys(&consents)?;
    let policy = state.policy.pin();
    let entry = |action| Entry::by(&operator, action);
    let acts = Consents {
        store: &state.store,
        policy: &policy,
        receipts: &receipts,
        request: &request,
        entry: &entry,
    };
    let changed = acts.confirm(&id, boxes).await?;
    Ok(HttpResponse::Ok().json(Yes { id, changed }))
}

/// Consents that are named: at least one.
fn named(names: &[String]) -> Result<Vec<ConsentKey>, ProblemCode> {
    if names.is_empty() {
        return Err(ProblemCode::BodyInvalid);
    }
    keys(names)
}

fn keys(names: &[String]) -> Result<Vec<ConsentKey>, ProblemCode> {
    names.iter().map(|name| ConsentKey::parse(name).ok_or(ProblemCode::ConsentUnknown)).collect()
}

/// Each consent that is named is one of some purpose that is meant: whoever mistypes one would be told that nothing held it.
fn known(
    consents: Option<&[ConsentKey]>,
    policy: &Policy,
    is_meant: &dyn Fn(&PurposeId) -> bool,
) -> Result<(), ProblemCode> {
    let mut rules = Vec::new();
    for purpose in policy.purposes().iter().filter(|purpose| is_meant(&purpose.id)) {
        rules.extend(purpose.consents.iter().map(|rule| &rule.key));
    }
    match consents.unwrap_or_default().iter().all(|key| rules.contains(&key)) {
        true => Ok(()),
        false => Err(ProblemCode::ConsentUnknown),
    }
}

/// What came of it, with a receipt for each erasure. Of what was gone already nothing is said.
async fn shown(
    done: Withdrawals,
    receipts: &Data<Receipts>,
    state: &AdminState,
    missed: Option<(u64, u64)>,
) -> Result<Withdrawal, Problem> {
    let of = |(id, became): (RecordId, Withdrawn)| {
        let became = match became {
            Withdrawn::Ended => Became::Ended,
            Withdrawn::Unchanged => Became::Unchanged,
            Withdrawn::Erased => Became::Erased,
            Withdrawn::Gone | Withdrawn::Unknown => return None,
        };
        Some(WithdrawnOf { id, became: became.into() })
    };
    let mut erasures = Vec::with_capacity(done.erasures.len());
    for erasure in &done.erasures {
        let receipt = Receipts::signed(receipts, &state.store, erasure).await?.note().to_owned();
        erasures.push(ErasedBefore { erasure: erasure.id.to_string(), receipt });
    }
    let (unread, unreadable) = missed.map_or((None, None), |(unread, no)| (Some(unread), Some(no)));
    Ok(Withdrawal { records: done.each.into_iter().filter_map(of).collect(), erasures, unread, unreadable })
}
