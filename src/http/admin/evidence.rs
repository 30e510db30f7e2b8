//! What shows of the consents of a record how they were given and what became of them. It writes no line of the log.

use jiff::Timestamp;

use crate::api::evidence::{
    Collection, ConsentEvent, ConsentOutcome, ConsentRecord, EventEntity, EventState,
};
use crate::api::{Moment, Word};
use crate::clock::Day;
use crate::lead::{self, ConsentEvidence, EventKind, OpenedLead};
use crate::purpose::{ConsentRule, Purpose};
use crate::store::{DayLook, StoreError};

const SCHEMA_VERSION: &str = "tamis/evidence/1";

/// Of each consent that was looked at, in their order.
///
/// # Errors
/// It depends on whether the clock is right.
pub(super) fn of_record(
    lead: &OpenedLead,
    purpose: Option<&Purpose>,
    days: DayLook,
) -> Result<Vec<ConsentRecord>, StoreError> {
    let rule = |evidence: &ConsentEvidence| {
        purpose.and_then(|purpose| purpose.consents.iter().find(|rule| rule.key == evidence.key))
    };
    lead.consents().iter().map(|evidence| one(lead, evidence, (purpose, rule(evidence)), days)).collect()
}

fn one(
    lead: &OpenedLead,
    evidence: &ConsentEvidence,
    (purpose, rule): (Option<&Purpose>, Option<&ConsentRule>),
    days: DayLook,
) -> Result<ConsentRecord, StoreError> {
    let grounds = lead.grounds();
    Ok(ConsentRecord {
        schema_version: SCHEMA_VERSION.to_owned(),
        record_id: lead.id().clone(),
        purpose: lead.id().purpose.clone(),
        lawful_basis: purpose.map(|purpose| Word::from(purpose.basis)),
        consent: evidence.key.as_str().to_owned(),
        channel: rule.map(|rule| Word::from(rule.channel)),
        recipient: rule.and_then(|rule| rule.recipient.clone()),
        collection: Collection {
            method: "meta-lead-ads".to_owned(),
            form_id: *lead.form(),
            form_revision: grounds.form_revision.map(|revision| revision.to_string()),
            checkbox_key: evidence.checkbox_key.clone(),
            text_hash: evidence.text.map(|hash| hash.to_string()),
            answer: evidence.answer.clone(),
            outcome: outcome(evidence),
        },
        events: events(lead, evidence, rule, days)?,
    })
}

/// What became of it, the oldest first: that it was given or not stands in the record, and that its time is over follows from
/// the day.
pub(super) fn events(
    lead: &OpenedLead,
    evidence: &ConsentEvidence,
    rule: Option<&ConsentRule>,
    days: DayLook,
) -> Result<Vec<ConsentEvent>, StoreError> {
    let grounds = lead.grounds();
    let since = lead.events().iter().filter(|event| event.consent == evidence.key);
    let since: Vec<&lead::ConsentEvent> = since.collect();
    let ends_now = match rule {
        Some(rule) => lead.valid_until(rule),
        None => evidence.valid_until,
    };
    // Until when it was to hold at first the record does not say any more where something became of it since.
    let first_until = match (evidence.given(), since.is_empty(), rule) {
        (false, ..) => None,
        (true, true, _) => ends_now,
        (true, false, Some(rule)) => rule.valid_until(lead.created(), lead.received()),
        (true, false, None) => None,
    };
    let mut events = vec![ConsentEvent {
        event_time: Moment(evidence.at),
        valid_until: first_until.map(Moment),
        entity: EventEntity::Person.into(),
        event_state: if evidence.given() { EventState::Given } else { EventState::Refused }.into(),
        notice_revision: grounds.notice_revision.map(|revision| revision.to_string()),
        language: grounds.language.clone(),
    }];
    events.extend(since.iter().map(|event| shown(event)));
    let is_over = since.iter().any(|event| event.kind != EventKind::Confirmed);
    if let Some(until) = ends_now.filter(|_| evidence.given() && !is_over)
        && days.has_come(Day::of(until))?
    {
        events.push(ended(until));
    }
    Ok(events)
}

/// That a consent ended by its time, on the wire.
pub(super) fn ended(until: Timestamp) -> ConsentEvent {
    ConsentEvent {
        event_time: Moment(until),
        valid_until: None,
        entity: EventEntity::System.into(),
        event_state: EventState::Ended.into(),
        notice_revision: None,
        language: None,
    }
}

/// An event, on the wire.
pub(super) fn shown(event: &lead::ConsentEvent) -> ConsentEvent {
    let event_state = match event.kind {
        EventKind::Confirmed => EventState::Confirmed,
        EventKind::Withdrawn => EventState::Withdrawn,
        EventKind::Objected => EventState::Objected,
    };
    let entity = match event.entity {
        lead::EventEntity::Person => EventEntity::Person,
        lead::EventEntity::Controller => EventEntity::Controller,
    };
    ConsentEvent {
        event_time: Moment(event.at),
        valid_until: event.valid_until.filter(|_| event.kind == EventKind::Confirmed).map(Moment),
        entity: entity.into(),
        event_state: event_state.into(),
        notice_revision: event.notice_revision.map(|revision| revision.to_string()),
        language: event.language.clone(),
    }
}

/// What a box comes to, on the wire.
pub(super) fn outcome(evidence: &ConsentEvidence) -> Word<ConsentOutcome> {
    let word = evidence.outcome().as_str();
    ConsentOutcome::from_code(word).map_or_else(|| Word::Later(word.to_owned()), Word::from)
}
