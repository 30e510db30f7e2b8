//! `/webhook`: Meta's handshake and its notifications.
//!
//! A 200 leaves only after every reference of the call is durable (promise 1). Nothing of a body is ever logged.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderName, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use jiff::Timestamp;

use crate::clock::Clock;
use crate::current::Current;
use crate::http::body::{BodyBudget, BodyError};
use crate::http::caller::Proxies;
use crate::http::connection::Arrival;
use crate::http::problem::{Problem, ProblemCode, Said, request_id};
use crate::http::seldom::Seldom;
use crate::inbox::{Accepted, Inbox, InboxCode, InboxError};
use crate::notification::{
    self, Census, Challenge, ChallengeCode, ChangeCode, Notification, SignatureCode, Verifier, VerifyToken,
    WireCode,
};
use crate::telemetry::LeadNames;
use crate::telemetry::metrics::{CountedBy, Metrics};

const SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature-256");
const LEGACY_SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature");

/// Bounds of the webhook.
#[derive(Clone, Copy)]
pub struct IntakeSettings {
    /// The largest body.
    pub body_max_bytes: usize,
    /// How long a body may take from its first byte to its last.
    pub body_deadline: Duration,
}

/// How Meta is known: replaced as a whole when secrets are read again.
pub struct Trust {
    /// Checks signatures.
    pub verifier: Verifier,
    /// The handshake's token.
    pub verify_token: VerifyToken,
}

/// All that the webhook's handlers can reach.
pub struct Intake {
    /// How Meta is known.
    pub trust: Arc<Current<Trust>>,
    /// Where references go.
    pub inbox: Arc<Inbox>,
    /// Memory of all bodies.
    pub budget: BodyBudget,
    /// Bounds.
    pub settings: IntakeSettings,
    /// When a notification arrived.
    pub clock: Arc<dyn Clock>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Counts bodies that were not read to their end.
    pub bodies_refused: CountedBy<BodyError>,
    /// How leads are named in the log.
    pub names: Arc<LeadNames>,
    /// Whose word on where a call came from is believed.
    pub proxies: Proxies,
    /// For bodies that found no room: there can be any number of them.
    pub crowded: Seldom,
    /// What was passed over because enough is held.
    pub over: Seldom,
}

/// `GET /webhook`: Meta asks whether this endpoint is ours (Graph API, Webhooks, "Verification Requests").
///
/// # Errors
/// The handshake is incomplete, or its mode or token is wrong.
pub async fn handshake(request: HttpRequest, intake: web::Data<Intake>) -> Result<HttpResponse, Problem> {
    let arrival = Arrival::of(&request);
    match Challenge::read(arrival.query(), &intake.trust.pin().verify_token) {
        Ok(challenge) => {
            tracing::info!(request.id = request_id(&request), "webhook.handshake");
            Ok(HttpResponse::Ok()
                .content_type("text/plain; charset=utf-8")
                .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .body(challenge.into_string()))
        }
        Err(code) => {
            let caller = intake.proxies.caller(&request);
            tracing::warn!(
                request.id = request_id(&request), code = %code, caller.address = %caller, "webhook.handshake-refused"
            );
            request.extensions_mut().insert(Said);
            Err(Problem::of(match code {
                ChallengeCode::WrongMode | ChallengeCode::WrongToken => ProblemCode::HandshakeRefused,
                _ => ProblemCode::HandshakeIncomplete,
            }))
        }
    }
}

/// `POST /webhook`: a notification (Graph API, Webhooks, "Event Notifications").
///
/// # Errors
/// Nothing of the notification was taken; the problem says why.
pub async fn notify(
    request: HttpRequest,
    payload: web::Payload,
    intake: web::Data<Intake>,
) -> Result<HttpResponse, Problem> {
    let begun = Instant::now();
    match receive(&request, payload, &intake).await {
        Ok((received, words)) => {
            intake.metrics.taken(received, begun.elapsed());
            let mut answer = HttpResponse::Ok();
            if words == Words::Some {
                // The connection's buffer holds them for as long as it lives; freed, it is zeroed.
                answer.force_close();
            }
            Ok(answer.content_type("text/plain; charset=utf-8").body("ok"))
        }
        Err(refusal) => {
            refusal.say(&request, &intake);
            let code = refusal.problem();
            intake.metrics.not_taken(code.status().as_u16());
            Err(Problem::of(code))
        }
    }
}

/// Whether a notification held more than the ids that it should: somebody's answers or messages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    None,
    Some,
}

impl Words {
    fn of(census: &Census) -> Self {
        let harmless =
            |code| matches!(code, ChangeCode::Accepted | ChangeCode::TestPing | ChangeCode::ValuesOff);
        if census.iter().all(|(code, _)| harmless(code)) { Self::None } else { Self::Some }
    }
}

/// When the call was received, and whether it held more than it should.
async fn receive(
    request: &HttpRequest,
    payload: web::Payload,
    intake: &Intake,
) -> Result<(Timestamp, Words), Refusal> {
    let settings = intake.settings;
    let body = intake
        .budget
        .read(
            request,
            payload,
            intake.proxies.share(request),
            settings.body_max_bytes,
            settings.body_deadline,
        )
        .await
        .map_err(Refusal::Body)?;
    let received = intake.clock.now();
    let signatures = request.headers().get_all(SIGNATURE).map(|value| value.as_bytes());
    let legacy = request.headers().contains_key(LEGACY_SIGNATURE);
    let authentic = intake
        .trust
        .pin()
        .verifier
        .verify(signatures, legacy, body.bytes.clone())
        .map_err(Refusal::Signature)?;
    let Notification { references, census } =
        notification::read(&authentic, received).map_err(Refusal::Wire)?;
    // What waits for the disk from here on are references: the room is another's.
    drop((authentic, body));
    count(request, &census, intake);
    let words = Words::of(&census);
    if references.is_empty() {
        return Ok((received, words));
    }
    let asked = references.len();
    let accepted = match intake.inbox.accept(references).await {
        Ok(accepted) => accepted,
        Err(error) => {
            if error.code == InboxCode::HeldFull {
                tell_over(asked, intake);
            }
            return Err(Refusal::Inbox(error));
        }
    };
    tell(request, &accepted, intake);
    Ok((received, words))
}

/// Counts what was in the call, and raises what an operator must mend.
fn count(request: &HttpRequest, census: &Census, intake: &Intake) {
    for (kind, count) in census.iter() {
        intake.metrics.changes(kind, u64::from(count));
        if kind.is_warning() {
            tracing::warn!(request.id = request_id(request), code = %kind, changes = count, "webhook.odd-change");
        } else if kind != ChangeCode::Accepted {
            tracing::debug!(request.id = request_id(request), code = %kind, changes = count, "webhook.other-change");
        }
    }
}

fn tell(request: &HttpRequest, accepted: &Accepted, intake: &Intake) {
    intake.metrics.references(accepted.new.len() as u64, accepted.known as u64);
    let id = request_id(request);
    for reference in &accepted.new {
        tracing::info!(
            request.id = id,
            lead.name = %intake.names.of(&reference.leadgen),
            form.id = %reference.form,
            page.id = %reference.page,
            "lead.accepted"
        );
    }
    if accepted.over > 0 {
        tell_over(accepted.over, intake);
    }
    if accepted.known > 0 {
        tracing::info!(request.id = id, refs.known = accepted.known, "webhook.known");
    }
}

/// Counts what there is no room to hold, and says so now and then.
fn tell_over(over: usize, intake: &Intake) {
    let over = over as u64;
    intake.metrics.references_over_bound(over);
    if let Some(refs) = intake.over.happened(over) {
        tracing::warn!(code = %InboxCode::HeldFull, refs.over = refs, "webhook.over-bound");
    }
}

/// Why a notification was not taken.
enum Refusal {
    Body(BodyError),
    Signature(SignatureCode),
    Wire(WireCode),
    Inbox(InboxError),
}

impl Refusal {
    /// What the outside is told.
    fn problem(&self) -> ProblemCode {
        match self {
            Self::Body(error) => error.problem(),
            Self::Signature(SignatureCode::Mismatch) => ProblemCode::SignatureMismatch,
            Self::Signature(_) => ProblemCode::SignatureMissing,
            Self::Wire(WireCode::NotJson) => ProblemCode::NotJson,
            Self::Wire(WireCode::TooManyReferences) => ProblemCode::TooManyReferences,
            Self::Inbox(_) => ProblemCode::InboxUnavailable,
        }
    }

    fn say(&self, request: &HttpRequest, intake: &Intake) {
        request.extensions_mut().insert(Said);
        let id = request_id(request);
        let code: &dyn fmt::Display = match self {
            // Said by itself, not once a call: `webhook.over-bound`.
            Self::Inbox(InboxError { code: InboxCode::HeldFull, .. }) => return,
            Self::Inbox(error) => {
                tracing::error!(request.id = id, code = %error.code, io.kind = ?error.io, "webhook.not-accepted");
                return;
            }
            Self::Signature(code) => code,
            Self::Wire(code) => code,
            Self::Body(code) => {
                intake.bodies_refused.add(*code, 1);
                if self.problem() == ProblemCode::Busy {
                    let Some(times) = intake.crowded.happened(1) else { return };
                    let caller = intake.proxies.caller(request);
                    tracing::warn!(
                        request.id = id, code = %code, caller.address = %caller, bodies.refused = times, "webhook.crowded"
                    );
                    return;
                }
                code
            }
        };
        let caller = intake.proxies.caller(request);
        tracing::warn!(request.id = id, code = %code, caller.address = %caller, "webhook.refused");
    }
}
