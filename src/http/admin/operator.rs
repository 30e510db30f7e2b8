//! Who calls: recognised at one of two doors, and measured against what the call asks of its caller.

use std::marker::PhantomData;
use std::sync::Arc;

use actix_web::dev::{Extensions, Payload};
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;

use crate::api::Word;
use crate::http::admin::AdminState;
use crate::http::admin::credential::Credential;
use crate::http::connection::Arrival;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::visit::Visit;
use crate::purpose::PurposeId;
use crate::store::Token;
use crate::trail::{Action, Entry, Operator, Outcome, Reason, Role};

/// Why data is read or changed, where no token fixes it.
const REASON_HEADER: &str = "tamis-reason";

/// Where a call came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The Unix socket: the kernel vouches for the caller's user id.
    Socket,
    /// TCP: a bearer token vouches.
    Tcp,
}

/// The user at the other end of the socket, as the kernel told when it connected.
#[derive(Clone, Copy)]
struct Peer {
    uid: u32,
}

/// Notes in a connection's data who is at the other end. Without it the socket door lets nobody in.
pub fn introduce(uid: u32, data: &mut Extensions) {
    data.insert(Peer { uid });
}

/// What a call asks of its caller.
pub(super) trait Call: 'static {
    /// The roles that may; the command line on the host always may.
    const ROLES: &'static [Role];
    /// True if it reads or changes data about people, or tokens: then the caller says why.
    const REASON: bool;
    /// As what a refusal stands in the trail; none: every role may.
    const ACTION: Option<Action>;
}

/// Declares calls with their roles: the whole table of who may what.
macro_rules! calls {
    ($($(#[$meta:meta])* $name:ident: $roles:expr, reason = $reason:literal, action = $action:expr;)+) => {$(
        $(#[$meta])*
        pub(super) enum $name {}
        impl Call for $name {
            const ROLES: &'static [Role] = $roles;
            const REASON: bool = $reason;
            const ACTION: Option<Action> = $action;
        }
    )+};
}

calls! {
    /// Counts and names of purposes: nothing about a person.
    See: &[Role::Viewer, Role::Exporter, Role::Officer, Role::Admin], reason = false, action = None;
    /// Seeing the forms; a viewer without their questions.
    SeeForms: &[Role::Viewer, Role::Officer, Role::Admin], reason = false, action = None;
    /// Seeing what a form was at an earlier time: the form author's words, which evidence names.
    SeeRevisions: &[Role::Officer, Role::Admin], reason = false, action = None;
    /// Reading records out in bulk.
    Export: &[Role::Exporter], reason = true, action = Some(Action::Exported);
    /// Reading what became of records that were handed over.
    Follow: &[Role::Exporter], reason = true, action = Some(Action::ChangesRead);
    /// Saying that this is applied.
    SayApplied: &[Role::Exporter], reason = true, action = Some(Action::ChangesApplied);
    /// Seeing how far each recipient has followed.
    ListFeeds: &[Role::Officer, Role::Admin], reason = false, action = Some(Action::FeedsListed);
    /// Looking one record up.
    Find: &[Role::Officer], reason = true, action = Some(Action::Found);
    /// Putting together everything that is held of a person.
    Access: &[Role::Officer], reason = true, action = Some(Action::Accessed);
    /// Having a link by which a person opens their page.
    GivePass: &[Role::Officer], reason = true, action = Some(Action::PassGiven);
    /// Erasing a submission, or asking how much that would take.
    Erase: &[Role::Officer], reason = true, action = Some(Action::ErasureAsked);
    /// Seeing an erasure and its receipt.
    SeeErasure: &[Role::Officer], reason = false, action = Some(Action::ErasureShown);
    /// Putting right what a record holds. Why it says in its body, or as others do.
    Correct: &[Role::Officer], reason = false, action = Some(Action::Corrected);
    /// Taking a person's consents back for them. Why it says in its body, or as others do, or has of itself.
    Withdraw: &[Role::Officer], reason = false, action = Some(Action::Withdrawn);
    /// Taking a person's yes down. Why it says in its body, or as others do, or has of itself.
    Confirm: &[Role::Officer], reason = false, action = Some(Action::Confirmed);
    /// Restricting a record. Why it says in its body, or as others do.
    Restrict: &[Role::Officer], reason = false, action = Some(Action::Restricted);
    /// Lifting that.
    Release: &[Role::Officer], reason = true, action = Some(Action::RestrictionLifted);
    /// Seeing which records are restricted.
    ListRestrictions: &[Role::Officer], reason = false, action = Some(Action::RestrictionsListed);
    /// Writing down that somebody asked for something by right. Why it says as others do, or has of itself.
    OpenRequest: &[Role::Officer], reason = false, action = Some(Action::RequestOpened);
    /// Giving such a request two months more, or writing down that it is answered.
    HandleRequest: &[Role::Officer], reason = false, action = Some(Action::RequestAnswered);
    /// Reading the register of requests, in which nobody is named.
    ListRequests: &[Role::Officer], reason = false, action = Some(Action::RequestsListed);
    /// Seeing how many are to be asked whether they still agree: nobody is named.
    SeeAsking: &[Role::Officer], reason = false, action = None;
    /// Having them asked now, or not, or writing down that they were.
    HandleAsking: &[Role::Officer], reason = false, action = Some(Action::AskingRun);
    /// Listing who is due, with a link to the page of each.
    ListDue: &[Role::Officer], reason = true, action = Some(Action::AskingListed);
    /// Saying that mail comes back from an address.
    Bounce: &[Role::Officer], reason = false, action = Some(Action::Unreachable);
    /// Bringing parked references back.
    Requeue: &[Role::Admin], reason = true, action = Some(Action::Requeued);
    /// Having what waits of a page tried at once.
    RetryPage: &[Role::Admin], reason = true, action = Some(Action::PageRetried);
    /// Letting held references go.
    DropHeld: &[Role::Admin], reason = true, action = Some(Action::HeldDropped);
    /// Making tokens.
    CreateToken: &[Role::Admin], reason = true, action = Some(Action::TokenCreated);
    /// Revoking them.
    RevokeToken: &[Role::Admin], reason = true, action = Some(Action::TokenRevoked);
    /// Seeing which tokens there are.
    ListTokens: &[Role::Admin], reason = false, action = Some(Action::TokensListed);
    /// Putting an address on the list of those that may not be stored; the reason is the entry's, and stands in the body.
    Suppress: &[Role::Officer], reason = false, action = Some(Action::Suppressed);
    /// Reading that list, on which no address can be read.
    ListSuppressions: &[Role::Officer], reason = false, action = Some(Action::SuppressionsListed);
    /// Taking entries off it.
    RemoveSuppression: &[Role::Officer], reason = false, action = Some(Action::SuppressionRemoved);
    /// Copying store and keyring, both sealed, to another place of the machine.
    BackUp: &[Role::Admin], reason = false, action = Some(Action::BackedUp);
    /// Having the sealed rest of what was removed cleared out of the store's file.
    Vacuum: &[Role::Admin], reason = false, action = Some(Action::Vacuumed);
    /// Saying that the clock is right.
    ConfirmClock: &[Role::Admin], reason = true, action = Some(Action::ClockConfirmed);
    /// Reading who did what.
    ReadTrail: &[Role::Officer, Role::Admin], reason = false, action = Some(Action::TrailRead);
}

/// An operator who may make the call `C`, and has said why where that is asked.
pub(super) struct By<C: Call> {
    /// Who.
    pub(super) operator: Operator,
    call: PhantomData<C>,
}

impl<C: Call> FromRequest for By<C> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let state = request.app_data::<Data<AdminState>>().cloned();
            let recognised = recognise(&request).await?;
            let authorised = authorise::<C>(recognised.clone(), request.headers());
            if let (Err(code), Some(state), Some(action)) = (&authorised, &state, C::ACTION)
                && code.status() == StatusCode::FORBIDDEN
            {
                note_refusal(state, &recognised, action, None).await;
            }
            Ok(Self { operator: authorised?, call: PhantomData })
        })
    }
}

/// Writes down that a recognised operator asked for what is not its own. A refusal that cannot be written down is one all
/// the same.
pub(super) async fn note_refusal(
    state: &AdminState,
    operator: &Operator,
    action: Action,
    purpose: Option<PurposeId>,
) {
    let mut entry = Entry::by(operator, action);
    entry.purpose = purpose;
    entry.result = Outcome::Refused;
    if let Err(error) = state.store.note(entry).await {
        tracing::warn!(actor = %operator.actor(), code = %error.code, "trail.refusal-not-noted");
    }
}

/// Says who calls, or why nobody is let in.
async fn recognise(request: &HttpRequest) -> Result<Operator, Problem> {
    match (request.app_data::<Door>(), request.app_data::<Data<AdminState>>()) {
        (Some(Door::Socket), _) => Ok(by_peer(request.conn_data::<Peer>().copied())?),
        (Some(Door::Tcp), Some(state)) => by_token(request, state).await,
        _ => Err(Problem::of(ProblemCode::Internal)),
    }
}

fn by_peer(peer: Option<Peer>) -> Result<Operator, ProblemCode> {
    let Peer { uid } = peer.ok_or(ProblemCode::PeerRefused)?;
    if uid != 0 && uid != rustix::process::geteuid().as_raw() {
        return Err(ProblemCode::PeerRefused);
    }
    Ok(Operator::recognised_by_kernel(uid))
}

async fn by_token(request: &HttpRequest, state: &AdminState) -> Result<Operator, Problem> {
    let arrival = Arrival::of(request);
    let text = bearer(&arrival)?;
    let presented = Credential::parse(text).ok_or(ProblemCode::TokenRefused)?;
    let visit = request.conn_data::<Arc<Visit>>();
    if let Some(visit) = visit {
        visit.presents(presented.id());
    }
    let kept = state.store.token(presented.id()).await?;
    if !presented.matches(kept.as_ref().map(|token| &token.hash)) {
        return Err(Problem::of(ProblemCode::TokenRefused));
    }
    // By the later of the two clocks: one that is not believed keeps no token alive, nor does one that was set back.
    let now = state.clock.now().max(state.store.now());
    let token = kept.filter(|token| now < token.expires_at).ok_or(ProblemCode::TokenRefused)?;
    if let Some(visit) = visit {
        visit.recognised();
    }
    let Token { id, role, purposes, recipient, reason, .. } = token;
    Ok(Operator::recognised_by_token(id, role, purposes, recipient, reason))
}

/// The text after `Bearer` (RFC 6750 section 2.1; the scheme in any case, RFC 9110 section 11.1).
fn bearer(arrival: &Arrival) -> Result<&str, ProblemCode> {
    let mut given = arrival.authorization();
    let only = given.next().ok_or(ProblemCode::TokenMissing)?;
    if given.next().is_some() {
        return Err(ProblemCode::TokenRefused);
    }
    let text = std::str::from_utf8(only).map_err(|_| ProblemCode::TokenRefused)?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim_start_matches(' ')),
        _ => Err(ProblemCode::TokenMissing),
    }
}

fn authorise<C: Call>(operator: Operator, headers: &HeaderMap) -> Result<Operator, ProblemCode> {
    if operator.role() != Role::Local && !C::ROLES.contains(&operator.role()) {
        return Err(ProblemCode::RoleInsufficient);
    }
    // An exporter's reason is fixed on its token: whatever the call says besides does not count.
    if C::REASON && operator.reason().is_none() {
        return Ok(operator.because(reason(headers)?));
    }
    Ok(operator)
}

/// The operator of a call that says why in its body, or in the header as others do; where neither does, the reason that the call
/// has of itself.
pub(super) fn said(
    operator: Operator,
    in_body: Option<&Word<Reason>>,
    request: &HttpRequest,
    otherwise: Option<Reason>,
) -> Result<Operator, ProblemCode> {
    let headers = request.headers();
    // One that is none is refused also where the body's is the one that counts.
    let in_header = headers.contains_key(REASON_HEADER).then(|| reason(headers)).transpose()?;
    let why = match in_body {
        Some(Word::Known(reason)) => *reason,
        Some(Word::Later(_)) => return Err(ProblemCode::ReasonUnknown),
        None => in_header.or(otherwise).ok_or(ProblemCode::ReasonMissing)?,
    };
    Ok(operator.because(why))
}

fn reason(headers: &HeaderMap) -> Result<Reason, ProblemCode> {
    let mut given = headers.get_all(REASON_HEADER);
    let only = given.next().ok_or(ProblemCode::ReasonMissing)?;
    let text = only.to_str().map_err(|_| ProblemCode::ReasonUnknown)?;
    match Reason::from_code(text) {
        Some(reason) if given.next().is_none() => Ok(reason),
        _ => Err(ProblemCode::ReasonUnknown),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;
    use crate::trail::Actor;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    fn operator(role: Role, reason: Option<Reason>) -> Operator {
        let id = "0123456789abcdef".to_owned();
        Operator::recognised_by_token(id, role, Vec::new(), None, reason)
    }

    #[test]
    fn the_socket_lets_root_and_the_daemons_user_in_and_nobody_else() {
        let own = rustix::process::geteuid().as_raw();
        for uid in [0, own] {
            let operator = by_peer(Some(Peer { uid })).expect("an operator");
            assert_eq!((operator.actor(), operator.role()), (&Actor::Local(uid), Role::Local));
        }
        assert_eq!(by_peer(Some(Peer { uid: own + 1 })).err(), Some(ProblemCode::PeerRefused));
        assert_eq!(by_peer(None).err(), Some(ProblemCode::PeerRefused));
    }

    #[test]
    fn a_bearer_token_is_read_in_any_case_of_its_scheme_and_only_once() {
        let arrival = |values: &[&str]| {
            Arrival::new(values.iter().map(|value| value.as_bytes().to_vec().into()).collect(), None)
        };
        assert_eq!(bearer(&arrival(&["Bearer a.b"])), Ok("a.b"));
        assert_eq!(bearer(&arrival(&["bEARER  a.b"])), Ok("a.b"));
        assert_eq!(bearer(&arrival(&[])), Err(ProblemCode::TokenMissing));
        assert_eq!(bearer(&arrival(&["Basic a.b"])), Err(ProblemCode::TokenMissing));
        assert_eq!(bearer(&arrival(&["Bearer \u{e9}.b"])), Ok("\u{e9}.b"));
        assert_eq!(bearer(&arrival(&["Bearer a.b", "Bearer a.b"])), Err(ProblemCode::TokenRefused));
    }

    #[test]
    fn roles_stand_in_one_table_and_the_host_may_everything() {
        let none = headers(&[("tamis-reason", "audit")]);
        let may = |role: Role| {
            [
                authorise::<See>(operator(role, None), &none).is_ok(),
                authorise::<SeeForms>(operator(role, None), &none).is_ok(),
                authorise::<Export>(operator(role, None), &none).is_ok(),
                authorise::<Find>(operator(role, None), &none).is_ok(),
                authorise::<Requeue>(operator(role, None), &none).is_ok(),
                authorise::<DropHeld>(operator(role, None), &none).is_ok(),
                authorise::<CreateToken>(operator(role, None), &none).is_ok(),
                authorise::<ListTokens>(operator(role, None), &none).is_ok(),
                authorise::<ReadTrail>(operator(role, None), &none).is_ok(),
                authorise::<Suppress>(operator(role, None), &none).is_ok(),
                authorise::<ListSuppressions>(operator(role, None), &none).is_ok(),
                authorise::<RemoveSuppression>(operator(role, None), &none).is_ok(),
                authorise::<Erase>(operator(role, None), &none).is_ok(),
                authorise::<SeeErasure>(operator(role, None), &none).is_ok(),
            ]
        };
        let (yes, no) = (true, false);
        assert_eq!(may(Role::Viewer), [yes, yes, no, no, no, no, no, no, no, no, no, no, no, no]);
        assert_eq!(may(Role::Exporter), [yes, no, yes, no, no, no, no, no, no, no, no, no, no, no]);
        assert_eq!(may(Role::Officer), [yes, yes, no, yes, no, no, no, no, yes, yes, yes, yes, yes, yes]);
        assert_eq!(may(Role::Admin), [yes, yes, no, no, yes, yes, yes, yes, yes, no, no, no, no, no]);
        assert_eq!(may(Role::Local), [yes; 14]);
        assert_eq!(may(Role::System), [no; 14]);
    }

    #[test]
    fn a_reason_is_asked_for_from_a_closed_list_unless_the_token_fixes_it() {
        let ask = |role, fixed, pairs: &[(&'static str, &'static str)]| {
            authorise::<Export>(operator(role, fixed), &headers(pairs)).map(|operator| operator.reason())
        };
        assert_eq!(ask(Role::Local, None, &[]), Err(ProblemCode::ReasonMissing));
        assert_eq!(ask(Role::Local, None, &[("tamis-reason", "curiosity")]), Err(ProblemCode::ReasonUnknown));
        assert_eq!(ask(Role::Local, None, &[("tamis-reason", "audit")]), Ok(Some(Reason::Audit)));
        let twice = [("tamis-reason", "audit"), ("tamis-reason", "support")];
        assert_eq!(ask(Role::Local, None, &twice), Err(ProblemCode::ReasonUnknown));
        let fixed = ask(Role::Exporter, Some(Reason::CrmSync), &[("tamis-reason", "audit")]);
        assert_eq!(fixed, Ok(Some(Reason::CrmSync)));
        assert!(authorise::<See>(operator(Role::Viewer, None), &headers(&[])).is_ok());
    }
}
