//! `GET /suppressions`, `POST /suppressions` and `POST /suppressions/remove`: addresses that may not be stored. An address comes
//! in a body and goes nowhere: not into an answer, a line of the log, or the trail.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::api::erasures::ErasedBy;
use crate::api::suppressions::{
    ALL, ContactKind, RemoveSuppression, Suppress, Suppressed, Suppression as Shown, SuppressionList,
    SuppressionsRemoved,
};
use crate::api::{Moment, Word};
use crate::forget::address::Address;
use crate::forget::suppression::SUPPRESSION_MONTHS;
use crate::http::admin::AdminState;
use crate::http::admin::body::read;
use crate::http::admin::operator::{
    By, ListSuppressions, RemoveSuppression as MayRemove, Suppress as MaySuppress,
};
use crate::http::admin::query::Parameters;
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::purpose::law::Contact;
use crate::purpose::{PhoneRegion, Policy, PurposeId};
use crate::store::{SUPPRESSIONS_LISTED_MAX, StoreError, Suppression, SuppressionId, ToLift, ToSuppress};
use crate::trail::{Action, Entry, Operator, Reason};

/// The CNIL keeps an objection for three years at least; nobody keeps a hash for ever.
const MONTHS: std::ops::RangeInclusive<u32> = SUPPRESSION_MONTHS..=120;

/// The entries after one, and its own trail line.
pub(super) async fn list(
    by: By<ListSuppressions>,
    state: Data<AdminState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::parse(request.query_string(), &["after", "limit"])?;
    let limit = parameters.limit()?.min(SUPPRESSIONS_LISTED_MAX);
    let after = parameters.read("after", SuppressionId::parse)?;
    let entry = Entry::by(&by.operator, Action::SuppressionsListed);
    let listed = state.store.suppressions(after, limit, entry).await?;
    let more = listed.len() == limit;
    let suppressions = listed.iter().map(shown).collect();
    Ok(HttpResponse::Ok().json(SuppressionList { suppressions, more }))
}

/// Puts an address on the list.
pub(super) async fn add(
    by: By<MaySuppress>,
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let Suppress { email, phone, scope, reason, months } = read(&request, payload).await?;
    let months = months.unwrap_or(SUPPRESSION_MONTHS);
    if !MONTHS.contains(&months) {
        return Err(Problem::of(ProblemCode::MonthsOutOfRange));
    }
    let operator = because(by.operator, &reason)?;
    let policy = state.policy.pin();
    let purpose = scope_of(&scope, &policy)?;
    let addresses = spelled(email.as_deref(), phone.as_deref(), &regions_of(purpose.as_ref(), &policy))?;
    let what = ToSuppress { addresses, purpose, months };
    let made = put_on_list(&state, &request, &operator, what).await?;
    Ok(HttpResponse::Ok().json(Suppressed { suppressions: made.iter().map(shown).collect() }))
}

/// Puts it on the list, and says so.
///
/// # Errors
/// As [`crate::store::Suppressions::suppress`].
pub(super) async fn put_on_list(
    state: &AdminState,
    request: &HttpRequest,
    operator: &Operator,
    what: ToSuppress,
) -> Result<Vec<Suppression>, StoreError> {
    let made = state.store.suppress(what, Entry::by(operator, Action::Suppressed)).await?;
    tracing::info!(
        request.id = %request_id(request), actor = %operator.actor(), suppressions.made = made.len(),
        "suppression.made"
    );
    Ok(made)
}

/// What goes on the list with an erasure of whoever objected, by an address: for these purposes; none named: for all.
///
/// # Errors
/// It is no address, or two people's.
pub(super) fn objected(
    by: &ErasedBy,
    purposes: &[PurposeId],
    policy: &Policy,
) -> Result<Vec<ToSuppress>, ProblemCode> {
    let (email, phone) = match by {
        ErasedBy::Email(typed) => (Some(typed.as_str()), None),
        ErasedBy::Phone(typed) => (None, Some(typed.as_str())),
        // An id says no address.
        ErasedBy::Id(_) | ErasedBy::LeadgenId(_) => return Ok(Vec::new()),
    };
    let scopes: Vec<Option<&PurposeId>> = match purposes {
        [] => vec![None],
        purposes => purposes.iter().map(Some).collect(),
    };
    let of = |purpose: Option<&PurposeId>| {
        let addresses = spelled(email, phone, &regions_of(purpose, policy))?;
        Ok(ToSuppress { addresses, purpose: purpose.cloned(), months: SUPPRESSION_MONTHS })
    };
    scopes.into_iter().map(of).collect()
}

/// Takes entries off it: one, or all of an address.
pub(super) async fn remove(
    by: By<MayRemove>,
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let RemoveSuppression { email, phone, id, reason } = read(&request, payload).await?;
    let operator = because(by.operator, &reason)?;
    let which = match id {
        Some(id) if email.is_none() && phone.is_none() => {
            ToLift::One(SuppressionId::parse(&id).ok_or(ProblemCode::BodyInvalid)?)
        }
        Some(_) => return Err(Problem::of(ProblemCode::BodyInvalid)),
        None => {
            let policy = state.policy.pin();
            let addresses = spelled(email.as_deref(), phone.as_deref(), &regions(&policy))?;
            ToLift::Of(addresses, scopes(&state, &policy).await?)
        }
    };
    let removed = state.store.lift(which, Entry::by(&operator, Action::SuppressionRemoved)).await?;
    tracing::info!(
        request.id = %request_id(&request), actor = %operator.actor(), suppressions.removed = removed,
        "suppression.removed"
    );
    Ok(HttpResponse::Ok().json(SuppressionsRemoved { removed }))
}

/// The entries of an address: an e-mail address, or a number in each spelling that some purpose gives it.
///
/// # Errors
/// As [`crate::store::Suppressions::suppressions_of`].
pub(super) async fn entries_of(
    state: &AdminState,
    email: Option<&str>,
    phone: Option<&str>,
    by: &Entry,
) -> Result<Vec<Shown>, Problem> {
    let policy = state.policy.pin();
    // Digits that no purpose takes for a number are on no list.
    let addresses = spellings_of(&policy, email, phone)?;
    if addresses.is_empty() {
        return Ok(Vec::new());
    }
    let entries = state.store.suppressions_of(addresses, scopes(state, &policy).await?, by).await?;
    Ok(entries.iter().map(shown).collect())
}

/// One address in every spelling that it has, as of which it may be known; none: it is no address that is compared.
///
/// # Errors
/// [`ProblemCode::BodyInvalid`]: not exactly one is named.
pub(super) fn spellings_of(
    policy: &Policy,
    email: Option<&str>,
    phone: Option<&str>,
) -> Result<Vec<Address>, ProblemCode> {
    match spellings(email, phone, &regions(policy)) {
        Err(ProblemCode::AddressInvalid) => Ok(Vec::new()),
        found => Ok(found?.into_iter().map(|(address, _)| address).collect()),
    }
}

/// Refuses a number that these purposes (none named: all) read as two people's: whoever says it means one of them.
///
/// # Errors
/// [`ProblemCode::PhoneAmbiguous`].
pub(super) fn is_of_one(
    phone: Option<&str>,
    purposes: &[PurposeId],
    policy: &Policy,
) -> Result<(), ProblemCode> {
    let regions: Vec<Option<PhoneRegion>> = match purposes {
        [] => regions(policy),
        purposes => purposes.iter().flat_map(|purpose| regions_of(Some(purpose), policy)).collect(),
    };
    match phone.map(|typed| spelled(None, Some(typed), &regions)) {
        Some(Err(ProblemCode::PhoneAmbiguous)) => Err(ProblemCode::PhoneAmbiguous),
        // By what else it is no number, it is looked for as digits.
        _ => Ok(()),
    }
}

/// Every scope that an entry may have, those of purposes that have left the config too.
async fn scopes(state: &AdminState, policy: &Policy) -> Result<Vec<Option<PurposeId>>, StoreError> {
    let mut purposes: Vec<PurposeId> = state.store.stored().await?.into_keys().collect();
    purposes.extend(policy.purposes().iter().map(|purpose| purpose.id.clone()));
    purposes.sort();
    purposes.dedup();
    Ok(std::iter::once(None).chain(purposes.into_iter().map(Some)).collect())
}

/// The reason stands in the body: it is the entry's as well.
fn because(operator: Operator, reason: &str) -> Result<Operator, ProblemCode> {
    Reason::from_code(reason).map(|reason| operator.because(reason)).ok_or(ProblemCode::ReasonUnknown)
}

/// The purpose that a scope names; none: all of them.
fn scope_of(scope: &str, policy: &Policy) -> Result<Option<PurposeId>, ProblemCode> {
    if scope == ALL {
        return Ok(None);
    }
    policy.purpose(scope).map(|purpose| Some(purpose.id.clone())).ok_or(ProblemCode::PurposeUnknown)
}

/// Under what regions this purpose reads a number, or all of them do. One that has left the config reads its digits.
fn regions_of(purpose: Option<&PurposeId>, policy: &Policy) -> Vec<Option<PhoneRegion>> {
    match purpose {
        Some(purpose) => {
            vec![policy.purpose(purpose.as_str()).and_then(|purpose| purpose.phone_region)]
        }
        None => regions(policy),
    }
}

/// Under what regions the purposes read a number without its country; none within: some purpose reads its digits alone.
fn regions(policy: &Policy) -> Vec<Option<PhoneRegion>> {
    let mut regions: Vec<Option<PhoneRegion>> = Vec::new();
    for purpose in policy.purposes() {
        if !regions.contains(&purpose.phone_region) {
            regions.push(purpose.phone_region);
        }
    }
    if regions.is_empty() { vec![None] } else { regions }
}

/// The one address, in every spelling that it has under these regions. Under regions of two countries a number without its own is
/// two people's.
fn spelled(
    email: Option<&str>,
    phone: Option<&str>,
    regions: &[Option<PhoneRegion>],
) -> Result<Vec<Address>, ProblemCode> {
    let found = spellings(email, phone, regions)?;
    if found.iter().filter(|(_, is_national)| *is_national).count() > 1 {
        return Err(ProblemCode::PhoneAmbiguous);
    }
    Ok(found.into_iter().map(|(address, _)| address).collect())
}

/// The same, whoever's they are; each with whether a region read it.
fn spellings(
    email: Option<&str>,
    phone: Option<&str>,
    regions: &[Option<PhoneRegion>],
) -> Result<Vec<(Address, bool)>, ProblemCode> {
    let typed = match (email, phone) {
        (Some(typed), None) => {
            return Ok(vec![(Address::email_given(typed).ok_or(ProblemCode::AddressInvalid)?, false)]);
        }
        (None, Some(typed)) => typed,
        _ => return Err(ProblemCode::BodyInvalid),
    };
    let mut found: Vec<(Address, bool)> = Vec::new();
    for region in regions {
        let Some(address) = Address::phone(typed, *region) else { continue };
        if found.iter().all(|(known, _)| !known.is(&address)) {
            found.push((address, region.is_some()));
        }
    }
    if found.is_empty() {
        return Err(ProblemCode::AddressInvalid);
    }
    Ok(found)
}

fn shown(entry: &Suppression) -> Shown {
    let contact = match entry.contact {
        Contact::Address => ContactKind::Email,
        Contact::Number => ContactKind::Phone,
    };
    Shown {
        id: entry.id.to_string(),
        contact: contact.into(),
        scope: entry.purpose.as_ref().map_or(ALL, PurposeId::as_str).to_owned(),
        reason: entry.reason.map(Word::from),
        since: Moment(entry.since),
        until: Moment(entry.until),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(code: &str) -> Option<PhoneRegion> {
        Some(PhoneRegion::parse(code).expect("a country"))
    }

    fn phones(typed: &str, regions: &[Option<PhoneRegion>]) -> Result<usize, ProblemCode> {
        spelled(None, Some(typed), regions).map(|addresses| addresses.len())
    }

    #[test]
    fn an_address_is_exactly_one_and_one_that_can_be_one() {
        let both = spelled(Some("zoe@lumen.example"), Some("+33639980000"), &[None]);
        assert_eq!(both.err(), Some(ProblemCode::BodyInvalid));
        assert_eq!(spelled(None, None, &[None]).err(), Some(ProblemCode::BodyInvalid));
        assert_eq!(spelled(Some("zoe"), None, &[None]).err(), Some(ProblemCode::AddressInvalid));
        assert_eq!(spelled(Some("zoe@lumen.example"), None, &[]).map(|found| found.len()), Ok(1));
        assert_eq!(phones("no number", &[None, region("FR")]), Err(ProblemCode::AddressInvalid));
    }

    #[test]
    fn a_number_has_each_spelling_that_the_purposes_give_it_but_is_never_two_peoples() {
        let national = "06 39 98 00 00";
        assert_eq!(phones(national, &[region("FR")]), Ok(1));
        assert_eq!(
            phones(national, &[region("FR"), None]),
            Ok(2),
            "and its digits, where a purpose has no region"
        );
        assert_eq!(phones(national, &[region("FR"), region("IT")]), Err(ProblemCode::PhoneAmbiguous));
        let abroad = "+33 6 39 98 00 00";
        assert_eq!(phones(abroad, &[region("FR"), region("IT"), None]), Ok(1), "it says its country");
    }
}
