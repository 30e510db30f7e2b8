//! The Graph API: reads the call, lets the rules speak, authorises, answers.

pub(crate) mod ask;
mod edges;
pub(crate) mod error;
mod fields;
mod flood;
mod nodes;
mod reply;

use actix_web::{HttpRequest, HttpResponse, web};

use crate::calls::{CallKind, ProofSeen};
use crate::misbehave::{Misbehaviour, Turn};
use crate::shared::{SimulatorState, locked};
use ask::{Ask, version_number};
use error::GraphError;
use flood::Flood;
use reply::Reply;

/// Answers one call.
pub(crate) async fn answer(request: HttpRequest, shared: web::Data<SimulatorState>) -> HttpResponse {
    let ask = Ask::read(&request, &shared.world(), &shared.secrets);
    // Asked for by whoever wants the headers: it counts as no call, and no rule speaks of it.
    if request.method() == actix_web::http::Method::HEAD {
        return Reply::json(400, String::new()).into_response(&ask, None, &shared);
    }
    shared.note_call(ask.call(shared.now_ms()));
    let mut turn = shared.turn(&ask);
    if !turn.delay.is_zero() {
        // A stop ends the wait; the answer then goes nowhere.
        let _ = tokio::time::timeout(turn.delay, shared.stop.cancelled()).await;
    }
    let quota = locked(&shared.quota).as_mut().map(|quota| quota.count(shared.now_ms()));
    if let Some((usage, refusal)) = quota {
        turn.usage = turn.usage.or(Some(usage));
        turn.instead = refusal.map(Misbehaviour::Error).or(turn.instead);
    }
    let mut reply = match turn.instead.take() {
        Some(Misbehaviour::Hang) => {
            shared.stop.cancelled().await;
            Reply::Reset
        }
        Some(what) => instead(what, &ask, &shared),
        None => match proper(&ask, &turn, &shared) {
            Ok(text) => Reply::json(200, text),
            Err(error) => error_reply(&error, &ask, &shared),
        },
    };
    if turn.half {
        reply = reply.halved();
    }
    reply.into_response(&ask, turn.usage, &shared)
}

fn instead(what: Misbehaviour, ask: &Ask, shared: &SimulatorState) -> Reply {
    match what {
        Misbehaviour::Answer { status, content_type, body } => Reply::Whole { status, content_type, body },
        Misbehaviour::Error(error) => error_reply(&error, ask, shared),
        Misbehaviour::Endless(bytes) => Reply::Flood { kind: Flood::Endless, bytes },
        Misbehaviour::Announced(bytes) => Reply::Flood { kind: Flood::Announced, bytes },
        Misbehaviour::Bomb(bytes) => Reply::Flood { kind: Flood::Bomb, bytes },
        Misbehaviour::Redirect(to) => Reply::Redirect { to },
        // `answer` has dealt with hanging; what changes a proper answer never stands in its place (`Turn::add`).
        Misbehaviour::Reset
        | Misbehaviour::Hang
        | Misbehaviour::Delay(_)
        | Misbehaviour::HalfBody
        | Misbehaviour::WrongFormId(_)
        | Misbehaviour::Usage(_) => Reply::Reset,
    }
}

fn error_reply(error: &GraphError, ask: &Ask, shared: &SimulatorState) -> Reply {
    let answers =
        if error.message.contains("{answers}") { nodes::answers_of(ask, shared) } else { String::new() };
    let body = error.body(ask.token.as_deref().unwrap_or_default(), &answers, &shared.next_trace());
    Reply::json(error.status, crate::json::Json::from(body).as_str().to_owned())
}

fn proper(ask: &Ask, turn: &Turn, shared: &SimulatorState) -> Result<String, GraphError> {
    check_version(ask, shared)?;
    if ask.method != "GET" {
        return Err(GraphError::unsupported(&ask.method, ask.ids.first().map_or("", String::as_str)));
    }
    authorise(ask, shared)?;
    if ask.query.value("date_format").is_some() && version_number(&ask.version) >= Some(26) {
        return Err(GraphError::parameter("date_format")); // refused since v26.0 (changelog)
    }
    let id = ask.ids.first().map_or("", String::as_str);
    match ask.kind {
        CallKind::Lead | CallKind::Form | CallKind::Page => nodes::single(id, ask, turn, shared),
        CallKind::Ids => Err(shared.ids_error()),
        CallKind::FormsOfPage => edges::forms_of_page(id, ask, shared),
        CallKind::LeadsOfForm => edges::leads_of_form(id, ask, turn, shared),
        CallKind::Other => Err(GraphError::unknown_path(&ask.path)),
    }
}

/// A version lives about two years (*Versions*); without one in the path the oldest living one answers.
fn check_version(ask: &Ask, shared: &SimulatorState) -> Result<(), GraphError> {
    match version_number(&ask.version) {
        Some(number) if number < shared.oldest_version => {
            Err(GraphError::version_ended(shared.newest_version))
        }
        Some(number) if number > shared.newest_version => Err(GraphError::unknown_path(&ask.path)),
        _ => Ok(()),
    }
}

/// A token that reads some page, and the proof that goes with it (*Secure requests*). A proof that is there is
/// checked even where none is demanded.
fn authorise(ask: &Ask, shared: &SimulatorState) -> Result<(), GraphError> {
    if ask.token.is_none() {
        return Err(GraphError::token_missing());
    }
    if ask.pages.is_empty() {
        return Err(GraphError::token_unparsable());
    }
    match ask.proof {
        ProofSeen::Secret(_) => Ok(()),
        ProofSeen::Wrong => Err(GraphError::proof_wrong()),
        ProofSeen::Missing if shared.require_proof => Err(GraphError::proof_missing()),
        ProofSeen::Missing => Ok(()),
    }
}
