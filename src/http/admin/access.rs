//! `POST /access`: everything that is held of a person, by an address in the body (GDPR art. 15). Each record of it leaves its
//! line in the trail before it is opened.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::http::header::{CONTENT_LANGUAGE, VARY};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::api::access::{
    Access, ConsentOutcome, Handed, Held, HeldBeside, HeldBy, HeldConsent, HeldContent, HeldField, HeldRecord,
};
use crate::api::{Moment, Word};
use crate::desk;
use crate::forget::address::Sought;
use crate::forget::receipt::Stationery;
use crate::http::admin::AdminState;
use crate::http::admin::body::read;
use crate::http::admin::erasures::language;
use crate::http::admin::find::{Queue, its_turn};
use crate::http::admin::operator::{Access as MayAccess, By};
use crate::http::admin::paper::PaperFormat;
use crate::http::admin::query::{Parameters, named};
use crate::http::admin::receipts::Receipts;
use crate::http::admin::record::Outlet;
use crate::http::admin::restricted;
use crate::http::admin::search::Search;
use crate::http::admin::suppressions::entries_of;
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::id::FormId;
use crate::language::Language;
use crate::lead::{ConsentEvidence, OpenedLead};
use crate::purpose::{ConsentRule, Policy, Purpose, RecordId, TextHash};
use crate::store::{Found, SHOWN_AT_ONCE_MAX, SeenState};
use crate::telemetry::metrics::Metrics;
use crate::trail::{Action, Entry};

/// So many records stand in one paper; beyond that their number is told. A person has a handful.
const RECORDS_MAX: usize = 1_000;

/// Puts it together, for a program or as a page.
pub(super) async fn access(
    by: By<MayAccess>,
    state: Data<AdminState>,
    request: HttpRequest,
    receipts: Data<Receipts>,
    metrics: Data<Metrics>,
    (queue, search): (Data<Queue>, Data<Search>),
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::parse(request.query_string(), &["format", "lang"])?;
    let format =
        PaperFormat::of_a_page(parameters.value("format"), &request).map_err(|code| named(code, "format"))?;
    let language = language(parameters.value("lang"), &request).map_err(|code| named(code, "lang"))?;
    let Access { email, phone } = read(&request, payload).await?;
    let sought = match (&email, &phone) {
        (Some(typed), None) => Sought::email(typed),
        (None, Some(typed)) => Sought::phone(typed),
        _ => return Err(Problem::of(ProblemCode::BodyInvalid)),
    };
    let sought = sought.ok_or(ProblemCode::AddressInvalid)?;
    its_turn(&by.operator, &state, &metrics).await?;
    // Counted first: what is read in between is met.
    let unread = queue.count() + state.store.parked().await?;
    let matches = search.matching(sought, None).await?;
    let ids: Vec<RecordId> = matches.first.into_iter().take(RECORDS_MAX).map(|found| found.record).collect();
    let stationery = receipts.stationery.pin();
    let policy = state.policy.pin();
    let mut clerk =
        Clerk { state: &state, stationery: &stationery, policy: &policy, language, forms: HashMap::new() };
    let entry = Entry::by(&by.operator, Action::Accessed);
    let mut records = Vec::with_capacity(ids.len());
    let mut parts = ids.chunks(SHOWN_AT_ONCE_MAX);
    // Where there is nothing, that somebody asked stands in the trail all the same.
    let mut part = Some(parts.next().unwrap_or_default());
    while let Some(of) = part {
        for found in state.store.find_records(of.to_vec(), entry.clone()).await? {
            records.extend(clerk.record(&found).await?);
        }
        part = parts.next();
    }
    let suppressions = entries_of(&state, email.as_deref(), phone.as_deref()).await?;
    tracing::info!(
        request.id = %request_id(&request), actor = %by.operator.actor(), role = %by.operator.role(),
        records.found = records.len(), "access.done"
    );
    let counted = |count: u64| (count > 0).then_some(count);
    let controller = &stationery.controller;
    let held = Held {
        language: language.tag().to_owned(),
        made_at: Moment(state.store.now()),
        controller: HeldBy {
            name: controller.name.clone(),
            address: controller.address.clone(),
            email: controller.email.clone(),
        },
        total: (matches.total > ids.len() as u64).then_some(matches.total),
        records,
        suppressions,
        unreadable: counted(matches.unreadable),
        unread: counted(unread),
        remains: desk::remaining(
            stationery.key_backups_days,
            stationery.trail_months,
            &controller.name,
            language,
        ),
    };
    let mut answer = HttpResponse::Ok();
    answer.content_type(format.content_type()).insert_header((VARY, "Accept, Accept-Language"));
    answer.insert_header((CONTENT_LANGUAGE, language.tag()));
    Ok(match format {
        PaperFormat::Html => answer.body(desk::access_page(&held, language)),
        _ => answer.json(held),
    })
}

/// Who writes it down.
struct Clerk<'c> {
    state: &'c AdminState,
    stationery: &'c Stationery,
    policy: &'c Policy,
    language: Language,
    /// What stood beside the boxes of a form, at a revision: a person's records are often of one.
    forms: HashMap<(FormId, TextHash), HashMap<String, (TextHash, String)>>,
}

impl Clerk<'_> {
    /// A record with all that is held of it; none: it is none.
    async fn record(&mut self, found: &Found) -> Result<Option<HeldRecord>, Problem> {
        let SeenState::Stored(id) = &found.state else { return Ok(None) };
        let purpose = self.policy.purpose(id.purpose.as_str()).cloned();
        let content = match &found.lead {
            Some(lead) => Some(self.content(lead, purpose.as_ref(), found).await?),
            None => None,
        };
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
            consents.push(self.consent(lead, evidence, rule).await?);
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
    ) -> Result<HeldConsent, Problem> {
        let until = match rule {
            Some(rule) => lead.valid_until(rule),
            None => evidence.valid_until,
        };
        let title = match rule {
            Some(rule) => {
                let recipient = rule.recipient.as_ref().map(|id| self.name_of(id).unwrap_or(id));
                desk::consent_title(rule.channel, recipient.map(String::as_str), self.language)
            }
            None => desk::consent_title_gone(evidence.key.as_str(), self.language),
        };
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

    fn name_of(&self, recipient: &str) -> Option<&String> {
        self.stationery.recipients.get(recipient).map(|recipient| &recipient.name)
    }

    async fn handed(&self, id: &RecordId) -> Result<Vec<Handed>, Problem> {
        let handed = self.state.store.handed_to(std::slice::from_ref(id)).await?;
        let one = |to: crate::store::HandedTo| {
            let known = to.recipient.as_ref().and_then(|id| self.stationery.recipients.get(id));
            Handed {
                name: known.map(|known| known.name.clone()),
                country: known.map(|known| known.country.clone()),
                recipient: to.recipient,
                first: to.first.to_string(),
                last: to.last.to_string(),
            }
        };
        Ok(handed.into_iter().map(one).collect())
    }
}

/// The same word on the wire.
fn outcome(evidence: &ConsentEvidence) -> Word<ConsentOutcome> {
    let word = evidence.outcome().as_str();
    ConsentOutcome::from_code(word).map_or_else(|| Word::Later(word.to_owned()), Word::from)
}
