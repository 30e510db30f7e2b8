//! `POST`, `GET /tokens` and `DELETE /tokens/{id}`: keys to the TCP door.

use std::sync::Arc;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use jiff::{SignedDuration, Timestamp};

use crate::api::tokens::{CreatedToken, NewToken, Token as Listed, Tokens};
use crate::api::{Moment, Word};
use crate::http::admin::AdminState;
use crate::http::admin::body;
use crate::http::admin::credential::{Credential, is_token_id};
use crate::http::admin::operator::{By, CreateToken, ListTokens, RevokeToken};
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::http::visit::Visit;
use crate::purpose::{Policy, Purpose, PurposeId};
use crate::secret::Wiped;
use crate::store::Token;
use crate::trail::{Action, Entry, Reason, Role};
use crate::visible::is_plain;

/// A name fits on a line of `tamis token list`.
const NAME_CHARS_MAX: usize = 64;

/// How long a token lives if nobody says.
const EXPIRES_DAYS_DEFAULT: i64 = 365;

/// How long a token may live.
const EXPIRES_DAYS_MAX: i64 = 730;

/// A new token's rights, checked.
#[derive(Debug, PartialEq, Eq)]
struct Rights {
    name: String,
    role: Role,
    purposes: Vec<PurposeId>,
    recipient: Option<String>,
    reason: Option<Reason>,
    expires_days: i64,
}

/// Checks a new token against the purposes as they are declared now.
fn rights(new: NewToken, policy: &Policy) -> Result<Rights, ProblemCode> {
    // A name is shown on terminals, and must not look like another.
    let length = new.name.chars().count();
    let good = (1..=NAME_CHARS_MAX).contains(&length)
        && new.name.trim() == new.name
        && new.name.chars().all(is_plain);
    if !good {
        return Err(ProblemCode::TokenNameInvalid);
    }
    let expires_days = new.expires_days.unwrap_or(EXPIRES_DAYS_DEFAULT);
    if !(1..=EXPIRES_DAYS_MAX).contains(&expires_days) {
        return Err(ProblemCode::TokenExpiryInvalid);
    }
    let role = match Role::from_code(&new.role) {
        Some(role @ (Role::Viewer | Role::Exporter | Role::Officer | Role::Admin)) => role,
        Some(Role::Local | Role::System | Role::Person) | None => return Err(ProblemCode::TokenRoleInvalid),
    };
    if role != Role::Exporter {
        let plain = new.purposes.is_empty() && new.recipient.is_none() && new.reason.is_none();
        let none = (Vec::new(), None, None);
        let (purposes, recipient, reason) = plain.then_some(none).ok_or(ProblemCode::TokenNotExporter)?;
        return Ok(Rights { name: new.name, role, purposes, recipient, reason, expires_days });
    }
    let purposes = declared(&new.purposes, policy)?;
    let listed = |recipient: &String| purposes.iter().all(|purpose| purpose.recipients.contains(recipient));
    let recipient = new.recipient.filter(listed).ok_or(ProblemCode::TokenRecipientInvalid)?;
    let reason = new.reason.as_deref().and_then(Reason::from_code);
    Ok(Rights {
        name: new.name,
        role,
        purposes: purposes.iter().map(|purpose| purpose.id.clone()).collect(),
        recipient: Some(recipient),
        reason: Some(reason.ok_or(ProblemCode::TokenReasonInvalid)?),
        expires_days,
    })
}

/// At least one purpose, each declared, each once.
fn declared(names: &[String], policy: &Policy) -> Result<Vec<Arc<Purpose>>, ProblemCode> {
    let mut purposes: Vec<Arc<Purpose>> = Vec::new();
    for name in names {
        let purpose = policy.purpose(name).ok_or(ProblemCode::TokenPurposesInvalid)?;
        if purposes.iter().any(|known| known.id == purpose.id) {
            return Err(ProblemCode::TokenPurposesInvalid);
        }
        purposes.push(Arc::clone(purpose));
    }
    if purposes.is_empty() { Err(ProblemCode::TokenPurposesInvalid) } else { Ok(purposes) }
}

/// Makes a token and shows its secret this once.
pub(super) async fn create(
    by: By<CreateToken>,
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let rights = rights(body::read(&request, payload).await?, &state.policy.pin())?;
    let credential = Credential::make(state.random.as_ref()).map_err(|_| ProblemCode::Internal)?;
    // What it is to live for counts from a clock that is believed.
    let created_at = state.store.now();
    let life = SignedDuration::from_hours(24 * rights.expires_days);
    let expires_at = created_at.checked_add(life).map_err(|_| ProblemCode::TokenExpiryInvalid)?;
    let token = Token {
        id: credential.id().to_owned(),
        hash: credential.hash(),
        name: rights.name,
        role: rights.role,
        purposes: rights.purposes,
        recipient: rights.recipient,
        reason: rights.reason,
        created_at,
        expires_at,
    };
    let role = token.role;
    state.store.create_token(token, Entry::by(&by.operator, Action::TokenCreated)).await?;
    tracing::info!(
        request.id = %request_id(&request), actor = %by.operator.actor(), token.id = credential.id(),
        token.role = %role, "token.created"
    );
    Ok(shown_once(&credential, expires_at))
}

fn shown_once(credential: &Credential, expires_at: Timestamp) -> HttpResponse {
    let text: Wiped<String> = credential.expose();
    let answer = CreatedToken {
        id: credential.id().to_owned(),
        token: text.to_string(),
        expires_at: Moment(expires_at),
    };
    HttpResponse::Created().json(answer)
}

/// All tokens, oldest first, without what is kept of their secrets.
pub(super) async fn list(_by: By<ListTokens>, state: Data<AdminState>) -> Result<HttpResponse, Problem> {
    let mut tokens = state.store.tokens().await?;
    tokens.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    let now = state.clock.now().max(state.store.now());
    Ok(HttpResponse::Ok()
        .json(Tokens { tokens: tokens.into_iter().map(|token| listed(token, now)).collect() }))
}

fn listed(token: Token, now: Timestamp) -> Listed {
    Listed {
        id: token.id,
        name: token.name,
        role: token.role.into(),
        purposes: token.purposes,
        recipient: token.recipient,
        reason: token.reason.map(Word::from),
        created_at: Moment(token.created_at),
        expires_at: Moment(token.expires_at),
        expired: now >= token.expires_at,
    }
}

/// Takes a token back: calls of it that are under way are cut, and how many stands in the trail; the next one is refused.
pub(super) async fn revoke(
    by: By<RevokeToken>,
    state: Data<AdminState>,
    id: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    if !is_token_id(&id) {
        return Err(Problem::of(ProblemCode::TokenUnknown));
    }
    let own = request.conn_data::<Arc<Visit>>();
    let mut entry = Entry::by(&by.operator, Action::TokenRevoked);
    entry.count = state.visits.of_token(&id, own);
    let cut = entry.count;
    if !state.store.revoke_token(&id, entry).await? {
        return Err(Problem::of(ProblemCode::TokenUnknown));
    }
    // From here on nobody is let in by it; whoever was goes.
    state.visits.end_token(&id, own);
    tracing::info!(
        request.id = %request_id(&request), actor = %by.operator.actor(), token.id = %id, calls.cut = cut,
        "token.revoked"
    );
    Ok(HttpResponse::NoContent().finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::admin::body::parse;
    use crate::http::admin::tests::policy;

    fn rights(body: &str) -> Result<Rights, ProblemCode> {
        let new = parse(body.as_bytes()).map_err(|problem| problem.code)?;
        super::rights(new, &policy())
    }

    #[test]
    fn an_exporters_token_names_purposes_recipient_and_reason() {
        let full = rights(
            r#"{"name":"crm","role":"exporter","purposes":["devis"],"recipient":"crm","reason":"crm-sync"}"#,
        );
        let full = full.expect("rights");
        assert_eq!(full.purposes, vec![PurposeId::parse("devis").expect("a purpose")]);
        assert_eq!((full.recipient.as_deref(), full.reason), (Some("crm"), Some(Reason::CrmSync)));
        assert_eq!(full.expires_days, 365);
        for (change, code) in [
            (r#""purposes":[],"recipient":"crm","reason":"crm-sync""#, ProblemCode::TokenPurposesInvalid),
            (r#""purposes":["x"],"recipient":"crm","reason":"crm-sync""#, ProblemCode::TokenPurposesInvalid),
            (
                r#""purposes":["devis","devis"],"recipient":"crm","reason":"crm-sync""#,
                ProblemCode::TokenPurposesInvalid,
            ),
            // `lettre` does not list the recipient.
            (
                r#""purposes":["devis","lettre"],"recipient":"crm","reason":"crm-sync""#,
                ProblemCode::TokenRecipientInvalid,
            ),
            (r#""purposes":["devis"],"reason":"crm-sync""#, ProblemCode::TokenRecipientInvalid),
            (r#""purposes":["devis"],"recipient":"crm""#, ProblemCode::TokenReasonInvalid),
            (r#""purposes":["devis"],"recipient":"crm","reason":"x""#, ProblemCode::TokenReasonInvalid),
        ] {
            let body = format!(r#"{{"name":"crm","role":"exporter",{change}}}"#);
            assert_eq!(rights(&body), Err(code), "{body}");
        }
    }

    #[test]
    fn other_roles_carry_nothing_and_a_token_is_never_local() {
        assert!(rights(r#"{"name":"it","role":"admin","expires_days":1}"#).is_ok());
        assert!(rights(r#"{"name":"it","role":"viewer","purposes":[],"recipient":null}"#).is_ok());
        for change in [r#""purposes":["devis"]"#, r#""recipient":"crm""#, r#""reason":"audit""#] {
            let body = format!(r#"{{"name":"it","role":"officer",{change}}}"#);
            assert_eq!(rights(&body), Err(ProblemCode::TokenNotExporter), "{body}");
        }
        for role in ["local", "system", "person", "Admin", ""] {
            let body = format!(r#"{{"name":"it","role":"{role}"}}"#);
            assert_eq!(rights(&body), Err(ProblemCode::TokenRoleInvalid), "{role}");
        }
    }

    #[test]
    fn names_are_printable_and_lives_are_bounded() {
        for name in [
            "",
            "   ",
            "crm ",
            "a\\nb",
            "\\u001b[31m",
            "\\u009b2J",
            "\\u202egpj",
            "cr\\u200dm",
            "cr\\u00adm",
            "cr\\u00a0m",
            "crm\\ufe0f",
            "crm\\udb40\\udc41",
            &"x".repeat(65),
        ] {
            let body = format!(r#"{{"name":"{name}","role":"viewer"}}"#);
            assert_eq!(rights(&body), Err(ProblemCode::TokenNameInvalid), "{name}");
        }
        assert!(rights(&format!(r#"{{"name":"{}","role":"viewer"}}"#, "é".repeat(64))).is_ok());
        let days = |days| rights(&format!(r#"{{"name":"it","role":"viewer","expires_days":{days}}}"#));
        assert_eq!(days("30.0").map(|rights| rights.expires_days), Ok(30));
        assert_eq!(days("null").map(|rights| rights.expires_days), Ok(365));
        assert_eq!(days("30.5"), Err(ProblemCode::BodyInvalid));
        assert_eq!(days("1e300"), Err(ProblemCode::BodyInvalid));
        for days in [0, -1, 731] {
            let body = format!(r#"{{"name":"it","role":"viewer","expires_days":{days}}}"#);
            assert_eq!(rights(&body), Err(ProblemCode::TokenExpiryInvalid), "{days}");
        }
        assert_eq!(rights(r#"{"name":"it","role":"viewer","admin":true}"#), Err(ProblemCode::BodyInvalid));
    }
}
