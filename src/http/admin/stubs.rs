//! What shows of consents when their record is gone, as it is shown to whoever had the address. It writes no line of the log.

use crate::api::access::{EvidenceCause, KeptConsent, KeptEvidence};
use crate::api::evidence::{ConsentEvent, ConsentOutcome, EventEntity, EventState};
use crate::api::{Moment, Word};
use crate::clock::Day;
use crate::desk;
use crate::forget::receipt::Stationery;
use crate::http::admin::AdminState;
use crate::http::admin::evidence::{ended, shown};
use crate::http::admin::held::consent_title;
use crate::http::admin::suppressions::spellings_of;
use crate::http::problem::Problem;
use crate::language::Language;
use crate::lead::{EventKind, Stub, StubBox, StubCause};
use crate::purpose::{Policy, Purpose};
use crate::trail::Entry;

/// What is kept of an address, in every spelling that it has.
///
/// # Errors
/// The store's.
pub(super) async fn kept_of(
    state: &AdminState,
    (email, phone): (Option<&str>, Option<&str>),
    (policy, stationery): (&Policy, &Stationery),
    language: Language,
    by: &Entry,
) -> Result<Vec<KeptEvidence>, Problem> {
    let addresses = spellings_of(policy, email, phone)?;
    let stubs = state.store.stubs_of(addresses, by).await?;
    Ok(stubs.iter().map(|stub| kept(stub, (policy, stationery), language)).collect())
}

fn kept(stub: &Stub, (policy, stationery): (&Policy, &Stationery), language: Language) -> KeptEvidence {
    let purpose = policy.purpose(stub.purpose.as_str());
    let cause = match stub.cause {
        StubCause::Erased => EvidenceCause::Erased,
        StubCause::Expired => EvidenceCause::Expired,
    };
    let one =
        |given: &StubBox| consent(stub, given, (purpose.map(|purpose| &**purpose), stationery), language);
    KeptEvidence {
        purpose: stub.purpose.clone(),
        title: match purpose {
            Some(purpose) => desk::purpose_title(purpose, language),
            None => stub.purpose.to_string(),
        },
        cause: cause.into(),
        ended: stub.ended.to_string(),
        until: stub.until.to_string(),
        form_id: stub.form,
        copy_of: stub.grounds.copy_of,
        form_revision: stub.grounds.form_revision.map(|revision| revision.to_string()),
        consents: stub.boxes.iter().map(one).collect(),
    }
}

fn consent(
    stub: &Stub,
    given: &StubBox,
    (purpose, stationery): (Option<&Purpose>, &Stationery),
    language: Language,
) -> KeptConsent {
    let rule = purpose.and_then(|purpose| purpose.consents.iter().find(|rule| rule.key == given.consent));
    let since: Vec<_> = stub.events.iter().filter(|event| event.consent == given.consent).collect();
    // Until when it was to hold at first is not known any more where something became of it since.
    let first_until = given.valid_until.filter(|_| since.is_empty());
    let mut events = vec![ConsentEvent {
        event_time: Moment(given.at),
        valid_until: first_until.map(Moment),
        entity: EventEntity::Person.into(),
        event_state: EventState::Given.into(),
        notice_revision: stub.grounds.notice_revision.map(|revision| revision.to_string()),
        language: stub.grounds.language.clone(),
    }];
    events.extend(since.iter().map(|event| shown(event)));
    let until = since.last().map_or(given.valid_until, |event| event.valid_until);
    let is_over = since.iter().any(|event| event.kind != EventKind::Confirmed);
    if let Some(until) = until.filter(|until| !is_over && Day::of(*until) <= stub.ended) {
        events.push(ended(until));
    }
    let word = given.outcome.as_str();
    KeptConsent {
        key: given.consent.as_str().to_owned(),
        title: consent_title(rule, given.consent.as_str(), stationery, language),
        checkbox_key: given.checkbox_key.clone(),
        text_hash: given.text.map(|hash| hash.to_string()),
        outcome: ConsentOutcome::from_code(word).map_or_else(|| Word::Later(word.to_owned()), Word::from),
        events,
    }
}
