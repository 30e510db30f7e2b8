//! `POST /find`: what became of one submission. The id comes in the body, never in an address that gets logged.

use std::sync::Arc;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use crate::http::admin::Desk;
use crate::http::admin::body::{IdText, parse};
use crate::http::admin::mask::mask;
use crate::http::admin::operator::{By, Find as MayFind};
use crate::http::admin::record::{Moment, Outlet, Pairs};
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::id::LeadgenId;
use crate::notification::{ParkCode, Why};
use crate::purpose::{Policy, RecordId};
use crate::store::{Found, SeenState, Wanted};
use crate::trail::{Action, Entry};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    leadgen_id: Option<IdText>,
    id: Option<IdText>,
    #[serde(default)]
    unmask: bool,
}

impl Question {
    /// By exactly one of the two ids.
    fn wanted(&self) -> Result<Wanted, ProblemCode> {
        let wanted = match (&self.leadgen_id, &self.id) {
            (Some(IdText(leadgen)), None) => LeadgenId::parse(leadgen).map(Wanted::Leadgen),
            (None, Some(IdText(record))) => RecordId::parse(record).map(Wanted::Record),
            _ => None,
        };
        wanted.ok_or(ProblemCode::BodyInvalid)
    }
}

/// Tells whether a submission is accepted and not settled yet.
pub(super) struct Queue(Box<dyn Fn(&LeadgenId) -> bool + Send + Sync>);

impl Queue {
    /// Asks this whenever somebody asks.
    pub(super) fn new(holds: impl Fn(&LeadgenId) -> bool + Send + Sync + 'static) -> Self {
        Self(Box::new(holds))
    }

    fn holds(&self, leadgen: &LeadgenId) -> bool {
        (self.0)(leadgen)
    }
}

/// Looks one record up. The store writes the trail line first.
pub(super) async fn find(
    by: By<MayFind>,
    desk: Data<Desk>,
    request: HttpRequest,
    queue: Data<Queue>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let question: Question = parse(&body)?;
    let wanted = question.wanted()?;
    // Asked first: what is settled in between is found in the store.
    let queued = matches!(&wanted, Wanted::Leadgen(leadgen) if queue.holds(leadgen));
    let action = if question.unmask { Action::FoundUnmasked } else { Action::Found };
    let found = desk.store.find(wanted, Entry::by(&by.operator, action)).await?;
    let queued = queued && found.is_empty();
    tracing::info!(
        request.id = %request_id(&request), actor = %by.operator.actor, role = %by.operator.role,
        records.found = found.len(), unmasked = question.unmask, "find.done"
    );
    let policy = desk.policy.pin();
    let known = found.iter().map(|found| Shown { found, policy: &policy, unmask: question.unmask });
    let queued = queued.then_some(Line::Queued { state: "queued" });
    Ok(HttpResponse::Ok().json(Answer { records: known.map(Line::Known).chain(queued).collect() }))
}

#[derive(serde::Serialize)]
struct Answer<'f> {
    records: Vec<Line<'f>>,
}

/// What is said of one submission.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum Line<'f> {
    Known(Shown<'f>),
    /// Accepted, and in the journal still.
    Queued {
        state: &'static str,
    },
}

/// One finding on its way out, masked unless asked otherwise.
struct Shown<'f> {
    found: &'f Found,
    policy: &'f Policy,
    unmask: bool,
}

impl serde::Serialize for Shown<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;

        let mut map = serializer.serialize_map(None)?;
        let id = record_of(self.found);
        if let Some(id) = id {
            map.serialize_entry("id", id)?;
            map.serialize_entry("purpose", &id.purpose)?;
        }
        map.serialize_entry("state", state_word(self.found))?;
        if let Some(code) = code_of(&self.found.state) {
            map.serialize_entry("code", &code)?;
        }
        let purpose = id.and_then(|id| self.policy.purpose(id.purpose.as_str()));
        if let (Some(lead), Some(purpose)) = (&self.found.lead, purpose) {
            map.serialize_entry("created_time", &Moment(lead.created()))?;
            map.serialize_entry("expires_at", &Moment(lead.expires_at()))?;
            let outlet = Outlet::of(Arc::clone(purpose));
            map.serialize_entry("fields", &Pairs(&shown_fields(outlet.fields(lead), self.unmask)))?;
            map.serialize_entry("consents", &Pairs(&outlet.consents(lead)))?;
        }
        map.end()
    }
}

fn shown_fields<'l>(fields: Vec<(&'l str, Vec<&'l str>)>, unmask: bool) -> Vec<(&'l str, Vec<String>)> {
    let show = |value: &str| if unmask { value.to_owned() } else { mask(value) };
    fields.into_iter().map(|(name, values)| (name, values.into_iter().map(show).collect())).collect()
}

fn record_of(found: &Found) -> Option<&RecordId> {
    match &found.state {
        SeenState::Stored(id) => Some(id),
        SeenState::Parked(_) | SeenState::Refused(_) | SeenState::Erased => None,
    }
}

/// A record past its expiry is not shown, reaped or not.
fn state_word(found: &Found) -> &'static str {
    match (&found.state, &found.lead) {
        (SeenState::Stored(_), Some(_)) => "stored",
        (SeenState::Stored(_), None) => "expired",
        (SeenState::Parked(Why::Waiting { .. }), _) => "waiting",
        (SeenState::Parked(Why::Held { .. }), _) => "held",
        (SeenState::Parked(Why::Refused { .. }) | SeenState::Refused(_), _) => "refused",
        (SeenState::Parked(Why::Buried { .. }), _) => "buried",
        (SeenState::Erased, _) => "erased",
    }
}

fn code_of(state: &SeenState) -> Option<ParkCode> {
    match state {
        SeenState::Parked(why) => Some(why.code()),
        SeenState::Refused(code) => Some(*code),
        SeenState::Stored(_) | SeenState::Erased => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(body: &str) -> Result<Wanted, ProblemCode> {
        parse::<Question>(body.as_bytes()).and_then(|question| question.wanted())
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
    fn a_state_is_one_word_and_a_code() {
        let expired =
            Found { state: SeenState::Stored(RecordId::parse("devis-1-2").expect("an id")), lead: None };
        assert_eq!((state_word(&expired), code_of(&expired.state)), ("expired", None));
        let held =
            Found { state: SeenState::Parked(Why::Held { code: ParkCode::FormUnclaimed }), lead: None };
        assert_eq!((state_word(&held), code_of(&held.state)), ("held", Some(ParkCode::FormUnclaimed)));
        let old = Found { state: SeenState::Refused(ParkCode::TooOld), lead: None };
        assert_eq!((state_word(&old), code_of(&old.state)), ("refused", Some(ParkCode::TooOld)));
        assert_eq!(record_of(&expired).map(ToString::to_string).as_deref(), Some("devis-1-2"));
        assert!(record_of(&held).is_none());
    }

    #[test]
    fn fields_are_masked_unless_asked_otherwise() {
        let fields = || vec![("email", vec!["anne@lumen.example"]), ("first_name", vec!["Anne"])];
        let masked = shown_fields(fields(), false);
        assert_eq!(
            masked,
            vec![("email", vec!["a•••@l•••".to_owned()]), ("first_name", vec!["A•••".to_owned()])]
        );
        assert_eq!(shown_fields(fields(), true)[0].1, vec!["anne@lumen.example".to_owned()]);
    }
}
