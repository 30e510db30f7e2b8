//! Who holds a pass: recognised as the person of the record that it opens.

use crate::api::access::{HeldConsent, HeldContent, HeldField};
use crate::api::evidence::EventState;
use crate::clock::Day;
use crate::http::admin::own_record::{Own, holds_an_address, is_an_address};
use crate::http::admin::person_acts::Look;
use crate::http::problem::Problem;
use crate::http::public::person::Persons;
use crate::language::Language;
use crate::people::page::{Act, Shown};
use crate::people::{Pass, PassKind, mask};
use crate::purpose::{Basis, RecordId};
use crate::trail::Operator;

/// Somebody whom a pass lets in.
pub(super) struct Visitor {
    pub(super) operator: Operator,
    pub(super) record: RecordId,
    /// The hash of the pass.
    pub(super) pass: [u8; 32],
}

impl Visitor {
    /// Whom a pass of this kind lets in; none: nobody.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn of(persons: &Persons, text: &str, kind: PassKind) -> Result<Option<Self>, Problem> {
        let Some(pass) = Pass::parse(text) else { return Ok(None) };
        let hash = pass.hash();
        let opens = persons.acts.open(pass).await?.filter(|opens| opens.kind == kind);
        Ok(opens.map(|opens| Self {
            operator: Operator::recognised_by_pass(),
            record: opens.record,
            pass: hash,
        }))
    }

    /// The record, with its line in the trail; none: it is gone.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn look(&self, persons: &Persons, language: Language) -> Result<Option<Own>, Problem> {
        self.look_up(Look::ToSee, persons, language).await
    }

    /// The same for this act: what ends something, or says no, waits for no disk.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn look_for(
        &self,
        act: Act,
        persons: &Persons,
        language: Language,
    ) -> Result<Option<Own>, Problem> {
        let look = if act.ends_something() { Look::ToEnd } else { Look::ToSee };
        self.look_up(look, persons, language).await
    }

    async fn look_up(
        &self,
        look: Look,
        persons: &Persons,
        language: Language,
    ) -> Result<Option<Own>, Problem> {
        persons.acts.look(&self.operator, (&self.record, look), language).await
    }
}

impl Persons {
    /// What is shown of a record: its answers masked. None: its time is over.
    pub(super) fn shown(&self, own: &Own, language: Language) -> Option<Shown> {
        let mailbox = own.mailbox().filter(|_| self.links.is_some());
        let shown = shown(own, self.acts.now(), language)?;
        Some(Shown { copy_to: mailbox.map(mask), ..shown })
    }
}

/// The same, where no mail is sent.
fn shown(own: &Own, now: jiff::Timestamp, language: Language) -> Option<Shown> {
    let content = own.held.content.as_ref()?;
    let masked = |values: &[String]| values.iter().map(|value| mask(value)).collect::<Vec<_>>();
    let fields = content.fields.iter();
    let answers = fields.map(|field| (field.title.clone(), masked(&field.values))).collect();
    let holds = |consent: &HeldConsent| {
        // It holds by days, as everywhere.
        consent.given && consent.valid_until.is_none_or(|until| Day::of(now) < Day::of(until.0))
    };
    let agreed = content.consents.iter();
    let agreed = agreed.map(|consent| (consent.title.clone(), holds(consent).then(|| said_at(consent))));
    let agreed = agreed.collect();
    let asked_for = content.consents.iter().filter(|consent| holds(consent) && consent.channel.is_some());
    let boxes = asked_for.map(|consent| (consent.key.clone(), consent.title.clone())).collect();
    let handed = own.held.handed.iter();
    let handed = handed.map(|to| to.name.clone().or_else(|| to.recipient.clone())).collect();
    let until = own
        .held
        .restricted
        .as_ref()
        .and_then(|restricted| format!("{}T00:00:00Z", restricted.until).parse().ok());
    Some(Shown {
        purpose: own.held.title.clone(),
        notice: format!("../notice/{}?lang={}", own.held.purpose, language.tag()),
        notice_revision: own.notice().map(|revision| revision.to_string()).unwrap_or_default(),
        sent: content.created_time.0,
        until: content.expires_at.0,
        restricted: until,
        erasure: own.held.restricted.as_ref().and_then(|restricted| restricted.erasure.clone()),
        answers,
        agreed,
        boxes,
        is_asked_again: own
            .purpose
            .as_ref()
            .is_some_and(|purpose| purpose.basis != Basis::Consent && purpose.reconfirm_months.is_some()),
        handed,
        copy_to: None,
        correctable: correctable(own, content),
    })
}

/// When its person said yes to it last.
fn said_at(consent: &HeldConsent) -> jiff::Timestamp {
    let confirmed =
        consent.events.iter().rev().find(|event| event.event_state == EventState::Confirmed.into());
    confirmed.map_or(consent.at, |event| event.event_time).0
}

/// The fields that may be corrected on the page: those of the config that are not worked out, and by which nobody is reached.
fn correctable(own: &Own, content: &HeldContent) -> Vec<(String, String, Option<String>)> {
    let Some(purpose) = &own.purpose else { return Vec::new() };
    let held = |name: &str| content.fields.iter().find(|field| field.name == name);
    let is_reached_by = |field: &HeldField| field.values.iter().any(|value| is_an_address(value));
    let rules = purpose.whitelist.rules().iter();
    let rules =
        rules.filter(|rule| !holds_an_address(rule) && !held(rule.name.as_str()).is_some_and(is_reached_by));
    let one = |rule: &crate::purpose::FieldRule| {
        let field = held(rule.name.as_str())?;
        let now = field.values.iter().map(|value| mask(value)).collect::<Vec<_>>().join(", ");
        Some((field.name.clone(), field.title.clone(), (!now.is_empty()).then_some(now)))
    };
    rules.filter_map(one).collect()
}

/// The midnight with which a day begins.
pub(super) fn midnight(day: Day) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_second(i64::from(day.0) * 86_400).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yes_is_dated_by_the_last_time_it_was_said() {
        let event = |at: &str, state: &str| {
            serde_json::json!({
                "event_time": at, "valid_until": null, "entity": "person", "event_state": state,
                "notice_revision": null, "language": null
            })
        };
        let of = |events: Vec<serde_json::Value>| {
            let consent = serde_json::from_value::<HeldConsent>(serde_json::json!({
                "key": "email_optin", "channel": "email", "title": "by e-mail", "given": true, "outcome": "given",
                "at": "2026-01-02T08:00:00Z", "valid_until": null, "checkbox_key": "email_optin",
                "answer": "true", "text": null, "text_hash": null, "events": events
            }));
            said_at(&consent.expect("a consent")).to_string()
        };
        let given = event("2026-01-02T08:00:00Z", "given");
        assert_eq!(of(Vec::new()), "2026-01-02T08:00:00Z");
        assert_eq!(of(vec![given.clone()]), "2026-01-02T08:00:00Z");
        let once = event("2026-05-02T08:00:00Z", "confirmed");
        let twice = event("2026-09-02T08:00:00Z", "confirmed");
        assert_eq!(of(vec![given, once, twice]), "2026-09-02T08:00:00Z");
    }
}
