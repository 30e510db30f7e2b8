//! `POST /find`: what became of one submission, or which records hold an address. Both come in the body, never in a URL that
//! gets logged.

use std::sync::Arc;

use actix_web::http::header::HeaderName;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::api::find::{Find, Finding, Found, SubmissionState};
use crate::api::{IdText, Moment, Pairs, Word};
use crate::forget::address::Sought;
use crate::http::admin::AdminState;
use crate::http::admin::body::read;
use crate::http::admin::evidence;
use crate::http::admin::lookups::Turn;
use crate::http::admin::mask::mask;
use crate::http::admin::operator::{By, Find as MayFind};
use crate::http::admin::record::Outlet;
use crate::http::admin::restricted;
use crate::http::admin::search::Search;
use crate::http::admin::suppressions::spellings_of;
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::id::LeadgenId;
use crate::notification::{ParkCode, Why};
use crate::purpose::{Policy, RecordId};
use crate::store::{self, SHOWN_AT_ONCE_MAX, SeenState, StoreError, Wanted};
use crate::telemetry::metrics::Metrics;
use crate::trail::{Action, Entry, Operator};

/// How many seconds a look-up was made to wait, on its answer.
const WAITED: HeaderName = HeaderName::from_static("tamis-waited");

/// What somebody asks for.
enum Asked {
    /// One submission, or one record.
    One(Wanted),
    /// The records that hold an address.
    Holding(Sought),
}

/// By exactly one of the two ids and the two kinds of address.
fn asked(question: &Find) -> Result<Asked, ProblemCode> {
    let Find { leadgen_id, id, email, phone, unmask: _ } = question;
    let wanted = match (leadgen_id, id, email, phone) {
        (Some(IdText(leadgen)), None, None, None) => LeadgenId::parse(leadgen).map(Wanted::Leadgen),
        (None, Some(IdText(record)), None, None) => RecordId::parse(record).map(Wanted::Record),
        (None, None, Some(email), None) => return holding_one(Sought::email(email)),
        (None, None, None, Some(phone)) => return holding_one(Sought::phone(phone)),
        _ => None,
    };
    wanted.map(Asked::One).ok_or(ProblemCode::BodyInvalid)
}

fn holding_one(sought: Option<Sought>) -> Result<Asked, ProblemCode> {
    sought.map(Asked::Holding).ok_or(ProblemCode::AddressInvalid)
}

/// The refusal; of an id that is none, with the member that holds it.
fn refused(code: ProblemCode, question: &Find) -> Problem {
    let problem = Problem::of(code);
    match question {
        _ if code != ProblemCode::BodyInvalid => problem,
        Find { leadgen_id: Some(_), id: None, email: None, phone: None, .. } => problem.at("leadgen_id"),
        Find { leadgen_id: None, id: Some(_), email: None, phone: None, .. } => problem.at("id"),
        _ => problem,
    }
}

/// Tells whether a submission is accepted and not settled yet.
pub(super) struct Queue {
    holds: Box<dyn Fn(&LeadgenId) -> bool + Send + Sync>,
    count: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Queue {
    /// Asks these whenever somebody asks: whether one is, and how many are.
    pub(super) fn new(
        holds: impl Fn(&LeadgenId) -> bool + Send + Sync + 'static,
        count: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self { holds: Box::new(holds), count: Box::new(count) }
    }

    /// How many are accepted and not settled yet.
    pub(super) fn count(&self) -> u64 {
        (self.count)()
    }

    /// True if it is accepted and not settled yet.
    pub(super) fn holds(&self, leadgen: &LeadgenId) -> bool {
        (self.holds)(leadgen)
    }
}

/// What was found, before it is shown.
#[derive(Default)]
struct Answer {
    found: Vec<store::Found>,
    /// It is accepted, and nothing else is known of it.
    queued: bool,
    total: Option<u64>,
    unreadable: Option<u64>,
    unread: Option<u64>,
}

/// Looks one submission up, by purpose, or one record, or the records of an address. The store writes the trail lines before
/// anything of a record is opened to be shown.
pub(super) async fn find(
    by: By<MayFind>,
    state: Data<AdminState>,
    request: HttpRequest,
    queue: Data<Queue>,
    search: Data<Search>,
    metrics: Data<Metrics>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let question: Find = read(&request, payload).await?;
    let asked = asked(&question).map_err(|code| refused(code, &question))?;
    let waited = match &asked {
        Asked::One(Wanted::Record(_)) | Asked::Holding(_) => its_turn(&by.operator, &state, &metrics).await?,
        // Nobody counts up what Meta gives.
        Asked::One(Wanted::Leadgen(_)) => None,
    };
    let action = if question.unmask { Action::FoundUnmasked } else { Action::Found };
    let entry = Entry::by(&by.operator, action);
    let looked = match asked {
        Asked::One(wanted) => one(wanted, entry.clone(), &state, &queue).await?,
        Asked::Holding(sought) => holding(sought, entry.clone(), &state, &queue, &search).await?,
    };
    let policy = state.policy.pin();
    let evidence = match (&question.email, &question.phone) {
        (None, None) => None,
        (email, phone) => {
            let addresses = spellings_of(&policy, email.as_deref(), phone.as_deref())?;
            Some(state.store.stubs_of(addresses, &entry).await?.len() as u64).filter(|count| *count > 0)
        }
    };
    let Answer { found, queued, total, unreadable, unread } = looked;
    tracing::info!(
        request.id = %request_id(&request), actor = %by.operator.actor(), role = %by.operator.role(),
        records.found = found.len(), unmasked = question.unmask, "find.done"
    );
    let known = found.iter().map(|found| shown(found, &policy, question.unmask));
    let mut records = known.collect::<Result<Vec<_>, _>>()?;
    records.extend(queued.then(|| Finding::of(SubmissionState::Queued)));
    let mut answer = HttpResponse::Ok();
    if let Some(seconds) = waited {
        answer.insert_header((WAITED, seconds));
    }
    Ok(answer.json(Found { records, total, unreadable, unread, evidence }))
}

/// One submission, or one record.
async fn one(wanted: Wanted, entry: Entry, state: &AdminState, queue: &Queue) -> Result<Answer, StoreError> {
    // Asked first: what is settled in between is found in the store.
    let queued = matches!(&wanted, Wanted::Leadgen(leadgen) if queue.holds(leadgen));
    let found = state.store.find(wanted, entry).await?;
    let queued = queued && found.is_empty();
    Ok(Answer { found, queued, ..Answer::default() })
}

/// The first of the records that hold an address.
async fn holding(
    sought: Sought,
    entry: Entry,
    state: &AdminState,
    queue: &Queue,
    search: &Search,
) -> Result<Answer, StoreError> {
    // Counted first: what is read in between is met.
    let unread = queue.count() + state.store.parked().await?;
    let matches = search.matching(sought, None, &entry).await?;
    let first: Vec<RecordId> =
        matches.first.into_iter().take(SHOWN_AT_ONCE_MAX).map(|found| found.record).collect();
    let is_more = matches.total > first.len() as u64;
    let found = state.store.find_records(first, entry).await?;
    let counted = |count: u64| (count > 0).then_some(count);
    Ok(Answer {
        found,
        queued: false,
        total: is_more.then_some(matches.total),
        unreadable: counted(matches.unreadable),
        unread: counted(unread),
    })
}

/// Waits until the caller may look up one more, and says so; how many seconds it waited, if it did.
pub(super) async fn its_turn(
    operator: &Operator,
    state: &AdminState,
    metrics: &Metrics,
) -> Result<Option<u64>, Problem> {
    let turn = state.lookups.turn(operator);
    if turn == Turn::Now {
        return Ok(None);
    }
    metrics.lookup_slowed();
    if let Some(times) = state.lookups.to_be_said() {
        tracing::warn!(actor = %operator.actor(), lookups.slowed = times, "find.slowed");
    }
    match turn {
        Turn::After(wait) => {
            tokio::time::sleep(wait).await;
            Ok(Some(wait.as_secs().max(1)))
        }
        _ => Err(Problem::of(ProblemCode::LookupsTooFast)),
    }
}

/// One finding on its way out, masked unless asked otherwise.
fn shown(found: &store::Found, policy: &Policy, unmask: bool) -> Result<Finding, StoreError> {
    let purpose = found.purpose.as_ref().and_then(|purpose| policy.purpose(purpose.as_str()));
    let mut finding = Finding {
        id: record_of(found).cloned(),
        purpose: found.purpose.clone(),
        code: code_of(&found.state).map(Word::from),
        restricted: found.restriction.as_ref().map(restricted::shown),
        ..Finding::of(state_of(found))
    };
    if let (Some(lead), Some(purpose)) = (&found.lead, purpose) {
        finding.created_time = Some(Moment(lead.created()));
        finding.expires_at = Some(Moment(lead.expires_at()));
        finding.form_id = Some(*lead.form());
        finding.form_revision = lead.grounds().form_revision.map(|revision| revision.to_string());
        finding.copy_of = lead.grounds().copy_of;
        let outlet = Outlet::of(Arc::clone(purpose), None);
        let standings = outlet.standings(lead, found.days)?;
        finding.fields = Some(shown_fields(outlet.fields(lead, &standings), unmask));
        let consents = outlet.consents(&standings).into_iter().map(|(key, found)| (key.to_owned(), found));
        finding.consents = Some(Pairs(consents.collect()));
        let mut shown = evidence::of_record(lead, Some(purpose), found.days)?;
        shown.retain(|one| one.channel.is_some());
        finding.evidence = Some(shown);
    }
    Ok(finding)
}

fn shown_fields(fields: Vec<(&str, Vec<&str>)>, unmask: bool) -> Pairs<Vec<String>> {
    let show = |value: &str| if unmask { value.to_owned() } else { mask(value) };
    let shown = |(name, values): (&str, Vec<&str>)| (name.to_owned(), values.into_iter().map(show).collect());
    Pairs(fields.into_iter().map(shown).collect())
}

fn record_of(found: &store::Found) -> Option<&RecordId> {
    match &found.state {
        SeenState::Stored(id) => Some(id),
        SeenState::Parked(_)
        | SeenState::Refused(_)
        | SeenState::NotAsked
        | SeenState::Suppressed
        | SeenState::Erased => None,
    }
}

/// A record past its expiry is not shown, reaped or not.
fn state_of(found: &store::Found) -> SubmissionState {
    match (&found.state, &found.lead) {
        (SeenState::Stored(_), Some(_)) => SubmissionState::Stored,
        (SeenState::Stored(_), None) => SubmissionState::Expired,
        (SeenState::Parked(Why::Waiting { .. }), _) => SubmissionState::Waiting,
        (SeenState::Parked(Why::Held { .. }), _) => SubmissionState::Held,
        (SeenState::Parked(Why::Refused { .. }) | SeenState::Refused(_), _) => SubmissionState::Refused,
        (SeenState::Parked(Why::Buried { .. }), _) => SubmissionState::Buried,
        (SeenState::NotAsked, _) => SubmissionState::NotAsked,
        (SeenState::Suppressed, _) => SubmissionState::Suppressed,
        (SeenState::Erased, _) => SubmissionState::Erased,
    }
}

fn code_of(state: &SeenState) -> Option<ParkCode> {
    match state {
        SeenState::Parked(why) => Some(why.code()),
        SeenState::Refused(code) => Some(*code),
        SeenState::Stored(_) | SeenState::NotAsked | SeenState::Suppressed | SeenState::Erased => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::admin::body::parse;
    use crate::purpose::law::Contact;
    use crate::store::DayLook;

    fn days() -> DayLook {
        DayLook::at(jiff::Timestamp::UNIX_EPOCH)
    }

    fn asked(body: &str) -> Result<Asked, ProblemCode> {
        let question = parse(body.as_bytes()).map_err(|problem| problem.code)?;
        super::asked(&question)
    }

    fn wanted(body: &str) -> Result<Wanted, ProblemCode> {
        match asked(body)? {
            Asked::One(wanted) => Ok(wanted),
            Asked::Holding(_) => panic!("an id was asked for"),
        }
    }

    #[test]
    fn a_question_names_exactly_one_id_as_a_string_or_a_number() {
        assert!(
            matches!(wanted(r#"{"leadgen_id":"9007199254740993"}"#), Ok(Wanted::Leadgen(id)) if id.expose() == "9007199254740993")
        );
        assert!(
            matches!(wanted(r#"{"leadgen_id":9007199254740993}"#), Ok(Wanted::Leadgen(id)) if id.expose() == "9007199254740993")
        );
        assert!(matches!(wanted(r#"{"id":"devis-1-2"}"#), Ok(Wanted::Record(id)) if id.number == 2));
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"leadgen_id":"1","id":"devis-1-2"}"#,
            r#"{"leadgen_id":"one"}"#,
            r#"{"leadgen_id":1.5}"#,
            r#"{"leadgen_id":9007199254740993.0}"#,
            r#"{"leadgen_id":-1}"#,
            r#"{"leadgen_id":null}"#,
            r#"{"id":"devis"}"#,
            r#"{"id":"devis-1-2","email":"a@b.example"}"#,
            r#"{"id":"devis-1-2","unmask":1}"#,
        ] {
            assert_eq!(wanted(bad).err(), Some(ProblemCode::BodyInvalid), "{bad}");
        }
    }

    #[test]
    fn a_question_may_name_an_address_instead() {
        let email = asked(r#"{"email":" Anne@Lumen.example","unmask":true}"#);
        assert!(matches!(email, Ok(Asked::Holding(sought)) if sought.contact() == Contact::Address));
        let phone = asked(r#"{"phone":"06 39 98 00 00"}"#);
        assert!(matches!(phone, Ok(Asked::Holding(sought)) if sought.contact() == Contact::Number));
        for (bad, code) in [
            (r#"{"email":"anne"}"#, ProblemCode::AddressInvalid),
            (r#"{"email":""}"#, ProblemCode::AddressInvalid),
            (r#"{"phone":"anne@lumen.example"}"#, ProblemCode::AddressInvalid),
            (r#"{"phone":"12345"}"#, ProblemCode::AddressInvalid),
            (r#"{"phone":639980000}"#, ProblemCode::BodyInvalid),
            (r#"{"email":null}"#, ProblemCode::BodyInvalid),
            (r#"{"email":["a@b.example"]}"#, ProblemCode::BodyInvalid),
            (r#"{"email":"a@b.example","phone":"0639980000"}"#, ProblemCode::BodyInvalid),
            (r#"{"email":"a@b.example","leadgen_id":"1"}"#, ProblemCode::BodyInvalid),
        ] {
            assert_eq!(asked(bad).err(), Some(code), "{bad}");
        }
    }

    #[test]
    fn a_state_is_one_word_and_a_code() {
        let found =
            |state| store::Found { purpose: None, state, lead: None, restriction: None, days: days() };
        let expired = found(SeenState::Stored(RecordId::parse("devis-1-2").expect("an id")));
        assert_eq!((state_of(&expired), code_of(&expired.state)), (SubmissionState::Expired, None));
        let held = found(SeenState::Parked(Why::Held { code: ParkCode::FormUnclaimed }));
        assert_eq!(
            (state_of(&held), code_of(&held.state)),
            (SubmissionState::Held, Some(ParkCode::FormUnclaimed))
        );
        let unasked = found(SeenState::NotAsked);
        assert_eq!((state_of(&unasked), code_of(&unasked.state)), (SubmissionState::NotAsked, None));
        let old = found(SeenState::Refused(ParkCode::TooOld));
        assert_eq!((state_of(&old), code_of(&old.state)), (SubmissionState::Refused, Some(ParkCode::TooOld)));
        assert_eq!(record_of(&expired).map(ToString::to_string).as_deref(), Some("devis-1-2"));
        assert!(record_of(&held).is_none());
    }

    #[test]
    fn fields_are_masked_unless_asked_otherwise() {
        let fields = || vec![("email", vec!["anne@lumen.example"]), ("first_name", vec!["Anne"])];
        let masked = shown_fields(fields(), false);
        assert_eq!(
            masked.0,
            vec![
                ("email".to_owned(), vec!["a•••@l•••".to_owned()]),
                ("first_name".to_owned(), vec!["A•••".to_owned()])
            ]
        );
        assert_eq!(shown_fields(fields(), true).0[0].1, vec!["anne@lumen.example".to_owned()]);
    }
}
