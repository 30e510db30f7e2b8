//! A record with all that is held of it, for its person: answers, consents with their evidence, who had it. It writes no line of the
//! log.

use std::collections::HashMap;
use std::sync::Arc;

use crate::api::access::{
    Handed, HeldBeside, HeldConsent, HeldContent, HeldField, HeldRecord, SentMail, SentMailKind,
};
use crate::api::{Moment, Word};
use crate::desk;
use crate::forget::receipt::Stationery;
use crate::http::admin::AdminState;
use crate::http::admin::evidence::{events, outcome};
use crate::http::admin::record::Outlet;
use crate::http::admin::restricted;
use crate::http::problem::Problem;
use crate::id::FormId;
use crate::language::Language;
use crate::lead::{ConsentEvidence, OpenedLead};
use crate::purpose::{ConsentRule, Policy, Purpose, RecordId, TextHash};
use crate::store::{Correspondence, DayLook, Found, SeenState};
use crate::trail::Entry;

/// Who writes down what is held.
pub(super) struct Clerk<'c> {
    state: &'c AdminState,
    stationery: &'c Stationery,
    policy: &'c Policy,
    language: Language,
    /// The line that each record leaves which was looked up for it.
    by: &'c Entry,
    /// What stood beside the boxes of a form, at a revision: a person's records are often of one.
    forms: HashMap<(FormId, TextHash), HashMap<String, (TextHash, String)>>,
}

impl<'c> Clerk<'c> {
    /// Of this state, with what the config says now, in this language.
    pub(super) fn new(
        state: &'c AdminState,
        stationery: &'c Stationery,
        policy: &'c Policy,
        language: Language,
        by: &'c Entry,
    ) -> Self {
        Self { state, stationery, policy, language, by, forms: HashMap::new() }
    }

    /// A record with all that is held of it; none: it is none.
    ///
    /// # Errors
    /// It depends on whether the clock is right, or the store's.
    pub(super) async fn record(&mut self, found: &Found) -> Result<Option<HeldRecord>, Problem> {
        let SeenState::Stored(id) = &found.state else { return Ok(None) };
        let purpose = self.policy.purpose(id.purpose.as_str()).cloned();
        let content = match &found.lead {
            Some(lead) => Some(self.content(lead, purpose.as_ref(), found).await?),
            None => None,
        };
        let written = self.state.store.correspondence(vec![id.clone()]).await?;
        let written = written.first().copied().unwrap_or_default();
        let mut mails: Vec<SentMail> = sent(&written).collect();
        mails.sort_by_key(|mail| mail.sent_at.0);
        Ok(Some(HeldRecord {
            id: id.clone(),
            purpose: id.purpose.clone(),
            title: match &purpose {
                Some(purpose) => desk::purpose_title(purpose, self.language),
                None => id.purpose.to_string(),
            },
            basis: purpose.as_ref().map(|purpose| Word::from(purpose.basis)),
            expired: content.is_none(),
            content,
            restricted: found.restriction.as_ref().map(restricted::shown),
            handed: self.handed(id).await?,
            mails,
            unreachable_since: written.unreachable.map(Moment),
        }))
    }

    async fn content(
        &mut self,
        lead: &OpenedLead,
        purpose: Option<&Arc<Purpose>>,
        found: &Found,
    ) -> Result<HeldContent, Problem> {
        let language = self.language;
        let grounds = lead.grounds();
        let exported: Vec<String> = match purpose {
            None => Vec::new(),
            Some(purpose) => {
                let outlet = Outlet::of(Arc::clone(purpose), None);
                let standings = outlet.standings(lead, found.days)?;
                outlet.fields(lead, &standings).into_iter().map(|(name, _)| name.to_owned()).collect()
            }
        };
        let fields = lead.held().map(|(name, values)| HeldField {
            name: name.as_str().to_owned(),
            title: desk::field_title(name, language),
            values: values.iter().map(|value| value.expose().to_owned()).collect(),
            exported: exported.iter().any(|known| known == name.as_str()),
        });
        let beside = lead.held_beside().into_iter().map(|(keep, value)| HeldBeside {
            name: keep.as_str().to_owned(),
            title: desk::beside_title(keep, language),
            value: value.to_owned(),
        });
        let (fields, beside) = (fields.collect(), beside.collect());
        let mut consents = Vec::with_capacity(lead.consents().len());
        for evidence in lead.consents() {
            let rule =
                purpose.and_then(|purpose| purpose.consents.iter().find(|rule| rule.key == evidence.key));
            consents.push(self.consent(lead, evidence, rule, found.days).await?);
        }
        Ok(HeldContent {
            created_time: Moment(lead.created()),
            received_at: Moment(lead.received()),
            expires_at: Moment(lead.expires_at()),
            reconfirm_due: lead.reconfirm_due().map(Moment),
            form_id: *lead.form(),
            page_id: *lead.page(),
            copy_of: grounds.copy_of,
            form_language: grounds.language.clone(),
            form_revision: grounds.form_revision.map(|revision| revision.to_string()),
            notice_revision: grounds.notice_revision.map(|revision| revision.to_string()),
            test: lead.is_test(),
            fields,
            beside,
            consents,
        })
    }

    async fn consent(
        &mut self,
        lead: &OpenedLead,
        evidence: &ConsentEvidence,
        rule: Option<&ConsentRule>,
        days: DayLook,
    ) -> Result<HeldConsent, Problem> {
        let until = match rule {
            Some(rule) => lead.valid_until(rule),
            None => evidence.valid_until,
        };
        let title = consent_title(rule, evidence.key.as_str(), self.stationery, self.language);
        Ok(HeldConsent {
            key: evidence.key.as_str().to_owned(),
            channel: rule.map(|rule| Word::from(rule.channel)),
            title,
            given: evidence.given(),
            outcome: outcome(evidence),
            at: Moment(evidence.at),
            valid_until: until.filter(|_| evidence.given()).map(Moment),
            checkbox_key: evidence.checkbox_key.clone(),
            answer: evidence.answer.clone(),
            text: self.text_of(lead, evidence).await?,
            text_hash: evidence.text.map(|hash| hash.to_string()),
            events: events(lead, evidence, rule, days)?,
        })
    }

    /// What stood beside a box, as the form was then; none: it is not known, or longer than is kept.
    async fn text_of(
        &mut self,
        lead: &OpenedLead,
        evidence: &ConsentEvidence,
    ) -> Result<Option<String>, Problem> {
        let (Some(revision), Some(hash)) = (lead.grounds().form_revision, evidence.text) else {
            return Ok(None);
        };
        let at = (*lead.form(), revision);
        if !self.forms.contains_key(&at) {
            let snapshot = self.state.store.snapshot(lead.form(), &revision).await?;
            let definition = snapshot.map(|snapshot| snapshot.definition);
            let boxes =
                definition.as_ref().and_then(|definition| definition.legal.boxes()).unwrap_or_default();
            let boxes =
                boxes.iter().map(|found| (found.key.clone(), (found.text.hash, found.text.text.clone())));
            self.forms.insert(at, boxes.collect());
        }
        let found = self.forms.get(&at).and_then(|boxes| boxes.get(&evidence.checkbox_key));
        Ok(found.filter(|(known, _)| *known == hash).map(|(_, text)| text.clone()))
    }

    async fn handed(&self, id: &RecordId) -> Result<Vec<Handed>, Problem> {
        let handed = self.state.store.handed_to(std::slice::from_ref(id), self.by).await?;
        let one = |to: crate::store::HandedTo| {
            let known = to.recipient.as_ref().and_then(|id| self.stationery.recipients.get(id));
            let safeguard = to.recipient.as_ref().and_then(|id| self.stationery.safeguards.get(id));
            Handed {
                name: known.map(|known| known.name.clone()),
                country: known.map(|known| known.country.clone()),
                safeguard: safeguard.map(|known| known.basis.into()),
                safeguard_url: safeguard.and_then(|known| known.document.clone()),
                recipient: to.recipient,
                first: to.first.to_string(),
                last: to.last.to_string(),
            }
        };
        Ok(handed.into_iter().map(one).collect())
    }
}

/// The mails that were sent, as far as that is kept.
fn sent(written: &Correspondence) -> impl Iterator<Item = SentMail> {
    let each = [
        (SentMailKind::Asked, written.asked),
        (SentMailKind::Reminded, written.reminded),
        (SentMailKind::Link, written.linked),
        (SentMailKind::Copy, written.copied),
    ];
    let one = |(kind, at): (SentMailKind, Option<_>)| {
        Some(SentMail { kind: Word::from(kind), sent_at: Moment(at?) })
    };
    each.into_iter().filter_map(one)
}

/// What a consent allows, in words; of one that is asked for no more, its name.
pub(super) fn consent_title(
    rule: Option<&ConsentRule>,
    key: &str,
    stationery: &Stationery,
    language: Language,
) -> String {
    let Some(rule) = rule else { return desk::consent_title_gone(key, language) };
    let recipient = rule.recipient.as_ref().map(|id| {
        let known = stationery.recipients.get(id);
        known.map_or(id.as_str(), |known| known.name.as_str())
    });
    desk::consent_title(rule.channel, recipient, language)
}
